"""A verifier that keeps, of what it is fed, what findings rest on: their positions and the neighbours of each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import Evidence, Exhibit
from audit_core.chain.verifier import ChainVerifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import Finding, Position
    from audit_core.fences import Fence
    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.timestamps import Timestamp

__all__ = ["MOST_EVIDENCE", "Witness"]

MOST_EVIDENCE = 500
"""Findings that the evidence is kept of, in one surrounding: a chain may be broken at every position."""


@dataclass(slots=True)
class _Place:
    """Positions `first` to `last`, and what was read there, before it and after it."""

    first: Position
    last: Position
    exhibit: Exhibit | None = None
    before: Exhibit | None = None
    after: Exhibit | None = None


class Witness(ChainVerifier):
    """A `ChainVerifier` of the surroundings of `findings`, which come in order of their positions."""

    wants_items = True

    def __init__(
        self,
        chain: tuple[str, str],
        lifetimes: Lifetimes,
        findings: Sequence[Finding],
        *,
        first: int = 0,
        last: int | None = None,
    ) -> None:
        super().__init__(chain, lifetimes, first=first, last=last)
        self._places: dict[tuple[Position, Position], _Place] = {}
        for finding in findings[:MOST_EVIDENCE]:
            if finding.sequence_number is not None and finding.last_sequence_number is not None:
                key = (finding.sequence_number, finding.last_sequence_number)
                self._places.setdefault(key, _Place(*key))
        self._ahead = deque(sorted(self._places.values(), key=lambda place: place.first))
        self._open: list[_Place] = []
        self._latest: Exhibit | None = None

    def evidence(self, finding: Finding, at: Timestamp) -> Evidence | None:
        """Return what the finding rests on, read at `at`; None where it is one of too many."""
        if finding.sequence_number is None or finding.last_sequence_number is None:
            return None
        place = self._places.get((finding.sequence_number, finding.last_sequence_number))
        return None if place is None else Evidence(at, place.exhibit, place.before, place.after)

    def anchor(self, record: Item | None, position: int | None, fences: dict[int, Fence], horizon: int) -> None:
        """Start in mid-chain, as `ChainVerifier.anchor` does."""
        before = position if position is not None else max(fences, default=None)
        if before is not None:
            fence = fences.get(before)
            records = () if record is None or position is None else (record,)
            self._latest = Exhibit(before, records, None if fence is None else fence.item, before >= horizon)
        super().anchor(record, position, fences, horizon)

    def intruder(self, item: Item, position: Position) -> None:
        """Take a record that stands at no position; it has no neighbours."""
        place = self._places.get((position, position))
        if place is not None:
            place.exhibit = Exhibit(position, (item,), None, fence_read=False)
        super().intruder(item, position)

    def standing(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        """Take a position that records stand at."""
        self._see(Exhibit(position, tuple(records), None if fence is None else fence.item, fence_read))
        super().standing(position, records, fence, fence_read=fence_read)

    def gone(self, position: int, fence: Fence, now: Timestamp) -> None:
        """Take a position whose record is gone."""
        self._see(Exhibit(position, (), fence.item, fence_read=True))
        super().gone(position, fence, now)

    def _see(self, exhibit: Exhibit) -> None:
        position = exhibit.sequence_number
        while self._ahead and self._ahead[0].first <= position:
            place = self._ahead.popleft()
            place.before = self._latest
            self._open.append(place)
        for place in tuple(self._open):
            if position > place.last:
                place.after = exhibit
                self._open.remove(place)
            elif place.exhibit is None:
                place.exhibit = exhibit
        self._latest = exhibit
