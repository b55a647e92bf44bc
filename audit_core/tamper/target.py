"""A chain in a table, as somebody sees it who attacks it with put and delete, and forges what hashes call for."""

from __future__ import annotations

import enum
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.fences import bare_fence, fence_id, full_fence, sealed_fence
from audit_core.hashing import content_hash, record_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.timestamps import Timestamp

__all__ = ["Change", "Cover", "Items", "Target", "TypedItem", "changed"]

TypedItem = dict[str, dict[str, Any]]
Items = dict[str, TypedItem]
"""Typed items by their ids, as they are altered."""

Change = dict[str, TypedItem | None]
"""What becomes of items, by their ids; None where one goes."""


class Cover(enum.IntEnum):
    """How far an attacker goes to cover an attack up."""

    NOTHING = 0
    OWN = 1
    FENCE = 2
    REST = 3


@dataclass(slots=True)
class Target:
    """A table under attack, and the chain in it that is attacked."""

    items: Items
    names: tuple[str, str]
    now: Timestamp

    @property
    def pair(self) -> str:
        """`{namespace}#{tenant}`."""
        return "#".join(self.names)

    @property
    def numbers(self) -> list[int]:
        """The whole sequence numbers at which records stand, in order."""
        return sorted(
            int(item["sequence_number"]["N"])
            for item in self.items.values()
            if item.get("ns_tenant") == {"S": self.pair} and item.get("sequence_number", {}).get("N", "").isdigit()
        )

    @property
    def last(self) -> int:
        """The last of them."""
        return self.numbers[-1]

    def record(self, number: int) -> TypedItem:
        """Return the record at a position, to be altered."""
        return next(
            item
            for item in self.items.values()
            if item.get("ns_tenant") == {"S": self.pair} and item.get("sequence_number") == {"N": str(number)}
        )

    def fence(self, number: int) -> TypedItem:
        """Return the fence at a position, to be altered."""
        return self.items[fence_id(*self.names, number)]

    def put(self, item: TypedItem) -> None:
        """Put an item in place of whatever has its id."""
        self.items[item["id"]["S"]] = item

    def drop(self, item: TypedItem) -> None:
        """Delete an item."""
        del self.items[item["id"]["S"]]

    def bare(self, number: int) -> None:
        """Put a bare fence at a position."""
        self.put(bare_fence(*self.names, number))

    def is_bare(self, number: int) -> bool:
        """Whether the fence at a position is bare."""
        return "chain_hash" not in self.fence(number)

    def link(self, number: int) -> tuple[int, str] | None:
        """Position and `chain_hash` of the nearest full fence before a position."""
        for place in range(number - 1, -1, -1):
            fence = self.items.get(fence_id(*self.names, place), {})
            if "chain_hash" in fence:
                return place, fence["chain_hash"]["S"]
        return None

    def cover_up(self, number: int, cover: Cover) -> None:
        """Recompute what an attacker recomputes of a record, of its fence, and of everything after."""
        if cover is Cover.NOTHING:
            return
        for place in [place for place in self.numbers if place >= number] if cover is Cover.REST else [number]:
            item = self.record(place)
            if cover is Cover.REST:
                self._relink(item, place)
            item["record_hash"] = {"S": record_hash(item)}
            if "content_hash" in item:
                item["content_hash"] = {"S": content_hash(item)}
            if cover >= Cover.FENCE:
                self.forge_fence(place)

    def forge_fence(self, number: int) -> None:
        """Write a fence anew as its writer would have, from the record as it is now."""
        item, fence = self.record(number), self.items.get(fence_id(*self.names, number), {})
        if "sealed_at" in fence:
            link, when = self.link(number), fence["sealed_at"]["S"]
            self.put(sealed_fence(item, bare_fence(*self.names, number), number, link=link, sealed_at=when))
        elif "content_hash" in item:
            self.put(full_fence(item, *self.names, number))
        else:
            self.bare(number)

    def _relink(self, item: TypedItem, number: int) -> None:
        item.pop("previous_hash", None)
        if number:
            item["previous_hash"] = self.record(number - 1)["record_hash"]
        if "content_hash" not in item:
            return
        for name in ("previous_chain_hash", "previous_chain_sequence"):
            item.pop(name, None)
        link = self.link(number)
        if link is not None:
            item["previous_chain_hash"] = {"S": link[1]}
            if link[0] != number - 1:
                item["previous_chain_sequence"] = {"N": str(link[0])}


def changed(target: Target, act: Callable[[Target], None]) -> Change:
    """What an act changes in a table, which itself stays as it is."""
    attacked = Target(deepcopy(target.items), target.names, target.now)
    act(attacked)
    ids = dict.fromkeys((*target.items, *attacked.items))
    return {name: attacked.items.get(name) for name in ids if attacked.items.get(name) != target.items.get(name)}
