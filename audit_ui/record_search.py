"""A filtered page of records, read in slices of time: how far it is shows, and it can be stopped.

A filter may pass over thousands of records before a page is full. The first request is part of the page; what goes
beyond it goes on visibly, up to the budget of one page. It is kept in the visit until something else is asked for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.paging import READ_BUDGET
from audit_ui.faults import one_message
from audit_ui.formats import count
from audit_ui.verification import SLICE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from audit_core import AuditStore, Page, RecordFilter
    from audit_core.query import Order
    from audit_ui.context import Context

__all__ = ["RecordSearch", "forget", "progress", "under_way"]

_KEPT = "record search"
_KEPT_SECONDS = 60
_PAUSE_SECONDS = 0.1


class RecordSearch:
    """One page under way; made, its first request was answered. Raises `FilterError`, `CursorError`, `EngineError`."""

    def __init__(
        self, store: AuditStore, wanted: RecordFilter, order: Order, cursor: str | None, key: Hashable = None
    ) -> None:
        self.key = key
        self.running = True
        self._started = time.monotonic()
        self._reading = store.page(wanted, order=order, cursor=cursor)
        self._steps: Iterator[int] = iter(self._reading)
        self.advance(0)

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one request at least. Raises `EngineError`, after which it is over."""
        give_up = time.monotonic() + seconds
        while self.running:
            self.running, started = False, self._started
            self._started = float("-inf")  # what fails is not shown again as if it had been read
            if next(self._steps, None) is None:
                return
            self._started, self.running = started, self._more_to_do()
            if time.monotonic() >= give_up:
                return

    def stop(self) -> None:
        """Go no further; what was found so far is the page."""
        self.running = False

    def _more_to_do(self) -> bool:
        page = self.page
        return not page.complete and page.reading.items < READ_BUDGET

    @property
    def page(self) -> Page:
        """What was found so far."""
        return self._reading.page

    @property
    def fresh(self) -> bool:
        """Whether it is under way, or young enough to be shown again."""
        return self.running or time.monotonic() - self._started < _KEPT_SECONDS


def under_way(context: Context, wanted: RecordFilter, order: Order, cursor: str | None) -> RecordSearch:
    """Return this visit's search for what is asked, begun now where it is another one. Raises as `RecordSearch`."""
    key = (context.table_key, wanted, order, cursor)
    kept: RecordSearch | None = st.session_state.get(_KEPT)
    if kept is None or kept.key != key or not kept.fresh:
        kept = RecordSearch(context.store, wanted, order, cursor, key)
        st.session_state[_KEPT] = kept
    return kept


def forget() -> None:
    """Read anew from now on."""
    st.session_state.pop(_KEPT, None)


@st.fragment(run_every=_PAUSE_SECONDS)
def progress(search: RecordSearch) -> None:
    """Go on for a slice of time and show how far it is; a click stops it."""
    with one_message():
        search.advance()
        if not search.running:
            st.rerun()
        page = search.page
        st.progress(
            min(1.0, page.reading.items / READ_BUDGET),
            text=f"Searching: {count(page.reading.items, 'record')} gone through, {len(page.rows):,} found. It ends "
            f"with a full page, or when {READ_BUDGET:,} were gone through.",
        )
        if st.button("Stop", key="stop_search"):
            search.stop()
            st.rerun()
