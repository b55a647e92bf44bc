"""A race from its start to its proof: processes of writers on one demo chain, what they tell, and a full verification.

DynamoDB Local only: the embedded engine takes one request at a time, and on AWS nothing is ever played with.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_core import demo
from audit_core.directory import read_tenant
from audit_core.embedded import WAY_OUT
from audit_core.errors import EngineError, RecordError, WriteRefusedError
from audit_core.items import is_count, text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.race.figures import Algorithm, Lap, prove
from audit_core.race.racer import Task
from audit_core.table import pages
from audit_core.tamper import guard
from audit_core.tamper.clearing import clear
from audit_core.tamper.practice import LAB
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from audit_core.race.figures import Proof
    from audit_core.store import AuditStore

__all__ = ["MAX_EACH", "MAX_PROCESSES", "MAX_WRITERS", "Entry", "Race", "race_refusal"]

MAX_WRITERS, MAX_PROCESSES, MAX_EACH = 32, 8, 50
START_SECONDS = 60.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """Who races: `writers` threads in all, in so many `processes`, each with `each` records. Raises `RecordError`."""

    writers: int = 16
    processes: int = 4
    each: int = 5

    def __post_init__(self) -> None:
        """Check it once, before anything is started."""
        for name, value, most in (
            ("writers", self.writers, MAX_WRITERS),
            ("processes", self.processes, min(MAX_PROCESSES, self.writers)),
            ("records of each writer", self.each, MAX_EACH),
        ):
            if not is_count(value, 1, most):
                message = f"The number of {name} is {value!r}; give a whole number from 1 to {most}."
                raise RecordError(message)

    @property
    def total(self) -> int:
        """How many records are to be appended."""
        return self.writers * self.each


def race_refusal(store: AuditStore) -> str | None:
    """Say why there is no race on the store's engine; None where there may be one."""
    refusal = guard.engine_refusal(store.settings)
    if refusal is None and store.engine == "embedded":
        refusal = f"The embedded engine takes one request at a time, so nobody races on it. {WAY_OUT}"
    return refusal


class Race:
    """One race of one algorithm on a chain that it clears first; `laps` grow while it is `running`.

    Raises `WriteRefusedError` when made, where the engine or the chain is not to be played with.
    """

    def __init__(self, store: AuditStore, algorithm: Algorithm, entry: Entry) -> None:
        refusal = race_refusal(store)
        if refusal is not None:
            raise WriteRefusedError(refusal)
        self.algorithm = algorithm
        self.entry = entry
        self.names = (LAB, f"race-{algorithm.value}")
        self.began = 0.0
        self._store = store
        self._lock = threading.Lock()
        self._laps: list[Lap] = []
        self._running: set[int] = set()
        self._stopped = False
        self._prepare()
        self._processes = self._start()

    @property
    def laps(self) -> tuple[Lap, ...]:
        """What was told so far, in the order in which it was."""
        with self._lock:
            return tuple(self._laps)

    @property
    def running(self) -> bool:
        """Whether a writer still writes."""
        with self._lock:
            return bool(self._running)

    @property
    def trouble(self) -> str | None:
        """Why it ended before its end; None where it did not."""
        if self.running or self._stopped or len(self.laps) == self.entry.total:
            return None
        return "A process of writers ended before its end; verify the chain, then race again."

    def stop(self) -> None:
        """End the processes that it started."""
        self._stopped = True
        for process in self._processes:
            process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait for the processes to end."""
        for process in self._processes:
            process.wait()
        while self.running:
            time.sleep(0.01)

    def proof(self) -> Proof:
        """Verify the whole chain, thoroughly, and compare it with what was acknowledged. Raises `EngineError`."""
        report = self._store.verify(*self.names, thorough=True)
        standing = {
            text_of(item, "id") or "": number
            for page in pages(self._store.table, sequence_range(ns_tenant(*self.names), None, None))
            for item in page.items
            if (number := whole_number(item["sequence_number"]["N"])) is not None
        }
        return prove(self.laps, standing, report)

    def _prepare(self) -> None:
        """Have an empty chain that is marked as demo data."""
        store, table, prefix = self._store, self._store.table, self._store.settings.audit.prefix
        if read_tenant(table, prefix, *self.names) is None and not demo.is_in_use(table, *self.names):
            named = store.draft(
                namespace=self.names[0],
                tenant=self.names[1],
                provider="race",
                action_type="start",
                verdict="allow",
                outcome="executed",
            )
            demo.enter(table, prefix, named, ())
        clear(store, self.names, ())

    def _start(self) -> list[subprocess.Popen[str]]:
        audit, local_hosts = self._store.settings.audit, self._store.settings.dashboard.local_hosts
        shares = [len(range(place, self.entry.writers, self.entry.processes)) for place in range(self.entry.processes)]
        processes, first = [], 0
        for writers in shares:
            task = Task(
                self.algorithm.value,
                *self.names,
                first,
                writers,
                self.entry.each,
                audit.url or "",
                audit.region,
                audit.table_name,
                audit.prefix,
                local_hosts,
            )
            first += writers
            process = subprocess.Popen(
                [sys.executable, "-m", "audit_core.race.racer"],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            _say(process, json.dumps(asdict(task)))
            processes.append(process)
        for process in processes:
            if process.stdout is None or not process.stdout.readline():
                for other in processes:
                    other.kill()
                    other.wait()
                message = (
                    "A process of writers could not be started; look whether DynamoDB Local answers, then try again."
                )
                raise EngineError(message)
        self._running = set(range(len(processes)))
        self.began = time.time()
        for number, process in enumerate(processes):
            threading.Thread(target=self._listen, args=(number, process), name="race", daemon=True).start()
        for process in processes:
            _say(process, "go")
        return processes

    def _listen(self, number: int, process: subprocess.Popen[str]) -> None:
        try:
            for line in process.stdout or ():
                told = json.loads(line)
                if "writer" in told:
                    with self._lock:
                        self._laps.append(Lap(**told))
        finally:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            with self._lock:
                self._running.discard(number)


def _say(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
