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

__all__ = ["Candidate", "Pair", "check_size", "fitting", "link_record", "same_content", "unlinked"]

_CHAIN_FIELDS = ("sequence_number", "previous_chain_sequence", *HASH_FIELDS)
_MAY_DIFFER = frozenset((*_CHAIN_FIELDS, "expires_at", "expires_at_ttl"))
"""What may differ between two records of the same content (FORMAT 6.5)."""

_TRANSACTION_BYTES = 4 * 1024 * 1024
_TRANSACTION_ACTIONS = 100


def link_record(tip: Tip, record: AuditRecord) -> AuditRecord:
    """Return the record as it stands behind `tip`: numbered, linked, both its hashes computed (FORMAT 2 to 4)."""
    return Pair.behind(tip, record).record


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that waits for its place in a chain, with its typed item and the bytes of that.

    Made once for an append, however long the record waits and however often its place is lost to another writer.
    """

    record: AuditRecord
    item: dict[str, dict[str, Any]]
    size: int

    @classmethod
    def of(cls, record: AuditRecord, more: int = 0) -> Candidate:
        """Take a record out of any chain and weigh it. Raises `RecordError` where `more` on top would be too much."""
        record = unlinked(record)
        item = record.to_item()
        return cls(record, item, check_size(item, more))


@dataclass(frozen=True, slots=True)
class Pair:
    """A linked record with the two items that one transaction puts for it, and the bytes of the first."""

    record: AuditRecord
    item: dict[str, dict[str, Any]]
    fence: dict[str, dict[str, Any]]
    size: int

    @classmethod
    def behind(cls, tip: Tip, record: AuditRecord) -> Pair:
        """Link a record behind the tip."""
        return cls.placing(tip, Candidate.of(record))

    @classmethod
    def placing(cls, tip: Tip, candidate: Candidate) -> Pair:
        """Link a candidate behind the tip; the hashes are taken of the item, so that it is made once."""
        number = tip.sequence_number + 1
        position, chain = (None, None) if tip.link is None else tip.link
        skipped_to = None if position == number - 1 else position
        place = {"sequence_number": {"N": str(number)}}
        if tip.record_hash is not None:
            place["previous_hash"] = {"S": tip.record_hash}
        if chain is not None:
            place["previous_chain_hash"] = {"S": chain}
        if skipped_to is not None:
            place["previous_chain_sequence"] = {"N": str(skipped_to)}
        item = {**candidate.item, **place}
        own_hash = record_hash(item)
        item["record_hash"] = place["record_hash"] = {"S": own_hash}
        content = content_hash(item)
        item["content_hash"] = place["content_hash"] = {"S": content}
        record = candidate.record
        linked = record.placed(
            sequence_number=number,
            record_hash=own_hash,
            previous_hash=tip.record_hash,
            content_hash=content,
            previous_chain_hash=chain,
            previous_chain_sequence=skipped_to,
        )
        fence = full_fence(item, record.namespace, record.tenant, number)
        return cls(linked, item, fence, candidate.size + item_size(place))

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


def fitting(tip: Tip, pending: Sequence[Candidate], *, register: bool) -> list[Pair]:
    """Link as many of the pending records as one transaction takes: 100 actions, 4 MB (FORMAT 6.3)."""
    most = (_TRANSACTION_ACTIONS - register) // 2
    pairs: list[Pair] = []
    size = 0
    for candidate in pending[:most]:
        pair = Pair.placing(tip, candidate)
        _require_size(pair.item, pair.size)
        weight = pair.size + item_size(pair.fence)
        if pairs and size + weight > _TRANSACTION_BYTES:
            break
        size += weight
        pairs.append(pair)
        tip = pair.tip
    return pairs


def check_size(item: Item, more: int = 0) -> int:
    """Return the bytes of an item; raises `RecordError` where DynamoDB would not take it with `more` (CASES 12)."""
    size = item_size(item)
    _require_size(item, size + more)
    return size


def _require_size(item: Item, size: int) -> None:
    if size > MAX_ITEM_BYTES:
        message = (
            f"The record {visible(item['id']['S'][:40])} takes {size:,} bytes, attribute names included; DynamoDB "
            f"keeps at most {MAX_ITEM_BYTES:,}. Store less of its payload."
        )
        raise RecordError(message)
