"""Writers in processes that are killed at random points and begin anew, while verifiers read along.

Each process has a share of the records, writes it by several threads, and tells which were acknowledged. A killed one
is started again with the same share, so that what stands already has to be recognised.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from typing import TYPE_CHECKING

from tests import engines
from tests.builders import records
from tests.chains import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from audit_core.append import Appended

PROCESSES, THREADS = 4, 4
LONGEST_LIFE = 1.5
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.real.hammering", "audit_core.store", "botocore.loaders"])


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does: the numbers of its records, and how it writes them.

    By a group writer, or each thread by itself; `apart` meets the others in no folder, as if on a machine of its own.
    """

    share: range
    grouped: bool
    apart: bool


def write(url: str, table: str, part: Part, acknowledged: Connection) -> None:
    """Write a part's records by threads, and tell which were acknowledged."""
    if part.apart:
        tempfile.tempdir = os.devnull  # in which no folder can be made
    store = engines.open_local(url, table)
    lock = threading.Lock()

    def tell(message: tuple[str, int | None] | None) -> None:
        with lock:
            acknowledged.send(message)

    def told(appended: Appended) -> None:
        tell((appended.record.id, appended.record.sequence_number))

    with store.group_writer() as writer, ThreadPoolExecutor(THREADS) as pool:

        def work(thread: int) -> None:
            for number in part.share[thread::THREADS]:
                record = records(1, start=number)[0]
                appended = writer.submit(record).result() if part.grouped else store.append(record)
                told(appended)

        list(pool.map(work, range(THREADS)))
    store.close()
    tell(None)


@dataclass(slots=True)
class Slot:
    """One process, or the one that took its place."""

    part: Part
    process: BaseProcess
    told: Connection


@dataclass(slots=True)
class Hammer:
    """Runs it. `acknowledged` holds every record id with the sequence numbers told for it, `verdicts` what was read."""

    url: str
    table: str
    each: int
    kills: int
    seed: int
    acknowledged: dict[str, set[int | None]] = field(default_factory=dict)
    verdicts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    killed: int = 0
    wanted: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Write until all shares are in and everybody was killed who was to be."""
        with ThreadPoolExecutor(2) as readers:
            reading = [readers.submit(self._read_along) for _ in range(2)]
            try:
                self._write()
            finally:
                self._stop.set()
            for reader in reading:
                reader.result()

    def _write(self) -> None:
        choose = random.Random(self.seed)  # noqa: S311 - a choice of moments, no secret
        slots = [
            self._start(Part(self._next_share(), grouped=number % 2 == 0, apart=number < 2))
            for number in range(PROCESSES)
        ]
        kill_at = self._moment(choose)
        while slots:
            patience = None if self.killed == self.kills else max(0.0, kill_at - time.monotonic())
            ready = connection.wait([slot.told for slot in slots], patience)
            for slot in [slot for slot in slots if slot.told in ready]:
                if self._hear(slot):
                    continue
                slots.remove(slot)
                slot.process.join()
                if self.killed < self.kills:
                    slots.append(self._start(replace(slot.part, share=self._next_share())))
            if slots and self.killed < self.kills and time.monotonic() >= kill_at:
                slot = choose.choice(slots)
                slots.remove(slot)
                slots += self._kill(slot)
                kill_at = self._moment(choose)

    @staticmethod
    def _moment(choose: random.Random) -> float:
        return time.monotonic() + choose.uniform(0, LONGEST_LIFE)

    def _next_share(self) -> range:
        share = range(self.wanted, self.wanted + self.each * THREADS)
        self.wanted = share.stop
        return share

    def _start(self, part: Part) -> Slot:
        heard, told = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=write, args=(self.url, self.table, part, told), daemon=True)
        process.start()
        told.close()
        return Slot(part, process, heard)

    def _hear(self, slot: Slot) -> bool:
        """Take in one message; False when the share is done."""
        message = slot.told.recv()
        if message is None:
            return False
        record_id, position = message
        self.acknowledged.setdefault(record_id, set()).add(position)
        return True

    def _kill(self, slot: Slot) -> Iterator[Slot]:
        """Kill a process, hear what it had told, and start another in its place unless it was done."""
        slot.process.kill()
        slot.process.join()
        self.killed += 1
        try:
            while self._hear(slot):
                pass
        except EOFError:
            yield self._start(slot.part)
        else:
            yield self._start(replace(slot.part, share=self._next_share()))

    def _read_along(self) -> None:
        store = engines.open_local(self.url, self.table)
        while not self._stop.is_set():
            report = store.verify(*NAMES, thorough=True)
            self.verdicts[report.verdict.value, *sorted({finding.kind.value for finding in report.findings})] += 1
        store.close()
