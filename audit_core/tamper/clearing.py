"""Clearing a demo chain away, whatever was done to it, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audit_core.client import engine_errors
from audit_core.fences import LOOK_BACK, fence_id, parse_fence_id
from audit_core.items import text_of
from audit_core.names import ns_tenant
from audit_core.schema import INDEX_SEQUENCE, INDEX_TIME
from audit_core.table import KeyRange, pages
from audit_core.tamper import guard
from audit_core.tamper.acts import planted_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.items import Item
    from audit_core.store import AuditStore

__all__ = ["clear"]

_WRITES = 25


def clear(store: AuditStore, names: tuple[str, str], known: Iterable[str]) -> None:
    """Delete every item of a demo chain: what the indexes list, its fences, and its own among the ids `known`.

    Raises `WriteRefusedError`, `EngineError`.
    """
    guard.require_demo(store, *names)
    table, chain = store.table, ns_tenant(*names)
    found = {*known, *planted_ids(names)}
    last = -1
    for index, sort in ((INDEX_SEQUENCE, "sequence_number"), (INDEX_TIME, "dispatched_at_ms")):
        for page in pages(table, KeyRange(index, "ns_tenant", chain, sort)):
            found.update(text_of(item, "id") or "" for item in page.items)
            last += len(page.items)
    # as many fences as there may have been records, and a look ahead behind them
    start, empty = 0, False
    while not empty or start <= last:
        ids = [fence_id(*names, number) for number in range(start, start + LOOK_BACK)]
        there = [text_of(item, "id") or "" for item in table.get_many(ids).items]
        found.update(there)
        start, empty = start + LOOK_BACK, not there
    present = sorted(item["id"]["S"] for item in table.get_many(found - {""}).items if _belongs(item, names))
    for place in range(0, len(present), _WRITES):
        requests: Any = [{"DeleteRequest": {"Key": {"id": {"S": name}}}} for name in present[place : place + _WRITES]]
        while requests:
            with engine_errors(table.place):
                answer = table.client.batch_write_item(RequestItems={table.name: requests})
            requests = answer.get("UnprocessedItems", {}).get(table.name, [])


def _belongs(item: Item, names: tuple[str, str]) -> bool:
    """Whether an item is a record of the chain, wherever it was hidden, or stands under the id of one of its fences."""
    parsed = parse_fence_id(text_of(item, "id") or "")
    own = (text_of(item, "namespace"), text_of(item, "tenant")) if parsed is None else parsed[:2]
    return own == names
