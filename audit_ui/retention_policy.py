"""The part of the Retention page about policy: lifetimes configured, lifetimes that records have, named periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.names import visible
from audit_core.schema import TTL_ATTRIBUTE, check_ttl
from audit_ui import elements, retention_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_ui.context import Context
    from audit_ui.retention_read import RetentionReading

__all__ = ["forget", "policy", "rows_table"]

KEPT_SECONDS = 60
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 10


def policy(context: Context, reading: RetentionReading) -> None:
    """Show configured lifetimes, the table's own setting and named periods, against what the records say."""
    st.subheader("Lifetimes against policy", anchor=False)
    settings = context.store.settings
    state, mend = _check_ttl((context.table_key,), context)
    if mend:
        with st.container(border=True):
            st.markdown(":orange[**⚠ Time to live is not as it should be, so records may never expire**]")
            st.text(visible(mend))
    elements.field_list(retention_view.policy_fields(settings, state))
    said, agree = retention_view.policy_words(reading.summary)
    st.markdown(f":blue[✓] {said}" if agree else f":orange[**⚠ {said}**]")
    rows_table(retention_view.period_rows(settings, reading.summary), "Retention periods, and how they are met.")
    st.caption("Which period applies is not known here: these two are what readers look for most often.")
    compared, given = st.columns(2, gap="medium")
    with compared:
        rows = retention_view.against_rows(reading.summary)
        rows_table(rows, "Records read, by how their lifetime compares with the configuration.")
        st.caption("An hour or a tenth off, whichever is less, counts as equal.")
    with given:
        rows_table(retention_view.lifetime_rows(reading.summary), "Records read, by the lifetime that they were given.")


@st.cache_data(ttl=KEPT_SECONDS, max_entries=8, show_spinner=False)
def _check_ttl(key: tuple[str], _context: Context) -> tuple[str, str]:  # noqa: ARG001 - what the cache goes by
    """Return what the table's TTL is, and how to mend it; read at most once a minute."""
    store = _context.store
    wrong = check_ttl(store.table.client, store.settings)
    if wrong is None:
        return f"on, by the attribute {TTL_ATTRIBUTE}", ""
    return wrong.found, str(wrong)


def forget() -> None:
    """Look at the table's setting anew from now on."""
    _check_ttl.clear()


def rows_table(rows: Sequence[Mapping[str, str]], alt: str, key: str | None = None) -> int | None:
    """Show rows of text; with a key a row can be chosen, and its number is returned."""
    frame, height = pd.DataFrame(rows), _ROW_PIXELS * (min(len(rows), _MOST_ROWS_HIGH) + 1) + 3
    if key is None:
        st.dataframe(frame, hide_index=True, height=height, alt=alt)
        return None
    shown = st.dataframe(
        frame, hide_index=True, height=height, alt=alt, key=key, on_select="rerun", selection_mode="single-row"
    )
    return shown.selection.rows[0] if shown.selection.rows else None
