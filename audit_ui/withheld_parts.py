"""What the configuration keeps out of records, in words: what it means for every record, and what it did to one.

Names of fields come out of a file or out of a record, so they are shown as plain text; the values are not shown at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.names import visible
from audit_core.withheld import withheld
from audit_ui.formats import count
from audit_ui.record_view import JSON_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core import AuditRecord, AuditStore, Settings

__all__ = ["counted", "rule", "told"]

MOST_PATHS = 20
MOST_CHARACTERS = 200


def rule(settings: Settings) -> None:
    """Say what is kept out of every record that is written; nothing where all of it is kept."""
    redact = settings.audit.redact
    if redact.enabled and redact.fields:
        named = visible(", ".join(redact.fields))
        st.text(
            f"Redaction is on: what stands under {_short(named)} is replaced by {_short(visible(redact.placeholder))} "
            "in payload, details, metadata and attachments, before anything is hashed or written."
        )
        st.caption("Configured under `[audit.redact]` in `acteon.toml`, or by `AUDIT__REDACT__…` in the environment.")
    elif redact.enabled:
        st.caption("Redaction is on and names no field, so nothing is replaced: `fields` in `[audit.redact]` is empty.")
    if not settings.audit.store_payload:
        st.caption(
            "Payloads are not stored: `store_payload = false` under `[audit]` in `acteon.toml`, or "
            "`AUDIT__STORE_PAYLOAD` in the environment."
        )


def told(settings: Settings, given: AuditRecord, stored: AuditRecord) -> None:
    """Say which fields of this record are not stored as they were given; a word that none is, with redaction on."""
    redact = settings.audit.redact
    kept_out = withheld(given, stored)
    if kept_out.payload:
        st.text("Left out: the payload as a whole, which is in neither the item nor any hash.")
    if redact.enabled and redact.fields and not kept_out.replaced:
        st.text("Redacted: nothing; no field that redaction names held anything to replace.")
    if not kept_out.replaced:
        return
    total = sum(one.times for one in kept_out.replaced)
    st.text(
        f"Redacted: {count(total, 'value')} of this record, replaced by {_short(visible(redact.placeholder))}. What "
        "was typed there reaches neither the table nor any of the hashes, so nobody can read or check it later."
    )
    shown = kept_out.replaced[:MOST_PATHS]
    lines = [
        f"{JSON_FIELDS[one.field]}: {_short(visible(one.path))}" + (f" ({one.times:,} times)" if one.times > 1 else "")
        for one in shown
    ]
    st.code("\n".join(lines), language=None, wrap_lines=True)
    if len(shown) < len(kept_out.replaced):
        st.caption(f"{len(shown):,} of {count(len(kept_out.replaced), 'field')} shown.")


def counted(store: AuditStore, records: Iterable[AuditRecord]) -> tuple[int, int]:
    """Count records in which values are replaced, and those whose payload is left out. Raises `RecordError`."""
    audit = store.settings.audit
    if audit.store_payload and not audit.redact.enabled:
        return 0, 0
    found = [withheld(record, store.prepared(record)) for record in records]
    return sum(bool(one.replaced) for one in found), sum(one.payload for one in found)


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
