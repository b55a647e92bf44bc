"""Where a chain stands while a test writes to it, seals it, damages it and has it verified: in memory, or in a store.

Both offer the same; in memory there is no engine, so that many more cases can be tried.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import ClientError

from audit_core.chain.walk import ChainWalk
from audit_core.exchange import ChainExport, verify_file
from audit_core.linking import Pair
from audit_core.seal import ChainSealing
from audit_core.store import AuditStore
from audit_core.tip import TipFinder
from tests import tables
from tests.memory_table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.chain.findings import ChainReport
    from audit_core.records import AuditRecord
    from audit_core.retention import Lifetimes
    from audit_core.seal import SealReport
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp
    from audit_core.tip import Tip
    from tests.tables import ManualClock

Item = dict[str, dict[str, Any]]


class Ground(Protocol):
    """What a chain's table can be asked for."""

    names: tuple[str, str]
    lifetimes: Lifetimes

    def put(self, *items: Item) -> None: ...
    def delete(self, *ids: str) -> None: ...
    def read(self, ids: Iterable[str]) -> list[Item]: ...
    def append(self, record: AuditRecord, *, fresh: bool) -> int: ...
    def seal(self) -> SealReport: ...
    def verify(self, *, thorough: bool) -> ChainReport: ...
    def export(self) -> ChainExport: ...


def carried(ground: Ground) -> ChainReport:
    """Export the chain, and verify the file."""
    with ground.export() as export:
        for _ in export:
            pass
        file = io.BytesIO()
        export.write(file)
    file.seek(0)
    return verify_file(file, "chain.jsonl", ground.lifetimes)[1]


class StoreGround:
    """A tenant's chain in a store's table; `clock` is what the store believes the time to be when it writes."""

    def __init__(self, store: AuditStore, names: tuple[str, str], clock: ManualClock) -> None:
        self.names = names
        self.lifetimes = store.lifetimes
        self._clock = clock
        self._plain = store
        self._writer = self._another()

    def put(self, *items: Item) -> None:
        tables.put(self._plain, *items)

    def delete(self, *ids: str) -> None:
        tables.delete(self._plain, *ids)

    def read(self, ids: Iterable[str]) -> list[Item]:
        return cast("list[Item]", list(self._plain.table.get_many(ids).items))

    def append(self, record: AuditRecord, *, fresh: bool) -> int:
        """Append by a process that knows the tip, or by one that has just started."""
        if fresh:
            self._writer = self._another()
        number = self._writer.append(record).record.sequence_number
        assert number is not None
        return number

    def seal(self) -> SealReport:
        sealing = self._another().seal(*self.names)
        for _ in sealing:
            pass
        return sealing.report

    def verify(self, *, thorough: bool) -> ChainReport:
        return self._plain.verify(*self.names, thorough=thorough)

    def export(self) -> ChainExport:
        return self._plain.export(*self.names)

    def _another(self) -> AuditStore:
        return AuditStore(self._plain.settings, self._plain.table.client, clock=self._clock)


class MemoryGround:
    """A chain in a dictionary; writing and sealing go by the package's own rules."""

    def __init__(self, names: tuple[str, str], now: Timestamp, lifetimes: Lifetimes) -> None:
        self.names = names
        self.lifetimes = lifetimes
        self._items: dict[str, Item] = {}
        table = MemoryTable(self._items, now, page=7)
        table.client = _Client(self._items)  # type: ignore[attr-defined] # what sealing writes by
        self._table = cast("Table", table)
        self._tip: Tip | None = None

    def put(self, *items: Item) -> None:
        self._items.update({item["id"]["S"]: item for item in items})

    def delete(self, *ids: str) -> None:
        for item_id in ids:
            self._items.pop(item_id, None)

    def read(self, ids: Iterable[str]) -> list[Item]:
        return [self._items[item_id] for item_id in ids if item_id in self._items]

    def append(self, record: AuditRecord, *, fresh: bool) -> int:
        finder = TipFinder(self._table, *self.names, self.lifetimes, local=True)
        tip = finder.find() if self._tip is None or fresh else self._tip
        pair = Pair.behind(tip, record)
        while (taken := finder.fences([tip.sequence_number + 1])) != {}:
            tip = finder.follow(tip, taken.values())
            pair = Pair.behind(tip, record)
        self.put(pair.fence, pair.item)
        self._tip = pair.tip
        return self._tip.sequence_number

    def seal(self) -> SealReport:
        walk = ChainWalk(self._table, *self.names, self.lifetimes, thorough=True)
        sealing = ChainSealing(self._table, *self.names, walk)
        for _ in sealing:
            pass
        return sealing.report

    def verify(self, *, thorough: bool) -> ChainReport:
        walk = ChainWalk(self._table, *self.names, self.lifetimes, thorough=thorough)
        for _ in walk:
            pass
        return walk.report

    def export(self) -> ChainExport:
        return ChainExport(self._table, *self.names, self.lifetimes)


class _Client:
    """The one write of a sealing: attributes set on a fence as long as it is bare."""

    def __init__(self, items: dict[str, Item]) -> None:
        self._items = items

    def update_item(self, *, Key: Any, ExpressionAttributeValues: Any, **_: object) -> None:  # noqa: N803 - DynamoDB's
        item_id = Key["id"]["S"]
        if self._items.get(item_id, {}).keys() != {"id", "_fence"}:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
        made = {name.removeprefix(":"): value for name, value in ExpressionAttributeValues.items() if name != ":true"}
        self._items[item_id] = {**self._items[item_id], **made}
