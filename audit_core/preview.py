"""What an append of one record would put into the table at this moment: its item, its fence, its place.

Nothing is written. Another writer may take the place meanwhile; the append then links the record behind that one, and
place and hashes come out differently (FORMAT 6.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.fences import fence_id
from audit_core.items import item_size
from audit_core.linking import Pair, check_size, unlinked
from audit_core.tip import TipFinder

if TYPE_CHECKING:
    from audit_core.items import Item
    from audit_core.records import AuditRecord
    from audit_core.store import AuditStore

__all__ = ["Preview", "preview_append", "stored_fence"]


@dataclass(frozen=True, slots=True)
class Preview:
    """A record as it would be stored: `record`, its typed `item`, and its `fence` (None where chaining is off)."""

    record: AuditRecord
    item: Item
    fence: Item | None

    @property
    def size(self) -> int:
        """The item's size in bytes, as DynamoDB counts it."""
        return item_size(self.item)

    @property
    def chain_hash(self) -> str | None:
        """The `chain_hash` of its fence; None where chaining is off."""
        return None if self.fence is None else str(self.fence["chain_hash"]["S"])


def preview_append(store: AuditStore, record: AuditRecord) -> Preview:
    """Return what `store.append(record)` would put in now, redacted as an append does it.

    Raises `RecordError` for what cannot be stored, `ChainBlockedError` where the chain cannot go on, `EngineError`.
    """
    settings = store.settings
    record = store.prepared(unlinked(record))
    record.check_writable()
    if not settings.compliance.hash_chain:
        item = record.to_item()
        check_size(item)
        return Preview(record, item, None)
    finder = TipFinder(store.table, record.namespace, record.tenant, store.lifetimes, local=settings.is_local)
    pair = Pair.behind(finder.find(), record)
    check_size(pair.item)
    return Preview(pair.record, pair.item, pair.fence)


def stored_fence(store: AuditStore, record: AuditRecord) -> Item | None:
    """Read the fence of a record that was appended; None where it has none. Raises `EngineError`."""
    if record.sequence_number is None:
        return None
    items = store.table.get(fence_id(record.namespace, record.tenant, record.sequence_number)).items
    return items[0] if items else None
