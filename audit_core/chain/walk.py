"""Feeds a live table to the verifier: the sequence index in order, and consistently the fences it calls for (FORMAT 9).

All I/O of a verification is here, and no judgement. A walk goes on by steps, so that a page can show progress, and
stop it, between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from audit_core.chain.findings import Verdict
from audit_core.chain.verifier import INTENT, ChainVerifier, Covered
from audit_core.errors import EngineError, FilterError
from audit_core.fences import LOOK_BACK, Fence, fence_id, link_of, read_fences
from audit_core.items import is_count, text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.schema import INDEX_ACTION, INDEX_TIME
from audit_core.table import KeyRange, Reading
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from audit_core.chain.findings import ChainReport, Position
    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Answer, Table
    from audit_core.timestamps import Timestamp

__all__ = ["ChainWalk", "Progress", "sequence_span"]

PAGE = 500
"""Records that one request of a verification reads."""

FENCE_PAGE = 100
END_OF_CHAIN = 100
"""Consecutive positions without a fence after which there is nothing more (FORMAT 9)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: positions passed of `total` (0: not known), records read, breaks found so far."""

    position: int
    total: int
    records: int
    breaks: int


class ChainWalk:
    """One verification of one chain; iterate it to the end, or stop, then ask for the `report`.

    `first` and `last` (inclusive sequence numbers, None: open) narrow it; `thorough` reads every fence. `verifier`
    makes the state machine that is fed, another than `ChainVerifier`; records are then read consistently. Iterating
    yields `Progress` after each step and never raises `EngineError`: what could not be read makes the report
    incomplete. Raises `FilterError` when made, for a range that is empty.
    """

    def __init__(  # noqa: PLR0913 - what a verification is about
        self,
        table: Table,
        namespace: str,
        tenant: str,
        lifetimes: Lifetimes,
        *,
        first: int | None = None,
        last: int | None = None,
        thorough: bool = False,
        verifier: Callable[..., ChainVerifier] | None = None,
    ) -> None:
        for name, bound in (("first", first), ("last", last)):
            if bound is not None and not is_count(bound, 0):
                message = f"The {name} sequence number is {bound!r}; give a whole number from 0."
                raise FilterError(message)
        if first is not None and last is not None and first > last:
            message = f"The range starts at {first}, after it ends at {last}; swap the two."
            raise FilterError(message)
        self._table = table
        self._chain = ns_tenant(namespace, tenant)
        self._names = (namespace, tenant)
        self._first = 0 if first is None else first
        self._last = last
        self._thorough = thorough
        # somebody who makes the verifier wants what it is fed, and that has to be what the table itself holds
        self._consistent = verifier is not None
        self._verifier = (verifier or ChainVerifier)(self._names, lifetimes, first=self._first, last=last)
        self._reading = Reading()
        self._upper: int | None = None
        self._next = self._first
        self._fed = self._first - 1
        self._gap_at: Timestamp | None = None
        self._reason: str | None = "it has not come to its end"
        self._at: Timestamp | None = None
        self._read_at: Timestamp | None = None
        self._unchained = False

    def __iter__(self) -> Iterator[Progress]:
        """Go on step by step."""
        try:
            yield from self._steps()
        except EngineError as error:
            self._reason = str(error)

    def stop(self, reason: str = "it was stopped") -> None:
        """Say why nobody will go on with it."""
        if self._reason is not None:
            self._reason = reason

    @property
    def progress(self) -> Progress:
        """How far it is."""
        bound = self._last if self._last is not None else self._upper
        total = 0 if bound is None else min(bound, self._upper or bound) - self._first + 1
        return Progress(
            max(0, self._next - self._first), max(total, 0), self._verifier.records_checked, self._verifier.breaks
        )

    @property
    def reason(self) -> str | None:
        """Why it has not come to its end, or None when it has."""
        return self._reason

    @property
    def read_at(self) -> Timestamp:
        """The engine's clock at the last answer."""
        return self._read_at or self._table.clock.now()

    @property
    def report(self) -> ChainReport:
        """What was found so far; `incomplete` (or broken) unless it came to its end."""
        covered = Covered(
            thorough=self._thorough,
            upper_bound=self._upper,
            reading=self._reading,
            at=self._at or self._table.clock.now(),
        )
        report = self._verifier.report(covered, reason=self._reason)
        return replace(report, verdict=Verdict.UNCHAINED, reason=None) if self._unchained else report

    # -- the walk -------------------------------------------------------------------------------------------------

    def _steps(self) -> Iterator[Progress]:
        self._upper = self._find_upper()
        yield self.progress
        if self._first:
            self._anchor()
        yield from self._walk_records()
        yield from self._walk_tail()
        if self._verifier.first_position is None and self._verifier.records_checked == 0 and self._first == 0:
            self._unchained = self._has_unchained_records()
        self._verifier.finish()
        self._confirm_intents()
        self._reason = None
        yield self.progress

    def _walk_records(self) -> Iterator[Progress]:
        """Feed the index in order, and the gaps between its records."""
        keys = sequence_range(self._chain, self._first or None, None)
        start: Item | None = None
        held: list[tuple[int, list[Item]]] = []
        while True:
            page = self._spend(self._table.query(keys, limit=PAGE, start=start))
            ended = not self._sort_in(page.items, held) or page.last_key is None
            # the last position stays back: the next page may hold another record that claims it
            ready, held = (held, []) if ended else (held[:-1], held[-1:])
            yield from self._feed(ready, last_of_chain=ended)
            if ended or self._past_range():
                return
            start = page.last_key

    def _sort_in(self, items: Iterable[Item], held: list[tuple[int, list[Item]]]) -> bool:
        """Group records by position; False once they lie past the chain's last position as it was at the start."""
        for item in items:
            position, number = _position(item)
            if self._upper is None or position >= self._upper + 1:
                return False
            if number is None or number < 0:
                self._verifier.intruder(item, position)
            elif held and held[-1][0] == number:
                held[-1][1].append(item)
            else:
                held.append((number, [item]))
        return True

    def _feed(self, positions: Sequence[tuple[int, list[Item]]], *, last_of_chain: bool) -> Iterator[Progress]:
        if self._consistent:
            positions = self._read_again(positions)
        wanted = {
            number
            for place, (number, items) in enumerate(positions)
            if self._thorough
            or len(items) > 1
            or text_of(items[0], "content_hash") is None
            or (last_of_chain and place == len(positions) - 1)
        }
        fences = self._fences(sorted(wanted))[0] if wanted else {}
        for number, items in positions:
            if number > self._next:
                yield from self._walk_gap(number - 1)
            self._stand(number, items, fences.get(number), fence_read=number in wanted)
            self._next = number + 1
            if self._past_range():
                return
        yield self.progress

    def _read_again(self, positions: Sequence[tuple[int, list[Item]]]) -> list[tuple[int, list[Item]]]:
        """Read the records of an index page consistently; what is gone by now is left out, and met as a gap."""
        ids = [text_of(item, "id") or "" for _number, items in positions for item in items]
        found = {text_of(item, "id"): item for item in self._spend(self._table.get_many(ids)).items}
        again = []
        for number, items in positions:
            standing = [found[text_of(item, "id")] for item in items if text_of(item, "id") in found]
            if standing:
                again.append((number, standing))
        return again

    def _walk_tail(self) -> Iterator[Progress]:
        """Feed what fences say of positions after the last record, up to the last fence (FORMAT 9)."""
        if not self._past_range() and (self._upper is None or self._next <= self._upper):
            yield from self._walk_gap(self._upper)

    def _walk_gap(self, last: int | None) -> Iterator[Progress]:
        """Feed positions without a record in the index, by their fences; `last` None: until fences end."""
        lacking = 0
        while last is None or self._next <= last:
            end = self._next + FENCE_PAGE - 1 if last is None else min(last, self._next + FENCE_PAGE - 1)
            fences, self._gap_at = self._fences(range(self._next, end + 1))
            standing = self._confirm_missing(fences)
            for position, fence in sorted(fences.items()):
                if position in standing:
                    self._stand(position, standing[position], fence, fence_read=True)
                else:
                    self._feed_hole(position)
                    self._verifier.gone(position, fence, self._gap_at)
                    self._fed = position
            lacking = 0 if fences else lacking + (end - self._next + 1)
            self._next = end + 1
            yield self.progress
            if self._past_range():
                return
            if lacking >= END_OF_CHAIN:
                # what reaches further, to a later record, is one range and never walked number by number
                self._next = self._next if last is None else last + 1
                return

    def _stand(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        self._feed_hole(position)
        self._verifier.standing(position, records, fence, fence_read=fence_read)
        self._fed = position

    def _feed_hole(self, position: int) -> None:
        """Feed what lies between the last position that was fed and this one: neither fence nor record."""
        if position > self._fed + 1:
            self._verifier.empty(self._fed + 1, position - 1, self._gap_at or self._table.clock.now())

    def _confirm_missing(self, fences: dict[int, Fence]) -> dict[int, list[Item]]:
        """Read once more, consistently, the records that are missing; those that stand after all, by position."""
        named: dict[str, list[int]] = {}
        for position, fence in fences.items():
            named.setdefault(fence.text("record_id") or "", []).append(position)
        named.pop("", None)
        standing: dict[int, list[Item]] = {}
        if named:
            answer = self._spend(self._table.get_many(named))
            for item in answer.items:
                place = whole_number(item.get("sequence_number", {}).get("N"))
                lost = place is None or text_of(item, "ns_tenant") != self._chain
                # one that shows at another position of this chain's index stands there, whatever a fence says
                for position in named[text_of(item, "id") or ""]:
                    if lost or place == position:
                        standing[position] = [item]
        # a bare fence names no record: near the end of the chain, where an index may lag, it is asked again
        recent = [
            position
            for position, fence in fences.items()
            if fence.text("record_id") is None and self._upper is not None and position > self._upper - END_OF_CHAIN
        ]
        if recent:
            for item in self._all(sequence_range(self._chain, min(recent), max(recent))):
                number = _position(item)[1]
                if number in recent:
                    standing.setdefault(number, []).append(item)
        return standing

    # -- where it starts and ends ---------------------------------------------------------------------------------

    def _find_upper(self) -> int | None:
        """Return the chain's last position as it is now: the last record's, or that of the last fence after it."""
        newest = self._spend(self._table.query(sequence_range(self._chain, None, None), limit=1, forward=False))
        self._at = newest.at
        if not newest.items:
            return None
        upper = max(int(_position(newest.items[0])[0]), -1)
        while fences := self._fences(range(upper + 1, upper + 1 + END_OF_CHAIN))[0]:
            upper = max(fences)
        return upper

    def _anchor(self) -> None:
        """Read what the first position of a range links to (FORMAT 9)."""
        below = self._spend(
            self._table.query(sequence_range(self._chain, None, self._first - 1), limit=1, forward=False)
        )
        record = below.items[0] if below.items else None
        position = None if record is None else _position(record)[1]
        horizon = max(0, self._first - LOOK_BACK)
        wanted = set(range(horizon, self._first))
        ahead = self._spend(self._table.query(sequence_range(self._chain, self._first, self._last), limit=1))
        for item in ahead.items:
            number = _position(item)[1]
            link = None if number is None else link_of(item, number)
            if link is not None and 0 <= link[0] < horizon:
                wanted.add(link[0])
        self._verifier.anchor(record, position, self._fences(sorted(wanted))[0], horizon)

    def _past_range(self) -> bool:
        """Whether the range asked for is over, and nothing that follows can still change what was said of it."""
        return self._last is not None and self._next > self._last + 1 and not self._verifier.unsettled

    def _has_unchained_records(self) -> bool:
        by_time = KeyRange(INDEX_TIME, "ns_tenant", self._chain, "dispatched_at_ms")
        return bool(self._spend(self._table.query(by_time, limit=1)).items)

    def _confirm_intents(self) -> None:
        """Ask for an outcome of each open intent once more, in the action index, before it is reported."""
        for action_id in tuple(self._verifier.open_intents):
            keys = KeyRange(INDEX_ACTION, "action_id", action_id, "dispatched_at_ms")
            if not action_id or not any(self._is_outcome(item) for item in self._all(keys)):
                self._verifier.lone_intent(action_id)

    def _is_outcome(self, item: Item) -> bool:
        return text_of(item, "outcome") != INTENT and "_fence" not in item and text_of(item, "ns_tenant") == self._chain

    def _all(self, keys: KeyRange) -> Iterator[Item]:
        """Read a part of an index to its end."""
        start: Item | None = None
        while True:
            page = self._spend(self._table.query(keys, start=start))
            yield from page.items
            start = page.last_key
            if start is None:
                return

    def _fences(self, positions: Iterable[int]) -> tuple[dict[int, Fence], Timestamp]:
        answer = self._spend(self._table.get_many(fence_id(*self._names, position) for position in positions))
        return read_fences(answer.items), answer.at

    def _spend(self, answer: Answer) -> Answer:
        self._reading += answer.reading
        self._read_at = answer.at
        return answer


def sequence_span(
    table: Table, namespace: str, tenant: str, since: Timestamp | None, until: Timestamp | None
) -> tuple[int, int]:
    """Return the range of sequence numbers that a range of dispatch times spans (FORMAT 9), both inclusive.

    Raises `FilterError` when no record of the chain was dispatched then, `EngineError`.
    """
    bounds = (None if bound is None else str(bound.epoch_ms) for bound in (since, until))
    keys = KeyRange(INDEX_TIME, "ns_tenant", ns_tenant(namespace, tenant), "dispatched_at_ms", *bounds)
    lowest: int | None = None
    highest: int | None = None
    start: Item | None = None
    while True:
        page = table.query(keys, start=start)
        for item in page.items:
            number = whole_number(item.get("sequence_number", {}).get("N"))
            if number is not None and number >= 0:
                lowest = number if lowest is None else min(lowest, number)
                highest = number if highest is None else max(highest, number)
        start = page.last_key
        if start is None:
            break
    if lowest is None or highest is None:
        message = "No chained record of this tenant was dispatched in that time; choose another range."
        raise FilterError(message)
    return lowest, highest


def _position(item: Item) -> tuple[Position, int | None]:
    """Return a record's sequence number as stored, and as an integer if it is whole."""
    text = item.get("sequence_number", {}).get("N", "0")
    number = whole_number(text)
    return (Decimal(text) if number is None else number), number
