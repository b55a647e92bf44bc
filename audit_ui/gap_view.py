"""Gaps for the eye: their kinds in plain words, rows of a table, and which positions of one are on the screen.

Pure functions over the gaps of a report. A gap may span a million positions, so that only a window of it is ever read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core import Severity
from audit_core.chain.gaps import GapKind
from audit_core.chain.words import SEVERITIES
from audit_ui.formats import count, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audit_core.chain.gaps import Gap, GapPart

__all__ = ["FATES", "KINDS", "Window", "of_fate", "severity_of", "table_rows", "window_of", "worst_first"]

ENDS = 5
"""Positions shown at each end of a long gap."""

PAGE = 25
"""Positions of a gap that are read at once."""

_WEIGHT = (Severity.BREAK, Severity.UNPROVEN, Severity.INFORMATION)


@dataclass(frozen=True, slots=True)
class KindWords:
    """Why positions have no record: symbol and name, what that says in a sentence, and what it does not say."""

    name: str
    says: str
    does_not_say: str


KINDS: Mapping[GapKind, KindWords] = {
    GapKind.EXPIRED: KindWords(
        "✓ Expired, proven",
        "The lifetime had passed, and the fence proves it.",
        "That what the record held can still be shown, or that its lifetime was as long as a policy asks for.",
    ),
    GapKind.UNPROVEN: KindWords(
        "? Gone, unproven",
        "Expiry can explain it, and nothing proves it.",
        "That it expired: somebody may as well have deleted it. Nor that anything is wrong.",
    ),
    GapKind.DELETED_EARLY: KindWords(
        "✕ Deleted early",
        "The record is gone before its lifetime had passed.",
        "That somebody meant harm: a clean-up job or a faulty migration leaves the same.",
    ),
    GapKind.NEVER_WRITTEN: KindWords(
        "✕ Never written",
        "The number was never used: the next record links past it.",
        "That nothing was ever there: records and fences may have been removed, and the next record made anew.",
    ),
    GapKind.TRUNCATED: KindWords(
        "✕ End cut off",
        "The chain went on here, and its last records are gone too early.",
        "That nothing stood further on: what was cut together with its fences leaves no trace here.",
    ),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """A choice of gaps: its name, and the kinds that it shows."""

    name: str
    kinds: frozenset[GapKind]


FATES: Mapping[str, Fate] = {
    "missing": Fate("✕ Missing", frozenset((GapKind.DELETED_EARLY, GapKind.TRUNCATED, GapKind.NEVER_WRITTEN))),
    "unproven": Fate("? Unproven", frozenset((GapKind.UNPROVEN,))),
    "expired": Fate("✓ Expired", frozenset((GapKind.EXPIRED,))),
}
"""What is gone without a reason, what nobody can tell, and what was allowed to go, by their names in the address."""


def of_fate(gaps: Iterable[Gap], fate: str) -> list[Gap]:
    """Return the gaps that have positions of a fate; all of them where there is none of that name."""
    chosen = FATES.get(fate)
    return [gap for gap in gaps if chosen is None or any(part.kind in chosen.kinds for part in gap.parts)]


@dataclass(frozen=True, slots=True)
class Window:
    """The positions of a gap on the screen, in one or two runs; where the runs before and after start (None: none)."""

    runs: tuple[range, ...]
    earlier: int | None = None
    later: int | None = None

    @property
    def positions(self) -> list[int]:
        """Each position, in order."""
        return [number for run in self.runs for number in run]


def window_of(gap: Gap, start: int | None) -> Window:
    """Return the window from `start` on; its first and last positions for None, or all of them where they are few."""
    if start is None:
        if gap.positions <= PAGE:
            return Window((range(gap.first, gap.last + 1),))
        return Window((range(gap.first, gap.first + ENDS), range(gap.last + 1 - ENDS, gap.last + 1)))
    first = min(max(start, gap.first), gap.last)
    last = min(first + PAGE - 1, gap.last)
    earlier = max(gap.first, first - PAGE) if first > gap.first else None
    return Window((range(first, last + 1),), earlier, last + 1 if last < gap.last else None)


def severity_of(gap: Gap) -> Severity:
    """Return the weight of the worst part of a gap."""
    return min((part.finding.severity for part in gap.parts), key=_WEIGHT.index)


def worst_first(gaps: Iterable[Gap]) -> list[Gap]:
    """Order gaps by weight, then by position."""
    return sorted(gaps, key=lambda gap: (_WEIGHT.index(severity_of(gap)), gap.first))


def table_rows(gaps: Sequence[Gap]) -> list[dict[str, str]]:
    """Return what a table shows of each gap, all of it text."""
    return [
        {
            "Positions": span(gap.first, gap.last),
            "How many": f"{gap.positions:,}",
            "What the evidence says": ", ".join(_part(part, alone=len(gap.parts) == 1) for part in gap.parts),
            "Weight": SEVERITIES[severity_of(gap)],
        }
        for gap in gaps
    ]


def _part(part: GapPart, *, alone: bool) -> str:
    inferred = ", inferred from lifetimes" if part.finding.inferred else ""
    return KINDS[part.kind].name + inferred + ("" if alone else f" ({count(part.positions, 'position')})")
