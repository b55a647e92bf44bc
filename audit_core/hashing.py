"""The three hashes of FORMAT 3 and 4, over typed items as the low-level API returns them.

Pure functions. Nothing here judges whether a stored hash is right; `chain.verifier` does.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
import rfc8785

from audit_core.errors import RecordError
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from audit_core.items import Item

__all__ = [
    "HASHED_ATTRIBUTES",
    "canonical_item",
    "chain_hash",
    "content_hash",
    "record_canonical",
    "record_hash",
    "same_item",
]

HASHED_ATTRIBUTES = (
    "action_id",
    "action_type",
    "dispatched_at",
    "id",
    "namespace",
    "outcome",
    "previous_hash",
    "provider",
    "tenant",
    "verdict",
)
"""The ten attributes under `record_hash`, in the order in which they are hashed (FORMAT 3)."""

_texts_hashed = itemgetter(*(name for name in HASHED_ATTRIBUTES if name != "previous_hash"))
_SCALARS = frozenset(("S", "N", "BOOL", "NULL"))
_SETS = frozenset(("SS", "NS", "BS"))


def record_canonical(item: Item) -> bytes:
    """Return the bytes under `record_hash`: compact JSON of the ten attributes, `dispatched_at` normalised.

    Raises `RecordError` when an attribute is missing or is no text, `TimestampError` when the time cannot be read.
    """
    try:
        texts = [value["S"] for value in _texts_hashed(item)]
        previous = [item["previous_hash"]["S"]] if "previous_hash" in item else []
        "".join(texts + previous)  # refuses what is no text
    except (KeyError, TypeError):
        values = _values_hashed(item)
    else:
        values = dict(zip(HASHED_ATTRIBUTES, (*texts[:6], *(previous or (None,)), *texts[6:]), strict=True))
    values["dispatched_at"] = Timestamp.parse(values["dispatched_at"]).normalised
    try:
        return orjson.dumps(values)
    except orjson.JSONEncodeError as error:
        message = "The record holds text that is not valid Unicode (a lone surrogate), so it cannot be hashed."
        raise RecordError(message) from error


def _values_hashed(item: Item) -> dict[str, Any]:
    """Return the ten attributes one by one; raises `RecordError` that names the one that is wrong."""
    values: dict[str, Any] = {}
    for name in HASHED_ATTRIBUTES:
        attribute = item.get(name)
        if attribute is None:
            if name != "previous_hash":
                message = f"The record has no {name}, so its record_hash cannot be computed."
                raise RecordError(message)
            values[name] = None
            continue
        text = attribute.get("S") if hasattr(attribute, "get") else None
        if not isinstance(text, str):
            message = f"The record's {name} is not text (S), so its record_hash cannot be computed."
            raise RecordError(message)
        values[name] = text
    return values


def record_hash(item: Item) -> str:
    """Return the `record_hash` of a typed item, 64 lower-case hex digits (FORMAT 3).

    Raises `RecordError` or `TimestampError` as `record_canonical` does.
    """
    return hashlib.sha256(record_canonical(item)).hexdigest()


def canonical_item(item: Item, without: str) -> bytes:
    """Return the RFC 8785 form of a typed map without the attribute `without` (FORMAT 4).

    Members of sets are sorted as JSON strings by their UTF-8 bytes, binary is written as base64.
    """
    rest = dict(item)
    rest.pop(without, None)
    try:
        plain = _SCALARS.issuperset(set().union(*rest.values())) and sum(map(len, rest.values())) == len(rest)
        # orjson sorts by code points, RFC 8785 by UTF-16 units: the same for ASCII names, and much faster
        if plain and _are_ascii(tuple(rest)):
            return orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps({name: _ordered(value) for name, value in rest.items()})
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        message = "The item holds a value that has no canonical form (a lone surrogate, or no typed value)."
        raise RecordError(message) from error


@lru_cache(maxsize=1024)  # the items of a table have a few sets of names
def _are_ascii(names: tuple[str, ...]) -> bool:
    return "".join(names).isascii()


def content_hash(item: Item) -> str:
    """Return the `content_hash` of a record's typed item: over every attribute but itself (FORMAT 4)."""
    return hashlib.sha256(canonical_item(item, "content_hash")).hexdigest()


def chain_hash(fence: Item) -> str:
    """Return the `chain_hash` of a full fence's typed item: over every attribute but itself (FORMAT 4)."""
    return hashlib.sha256(canonical_item(fence, "chain_hash")).hexdigest()


def same_item(new: Item, old: Item, *, but: Container[str] = ()) -> bool:
    """Whether two items agree on every attribute `but` those; the members of a set have no order."""
    one, other = ({name: value for name, value in item.items() if name not in but} for item in (new, old))
    try:
        return one == other or canonical_item(one, "") == canonical_item(other, "")
    except RecordError:
        return False


def _ordered(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed value with its sets sorted and its binary as base64, at any depth."""
    ordered: dict[str, Any] = {}
    for kind, held in value.items():
        if kind in _SETS:
            ordered[kind] = sorted((_text(member) for member in held), key=orjson.dumps)
        elif kind == "B":
            ordered[kind] = _text(held)
        elif kind == "L":
            ordered[kind] = [_ordered(member) for member in held]
        elif kind == "M":
            ordered[kind] = {name: _ordered(member) for name, member in held.items()}
        else:
            ordered[kind] = held
    return ordered


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode("ascii")
