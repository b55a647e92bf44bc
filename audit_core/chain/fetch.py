"""What one step of a verification reads: a page of the index with the fences it calls for, or the fences of a gap.

Nothing is kept from step to step, so steps may be taken ahead, by several threads at once. Which steps are taken is
decided in `ahead`, what they mean in `reader` and the verifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from audit_core.fences import Fence, fences_at
from audit_core.items import text_of, whole_number
from audit_core.names import ns_tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audit_core.chain.findings import Position
    from audit_core.items import Item
    from audit_core.table import Answer, KeyRange, Reading, Table
    from audit_core.timestamps import Timestamp

__all__ = ["FencePage", "IndexPage", "Source", "position_of"]


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Records of the index in order, and the `fences` of those positions whose fences were read, None where it lacks.

    `last_key` is where the index goes on, None at the end of what was asked for; `found` how many records the index
    showed; `reading` what it took, `at` the engine's clock.
    """

    items: tuple[Item, ...]
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


@dataclass(frozen=True, slots=True)
class Source:
    """One chain of a table. `thorough` reads the fence of every record, `consistent` reads records again by their ids.

    Everything raises `EngineError`.
    """

    table: Table
    namespace: str
    tenant: str
    thorough: bool = False
    consistent: bool = False

    @property
    def chain(self) -> str:
        """The chain's `ns_tenant`."""
        return ns_tenant(self.namespace, self.tenant)

    def page(self, keys: KeyRange, start: Item | None, limit: int) -> IndexPage:
        """Read one page of a part of the index, from `start` on."""
        answer = self.table.query(keys, limit=limit, start=start)
        items, reading, at = answer.items, answer.reading, answer.at
        if self.consistent and items:
            again = self.table.get_many(text_of(item, "id") or "" for item in items)
            items, reading, at = self._standing(items, again.items), reading + again.reading, again.at
        positions = dict.fromkeys(
            number
            for item in items
            if self.thorough or text_of(item, "content_hash") is None
            if (number := position_of(item)[1]) is not None and number >= 0
        )
        if not positions:
            return IndexPage(items, {}, answer.last_key, len(answer.items), reading, at)
        fences, more = self.fences(positions)
        read = {number: fences.get(number) for number in positions}
        return IndexPage(items, read, answer.last_key, len(answer.items), reading + more.reading, more.at)

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


def position_of(item: Item) -> tuple[Position, int | None]:
    """Return a record's sequence number as stored, and as an integer if it is whole."""
    text = item.get("sequence_number", {}).get("N", "0")
    number = whole_number(text)
    return (Decimal(text) if number is None else number), number
