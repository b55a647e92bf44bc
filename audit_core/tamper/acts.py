"""What attackers do to a chain: edits, deletions, exchanges, forgeries and planted items, as functions of a `Target`.

Each gets the position attacked and how far the attacker goes to cover it up. Which of them are tried, and in what
words, is in `attacks`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from audit_core.fences import fence_id
from audit_core.hashing import chain_hash, content_hash, record_hash
from audit_core.tamper.target import Cover

if TYPE_CHECKING:
    from audit_core.tamper.target import Target, TypedItem

__all__ = [
    "Act",
    "append_forgery",
    "cut",
    "delete",
    "delete_and_renumber",
    "delete_and_strip",
    "duplicate",
    "edit",
    "exchange",
    "exchange_fences",
    "forge_expiry",
    "gone",
    "hide",
    "insert_and_renumber",
    "junk",
    "plant_fence",
    "planted_ids",
    "remove_all",
    "slip_in",
    "slip_in_unchained",
    "strip",
    "take_from_another_chain",
]

Act = Callable[["Target", int, Cover], None]
"""What is done at a position, and how far it is covered up."""

FAR = 10**30
"""Where an intruder stands that is far past the end (CASES 55)."""


def planted_ids(names: tuple[str, str]) -> tuple[str, ...]:
    """Return the ids, beside those of the chain's own records and fences, that the acts put items under."""
    return f"{names[1]}-intruder", f"{names[1]}-other", fence_id(*names, FAR)


# -- edits (31, 32, 33) -----------------------------------------------------------------------------------------------


def edit(name: str, value: str) -> Act:
    """Set a text attribute of a record."""

    def act(target: Target, number: int, cover: Cover) -> None:
        target.record(number)[name] = {"S": value}
        target.cover_up(number, cover)

    return act


# -- deletions (34, 36, 61, 62) ---------------------------------------------------------------------------------------


def delete(*, fence: bool, record: bool = True, count: int = 1) -> Act:
    """Delete records, fences or both from a position on."""

    def act(target: Target, number: int, _cover: Cover) -> None:
        for place in range(number, number + count):
            gone = [target.record(place)] if record else []
            for item in [*gone, target.fence(place)] if fence else gone:
                target.drop(item)

    return act


def delete_and_strip(target: Target, number: int, _cover: Cover) -> None:
    """Delete a record, and make its fence bare."""
    target.drop(target.record(number))
    target.bare(number)


def delete_and_renumber(target: Target, number: int, _cover: Cover) -> None:
    """Delete a record, and let everything after it move up by one."""
    last = target.last
    target.drop(target.record(number))
    for place in range(number + 1, last + 1):
        target.record(place)["sequence_number"] = {"N": str(place - 1)}
    target.drop(target.fence(last))
    if number < last:
        target.cover_up(number, Cover.REST)


def cut(*, fences: bool) -> Act:
    """Cut the two last records off."""

    def act(target: Target, _number: int, cover: Cover) -> None:
        delete(fence=fences, count=2)(target, target.last - 1, cover)

    return act


def remove_all(*, fences: bool) -> Act:
    """Delete every record, with `fences` the fences too."""

    def act(target: Target, _number: int, cover: Cover) -> None:
        delete(fence=fences, count=target.last + 1)(target, 0, cover)

    return act


# -- exchanges, copies, insertions (35) -------------------------------------------------------------------------------


def exchange(target: Target, number: int, cover: Cover) -> None:
    """Exchange a record with the one before it (the first with the second)."""
    low, high = (number - 1, number) if number else (0, 1)
    one, two = target.record(low), target.record(high)
    one["sequence_number"], two["sequence_number"] = {"N": str(high)}, {"N": str(low)}
    if cover is Cover.REST:
        target.cover_up(low, cover)
    else:
        target.cover_up(low, cover)
        target.cover_up(high, cover)


def exchange_fences(target: Target, number: int, _cover: Cover) -> None:
    """Exchange a fence with the one before it (the first with the second)."""
    low, high = (number - 1, number) if number else (0, 1)
    one, two = target.fence(low), target.fence(high)
    target.put({**two, "id": one["id"]})
    target.put({**one, "id": two["id"]})


def _twin(target: Target, number: int) -> TypedItem:
    made = deepcopy(target.record(number))
    made["id"] = {"S": f"{target.names[1]}-intruder"}
    return made


def _hashed(item: TypedItem) -> TypedItem:
    item["record_hash"] = {"S": record_hash(item)}
    if "content_hash" in item:
        item["content_hash"] = {"S": content_hash(item)}
    return item


def duplicate(target: Target, number: int, cover: Cover) -> None:
    """Put a copy of a record at its position, under another id."""
    made = _twin(target, number)
    target.put(_hashed(made) if cover else made)


def insert_and_renumber(target: Target, number: int, _cover: Cover) -> None:
    """Insert a forged record at a position; everything from there on moves up by one."""
    made, last = _twin(target, number), target.last
    kept = target.fence(last)
    for place in range(last, number - 1, -1):
        target.record(place)["sequence_number"] = {"N": str(place + 1)}
    target.put(made)
    target.put({**kept, "id": {"S": fence_id(*target.names, last + 1)}})
    target.cover_up(number, Cover.REST)


def take_from_another_chain(target: Target, number: int, cover: Cover) -> None:
    """Put a record of another chain in the place of one, under this chain's names."""
    own = target.record(number)
    other = {**deepcopy(own), "id": {"S": f"{target.names[1]}-other"}, "tenant": {"S": "other"}}
    other["provider"] = {"S": "of another chain"}
    if number:
        other["previous_hash"] = {"S": "ab" * 32}
    target.drop(own)
    target.put({**_hashed(other), "tenant": own["tenant"]})
    target.cover_up(number, cover)


def append_forgery(target: Target, _number: int, cover: Cover) -> None:
    """Append a forged record after the last one: a mere copy, or linked and hashed, or with a fence as well."""
    number = target.last + 1
    made = _twin(target, number - 1)
    made["sequence_number"] = {"N": str(number)}
    target.put(made)
    if cover >= Cover.OWN:
        target.cover_up(number, Cover.REST)
        if cover is Cover.OWN:
            target.drop(target.fence(number))


# -- expiry forged (54, 62) -------------------------------------------------------------------------------------------


def forge_expiry(*, rehash: bool, remove: bool) -> Act:
    """Let a fence say that its record has expired; `rehash` its `chain_hash`, `remove` the record."""

    def act(target: Target, number: int, cover: Cover) -> None:
        fence = target.fence(number)
        fence["record_expires_at"] = {"N": str(target.now.epoch_seconds - 60)}
        if rehash:
            fence["chain_hash"] = {"S": chain_hash(fence)}
        if remove:
            target.drop(target.record(number))
        if cover is Cover.REST and number < target.last:
            _relink_after(target, number)

    return act


def _relink_after(target: Target, number: int) -> None:
    """Recompute everything after a position whose record is gone."""
    for place in range(number + 1, target.last + 1):
        item = target.record(place)
        link = target.link(place)
        if "previous_chain_hash" in item and link is not None:
            item["previous_chain_hash"] = {"S": link[1]}
        _hashed(item)
        target.forge_fence(place)


# -- planted items (36, 55, 56, 57, 58) -------------------------------------------------------------------------------


def slip_in(place: str, *, fence: bool = False) -> Act:
    """Put a record in at a sequence number of any kind, with `fence` a bare fence too."""

    def act(target: Target, _number: int, cover: Cover) -> None:
        made = _twin(target, 2)
        made["sequence_number"] = {"N": place}
        target.put(_hashed(made) if cover else made)
        if fence:
            target.bare(int(place))

    return act


def slip_in_unchained(*, before: bool) -> Act:
    """Put a record in that has no sequence number, dated `before` the chain began or not."""

    def act(target: Target, _number: int, _cover: Cover) -> None:
        made = _twin(target, 2)
        for name in ("sequence_number", "record_hash", "previous_hash", "content_hash"):
            made.pop(name, None)
        for name in ("previous_chain_hash", "previous_chain_sequence"):
            made.pop(name, None)
        if before:
            made["dispatched_at"] = {"S": "2020-01-01T00:00:00+00:00"}
            made["dispatched_at_ms"] = {"N": "1577836800000"}
        target.put(made)

    return act


def hide(name: str) -> Act:
    """Put `_fence` on a record, or take another attribute from it."""

    def act(target: Target, number: int, _cover: Cover) -> None:
        if name == "_fence":
            target.record(number)["_fence"] = {"BOOL": True}
        else:
            del target.record(number)[name]

    return act


def junk(target: Target, number: int, _cover: Cover) -> None:
    """Put an item that is no fence in a fence's place."""
    target.put({"id": {"S": fence_id(*target.names, number)}, "note": {"S": "no fence"}})


def plant_fence(*, full: bool) -> Act:
    """Put a fence behind the last record, bare, or full and saying that its record has expired."""

    def act(target: Target, _number: int, _cover: Cover) -> None:
        number = target.last + 1
        if not full:
            target.bare(number)
            return
        fence: dict[str, Any] = {**deepcopy(target.fence(target.last)), "id": {"S": fence_id(*target.names, number)}}
        link = target.link(number)
        fence["previous_hash"] = target.record(number - 1)["record_hash"]
        fence["record_expires_at"] = {"N": str(target.now.epoch_seconds - 60)}
        if link is not None:
            fence["previous_chain_hash"] = {"S": link[1]}
        fence.pop("previous_chain_sequence", None)
        fence["chain_hash"] = {"S": chain_hash(fence)}
        target.put(fence)

    return act


def strip(*, fence: bool, rest: bool = False) -> Act:
    """Take our hashes off a record, its fence too, or off everything from there on."""

    def act(target: Target, number: int, _cover: Cover) -> None:
        for place in range(number, target.last + 1 if rest else number + 1):
            for name in ("content_hash", "previous_chain_hash", "previous_chain_sequence"):
                target.record(place).pop(name, None)
            if fence:
                target.bare(place)

    return act


def gone(first: int, last: int, *, bare: bool = False, fences: bool = False) -> Act:
    """Take records away, their fences too, or what the fences said."""

    def act(target: Target, _number: int, _cover: Cover) -> None:
        for place in range(first, last + 1):
            target.drop(target.record(place))
            if fences:
                target.drop(target.fence(place))
            elif bare:
                target.bare(place)

    return act
