"""What a full position's link may name, and what a link that names something else says (FORMAT 4, 9).

It remembers the nearest full position that was not sealed and the sealed ones after it, since a fence sealed later
never counts as skipped; and of what came since the last full position whatever a link could name by mistake or
because somebody stripped it. Pure; the verifier turns what it says into findings.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import msgspec

from audit_core.chain.findings import FindingKind
from audit_core.fences import LOOK_BACK

__all__ = ["Full", "Link", "LinkVerdict", "Links", "LinksState", "Remark"]

_SEALED_KEPT = 100_000
"""Sealed positions in a row that a link may skip; one that skips more is reported as broken."""

_BARE_KEPT = 2 * LOOK_BACK

Link = tuple[int, str] | None
"""Position and `chain_hash` that a full position links back to."""


class Full(NamedTuple):
    """A full position; a tuple, since a verification makes one of every record.

    `chain_hash` is None where the fence was not believed. `stands`: its record does. `by_fence`: the record alone could
    not rebuild the fence. `root` is the position to which unbroken links lead back from here.
    """

    chain_hash: str | None
    root: int
    stands: bool = True
    by_fence: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to report of another position than the one that links."""

    kind: FindingKind
    position: int
    record_id: str | None
    expected: str
    found: str


class LinkVerdict(NamedTuple):
    """Whether a link `fits`, and where it leads; a tuple, as `Full`.

    `target` is the position that it leads to, None where it leads to none that can be relied on; `proves` says that the
    position's fence is believed, so that expiries before it are led to. `disbelieved` is a gone record's position whose
    fence says other than the link does; `start_vanished` that position 0 was there once, though the chain seemed to
    start at 1.
    """

    fits: bool
    target: int | None = None
    proves: bool = False
    remarks: tuple[Remark, ...] = ()
    disbelieved: int | None = None
    start_vanished: bool = False


class LinksState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `Links` remembers, to be kept in a file and gone on from; pairs of a position and what is known of it."""

    horizon: int
    starts_at_one: bool
    start_unread: bool
    fulls: list[tuple[int, Full]]
    unsealed: int | None
    bare_standing: list[tuple[int, str | None]]
    bare_gone: list[tuple[int, int]]
    otherwise: list[tuple[int, int]]


@dataclass(slots=True)
class Links:
    """The state of one chain's links; `horizon` is the lowest position from which on fences were read."""

    horizon: int = 0
    starts_at_one: bool = False
    start_unread: bool = False
    """The chain seems to start at 1 because its fence there is bare: nothing says that it is the first."""
    _fulls: OrderedDict[int, Full] = field(default_factory=OrderedDict)
    _unsealed: int | None = None
    _bare_standing: OrderedDict[int, str | None] = field(default_factory=OrderedDict)
    _bare_gone: list[tuple[int, int]] = field(default_factory=list)
    _otherwise: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def from_state(cls, state: LinksState) -> Self:
        """Go on from what `state` gave."""
        return cls(
            state.horizon,
            state.starts_at_one,
            state.start_unread,
            OrderedDict(state.fulls),
            state.unsealed,
            OrderedDict(state.bare_standing),
            list(state.bare_gone),
            list(state.otherwise),
        )

    def state(self) -> LinksState:
        """Return a copy of all that is remembered."""
        return LinksState(
            self.horizon,
            self.starts_at_one,
            self.start_unread,
            list(self._fulls.items()),
            self._unsealed,
            list(self._bare_standing.items()),
            list(self._bare_gone),
            list(self._otherwise),
        )

    @property
    def last(self) -> int | None:
        """The last full position."""
        return next(reversed(self._fulls), None)

    @property
    def bare_standing(self) -> tuple[int, ...]:
        """Standing positions with bare fences since the last full one, the latest of them."""
        return tuple(self._bare_standing)

    def full(self, position: int) -> Full | None:
        """Return a full position that a link may name."""
        return self._fulls.get(position)

    def add(self, position: int, full: Full, *, sealed: bool) -> None:
        """Take the next full position."""
        if not sealed:
            self._fulls.clear()
            self._unsealed = position
        self._fulls[position] = full
        if len(self._fulls) > _SEALED_KEPT:
            self._fulls.popitem(last=False)

    def add_bare(self, position: int, record_id: str | None, *, stands: bool) -> None:
        """Take a position whose fence is bare."""
        if not stands:
            _extend(self._bare_gone, position, position)
            return
        self._bare_standing[position] = record_id
        if len(self._bare_standing) > _BARE_KEPT:
            self._bare_standing.popitem(last=False)

    def add_otherwise(self, first: int, last: int) -> None:
        """Take positions that have a finding of their own which explains that a link names them: no fence, or junk."""
        _extend(self._otherwise, first, last)

    def pass_full(self) -> None:
        """Forget what lay between the last full position and the next, once the next one's link was judged."""
        self._bare_standing.clear()
        self._bare_gone.clear()
        self._otherwise.clear()

    def judge(self, position: int, link: Link) -> LinkVerdict:
        """Judge the link of the full position `position`."""
        if link is None:
            # a writer looks back a hundred positions; sealed ones may have been bare when it did
            return LinkVerdict(fits=self._unsealed is None or position - self._unsealed > LOOK_BACK)
        named, linked_hash = link
        if not 0 <= named < position:
            return LinkVerdict(fits=False)
        if named == 0 and self.starts_at_one:
            return LinkVerdict(fits=self.start_unread, target=0, start_vanished=self.start_unread)
        full = self._fulls.get(named)
        if full is None:
            return self._judge_unknown(named)
        return self._judge_full(named, full, linked_hash)

    def _judge_unknown(self, named: int) -> LinkVerdict:
        """Judge a link that names a position which is not full, or lies before the nearest unsealed full one."""
        if self.last is None or named > self.last:
            return LinkVerdict(fits=True, target=named, remarks=self._stripped(named))
        # past the nearest unsealed one only what was full once and has a finding of its own can be named
        known = self._unsealed is None or named > self._unsealed or named < self.horizon
        return LinkVerdict(fits=known)

    def _judge_full(self, named: int, full: Full, linked_hash: str) -> LinkVerdict:
        if full.chain_hash is None:
            return LinkVerdict(fits=True)
        if full.chain_hash == linked_hash:
            return LinkVerdict(fits=True, target=named, proves=True)
        expected, found = f"chain_hash {linked_hash}", f"chain_hash {full.chain_hash}"
        remark = Remark(FindingKind.FENCE_MISMATCH, named, None, expected, found)
        if not full.stands:
            return LinkVerdict(fits=True, remarks=(remark,), disbelieved=named)
        return LinkVerdict(fits=False, remarks=(remark,) if full.by_fence else ())

    def _stripped(self, named: int) -> tuple[Remark, ...]:
        """Say what of a position that a link names though its fence is bare (FORMAT 9)."""
        if _holds(self._otherwise, named):
            return ()
        record_id = self._bare_standing.get(named)
        remarks = [
            Remark(
                FindingKind.FENCE_MISMATCH, named, record_id, "the full fence that the next link names", "a bare one"
            )
        ]
        if not _holds(self._bare_gone, named):
            expected = "the content_hash that the next link calls for"
            remarks.append(Remark(FindingKind.MISSING_HASH, named, record_id, expected, "no content_hash"))
        return tuple(remarks)


def _extend(runs: list[tuple[int, int]], first: int, last: int) -> None:
    if runs and runs[-1][1] == first - 1:
        runs[-1] = (runs[-1][0], last)
    else:
        runs.append((first, last))


def _holds(runs: list[tuple[int, int]], position: int) -> bool:
    return any(first <= position <= last for first, last in runs)
