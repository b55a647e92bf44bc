"""Whether the package and the second opinion say the same of a chain that somebody attacked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audit_core.chain.findings import FindingKind, Severity
from tests.second_opinion import runs, second_opinion

if TYPE_CHECKING:
    from audit_core.chain.findings import ChainReport
    from audit_core.retention import Lifetimes
    from audit_core.timestamps import Timestamp
    from tests.chains import Chain
    from tests.second_opinion import Finding
    from tests.tampering import Table

APART = {FindingKind.UNCHAINED_RECORD, FindingKind.LONE_INTENT}
"""Findings that are compared otherwise, or that no attack here is about."""


def disagreement(
    chain: Chain, items: Table, now: Timestamp, lifetimes: Lifetimes, report: ChainReport
) -> tuple[set[Finding], set[Finding]] | None:
    """What only the package says, and what only the second opinion; None where both say the same.

    Verdicts that differ are told as findings. Which of two records the neighbours and the fence of a fork are held
    against is nobody's rule, so of a fork only that it is one is compared.
    """
    opinion = second_opinion(
        items,
        *chain.names,
        now=now.epoch_seconds,
        ttl_seconds=lifetimes.current,
        past_ttl_seconds=lifetimes.past,
        thorough=report.thorough,
    )
    lost = {finding for finding in opinion.apart if finding[0] == FindingKind.COVERAGE_LOST.value}
    theirs = {finding for finding in opinion.findings | lost if finding[0] not in APART}
    ours = set(
        runs(
            (one.kind.value, one.sequence_number, one.last_sequence_number)
            for one in report.findings
            if one.kind not in APART
        )
    )
    if _forked(items, chain):
        ours, theirs = (
            {one for one in said if one[0] == FindingKind.DUPLICATE_SEQUENCE.value} for said in (ours, theirs)
        )
    verdict = report.verdict.value
    ours.add((verdict if verdict != "unchained" else "incomplete", None, None))
    theirs.add((opinion.verdict, None, None))
    alarms = [one for one in report.findings if one.severity is Severity.BREAK]
    ours |= {(f"unchained {one.record_id}", None, None) for one in alarms if one.sequence_number is None}
    theirs |= {(f"unchained {one}", None, None) for one in opinion.unchained}
    return None if ours == theirs else (ours - theirs, theirs - ours)


def _forked(items: Table, chain: Chain) -> bool:
    places = Counter(
        item["sequence_number"].get("N")
        for item in items.values()
        if "sequence_number" in item and item.get("ns_tenant") == {"S": "#".join(chain.names)}
    )
    return any(count > 1 for count in places.values())
