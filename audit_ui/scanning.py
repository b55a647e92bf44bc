"""The scan of the whole table for tenants that the directory lacks: in slices of time, stopped and gone on with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.errors import EngineError
from audit_ui.faults import one_message
from audit_ui.formats import cost, count
from audit_ui.verification import SLICE_SECONDS

if TYPE_CHECKING:
    from audit_core.directory import TenantScan
    from audit_ui.context import Context

__all__ = ["Searching", "scan"]

_SEARCHING = "scan of the table"
_PAUSE_SECONDS = 0.2


class Searching:
    """A scan of the table under way in this visit, in slices of time; what it finds joins the list when it ends."""

    def __init__(self, context: Context) -> None:
        self.running = True
        self._context = context
        self.scan: TenantScan = context.store.scan_tenants()

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one step at least. Raises `EngineError`, and has stopped then."""
        deadline = time.monotonic() + seconds
        while self.running:
            try:
                self.running = next(self.scan, None) is not None and not self.scan.complete
            except EngineError:
                self.stop()
                raise
            if time.monotonic() >= deadline:
                break
        if not self.running:
            self._context.keep_scan(self.scan.found)

    def stop(self) -> None:
        """Go no further for now; what was found until then joins the list."""
        self.running = False
        self._context.keep_scan(self.scan.found)

    def go_on(self) -> None:
        """Take it up where it was stopped."""
        self.running = not self.scan.complete


def scan(context: Context) -> None:
    """Offer the scan that finds tenants which the directory lacks, with what it takes; show how far it is."""
    kept: tuple[str, Searching] | None = st.session_state.get(_SEARCHING)
    searching = kept[1] if kept is not None and kept[0] == context.table_key else None
    if searching is not None and searching.running:
        _under_way(searching)
        return
    stopped = searching is not None and not searching.scan.complete
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        anew = st.button("Search the whole table", key="scan")
        if searching is not None and stopped and st.button("Go on with the search", key="scan_go_on"):
            searching.go_on()
            st.rerun()
        st.caption(
            "Finds tenants that the directory lacks. It goes through every item and costs accordingly.", width="stretch"
        )
    if anew:
        st.session_state[_SEARCHING] = (context.table_key, Searching(context))
        st.rerun()
    if searching is not None:
        word = "was stopped before its end" if stopped else "went through the whole table"
        st.caption(f"The search {word}: {_so_far(searching.scan)}")


@st.fragment(run_every=_PAUSE_SECONDS)
def _under_way(searching: Searching) -> None:
    with one_message():
        searching.advance()
        if not searching.running:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button("Stop the search", key="scan_stop"):
                searching.stop()
                st.rerun()
            st.caption(f"Searching the whole table: {_so_far(searching.scan)}", width="stretch")


def _so_far(scan: TenantScan) -> str:
    return f"{count(scan.tenants, 'tenant')} found. {cost(scan.reading)}."
