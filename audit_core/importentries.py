"""What one entry of a file to import comes to: a record that can be appended, something left out, or a problem.

Here is what holds for every kind of file, and the options. How an entry is understood is told in `cloudtrail` and
`plainrecords`, and how a file is taken apart into entries in `importkinds`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from audit_core.cloudtrail import check_tenant_field, event_record
from audit_core.errors import RecordError, TimestampError
from audit_core.importfiles import MAX_FILE_BYTES
from audit_core.items import MAX_ITEM_BYTES, is_count, item_size
from audit_core.jsontext import exact_text
from audit_core.names import visible
from audit_core.plainrecords import ReadRecord, plain_record, typed_record, with_lifetime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audit_core.items import Item

__all__ = ["Entry", "ImportOptions", "LeftOut", "Place", "Problem", "read_event", "read_plain", "read_typed"]

MAX_RECORDS = 1_000_000

_HASH = {"S": "0" * 64}
_MOST_CHAIN_BYTES = item_size(
    {
        "sequence_number": {"N": "9" * 16},
        "previous_chain_sequence": {"N": "9" * 16},
        **dict.fromkeys(("record_hash", "previous_hash", "content_hash", "previous_chain_hash"), _HASH),
    }
)
"""Room for what an append adds to an item: hashes, links and numbers."""

_Read = TypeVar("_Read")


class LeftOut(StrEnum):
    """What of an export is not imported.

    A fence or another bookkeeping item, a record that was read around the range, and a position whose record was gone.
    """

    BOOKKEEPING = "bookkeeping"
    CONTEXT = "context"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be taken in.

    `message` (str) names file and place, says what is wrong and what to do. `line` (int or None) counts the file's
    lines from 1; None: it is about the whole file, or an event of one.
    """

    path: Path
    line: int | None
    message: str


Entry = ReadRecord | LeftOut | Problem
"""What one line or event of a file comes to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file an entry stands: `name` is `line 7`, `event 2`, or `line 1, record 3`."""

    path: Path
    name: str
    line: int | None = None

    def tried(self, read: Callable[..., _Read], *arguments: Any) -> _Read | Problem:  # noqa: ANN401 - as `read` wants
        """Return what `read` makes of the arguments, or the problem that it has with them."""
        try:
            return read(*arguments)
        except (RecordError, TimestampError) as error:
            message = f"{visible(str(self.path))}: {self.name} cannot be taken in. {error}"
            return Problem(self.path, self.line, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How files are read.

    `tenant_field` is the field of a CloudTrail event that names the tenant; a dotted path reaches inside, and where an
    event lacks it the tenant is `unknown`. `ttl_seconds` is the lifetime of records that have none, from
    `dispatched_at`; None: they never expire. `extra` names the attributes of plain records that are kept though
    FORMAT 2 does not name them. A file may hold `max_file_bytes` once it is unpacked, all of them `max_records`.

    Raises `RecordError` for options that make no sense (CASES 22).
    """

    tenant_field: str = "recipientAccountId"
    ttl_seconds: int | None = None
    extra: tuple[str, ...] = ()
    max_file_bytes: int = MAX_FILE_BYTES
    max_records: int = MAX_RECORDS

    def __post_init__(self) -> None:
        """Check the options once, before any file is read."""
        check_tenant_field(self.tenant_field)
        if self.ttl_seconds is not None and not is_count(self.ttl_seconds, 1):
            message = f"A lifetime of {self.ttl_seconds} is none; give whole seconds, at least 1, or leave it out."
            raise RecordError(message)


def read_event(event: object, options: ImportOptions) -> ReadRecord:
    """Return a CloudTrail event's record, with a digest of the event that leaves the order of its keys aside.

    Raises `RecordError` or `TimestampError` for what cannot be stored, as the next two do.
    """
    record = event_record(event, options.tenant_field)
    digest = hashlib.sha256(exact_text(event, sort_keys=True).encode()).digest()
    return _storable(ReadRecord(record, digest=digest), options)


def read_plain(value: object, options: ImportOptions) -> ReadRecord:
    """Return the record of a plain JSON object."""
    return _storable(plain_record(value, options.extra), options)


def read_typed(item: Item, options: ImportOptions) -> ReadRecord:
    """Return the record of a typed item."""
    return _storable(typed_record(item), options)


def _storable(read: ReadRecord, options: ImportOptions) -> ReadRecord:
    """Return the record with its lifetime; raises `RecordError` for what an append would refuse (FORMAT 6.1)."""
    read = with_lifetime(read, options.ttl_seconds)
    read.record.check_writable()
    if item_size(read.record.to_item()) + _MOST_CHAIN_BYTES > MAX_ITEM_BYTES:
        message = "It is larger than the 400 KB that DynamoDB keeps in one item; store less of its payload."
        raise RecordError(message)
    return read
