"""A bench on a running engine: chains of the tamper tests, changed by put and delete, verified by the package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ClientError

from tests.tables import put
from tests.tampering import by_id, restored

if TYPE_CHECKING:
    from audit_core.retention import Lifetimes
    from audit_core.store import AuditStore
    from audit_core.timestamps import Timestamp
    from tests.chains import Chain
    from tests.judging import Reports
    from tests.tampering import Change


@dataclass(slots=True)
class EngineBench:
    """`judging.Bench` on a store whose table has TTL switched off; `now` stays what it was at first."""

    store: AuditStore
    now: Timestamp
    _there: set[str] = field(default_factory=set)
    _pending: Change = field(default_factory=dict)

    @classmethod
    def on(cls, store: AuditStore) -> Self:
        """A bench on a store, by the engine's clock."""
        return cls(store, store.table.get("nothing").at)

    @property
    def lifetimes(self) -> Lifetimes:
        return self.store.lifetimes

    @lifetimes.setter
    def lifetimes(self, declared: Lifetimes) -> None:
        self.store.lifetimes = declared

    def judge(self, chain: Chain, change: Change, *, default: bool = True) -> Reports | None:
        """Do the change, verify in both modes; it is taken back when the next one comes."""
        if chain.names[1] not in self._there:
            put(self.store, *chain.items())
            self._there.add(chain.names[1])
        if not self._changed(change):
            return None
        self._restore(change)
        self._pending = restored(by_id(chain), change)
        thorough = self.store.verify(*chain.names, thorough=True)
        return (self.store.verify(*chain.names) if default else None), thorough

    def _changed(self, change: Change) -> bool:
        """Put what the change puts; False where the engine refuses it."""
        for item in change.values():
            if item is None:
                continue
            try:
                self.store.table.client.put_item(TableName=self.store.table.name, Item=item)
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ValidationException", error  # noqa: PT017 - not a test
                return False
        return True

    def _restore(self, change: Change) -> None:
        """Take the change before back, where this one does not cover it, and delete what this one deletes."""
        for item_id, item in {**self._pending, **change}.items():
            if item is None:
                self.store.table.client.delete_item(TableName=self.store.table.name, Key={"id": {"S": item_id}})
            elif item_id not in change:
                self.store.table.client.put_item(TableName=self.store.table.name, Item=item)
