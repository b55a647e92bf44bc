"""Reading records for people: which are wanted, by id, by action, by position; and what such a read gives.

Page after page of a tenant is read in `paging`. Fences never show. Verification reads in its own way (`chain.walk`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from audit_core.errors import FilterError, RecordError
from audit_core.fences import FENCE_PREFIX
from audit_core.names import ns_tenant, require_text
from audit_core.records import MAX_KEY_BYTES, StoredRecord
from audit_core.retention import Expiry, expiry_state, moment_of
from audit_core.schema import INDEX_ACTION, INDEX_SEQUENCE
from audit_core.table import KeyRange, Reading
from audit_core.timestamps import NANOS_PER_MILLI, Timestamp

if TYPE_CHECKING:
    from audit_core.items import Item
    from audit_core.table import Table

__all__ = ["PEOPLE", "Order", "Page", "RecordFilter", "Row", "get_record", "query_action", "query_positions", "row_of"]

Order = Literal["newest", "oldest", "sequence", "sequence_descending"]
"""Newest or oldest first by dispatch time, or by sequence number either way."""

PEOPLE = "attribute_not_exists(#fence)"
"""The condition of every query for people; `#fence` is the attribute `_fence`."""

_ATTRIBUTE_OF = {"rule": "matched_rule", "caller": "caller_id", "signer": "signer_id"}
_VALUE_FILTERS = (
    "provider",
    "action_type",
    "outcome",
    "verdict",
    "rule",
    "caller",
    "chain_id",
    "signer",
    "kid",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records of a tenant: equal values (None: any), and a range of dispatch times, inclusive at both ends.

    A bound given to the millisecond includes all of that millisecond; one given more finely is honoured to the
    nanosecond. Raises `FilterError` for an empty range or a bad tenant.
    """

    namespace: str
    tenant: str
    provider: str | None = None
    action_type: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    rule: str | None = None
    caller: str | None = None
    chain_id: str | None = None
    signer: str | None = None
    kid: str | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without reading."""
        try:
            ns_tenant(self.namespace, self.tenant)
            for name in _VALUE_FILTERS:
                if getattr(self, name) is not None:
                    require_text(name, getattr(self, name))
        except RecordError as error:
            raise FilterError(str(error)) from error
        if self.since is not None and self.until is not None and self.since > self.until:
            message = f"The range starts at {self.since}, after it ends at {self.until}; swap the two."
            raise FilterError(message)

    @property
    def chain(self) -> str:
        """`{namespace}#{tenant}`."""
        return ns_tenant(self.namespace, self.tenant)

    @property
    def selective(self) -> bool:
        """Whether records of the partition may be passed over."""
        return any(getattr(self, name) is not None for name in (*_VALUE_FILTERS, "since", "until"))

    def expression(self) -> tuple[str, dict[str, str], dict[str, Any]]:
        """Return the filter expression; whatever was typed is a value, never part of its text (CASES 30)."""
        parts, names, values = [PEOPLE], {"#fence": "_fence"}, {}
        for number, name in enumerate(_VALUE_FILTERS):
            wanted = getattr(self, name)
            if wanted is not None:
                parts.append(f"#f{number} = :f{number}")
                names[f"#f{number}"] = _ATTRIBUTE_OF.get(name, name)
                values[f":f{number}"] = {"S": wanted}
        return " AND ".join(parts), names, values

    def allows(self, item: Item) -> bool:
        """Whether an item passes what the engine cannot compare.

        That is a bound given more finely than the time index holds it, and any bound when the sequence index is read.
        A record whose time cannot be read is shown rather than hidden.
        """
        moment = moment_of(item, "dispatched_at")
        if moment is None:
            return True
        return not (
            (self.since is not None and moment.epoch_nanos < self.since.epoch_nanos)
            or (self.until is not None and moment.epoch_nanos > _end_of(self.until))
        )

    def scope(self) -> dict[str, Any]:
        """Return what a cursor is bound to."""
        return {
            entry.name: value.normalised if isinstance(value, Timestamp) else value
            for entry in fields(self)
            if (value := getattr(self, entry.name)) is not None
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it stands, and what TTL makes of it by the engine's clock."""

    stored: StoredRecord
    expiry: Expiry

    @property
    def expired(self) -> bool:
        """Whether TTL is due to remove it, though it is still there; never what TTL will not remove (CASES 18)."""
        return self.expiry is Expiry.EXPIRED


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order asked for, and what reading them took.

    `next` and `previous` are cursors (None: nothing there). `complete` is False where the read budget ran out
    before the page was full. `at` is the engine's clock.
    """

    rows: tuple[Row, ...]
    next: str | None
    previous: str | None
    complete: bool
    reading: Reading
    at: Timestamp


def get_record(table: Table, record_id: str, prefix: str) -> Page:
    """Read a record by its id, consistently; no row when there is none, or the id is a fence's or bookkeeping's.

    Raises `FilterError` for an id that cannot be one, `EngineError`.
    """
    _check_id("An id", record_id)
    answer = table.get(record_id)
    bookkeeping = record_id.startswith((FENCE_PREFIX, prefix))
    rows = () if bookkeeping else tuple(row_of(item, answer.at) for item in answer.items)
    return Page(rows, next=None, previous=None, complete=True, reading=answer.reading, at=answer.at)


def query_action(table: Table, action_id: str, limit: int = 100) -> Page:
    """Read the records of an action, oldest first, such as an intent and its outcome.

    Raises `FilterError`, `EngineError`.
    """
    _check_id("An action id", action_id)
    keys = KeyRange(INDEX_ACTION, "action_id", action_id, "dispatched_at_ms")
    answer = table.query(keys, limit=limit, condition=PEOPLE, names={"#fence": "_fence"})
    rows = tuple(row_of(item, answer.at) for item in answer.items)
    return Page(rows, None, None, answer.last_key is None, answer.reading, answer.at)


def query_positions(  # noqa: PLR0913 - a part of a chain, from which end, and how much
    table: Table,
    chain: tuple[str, str],
    first: int | None,
    last: int | None,
    *,
    forward: bool = True,
    limit: int = 1,
) -> Page:
    """Read the records that stand in a part of a chain (namespace, tenant), from its first or its last position on.

    Raises `FilterError`, `EngineError`.
    """
    wanted = RecordFilter(namespace=chain[0], tenant=chain[1])
    bounds = (None if bound is None else str(bound) for bound in (first, last))
    keys = KeyRange(INDEX_SEQUENCE, "ns_tenant", wanted.chain, "sequence_number", *bounds)
    answer = table.query(keys, limit=limit, forward=forward, condition=PEOPLE, names={"#fence": "_fence"})
    rows = tuple(row_of(item, answer.at) for item in answer.items)
    return Page(rows, None, None, answer.last_key is None, answer.reading, answer.at)


def _check_id(name: str, text: str) -> None:
    try:
        require_text(name, text)
    except RecordError as error:
        raise FilterError(str(error)) from error
    if not 1 <= len(text.encode()) <= MAX_KEY_BYTES:
        message = f"{name} is 1 to {MAX_KEY_BYTES:,} bytes of text; check what was typed."
        raise FilterError(message)


def _end_of(bound: Timestamp) -> int:
    """Return the last nanosecond that a bound includes: a whole millisecond is included to its end (CASES 29)."""
    nanos = bound.epoch_nanos
    return nanos if nanos % NANOS_PER_MILLI else nanos + NANOS_PER_MILLI - 1


def row_of(item: Item, at: Timestamp) -> Row:
    """Return a typed item as it is shown, as of `at`."""
    return Row(StoredRecord.from_item(item), expiry_state(item, at))
