"""Reading records for people: by id, by action, and page after page of a tenant through the right index.

A page follows `LastEvaluatedKey` until it is full, the end is reached or its read budget is spent, and says which.
Fences never show. Verification reads in its own way (`chain.walk`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from audit_core.cursor import Cursor
from audit_core.errors import CursorError, FilterError, RecordError
from audit_core.fences import FENCE_PREFIX
from audit_core.items import is_count
from audit_core.names import ns_tenant, require_text
from audit_core.records import MAX_KEY_BYTES, StoredRecord
from audit_core.retention import Expiry, expiry_state, moment_of
from audit_core.schema import INDEX_ACTION, INDEX_SEQUENCE, INDEX_TIME
from audit_core.table import MAX_PAGE, KeyRange, Reading
from audit_core.timestamps import NANOS_PER_MILLI, Timestamp

if TYPE_CHECKING:
    from audit_core.items import Item
    from audit_core.table import Table

__all__ = ["Order", "Page", "RecordFilter", "Row", "get_record", "query_action", "query_page"]

Order = Literal["newest", "oldest", "sequence", "sequence_descending"]
"""Newest or oldest first by dispatch time, or by sequence number either way."""

READ_BUDGET = 20_000
"""Items that one page may go through before it says that there is more to read."""

_FILTERED_PAGE = 500
_PEOPLE = "attribute_not_exists(#fence)"
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
        parts, names, values = [_PEOPLE], {"#fence": "_fence"}, {}
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


def get_record(table: Table, record_id: str, prefix: str) -> Row | None:
    """Read a record by its id, consistently; None when there is none, or the id is a fence's or bookkeeping's.

    Raises `FilterError` for an id that cannot be one, `EngineError`.
    """
    _check_id("An id", record_id)
    if record_id.startswith((FENCE_PREFIX, prefix)):
        return None
    answer = table.get(record_id)
    return _row(answer.items[0], answer.at) if answer.items else None


def query_action(table: Table, action_id: str, limit: int = 100) -> Page:
    """Read the records of an action, oldest first, such as an intent and its outcome. Raises as `query_page`."""
    _check_id("An action id", action_id)
    keys = KeyRange(INDEX_ACTION, "action_id", action_id, "dispatched_at_ms")
    answer = table.query(keys, limit=limit, condition=_PEOPLE, names={"#fence": "_fence"})
    rows = tuple(_row(item, answer.at) for item in answer.items)
    return Page(rows, None, None, answer.last_key is None, answer.reading, answer.at)


def query_page(  # noqa: PLR0913 - which, in what order, how many, from where, at what cost
    table: Table,
    record_filter: RecordFilter,
    *,
    order: Order = "newest",
    limit: int = 50,
    cursor: str | None = None,
    budget: int = READ_BUDGET,
) -> Page:
    """Read one page of a tenant's records.

    `limit` (1 to 1,000) is the rows wanted, `budget` the items that may be gone through for them. Raises
    `FilterError`, `CursorError`, `EngineError`.
    """
    for name, value, most in (("limit", limit, MAX_PAGE), ("budget", budget, 10**9)):
        if not is_count(value, 1, most):
            message = f"The page's {name} is {value!r}; give a whole number from 1 to {most:,}."
            raise FilterError(message)
    keys, descending = _keys(record_filter, order)
    scope = {"table": table.name, "order": order, **record_filter.scope()}
    place = Cursor({}) if cursor is None else Cursor.decode(cursor, scope)
    _check_key(place.key, keys)
    read = _collect(
        table, record_filter, keys, forward=descending == place.backward, limit=limit, start=place.key, budget=budget
    )
    # The way on starts where reading ended. The way back starts at the first row; where there is none, at what was
    # gone through last, or at the very end of the index.
    onward = None if read.resume is None else Cursor(read.resume, place.backward)
    turn = _key_of(read.items[0], keys) if read.items else (read.resume or {})
    back = Cursor(turn, not place.backward) if cursor is not None else None
    following, preceding = (back, onward) if place.backward else (onward, back)
    items = reversed(read.items) if place.backward else read.items
    return Page(
        tuple(_row(item, read.at) for item in items),
        None if following is None else following.encode(scope),
        None if preceding is None else preceding.encode(scope),
        read.resume is None or len(read.items) == limit,
        read.reading,
        read.at,
    )


@dataclass(frozen=True, slots=True)
class _Collected:
    items: tuple[Item, ...]
    resume: Item | None
    reading: Reading
    at: Timestamp


def _collect(  # noqa: PLR0913 - one call, from `query_page`
    table: Table,
    record_filter: RecordFilter,
    keys: KeyRange,
    *,
    forward: bool,
    limit: int,
    start: Item,
    budget: int,
) -> _Collected:
    """Read in one direction until `limit` items match, the index ends or the budget is spent."""
    condition, names, values = record_filter.expression()
    found: list[Item] = []
    reading = Reading()
    while True:
        # one more than wanted tells whether there is a next page
        wanted = limit - len(found) + 1
        size = max(_FILTERED_PAGE, wanted) if record_filter.selective else wanted
        answer = table.query(
            keys,
            limit=min(size, budget - reading.items),
            forward=forward,
            start=start or None,
            condition=condition,
            names=names,
            values=values,
        )
        reading += answer.reading
        for item in answer.items:
            if not record_filter.allows(item):
                continue
            if len(found) == limit:
                return _Collected(tuple(found), _key_of(found[-1], keys), reading, answer.at)
            found.append(item)
        if answer.last_key is None or reading.items >= budget:
            return _Collected(tuple(found), answer.last_key, reading, answer.at)
        start = answer.last_key


def _keys(record_filter: RecordFilter, order: Order) -> tuple[KeyRange, bool]:
    """Return the part of the index that the filter needs, and whether it is read from its end."""
    if order in {"newest", "oldest"}:
        since, until = (
            None if bound is None else str(bound.epoch_ms) for bound in (record_filter.since, record_filter.until)
        )
        keys = KeyRange(INDEX_TIME, "ns_tenant", record_filter.chain, "dispatched_at_ms", since, until)
        return keys, order == "newest"
    if order in {"sequence", "sequence_descending"}:
        keys = KeyRange(INDEX_SEQUENCE, "ns_tenant", record_filter.chain, "sequence_number")
        return keys, order == "sequence_descending"
    message = f"The order {order!r} is unknown; use newest, oldest, sequence or sequence_descending."
    raise FilterError(message)


def _check_id(name: str, text: str) -> None:
    try:
        require_text(name, text)
    except RecordError as error:
        raise FilterError(str(error)) from error
    if not 1 <= len(text.encode()) <= MAX_KEY_BYTES:
        message = f"{name} is 1 to {MAX_KEY_BYTES:,} bytes of text; check what was typed."
        raise FilterError(message)


def _key_of(item: Item, keys: KeyRange) -> Item:
    return {name: item[name] for name in ("id", keys.partition, keys.sort)}


def _check_key(key: Item, keys: KeyRange) -> None:
    if key and (key.keys() != {"id", keys.partition, keys.sort} or key[keys.partition] != {"S": keys.value}):
        message = "This page link belongs to another tenant or order; open the list again from its first page."
        raise CursorError(message)


def _end_of(bound: Timestamp) -> int:
    """Return the last nanosecond that a bound includes: a whole millisecond is included to its end (CASES 29)."""
    nanos = bound.epoch_nanos
    return nanos if nanos % NANOS_PER_MILLI else nanos + NANOS_PER_MILLI - 1


def _row(item: Item, at: Timestamp) -> Row:
    return Row(StoredRecord.from_item(item), expiry_state(item, at))
