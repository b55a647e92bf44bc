"""Reads one chain once and feeds a verifier: the index in order, and consistently the fences it calls for (FORMAT 9).

Which steps that takes is decided here, and nothing is judged; single steps are read by `fetch`, ahead of their turn by
`ahead`. What is done with doubtful findings is decided in `walk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from audit_core.chain.ahead import PAGE, in_order, index_pages
from audit_core.chain.fetch import Question, Source, position_of
from audit_core.chain.findings import position_from
from audit_core.chain.judge import Standing
from audit_core.chain.stretch import Stretch
from audit_core.chain.verifier import VerifierState  # noqa: TC001 - msgspec reads annotations while it runs
from audit_core.fences import LOOK_BACK, link_of
from audit_core.items import INTENT, text_of
from audit_core.schema import INDEX_ACTION, INDEX_TIME
from audit_core.table import KeyRange, Reading, pages
from audit_core.timestamps import Timestamp
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from audit_core.chain.fetch import FencePage
    from audit_core.chain.findings import Position
    from audit_core.chain.pool import ReaderPool
    from audit_core.chain.verifier import ChainVerifier
    from audit_core.fences import Fence
    from audit_core.items import Item
    from audit_core.table import Answer, Table

__all__ = ["LAG_SECONDS", "ChainReader", "ReaderState"]

FENCE_PAGE = 100
END_OF_CHAIN = 100
"""Consecutive positions without a fence after which there is nothing more (FORMAT 9)."""

LAG_SECONDS = 30.0
"""How long an index that is eventually consistent is asked again for the records of bare fences (FORMAT 9)."""

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
_NO_NUMBER = "attribute_not_exists(#number)"


class ReaderState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a passage is, to be kept in a file and gone on from.

    `upper` is the chain's last position as it was found, `position` the next one to be fed, `fed` the last one that
    was, `reached` the sequence number of the last record (a text: an intruder's may be 499.5). Times are RFC 3339
    texts.
    """

    upper: int
    position: int
    fed: int
    reached: str | None
    began_at: str | None
    gap_at: str | None
    verifier: VerifierState


@dataclass(frozen=True, slots=True)
class _Claims:
    """Records that claim one position, or that stand at a number that is none; still to be judged."""

    position: Position
    items: list[Item]

    @property
    def is_position(self) -> bool:
        return isinstance(self.position, int) and self.position >= 0


_Place = Standing | Stretch | _Claims


class ChainReader:
    """One passage through one chain, which feeds `verifier`; iterate it to the end.

    `names` is (namespace, tenant); `first` and `last` (inclusive, None: to the end) narrow it. `thorough` reads the
    fence of every record too and, of a whole chain, its tenant's records without a sequence number. `consistent` reads
    records again by their ids. `upper` is the chain's last position, None: it is looked for. `lag_seconds` is how long
    the index may lag behind. Iterating yields after each step and raises `EngineError`. `state` is where another one
    came to: this one goes on from there. `pool` are processes that read pages.
    """

    def __init__(  # noqa: PLR0913 - what a reading is about
        self,
        table: Table,
        names: tuple[str, str],
        verifier: ChainVerifier,
        *,
        first: int = 0,
        last: int | None = None,
        thorough: bool = False,
        consistent: bool = False,
        upper: int | None = None,
        lag_seconds: float = 0.0,
        state: ReaderState | None = None,
        pool: ReaderPool | None = None,
    ) -> None:
        self.verifier = verifier
        self.reading = Reading()
        self.upper = upper
        self.position = first
        """The next position to be fed."""
        self.began_at: Timestamp | None = None
        self.read_at: Timestamp | None = None
        self.only_unchained = False
        """Whether the tenant has records, and no chain."""
        self._table = table
        self._source = Source(table, *names, thorough=thorough, consistent=consistent, pool=pool)
        self._chain = self._source.chain
        self._first = first
        self._last = last
        self._lag_seconds = lag_seconds
        self._wait_until: float | None = None
        self._fed = first - 1
        self._gap_at: Timestamp | None = None
        self._known: dict[int, Fence | None] = {}
        """Fences that were read with their records, None where there is none."""
        self._reached: Position | None = None
        self._fed_before: Position | None = None
        """Up to here another reader fed the records."""
        self._state = state
        self._between = False
        if state is not None:
            self._restore(state)

    def __iter__(self) -> Iterator[None]:
        """Go on step by step."""
        if self._state is None:
            if self.upper is None:
                yield from self._find_upper()
            yield
            if self._first:
                self._anchor()
        self._between = self.upper is not None
        yield from self._walk_records()
        yield from self._walk_tail()
        self._state, self._between = self.state, False
        self.verifier.finish()
        if self._first == 0 and self._last is None:
            if self.verifier.first_position is None and self.verifier.records_checked == 0:
                yield from self._look_for_unchained()
            elif self._source.thorough:
                self.verifier.unchained(self._unchained_records())
        self._confirm_intents()
        yield

    @property
    def state(self) -> ReaderState | None:
        """Where another reader can go on, between two steps; None where it has to begin anew.

        What comes after the chain's last position is always done again.
        """
        if not self._between or self.upper is None:
            return self._state
        return ReaderState(
            upper=self.upper,
            position=self.position,
            fed=self._fed,
            reached=None if self._reached is None else str(self._reached),
            began_at=None if self.began_at is None else self.began_at.normalised,
            gap_at=None if self._gap_at is None else self._gap_at.normalised,
            verifier=self.verifier.state(),
        )

    def _restore(self, state: ReaderState) -> None:
        self.upper, self.position, self._fed = state.upper, state.position, state.fed
        self._reached = self._fed_before = None if state.reached is None else position_from(state.reached)
        self.began_at = None if state.began_at is None else Timestamp.parse(state.began_at)
        self._gap_at = None if state.gap_at is None else Timestamp.parse(state.gap_at)
        self.verifier.restore(state.verifier)

    def _walk_records(self) -> Iterator[None]:
        """Feed the index in order, and the gaps between its records."""
        held: list[_Place] = []
        judged = not self.verifier.wants_items
        first = self._first if self._reached is None else max(self._first, int(self._reached))
        for read in index_pages(self._source, first, self.upper, self._last, judged=judged):
            if read is None:
                yield
                continue
            page, at_end = read
            self._note(page.reading, page.at)
            self._known |= page.fences
            ended = not self._sort_in(page.items, held) or at_end
            # the last position stays back: the next page may hold another record that claims it
            ready, held = (held, []) if ended else (held[:-1], held[-1:])
            yield from self._feed(ready, last_of_chain=ended)
            if ended or self._past_range():
                return

    def _sort_in(self, items: Iterable[Item | Standing | Stretch], held: list[_Place]) -> bool:
        """Group records by position; False once they lie past the chain's last position as it was at the start."""
        for item in items:
            position = item.position if isinstance(item, Standing | Stretch) else position_of(item)[0]
            if self._fed_before is not None and position <= self._fed_before:
                continue
            if isinstance(item, Standing | Stretch):
                held.append(item)
                continue
            if self.upper is None or position >= self.upper + 1:
                return False
            before = held[-1] if held else None
            if isinstance(before, _Claims) and before.position == position:
                before.items.append(item)
            else:
                held.append(_Claims(position, [item]))
        return True

    def _feed(self, places: list[_Place], *, last_of_chain: bool) -> Iterator[None]:
        if last_of_chain:
            self._unjudge_last(places)
        claims = [place for place in places if isinstance(place, _Claims) and place.is_position]
        lacking = {
            int(place.position)
            for place in claims
            if place.position not in self._known and (len(place.items) > 1 or (last_of_chain and place is claims[-1]))
        }
        if lacking:
            fences = self._fences(sorted(lacking))
            self._known |= {number: fences.get(number) for number in lacking}
        for place in places:
            if isinstance(place, _Claims) and not place.is_position:
                for item in place.items:
                    self.verifier.intruder(item, place.position)
                self._reached = place.position
                continue
            number = int(place.position)
            if number > self.position:
                yield from self._walk_gap(number - 1)
            if isinstance(place, _Claims):
                fence_read = number in self._known
                self._stand(number, place.items, self._known.pop(number, None), fence_read=fence_read)
            else:
                self._feed_hole(number)
                if isinstance(place, Stretch):
                    self.verifier.take_stretch(place)
                    number = place.last.position
                else:
                    self.verifier.take(place)
                self._fed = number
            self.position, self._reached = number + 1, number
            if self._past_range():
                return
        yield

    def _unjudge_last(self, places: list[_Place]) -> None:
        """Read the chain's last record anew if it was judged without its fence, which has to be read as well."""
        for place in range(len(places) - 1, -1, -1):
            last = places[place]
            if isinstance(last, Stretch) or (isinstance(last, Standing) and last.bare is None):
                end = last.last.position if isinstance(last, Stretch) else last.position
                anew: list[_Place] = []
                self._sort_in(self._unjudged(sequence_range(self._chain, last.position, end)), anew)
                places[place : place + 1] = anew
                return
            if isinstance(last, Standing) or last.is_position:
                return

    def _unjudged(self, keys: KeyRange) -> Iterator[Item | Standing | Stretch]:
        """Read a part of the index as `_walk_records` does, and judge nothing."""
        start: Item | None = None
        while True:
            page = self._source.page(Question(keys, start, PAGE))
            self._note(page.reading, page.at)
            yield from page.items
            start = page.last_key
            if start is None:
                return

    def _walk_tail(self) -> Iterator[None]:
        """Feed what fences say of positions after the last record, up to the last fence (FORMAT 9)."""
        if not self._past_range() and (self.upper is None or self.position <= self.upper):
            yield from self._walk_gap(self.upper)

    def _walk_gap(self, last: int | None) -> Iterator[None]:
        """Feed positions without a record in the index, by their fences; `last` None: until fences end."""
        lacking = 0
        submit = partial(self._table.submit, self._source.gap)
        for read in in_order(submit, _spans(self.position, last)):
            if read is None:
                yield
                continue
            _span, gap = read
            self._note(gap.reading, gap.at)
            self._gap_at = gap.at
            yield from self._look_in_index(gap)
            for position, fence in sorted(gap.fences.items()):
                if position in gap.standing:
                    self._stand(position, gap.standing[position], fence, fence_read=True)
                else:
                    self._feed_hole(position)
                    self.verifier.gone(position, fence, self._gap_at)
                    self._fed = position
            lacking = 0 if gap.fences else lacking + len(gap.positions)
            self.position = gap.positions.stop
            yield
            if self._past_range():
                return
            if lacking >= END_OF_CHAIN:
                # what reaches further, to a later record, is one range and never walked number by number
                self.position = self.position if last is None else last + 1
                return

    def _stand(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        self._feed_hole(position)
        self.verifier.standing(position, records, fence, fence_read=fence_read)
        self._fed = position

    def _feed_hole(self, position: int) -> None:
        """Feed what lies between the last position that was fed and this one: neither fence nor record."""
        if position > self._fed + 1:
            self.verifier.empty(self._fed + 1, position - 1, self._gap_at or self._table.clock.now())

    def _look_in_index(self, gap: FencePage) -> Iterator[None]:
        """Ask the index again for the records of bare fences near the chain's end, which name none (FORMAT 9).

        It may lag, so it is asked for a while: once for all of them, and not again for those that stay away.
        """
        recent = [
            position
            for position, fence in gap.fences.items()
            if fence.text("record_id") is None and self.upper is not None and position > self.upper - END_OF_CHAIN
        ]
        pause = _FIRST_PAUSE
        while recent:
            for item in self._all(sequence_range(self._chain, min(recent), max(recent))):
                number = position_of(item)[1]
                if number in recent and item not in gap.standing.get(number, ()):
                    gap.standing.setdefault(number, []).append(item)
            recent = [position for position in recent if position not in gap.standing]
            now = self._table.clock.monotonic()
            if self._wait_until is None:
                self._wait_until = now + self._lag_seconds
            self._gap_at = self.read_at
            if not recent or now >= self._wait_until:
                return
            self._table.clock.sleep(min(pause, self._wait_until - now))
            pause = min(2 * pause, _LONGEST_PAUSE)
            yield

    # -- where it starts and ends ---------------------------------------------------------------------------------

    def _find_upper(self) -> Iterator[None]:
        """Find the chain's last position as it is now: the last record's, or that of the last fence after it."""
        newest = self._spend(self._table.query(sequence_range(self._chain, None, None), limit=1, forward=False))
        self.began_at = newest.at
        upper = max(int(position_of(newest.items[0])[0]), -1) if newest.items else -1
        unread = upper + 1
        # no position is asked for twice: writers at work would be run after for as long as they write
        while unread <= upper + END_OF_CHAIN:
            fences = self._fences(range(unread, upper + END_OF_CHAIN + 1))
            unread = upper + END_OF_CHAIN + 1
            upper = max(fences, default=upper)
            yield
        self.upper = upper if newest.items or upper >= 0 else None

    def _anchor(self) -> None:
        """Read what the first position of a range links to (FORMAT 9)."""
        below = self._spend(
            self._table.query(sequence_range(self._chain, None, self._first - 1), limit=1, forward=False)
        )
        record = below.items[0] if below.items else None
        position = None if record is None else position_of(record)[1]
        horizon = max(0, self._first - LOOK_BACK)
        wanted = set(range(horizon, self._first))
        ahead = self._spend(self._table.query(sequence_range(self._chain, self._first, self._last), limit=1))
        for item in ahead.items:
            number = position_of(item)[1]
            link = None if number is None else link_of(item, number)
            if link is not None and 0 <= link[0] < horizon:
                wanted.add(link[0])
        self.verifier.anchor(record, position, self._fences(sorted(wanted)), horizon)

    def _past_range(self) -> bool:
        """Whether the range asked for is over, and nothing that follows can still change what was said of it."""
        return self._last is not None and self.position > self._last + 1 and not self.verifier.unsettled

    def _by_time(self) -> KeyRange:
        return KeyRange(INDEX_TIME, "ns_tenant", self._chain, "dispatched_at_ms")

    def _look_for_unchained(self) -> Iterator[None]:
        """See whether a tenant without a chain has records; a thorough verification counts them."""
        oldest = self._spend(self._table.query(self._by_time(), limit=1)).items
        if any("sequence_number" in item for item in oldest):
            return  # it was written since: a chain has begun
        seen = len(oldest)
        if oldest and self._source.thorough:
            seen = 0
            for page in self._unnumbered():
                seen += len(page)
                yield
        self.verifier.unchained_seen, self.only_unchained = seen, bool(oldest)

    def _unnumbered(self) -> Iterator[Sequence[Item]]:
        """Read what the index by time shows without a sequence number, page by page."""
        names = {"#number": "sequence_number"}
        for page in pages(self._table, self._by_time(), condition=_NO_NUMBER, names=names):
            yield self._spend(page).items

    def _unchained_records(self) -> Iterator[Item]:
        """Read the tenant's records without a sequence number, by time, and each of them once more, consistently."""
        for shown in self._unnumbered():
            for item in self._spend(self._table.get_many(text_of(item, "id") or "" for item in shown)).items:
                if text_of(item, "ns_tenant") == self._chain and "sequence_number" not in item:
                    yield item

    def _confirm_intents(self) -> None:
        """Ask for an outcome of each open intent once more, in the action index, before it is reported."""
        for action_id in tuple(self.verifier.open_intents):
            keys = KeyRange(INDEX_ACTION, "action_id", action_id, "dispatched_at_ms")
            if not action_id or not any(self._is_outcome(item) for item in self._all(keys)):
                self.verifier.lone_intent(action_id)

    def _is_outcome(self, item: Item) -> bool:
        return text_of(item, "outcome") != INTENT and "_fence" not in item and text_of(item, "ns_tenant") == self._chain

    def _all(self, keys: KeyRange) -> Iterator[Item]:
        """Read a part of an index to its end."""
        for page in pages(self._table, keys):
            yield from self._spend(page).items

    def _fences(self, positions: Iterable[int]) -> dict[int, Fence]:
        fences, answer = self._source.fences(positions)
        self._spend(answer)
        return fences

    def _note(self, reading: Reading, at: Timestamp) -> None:
        self.reading += reading
        self.read_at = at

    def _spend(self, answer: Answer) -> Answer:
        self._note(answer.reading, answer.at)
        return answer


def _spans(first: int, last: int | None) -> Iterator[range]:
    """Cut positions from `first` to `last` (None: without end) into what one request reads."""
    while last is None or first <= last:
        end = first + FENCE_PAGE if last is None else min(last + 1, first + FENCE_PAGE)
        yield range(first, end)
        first = end
