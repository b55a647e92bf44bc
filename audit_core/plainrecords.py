r"""One record of a JSON Lines file, plain (`{"id": "…"}`) or typed (`{"id": {"S": "…"}}`), as an audit record.

Its place in a chain (sequence number, hashes, links) is left behind, since the append gives it a new one, and what
derives from other attributes (`ns_tenant`, `dispatched_at_ms`, `expires_at_ttl`) is derived anew. Pure: files, lines
and duplicates are the business of `importkinds` and `importers`.

In a plain record an attribute's text is a JSON string and its number a JSON number. An attribute that holds JSON text
(`metadata`, `action_payload`, …) is given as that text in a string, as `query --json` prints it, or as the JSON value
itself, which becomes compact text with its numbers as they are. So a string is always taken as JSON text, and a JSON
string as such a value is written with its quotes: `"\"ENC[…]\""`.
"""

from __future__ import annotations

import base64
import binascii
import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from audit_core.errors import RecordError, TimestampError
from audit_core.hashing import content_hash, record_hash
from audit_core.items import (
    ATTRIBUTE_TYPES,
    HASH_FIELDS,
    JSON_FIELDS,
    KNOWN_ATTRIBUTES,
    OPEN_TEXT_FIELDS,
    OPTIONAL_JSON_FIELDS,
    TEXT_FIELDS,
    plain_number,
    source_problems,
    text_of,
    whole_number,
)
from audit_core.jsontext import NO_JSON, compact_json, exact_text, parse_exact
from audit_core.names import ns_tenant, visible
from audit_core.records import AuditRecord
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from audit_core.items import Item

__all__ = ["ReadRecord", "plain_record", "typed_item", "typed_record", "with_lifetime"]

REQUIRED = (*TEXT_FIELDS, "dispatched_at", "completed_at")
"""What a plain record must hold; the rest of FORMAT 2 is empty, `null` or absent when it is not given."""

_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    **{name: {"S": ""} for name in OPEN_TEXT_FIELDS},
    **{name: {"S": NO_JSON} for name in JSON_FIELDS},
    "duration_ms": {"N": "0"},
}
_PLACE = frozenset((*HASH_FIELDS, "sequence_number", "previous_chain_sequence"))
_DERIVED = frozenset(("ns_tenant", "dispatched_at_ms", "expires_at_ttl"))
_WITH_JSON = frozenset((*JSON_FIELDS, *OPTIONAL_JSON_FIELDS))
_TIMES = ("dispatched_at", "completed_at", "expires_at")


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as a file gave it, without a place in any chain.

    `position` (int or None) is the sequence number that it had, `placed` says that it had some attribute of a chain,
    all of which it lost, and `altered` that it did not agree with the hashes or the derived attributes that it came
    with. `digest` tells deliveries of one CloudTrail event apart; None: the records themselves are compared.
    """

    record: AuditRecord
    position: int | None = None
    placed: bool = False
    altered: bool = False
    digest: bytes | None = None


def plain_record(value: object, extra: Collection[str] = ()) -> ReadRecord:
    """Return the record of a plain JSON object that `jsontext.parse_exact` gave.

    `extra` names the further attributes that are kept; any other name that FORMAT 2 does not know is refused.

    Raises `RecordError` or `TimestampError` for what is no record or cannot be stored (CASES 1 to 12).
    """
    if not isinstance(value, dict):
        message = "It is no JSON object; write one record a line, with the field names of the table's attributes."
        raise RecordError(message)
    unknown = [name for name in value if name not in KNOWN_ATTRIBUTES and name not in extra]
    if unknown:
        raise RecordError(_unknown(unknown[0]))
    missing = [name for name in REQUIRED if value.get(name) is None]
    if missing:
        why = "; by its id a record is known when it is imported again" if "id" in missing else ""
        message = f"It has no {' and no '.join(missing)}{why}. Every record needs these: {', '.join(REQUIRED)}."
        raise RecordError(message)
    if value.get("expires_at") is None and value.get("expires_at_ttl") is not None:
        message = "It has expires_at_ttl without expires_at, from which it derives; give expires_at, an RFC 3339 time."
        raise RecordError(message)
    given = {name: attribute for name, held in value.items() if (attribute := _typed(name, held)) is not None}
    return _taken_in({**_DEFAULTS, **given}, given)


def typed_item(value: object) -> Item:
    """Return a line of an export, as `jsontext.parse_exact` gave it, as the item that it was, binary decoded.

    Raises `RecordError` for what is no typed item.
    """
    if not isinstance(value, dict):
        message = "It is no typed item; export the chain anew."
        raise RecordError(message)
    return {name: _decoded(name, attribute) for name, attribute in value.items()}


def typed_record(item: Item) -> ReadRecord:
    """Return the record of a typed item; attributes that FORMAT 2 does not name are kept.

    Raises `RecordError` or `TimestampError` for what is no record or cannot be stored.
    """
    return _taken_in(item, item)


def with_lifetime(read: ReadRecord, ttl_seconds: int | None) -> ReadRecord:
    """Let a record that never expires expire so many seconds after it was dispatched; None: leave it.

    Raises `TimestampError` past the year 9999.
    """
    if ttl_seconds is None or read.record.expires_at is not None:
        return read
    expires_at = read.record.dispatched_at.plus_seconds(ttl_seconds)
    return replace(read, record=replace(read.record, expires_at=expires_at))


def _taken_in(item: Item, given: Item) -> ReadRecord:
    """Turn an item into a record: `given` is what of it the file held, which its hashes are checked against."""
    own = {name: attribute for name, attribute in item.items() if name not in _PLACE | _DERIVED}
    record = AuditRecord.from_item({**own, **_derived(own)})
    number = whole_number(given.get("sequence_number", {}).get("N"))
    return ReadRecord(
        record,
        position=number if number is not None and number >= 0 else None,
        placed=not _PLACE.isdisjoint(given),
        altered=_is_altered(given),
    )


def _derived(own: Item) -> Item:
    """Return the derived attributes that every record has (FORMAT 2); where a source lacks, none."""
    for name in _TIMES:
        text = text_of(own, name)
        if text is not None:
            try:
                Timestamp.parse(text)
            except TimestampError as error:
                message = f"Its {name} cannot be read: {error}"
                raise TimestampError(message) from error
    namespace, tenant, moment = (text_of(own, name) for name in ("namespace", "tenant", "dispatched_at"))
    derived = {}
    if namespace is not None and tenant is not None:
        derived["ns_tenant"] = {"S": ns_tenant(namespace, tenant)}
    if moment is not None:
        derived["dispatched_at_ms"] = {"N": str(Timestamp.parse(moment).epoch_ms)}
    return derived


def _is_altered(given: Item) -> bool:
    """Whether a hash that came with the record does not hold, or a derived attribute disagrees with its source."""
    try:
        for name, compute in (("record_hash", record_hash), ("content_hash", content_hash)):
            if name in given and text_of(given, name) != compute(given):
                return True
    except (RecordError, TimestampError):  # it holds what has no canonical form, so no hash of it could hold
        return True
    present = {name: attribute for name, attribute in given.items() if name in _DERIVED}
    # what a plain record need not hold is no disagreement
    sources = given if "expires_at_ttl" in present else {k: v for k, v in given.items() if k != "expires_at"}
    return bool(present) and bool(source_problems(sources))


def _typed(name: str, held: Any) -> dict[str, Any] | None:  # noqa: ANN401 - whatever JSON has
    """Return a plain attribute's typed form; None when it is absent."""
    if name not in KNOWN_ATTRIBUTES:
        return _typed_extra(name, held)
    if name in _WITH_JSON:
        return _typed_json(name, held)
    if held is None:
        return None
    left_behind = name in _PLACE | _DERIVED  # of any type: only its hash could tell, and it will not hold
    if ATTRIBUTE_TYPES[name] == "S":
        if not isinstance(held, str) and not left_behind:
            message = f"Its {name} is {_kind(held)}; it must be text."
            raise RecordError(message)
        return {"S": held if isinstance(held, str) else exact_text(held)}
    text = exact_text(held) if isinstance(held, orjson.Fragment) else ""
    number = whole_number(text)
    if number is None and not left_behind:
        message = f"Its {name} is {_kind(held)}; it must be a whole number."
        raise RecordError(message)
    return {"N": plain_number(text) or exact_text(held)}


def _typed_json(name: str, held: object) -> dict[str, str] | None:
    """Return the text of an attribute that holds JSON: a string is that text, anything else the value of it."""
    if isinstance(held, str):
        try:
            parse_exact(held)  # refuses repeated keys as well (CASES 10)
            return {"S": compact_json(held)}
        except RecordError as error:
            message = (
                f"Its {name} is a string that is no JSON text. Give the JSON value itself, or its text in a string, "
                f'in which a JSON string has quotes of its own: "\\"text\\"". {error}'
            )
            raise RecordError(message) from error
    if held is None or (name == "attachment_metadata" and held == []):
        return {"S": NO_JSON} if name in JSON_FIELDS else None
    return {"S": exact_text(held)}


def _typed_extra(name: str, held: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON has
    """Return an attribute that FORMAT 2 does not name: as plain items are printed, an object is a typed value."""
    match held:
        case str():
            return {"S": held}
        case bool():
            return {"BOOL": held}
        case None:
            return {"NULL": True}
        case orjson.Fragment():
            return {"N": plain_number(exact_text(held)) or exact_text(held)}
        case dict():
            return _decoded(name, held)
        case _:
            message = f'Its {_shown(name)} is a list; write it as a typed value, such as {{"L": [{{"S": "text"}}]}}.'
            raise RecordError(message)


def _decoded(name: str, attribute: object) -> dict[str, Any]:
    """Return a typed value with its base64 decoded, at any depth; whether it can be stored is for the record to say."""
    if not isinstance(attribute, dict) or len(attribute) != 1:
        message = f'Its {_shown(name)} is no typed value, such as {{"S": "text"}} or {{"N": "1"}}.'
        raise RecordError(message)
    ((kind, held),) = attribute.items()
    match kind, held:
        case "B", str():
            return {kind: _binary(name, held)}
        case "BS", list():
            return {kind: [_binary(name, member) for member in held]}
        case "L", list():
            return {kind: [_decoded(name, member) for member in held]}
        case "M", dict():
            return {kind: {key: _decoded(key, member) for key, member in held.items()}}
        case _:
            return {kind: held}


def _binary(name: str, text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"Its {_shown(name)} is binary that is not written as base64."
        raise RecordError(message) from error


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, sorted(KNOWN_ATTRIBUTES), n=1, cutoff=0.65)
    return (
        f"{_shown(name)} is no field of a record.{f' Did you mean {near[0]}?' if near else ''} To keep it as a "
        "further attribute, name it with --extra."
    )


def _kind(held: object) -> str:
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "an object", orjson.Fragment: "a number"}
    return kinds[type(held)]


def _shown(name: str) -> str:
    return visible(name[:60]) or "''"
