"""A verification on a terminal: never more than its evidence holds, and what it does not show beside it.

What is said is in `chain.statements`; files and JSON are made in `documents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_core.chain.findings import Severity, Verdict
from audit_core.chain.statements import covered, ends, not_covered
from audit_core.chain.words import BEYOND, DEMO, FINDINGS
from audit_core.cli.terminal import print_line, print_table
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import Finding
    from audit_core.chain.statements import ChainStatement, Statement

__all__ = ["print_statement"]

_WORDS = {
    Verdict.UNCHAINED: "records without a chain: nothing vouches for them, and they count for no verdict",
    Verdict.INTACT: "no finding in what was checked",
    Verdict.INTACT_WITH_EXPIRY: "no alarm in what was checked; what is gone was past its lifetime, as its fences prove",
    Verdict.UNPROVEN: "no alarm, but records are gone and nothing in the table can tell expiry from deletion",
    Verdict.INCOMPLETE: "not everything that was asked for could be checked",
    Verdict.BROKEN: "something was altered, is missing or does not fit; see the findings",
}
_NO_CHAIN = "there was no chain to verify"
_INFERRED = (
    "* inferred from lifetimes: had they been shorter for a while, these could have expired. Declare a lifetime that "
    "was in use once by past_ttl_seconds in [dashboard]."
)


def print_statement(statement: Statement) -> None:
    """Print a block for each chain, then the whole."""
    if statement.demo:
        print_line(DEMO, style="bold")
        print_line()
    for chain in statement.chains:
        _print_chain(chain)
    verdict = statement.verdict
    print_line(f"Verdict: {verdict.value} ({_WORDS[verdict] if statement.has_chain else _NO_CHAIN})", style="bold")
    print_line(f"Source:  {visible(statement.source)}.")
    print_line(f"Chains:  {len(statement.chains):,}, {visible(statement.origin)}.")
    print_line(f"Read:    {statement.reading}.")
    print_line(BEYOND)


def _print_chain(chain: ChainStatement) -> None:
    report = chain.report
    print_line(visible(f"{report.namespace}#{report.tenant}") + f": {report.verdict.value}", style="bold")
    facts = [("verdict", _WORDS[report.verdict])]
    if report.reason is not None:
        facts.append(("not complete", visible(report.reason)))
    facts += [("checked", line) for line in covered(report)]
    if chain.note is not None:
        facts.append(("checked", chain.note))
    facts += [("not checked", line) for line in not_covered(report, chain.asked)]
    last = ends(report)
    if last is not None:
        facts.append(("ends", last))
    facts.append(("read", f"{report.reading}, at {report.at}"))
    for name, words in facts:
        print_line(f"  {name:<13} {words}")
    if report.findings:
        rows = [_finding_row(finding) for finding in report.findings]
        print_table(("finding", "position", "record id", "expected", "found"), rows, indent=2)
        _explain(report.findings)
    print_line()


def _explain(findings: Sequence[Finding]) -> None:
    """Say once of each kind of finding what it means, what may be behind it, and what to do."""
    if any(finding.inferred for finding in findings):
        print_line(f"  {_INFERRED}")
    for kind in dict.fromkeys(finding.kind for finding in findings):
        said = FINDINGS[kind]
        print_line(f"  {kind.value}: {said.means}")
        print_line(f"    may be behind it: {said.causes}")
        print_line(f"    what to do: {said.next_step}")


def _finding_row(finding: Finding) -> tuple[str, str, str, str, str]:
    kind = finding.kind.value + ("*" if finding.inferred else "")
    if finding.severity is Severity.INFORMATION:
        kind += " (information)"
    position = "none" if finding.sequence_number is None else str(finding.sequence_number)
    if finding.last_sequence_number != finding.sequence_number:
        position += f" to {finding.last_sequence_number}"
    return kind, position, finding.record_id or "", finding.expected or "", finding.found or ""
