"""A verification in slices of time, so that a page stays responsive, and the last report of each chain.

Any widget ends a running script, so a walk goes on for a fraction of a second at a time, is kept in the visitor's
session in between (`visit_work`), and can be stopped between two slices. Reports of whole chains are kept for the
process, bounded; what they come to is kept for longer, where `audit_core.kept` can.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import streamlit as st

from audit_core import EngineError, SavedRun, Severity, Verdict
from audit_core.kept import KeptVerifications, TableIdentity, state_folder
from audit_core.keptruns import KeptRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from audit_core import AuditStore, ChainReport, FindingKind, Progress
    from audit_core.kept import KeptVerification
    from audit_ui.context import Context

__all__ = ["SLICE_SECONDS", "Batch", "Change", "Reports", "Request", "Verification", "kept", "kept_run", "reports"]

SLICE_SECONDS = 0.25
SAVE_SECONDS = 10.0
"""How often what a verification came to is kept while it goes on."""

KEPT_REPORTS = 500
MOST_FAILURES = 3
"""Chains in a row that cannot be read before a batch stops by itself."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to verify: a chain, or the positions `first` to `last` of it (None: open), thoroughly or not."""

    namespace: str
    tenant: str
    first: int | None = None
    last: int | None = None
    thorough: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is about the whole chain."""
        return self.first is None and self.last is None


@dataclass(frozen=True, slots=True)
class Change:
    """What a verification of a whole chain replaced (`before`: None, there was none)."""

    request: Request
    before: KeptVerification | None
    after: KeptVerification

    @property
    def differs(self) -> bool:
        """Whether there was one before, and its verdict was another or rested on other findings."""
        return self.before is not None and (
            self.before.verdict is not self.after.verdict or _alarms(self.before) != _alarms(self.after)
        )


def _alarms(kept: KeptVerification) -> dict[FindingKind, int]:
    return {one.kind: one.number for one in kept.findings if one.severity is not Severity.INFORMATION}


class Verification:
    """One verification under way. Raises `FilterError` when made, for a range that is empty.

    `seconds` is how long it was worked on, pauses left out. `replaced` is what became of the chain's last verification,
    once this one of a whole chain has come to its end. `saved` is what an earlier one came to, in another visit maybe:
    this one then waits to be gone on with. How far it came is kept when it stops, and now and then while it goes on.
    """

    def __init__(self, context: Context, request: Request, saved: SavedRun | None = None) -> None:
        self.request = request
        self.running = True
        self.stopped = False
        self.seconds = 0.0
        self.replaced: Change | None = None
        self._context = context
        self._saved_at = time.monotonic()
        self._begin(saved)
        if saved is not None:
            self.stop()

    def _begin(self, saved: SavedRun | None) -> None:
        asked = self.request
        self._walk = self._context.store.walk(
            asked.namespace, asked.tenant, first=asked.first, last=asked.last, thorough=asked.thorough, saved=saved
        )
        self._steps: Iterator[Progress] = iter(self._walk)

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one step at least; keeps the report when it came to its end."""
        if not self.running:
            return
        started = time.monotonic()
        while self.running:
            self.running = next(self._steps, None) is not None
            if time.monotonic() - started >= seconds:
                break
        self.seconds += time.monotonic() - started
        self._save(finished=not self.running)
        if not self.running and self.request.whole:
            report = self.report
            reports().keep(self._context.table_key, report)
            before = kept(self._context).last(report.namespace, report.tenant)
            self.replaced = Change(self.request, before, kept(self._context).keep(report))

    def stop(self) -> None:
        """Go no further; the report then says that it was stopped."""
        if self.running:
            self.running, self.stopped = False, True
            self._walk.stop()
            self._save(finished=True)

    def _save(self, *, finished: bool) -> None:
        """Keep how far it came, every few seconds and when it goes no further; forget it when it came to its end."""
        now = time.monotonic()
        if not finished and now - self._saved_at < SAVE_SECONDS:
            return
        self._saved_at = now
        content = self._walk.save()
        with suppress(EngineError):  # away, so that nobody can tell which table it is of: the visit keeps it
            if content is None:
                kept_runs(self._context).drop(_asked(self.request))
            else:
                kept_runs(self._context).keep(_asked(self.request), content)

    def go_on(self) -> None:
        """Take up a verification that was stopped, or that could not read on: from where it came to."""
        if self.failed:
            content = self._walk.save()
            self._begin(None if content is None else SavedRun.from_json(content))
            self.running = True
        elif self.stopped:
            self.running, self.stopped = True, False

    @property
    def fraction(self) -> float:
        """How far it is, from 0 to 1; 0 while that is not known."""
        at = self.progress
        return min(1.0, at.position / at.total) if at.total else 0.0

    @property
    def rate(self) -> float:
        """Positions a second, so far; 0 before it has begun."""
        return self.progress.position / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at that rate; None while nobody can tell."""
        at = self.progress
        return (at.total - at.position) / self.rate if at.total > at.position and self.rate else None

    @property
    def failed(self) -> bool:
        """Whether it ended before its end, since something could not be read."""
        return not self.running and not self.stopped and self._walk.reason is not None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._walk.progress

    @property
    def report(self) -> ChainReport:
        """What was found so far."""
        return self._walk.report


class Batch:
    """Whole chains verified one after the other.

    `done` and `total` count chains (None: the directory is still being read), `broken` those of them that do not hold.
    `compared` counts those whose last verification is known, `changes` are those of them of which it had said something
    else. `trouble` says why it stopped by itself, None where it did not: when several chains in a row cannot be read,
    the next ones cannot either.
    """

    def __init__(
        self, context: Context, requests: Sequence[Request], find: Callable[[], Sequence[Request] | None] | None = None
    ) -> None:
        self.total: int | None = len(requests) if find is None else None
        self.done = 0
        self.broken = 0
        self.compared = 0
        self.running = bool(requests) or find is not None
        self.stopped = False
        self.trouble: str | None = None
        self.changes: list[Change] = []
        self._failures = 0
        self._context = context
        self._requests = tuple(requests)
        self._find = find
        """Reads the list of chains on by a step, and returns it when it has come to its end."""
        self._current: Verification | None = None

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds. Raises `EngineError` while the list of chains cannot be read."""
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            if self._find is not None:
                self._list(self._find())
                continue
            if self._current is None:
                self._current = Verification(self._context, self._requests[self.done])
            self._current.advance(deadline - time.monotonic())
            if not self._current.running:
                self._finish(self._current)

    def _list(self, found: Sequence[Request] | None) -> None:
        if found is not None:
            self._requests, self._find = tuple(found), None
            self.total = len(found)
            self.running = bool(found)

    def _finish(self, verification: Verification) -> None:
        report = verification.report
        self._current = None
        self.done += 1
        self.running = self.done < len(self._requests)
        self.broken += report.verdict is Verdict.BROKEN
        replaced = verification.replaced
        if replaced is not None and replaced.before is not None and not verification.failed:
            self.compared += 1
            if replaced.differs:
                self.changes.append(replaced)
        self._failures = self._failures + 1 if verification.failed else 0
        if self.running and self._failures >= MOST_FAILURES:
            self.trouble = report.reason
            self.stop()

    def stop(self) -> None:
        """Go no further for now; chains that were finished keep their reports."""
        if self.running:
            self.running, self.stopped = False, True

    def go_on(self) -> None:
        """Take it up where it was stopped, in the middle of a chain as well."""
        if self.stopped:
            self.running, self.stopped, self.trouble, self._failures = True, False, None, 0

    @property
    def current(self) -> Request | None:
        """The chain whose turn it is; None at the end, and before it has begun."""
        return self._requests[self.done] if self.done < len(self._requests) else None

    @property
    def fraction(self) -> float:
        """How far it is, from 0 to 1."""
        within = 0.0 if self._current is None else self._current.fraction
        return (self.done + within) / max(1, self.total or 1)


class Reports:
    """The last report of each whole chain that this process verified; safe to share between threads."""

    def __init__(self, most: int = KEPT_REPORTS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str], ChainReport] = OrderedDict()
        self._sealed_since: set[tuple[str, str, str]] = set()

    def keep(self, table_key: str, report: ChainReport) -> None:
        """Keep a report in place of the chain's one before; the chain verified longest ago goes when it is too many."""
        name = (report.namespace, report.tenant, table_key)
        with self._lock:
            self._kept[name] = report
            self._kept.move_to_end(name)
            self._sealed_since.discard(name)
            while len(self._kept) > self._most:
                self._sealed_since.discard(self._kept.popitem(last=False)[0])

    def note_sealed(self, table_key: str, namespace: str, tenant: str) -> None:
        """Note that fences of a chain were sealed, so that its report counts some as bare that are not any more."""
        with self._lock:
            if (namespace, tenant, table_key) in self._kept:
                self._sealed_since.add((namespace, tenant, table_key))

    def sealed_since(self, table_key: str, namespace: str, tenant: str) -> bool:
        """Whether fences of a chain were sealed by this process since its last report."""
        with self._lock:
            return (namespace, tenant, table_key) in self._sealed_since

    def last(self, table_key: str, namespace: str, tenant: str) -> ChainReport | None:
        """Return the chain's last report, None where this process has not verified it."""
        with self._lock:
            return self._kept.get((namespace, tenant, table_key))


@st.cache_resource(show_spinner=False, max_entries=1)
def reports() -> Reports:
    """Return the reports of this process."""
    return Reports()


_Kept = tuple[KeptVerifications, KeptRuns]
_kept: WeakKeyDictionary[AuditStore, _Kept] = WeakKeyDictionary()
_kept_lock = threading.Lock()


def kept(context: Context) -> KeptVerifications:
    """Return the last verifications of the table's chains, by whichever process.

    The embedded engine's table is gone with the process, so only the process remembers them. Raises `EngineError`.
    """
    return _kept_of(context)[0]


def kept_runs(context: Context) -> KeptRuns:
    """Return the table's verifications that were not finished. Raises `EngineError`."""
    return _kept_of(context)[1]


def kept_run(context: Context, request: Request) -> SavedRun | None:
    """Return how far a verification of what is asked for came before; None where none is kept."""
    return kept_runs(context).last(_asked(request))


def _asked(request: Request) -> tuple[str, str, int | None, int | None, bool]:
    return request.namespace, request.tenant, request.first, request.last, request.thorough


def _kept_of(context: Context) -> _Kept:
    store = context.store
    with _kept_lock:
        if store not in _kept:
            embedded = store.engine == "embedded"
            folder = None if embedded else state_folder(store.settings.dashboard.state_dir)
            table = TableIdentity.of(store)
            _kept[store] = KeptVerifications(folder, table), KeptRuns(folder, table)
        return _kept[store]
