"""A verification as a document: JSON for programs, JUnit XML for a build server, one HTML file to print and to keep.

The JSON form is read by others: keys may be added, none changes. What is said, and how carefully, is decided in
`chain.statements` and `chain.words`; here it gets its form. Text out of records is escaped, and what cannot be seen in
it is made visible (CASES 49, 51).
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jinja2

from audit_core import __version__
from audit_core.chain.findings import Verdict, json_number
from audit_core.chain.statements import altered_part, covered, hash_checks, limits, not_covered, where
from audit_core.chain.words import BEYOND, DEMO, FINDINGS, NO_CHAIN, SEVERITIES, VERDICTS
from audit_core.jsonlines import json_item
from audit_core.names import visible

if TYPE_CHECKING:
    from audit_core.chain.findings import ChainReport, Exhibit, Finding, FindingKind
    from audit_core.chain.statements import ChainStatement, Statement
    from audit_core.items import Item
    from audit_core.timestamps import Timestamp

__all__ = ["PROGRAM", "evidence_json", "html_document", "junit_document", "statement_json"]

MOST_OPENED = 100
"""Findings of one chain that the HTML document opens in full."""

MOST_LISTED = 2000
"""Findings of one chain that a document lists."""

PROGRAM = f"audit-dashboard {__version__}"
"""What makes the documents, as they name it."""

_TEMPLATE = Path(__file__).with_name("report.html")


def html_document(statement: Statement, at: Timestamp) -> str:
    """Return one HTML page, with everything in it, made at `at` by this computer's clock."""
    return _template().render(statement=statement, at=at)


def junit_document(statement: Statement, *, allow_unproven: bool = False) -> str:
    """Return JUnit XML in which each chain is a test case.

    A broken chain is a failure, so is an unproven one unless it is allowed; an incomplete one is an error; a tenant
    without a chain is skipped. Where there is no chain at all, one more case fails: nothing was verified.
    """
    suite = ET.Element("testsuite", name=f"audit chains of {visible(statement.source)}")
    cases = [_case(suite, chain, allow_unproven=allow_unproven) for chain in statement.chains]
    if not statement.has_chain:
        case = ET.SubElement(suite, "testcase", classname="audit", name="chains")
        ET.SubElement(case, "error", type="incomplete", message=NO_CHAIN)
        cases.append(case)
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    demo = (DEMO,) if statement.demo else ()
    said = (*demo, f"Chains: {statement.origin}.", f"Read: {statement.reading}.", BEYOND)
    ET.SubElement(suite, "system-out").text = "\n".join(visible(line) for line in said)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def statement_json(statement: Statement) -> dict[str, Any]:
    """Return the JSON form of a verification."""
    return {
        "verdict": statement.verdict.value,
        "chains": [_chain_json(chain) for chain in statement.chains],
        "source": statement.source,
        "demo": statement.demo,
        "program": PROGRAM,
        "origin": statement.origin,
        "reading": asdict(statement.reading),
        "not_shown": BEYOND,
        "explanations": {kind.value: asdict(said) for kind, said in FINDINGS.items() if kind in _kinds(statement)},
    }


def _kinds(statement: Statement) -> set[FindingKind]:
    return {finding.kind for chain in statement.chains for finding in chain.report.findings}


def _chain_json(chain: ChainStatement) -> dict[str, Any]:
    report = chain.report
    summary = asdict(report.summary)
    summary["first_broken_at"] = json_number(report.summary.first_broken_at)
    return {
        "namespace": report.namespace,
        "tenant": report.tenant,
        "verdict": report.verdict.value,
        "records_checked": report.records_checked,
        "first_sequence": report.first_sequence,
        "last_sequence": report.last_sequence,
        "coverage": asdict(report.coverage),
        "findings": [_finding_json(finding, report) for finding in report.findings],
        "summary": summary,
        "thorough": report.thorough,
        "at": str(report.at),
        "reason": report.reason,
        "upper_bound": report.upper_bound,
        "unchained": report.unchained,
        "not_covered": list(not_covered(report, chain.asked)),
        "unvouched_ends": list(report.unvouched_ends),
        "reading": asdict(report.reading),
    }


def _finding_json(finding: Finding, report: ChainReport) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "sequence_number": json_number(finding.sequence_number),
        "last_sequence_number": json_number(finding.last_sequence_number),
        "record_id": finding.record_id,
        "expected": finding.expected,
        "found": finding.found,
        "severity": finding.severity.value,
        "inferred": finding.inferred,
        "evidence": evidence_json(finding, (report.namespace, report.tenant)),
    }


def evidence_json(finding: Finding, chain: tuple[str, str]) -> dict[str, Any] | None:
    """Return what a finding rests on for JSON: typed items, binary as base64, and each hash stored and recomputed."""
    evidence = finding.evidence
    if evidence is None:
        return None
    return {
        "read_at": str(evidence.at),
        "position": _exhibit_json(evidence.exhibit, chain),
        "before": _exhibit_json(evidence.before, chain),
        "after": _exhibit_json(evidence.after, chain),
    }


def _case(suite: ET.Element, chain: ChainStatement, *, allow_unproven: bool) -> ET.Element:
    report = chain.report
    case = ET.SubElement(suite, "testcase", classname=visible(report.namespace), name=visible(report.tenant))
    headline = VERDICTS[report.verdict].headline
    if report.verdict is Verdict.BROKEN or (report.verdict is Verdict.UNPROVEN and not allow_unproven):
        outcome = ET.SubElement(case, "failure", type=report.verdict.value, message=headline)
        outcome.text = "\n".join(_finding_line(finding) for finding in report.findings[:MOST_LISTED])
    elif report.verdict is Verdict.INCOMPLETE:
        ET.SubElement(case, "error", type="incomplete", message=visible(report.reason or headline))
    elif report.verdict is Verdict.UNCHAINED:
        ET.SubElement(case, "skipped", message=headline)
    said = [f"Verdict: {report.verdict.value}", *covered(report), *limits(report, chain.asked), str(report.reading)]
    if len(report.findings) > MOST_LISTED:
        said.insert(1, f"{MOST_LISTED:,} of {len(report.findings):,} findings are listed.")
    ET.SubElement(case, "system-out").text = "\n".join(visible(line) for line in said)
    return case


def _finding_line(finding: Finding) -> str:
    parts = [f"{finding.severity.value} {finding.kind.value} at {where(finding)}"]
    named = (("record", finding.record_id), ("expected", finding.expected), ("found", finding.found))
    parts += [f"{name} {value}" for name, value in named if value]
    return visible(", ".join(parts))


def _exhibit_json(exhibit: Exhibit | None, chain: tuple[str, str]) -> dict[str, Any] | None:
    if exhibit is None:
        return None
    number = exhibit.sequence_number
    return {
        "sequence_number": number if isinstance(number, int) else str(number),
        "records": [json_item(record) for record in exhibit.records],
        "hashes": [
            {check.name: {"stored": check.stored, "recomputed": check.recomputed} for check in checks}
            for checks in (hash_checks(exhibit, record, chain) for record in exhibit.records)
        ],
        "fence": None if exhibit.fence is None else json_item(exhibit.fence),
        "fence_read": exhibit.fence_read,
    }


def _item_text(item: Item) -> str:
    """Return a typed item for people: an attribute a line, by name."""
    typed = json_item(item)
    return "\n".join(visible(f"{name}: {json.dumps(typed[name], ensure_ascii=False)}") for name in sorted(typed))


def _utc(at: Timestamp) -> str:
    """Return a time for people, to the second."""
    return f"{at.normalised[:19].replace('T', ' ')} UTC"


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(utc=_utc, visible=visible)
    environment.globals.update(
        altered_part=altered_part,
        beyond=BEYOND,
        covered=covered,
        demo=DEMO,
        finding_words=FINDINGS,
        hash_checks=hash_checks,
        item_text=_item_text,
        limits=limits,
        most_listed=MOST_LISTED,
        most_opened=MOST_OPENED,
        no_chain=NO_CHAIN,
        program=PROGRAM,
        severity_words=SEVERITIES,
        verdict_words=VERDICTS,
        where=where,
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
