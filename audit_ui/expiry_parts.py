"""Expiry as it happens, on the Tamper lab page: two chains side by side, what stands, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.chain.words import VERDICTS
from audit_core.tamper.expiry import EARLY_SECONDS, LEFT, LENGTH, LIFETIME_SECONDS, SHORT, TAKEN, Expiry, Phase
from audit_ui import elements, half_strip, links
from audit_ui.faults import one_message
from audit_ui.formats import count, utc
from audit_ui.strip import build_strip

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_ui.context import Context

__all__ = ["showing"]

_KEPT = "expiry showing"
_BEGIN = "expiry begins"
_PAUSE_SECONDS = 0.5


def showing(context: Context) -> None:
    """Let the visitor begin, and show how it goes. Raises `WriteRefusedError`, `EngineError`."""
    st.markdown(
        f"Two chains of {LENGTH} records, of which the first {SHORT} live for {LIFETIME_SECONDS} seconds. One is left "
        f"alone; the same records of the other are deleted by hand, {EARLY_SECONDS} seconds before their time."
    )
    running: Expiry | None = st.session_state.get(_KEPT)
    label = "Begin" if running is None else "Begin anew"
    st.button(label, type="primary", key="expiry_begin", on_click=lambda: st.session_state.update({_BEGIN: True}))
    if st.session_state.pop(_BEGIN, False):
        with st.spinner("Writing the two chains …"):
            running = Expiry(context.store)
        st.session_state[_KEPT] = running
    if running is None:
        return
    if running.phase is Phase.GONE:
        _shown(running)
    else:
        _going_on(running)


@st.fragment(run_every=_PAUSE_SECONDS)
def _going_on(running: Expiry) -> None:
    with one_message():
        running.advance()
        if running.phase is Phase.GONE:
            st.rerun()
        _shown(running)


def _shown(running: Expiry) -> None:
    st.markdown(f"**{_headline(running)}**")
    st.caption(f"By the engine's clock it is {utc(running.now)}; their time comes at {utc(running.expires_at)}.")
    left, right = st.columns(2, gap="medium")
    with left:
        _chain(running, LEFT, "Left alone", running.left)
    with right:
        _chain(running, TAKEN, "Deleted early", running.taken)
        _early(running)
    if running.phase is Phase.GONE:
        _lesson(running)


def _headline(running: Expiry) -> str:
    if running.phase is Phase.LIVING:
        return f"All stand. {count(running.seconds_left, 'second')} left."
    if running.phase is Phase.DELETED:
        return f"Deleted by hand on the right, {count(running.seconds_left, 'second')} before their time."
    if running.phase is Phase.DUE:
        return "Their time has come; the engine removes them when it gets to it."
    by = "The engine removed them" if not running.by_hand else "The engine did not get to it, so the lab did it for it"
    if not running.removes_itself:
        by = "This engine removes nothing, so the lab did it for it"
    return f"Gone on both sides. {by}; every fence still stands."


def _chain(running: Expiry, names: tuple[str, str], title: str, report: ChainReport) -> None:
    st.markdown(f"**{title}**")
    elements.verdict_badge(report.verdict)
    st.caption(VERDICTS[report.verdict].headline)
    shown = build_strip(report)
    if shown.bins:
        figure = half_strip.half_strip_figure(shown, dark=elements.is_dark())
        alt = f"{title}: {VERDICTS[report.verdict].headline}"
        st.plotly_chart(figure, theme=None, config={"displayModeBar": False}, alt=alt, key=f"expiry {names[1]}")
    standing = running.standing[names]
    rows = [
        {
            "Position": f"{number}",
            "Record": "✓ stands" if number in standing.records else "∅ gone",
            "Fence": "✓ stands" if number in standing.fences else "∅ gone",
            "Its time": "seconds" if number < SHORT else "30 days",
        }
        for number in range(LENGTH)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=f"{title}: which records and fences stand.")


def _early(running: Expiry) -> None:
    if running.early is None:
        return
    with st.container(border=True, key="expiry_early"):
        st.markdown("**Verified right after the deletion**")
        elements.verdict_badge(running.early.verdict)
        if running.early_in_time:
            seconds = running.expires_at.epoch_seconds - running.early.at.epoch_seconds
            st.caption(
                f"{count(len(running.early.findings), 'finding')}: the records were gone, and their fences said that "
                f"they had {count(seconds, 'second')} to live."
            )
        else:
            st.caption("This verification came too late: their time had come by then. Begin anew.")


def _lesson(running: Expiry) -> None:
    st.markdown(
        "Left alone, the records are **expired**: gone, as their fences said they would. Deleted early they were "
        "**missing** – until their time came. After that nothing tells the two apart, so a chain has to be verified "
        "while its records still live, by a scheduler say."
    )
    for names, label in ((LEFT, "The chain left alone"), (TAKEN, "The chain deleted early")):
        elements.way(links.CHAIN, label, links.chain_query(*names, verify=1))
    if not running.removes_itself:
        st.caption("On DynamoDB Local and on AWS the table's TTL removes what has expired.")
