"""A verification in words and as JSON: never more than its evidence holds, and what it does not show beside it.

The JSON form is fixed and read by other programs. Words are for people, and may change.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from audit_core.chain.findings import Severity, Verdict, json_number
from audit_core.cli.terminal import cost, print_line, print_table
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import ChainReport, Finding
    from audit_core.cli.ranges import Span
    from audit_core.table import Reading

__all__ = ["ChainResult", "print_reports", "verification_json"]

_WORDS = {
    Verdict.UNCHAINED: "records without a chain; nothing vouches for them, and the verdict leaves them alone",
    Verdict.INTACT: "no finding in what was checked",
    Verdict.INTACT_WITH_EXPIRY: "no alarm in what was checked; what is gone had expired, as its fences prove",
    Verdict.UNPROVEN: "no alarm, but records are gone and nothing in the table can tell expiry from deletion",
    Verdict.INCOMPLETE: "not everything that was asked for could be checked",
    Verdict.BROKEN: "something was altered, is missing or does not fit; see the findings",
}
_ENDS_SHOWN = 5
_BEYOND = (
    "What none of this can show: records cut off at an end together with their fences, a forged or appended end, an "
    "edit outside the ten hashed fields or a deletion passed off as expiry where no later link names the position, a "
    "rewrite of everything up to an end, a chain removed together with its directory entry. Only a checkpoint kept "
    "outside the table shows these, and none was consulted."
)
_INFERRED = (
    "* inferred from lifetimes: had they been shorter for a while, these could have expired. Declare a lifetime that "
    "was in use once by past_ttl_seconds in [dashboard]."
)


@dataclass(frozen=True, slots=True)
class ChainResult:
    """A chain's report and how it came about: the `span` asked for (None: whole), whether it was `stopped`.

    `unreadable` says that not even the first read succeeded.
    """

    report: ChainReport
    span: Span | None
    stopped: bool
    unreadable: bool


def verification_json(verdict: Verdict, reports: Sequence[ChainReport]) -> dict[str, Any]:
    """Return the fixed JSON form of a verification."""
    return {"verdict": verdict.value, "chains": [_report_json(report) for report in reports]}


def _report_json(report: ChainReport) -> dict[str, Any]:
    summary = asdict(report.summary)
    if report.summary.first_broken_at is not None:
        summary["first_broken_at"] = json_number(report.summary.first_broken_at)
    return {
        "namespace": report.namespace,
        "tenant": report.tenant,
        "verdict": report.verdict.value,
        "records_checked": report.records_checked,
        "first_sequence": report.first_sequence,
        "last_sequence": report.last_sequence,
        "coverage": asdict(report.coverage),
        "findings": [_finding_json(finding) for finding in report.findings],
        "summary": summary,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "sequence_number": json_number(finding.sequence_number),
        "last_sequence_number": json_number(finding.last_sequence_number),
        "record_id": finding.record_id,
        "expected": finding.expected,
        "found": finding.found,
    }


def print_reports(verdict: Verdict, results: Sequence[ChainResult], *, origin: str, listing: Reading) -> None:
    """Print a block for each chain, then the whole: `origin` tells where the list of chains came from."""
    for result in results:
        _print_result(result)
    total = sum((result.report.reading for result in results), listing)
    print_line(f"Verdict: {verdict.value} ({_WORDS[verdict]})", style="bold")
    print_line(f"Chains:  {len(results):,}, {origin}.")
    print_line(f"Read:    {cost(total)}.")
    print_line(_BEYOND)


def _print_result(result: ChainResult) -> None:
    report = result.report
    print_line(visible(f"{report.namespace}#{report.tenant}") + f": {report.verdict.value}", style="bold")
    facts = [("verdict", _WORDS[report.verdict])]
    if report.reason is not None:
        facts.append(("not complete", visible(report.reason)))
    facts += [("checked", line) for line in _checked(result)]
    if report.verdict is not Verdict.UNCHAINED:
        facts.append(("not checked", _not_checked(result)))
    if report.unvouched_ends:
        facts.append(("ends", _ends(report)))
    facts.append(("read", f"{cost(report.reading)}, at {report.at}"))
    for name, words in facts:
        print_line(f"  {name:<13} {words}")
    if report.findings:
        rows = [_finding_row(finding) for finding in report.findings]
        print_table(("finding", "position", "record id", "expected", "found"), rows, indent=2)
        if any(finding.inferred for finding in report.findings):
            print_line(f"  {_INFERRED}")
    print_line()


def _checked(result: ChainResult) -> list[str]:
    report, coverage = result.report, result.report.coverage
    lines = [f"{report.records_checked:,} records, no position"]
    if report.first_sequence is not None:
        by_what = (
            (coverage.full, "covered in full"),
            (coverage.record_hash_only, "by record_hash only (ten fields)"),
            (coverage.expired, "expired, proven by fences"),
            (coverage.unproven, "gone, unproven"),
            (coverage.missing, "missing"),
        )
        lines = [
            f"{report.records_checked:,} records, positions {report.first_sequence:,} to {report.last_sequence:,}",
            ", ".join(f"{count:,} {words}" for count, words in by_what if count) or "nothing covered",
        ]
    if result.span is not None and result.span.note is not None:
        lines.append(result.span.note)
    return lines


def _not_checked(result: ChainResult) -> str:
    report = result.report
    lacking = []
    if result.span is not None:
        lacking.append(f"positions outside {_bounds(result.span)}")
    if not report.thorough:
        fences = "the fences of records that carry a content_hash (--thorough reads them)"
        lacking += [fences] if report.coverage.full else []
    lacking.append("records without a sequence number")
    return "; ".join(lacking)


def _bounds(span: Span) -> str:
    start = "the first" if span.first is None else f"{span.first:,}"
    end = "the last" if span.last is None else f"{span.last:,}"
    return f"{start} to {end}"


def _ends(report: ChainReport) -> str:
    ends = report.unvouched_ends
    listed = ", ".join(f"{end:,}" for end in ends[:_ENDS_SHOWN])
    more = f" and {len(ends) - _ENDS_SHOWN:,} more" if len(ends) > _ENDS_SHOWN else ""
    return f"nothing in the table links back to {listed}{more}: only a checkpoint kept outside vouches for that"


def _finding_row(finding: Finding) -> tuple[str, str, str, str, str]:
    kind = finding.kind.value + ("*" if finding.inferred else "")
    if finding.severity is Severity.INFORMATION:
        kind += " (information)"
    position = str(finding.sequence_number)
    if finding.last_sequence_number != finding.sequence_number:
        position += f" to {finding.last_sequence_number}"
    return kind, position, finding.record_id or "", finding.expected or "", finding.found or ""
