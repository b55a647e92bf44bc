"""The filters of the Records page: each that is set a chip that can be taken away, and the form that sets them.

What is set stands in the address, and nowhere else. A value is somebody's text: it is shown as text, and a chip's
button carries our own words alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.names import visible
from audit_ui import elements, record_search
from audit_ui.record_query import FILTERS, ORDERS, RANGE, RecordsState

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["chips", "order"]

_LABELS: Mapping[str, str] = {**FILTERS, **RANGE}
_HINTS = {
    "provider": "email",
    "action_type": "send_email",
    "outcome": "failed",
    "verdict": "deny",
    "rule": "quiet-hours",
    "caller": "user:ada",
    "since": "2026-01-15",
    "until": "2026-01-15 10:00",
}
_LONGEST_VALUE = 60


def order(state: RecordsState) -> None:
    """Let the visitor choose the order."""
    st.radio(
        "Order",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        horizontal=True,
        key=elements.shown_as("order", state.order),
        on_change=_reorder,
        args=(state,),
    )


def chips(state: RecordsState) -> None:
    """Show each filter that is set as a chip, and the way to set others."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="chips"):
        for name, value in state.filters.items():
            chip = st.container(horizontal=True, gap="xsmall", vertical_alignment="center", width="content")
            with chip:
                st.button(
                    f"✕ {_LABELS[name]}",
                    key=f"unset {name}",
                    help="Take this filter away",
                    on_click=_unset,
                    args=(state, name),
                )
                st.text(_shortened(visible(value)))
        with st.popover("Add a filter" if not state.filters else "Change filters", key="filters"):
            _form(state)
        if len(state.filters) > 1:
            st.button("Clear all", key="clear", on_click=_clear, args=(state,))


def _form(state: RecordsState) -> None:
    with st.form("filters form", border=False):
        cells = (*st.columns(2), *st.columns(2), *st.columns(2), *st.columns(2), *st.columns(2), *st.columns(2))
        for cell, (name, label) in zip(cells, _LABELS.items(), strict=False):
            key = elements.shown_as(f"filter {name}", state.filters.get(name, ""))
            cell.text_input(label, key=key, placeholder=_HINTS.get(name))
        st.caption(
            "A filter takes the whole value, upper and lower case as written. A range includes both of its ends."
        )
        with st.container(horizontal=True):
            st.form_submit_button("Apply", type="primary", on_click=_apply, args=(state,))


def _shortened(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"


def _go(state: RecordsState, **changes: str) -> None:
    record_search.forget()
    st.query_params.from_dict(state.address(**changes))


def _reorder(state: RecordsState) -> None:
    chosen = st.session_state["order"]
    _go(state, order="" if chosen == "newest" else chosen)


def _apply(state: RecordsState) -> None:
    typed = {name: st.session_state[f"filter {name}"].strip() for name in _LABELS}
    _go(replace(state, filters={name: value for name, value in typed.items() if value}))


def _unset(state: RecordsState, name: str) -> None:
    _go(replace(state, filters={other: value for other, value in state.filters.items() if other != name}))


def _clear(state: RecordsState) -> None:
    _go(replace(state, filters={}))
