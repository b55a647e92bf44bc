"""A verification as pages show it that let a visitor start, watch, stop and take up one: Chain and Gaps.

It is kept in the visit. What a report says, and how it is shown, is left to the pages' own parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_ui import elements
from audit_ui.faults import one_message
from audit_ui.formats import count
from audit_ui.verification import Request, Verification, reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core import ChainReport
    from audit_ui.context import Context

__all__ = ["again", "not_verified_yet", "progress", "report_to_show", "under_way"]

_KEPT = "verification"
_FORCED = "verify again"
_PAUSE_SECONDS = 0.1


def again(query: Mapping[str, str]) -> None:
    """Verify anew what the address then names; for callbacks."""
    st.query_params.from_dict(dict(query))
    st.session_state[_FORCED] = True


def under_way(context: Context, request: Request) -> Verification | None:
    """Return this visit's verification of what is asked for, started where a click or the address says so."""
    kept: Verification | None = st.session_state.get(_KEPT)
    if kept is not None and kept.request != request:
        kept = None
    forced = st.session_state.pop(_FORCED, False)
    if forced or (kept is None and st.query_params.get("verify") == "1"):
        kept = Verification(context, request)
        st.session_state[_KEPT] = kept
        kept.advance()
    return kept


@st.fragment(run_every=_PAUSE_SECONDS)
def progress(verification: Verification) -> None:
    """Go on for a slice of time and show how far it is; a click stops it."""
    with one_message():
        verification.advance()
        if not verification.running:
            st.rerun()
        at = verification.progress
        known = f" of {at.total:,}" if at.total else ""
        breaks = f"{count(at.breaks, 'break')} found so far" if at.breaks else "no break so far"
        done = min(1.0, at.position / at.total) if at.total else 0.0
        st.progress(
            done, text=f"Verifying: position {at.position:,}{known}, {count(at.records, 'record')} checked, {breaks}"
        )
        if st.button("Stop", key="stop"):
            verification.stop()
            st.rerun()


def report_to_show(context: Context, request: Request, verification: Verification | None) -> ChainReport | None:
    """Return the report of this visit's verification, else the chain's last one in this process."""
    if verification is not None:
        if verification.stopped and st.button("Go on from where it stopped", key="go_on"):
            verification.go_on()
            st.rerun()
        return verification.report
    last = reports().last(context.table_key, request.namespace, request.tenant) if request.whole else None
    return last if last is not None and (last.thorough or not request.thorough) else None


def not_verified_yet() -> None:
    """Say that there is no verdict yet."""
    elements.nothing_here(
        "Not verified yet",
        "Nobody has verified this since the program was started, so nothing is known about it. **Verify** reads the "
        "chain from its start to its end and checks every record and every link.",
    )
