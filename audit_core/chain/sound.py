"""The short way to judge a record that is in order, as nearly all are: a third of the time of `judge`, and no finding.

It looks for nothing but reasons to send a record the long way: whatever is not exactly as this package or an Acteon
server writes it goes there, and is judged there. So a rule stands here twice only where leaving it out would let
something pass. Pure; the tests hold what it says to what `judge` says.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from audit_core.chain.judge import Standing
from audit_core.fences import Fence, FenceState, fence_id
from audit_core.hashing import HASHED_ATTRIBUTES
from audit_core.items import ATTRIBUTE_TYPES, INTENT, MAX_NUMBER_DIGITS, REQUIRED_ATTRIBUTES
from audit_core.retention import Lived
from audit_core.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audit_core.items import Item
    from audit_core.timestamps import Timestamp

__all__ = ["sound_standing"]

_FIRST_TEXTS = (
    "action_id",
    "action_type",
    "dispatched_at",
    "id",
    "namespace",
    "outcome",
    "provider",
    "tenant",
    "verdict",
    "ns_tenant",
    "completed_at",
    "record_hash",
)
_FIRST_NUMBERS = ("dispatched_at_ms", "sequence_number")
_NEEDED = {*REQUIRED_ATTRIBUTES, *_FIRST_TEXTS, *_FIRST_NUMBERS}
# a link that names its position is rare, and has rules of its own
_ALLOWED = ATTRIBUTE_TYPES.keys() - {"previous_chain_sequence"}
_TRUE = {"BOOL": True}


class _Layout(NamedTuple):
    """How to read the texts and numbers off items that have the same names: those named above first, in their order."""

    texts: Callable[[Item], tuple[Mapping[str, Any], ...]]
    numbers: Callable[[Item], tuple[Mapping[str, Any], ...]]
    expires: bool


@lru_cache(maxsize=1024)  # the records of a table have a few sets of names
def _layout(names: tuple[str, ...]) -> _Layout | None:
    """Return how to read items with these names; None for those that go the long way."""
    if not _NEEDED <= set(names) <= _ALLOWED or ("expires_at" in names) != ("expires_at_ttl" in names):
        return None
    texts = [name for name in names if ATTRIBUTE_TYPES[name] == "S" and name not in _FIRST_TEXTS]
    numbers = [name for name in names if ATTRIBUTE_TYPES[name] == "N" and name not in _FIRST_NUMBERS]
    return _Layout(itemgetter(*_FIRST_TEXTS, *texts), itemgetter(*_FIRST_NUMBERS, *numbers), "expires_at" in names)


class _UnsoundError(Exception):
    """Something is not as it nearly always is."""


def sound_standing(
    position: int, item: Item, chain: tuple[str, str], fence: Fence | None, *, fence_read: bool
) -> Standing | None:
    """Return what `judge.judge_standing` says of a position with one record that is in order; None says nothing.

    `fence` counts only if it was read: then it has to be bare, and the record without a `content_hash`.
    """
    layout = _layout(tuple(item))
    bare = fence is not None and fence.state is FenceState.BARE
    if layout is None or ("content_hash" in item) is fence_read or bare is not fence_read:
        return None
    try:
        return _standing(position, item, chain, layout)
    except (_UnsoundError, KeyError, TypeError, orjson.JSONEncodeError):
        return None


def _standing(position: int, item: Item, chain: tuple[str, str], layout: _Layout) -> Standing:
    texts = [value["S"] for value in layout.texts(item)]
    numbers = [value["N"] for value in layout.numbers(item)]
    digits = "".join(numbers)
    "".join(texts)  # refuses what is no text
    dispatched = _sound_time(texts[2])
    _sound_time(texts[10])  # completed_at
    began, lifetime = dispatched.epoch_nanos, None
    if layout.expires:
        expires = _sound_time(item["expires_at"]["S"])
        _require(str(expires.epoch_seconds) == item["expires_at_ttl"]["N"])
        lifetime = max(0, expires.epoch_nanos - began)
    previous = item["previous_hash"]["S"] if "previous_hash" in item else None
    linked = item["previous_chain_hash"]["S"] if "previous_chain_hash" in item else None
    _require(
        str(dispatched.epoch_ms) == numbers[0]
        and texts[9] == f"{texts[4]}#{texts[7]}"  # ns_tenant
        and all(numbers)
        and digits.isdecimal()
        and digits.isascii()
        and len(max(numbers, key=len)) <= MAX_NUMBER_DIGITS
        and sum(map(len, item.values())) == len(item)
        and previous != ""
        and linked != ""
    )
    values = dict(zip(HASHED_ATTRIBUTES, (*texts[:6], previous, *texts[6:9]), strict=True))
    values["dispatched_at"] = dispatched.normalised
    _require(hashlib.sha256(orjson.dumps(values)).hexdigest() == texts[11])
    chain_hash = link = None
    if "content_hash" in item:
        rest = dict(item)
        content = rest.pop("content_hash")
        # names and values are such that orjson's order and form are those of RFC 8785 (`hashing.canonical_item`)
        whole = orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)
        _require(hashlib.sha256(whole).hexdigest() == content["S"])
        chain_hash = _chain_hash(item, fence_id(*chain, position))
        link = None if linked is None else (position - 1, linked)
    return Standing(
        position,
        records=1,
        first_id=texts[3],
        last_id=texts[3],
        record_id=texts[3],
        findings=(),
        previous_hash=previous,
        hashes=(texts[11],),
        chain_hash=chain_hash,
        link=link,
        sealed=False,
        hashed=True,
        sound=True,
        by_fence=chain_hash is None,
        bare=True if chain_hash is None else None,
        lived=Lived(began, lifetime),
        began_ms=dispatched.epoch_ms,
        actions=((texts[0], texts[5] == INTENT, texts[3]),),
        placed=(),
    )


def _sound_time(text: str) -> Timestamp:
    read = moment(text)
    if read is None:
        raise _UnsoundError
    return read


def _require(sound: bool) -> None:  # noqa: FBT001 - a condition, said where it is asked for
    if not sound:
        raise _UnsoundError


def _chain_hash(item: Item, own_id: str) -> str:
    """Return the `chain_hash` of a record's full fence, put together in the order in which it is hashed (FORMAT 4)."""
    fence: dict[str, Any] = {"_fence": _TRUE, "content_hash": item["content_hash"], "id": {"S": own_id}}
    if "previous_chain_hash" in item:
        fence["previous_chain_hash"] = item["previous_chain_hash"]
    if "previous_hash" in item:
        fence["previous_hash"] = item["previous_hash"]
    if "expires_at_ttl" in item:
        fence["record_expires_at"] = item["expires_at_ttl"]
    fence["record_hash"] = item["record_hash"]
    fence["record_id"] = item["id"]
    return hashlib.sha256(orjson.dumps(fence)).hexdigest()
