"""Verifying on DynamoDB Local against plain boto3, and against the requests alone; and listing tenants.

Run: python -m bench.reading [--rounds N] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from audit_core.cli.verifying import CHAINS_AT_ONCE
from bench import filling, floor, measure, reference, subjects
from bench.measure import Figure
from bench.subjects import NAMESPACE
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.chain.pool import ReaderPool
    from audit_core.store import AuditStore

RECORDS = 20_000
TENANTS = 2_000
TABLE = "bench_reading"
UNCOUNTED = 3
"""Rounds before those that count: a fresh engine compiles its code as it runs."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def verified(store: AuditStore, tenant: str, *, fences: int = 0, pool: ReaderPool | None = None) -> None:
    """Verify a chain that is whole."""
    report = store.verify(NAMESPACE, tenant, pool=pool)
    assert report.verdict.value == "intact", report
    assert report.records_checked == RECORDS
    assert report.reading.items >= RECORDS + fences


def verify(url: str, rounds: int) -> list[Figure]:
    """A chain of ours, in one process: all three hashes of each record."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)
    tenant = subjects.new_tenant()
    filling.fill(url, TABLE, {tenant: RECORDS})
    recording = floor.Recording(store.table.client)
    verified(store, tenant)
    recording.stop()
    ours, by_two, theirs, bare = [], [], [], []
    pool = store.reader_pool(1)
    for _ in range(UNCOUNTED):
        verified(store, tenant, pool=pool)
        verified(store, tenant)
        reference.verify(dynamodb, TABLE, NAMESPACE, tenant)
        floor.replay(url, recording.requests)
    for _ in range(rounds):
        ours.append(RECORDS / seconds(lambda: verified(store, tenant)))
        by_two.append(RECORDS / seconds(lambda: verified(store, tenant, pool=pool)))
        theirs.append(RECORDS / seconds(lambda: reference.verify(dynamodb, TABLE, NAMESPACE, tenant)))
        bare.append(RECORDS / seconds(lambda: floor.replay(url, recording.requests)))
    pool.close()
    store.close()
    return [
        Figure("verify 20,000 records against the reference", "/s", ours, theirs, 3.6),
        Figure("the same by two processes", "/s", by_two, theirs, 4.0),
        Figure("verify 20,000 records against the floor", "/s", ours, bare, 0.95),
    ]


def elsewhere(url: str, rounds: int) -> list[Figure]:
    """A chain that the Acteon server wrote: the fence of every record has to be read."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)
    tenant = subjects.new_tenant()
    filling.fill(url, TABLE, {tenant: RECORDS}, elsewhere=True)
    recording = floor.Recording(store.table.client)
    verified(store, tenant, fences=RECORDS)
    recording.stop()
    ours, theirs, bare = [], [], []
    for _ in range(rounds):
        ours.append(RECORDS / seconds(lambda: verified(store, tenant, fences=RECORDS)))
        theirs.append(RECORDS / seconds(lambda: reference.verify(dynamodb, TABLE, NAMESPACE, tenant, fences=True)))
        bare.append(RECORDS / seconds(lambda: floor.replay(url, recording.requests)))
    store.close()
    return [
        Figure("verify 20,000 records written elsewhere", "/s", ours, theirs, 3.0),
        Figure("the same against the floor", "/s", ours, bare, 0.95),
    ]


def many(url: str, rounds: int) -> list[Figure]:
    """Two thousand chains of ten records, a few at a time as the command does: how busy the engine is, in cores."""
    table = "bench_many"
    store = engines.open_local(url, table)
    names = [f"tenant-{number:04}" for number in range(TENANTS)]
    filling.fill(url, table, {**dict.fromkeys(names, 10), "long": RECORDS})
    ours, one_long = [], []
    for _ in range(rounds):
        with ThreadPoolExecutor(CHAINS_AT_ONCE) as pool:
            chains = measure.spent(lambda: list(pool.map(lambda name: store.verify(NAMESPACE, name), names)))
        ours.append(chains.engine_load)
        one_long.append(measure.spent(lambda: verified(store, "long")).engine_load)
    store.close()
    return [Figure("engine busy with 2,000 chains of ten", "cores", ours, one_long, 1.0)]


def tenants(url: str, rounds: int) -> list[Figure]:
    """The tenants of a table, by the directory and by a scan."""
    table = "bench_tenants"
    store, dynamodb = engines.open_local(url, table), reference.client(url)
    filling.fill(url, table, {f"tenant-{number:04}": 10 for number in range(TENANTS)})
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(seconds(lambda: len(store.tenants().entries)))
        theirs.append(seconds(lambda: reference.tenants(dynamodb, table)))
    assert len(store.tenants().entries) == len(reference.tenants(dynamodb, table)) == TENANTS
    store.close()
    return [Figure("list 2,000 tenants against a scan", "s", ours, theirs, 1 / 40, at_most=True)]


BENCHES = {"verify": verify, "elsewhere": elsewhere, "many": many, "tenants": tenants}


if __name__ == "__main__":
    measure.run(__doc__, BENCHES)
