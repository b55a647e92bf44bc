"""An audit record as a frozen value, and the one mapper between it and a DynamoDB item (FORMAT 2).

`AuditRecord` checks every field when it is made, so a value that exists can be stored. `StoredRecord` is what a read
gives: the item as it is, with its record where it can be read and its problems where it cannot. Hashes are computed
in `hashing`; the chain's attributes are filled in by `append`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import uuid_utils

from audit_core.errors import RecordError, TimestampError
from audit_core.items import (
    HASH_FIELDS,
    JSON_FIELDS,
    KNOWN_ATTRIBUTES,
    OPEN_TEXT_FIELDS,
    OPTIONAL_JSON_FIELDS,
    OPTIONAL_TEXT_FIELDS,
    TEXT_FIELDS,
    check_attribute,
    is_count,
    shape_problems,
    source_problems,
    whole_number,
)
from audit_core.jsontext import NO_JSON, compact_json
from audit_core.names import hidden_characters, ns_tenant, require_text
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from audit_core.items import Item

__all__ = ["AuditRecord", "StoredRecord", "new_id"]

MAX_KEY_BYTES = 2048
MAX_EXACT_INTEGER = 2**53
NAME_FIELDS = ("namespace", "tenant", "provider", "action_type", "caller_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One record, its fields named as the attributes of FORMAT 2.

    JSON fields hold compact JSON text (`jsontext.json_text` makes it); `None` means that the attribute is absent.
    `duration_ms` is in milliseconds. `extra` keeps attributes that FORMAT 2 does not name, typed as the engine
    returned them. The chain's fields (`sequence_number`, the four hashes, `previous_chain_sequence`) are `None` until
    the record is appended.

    Raises `RecordError` for a field that cannot be stored (CASES 1 to 12).
    """

    id: str
    action_id: str
    namespace: str
    tenant: str
    provider: str
    action_type: str
    verdict: str
    outcome: str
    dispatched_at: Timestamp
    completed_at: Timestamp
    duration_ms: int = 0
    caller_id: str = ""
    auth_method: str = ""
    verdict_details: str = NO_JSON
    outcome_details: str = NO_JSON
    metadata: str = NO_JSON
    action_payload: str | None = None
    chain_id: str | None = None
    matched_rule: str | None = None
    signature: str | None = None
    signer_id: str | None = None
    kid: str | None = None
    canonical_hash: str | None = None
    attachment_metadata: str | None = None
    expires_at: Timestamp | None = None
    sequence_number: int | None = None
    record_hash: str | None = None
    previous_hash: str | None = None
    content_hash: str | None = None
    previous_chain_hash: str | None = None
    previous_chain_sequence: int | None = None
    extra: Item = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Check every field, so that nothing that cannot be stored comes into being."""
        for name in (*TEXT_FIELDS, *OPEN_TEXT_FIELDS, *JSON_FIELDS):
            require_text(name, getattr(self, name))
        for name in (*OPTIONAL_TEXT_FIELDS, *OPTIONAL_JSON_FIELDS, *HASH_FIELDS):
            if getattr(self, name) is not None:
                require_text(name, getattr(self, name))
        for name in ("dispatched_at", "completed_at", "expires_at"):
            value = getattr(self, name)
            if not isinstance(value, Timestamp) and not (name == "expires_at" and value is None):
                message = f"{name} is {type(value).__name__}; pass a Timestamp, such as Timestamp.parse(text)."
                raise RecordError(message)
        for name in ("duration_ms", "sequence_number", "previous_chain_sequence"):
            _require_integer(name, getattr(self, name), optional=name != "duration_ms")
        _check_keys(self)
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))  # the caller's own mapping may change
        for name, attribute in self.extra.items():
            if name in KNOWN_ATTRIBUTES:
                message = f"{name} is an attribute of every record; give it as a field, not in `extra`."
                raise RecordError(message)
            if name in {"", "_fence"}:
                message = f"An attribute of a record cannot be named {name!r}; choose another name."
                raise RecordError(message)
            require_text("An attribute's name", name)
            check_attribute(name, attribute)

    @property
    def chain(self) -> str:
        """`{namespace}#{tenant}`, the partition of the chain's indexes (FORMAT 1)."""
        return ns_tenant(self.namespace, self.tenant)

    @property
    def expires_at_ttl(self) -> int | None:
        """Epoch seconds at which the record may be removed; None when it never expires."""
        return None if self.expires_at is None else self.expires_at.epoch_seconds

    def check_writable(self) -> None:
        """Raise `RecordError` for what may be read but not written.

        That is hidden characters in names (CASES 4), and JSON fields that are no compact JSON (FORMAT 2, CASES 7, 11).
        """
        for name in NAME_FIELDS:
            hidden = hidden_characters(getattr(self, name))
            if hidden:
                message = (
                    f"{name} holds {hidden[0]}, which cannot be seen and could make two names look alike; "
                    "remove it and write the record again."
                )
                raise RecordError(message)
        for name in (*JSON_FIELDS, *OPTIONAL_JSON_FIELDS):
            text = getattr(self, name)
            if text is not None and compact_json(text) != text:
                message = f"{name} is JSON with white space; jsontext.compact_json makes it compact."
                raise RecordError(message)

    def placed(self, **place: int | str | None) -> AuditRecord:
        """Return the record at a place in its chain, or at none: number, hashes and links, which are not checked."""
        # a third of the time of copy.copy, which asks a slotted class for its state by name
        record = object.__new__(AuditRecord)
        for put, value in zip(_PUT.values(), _ALL_OF(self), strict=True):
            put(record, value)
        for name, value in place.items():
            _PUT[name](record, value)
        return record

    def to_item(self) -> dict[str, dict[str, Any]]:
        """Return the typed item of FORMAT 2; what is None is absent."""
        item: dict[str, dict[str, Any]] = {}
        for name in (*TEXT_FIELDS, *OPEN_TEXT_FIELDS, *JSON_FIELDS):
            item[name] = {"S": getattr(self, name)}
        for name in (*OPTIONAL_TEXT_FIELDS, *OPTIONAL_JSON_FIELDS, *HASH_FIELDS):
            value = getattr(self, name)
            if value is not None:
                item[name] = {"S": value}
        item["ns_tenant"] = {"S": self.chain}
        item["dispatched_at"] = {"S": self.dispatched_at.text}
        item["dispatched_at_ms"] = {"N": str(self.dispatched_at.epoch_ms)}
        item["completed_at"] = {"S": self.completed_at.text}
        item["duration_ms"] = {"N": str(self.duration_ms)}
        if self.expires_at is not None:
            item["expires_at"] = {"S": self.expires_at.text}
            item["expires_at_ttl"] = {"N": str(self.expires_at.epoch_seconds)}
        for name in ("sequence_number", "previous_chain_sequence"):
            value = getattr(self, name)
            if value is not None:
                item[name] = {"N": str(value)}
        item.update({name: dict(value) for name, value in self.extra.items()})
        return item

    @classmethod
    def from_item(cls, item: Item) -> AuditRecord:
        """Read a typed item; attributes that FORMAT 2 does not name are kept in `extra`.

        Raises `RecordError` when one of FORMAT 2 is missing or of the wrong type, or disagrees with its source.
        """
        problems = shape_problems(item)
        if problems:
            raise RecordError(problems[0])
        values: dict[str, Any] = {}
        for name in (*TEXT_FIELDS, *OPEN_TEXT_FIELDS, *JSON_FIELDS):
            values[name] = item[name]["S"]
        for name in (*OPTIONAL_TEXT_FIELDS, *OPTIONAL_JSON_FIELDS, *HASH_FIELDS):
            if name in item:
                values[name] = item[name]["S"]
        for name in ("dispatched_at", "completed_at", "expires_at"):
            if name in item:
                values[name] = Timestamp.parse(item[name]["S"])
        for name in ("duration_ms", "sequence_number", "previous_chain_sequence"):
            if name in item:
                values[name] = whole_number(item[name]["N"])
        extra = {name: value for name, value in item.items() if name not in KNOWN_ATTRIBUTES}
        return cls(**values, extra=MappingProxyType(extra))


_PUT = {each.name: getattr(AuditRecord, each.name).__set__ for each in fields(AuditRecord)}
_ALL_OF = attrgetter(*_PUT)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """An item as it stands in the table.

    `record` (AuditRecord or None) is what it says, where it can be read; `problems` (tuple of str) says why not.
    """

    item: Item
    record: AuditRecord | None
    problems: tuple[str, ...]

    @classmethod
    def from_item(cls, item: Item) -> StoredRecord:
        """Read an item without ever failing: what is wrong with it becomes `problems`."""
        problems = (*shape_problems(item), *source_problems(item))
        try:
            return cls(item, AuditRecord.from_item(item), problems)
        except (RecordError, TimestampError) as error:
            return cls(item, None, problems or (str(error),))

    def text(self, name: str) -> str:
        """Return an attribute's value as text, as stored; empty when it is absent."""
        attribute = self.item.get(name)
        if not attribute:
            return ""
        kind, value = next(iter(attribute.items()))
        return str(value) if kind in {"S", "N"} else json.dumps(attribute, default=str, ensure_ascii=False)


def new_id() -> str:
    """Return a UUID v7 in its text form, the default id of a record (FORMAT 2)."""
    return str(uuid_utils.uuid7())


def _check_keys(record: AuditRecord) -> None:
    ns_tenant(record.namespace, record.tenant)
    for name in ("id", "action_id"):
        value: str = getattr(record, name)
        if not value or len(value.encode()) > MAX_KEY_BYTES:
            message = f"{name} must be 1 to {MAX_KEY_BYTES} bytes of text."
            raise RecordError(message)
    if record.id.startswith("SEQ#"):
        message = f"An id must not start with 'SEQ#', which names fences; choose another than {record.id[:40]!r}."
        raise RecordError(message)


def _require_integer(name: str, value: object, *, optional: bool) -> None:
    if (value is None and optional) or is_count(value, 0, MAX_EXACT_INTEGER):
        return
    message = f"{name} is {value!r:.60}; it must be a whole number from 0 to 2^53, which every reader sees alike."
    raise RecordError(message)
