"""Group commit: records from many threads, up to fifty consecutive ones of a chain in one transaction.

A writer per process. Each chain has one queue and one committer at a time, several chains go on at once, and whoever
handed in a record has a future. How a batch is written is `append`'s alone; here is who waits, for how long, and who
learns what became of it.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from statistics import quantiles
from typing import TYPE_CHECKING, Self

from audit_core.append import BATCH_LIMIT, DEADLINE_SECONDS, Appended
from audit_core.errors import (
    AuditError,
    ConflictError,
    NotWrittenError,
    OutcomeUnknownError,
    RecordError,
    WriteRefusedError,
)
from audit_core.writecall import not_written, outcome_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from audit_core.append import ChainWriter
    from audit_core.linking import Candidate
    from audit_core.records import AuditRecord
    from audit_core.timestamps import Clock

__all__ = ["GroupStats", "GroupWriter"]

QUEUE_LIMIT = 10_000
"""Records that wait at most; whoever hands in more waits as well."""

COMMITTERS = 8
GATHERING = 0.25
"""What part of the last batch's time is waited for the next one to fill."""

_LATENCIES_KEPT = 10_000
_PERCENTILES = 100


@dataclass(frozen=True, slots=True)
class GroupStats:
    """How a writer is doing: records `waiting`, `committed` and `failed`, and `batches` that were sent.

    `latency_p50` and `latency_p99` are seconds from handing in to the commit, over the last 10,000; None before any.
    """

    waiting: int
    committed: int
    failed: int
    batches: int
    latency_p50: float | None
    latency_p99: float | None


@dataclass(slots=True)
class _Waiting:
    """A record that waits: until when it may, since when it does, and whether an earlier attempt is in doubt."""

    candidate: Candidate
    future: Future[Appended]
    give_up: float
    since: float
    doubted: bool = False

    @property
    def id(self) -> str:
        """The record's."""
        return self.candidate.record.id


class GroupWriter:
    """Takes records from any thread. Use it as a context manager, or `close` it.

    `writer` is the protocol, `prepare` what is done to a record before it is queued, `queue_limit` how many records
    wait at most, `committers` how many chains are written at once.
    """

    def __init__(
        self,
        writer: ChainWriter,
        prepare: Callable[[AuditRecord], AuditRecord],
        clock: Clock,
        *,
        queue_limit: int = QUEUE_LIMIT,
        committers: int = COMMITTERS,
    ) -> None:
        self._writer = writer
        self._prepare = prepare
        self._clock = clock
        self._limit = queue_limit
        self._queues: dict[str, deque[_Waiting]] = {}
        """What waits for each chain, in order; a chain that is here has a committer."""
        self._gathered: dict[str, int] = {}
        """How many records a chain's committer waits for."""
        self._waiting = self._committed = self._failed = self._batches = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._closed = False
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(committers, thread_name_prefix="audit-commit")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it: what was handed in is written."""
        self.close()

    def submit(self, record: AuditRecord, *, seconds: float = DEADLINE_SECONDS) -> Future[Appended]:
        """Hand in a record; the future gives what `AuditStore.append` returns, or raises what it raises.

        Waits while the queue is full. `seconds` is the time for all of it. A future that is cancelled before its record
        is sent takes it back. Raises `RecordError` for a record that cannot be stored, `WriteRefusedError` after
        `close`, `NotWrittenError` when the queue stays full for too long.
        """
        prepared = self._prepare(record)
        candidate = self._writer.candidate(prepared)
        give_up = self._writer.give_up([prepared], seconds)
        waiting = _Waiting(candidate, Future(), give_up, self._clock.monotonic())
        with self._changed:
            while self._waiting >= self._limit and not self._closed:
                left = give_up - self._clock.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise not_written([prepared.id], "The queue stayed full; write from fewer threads, or try again.")
            if self._closed:
                message = f"The writer is closed, so {prepared.id} was not taken; open another."
                raise WriteRefusedError(message)
            self._waiting += 1
            if prepared.chain in self._queues:
                self._queues[prepared.chain].append(waiting)
                if len(self._queues[prepared.chain]) == self._gathered.get(prepared.chain):
                    self._changed.notify_all()
            else:
                self._queues[prepared.chain] = deque((waiting,))
                self._pool.submit(self._turn, prepared.chain)
        return waiting.future

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until nothing waits any more; False when that took longer than `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, seconds)

    def close(self) -> None:
        """Take nothing more, and return when everything that was taken has ended, one way or the other."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.flush()
        self._pool.shutdown()

    @property
    def stats(self) -> GroupStats:
        """How it is doing."""
        with self._changed:
            latencies = list(self._latencies)
            counts = (self._waiting, self._committed, self._failed, self._batches)
        if not latencies:
            return GroupStats(*counts, None, None)
        cuts = quantiles(latencies, n=_PERCENTILES, method="inclusive") if len(latencies) > 1 else latencies * 99
        return GroupStats(*counts, cuts[49], cuts[98])

    def _turn(self, chain: str, before: int = 0, took: float = 0.0) -> None:
        """Commit one batch of a chain; when more waits, the chain goes to the end of the line, behind the others.

        The last batch had `before` records and took `took` seconds.
        """
        while True:
            if before > 1:
                self._gather(chain, before, took * GATHERING)
            # what is handed in while others have their turn goes along
            with self._writer.turn(chain, self._first_give_up(chain)):
                batch = self._next_batch(chain)
                if not batch:
                    return
                began = self._clock.monotonic()
                again = self._commit(batch)
                before, took = len(batch), self._clock.monotonic() - began
            with self._changed:
                self._queues[chain].extendleft(reversed(again))
                self._waiting -= len(batch) - len(again)
                self._batches += 1
                self._changed.notify_all()
            try:
                self._pool.submit(self._turn, chain, before, took)
            except RuntimeError:  # the program ends without having closed it: nothing new is taken up, this goes on
                continue
            return

    def _gather(self, chain: str, count: int, seconds: float) -> None:
        """Wait for as many records as went before: their callers hand in the next ones now, and all can go together.

        Without this, the first of them would go alone, and the others wait for it.
        """
        with self._changed:
            self._gathered[chain] = count
            self._changed.wait_for(lambda: len(self._queues[chain]) >= count or self._closed, seconds)
            del self._gathered[chain]

    def _first_give_up(self, chain: str) -> float:
        """Return when the time is up for the first of those who go next."""
        with self._changed:
            return min((waiting.give_up for waiting in islice(self._queues[chain], BATCH_LIMIT)), default=0.0)

    def _next_batch(self, chain: str) -> list[_Waiting]:
        """Take what goes into the next batch; empty, and the chain is let go, when nothing waits."""
        with self._changed:
            queue = self._queues[chain]
            batch: list[_Waiting] = []
            ids: set[str] = set()
            while queue and len(batch) < BATCH_LIMIT and queue[0].id not in ids:
                waiting = queue.popleft()
                if waiting.future.running() or waiting.future.set_running_or_notify_cancel():
                    batch.append(waiting)
                    ids.add(waiting.id)
                else:
                    self._waiting -= 1
            if not batch:
                del self._queues[chain]
                self._changed.notify_all()
            return batch

    def _commit(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Write a batch and tell whoever waits; returns those that have time for another attempt."""
        seconds = max(0.0, min(waiting.give_up for waiting in batch) - self._clock.monotonic())
        try:
            appended = self._writer.append_candidates([waiting.candidate for waiting in batch], seconds)
        except RecordError as error:
            if len(batch) == 1:
                return self._settle(batch, (), error)
            # one record spoils the batch: each goes by itself, as far as it is not in
            done = {one.record.id for one in error.appended}
            self._settle([waiting for waiting in batch if waiting.id in done], error.appended, None)
            rest = [waiting for waiting in batch if waiting.id not in done]
            return [again for waiting in rest for again in self._commit([waiting])]
        except AuditError as error:
            return self._settle(batch, error.appended, error)
        except Exception as error:  # noqa: BLE001 - whoever waits for the records has to learn of it
            return self._settle(batch, (), error)
        return self._settle(batch, appended, None)

    def _settle(
        self, batch: Sequence[_Waiting], appended: Iterable[Appended], error: Exception | None
    ) -> list[_Waiting]:
        done = {one.record.id: one for one in appended}
        doubt = error.ids if isinstance(error, OutcomeUnknownError) else ()
        now = self._clock.monotonic()
        again = []
        for waiting in batch:
            record_id = waiting.id
            waiting.doubted |= record_id in doubt
            if record_id in done:
                with self._changed:
                    self._committed += 1
                    self._latencies.append(now - waiting.since)
                # one that was in doubt and is recognised now was written by this writer
                duplicate = done[record_id].duplicate and not waiting.doubted
                waiting.future.set_result(Appended(done[record_id].record, duplicate))
            elif isinstance(error, NotWrittenError | OutcomeUnknownError) and waiting.give_up > now:
                again.append(waiting)
            else:
                with self._changed:
                    self._failed += 1
                waiting.future.set_exception(_own_error(error, waiting))
        return again


def _own_error(error: Exception | None, waiting: _Waiting) -> Exception | None:
    """Return what became of one record of a batch that failed."""
    ids = (waiting.id,)
    if isinstance(error, ConflictError):
        message = f"{ids[0]} was not written, because the id is taken by other content; give it an id of its own."
        return ConflictError(message, ids)
    if waiting.doubted:
        return outcome_unknown(ids, str(error))
    if isinstance(error, NotWrittenError | OutcomeUnknownError):
        return not_written(ids, "The chain was busy, or the engine did not answer in time; try again.")
    return error
