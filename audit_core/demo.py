"""Demo data: seven tenants in three namespaces that show what a verification can and cannot tell.

Items are built by the code that appends, then put in by `BatchWriteItem`, with the damage done before they go in: on
the embedded engine nothing expires by itself and transactions are slow. Every chain is marked `demo` in the directory.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audit_core.client import engine_errors
from audit_core.directory import list_tenants, register_update
from audit_core.errors import WriteRefusedError
from audit_core.fences import bare_fence, fence_id, full_fence
from audit_core.generator import sample_record
from audit_core.hashing import record_hash
from audit_core.jsontext import json_text
from audit_core.linking import link_record
from audit_core.schema import INDEX_TIME
from audit_core.table import KeyRange
from audit_core.tip import EMPTY, Tip, sequence_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from audit_core.records import AuditRecord
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp

__all__ = ["DEMO_CHAINS", "DemoChain", "demo_items", "enter", "is_in_use", "seed"]

Pair = tuple[dict[str, dict[str, Any]] | None, dict[str, dict[str, Any]] | None]
"""A record's item and its fence; None for what was removed."""

_DAY = 86_400
_WRITES = 25


@dataclass(frozen=True, slots=True)
class DemoChain:
    """One demo chain: name, length, lifetime in seconds (None: endless), the days it spans, and what was done to it."""

    namespace: str
    tenant: str
    records: int
    lifetime: int | None
    days: int
    damage: Callable[[list[Pair], Timestamp], list[Pair]]
    chained: bool = True
    bare: bool = False


def undamaged(pairs: list[Pair], _now: Timestamp) -> list[Pair]:
    """Leave a chain as it was written."""
    return pairs


def _without_expired(pairs: list[Pair], now: Timestamp) -> list[Pair]:
    """Take away what TTL would have removed by now."""
    return [(None if _is_past(item, now) else item, fence) for item, fence in pairs]


def _with_an_edit(pairs: list[Pair], _now: Timestamp) -> list[Pair]:
    place = len(pairs) * 2 // 3
    item, fence = pairs[place]
    payload = json_text({"amount": 990_000, "currency": "EUR", "to": "acct-7741"})
    return [*pairs[:place], ({**(item or {}), "action_payload": {"S": payload}}, fence), *pairs[place + 1 :]]


def _with_a_deletion(pairs: list[Pair], _now: Timestamp) -> list[Pair]:
    place = len(pairs) // 2
    return [*pairs[:place], (None, pairs[place][1]), *pairs[place + 1 :]]


def _with_a_cut_tail(pairs: list[Pair], _now: Timestamp) -> list[Pair]:
    return [*pairs[:-4], *((None, fence) for _item, fence in pairs[-4:])]


DEMO_CHAINS = (
    DemoChain("notifications", "acme", 400, None, 60, undamaged),
    DemoChain("notifications", "globex", 250, 30 * _DAY, 60, _without_expired),
    DemoChain("notifications", "initech", 200, 30 * _DAY, 60, _without_expired, bare=True),
    DemoChain("payments", "umbrella", 220, None, 40, _with_an_edit),
    DemoChain("payments", "hooli", 180, 365 * _DAY, 40, _with_a_deletion),
    DemoChain("infrastructure", "vandelay", 150, 365 * _DAY, 30, _with_a_cut_tail),
    DemoChain("infrastructure", "sandbox", 100, 90 * _DAY, 20, undamaged, chained=False),
)
"""Intact; expired head, proven; expired head, unproven; edited; deleted; cut; without a chain. Some 1,500 records."""


def seed(table: Table, prefix: str) -> tuple[str, ...]:
    """Put in the demo chains that are not there yet, and return their names (`namespace#tenant`).

    Raises `WriteRefusedError`, before anything is written, when a demo chain's name is in use for other records, and
    `EngineError`.
    """
    present = {entry.chain: entry for entry in list_tenants(table, prefix).entries}
    wanted = [chain for chain in DEMO_CHAINS if f"{chain.namespace}#{chain.tenant}" not in present]
    for chain in DEMO_CHAINS:
        name = f"{chain.namespace}#{chain.tenant}"
        if not present[name].demo if name in present else is_in_use(table, chain.namespace, chain.tenant):
            message = (
                f"The table holds records of {name} that are no demo data, so nothing was written; "
                "use another table for the demo."
            )
            raise WriteRefusedError(message)
    now = table.clock.now()
    for chain in wanted:
        enter(table, prefix, next(_records(chain, now)), demo_items(chain, now))
    return tuple(f"{chain.namespace}#{chain.tenant}" for chain in wanted)


def demo_items(chain: DemoChain, now: Timestamp) -> list[dict[str, dict[str, Any]]]:
    """Return the items of a demo chain as they go in at `now`, its damage done."""
    pairs = chain.damage(list(_build(chain, now)), now)
    return [item for pair in pairs for item in pair if item is not None]


def enter(table: Table, prefix: str, first: AuditRecord, items: Sequence[dict[str, dict[str, Any]]]) -> None:
    """Put a demo chain's items in, its tenant marked `demo` before; `first` is any of its records.

    Raises `EngineError`.
    """
    with engine_errors(table.place):
        table.client.update_item(**register_update(prefix, table.name, first, table.clock.now(), demo=True))
    _write(table, items)


def is_in_use(table: Table, namespace: str, tenant: str) -> bool:
    """Whether a tenant that the directory lacks has records, or fences that outlived them."""
    name = f"{namespace}#{tenant}"
    by_time = KeyRange(INDEX_TIME, "ns_tenant", name, "dispatched_at_ms")
    starts = (fence_id(namespace, tenant, number) for number in (0, 1))
    return bool(
        table.query(by_time, limit=1).items
        or table.query(sequence_range(name, None, None), limit=1).items
        or table.get_many(starts).items
    )


def _build(chain: DemoChain, now: Timestamp) -> Iterator[Pair]:
    tip = EMPTY
    for record in _records(chain, now):
        if not chain.chained:
            yield record.to_item(), None
            continue
        linked = link_record(tip, record)
        number = tip.sequence_number + 1
        if chain.bare:
            plain = replace(linked, content_hash=None)
            yield plain.to_item(), bare_fence(chain.namespace, chain.tenant, number)
            tip = Tip(number, record_hash(plain.to_item()), None)
            continue
        full = full_fence(linked.to_item(), chain.namespace, chain.tenant, number)
        yield linked.to_item(), full
        tip = Tip(number, linked.record_hash, (number, full["chain_hash"]["S"]))


def _records(chain: DemoChain, now: Timestamp) -> Iterator[AuditRecord]:
    """Make a chain's records, the same for the same `now`, spread over its days up to an hour ago."""
    chance = random.Random(f"{chain.namespace}#{chain.tenant}")  # noqa: S311 - demo data, no secret
    span = chain.days * _DAY
    start = now.plus_seconds(-span - 3600)
    for number in range(chain.records):
        moment = start.plus_seconds(span * number / chain.records + chance.uniform(0, span / chain.records / 2))
        made = sample_record(chance, chain.namespace, chain.tenant, moment, number=number)
        expires_at = None if chain.lifetime is None else moment.plus_seconds(chain.lifetime)
        yield replace(made, expires_at=expires_at)


def _is_past(item: dict[str, dict[str, Any]] | None, now: Timestamp) -> bool:
    return item is not None and "expires_at_ttl" in item and int(item["expires_at_ttl"]["N"]) <= now.epoch_seconds


def _write(table: Table, items: Sequence[dict[str, dict[str, Any]]]) -> None:
    for start in range(0, len(items), _WRITES):
        requests: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + _WRITES]]
        while requests:
            with engine_errors(table.place):
                answer = table.client.batch_write_item(RequestItems={table.name: requests})
            requests = answer.get("UnprocessedItems", {}).get(table.name, [])
