"""What a list of chains says of each: its tip and its newest record, read by two small queries a chain.

Kept for a minute, so that a click on the page does not read everything again; the key names the tenant first, and what
comes back is checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import EngineError, RecordFilter

if TYPE_CHECKING:
    from audit_core import AuditStore, Timestamp
    from audit_core.directory import TenantEntry
    from audit_core.table import Reading
    from audit_ui.context import Context

__all__ = ["ChainSummary", "forget_summaries", "read_summary"]

KEPT_SECONDS = 60
KEPT_SUMMARIES = 1000


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """A chain as its newest records show it, and what reading them took.

    `tip` is the highest sequence number as stored (None: no chained record stands), `newest` when the newest record was
    dispatched, as stored (None: no record stands).
    """

    namespace: str
    tenant: str
    tip: str | None
    newest: str | None
    reading: Reading
    at: Timestamp


def read_summary(context: Context, entry: TenantEntry) -> ChainSummary:
    """Return a chain's summary, at most a minute old. Raises `FilterError`, `EngineError`."""
    summary = _read((entry.namespace, entry.tenant, context.table_key), context.store)
    if (summary.namespace, summary.tenant) != (entry.namespace, entry.tenant):
        message = "A cache gave back another tenant's summary, so it is not shown. Restart the program."
        raise EngineError(message)
    return summary


def forget_summaries() -> None:
    """Read anew from now on."""
    _read.clear()


@st.cache_data(ttl=KEPT_SECONDS, max_entries=KEPT_SUMMARIES, show_spinner=False)
def _read(key: tuple[str, str, str], _store: AuditStore) -> ChainSummary:
    wanted = RecordFilter(namespace=key[0], tenant=key[1])
    tip = _store.query(wanted, order="sequence_descending", limit=1)
    newest = _store.query(wanted, order="newest", limit=1)
    return ChainSummary(
        namespace=key[0],
        tenant=key[1],
        tip=tip.rows[0].stored.text("sequence_number") if tip.rows else None,
        newest=newest.rows[0].stored.text("dispatched_at") if newest.rows else None,
        reading=tip.reading + newest.reading,
        at=newest.at,
    )
