"""Positions whose record is gone, waiting in runs until their fate is known (FORMAT 9).

A gone position is decided late. Whether lifetimes explain it depends on the next record that stands; whether a bare
fence was stripped, on the next full position, whose link may name it; whether an expiry is proven, on links that lead
to the chain's last full position. Each run is handed out once all that it depends on has been seen. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from audit_core.chain.findings import FindingKind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Absences", "AbsencesState", "Run"]


@dataclass(slots=True)
class Run:
    """Consecutive gone positions of one fate.

    `decided` is the fate once it is known for certain; `unlinked` says that only lifetimes can tell it, and
    `explained`, known once the gap has closed, whether they do. `missing` is what to call the positions if they were
    not removed by TTL. `record_id` and `expected` are those of a single position's fence.
    """

    first: int
    last: int
    decided: FindingKind | None = None
    unlinked: bool = False
    explained: bool | None = None
    missing: FindingKind = FindingKind.MISSING_RECORD
    record_id: str | None = None
    expected: str | None = None

    @property
    def kind(self) -> FindingKind | None:
        """The fate, or None while something can still change it."""
        if self.explained is None:
            return None
        if self.decided is FindingKind.MISSING_RECORD:
            return self.missing
        if self.decided is not None:
            return self.decided
        if not self.unlinked:
            return None
        return FindingKind.EXPIRED_UNPROVEN if self.explained else self.missing

    @property
    def inferred(self) -> bool:
        """Whether it is called missing because of lifetimes alone."""
        return self.decided is None and not self.explained


class AbsencesState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The runs that wait, and by their places in `runs` what each waits for: one may wait for two things."""

    runs: list[Run]
    gap: list[int]
    bare: list[int]
    proofs: list[int]


class Absences:
    """The runs of one chain; `settled` is called with each run whose fate is known."""

    def __init__(self, settled: Callable[[Run], None]) -> None:
        self._settled = settled
        self._gap: list[Run] = []
        self._bare: list[Run] = []
        self._proofs: list[Run] = []

    def state(self) -> AbsencesState:
        """Return a copy of the runs that wait, to be kept in a file."""
        every = {id(run): run for runs in (self._gap, self._bare, self._proofs) for run in runs}
        places = {known: place for place, known in enumerate(every)}
        gap, bare, proofs = ([places[id(run)] for run in runs] for runs in (self._gap, self._bare, self._proofs))
        return AbsencesState([replace(run) for run in every.values()], gap, bare, proofs)

    def restore(self, state: AbsencesState) -> None:
        """Go on from what `state` gave. Raises `IndexError` for one that was damaged."""
        runs = [replace(run) for run in state.runs]
        self._gap, self._bare, self._proofs = (
            [runs[place] for place in places] for places in (state.gap, state.bare, state.proofs)
        )

    @property
    def waiting(self) -> bool:
        """Whether a run is still undecided."""
        return bool(self._gap or self._bare or self._proofs)

    @property
    def in_gap(self) -> bool:
        """Whether a run waits for the gap to end."""
        return bool(self._gap)

    def bare(self, position: int) -> None:
        """A gone record whose fence is bare."""
        self._extend(self._bare, Run(position, position))

    def proof(self, position: int, record_id: str | None, expected: str) -> None:
        """A gone record whose full fence says that its expiry has passed."""
        self._extend(self._proofs, Run(position, position, record_id=record_id, expected=expected))

    def missing(self, first: int, last: int, record_id: str | None = None, expected: str | None = None) -> None:
        """Gone records that TTL cannot have removed."""
        run = Run(first, last, decided=FindingKind.MISSING_RECORD, record_id=record_id, expected=expected)
        self._gap.append(run)

    def linked_to(self, position: int | None, *, root: int | None = None, sealed: bool = False) -> None:
        """A full position links back to `position`, or (None) to nothing that holds.

        Bare fences up to it, since the last full position, were full once: somebody stripped them. Unbroken links lead
        on from it to `root`, so an expiry between the two that no later link names is led to from nowhere; None: from
        nothing. A fence that was sealed, and leads nowhere, takes no proof from the line that goes on beside it.
        """
        if not (self._bare or self._proofs):
            return
        target = -1 if position is None else position
        if root is None:
            self._unlink(self._take_after(self._proofs, -1))
        elif root <= target:
            self._unlink(self._take_after(self._proofs, target))
            if not sealed:
                self._unlink_before(root)
        elif not sealed:
            self._unlink(self._take_after(self._proofs, -1))
        self._unlink(self._take_after(self._bare, target) if position is not None else self._bare)
        if position is not None:
            for run in self._bare:
                self._decide(run, decided=FindingKind.MISSING_RECORD)
        self._bare.clear()

    def disbelieve(self, position: int) -> None:
        """What the fence at `position` says is not believed after all: its record is missing."""
        later = self._take_after(self._proofs, position)
        own = self._take_after(self._proofs, position - 1)
        for run in own:
            self._decide(run, decided=FindingKind.MISSING_RECORD)
        self._proofs.extend(reversed(later))

    def close(self, *, explained: bool, missing: FindingKind) -> None:
        """The gap has ended: whether lifetimes explain it, and what its positions are called if they do not."""
        runs, self._gap = self._gap, []
        for run in runs:
            run.explained, run.missing = explained, missing
            self._hand_out(run)

    def finish(self, root: int) -> None:
        """The chain has ended: what lies on the links from its last full position back to `root` is proven."""
        self._unlink_before(root)
        self._unlink(self._bare)
        for run in self._proofs:
            self._decide(run, decided=FindingKind.EXPIRED)
        self._bare.clear()
        self._proofs.clear()

    def _unlink_before(self, root: int) -> None:
        later = self._take_after(self._proofs, root - 1)
        self._unlink(self._take_after(self._proofs, -1))
        self._proofs.extend(reversed(later))

    def _unlink(self, runs: list[Run]) -> None:
        for run in runs:
            self._decide(run, unlinked=True)

    def _extend(self, runs: list[Run], new: Run) -> None:
        last = runs[-1] if runs else None
        if last is not None and last.last == new.first - 1 and last.explained is None:
            last.last, last.record_id, last.expected = new.last, None, None
            return
        runs.append(new)
        self._gap.append(new)

    def _take_after(self, runs: list[Run], position: int) -> list[Run]:
        """Take the runs after a position off the end of a list, last first, cutting the one that spans it."""
        taken = []
        while runs and runs[-1].last > position:
            run = runs[-1]
            if run.first > position:
                taken.append(runs.pop())
                continue
            tail = replace(run, first=position + 1)
            run.last = position
            if tail.explained is None:
                self._gap.append(tail)
            taken.append(tail)
            break
        return taken

    def _decide(self, run: Run, *, decided: FindingKind | None = None, unlinked: bool = False) -> None:
        run.decided, run.unlinked = decided, unlinked
        self._hand_out(run)

    def _hand_out(self, run: Run) -> None:
        if run.kind is not None:
            self._settled(run)
