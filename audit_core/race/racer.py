"""One process of writers in a race: `python -m audit_core.race.racer`, told by a line of JSON on its standard input.

It says when it is ready, begins at the next line, and tells each append by a line of JSON, then that it is done.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from audit_core.errors import AuditError, WriteError
from audit_core.plainappend import LostError, append, local_client
from audit_core.race.figures import Algorithm, Lap
from audit_core.settings import AuditSettings, ComplianceSettings, DashboardSettings, Settings
from audit_core.store import AuditStore
from audit_core.tamper import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.records import AuditRecord

__all__ = ["Task", "main", "settings_of"]


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does: which algorithm, on which chain, its writers from `first` on, and how much each writes."""

    algorithm: str
    namespace: str
    tenant: str
    first: int
    writers: int
    each: int
    url: str
    region: str
    table_name: str
    prefix: str
    local_hosts: tuple[str, ...]


def settings_of(task: Task) -> Settings:
    """Return the settings of a task's store."""
    audit = AuditSettings(
        backend="dynamodb", url=task.url, region=task.region, table_name=task.table_name, prefix=task.prefix
    )
    dashboard = DashboardSettings(local_hosts=tuple(task.local_hosts))
    return Settings(audit=audit, compliance=ComplianceSettings.for_mode("soc2"), dashboard=dashboard)


class _Meter:
    """Counts a thread's transactions, and the seconds that its requests take."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._own = threading.local()
        events: Any = client.meta.events
        events.register("before-call.dynamodb", self._begin)
        events.register("after-call.dynamodb", self._end)
        events.register("after-call-error.dynamodb", self._end)

    def reset(self) -> None:
        self._own.sent, self._own.seconds, self._own.began = 0, 0.0, 0.0

    @property
    def sent(self) -> int:
        """Transactions since the last reset."""
        sent: int = self._own.sent
        return sent

    @property
    def seconds(self) -> float:
        """Seconds spent on requests since then."""
        seconds: float = self._own.seconds
        return seconds

    def _begin(self, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if hasattr(self._own, "sent"):
            self._own.began = time.monotonic()
            self._own.sent += model.name == "TransactWriteItems"

    def _end(self, **_: object) -> None:
        if hasattr(self._own, "sent"):
            self._own.seconds += time.monotonic() - self._own.began


def main() -> None:
    """Race, as standard input says."""
    task = Task(**json.loads(sys.stdin.readline()))
    store = AuditStore.open(settings_of(task))
    guard.require_demo(store, task.namespace, task.tenant)
    client = store.table.client if task.algorithm == Algorithm.OURS else local_client(task.url, task.region)
    meter = _Meter(client)
    write = _ours(store) if task.algorithm == Algorithm.OURS else _plain(client, task.table_name)
    _tell({"ready": True})
    sys.stdin.readline()
    lock = threading.Lock()

    def race(writer: int) -> None:
        for record in _records(store, task, writer):
            lap = _lap(writer, record, write, meter)
            with lock:
                _tell(asdict(lap))

    with ThreadPoolExecutor(task.writers) as pool:
        list(pool.map(race, range(task.first, task.first + task.writers)))
    store.close()
    _tell({"done": True})


def _lap(writer: int, record: AuditRecord, write: Callable[[AuditRecord], int | None], meter: _Meter) -> Lap:
    meter.reset()
    began, started = time.time(), time.monotonic()
    number = write(record)
    seconds = time.monotonic() - started
    return Lap(
        writer, record.id, number, began, began + seconds, max(0, meter.sent - 1), max(0.0, seconds - meter.seconds)
    )


def _ours(store: AuditStore) -> Callable[[AuditRecord], int | None]:
    def write(record: AuditRecord) -> int | None:
        try:
            return store.append(record).record.sequence_number
        except WriteError:
            return None

    return write


def _plain(client: DynamoDBClient, table: str) -> Callable[[AuditRecord], int | None]:
    def write(record: AuditRecord) -> int | None:
        try:
            return append(client, table, record.to_item())
        except LostError:
            return None

    return write


def _records(store: AuditStore, task: Task, writer: int) -> Iterator[AuditRecord]:
    for number in range(task.each):
        yield store.draft(
            namespace=task.namespace,
            tenant=task.tenant,
            provider="race",
            action_type=f"writer-{writer}",
            verdict="allow",
            outcome="executed",
            action_payload=f'{{"writer":{writer},"n":{number}}}',
            expires_at=None,
        )


def _tell(message: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except AuditError as error:
        sys.exit(str(error))
