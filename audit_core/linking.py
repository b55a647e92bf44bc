"""Records linked behind a chain's tip, with their fences, as one transaction takes them (FORMAT 4 to 6).

Pure functions: no table is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audit_core.errors import RecordError
from audit_core.fences import full_fence
from audit_core.hashing import content_hash, record_hash, same_item
from audit_core.items import MAX_ITEM_BYTES, item_size
from audit_core.names import visible
from audit_core.tip import Tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.items import Item
    from audit_core.records import AuditRecord

__all__ = ["Pair", "check_size", "fitting", "link_record", "same_content", "unlinked"]

_CHAIN_FIELDS = (
    "sequence_number",
    "record_hash",
    "previous_hash",
    "content_hash",
    "previous_chain_hash",
    "previous_chain_sequence",
)
_MAY_DIFFER = frozenset((*_CHAIN_FIELDS, "expires_at", "expires_at_ttl"))
"""What may differ between two records of the same content (FORMAT 6.5)."""

_TRANSACTION_BYTES = 4 * 1024 * 1024
_TRANSACTION_ACTIONS = 100


def link_record(tip: Tip, record: AuditRecord) -> AuditRecord:
    """Return the record as it stands behind `tip`: numbered, linked, both its hashes computed (FORMAT 2 to 4)."""
    number = tip.sequence_number + 1
    position, chain = (None, None) if tip.link is None else tip.link
    linked = replace(
        record,
        sequence_number=number,
        previous_hash=tip.record_hash,
        previous_chain_hash=chain,
        previous_chain_sequence=None if position == number - 1 else position,
        record_hash=None,
        content_hash=None,
    )
    hashed = replace(linked, record_hash=record_hash(linked.to_item()))
    return replace(hashed, content_hash=content_hash(hashed.to_item()))


@dataclass(frozen=True, slots=True)
class Pair:
    """A linked record with the two items that one transaction puts for it."""

    record: AuditRecord
    item: dict[str, dict[str, Any]]
    fence: dict[str, dict[str, Any]]

    @classmethod
    def behind(cls, tip: Tip, record: AuditRecord) -> Pair:
        """Link a record behind the tip."""
        linked = link_record(tip, record)
        item = linked.to_item()
        return cls(linked, item, full_fence(item, record.namespace, record.tenant, tip.sequence_number + 1))

    @property
    def tip(self) -> Tip:
        """The chain's tip once this pair is in."""
        number = int(self.item["sequence_number"]["N"])
        return Tip(number, self.record.record_hash, (number, self.fence["chain_hash"]["S"]))


def unlinked(record: AuditRecord) -> AuditRecord:
    """Return the record without a place in any chain, such as one that was read from a table has."""
    if all(getattr(record, name) is None for name in _CHAIN_FIELDS):
        return record
    nothing: dict[str, Any] = dict.fromkeys(_CHAIN_FIELDS)
    return replace(record, **nothing)


def same_content(new: Item, old: Item) -> bool:
    """Whether two typed records hold the same content (FORMAT 6.5)."""
    return same_item(new, old, but=_MAY_DIFFER)


def fitting(tip: Tip, pending: Sequence[AuditRecord], *, register: bool) -> list[Pair]:
    """Link as many of the pending records as one transaction takes: 100 actions, 4 MB (FORMAT 6.3)."""
    most = (_TRANSACTION_ACTIONS - register) // 2
    pairs: list[Pair] = []
    size = 0
    for record in pending[:most]:
        pair = Pair.behind(tip, record)
        weight = check_size(pair.item) + item_size(pair.fence)
        if pairs and size + weight > _TRANSACTION_BYTES:
            break
        size += weight
        pairs.append(pair)
        tip = pair.tip
    return pairs


def check_size(item: Item, more: int = 0) -> int:
    """Return the bytes of an item; raises `RecordError` where DynamoDB would not take it with `more` (CASES 12)."""
    size = item_size(item) + more
    if size > MAX_ITEM_BYTES:
        message = (
            f"The record {visible(item['id']['S'][:40])} takes {size:,} bytes, attribute names included; DynamoDB "
            f"keeps at most {MAX_ITEM_BYTES:,}. Store less of its payload."
        )
        raise RecordError(message)
    return size
