"""The tamper lab: attacks one demo chain through the engine's plain API, has it verified, and makes it anew.

What an attack changes is decided by the pure parts of this package, who may be attacked by `guard`; here is the I/O.
Nothing that is not the chain's own is ever written over.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from audit_core import demo
from audit_core.chain.walk import ChainWalk
from audit_core.client import engine_errors
from audit_core.directory import read_tenant
from audit_core.errors import WriteRefusedError
from audit_core.items import text_of
from audit_core.names import ns_tenant, visible
from audit_core.retention import Lifetimes
from audit_core.table import Table
from audit_core.tamper import guard
from audit_core.tamper.attacks import ATTACKS
from audit_core.tamper.clearing import clear
from audit_core.tamper.defences import changed_leaves
from audit_core.tamper.plays import Call, Outcome, Play
from audit_core.tamper.practice import practice_chain
from audit_core.tamper.scenes import CLOCKS, DAY, SCENES, Scene
from audit_core.tamper.target import Target
from audit_core.timestamps import Clock

if TYPE_CHECKING:
    from collections.abc import Generator

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore
    from audit_core.tamper.practice import Practice
    from audit_core.tamper.target import Change, Items, TypedItem
    from audit_core.timestamps import Timestamp

__all__ = ["Lab"]


class Lab:
    """One chain under attack. Safe to share between threads: one of them works at a time.

    Raises `WriteRefusedError` when made, for an engine or a chain that is not to be tampered with.
    """

    def __init__(self, store: AuditStore, namespace: str, tenant: str) -> None:
        guard.require_engine(store)
        practice = practice_chain(namespace, tenant)
        if practice is None or practice.kind is None:
            guard.require_demo(store, namespace, tenant)
        if practice is None:
            message = (
                f"{visible(ns_tenant(namespace, tenant))} is no chain that the lab could make anew, so it is left "
                "alone. Choose one of those that it offers."
            )
            raise WriteRefusedError(message)
        self.practice: Practice = practice
        self.names = (namespace, tenant)
        self._store = store
        self._lock = threading.Lock()
        self._written: Items = {}
        self._touched: set[str] = set()
        self._before: ChainReport | None = None
        self._scene: Scene | None = None

    def is_of(self, store: AuditStore) -> bool:
        """Whether it works on this very store, which may have been opened anew meanwhile."""
        return self._store is store

    def restore(self) -> ChainReport:
        """Make the chain anew, and verify it. Raises `WriteRefusedError`, `EngineError`."""
        with self._lock:
            return self._make(None)

    def plays(self, number: int) -> tuple[Play, ...]:
        """Return what means something for the chain, uncovered: attacks at a position or on the whole, and scenes.

        `number` is at most the last position. Nothing is read or written for it.
        """
        now = self._store.table.clock.now()
        target = _target(self.practice, now)
        attacks = [Play(one, 0 if one.at is None else number, one.covers[0]) for one in ATTACKS]
        scenes = [Play(one) for one in (*SCENES, *CLOCKS) if self.practice.kind and _lasts(self.practice, one, now)]
        return (*(one for one in attacks if _fits(one, target)), *scenes)

    def calls(self, play: Play) -> tuple[Call, ...]:
        """Return the calls that a play takes on a chain made now; times and hashes are those of the one that stands."""
        now = self._store.table.clock.now()
        scene = play.what if isinstance(play.what, Scene) else None
        change, _clause = _change(play, _target(self.practice, now, scene))
        return tuple(_call(self._store.table.name, name, item) for name, item in change.items())

    def play(self, play: Play) -> Outcome:
        """Do it to the chain as it was written, and verify that in both modes. Raises as `restore`.

        What an earlier play did is taken back first; what this one does stays until the next, or until it is restored.
        """
        steps = self.steps(play)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome

    def steps(self, play: Play) -> Generator[str, None, Outcome]:
        """Do the same step by step, each told in words as it begins; the `Outcome` is what the generator returns."""
        yield "Taking back what was done before"
        with self._lock:
            scene = play.what if isinstance(play.what, Scene) else None
            before, target = self._prepare(scene)
            change, clause = _change(play, target)
            calls = self._do(change)
        lifetimes = self._store.lifetimes
        if scene is not None:
            lifetimes = Lifetimes(lifetimes.current, (*lifetimes.past, *scene.past))
        table = self._store.table if scene is None or not scene.reader_years else self._read_by(scene.reader_years)
        reports = []
        for mode in ("by default", "thoroughly"):
            walk = ChainWalk(table, *self.names, lifetimes, thorough=mode == "thoroughly")
            for at in walk:
                yield f"Verifying {mode}: position {at.position:,} of {at.total:,}, breaks so far: {at.breaks}"
            reports.append(walk.report)
        after = {**target.items, **{name: item or {} for name, item in change.items()}}
        leaves = changed_leaves(self.names, self.practice.length, target.items, after)
        return Outcome(play, calls, before, reports[0], reports[1], leaves, clause)

    def _read_by(self, years: int) -> Table:
        """Return the table as a program reads it whose clock is so many years off."""
        return Table(self._store.table.client, self._store.table.name, _OffClock(years), self._store.settings)

    def _prepare(self, scene: Scene | None) -> tuple[ChainReport, Target]:
        """Have the chain stand as it was written, and return what was said of it then, with its items."""
        before = self._before
        if before is not None and scene is None and self._scene is None:
            guard.require_demo(self._store, *self.names)
            self._take_back()
        if before is None or scene is not None or self._scene is not None or not self._stands():
            before = self._make(scene)
        return before, self._target()

    def _stands(self) -> bool:
        """Whether the chain is as this lab wrote it; another process may have made it anew meanwhile."""
        return {item["id"]["S"]: item for item in self._store.table.get_many(self._written).items} == self._written

    def _target(self) -> Target:
        return Target(self._written, self.names, self._store.table.get("nothing").at)

    def _make(self, scene: Scene | None) -> ChainReport:
        """Clear the chain, put it in anew, and verify it as it stands."""
        store, prefix = self._store, self._store.settings.audit.prefix
        guard.require_engine(store)
        entry = read_tenant(store.table, prefix, *self.names)
        if entry is None and not demo.is_in_use(store.table, *self.names):
            now = store.table.clock.now()
            demo.enter(store.table, prefix, self.practice.record(0, now), ())
        guard.require_demo(store, *self.names)
        now = store.table.get("nothing").at
        items = self.practice.items(now, scene)
        ids = [text_of(item, "id") or "" for item in items]
        clear(store, self.names, (*ids, *self._touched))
        self._before, self._written, self._touched, self._scene = None, {}, set(), scene
        demo.enter(store.table, prefix, self.practice.record(0, now), items)
        self._written = {item["id"]["S"]: item for item in items}
        self._before = store.verify(*self.names, thorough=True)
        return self._before

    def _take_back(self) -> None:
        for name in self._touched:
            item = self._written.get(name)
            self._send(_call(self._store.table.name, name, item))
        self._touched = set()

    def _do(self, change: Change) -> tuple[Call, ...]:
        guard.require_demo(self._store, *self.names)
        new = [name for name in change if name not in self._written]
        if new and self._store.table.get_many(new).items:
            message = (
                "An item that is none of this chain's stands where the attack would put one, so nothing was written; "
                "restore the chain, or use another table."
            )
            raise WriteRefusedError(message)
        calls = tuple(_call(self._store.table.name, name, item) for name, item in change.items())
        for name, call in zip(change, calls, strict=True):
            self._touched.add(name)
            self._send(call)
        return calls

    def _send(self, call: Call) -> None:
        client = self._store.table.client
        with engine_errors(self._store.table.place):
            if call.operation == "PutItem":
                client.put_item(**call.arguments)
            else:
                client.delete_item(**call.arguments)


class _OffClock(Clock):
    """A local clock that is years off, ahead or (below 0) behind."""

    def __init__(self, years: int) -> None:
        self._seconds = years * 365 * DAY

    def now(self) -> Timestamp:
        return Clock.now(self).plus_seconds(self._seconds)


def _call(table: str, item_id: str, item: TypedItem | None) -> Call:
    if item is None:
        return Call("DeleteItem", {"TableName": table, "Key": {"id": {"S": item_id}}})
    return Call("PutItem", {"TableName": table, "Item": item})


def _target(practice: Practice, now: Timestamp, scene: Scene | None = None) -> Target:
    """Return one of the lab's chains as it would stand if it were made at `now`."""
    items = {item["id"]["S"]: item for item in practice.items(now, scene)}
    return Target(items, (practice.namespace, practice.tenant), now)


def _fits(play: Play, target: Target) -> bool:
    return isinstance(play.what, Scene) or play.what.fits(target, play.number)


def _lasts(practice: Practice, scene: Scene, now: Timestamp) -> bool:
    """Whether an engine that removes what has expired leaves a scene as it is."""
    target = _target(practice, now, scene)
    return scene.lasts(scene.change(target), target)


def _change(play: Play, target: Target) -> tuple[Change, str | None]:
    """Return what a play changes, and the clause under which it stays unseen where it is not found."""
    if isinstance(play.what, Scene):
        return play.what.change(target), play.what.clause
    if not 0 <= play.number <= target.last or not _fits(play, target):
        message = "This attack means nothing at this position of this chain; choose another one."
        raise WriteRefusedError(message)
    change = play.what.change(target, play.number, play.cover)
    return change, play.what.says_undetected(target, play.number)
