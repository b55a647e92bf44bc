"""What one step of a verification reads: a page of the index with the fences it calls for, or the fences of a gap.

What a page shows of a position whole is judged where it was read, so that who puts the chain together is handed little.
Nothing is kept from step to step, so steps may be taken ahead, by several threads at once. Which steps are taken is
decided in `ahead`, what they mean in `reader` and the verifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import UNSET

from audit_core.chain.judge import Standing, judge_standing
from audit_core.chain.sound import SoundItem, read_sound, sound_position, sound_standing
from audit_core.chain.stretch import Stretch, joined
from audit_core.fences import Fence, fences_at
from audit_core.items import text_of, whole_number
from audit_core.jsonwire import read_item
from audit_core.names import ns_tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from audit_core.chain.findings import Position
    from audit_core.chain.pool import ReaderPool
    from audit_core.items import Item
    from audit_core.jsonwire import UnreadItem
    from audit_core.table import Answer, KeyRange, Reading, Table
    from audit_core.timestamps import Timestamp

__all__ = ["FencePage", "IndexPage", "Question", "Source", "position_of"]


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Records of the index in order, and the `fences` of those positions whose fences were read, None where it lacks.

    A position that needs nothing more to be judged comes as `Standing`, or in a `Stretch`, and its fence is left out.
    `last_key` is where the index goes on, None at the end of what was asked for; `found` how many records the index
    showed; `reading` what it took, `at` the engine's clock.
    """

    items: tuple[Item | Standing | Stretch, ...]
    fences: dict[int, Fence | None]
    last_key: Item | None
    found: int
    reading: Reading
    at: Timestamp


@dataclass(frozen=True, slots=True)
class FencePage:
    """The fences of `positions`, and the records that they name and that stand after all; fields as in `IndexPage`."""

    positions: range
    fences: dict[int, Fence]
    standing: dict[int, list[Item]]
    reading: Reading
    at: Timestamp


class Question(NamedTuple):
    """A page to be read of a part of the index: from `start` on, so many records at most.

    Positions below `judged_below` are judged where they can be; None: none are.
    """

    keys: KeyRange
    start: Item | None
    limit: int
    judged_below: int | None = None


class _Place(NamedTuple):
    """A record of a page: its sequence number, None where it is no whole one, and what was made of it so far.

    `unread` is what it was made of, if it is not the item itself.
    """

    number: int | None
    found: Item | SoundItem | Standing
    unread: UnreadItem | None = None

    def item(self) -> Item:
        if self.unread is None or not isinstance(self.found, SoundItem | Standing):
            return cast("Item", self.found)
        return read_item(self.unread)


@dataclass(frozen=True, slots=True)
class Source:
    """One chain of a table. `thorough` reads the fence of every record, `consistent` reads records again by their ids.

    `pool` are processes that read pages beside the table's threads. Everything raises `EngineError`.
    """

    table: Table
    namespace: str
    tenant: str
    thorough: bool = False
    consistent: bool = False
    pool: ReaderPool | None = None

    @property
    def chain(self) -> str:
        """The chain's `ns_tenant`."""
        return ns_tenant(self.namespace, self.tenant)

    def submit(self, question: Question) -> Future[IndexPage]:
        """Have a page read by another thread, or another process."""
        page = None if self.pool is None else self.pool.page(self, question)
        return self.table.submit(self.page, question) if page is None else page

    def page(self, question: Question) -> IndexPage:
        """Read one page of the index, and judge what it shows whole."""
        answer = self.table.query_unread(question.keys, limit=question.limit, start=question.start)
        reading, at = answer.reading, answer.at
        # what is below no position is not judged
        below = question.judged_below or 0
        if self.consistent and answer.items:
            shown = [read_item(item) for item in answer.items]
            again = self.table.get_many(text_of(item, "id") or "" for item in shown)
            places = [_Place(position_of(item)[1], item) for item in self._standing(shown, again.items)]
            reading, at = reading + again.reading, again.at
        else:
            places = self._places(answer.items, below)
        fences: dict[int, Fence | None] = dict.fromkeys(
            place.number
            for place in places
            if place.number is not None and place.number >= 0 and self._calls_for_fence(place.found)
        )
        if fences:
            read, more = self.fences(fences)
            fences |= read
            reading, at = reading + more.reading, more.at
        items = tuple(joined(self._judged(places, fences, below)))
        return IndexPage(items, fences, answer.last_key, len(answer.items), reading, at)

    def _calls_for_fence(self, found: Item | SoundItem | Standing) -> bool:
        if isinstance(found, Standing):
            return False
        return self.thorough or isinstance(found, SoundItem) or text_of(found, "content_hash") is None

    def _places(self, items: Sequence[UnreadItem], below: int) -> list[_Place]:
        """Read items in order, and judge at once those below a position that need no fence and are in order."""
        chain = (self.namespace, self.tenant)
        places: list[_Place] = []
        for unread in items:
            sound = read_sound(unread) if below else None
            number = None if sound is None else sound_position(sound)
            found: Item | SoundItem | Standing | None = None
            if sound is not None and number is not None and number < below:
                needs_fence = self.thorough or sound.content_hash is UNSET
                found = sound if needs_fence else sound_standing(number, sound, chain, None, fence_read=False)
            if found is None:
                found = read_item(unread)
                number = position_of(found)[1]
            places.append(_Place(number, found, unread))
        return places

    def _judged(self, places: list[_Place], fences: dict[int, Fence | None], below: int) -> Iterator[Item | Standing]:
        """Judge what stands alone at a position, now that the fences which that calls for were read."""
        chain = (self.namespace, self.tenant)
        for at, place in enumerate(places):
            number, found = place.number, place.found
            # at a page's borders another page may hold a second record of the position
            if number is None or not 0 <= number < below or not _stands_alone(places, at):
                yield place.item()
                continue
            fence_read = number in fences
            fence = fences.pop(number, None)
            standing = found if isinstance(found, Standing) else None
            if isinstance(found, SoundItem):
                standing = sound_standing(number, found, chain, fence, fence_read=fence_read)
            yield standing or judge_standing(number, (place.item(),), chain, fence, fence_read=fence_read)

    def gap(self, positions: range) -> FencePage:
        """Read the fences of positions without a record, and once more the records that full ones name."""
        fences, answer = self.fences(positions)
        reading, at = answer.reading, answer.at
        named: dict[str, list[int]] = {}
        for position, fence in fences.items():
            named.setdefault(fence.text("record_id") or "", []).append(position)
        named.pop("", None)
        chain = self.chain
        standing: dict[int, list[Item]] = {}
        if named:
            answer = self.table.get_many(named)
            reading, at = reading + answer.reading, answer.at  # what is gone is judged by the answer that said so
            for item in answer.items:
                place = whole_number(item.get("sequence_number", {}).get("N"))
                lost = place is None or text_of(item, "ns_tenant") != chain
                # one that shows at another position of this chain's index stands there, whatever a fence says
                for position in named[text_of(item, "id") or ""]:
                    if lost or place == position:
                        standing[position] = [item]
        return FencePage(positions, fences, standing, reading, at)

    def fences(self, positions: Iterable[int]) -> tuple[dict[int, Fence], Answer]:
        """Read the fences of positions, consistently; those that lack are left out."""
        return fences_at(self.table, self.namespace, self.tenant, positions)

    def _standing(self, shown: Sequence[Item], again: Iterable[Item]) -> tuple[Item, ...]:
        """Return what was read again in place of what the index showed; what is gone by now is met as a gap."""
        found = {text_of(item, "id"): item for item in again}
        chain = self.chain
        standing = []
        for item in shown:
            number = position_of(item)[1]
            if number is None or number < 0:  # an intruder, which has no place
                standing.append(item)
                continue
            now = found.get(text_of(item, "id"))
            # one that the index no longer rightly has here stands elsewhere, if at all
            if now is not None and position_of(now)[1] == number and text_of(now, "ns_tenant") == chain:
                standing.append(now)
        return tuple(standing)


def _stands_alone(places: Sequence[_Place], at: int) -> bool:
    """Whether the page shows all that stands at the position of its record `at`."""
    return 0 < at < len(places) - 1 and places[at].number not in {places[at - 1].number, places[at + 1].number}


def position_of(item: Item) -> tuple[Position, int | None]:
    """Return a record's sequence number as stored, and as an integer if it is whole."""
    text = item.get("sequence_number", {}).get("N", "0")
    number = whole_number(text)
    return (Decimal(text) if number is None else number), number
