"""One page of a tenant's records through the right index, request by request, in either direction.

A page follows `LastEvaluatedKey` until it is full, the end is reached, its read budget is spent, or somebody stops it,
and says which. What a filter and a row are is in `query`, where a page begins in `cursor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audit_core.cursor import Cursor
from audit_core.errors import CursorError, FilterError
from audit_core.items import is_count
from audit_core.query import Page, row_of
from audit_core.schema import INDEX_SEQUENCE, INDEX_TIME
from audit_core.table import MAX_PAGE, KeyRange, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.items import Item
    from audit_core.query import Order, RecordFilter
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp

__all__ = ["READ_BUDGET", "PageReading"]

READ_BUDGET = 20_000
"""Items that one page may go through before it says that there is more to read."""

_FILTERED_PAGE = 500


class PageReading:
    """The reading of one page; iterate it to the end, or for as long as one likes, then ask for the `page`.

    `limit` (1 to 1,000) is the rows wanted, `budget` the items that may be gone through for them. Raises `FilterError`
    and `CursorError` when made, `EngineError` later.
    """

    def __init__(  # noqa: PLR0913 - which, in what order, how many, from where, at what cost
        self,
        table: Table,
        record_filter: RecordFilter,
        *,
        order: Order = "newest",
        limit: int = 50,
        cursor: str | None = None,
        budget: int = READ_BUDGET,
    ) -> None:
        for name, value, most in (("limit", limit, MAX_PAGE), ("budget", budget, 10**9)):
            if not is_count(value, 1, most):
                message = f"The page's {name} is {value!r}; give a whole number from 1 to {most:,}."
                raise FilterError(message)
        self.reading = Reading()
        self._table = table
        self._filter = record_filter
        self._limit = limit
        self._budget = budget
        self._keys, self._descending = _keys(record_filter, order)
        self._scope = {"table": table.name, "order": order, **record_filter.scope()}
        self._place = Cursor({}) if cursor is None else Cursor.decode(cursor, self._scope)
        self._is_first = cursor is None
        _check_key(self._place.key, self._keys)
        self._found: list[Item] = []
        self._resume: Item | None = None
        self._at: Timestamp | None = None

    def __iter__(self) -> Iterator[int]:
        """Go on request by request; yields the number of rows found so far."""
        condition, names, values = self._filter.expression()
        start: Item | None = self._place.key or None
        while True:
            # one more than wanted tells whether there is a next page
            wanted = self._limit - len(self._found) + 1
            size = max(_FILTERED_PAGE, wanted) if self._filter.selective else wanted
            answer = self._table.query(
                self._keys,
                limit=min(size, self._budget - self.reading.items),
                forward=self._descending == self._place.backward,
                start=start,
                condition=condition,
                names=names,
                values=values,
            )
            self.reading += answer.reading
            self._at = answer.at
            ended = self._take(answer.items, answer.last_key)
            yield len(self._found)
            if ended or answer.last_key is None or self.reading.items >= self._budget:
                return
            start = answer.last_key

    def _take(self, items: tuple[Item, ...], last_key: Item | None) -> bool:
        """Take the rows of an answer; True when one more than wanted was there."""
        self._resume = last_key
        for item in items:
            if not self._filter.allows(item):
                continue
            if len(self._found) == self._limit:
                self._resume = _key_of(self._found[-1], self._keys)
                return True
            self._found.append(item)
        return False

    @property
    def page(self) -> Page:
        """What was found so far; it can be asked for once there was an answer."""
        found, resume, place = self._found, self._resume, self._place
        at = self._at or self._table.clock.now()
        # The way on starts where reading ended. The way back starts at the first row; where there is none, at what was
        # gone through last, or at the very end of the index.
        onward = None if resume is None else Cursor(resume, place.backward)
        turn = _key_of(found[0], self._keys) if found else (resume or {})
        back = None if self._is_first else Cursor(turn, not place.backward)
        following, preceding = (back, onward) if place.backward else (onward, back)
        items = reversed(found) if place.backward else found
        return Page(
            tuple(row_of(item, at) for item in items),
            None if following is None else following.encode(self._scope),
            None if preceding is None else preceding.encode(self._scope),
            resume is None or len(found) == self._limit,
            self.reading,
            at,
        )


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


def _key_of(item: Item, keys: KeyRange) -> dict[str, Any]:
    return {name: item[name] for name in ("id", keys.partition, keys.sort)}


def _check_key(key: Item, keys: KeyRange) -> None:
    if key and (key.keys() != {"id", keys.partition, keys.sort} or key[keys.partition] != {"S": keys.value}):
        message = "This page link belongs to another tenant or order; open the list again from its first page."
        raise CursorError(message)
