"""Verifying on DynamoDB Local against plain boto3, and against the requests alone; and listing tenants.

Run: python -m bench.reading [--rounds N] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import filling, floor, measure, reference, subjects
from bench.measure import Figure
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.store import AuditStore

RECORDS = 20_000
TENANTS = 2_000
TABLE = "bench_reading"


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def verified(store: AuditStore, tenant: str, *, fences: int = 0) -> None:
    """Verify a chain that is whole."""
    report = store.verify(subjects.NAMESPACE, tenant)
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
    ours, theirs, bare = [], [], []
    for _ in range(rounds):
        ours.append(RECORDS / seconds(lambda: verified(store, tenant)))
        theirs.append(RECORDS / seconds(lambda: reference.verify(dynamodb, TABLE, subjects.NAMESPACE, tenant)))
        bare.append(RECORDS / seconds(lambda: floor.replay(url, recording.requests)))
    store.close()
    return [
        Figure("verify 20,000 records against the reference", "/s", ours, theirs, 3.6),
        Figure("verify 20,000 records against the floor", "/s", ours, bare, 0.95),
    ]


def elsewhere(url: str, rounds: int) -> list[Figure]:
    """A chain that the Acteon server wrote: the fence of every record has to be read."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)
    tenant = subjects.new_tenant()
    filling.fill(url, TABLE, {tenant: RECORDS}, elsewhere=True)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(RECORDS / seconds(lambda: verified(store, tenant, fences=RECORDS)))
        theirs.append(
            RECORDS / seconds(lambda: reference.verify(dynamodb, TABLE, subjects.NAMESPACE, tenant, fences=True))
        )
    store.close()
    return [Figure("verify 20,000 records written elsewhere", "/s", ours, theirs, 3.0)]


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


BENCHES = {"verify": verify, "elsewhere": elsewhere, "tenants": tenants}


if __name__ == "__main__":
    measure.run(__doc__, BENCHES)
