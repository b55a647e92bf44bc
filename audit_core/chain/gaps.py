"""Ranges of sequence numbers without a record, each with what the evidence says of it.

Pure functions over the findings of a report: `verifier` does the judging. A table of gaps needs its findings put
together, since one hole in a chain may hold positions of several fates side by side. What stands beside a gap, and
what its fences say, is read by `exhibits`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from audit_core.chain.findings import ChainReport

__all__ = ["Gap", "GapKind", "GapPart", "GapTotals", "find_gaps", "gap_at", "gap_kind", "gap_totals"]


class GapKind(enum.StrEnum):
    """Why a position has no record, as far as the evidence goes (FORMAT 9)."""

    EXPIRED = "expired"
    UNPROVEN = "unproven"
    DELETED_EARLY = "deleted_early"
    NEVER_WRITTEN = "never_written"
    TRUNCATED = "truncated"


_KIND_OF = {
    FindingKind.EXPIRED: GapKind.EXPIRED,
    FindingKind.EXPIRED_UNPROVEN: GapKind.UNPROVEN,
    FindingKind.MISSING_RECORD: GapKind.DELETED_EARLY,
    FindingKind.SKIPPED_SEQUENCE: GapKind.NEVER_WRITTEN,
    FindingKind.TRUNCATED_TAIL: GapKind.TRUNCATED,
}


@dataclass(frozen=True, slots=True)
class GapPart:
    """Positions of one gap that share a fate, and the finding that says so."""

    kind: GapKind
    finding: Finding

    @property
    def positions(self) -> int:
        """How many sequence numbers it spans."""
        return self.finding.positions


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive positions without a record, `first` to `last`; the records beside it are at `before` and `after`.

    `before` is None at a chain's start; whether a record stands at `after` the chain's end tells.
    """

    first: int
    last: int
    parts: tuple[GapPart, ...]

    @property
    def before(self) -> int | None:
        """The position before the gap, or None at the start of the chain."""
        return self.first - 1 if self.first > 0 else None

    @property
    def after(self) -> int:
        """The position after the gap."""
        return self.last + 1

    @property
    def positions(self) -> int:
        """How many sequence numbers it spans."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class GapTotals:
    """The positions that were judged: `present` have a record, `gone` are counted by what the evidence says of them."""

    present: int
    gone: Mapping[GapKind, int]

    @property
    def missing(self) -> int:
        """How many are gone and TTL cannot be why."""
        return sum(number for kind, number in self.gone.items() if kind not in {GapKind.EXPIRED, GapKind.UNPROVEN})

    @property
    def positions(self) -> int:
        """How many there are in all."""
        return self.present + sum(self.gone.values())


def gap_kind(finding: Finding) -> GapKind | None:
    """Return what a finding says of positions without a record; None where it is about something else."""
    return _KIND_OF.get(finding.kind)


def gap_totals(report: ChainReport) -> GapTotals:
    """Count the positions that a report judged; `present` is what is left when all that are gone are taken away."""
    gone = dict.fromkeys(GapKind, 0)
    for gap in find_gaps(report.findings):
        for part in gap.parts:
            gone[part.kind] += part.positions
    if report.first_sequence is None or report.last_sequence is None:
        return GapTotals(0, gone)
    return GapTotals(report.last_sequence - report.first_sequence + 1 - sum(gone.values()), gone)


def gap_at(gaps: Iterable[Gap], position: int) -> Gap | None:
    """Return the gap that a position lies in."""
    return next((gap for gap in gaps if gap.first <= position <= gap.last), None)


def find_gaps(findings: Iterable[Finding]) -> tuple[Gap, ...]:
    """Put the findings of a report together to gaps, in order; those that are about standing records are left out."""
    parts = sorted(
        (
            (int(finding.sequence_number), int(finding.last_sequence_number), _KIND_OF[finding.kind], finding)
            for finding in findings
            if finding.kind in _KIND_OF
            and finding.sequence_number is not None
            and finding.last_sequence_number is not None
        ),
        key=lambda found: found[:2],
    )
    gaps: list[Gap] = []
    for first, last, kind, finding in parts:
        part = GapPart(kind, finding)
        if gaps and gaps[-1].last + 1 == first:
            gaps[-1] = Gap(gaps[-1].first, last, (*gaps[-1].parts, part))
        else:
            gaps.append(Gap(first, last, (part,)))
    return tuple(gaps)
