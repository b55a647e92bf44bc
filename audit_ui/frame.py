"""What every page shows around its own content: engine and table, work that goes on elsewhere, compliance mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.addresses import host_and_port
from audit_ui import visit_work

if TYPE_CHECKING:
    from audit_core import Settings
    from audit_ui.context import Context

__all__ = ["show"]

_FLAGS = (
    ("sync_audit_writes", "Confirmed writes", "an append returns when its record is committed"),
    ("immutable_audit", "Immutable records", "the store refuses to change or delete a record"),
    ("hash_chain", "Chained records", "new records are hashed and linked to the one before"),
)


def show(context: Context, page: str) -> None:
    """Show the connection above the page, and in the sidebar the work that goes on elsewhere and the compliance mode.

    `page` is the end of the page's address.
    """
    settings = context.store.settings
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="connection"):
        if context.store.engine == "embedded":
            st.badge("In memory: gone when this process ends", color="orange")
        elif context.store.engine == "local":
            st.badge("Local engine", color="green")
        else:
            st.badge("AWS, read only", color="green")
        if settings.demo:
            st.badge("Demo data", color="orange")
        st.text(_place(settings))
    with st.sidebar:
        visit_work.in_sidebar(context, page)
        _compliance(settings)


def _place(settings: Settings) -> str:
    audit = settings.audit
    if audit.backend == "memory":
        return f"Table {audit.table_name}, embedded engine"
    where = f"{audit.region}, {host_and_port(audit.url)}" if audit.url else audit.region
    return f"Table {audit.table_name}, {where}"


def _compliance(settings: Settings) -> None:
    compliance = settings.compliance
    st.caption(f"Compliance mode **{ {'none': 'none', 'soc2': 'SOC 2', 'hipaa': 'HIPAA'}[compliance.mode] }**")
    for name, title, meaning in _FLAGS:
        on = getattr(compliance, name)
        st.caption(f"{'✓' if on else '–'} {title}: **{'yes' if on else 'no'}**", help=meaning.capitalize() + ".")
    if not settings.audit.enabled:
        st.caption("Auditing is switched off: nothing new is written.")
