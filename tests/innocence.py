"""What must be said of a chain that nobody touched, told from how it was written (FORMAT 4, 9).

In such a chain every fence stands as it was made and every link leads where it says, so the answer is short: nothing is
missing, and what is gone is proven expired if the links lead back to it from the last full position. No code of the
verifier is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.chain.findings import Coverage, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.chain.findings import ChainReport, Finding

Item = dict[str, dict[str, Any]]
Positions = dict[int, tuple[Item | None, Item | None]]

SILENT = frozenset(("expired", "expired_unproven", "lone_intent", "coverage_lost"))
"""Kinds that may be said of a chain that nobody touched."""


@dataclass(frozen=True, slots=True)
class Innocent:
    """What a verification has to say; `ends` are the positions that nothing links back to."""

    verdict: Verdict
    coverage: Coverage
    expired: frozenset[int]
    unproven: frozenset[int]
    lone_intents: frozenset[int]
    ends: frozenset[int]


def innocent(positions: Positions) -> Innocent:
    """Tell what is true of a chain; `positions` holds record and fence of each, records None where they expired."""
    standing = {number: record for number, (record, _fence) in positions.items() if record is not None}
    full = {number: fence for number, (_record, fence) in positions.items() if fence and "chain_hash" in fence}
    links = {number: link(number, fence) for number, fence in full.items()}
    proven = line(links)
    gone = positions.keys() - standing.keys()
    expired = frozenset(gone & proven)
    unproven = frozenset(gone - expired)
    whole = len(standing.keys() & full.keys())
    if not standing and not full:
        verdict = Verdict.INCOMPLETE
    elif unproven:
        verdict = Verdict.UNPROVEN
    else:
        verdict = Verdict.INTACT_WITH_EXPIRY if expired else Verdict.INTACT
    return Innocent(
        verdict,
        Coverage(whole, len(standing) - whole, len(expired), len(unproven)),
        expired,
        unproven,
        lone_intents(standing),
        frozenset((*(full.keys() - set(links.values())), *(() if not positions else (max(positions),)))),
    )


def link(number: int, fence: Item) -> int | None:
    """The position that a full fence links back to."""
    if "previous_chain_hash" not in fence:
        return None
    return int(fence["previous_chain_sequence"]["N"]) if "previous_chain_sequence" in fence else number - 1


def line(links: Mapping[int, int | None]) -> set[int]:
    """The positions that links lead back to, from the last full one."""
    reached: set[int] = set()
    at = max(links, default=None)
    while at is not None:
        reached.add(at)
        at = links[at]
    return reached


def lone_intents(standing: Mapping[int, Item]) -> frozenset[int]:
    answered = {item["action_id"]["S"] for item in standing.values() if item["outcome"]["S"] != "pending"}
    return frozenset(
        number
        for number, item in standing.items()
        if item["outcome"]["S"] == "pending" and item["action_id"]["S"] not in answered
    )


def spanned(finding: Finding) -> range:
    """The positions that a finding names; one of an unchained record, or an intruder's, names none."""
    first, last = finding.sequence_number, finding.last_sequence_number
    return range(first, last + 1) if isinstance(first, int) and isinstance(last, int) else range(0)


def places(report: ChainReport, kind: str) -> frozenset[int]:
    """The positions that findings of one kind name."""
    return frozenset(number for finding in report.findings if finding.kind.value == kind for number in spanned(finding))


def as_told(report: ChainReport) -> Innocent:
    """What a report says, in the same terms."""
    return Innocent(
        report.verdict,
        report.coverage,
        places(report, "expired"),
        places(report, "expired_unproven"),
        places(report, "lone_intent"),
        frozenset(report.unvouched_ends),
    )
