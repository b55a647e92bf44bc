"""Typed items: which attributes FORMAT 2 calls for, what is wrong with one that is not so, and what it weighs.

An item is a typed map as the low-level API returns it, `{"id": {"S": "…"}, "duration_ms": {"N": "42"}}`. Turning one
into a record is the job of `records`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from audit_core.errors import RecordError
from audit_core.names import require_text
from audit_core.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "INTENT",
    "Item",
    "check_attribute",
    "item_size",
    "plain_number",
    "shape_problems",
    "source_problems",
    "text_of",
    "whole_number",
]

Item = Mapping[str, Mapping[str, Any]]
"""A typed map."""

INTENT = "pending"
"""The outcome of an intent record (FORMAT 2)."""

MAX_ITEM_BYTES = 400 * 1024
MAX_NUMBER_DIGITS = 38
MAX_NUMBER_EXPONENT = 125
MIN_NUMBER_EXPONENT = -130
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
MAX_NESTING = 32
TEXT_FIELDS = ("id", "action_id", "namespace", "tenant", "provider", "action_type", "verdict", "outcome")
OPEN_TEXT_FIELDS = ("caller_id", "auth_method")
JSON_FIELDS = ("verdict_details", "outcome_details", "metadata")
OPTIONAL_JSON_FIELDS = ("action_payload", "attachment_metadata")
OPTIONAL_TEXT_FIELDS = ("chain_id", "matched_rule", "signature", "signer_id", "kid", "canonical_hash")
_TIME_FIELDS = frozenset(("dispatched_at", "completed_at", "expires_at"))
HASH_FIELDS = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash")

ATTRIBUTE_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (*TEXT_FIELDS, *OPEN_TEXT_FIELDS, *JSON_FIELDS, "ns_tenant", "dispatched_at", "completed_at"), "S"
        ),
        **dict.fromkeys((*OPTIONAL_TEXT_FIELDS, *OPTIONAL_JSON_FIELDS, *HASH_FIELDS, "expires_at"), "S"),
        **dict.fromkeys(("dispatched_at_ms", "duration_ms", "expires_at_ttl", "sequence_number"), "N"),
        "previous_chain_sequence": "N",
    }
)
"""The type of each attribute of FORMAT 2."""

KNOWN_ATTRIBUTES = frozenset(ATTRIBUTE_TYPES)
REQUIRED_ATTRIBUTES = (
    *TEXT_FIELDS,
    *OPEN_TEXT_FIELDS,
    *JSON_FIELDS,
    "ns_tenant",
    "dispatched_at",
    "completed_at",
    "dispatched_at_ms",
    "duration_ms",
)


class _Shape(NamedTuple):
    """How to read all attributes of FORMAT 2 off items that have the same names: what most records are, at once."""

    hashes: int
    texts: Callable[[Item], tuple[Mapping[str, Any], ...]]
    """The texts but the times, the first `hashes` of them hashes."""
    numbers: Callable[[Item], tuple[Mapping[str, Any], ...]]
    times: Callable[[Item], tuple[Mapping[str, Any], ...]]


@lru_cache(maxsize=1024)  # the records of a table have a few sets of names
def _shape(names: tuple[str, ...]) -> _Shape | None:
    """Return how to read items with these names; None for ones that are no records."""
    if "_fence" in names or not set(REQUIRED_ATTRIBUTES).issubset(names):
        return None
    hashes = [name for name in names if name in HASH_FIELDS]
    texts = [name for name in names if ATTRIBUTE_TYPES.get(name) == "S" and name not in (*HASH_FIELDS, *_TIME_FIELDS)]
    numbers = [name for name in names if ATTRIBUTE_TYPES.get(name) == "N"]
    times = [name for name in names if name in _TIME_FIELDS]
    return _Shape(len(hashes), itemgetter(*hashes, *texts), itemgetter(*numbers), itemgetter(*times))


def _is_sound(item: Item) -> bool:
    """Whether an item is a record, told the short way; False says nothing."""
    shape = _shape(tuple(item))
    if shape is None:
        return False
    try:
        texts = [value["S"] for value in shape.texts(item)]
        numbers = [value["N"] for value in shape.numbers(item)]
        times = [value["S"] for value in shape.times(item)]
        "".join(texts + times)  # refuses what is no text
        digits = "".join(numbers)
    except (KeyError, TypeError):
        return False
    whole = all(numbers) and digits.isascii() and digits.isdecimal() and max(map(len, numbers)) <= MAX_NUMBER_DIGITS
    return whole and all(texts[: shape.hashes]) and None not in map(moment, times)


def shape_problems(item: Item) -> tuple[str, ...]:
    """Say which attributes of FORMAT 2 are missing or of the wrong type; empty when the item is a record."""
    if _is_sound(item):
        return ()
    problems = [f"{name} is missing" for name in REQUIRED_ATTRIBUTES if name not in item]
    for name, value in item.items():
        wanted = ATTRIBUTE_TYPES.get(name)
        if wanted is None:
            continue
        problem = _problem(name, value, wanted)
        if problem is not None:
            problems.append(f"{name} {problem}")
    if "_fence" in item:
        problems.append("_fence stands on a record")
    sequence = whole_number(item.get("sequence_number", {}).get("N"))
    if sequence is not None and sequence < 0:
        problems.append("sequence_number is below 0")
    return tuple(problems)


def _problem(name: str, value: Mapping[str, Any], wanted: str) -> str | None:
    """Say what is wrong with an attribute that FORMAT 2 names; None when nothing is."""
    held = value.get(wanted)
    problem = None
    if wanted not in value:
        problem = f"is of type {next(iter(value), '?')}, not {wanted}"
    elif wanted == "N":
        problem = None if whole_number(held) is not None else "is not a whole number"
    elif not isinstance(held, str):
        problem = "is not text"
    elif name in _TIME_FIELDS:
        problem = None if moment(held) else "is not an RFC 3339 time"
    elif not held and name in HASH_FIELDS:
        problem = "is empty instead of absent"
    return problem


def source_problems(item: Item) -> tuple[str, ...]:
    """Say which derived attributes disagree with their sources: `ns_tenant`, `dispatched_at_ms`, `expires_at_ttl`."""
    problems = []
    namespace, tenant, stored_pair = text_of(item, "namespace"), text_of(item, "tenant"), text_of(item, "ns_tenant")
    if None not in {namespace, tenant, stored_pair} and stored_pair != f"{namespace}#{tenant}":
        problems.append("ns_tenant does not agree with namespace and tenant")
    for source, derived in (("dispatched_at", "dispatched_at_ms"), ("expires_at", "expires_at_ttl")):
        text, stored = text_of(item, source), item[derived].get("N") if derived in item else None
        if text is not None and stored is not None:
            read = moment(text)
            wanted = None if read is None else read.epoch_ms if source == "dispatched_at" else read.epoch_seconds
            if wanted is not None and stored != str(wanted) and whole_number(stored) != wanted:
                problems.append(f"{derived} does not agree with {source}")
        elif source == "expires_at" and (text, stored) != (None, None) and not item.keys() >= {source, derived}:
            problems.append(f"{derived if stored is None else source} is absent though the other of the two is there")
    return tuple(problems)


def text_of(item: Item, name: str) -> str | None:
    """Return an attribute's text when it is a text (S), else None."""
    text = item.get(name, {}).get("S")
    return text if isinstance(text, str) else None


def whole_number(text: object) -> int | None:
    """Return the integer that a number's text means, or None when it is none (`1E+2` is 100, `499.5` is none)."""
    text = str(text)
    if len(text) <= MAX_NUMBER_DIGITS and text.isdecimal() and text.isascii():
        return int(text)  # nearly all of them
    number = _decimal(text)
    if number is None or not number.is_finite() or number.adjusted() > MAX_NUMBER_EXPONENT:
        return None
    return int(number) if number == number.to_integral_value() else None


def is_count(value: object, least: int, most: int | None = None) -> bool:
    """Whether a value is an integer, no boolean, from `least` to `most` inclusive (CASES 22)."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return least <= value and (most is None or value <= most)


def item_size(item: Item) -> int:
    """Return the bytes that DynamoDB counts for an item: attribute names and values (its item-size rules).

    Numbers are counted at their most, half a byte a digit and three more, so that the result never undercounts.
    """
    texts = [value["S"] for value in item.values() if "S" in value]
    others = sum(_value_size(value) for value in item.values() if "S" not in value)
    return len("".join((*item, *texts)).encode()) + others


def plain_number(text: str) -> str | None:
    """Return a number as the engine returns it: plain decimal, no exponent, no needless zeros, no `-0` (FORMAT 2).

    None means that DynamoDB cannot keep it: no number, more than 38 digits, or out of range.
    """
    number = _decimal(text) if _NUMBER.fullmatch(text) else None
    if number is None:
        return None
    if not number:
        return "0"
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > MAX_NUMBER_DIGITS or not MIN_NUMBER_EXPONENT <= number.adjusted() <= MAX_NUMBER_EXPONENT:
        return None
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def check_attribute(name: str, value: object, depth: int = 0) -> None:
    """Raise `RecordError` for a typed value that DynamoDB would refuse, or not keep as it is (CASES 6, 8, 9)."""
    if depth > MAX_NESTING:
        message = f"The attribute {name[:40]!r} nests deeper than DynamoDB's 32 levels."
        raise RecordError(message)
    kind, held = next(iter(value.items())) if isinstance(value, Mapping) and len(value) == 1 else (None, None)
    match kind, held:
        case "S", str():
            require_text(name, held)
        case "N", str():
            _check_number(name, held)
        case ("B", bytes()) | ("BOOL", bool()) | ("NULL", True):
            pass
        case (("SS" | "NS" | "BS"), (list() | tuple() | AbstractSet())) if held:
            _check_set(name, kind[0], held)
        case "L", (list() | tuple()):
            for member in held:
                check_attribute(name, member, depth + 1)
        case "M", Mapping():
            for key, member in held.items():
                require_text(name, key)
                check_attribute(name, member, depth + 1)
        case _:
            message = (
                f"{name[:40]!r} holds no typed value that DynamoDB takes; give one such as "
                "{'S': 'text'}, {'N': '1'} or {'BOOL': true}."
            )
            raise RecordError(message)


def _check_set(name: str, kind: str, members: Collection[Any]) -> None:
    for member in members:
        check_attribute(name, {kind: member})
    if len(set(members)) < len(members):
        message = f"The set {name[:40]!r} holds a member twice, which DynamoDB refuses; leave one."
        raise RecordError(message)


def _check_number(name: str, text: str) -> None:
    plain = plain_number(text)
    if plain is None:
        message = f"{name[:40]!r} holds a number that DynamoDB cannot keep in 38 digits; store it as text."
        raise RecordError(message)
    if plain != text:
        message = f"{name[:40]!r} holds {text[:60]}, which DynamoDB would return in another form; write it as {plain}."
        raise RecordError(message)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "N":
            size = _number_size(held)
        case "BOOL" | "NULL":
            size = 1
        case "NS":
            size = sum(map(_number_size, held))
        case "SS" | "BS":
            size = sum(map(_bytes, held))
        case "L":
            size = 3 + sum(1 + _value_size(member) for member in held)
        case "M":
            size = 3 + sum(1 + _bytes(name) + _value_size(member) for name, member in held.items())
        case _:
            size = _bytes(held)
    return size


def _bytes(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def _number_size(text: str) -> int:
    digits = len(text) if text.isdecimal() else len(Decimal(text).as_tuple().digits)
    return (digits + 1) // 2 + 3
