"""The chain strip as values: which state each stretch of positions shows, and where the bad runs are.

Pure functions of a report (DESIGN, *The chain strip*). Every bin shows its worst state, so that one bad record in a
million does not vanish. Where to look closer is `zoom`'s; drawing is left to `figures` and `blocks`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import FindingKind, Severity, Verdict

if TYPE_CHECKING:
    from audit_core.chain.findings import ChainReport, Finding

__all__ = [
    "MAX_BINS",
    "MAX_BLOCKS",
    "Bin",
    "Mark",
    "State",
    "Strip",
    "build_strip",
    "edges_of",
    "extent_of",
    "state_of",
]

MAX_BINS = 512
MAX_BLOCKS = 50
"""Up to so many positions each is a block with its sequence number."""


class State(enum.IntEnum):
    """What a position shows, best first, so that the worst of several is the greatest."""

    VERIFIED = 0
    EXPIRED = 1
    NOT_CHECKED = 2
    UNPROVEN = 3
    GAP = 4
    BROKEN = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """Consecutive positions, inclusive, and the worst state among them."""

    first: int
    last: int
    state: State


@dataclass(frozen=True, slots=True)
class Mark:
    """A run of neighbouring bins that are bad in one way: its positions, inclusive, and the finding it starts with."""

    first: int
    last: int
    state: State
    finding: int


@dataclass(frozen=True, slots=True)
class Strip:
    """All bins in order, and a mark for each bad run. `single` says that each bin is one position."""

    bins: tuple[Bin, ...]
    marks: tuple[Mark, ...]

    @property
    def single(self) -> bool:
        """Whether every position has a block of its own."""
        return len(self.bins) <= MAX_BLOCKS and all(entry.first == entry.last for entry in self.bins)


_GAPS = frozenset((FindingKind.MISSING_RECORD, FindingKind.TRUNCATED_TAIL, FindingKind.SKIPPED_SEQUENCE))


def state_of(finding: Finding) -> State | None:
    """Return the state that a finding gives its positions; None for mere information."""
    if finding.kind is FindingKind.EXPIRED:
        return State.EXPIRED
    if finding.severity is Severity.UNPROVEN:
        return State.UNPROVEN
    if finding.severity is Severity.INFORMATION:
        return None
    return State.GAP if finding.kind in _GAPS else State.BROKEN


def extent_of(report: ChainReport, first: int | None = None, last: int | None = None) -> tuple[int, int] | None:
    """Return the positions of a report's strip, both inclusive, for the range that was asked for (None: all of it).

    None where there is no chain.
    """
    if report.verdict is Verdict.UNCHAINED or (report.last_sequence is None and report.upper_bound is None):
        return None
    start = first or 0
    ends = [end for end in (report.last_sequence, report.upper_bound) if end is not None]
    stop = max(start, min(max(ends), last) if last is not None else max(ends))
    if report.first_sequence is not None and first is None:
        start = min(report.first_sequence, stop)
    return start, stop


def edges_of(window: tuple[int, int]) -> list[int]:
    """Return the first position of each bin of a window, and the position after the last."""
    start, size = window[0], window[1] - window[0] + 1
    number = min(size, MAX_BINS)
    return [start + size * place // number for place in range(number + 1)]


def build_strip(
    report: ChainReport, first: int | None = None, last: int | None = None, zoom: tuple[int, int] | None = None
) -> Strip:
    """Return the strip of a report over the range `first` to `last` that was asked for (None: the whole chain).

    `zoom` is the part of it to look at; what is outside that is left out.
    """
    extent = extent_of(report, first, last)
    if extent is None:
        return Strip((), ())
    start, stop = zoom or extent
    size = stop - start + 1
    edges = edges_of((start, stop))
    number = len(edges) - 1
    states = _judged(report, edges)
    owners: dict[int, int] = {}
    for place, finding in enumerate(report.findings):
        state = state_of(finding)
        if state is None or finding.sequence_number is None or finding.last_sequence_number is None:
            continue
        if zoom is not None and not _touches(finding, extent, zoom):
            continue
        low = _bin_of(int(finding.sequence_number), start, size, number)
        high = _bin_of(int(finding.last_sequence_number), start, size, number)
        for index in range(low, high + 1):
            if state > states[index]:
                states[index] = state
                owners[index] = place
    bins = tuple(Bin(edges[index], edges[index + 1] - 1, states[index]) for index in range(number))
    return Strip(bins, _marks(bins, owners))


def _touches(finding: Finding, extent: tuple[int, int], window: tuple[int, int]) -> bool:
    """Whether a finding belongs into a part of the strip; an intruder's beyond an end belongs to that end."""
    low, high = (
        min(max(int(number or 0), extent[0]), extent[1])
        for number in (finding.sequence_number, finding.last_sequence_number)
    )
    return low <= window[1] and high >= window[0]


def _judged(report: ChainReport, edges: list[int]) -> list[State]:
    """Return the bins' states before any finding: verified where all was judged, else not checked."""
    low, high = report.first_sequence, report.last_sequence
    return [
        State.VERIFIED
        if low is not None and high is not None and low <= edge and edges[index + 1] - 1 <= high
        else State.NOT_CHECKED
        for index, edge in enumerate(edges[:-1])
    ]


def _bin_of(position: int, start: int, size: int, number: int) -> int:
    """Return the bin of a position; an intruder's beyond the ends falls into the nearest."""
    offset = min(max(position - start, 0), size - 1)
    index = offset * number // size
    while index + 1 < number and start + size * (index + 1) // number <= start + offset:
        index += 1
    return index


def _marks(bins: tuple[Bin, ...], owners: dict[int, int]) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for index, entry in enumerate(bins):
        if entry.state < State.UNPROVEN or index not in owners:
            continue
        last = marks[-1] if marks else None
        if last is not None and last.state is entry.state and last.last == entry.first - 1:
            marks[-1] = Mark(last.first, entry.last, last.state, last.finding)
        else:
            marks.append(Mark(entry.first, entry.last, entry.state, owners[index]))
    return tuple(marks)
