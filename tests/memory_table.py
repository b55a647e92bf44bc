"""A table that is a dictionary: what a verification asks of one, answered at once and without an engine.

Items are kept by id, typed as the low-level API returns them; indexes hold what has both their attributes. Pages are
small on purpose, so that borders between them are met.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from audit_core.table import Answer, Reading, Unread
from audit_core.timestamps import Clock, Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from audit_core.jsonwire import UnreadItem
    from audit_core.table import KeyRange

Item = dict[str, dict[str, Any]]


class MemoryTable:
    """Stands in for `Table` where it is only read; every answer is dated `now`."""

    name = "memory"

    def __init__(self, items: Mapping[str, Item], now: Timestamp, page: int = 1000) -> None:
        self.items = items
        self.now = now
        self.page = page
        self.clock = Clock()

    def submit(self, work: Callable[[Any], Any], wanted: object) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(wanted))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it, as from a thread
            done.set_exception(error)
        return done

    def get(self, item_id: str) -> Answer:
        return self.get_many([item_id])

    def get_many(self, item_ids: Iterable[str]) -> Answer:
        ids = dict.fromkeys(item_ids)
        found = tuple(self.items[item_id] for item_id in ids if item_id in self.items)
        return Answer(found, None, Reading(len(ids), 1), self.now)

    def query(  # noqa: PLR0913 - as `Table.query`
        self,
        keys: KeyRange,
        *,
        limit: int = 1000,
        forward: bool = True,
        start: Any = None,
        condition: str = "",
        names: Mapping[str, str] | None = None,
    ) -> Answer:
        """Of filter expressions it knows the one that a verification uses: that an attribute is not there."""
        assert condition in {"", "attribute_not_exists(#number)"}
        lacking = (names or {}).get("#number")
        low, high = (None if bound is None else Decimal(bound) for bound in (keys.first, keys.last))
        found = []
        for item_id, item in self.items.items():
            sort = item.get(keys.sort, {}).get("N")
            if item.get(keys.partition, {}).get("S") != keys.value or sort is None:
                continue
            number = Decimal(sort)
            if (low is None or number >= low) and (high is None or number <= high):
                found.append((number, item_id))
        found.sort(reverse=not forward)
        if start is not None:
            after = Decimal(start[keys.sort]["N"]), start["id"]["S"]
            # as DynamoDB, which refuses a key that the question could not have led to
            assert low is None or after[0] >= low
            assert high is None or after[0] <= high
            found = [key for key in found if (key > after if forward else key < after)]
        size = min(limit, self.page)
        read = [self.items[item_id] for _, item_id in found[:size]]
        items = tuple(item for item in read if lacking is None or lacking not in item)
        last_key = {name: read[-1][name] for name in ("id", keys.partition, keys.sort)} if size < len(found) else None
        return Answer(items, last_key, Reading(len(items), 1), self.now)

    def query_unread(self, keys: KeyRange, *, limit: int = 1000, start: Any = None) -> Unread:
        answer = self.query(keys, limit=limit, start=start)
        items: tuple[UnreadItem, ...] = answer.items  # type: ignore[assignment] # these are dictionaries
        with suppress(orjson.JSONEncodeError):  # binary values, or lone surrogates: read with the whole of the page
            items = tuple(msgspec.Raw(orjson.dumps(item)) for item in answer.items)
        return Unread(items, answer.last_key, answer.reading, answer.at)
