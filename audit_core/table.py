"""Thin calls on the table: consistent reads by id, and pages of its indexes, each telling what it read and cost.

Every request has a limit of at most 1,000 items: an unlimited query was three times slower on DynamoDB Local. Errors
come out as `EngineError`. What to read, and what it means, is decided by the callers.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from audit_core.client import answered_at, engine_errors
from audit_core.errors import ThrottledError
from audit_core.jsonwire import items_unread
from audit_core.timestamps import Clock, Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.items import Item
    from audit_core.jsonwire import UnreadItem
    from audit_core.settings import Settings

__all__ = ["MAX_PAGE", "Answer", "KeyRange", "Reading", "Table", "Unread", "pages"]

MAX_PAGE = 1000
"""Items that one request may go through at most."""

AT_ONCE = 4
"""Requests that a table's own threads send at once."""

MAX_KEYS = 100
"""Keys that one BatchGetItem takes."""

_UNPROCESSED_TRIES = 8

Made = TypeVar("Made")
Wanted = TypeVar("Wanted")


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading took: `items` gone through, `requests` sent, read `units` consumed as the engine counts them."""

    items: int = 0
    requests: int = 0
    units: float = 0.0

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.items:,} items in {self.requests:,} requests, {self.units:,.1f} read units"

    def __add__(self, other: Reading) -> Reading:
        """Add two up."""
        return Reading(self.items + other.items, self.requests + other.requests, self.units + other.units)


@dataclass(frozen=True, slots=True)
class Answer:
    """Items in the engine's order, the key to go on from (None at the end), the cost, and the engine's clock."""

    items: tuple[Item, ...]
    last_key: Item | None
    reading: Reading
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Unread:
    """As `Answer`, with items that `jsonwire.read_item` reads."""

    items: tuple[UnreadItem, ...]
    last_key: Item | None
    reading: Reading
    at: Timestamp


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A part of an index: its partition, and inclusive bounds of its sort key as number texts (None: open)."""

    index: str
    partition: str
    value: str
    sort: str
    first: str | None = None
    last: str | None = None

    def condition(self) -> tuple[str, dict[str, str], dict[str, Any]]:
        """Return the key condition with its names and values; bounds are never part of the expression's text."""
        text, names, values = "#pk = :pk", {"#pk": self.partition}, {":pk": {"S": self.value}}
        if self.first is not None and self.last is not None:
            text += " AND #sk BETWEEN :first AND :last"
        elif self.first is not None:
            text += " AND #sk >= :first"
        elif self.last is not None:
            text += " AND #sk <= :last"
        if self.first is not None or self.last is not None:
            names["#sk"] = self.sort
        for name, bound in ((":first", self.first), (":last", self.last)):
            if bound is not None:
                values[name] = {"N": bound}
        return text, names, values


class Table:
    """One table on one client; safe to share between threads, as the client is.

    `place` is what errors name as the engine: the settings, or else the table's name.
    """

    def __init__(
        self, client: DynamoDBClient, name: str, clock: Clock | None = None, place: Settings | None = None
    ) -> None:
        self.client = client
        self.name = name
        self.place: Settings | str = place or name
        self.clock = clock or Clock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="audit-read")

    def submit(self, work: Callable[[Wanted], Made], wanted: Wanted) -> Future[Made]:
        """Do some reading in another thread; a few go on at once, the others wait."""
        return self._pool.submit(work, wanted)

    def close(self) -> None:
        """Give back threads and connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def get(self, item_id: str) -> Answer:
        """Read one item consistently; `items` is empty when there is none. Raises `EngineError`."""
        with engine_errors(self.place):
            response = self.client.get_item(
                TableName=self.name,
                Key={"id": {"S": item_id}},
                ConsistentRead=True,
                ReturnConsumedCapacity="TOTAL",
            )
        found = response.get("Item")
        items = () if found is None else (found,)
        units = float(response.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
        return Answer(items, None, Reading(1, 1, units), self._at(response))

    def get_many(self, item_ids: Iterable[str]) -> Answer:
        """Read items consistently, in requests of 100; what is missing is left out, the order is the engine's.

        `at` is the clock of the first answer, so that nothing is judged by a time later than it was read. Raises
        `EngineError`, `ThrottledError` when the engine keeps keys back for too long.
        """
        ids = list(dict.fromkeys(item_ids))
        items: list[Item] = []
        reading, at = Reading(), None
        for start in range(0, len(ids), MAX_KEYS):
            keys: Sequence[Any] = [{"id": {"S": item_id}} for item_id in ids[start : start + MAX_KEYS]]
            for attempt in range(_UNPROCESSED_TRIES):
                with engine_errors(self.place):
                    response = self.client.batch_get_item(
                        RequestItems={self.name: {"Keys": keys, "ConsistentRead": True}},
                        ReturnConsumedCapacity="TOTAL",
                    )
                items.extend(response["Responses"].get(self.name, ()))
                units = sum(float(entry.get("CapacityUnits", 0)) for entry in response.get("ConsumedCapacity", ()))
                reading += Reading(len(keys), 1, units)
                at = at or self._at(response)
                kept_back: Any = response.get("UnprocessedKeys", {}).get(self.name, {"Keys": []})
                keys = kept_back["Keys"]
                if not keys:
                    break
                self.clock.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, no secret
            if keys:
                message = f"DynamoDB keeps back keys of {self.name} for load; wait a little, then try again."
                raise ThrottledError(message)
        return Answer(tuple(items), None, reading, at or self.clock.now())

    def query(  # noqa: PLR0913 - these are DynamoDB's own parameters
        self,
        keys: KeyRange,
        *,
        limit: int = MAX_PAGE,
        forward: bool = True,
        start: Item | None = None,
        condition: str = "",
        names: dict[str, str] | None = None,
        values: dict[str, Any] | None = None,
    ) -> Answer:
        """Read one page of an index, eventually consistent as indexes are. Raises `EngineError`.

        `condition` with its `names` and `values` is a filter expression; `limit` is cut to `MAX_PAGE`.
        """
        arguments = self._question(keys, limit, start)
        arguments["ScanIndexForward"] = forward
        arguments["ExpressionAttributeNames"].update(names or {})
        arguments["ExpressionAttributeValues"].update(values or {})
        if condition:
            arguments["FilterExpression"] = condition
        with engine_errors(self.place), items_unread(unread=False):
            response = self.client.query(**arguments)
        return self._page(response)

    def query_unread(self, keys: KeyRange, *, limit: int = MAX_PAGE, start: Item | None = None) -> Unread:
        """Read one page of an index as `query` does, in ascending order, and leave its items unread."""
        with engine_errors(self.place), items_unread():
            response = self.client.query(**self._question(keys, limit, start))
        page = self._page(response)
        return Unread(page.items, page.last_key, page.reading, page.at)  # type: ignore[arg-type] # as the parser left them

    def _question(self, keys: KeyRange, limit: int, start: Item | None) -> dict[str, Any]:
        text, names, values = keys.condition()
        question: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": keys.index,
            "KeyConditionExpression": text,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "Limit": max(1, min(limit, MAX_PAGE)),
            "ReturnConsumedCapacity": "TOTAL",
        }
        if start is not None:
            question["ExclusiveStartKey"] = start
        return question

    def scan(self, *, segment: int, segments: int, projection: Sequence[str], start: Item | None = None) -> Answer:
        """Read one page of a parallel scan, of the attributes in `projection` only. Raises `EngineError`."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "Segment": segment,
            "TotalSegments": segments,
            "Limit": MAX_PAGE,
            "ProjectionExpression": ", ".join(f"#p{n}" for n in range(len(projection))),
            "ExpressionAttributeNames": {f"#p{n}": name for n, name in enumerate(projection)},
            "ReturnConsumedCapacity": "TOTAL",
        }
        if start is not None:
            arguments["ExclusiveStartKey"] = start
        with engine_errors(self.place):
            response = self.client.scan(**arguments)
        return self._page(response)

    def _page(self, response: Any) -> Answer:  # noqa: ANN401 - Query and Scan answer alike
        items = tuple(response["Items"])
        units = float(response.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
        reading = Reading(int(response.get("ScannedCount", len(items))), 1, units)
        return Answer(items, response.get("LastEvaluatedKey") or None, reading, self._at(response))

    def _at(self, response: Any) -> Timestamp:  # noqa: ANN401 - every answer has the same metadata
        return Timestamp.from_datetime(answered_at(response))


def pages(table: Table, keys: KeyRange, **options: Any) -> Iterator[Answer]:  # noqa: ANN401 - those of `Table.query`
    """Read a part of an index to its end, page by page; `options` as of `Table.query`. Raises `EngineError`."""
    start: Item | None = None
    while True:
        page = table.query(keys, start=start, **options)
        yield page
        start = page.last_key
        if start is None:
            return
