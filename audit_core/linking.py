"""Records linked behind a chain's tip, with their fences, as one transaction takes them (FORMAT 4 to 6).

Pure functions: no table is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.errors import RecordError
from audit_core.fences import full_fence
from audit_core.hashing import content_hash, record_hash, same_item
from audit_core.items import HASH_FIELDS, MAX_ITEM_BYTES, item_size
from audit_core.names import visible
from audit_core.tip import Tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.items import Item
    from audit_core.records import AuditRecord

__all__ = ["Pair", "check_size", "fitting", "link_record", "same_content", "unlinked"]

_CHAIN_FIELDS = ("sequence_number", "previous_chain_sequence", *HASH_FIELDS)
_MAY_DIFFER = frozenset((*_CHAIN_FIELDS, "expires_at", "expires_at_ttl"))
"""What may differ between two records of the same content (FORMAT 6.5)."""

_TRANSACTION_BYTES = 4 * 1024 * 1024
_TRANSACTION_ACTIONS = 100


def link_record(tip: Tip, record: AuditRecord) -> AuditRecord:
    """Return the record as it stands behind `tip`: numbered, linked, both its hashes computed (FORMAT 2 to 4)."""
    return _linked(tip, record)[0]


def _linked(tip: Tip, record: AuditRecord) -> tuple[AuditRecord, dict[str, dict[str, Any]]]:
    """Return a record behind `tip`, and its typed item; the hashes are taken of the item, so it is made once."""
    number = tip.sequence_number + 1
    position, chain = (None, None) if tip.link is None else tip.link
    skipped_to = None if position == number - 1 else position
    item = unlinked(record).to_item()
    item["sequence_number"] = {"N": str(number)}
    if tip.record_hash is not None:
        item["previous_hash"] = {"S": tip.record_hash}
    if chain is not None:
        item["previous_chain_hash"] = {"S": chain}
    if skipped_to is not None:
        item["previous_chain_sequence"] = {"N": str(skipped_to)}
    own_hash = record_hash(item)
    item["record_hash"] = {"S": own_hash}
    content = content_hash(item)
    item["content_hash"] = {"S": content}
    linked = record.placed(
        sequence_number=number,
        record_hash=own_hash,
        previous_hash=tip.record_hash,
        content_hash=content,
        previous_chain_hash=chain,
        previous_chain_sequence=skipped_to,
    )
    return linked, item


@dataclass(frozen=True, slots=True)
class Pair:
    """A linked record with the two items that one transaction puts for it."""

    record: AuditRecord
    item: dict[str, dict[str, Any]]
    fence: dict[str, dict[str, Any]]

    @classmethod
    def behind(cls, tip: Tip, record: AuditRecord) -> Pair:
        """Link a record behind the tip."""
        linked, item = _linked(tip, record)
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
    return record.placed(**dict.fromkeys(_CHAIN_FIELDS))


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
