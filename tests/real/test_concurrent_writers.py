"""Writers that race on one chain: threads with stores of their own, and processes (FORMAT 6, CASES 46)."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from tests import engines, tables
from tests.builders import records
from tests.chains import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit_core.store import AuditStore

ROOT = Path(__file__).parents[2]
THREADS, EACH = 8, 25
WRITER = """
import sys
from audit_core.settings import AuditSettings, Settings
from audit_core.store import AuditStore
from tests.builders import records

url, table, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = AuditStore.open(Settings(audit=AuditSettings(url=url, table_name=table)))
for number in range(start, start + 40):
    print(store.append(records(1, start=number)[0]).record.sequence_number)
"""


@pytest.fixture
def open_one(dynamodb_local_url: str, unique_table: str) -> Iterator[Callable[[], AuditStore]]:
    engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
    opened: list[AuditStore] = []

    def open_store() -> AuditStore:
        opened.append(engines.open_store(engine, unique_table, {}))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def assert_contiguous(store: AuditStore, acknowledged: list[int | None], count: int) -> None:
    """Every acknowledged number once, without a gap, each record there once, and the chain intact."""
    assert sorted(number for number in acknowledged if number is not None) == list(range(count))
    found = [stored for stored in tables.everything(store).values() if "_fence" not in stored]
    assert len(found) == count
    report = store.verify(*NAMES, thorough=True)
    assert (report.verdict, report.records_checked, report.findings) == (Verdict.INTACT, count, ())


def test_threads_of_two_stores_lose_nothing(open_one: Callable[[], AuditStore]) -> None:
    stores = [open_one(), open_one()]

    def write(writer: int) -> list[int | None]:
        store = stores[writer % 2]
        return [store.append(entry).record.sequence_number for entry in records(EACH, start=writer * EACH)]

    with ThreadPoolExecutor(THREADS) as pool:
        acknowledged = [number for numbers in pool.map(write, range(THREADS)) for number in numbers]

    assert_contiguous(stores[0], acknowledged, THREADS * EACH)


def test_batches_of_several_stores_lose_nothing(open_one: Callable[[], AuditStore]) -> None:
    stores = [open_one() for _ in range(3)]

    def write(writer: int) -> list[int | None]:
        made = records(60, start=writer * 60)
        return [
            entry.record.sequence_number
            for start in range(0, 60, 20)
            for entry in stores[writer].append_many(made[start : start + 20])
        ]

    with ThreadPoolExecutor(3) as pool:
        acknowledged = [number for numbers in pool.map(write, range(3)) for number in numbers]

    assert_contiguous(stores[0], acknowledged, 180)


def test_writers_of_the_same_records_write_each_once(open_one: Callable[[], AuditStore]) -> None:
    stores = [open_one() for _ in range(3)]
    made = records(20)

    def write(writer: int) -> list[int | None]:
        return [stores[writer].append(entry).record.sequence_number for entry in made]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(write, range(3)))

    assert answers[0] == answers[1] == answers[2]
    assert_contiguous(stores[0], answers[0], 20)


def test_processes_lose_nothing(open_one: Callable[[], AuditStore], dynamodb_local_url: str, unique_table: str) -> None:
    store = open_one()
    arguments = [sys.executable, "-c", WRITER, dynamodb_local_url, unique_table]

    writers = [
        subprocess.Popen([*arguments, str(start)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for start in (0, 40)
    ]
    outputs = [writer.communicate(timeout=60)[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert_contiguous(store, [int(line) for output in outputs for line in output.split()], 80)
