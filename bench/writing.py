"""Appending on DynamoDB Local against plain boto3, and against the requests alone.

Before each bench comes a round of it that is not counted: the engine's machine compiles its code while it runs.

Run: python -m bench.writing [--rounds N] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bench import floor, measure, reference, subjects
from bench.measure import Figure
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.synchronize import Barrier

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.append import Appended
    from audit_core.groupcommit import GroupWriter

T = TypeVar("T")
SINGLE = 300
BATCH, BATCHES = 50, 12
THREADS, PROCESSES = 16, 4
SECONDS = 4.0
TABLE = "bench_writing"
REPLAYED = "bench_replays"  # of the same length, so that a request only needs its name changed


@dataclass(frozen=True, slots=True)
class Run:
    """What writers side by side did: for each, how long its appends took (s), and how many failed."""

    latencies: Sequence[Sequence[float]]
    failed: int
    seconds: float

    @property
    def throughput(self) -> float:
        return sum(map(len, self.latencies)) / self.seconds

    @property
    def p99(self) -> float:
        return statistics.quantiles([one for writer in self.latencies for one in writer], n=100)[98]

    @property
    def fairness(self) -> float:
        """What the writer that came through least wrote, over what the one that came through most wrote."""
        counts = [len(writer) for writer in self.latencies]
        return min(counts) / max(counts)


def rate(work: Callable[[T], object], all_of: Sequence[T]) -> float:
    """How many a second, doing `work` for each in turn."""
    started = time.perf_counter()
    for one in all_of:
        work(one)
    return len(all_of) / (time.perf_counter() - started)


def append_for(seconds: float, append: Callable[[], object]) -> tuple[list[float], int]:
    """Append one after another; returns how long each took, and how many failed."""
    latencies, failed = [], 0
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        try:
            append()
        except reference.LostError:
            failed += 1
        else:
            latencies.append(time.perf_counter() - started)
    return latencies, failed


def by_threads(count: int, append: Callable[[], object]) -> Run:
    """Let `count` threads append for a while."""
    barrier = threading.Barrier(count)

    def work(_number: int) -> tuple[list[float], int]:
        barrier.wait()
        return append_for(SECONDS, append)

    started = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        done = list(pool.map(work, range(count)))
    seconds = time.perf_counter() - started
    return Run([latencies for latencies, _failed in done], sum(failed for _latencies, failed in done), seconds)


def reference_append(dynamodb: DynamoDBClient, tenant: str) -> int:
    return reference.append(dynamodb, TABLE, subjects.record(tenant).to_item())


def single(url: str, rounds: int) -> list[Figure]:
    """One writer that knows the tip, a full fence with each record."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)

    def ours(tenant: str) -> None:
        store.append(subjects.record(tenant))

    def theirs(tenant: str) -> None:
        reference_append(dynamodb, tenant)

    measured: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        for side, append in (("ours", ours), ("theirs", theirs)):
            tenant = subjects.new_tenant()
            append(tenant)  # the first finds the tip, and enters the tenant in the directory
            measured[side].append(rate(append, [tenant] * SINGLE))
    store.close()
    return [Figure("single append against the reference", "/s", measured["ours"], measured["theirs"], 1.45)]


def batches(url: str, rounds: int) -> list[Figure]:
    """One chain in batches of fifty, beside the reference, and the same requests prebuilt."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)
    engines.open_local(url, REPLAYED).close()
    ours, theirs, bare = [], [], []
    for _ in range(rounds):
        tenant, other = subjects.new_tenant(), subjects.new_tenant()
        store.append(subjects.record(tenant))
        reference_append(dynamodb, other)
        made = [[subjects.record(tenant) for _ in range(BATCH)] for _ in range(BATCHES)]
        items = [subjects.record(other).to_item() for _ in range(BATCH * BATCHES)]
        recording = floor.Recording(store.table.client)
        ours.append(BATCH * rate(store.append_many, made))
        recording.stop()
        prebuilt = [(headers, for_another_table(body)) for headers, body in recording.requests]
        bare.append(BATCH * len(prebuilt) * rate(partial(floor.replay, url), [prebuilt]))
        theirs.append(rate(partial(reference.append, dynamodb, TABLE), items))
    store.close()
    return [
        Figure("batches of 50 against the reference", "/s", ours, theirs, 3.5),
        Figure("batches of 50 against the floor", "/s", ours, bare, 0.9),
    ]


def for_another_table(request: bytes) -> bytes:
    """The same transaction for a table where nothing stands in its way, as a request of its own."""
    sent = json.loads(request.replace(TABLE.encode(), REPLAYED.encode()))
    return json.dumps({**sent, "ClientRequestToken": str(uuid.uuid4())}, separators=(",", ":")).encode()


def threads(url: str, rounds: int) -> list[Figure]:
    """Sixteen threads that append one at a time: through one group writer, and each for itself."""
    store, dynamodb = engines.open_local(url, TABLE), reference.client(url)
    ours, theirs = [], []
    for _ in range(rounds):
        with store.group_writer() as writer:
            ours.append(by_threads(THREADS, partial(submitted, writer, subjects.new_tenant())))
        theirs.append(by_threads(THREADS, partial(reference_append, dynamodb, subjects.new_tenant())))
    store.close()
    return [
        Figure("16 threads, group commit: throughput", "/s", *sides(ours, theirs, "throughput"), 5.5),
        Figure("16 threads, group commit: p99", "s", *sides(ours, theirs, "p99"), 1 / 15, at_most=True),
        Figure("16 threads, group commit: fewest over most", "", [run.fairness for run in ours], None, 0.9),
    ]


def submitted(writer: GroupWriter, tenant: str) -> Appended:
    """Append through a group writer, as a caller that waits does."""
    return writer.submit(subjects.record(tenant)).result()


def sides(ours: Sequence[Run], theirs: Sequence[Run], name: str) -> tuple[list[float], list[float]]:
    return [getattr(run, name) for run in ours], [getattr(run, name) for run in theirs]


def our_process(url: str, tenant: str, barrier: Barrier, threads: int) -> Run:
    store = engines.open_local(url, TABLE)
    with store.group_writer() as writer:
        barrier.wait()
        run = by_threads(threads, partial(submitted, writer, tenant))
    store.close()
    return run


def reference_process(url: str, tenant: str, barrier: Barrier) -> Run:
    dynamodb = reference.client(url)
    barrier.wait()
    return by_threads(1, partial(reference_append, dynamodb, tenant))


class Processes:
    """Processes of their own that write to one chain at once, the same ones in every round."""

    def __init__(self, url: str, count: int, work: Callable[..., Run], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier = context.Barrier(count)
        self._pipes = [context.Pipe() for _ in range(count)]
        self._all = [
            context.Process(target=self._serve, args=(url, work, self._barrier, pipe[1], arguments), daemon=True)
            for pipe in self._pipes
        ]
        for process, pipe in zip(self._all, self._pipes, strict=True):
            process.start()
            pipe[1].close()  # so that a process that ends is noticed

    @staticmethod
    def _serve(url: str, work: Callable[..., Run], barrier: Barrier, pipe: object, arguments: Sequence[object]) -> None:
        while tenant := pipe.recv():
            pipe.send(work(url, tenant, barrier, *arguments))

    def run(self, tenant: str) -> Run:
        """Let all write to a tenant's chain; each counts as one writer."""
        for pipe in self._pipes:
            pipe[0].send(tenant)
        runs = [pipe[0].recv() for pipe in self._pipes]
        latencies = [[one for writer in run.latencies for one in writer] for run in runs]
        return Run(latencies, sum(run.failed for run in runs), max(run.seconds for run in runs))

    def stop(self) -> None:
        for pipe, process in zip(self._pipes, self._all, strict=True):
            pipe[0].send("")
            process.join()


def processes(url: str, rounds: int) -> list[Figure]:
    """Four processes of four threads on one chain, and sixteen processes of the reference."""
    engines.open_local(url, TABLE).close()
    four = Processes(url, PROCESSES, our_process, THREADS // PROCESSES)
    sixteen = Processes(url, THREADS, reference_process)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(four.run(subjects.new_tenant()))
        theirs.append(sixteen.run(subjects.new_tenant()))
    four.stop()
    sixteen.stop()
    lost = sum(run.failed for run in theirs) / sum(run.failed + sum(map(len, run.latencies)) for run in theirs)
    print(f"of the reference's appends {lost:.1%} failed")
    return [
        Figure("4 processes of 4 threads: throughput", "/s", *sides(ours, theirs, "throughput"), 3.0),
        Figure("4 processes of 4 threads: failed", "", [sum(run.failed for run in ours)], None, 0, at_most=True),
        Figure("4 processes of 4 threads: fewest over most", "", [run.fairness for run in ours], None, 0.5),
    ]


def warmed(bench: Callable[[str, int], list[Figure]]) -> Callable[[str, int], list[Figure]]:
    """A bench with a round before it that is not counted."""

    def run(url: str, rounds: int) -> list[Figure]:
        bench(url, 1)
        return bench(url, rounds)

    return run


BENCHES = {bench.__name__: warmed(bench) for bench in (single, batches, threads, processes)}


if __name__ == "__main__":
    measure.run(__doc__, BENCHES)
