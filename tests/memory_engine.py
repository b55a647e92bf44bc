"""DynamoDB as far as an append needs it, in memory: transactions, tokens, ALL_OLD, TTL, and an index that lags.

A `Way` is one process's way to it, on which requests and answers are lost, late, refused, or beaten by a rival.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk

from tests.memory_table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.errors import EngineError
    from audit_core.table import Answer, KeyRange
    from audit_core.timestamps import Timestamp
    from tests.tables import ManualClock

    Item = dict[str, dict[str, Any]]
    Request = Callable[[], None]
    Fault = Callable[["Way", Request], None]

TOKEN_SECONDS = 600.0
LATENCY = 0.005


def refusal(code: str, status: int = 400, reasons: list[dict[str, Any]] | None = None) -> sdk.ClientError:
    """An error as botocore raises it."""
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if reasons is not None:
        response["CancellationReasons"] = reasons
    return sdk.ClientError(response, "TransactWriteItems")


class MemoryEngine:
    """Items by id; what was put shows in the indexes `lag` seconds later. `held` requests arrive when told to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.items: dict[str, Item] = {}
        self.lag = 0.0
        self.held: list[Request] = []
        self._shows: dict[str, float] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def put(self, *items: Item) -> None:
        for item in items:
            self.items[item["id"]["S"]] = dict(item)
            self._shows[item["id"]["S"]] = self.clock.monotonic() + self.lag

    def indexed(self) -> dict[str, Item]:
        """What the indexes show."""
        now = self.clock.monotonic()
        return {item_id: item for item_id, item in self.items.items() if self._shows[item_id] <= now}

    def transact(self, actions: list[dict[str, Any]], token: str) -> None:
        body, until = self._tokens.get(token, ("", 0.0))
        if self.clock.monotonic() < until:
            assert body == str(actions), "a token was used for another body"
            return
        reasons = [self._reason(action) for action in actions]
        if any(reason["Code"] != "None" for reason in reasons):
            raise refusal("TransactionCanceledException", reasons=reasons)
        ids = [_id(action) for action in actions]
        assert len(ids) == len(set(ids)) <= 100, "one transaction takes each item once, and a hundred at most"
        for action in actions:
            if "Put" in action:
                self.put(action["Put"]["Item"])
            else:
                self._update(action["Update"])
        self._tokens[token] = (str(actions), self.clock.monotonic() + TOKEN_SECONDS)

    def expire(self, most: int) -> set[str]:
        """Remove some of what has expired; returns the ids."""
        now = self.clock.now().epoch_seconds
        gone = [
            item_id for item_id, item in self.items.items() if int(item.get("expires_at_ttl", {"N": now})["N"]) < now
        ][:most]
        for item_id in gone:
            del self.items[item_id]
        return set(gone)

    def arrive(self, most: int) -> int:
        """Let requests arrive that were held up; nobody hears what becomes of them. Returns how many did."""
        arrived = self.held[:most]
        del self.held[:most]
        for request in arrived:
            _unheard(request)
        return len(arrived)

    def _reason(self, action: dict[str, Any]) -> dict[str, Any]:
        if "Put" not in action or _id(action) not in self.items:
            return {"Code": "None"}
        assert action["Put"]["ConditionExpression"] == "attribute_not_exists(id)"
        assert action["Put"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
        return {"Code": "ConditionalCheckFailed", "Item": dict(self.items[_id(action)])}

    def _update(self, update: dict[str, Any]) -> None:
        """The directory's: attributes that are set where they lack."""
        names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
        new = {name: values[place.replace("#n", ":v")] for place, name in names.items()}
        self.put({**new, **self.items.get(update["Key"]["id"]["S"], update["Key"])})


def _id(action: dict[str, Any]) -> str:
    item: dict[str, Any] = action["Put"]["Item"] if "Put" in action else action["Update"]["Key"]
    return str(item["id"]["S"])


class Way(MemoryTable):
    """Stands in for `Table` and its client. `faults` happen to the next writes, `broken` to the next reads.

    `doubts` counts the writes that may have been carried out without an answer, `bodies` are what was sent.
    """

    name = "memory"
    place = "memory"

    def __init__(self, engine: MemoryEngine, page: int = 7) -> None:
        super().__init__(engine.items, engine.clock.now(), page)
        self.engine = engine
        self.clock = engine.clock
        self.client = self
        self.faults: deque[Fault | None] = deque()
        self.broken: deque[EngineError | None] = deque()
        self.doubts = 0
        self.bodies: list[tuple[str, str]] = []
        self._began = 0.0

    def calm(self) -> None:
        """Nothing happens to anything any more, and nothing has."""
        self.faults.clear()
        self.broken.clear()
        self.bodies.clear()
        self.doubts = 0
        self._began = self.clock.monotonic()

    def took(self) -> float:
        """Seconds since it was calm."""
        return self.clock.monotonic() - self._began

    def transact_write_items(self, *, TransactItems: Any, ClientRequestToken: str, **_: object) -> None:  # noqa: N803
        self.clock.sleep(LATENCY)
        self.bodies.append((ClientRequestToken, str(TransactItems)))
        fault = self.faults.popleft() if self.faults else None

        def request() -> None:
            self.engine.transact(TransactItems, ClientRequestToken)

        if fault is None:
            request()
        else:
            fault(self, request)

    def get_many(self, item_ids: Any) -> Answer:
        self._read()
        return super().get_many(item_ids)

    def query(self, keys: KeyRange, **options: Any) -> Answer:
        self._read()
        return MemoryTable(self.engine.indexed(), self.now, self.page).query(keys, **options)

    def _read(self) -> None:
        self.clock.sleep(LATENCY)
        self.now: Timestamp = self.clock.now()
        error = self.broken.popleft() if self.broken else None
        if error is not None:
            raise error


def lose_request(way: Way, _request: Request) -> None:
    way.doubts += 1
    raise sdk.ConnectionClosedError(endpoint_url="memory")


def lose_answer(way: Way, request: Request) -> None:
    _unheard(request)
    way.doubts += 1
    raise sdk.ReadTimeoutError(endpoint_url="memory")


def hold(way: Way, request: Request) -> None:
    """It arrives some time, perhaps long after everybody has given up."""
    way.doubts += 1
    way.engine.held.append(request)
    raise sdk.ReadTimeoutError(endpoint_url="memory")


def be_overtaken(way: Way, request: Request) -> None:
    """The next request arrives before it, and hears what became of itself."""

    def both(_way: Way, following: Request) -> None:
        try:
            following()
        finally:
            _unheard(request)

    way.faults.appendleft(both)
    way.doubts += 1
    raise sdk.ReadTimeoutError(endpoint_url="memory")


def break_before(way: Way, _request: Request) -> None:
    way.doubts += 1
    raise refusal("InternalServerError", 500)


def break_after(way: Way, request: Request) -> None:
    _unheard(request)
    way.doubts += 1
    raise refusal("ServiceUnavailable", 503)


def be_in_progress(way: Way, request: Request) -> None:
    """It is being carried out, and may yet be done."""
    way.doubts += 1
    way.engine.held.append(request)
    raise refusal("TransactionInProgressException")


def refuse_connection(_way: Way, _request: Request) -> None:
    raise sdk.EndpointConnectionError(endpoint_url="memory")


def throttle(_way: Way, _request: Request) -> None:
    raise refusal("ThrottlingException")


def conflict(_way: Way, _request: Request) -> None:
    raise refusal("TransactionCanceledException", reasons=[{"Code": "TransactionConflict"}, {"Code": "None"}])


def load(_way: Way, _request: Request) -> None:
    raise refusal("TransactionCanceledException", reasons=[{"Code": "None"}, {"Code": "ThrottlingError"}])


def forbid(_way: Way, _request: Request) -> None:
    raise refusal("AccessDeniedException")


def invalidate(_way: Way, _request: Request) -> None:
    raise refusal("TransactionCanceledException", reasons=[{"Code": "None"}, {"Code": "ValidationError"}])


def _unheard(request: Request) -> None:
    try:
        request()
    except sdk.ClientError:
        return
