"""What the pages about records read: what somebody typed into the search, and whether a tenant has a chain at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core import RecordFilter
from audit_core.errors import FilterError
from audit_core.table import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import AuditStore, Row, Timestamp
    from audit_ui.context import Context

__all__ = ["Found", "has_chain", "search", "typed_position"]

MOST_AT_A_POSITION = 10
_LARGEST_POSITION = 2**53


@dataclass(frozen=True, slots=True)
class Found:
    """What a search by id, action id or position found, and what it took; `complete`: that is all there is.

    `record_id` is the id of the record that the text names exactly, None where it names none.
    """

    record_id: str | None
    rows: tuple[Row, ...]
    complete: bool
    reading: Reading
    at: Timestamp


def search(store: AuditStore, text: str, chain: tuple[str, str] | None) -> Found:
    """Look for a record by its id, for records by their action id, and for a position of a chain that is chosen.

    Raises `FilterError` for what can be neither, `EngineError`.
    """
    record = store.look_up(text)
    if record.rows:
        return Found(text, record.rows, complete=True, reading=record.reading, at=record.at)
    action = store.action(text)
    rows, complete, reading = action.rows, action.complete, record.reading + action.reading
    number = typed_position(text)
    if chain is not None and number is not None:
        there = _at_position(store, chain, number)
        if there is not None:
            rows, complete, reading = (*rows, *there.rows), complete and there.complete, reading + there.reading
    return Found(None, rows, complete=complete, reading=reading, at=action.at)


def typed_position(text: str) -> int | None:
    """Return the position of a chain that a text means, None where it means none."""
    plain = text.isdecimal() and text.isascii() and len(text) <= len(str(_LARGEST_POSITION))
    return int(text) if plain else None


def _at_position(store: AuditStore, chain: tuple[str, str], number: int) -> Found | None:
    try:
        page = store.positions(*chain, number, number, limit=MOST_AT_A_POSITION)
    except FilterError:  # the address names what is no chain, which is no reason not to look for an id
        return None
    return Found(None, page.rows, complete=page.complete, reading=page.reading, at=page.at)


def has_chain(context: Context, rows: Sequence[Row]) -> tuple[bool, Reading]:
    """Say whether the tenant of records without a sequence number has a chain, and what it took to know.

    It is asked only where there are such records.
    """
    bare = next((row.stored for row in rows if "sequence_number" not in row.stored.item), None)
    if bare is None or not bare.text("namespace") or not bare.text("tenant"):
        return True, Reading()
    try:
        wanted = RecordFilter(namespace=bare.text("namespace"), tenant=bare.text("tenant"))
    except FilterError:
        return True, Reading()
    page = context.store.query(wanted, order="sequence_descending", limit=1)
    return bool(page.rows), page.reading
