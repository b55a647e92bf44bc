"""Expiry, live: records with lifetimes of seconds, one chain left alone, one whose records are deleted a little early.

Fences stay when records go. A record that its fence says may go is expired; deleted before that, it is missing – for as
long as its time has not come. `advance` does what is due; nothing here waits.
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core import demo
from audit_core.client import engine_errors
from audit_core.directory import read_tenant
from audit_core.fences import fence_id
from audit_core.generator import sample_record
from audit_core.linking import Pair
from audit_core.tamper import guard
from audit_core.tamper.clearing import clear
from audit_core.tamper.practice import LAB
from audit_core.tip import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import ChainReport
    from audit_core.records import AuditRecord
    from audit_core.store import AuditStore
    from audit_core.timestamps import Timestamp

__all__ = ["EARLY_SECONDS", "LEFT", "SHORT", "TAKEN", "Expiry", "Phase", "Standing"]

LEFT, TAKEN = (LAB, "expiry-left-alone"), (LAB, "expiry-deleted-early")
"""The two chains: left to the engine, and deleted by hand too early."""

LENGTH, SHORT = 5, 3
"""Records of each chain, and how many of them, from the first, live for seconds."""

LIFETIME_SECONDS = 12
EARLY_SECONDS = 3
PATIENCE_SECONDS = 15
"""How long after their time the lab waits for the engine: DynamoDB Local looks at a few items of a table at a time."""

_SHORT_LIVED = frozenset(range(SHORT))
_LONG_SECONDS = 30 * 86_400


class Phase(enum.Enum):
    """How far it is."""

    LIVING = "living"
    DELETED = "deleted"
    DUE = "due"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of a chain at one look: positions that have their record, and those that have their fence."""

    records: frozenset[int]
    fences: frozenset[int]


class Expiry:
    """One showing. Raises `WriteRefusedError` when made, as `guard`; `EngineError` then and from `advance`.

    `removes_itself` says that the engine does so with what has expired, `by_hand` that it did not get to it in time and
    the lab did it. `expires_at` is when the short lives end, by the engine's clock, and `now` that clock at the last
    look. `early` is what a verification said right after the deletion, `early_in_time` whether it came before the time
    was up, `left` and `taken` what is said of each chain at the last look.
    """

    def __init__(self, store: AuditStore, *, lifetime: int = LIFETIME_SECONDS) -> None:
        guard.require_engine(store)
        self.removes_itself = store.engine != "embedded"
        self.by_hand = False
        self.phase = Phase.LIVING
        self.early: ChainReport | None = None
        self._store = store
        self.now = store.table.get("nothing").at
        self.expires_at = self.now.plus_seconds(lifetime)
        self._ids: dict[tuple[str, str], list[str]] = {}
        for names in (LEFT, TAKEN):
            self._put_in(names)
        self.left, self.taken = self._verify(LEFT), self._verify(TAKEN)
        self.standing = {names: self._standing(names) for names in (LEFT, TAKEN)}

    @property
    def early_in_time(self) -> bool:
        """Whether the verification after the deletion came while the records should still have stood."""
        return self.early is not None and self.early.at.epoch_seconds < self.expires_at.epoch_seconds

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the short lives end; 0 once they have."""
        return max(0, self.expires_at.epoch_seconds - self.now.epoch_seconds)

    def advance(self) -> None:
        """Look, do what is due, verify both chains. Raises `WriteRefusedError`, `EngineError`."""
        if self.phase is Phase.GONE:
            return
        self.now = self._store.table.get("nothing").at
        if self.phase is Phase.LIVING and self.seconds_left <= EARLY_SECONDS:
            self._delete(TAKEN)
            self.early = self._verify(TAKEN)
            self.phase = Phase.DELETED
        if self.phase is Phase.DELETED and not self.seconds_left:
            self.phase = Phase.DUE
        overdue = self.now.epoch_seconds - self.expires_at.epoch_seconds >= PATIENCE_SECONDS
        if self.phase is Phase.DUE and (overdue or not self.removes_itself) and self._stand(LEFT):
            self._delete(LEFT)
            self.by_hand = True
        self.standing = {names: self._standing(names) for names in (LEFT, TAKEN)}
        self.left, self.taken = self._verify(LEFT), self._verify(TAKEN)
        if self.phase is Phase.DUE and not self.standing[LEFT].records & _SHORT_LIVED:
            self.phase = Phase.GONE

    def _stand(self, names: tuple[str, str]) -> bool:
        """Whether a record stands whose time has come."""
        return bool(self._standing(names).records & _SHORT_LIVED)

    def _verify(self, names: tuple[str, str]) -> ChainReport:
        return self._store.verify(*names, thorough=True)

    def _put_in(self, names: tuple[str, str]) -> None:
        store, prefix = self._store, self._store.settings.audit.prefix
        records = [_record(names, number, self.now, self.expires_at) for number in range(LENGTH)]
        if read_tenant(store.table, prefix, *names) is None and not demo.is_in_use(store.table, *names):
            demo.enter(store.table, prefix, records[0], ())
        self._ids[names] = [record.id for record in records]
        clear(store, names, self._ids[names])
        demo.enter(store.table, prefix, records[0], _linked(records))

    def _delete(self, names: tuple[str, str]) -> None:
        guard.require_demo(self._store, *names)
        for record_id in self._ids[names][:SHORT]:
            with engine_errors(self._store.table.place):
                self._store.table.client.delete_item(TableName=self._store.table.name, Key={"id": {"S": record_id}})

    def _standing(self, names: tuple[str, str]) -> Standing:
        ids = self._ids[names]
        fences = [fence_id(*names, number) for number in range(LENGTH)]
        found = {item["id"]["S"] for item in self._store.table.get_many([*ids, *fences]).items}
        return Standing(
            frozenset(number for number, name in enumerate(ids) if name in found),
            frozenset(number for number, name in enumerate(fences) if name in found),
        )


def _record(names: tuple[str, str], number: int, now: Timestamp, expires_at: Timestamp) -> AuditRecord:
    chance = random.Random(f"{names}|{number}")  # noqa: S311 - made-up data, no secret
    moment = now.plus_seconds(number - LENGTH)
    made = sample_record(chance, *names, moment, number=number, mix={"executed": 1})
    ends = expires_at if number < SHORT else moment.plus_seconds(_LONG_SECONDS)
    return replace(made, id=f"{names[0]}-{names[1]}-{number}", expires_at=ends)


def _linked(records: Sequence[AuditRecord]) -> list[dict[str, dict[str, object]]]:
    tip, items = EMPTY, []
    for record in records:
        pair = Pair.behind(tip, record)
        items += [pair.item, pair.fence]
        tip = pair.tip
    return items
