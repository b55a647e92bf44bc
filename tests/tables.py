"""A table as somebody sees it who has the plain AWS API: put, delete, read it whole, count what is asked of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from audit_core.timestamps import Clock, Timestamp

if TYPE_CHECKING:
    from audit_core.store import AuditStore

Item = dict[str, dict[str, Any]]
_TEN = (
    "action_id",
    "action_type",
    "dispatched_at",
    "id",
    "namespace",
    "outcome",
    "previous_hash",
    "provider",
    "tenant",
    "verdict",
)


class ManualClock(Clock):
    """A clock that goes on only when somebody waits, or says so; `slept` adds up the waiting, in seconds."""

    def __init__(self, start: Timestamp | None = None) -> None:
        self.start = start or Clock().now()
        self.slept = 0.0

    def now(self) -> Timestamp:
        return self.start.plus_seconds(self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def put(store: AuditStore, *items: Item) -> None:
    for start in range(0, len(items), 25):
        requests: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        store.table.client.batch_write_item(RequestItems={store.table.name: requests})


def delete(store: AuditStore, *ids: str) -> None:
    for item_id in ids:
        store.table.client.delete_item(TableName=store.table.name, Key={"id": {"S": item_id}})


def everything(store: AuditStore) -> dict[str, Any]:
    """Every item by its id."""
    found: dict[str, Any] = {}
    start: dict[str, Any] = {}
    while True:
        page = store.table.client.scan(TableName=store.table.name, ConsistentRead=True, Limit=1000, **start)
        found |= {item["id"]["S"]: item for item in page["Items"]}
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def fence(store: AuditStore, position: int, namespace: str = "notifications", tenant: str = "acme") -> Any:
    """The fence at a position, or None."""
    found = store.table.get(f"SEQ#{namespace}#{tenant}#{position}").items
    return found[0] if found else None


def asked(store: AuditStore) -> Counter[str]:
    """Counts the store's requests from now on, by operation."""
    counted: Counter[str] = Counter()

    def count(request: Any, **_: object) -> None:
        counted[request.headers["X-Amz-Target"].decode().rpartition(".")[2]] += 1

    store.table.client.meta.events.register("before-send.dynamodb", count)  # type: ignore[arg-type]
    return counted


def sha256_of(item: Item, without: str) -> str:
    """FORMAT 4 by means of its own, for items of plain values with ASCII names."""
    rest = {name: value for name, value in item.items() if name != without}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record_hash_of(item: Item) -> str:
    """FORMAT 3 by means of its own, for records whose `dispatched_at` is stored in its normal form."""
    values = {name: item[name]["S"] if name in item else None for name in _TEN}
    return hashlib.sha256(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
