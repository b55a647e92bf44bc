"""What the three ways of the Inject page share: which one it is, why one may not, a run under way, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.errors import (
    AuditError,
    ChainBlockedError,
    ConflictError,
    InputError,
    NotWrittenError,
    OutcomeUnknownError,
)
from audit_core.names import visible
from audit_ui import elements, links, retention_parts, summaries, visit_work
from audit_ui.context import LOST_STORE, forget_store
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audit_core.appendrun import AppendRun

__all__ = [
    "WAYS",
    "ShownRun",
    "chosen_way",
    "forget_what_was_read",
    "lost",
    "problem",
    "run_ended",
    "run_progress",
    "table",
    "told_error",
    "ways_on",
]

WAYS = {"record": "One record", "generate": "Generator", "files": "Files"}
MOST_NAMED = 20
_SLICE_SECONDS = 0.4
_PAUSE_SECONDS = 0.1
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 10


@dataclass(slots=True)
class ShownRun:
    """A run of this visit: which of `WAYS` began it, how far it is, into which chains (namespace, tenant) it writes."""

    way: str
    run: AppendRun
    chains: tuple[tuple[str, str], ...]


def chosen_way(*, busy: bool) -> str:
    """Let the visitor choose how to bring records in; the address keeps it."""
    asked = st.query_params.get("way", "record")
    way = asked if asked in WAYS else "record"
    st.radio(
        "Bring in",
        list(WAYS),
        format_func=WAYS.__getitem__,
        horizontal=True,
        key=elements.shown_as("way", way),
        on_change=_choose_way,
        disabled=busy,
    )
    return way


def _choose_way() -> None:
    way = st.session_state["way"]
    st.query_params.from_dict({} if way == "record" else {"way": way})


@st.fragment(run_every=_PAUSE_SECONDS)
def run_progress(shown: ShownRun) -> None:
    """Append for a slice of time and show how far it is; a click stops it."""
    run = shown.run
    with one_message():
        run.advance(_SLICE_SECONDS)
        if not run.running:
            forget_what_was_read(shown.chains)
            lost(run.error)
            st.rerun()
        st.progress(run.done / run.total, text=f"{run.done:,} of {count(run.total, 'record')} seen to")
        st.caption("It waits while another page is open, and goes on when this one is opened again.")
        if st.button("Stop", key="stop"):
            run.stop()
            forget_what_was_read(shown.chains)
            st.rerun()


def run_ended(shown: ShownRun) -> None:
    """Show what a run did, as numbers that add up, and offer to take it up again where it was stopped."""
    run = shown.run
    with st.container(border=True, key="run"):
        state = "Stopped" if run.stopped else "Done"
        st.markdown(f"**{state}: {run.done:,} of {count(run.total, 'record')} seen to**")
        with st.container(horizontal=True, gap="small"):
            for name, number, meaning in (
                ("Added", run.added, "Written by this run."),
                ("Present", run.present, "There before with the same content; not written again."),
                ("Conflicts", len(run.conflicts), "Their id is held by other content, which was not touched."),
                ("Failed", run.failed, "Refused, and not written."),
            ):
                st.metric(name, f"{number:,}", help=meaning, border=True, width=152)
        parts = f"{run.added:,} + {run.present:,} + {len(run.conflicts):,} + {run.failed:,}"
        st.caption(f"{parts} = {run.done:,} seen to.")
        if run.error is not None:
            told_error(run.error)
        if run.stopped and st.button("Go on", key="go_on"):
            run.go_on()
            st.rerun()
        if run.conflicts:
            st.caption(f"Conflicts, {min(len(run.conflicts), MOST_NAMED):,} of {len(run.conflicts):,} ids shown:")
            st.code(
                visible("\n".join(run.conflicts[:MOST_NAMED])).replace("\\u{000A}", "\n"),
                language=None,
                wrap_lines=True,
            )
        for reason in dict.fromkeys(run.refusals):
            problem(reason)
    chains = shown.chains[:MOST_NAMED]
    st.caption(f"{count(len(chains), 'chain')} of {len(shown.chains):,} written to:")
    for chain in chains:
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            st.text(chain_name(*chain))
            ways_on(*chain)


def ways_on(namespace: str, tenant: str) -> None:
    """Show the ways to a chain's other pages."""
    elements.way(links.CHAIN, "Verify the chain", links.chain_query(namespace, tenant, verify=1))
    elements.way(links.RECORDS, "Records", links.records_query(namespace, tenant))
    elements.way(links.RETENTION, "Retention", links.chain_query(namespace, tenant))


def told_error(error: AuditError) -> None:
    """Show why a write was not acknowledged, as one message."""
    headlines: Sequence[tuple[type[AuditError], str]] = (
        (OutcomeUnknownError, "? It is not known whether it was written"),
        (ConflictError, "✕ Not written: the id is held by other content"),
        (ChainBlockedError, "✕ Not written: the chain cannot go on"),
        (NotWrittenError, "✕ Not written, and certainly so"),
        (InputError, "✕ Not written: it cannot be stored as it is"),
    )
    headline = next((text for kind, text in headlines if isinstance(error, kind)), "✕ This did not work")
    with st.container(border=True, key="not_written"):
        st.markdown(f":red[**{headline}**]")
        st.text(visible(str(error)))


def problem(text: str) -> None:
    """Show what is wrong, beside what it is about; the text may quote what was typed or read."""
    st.text(f"✕ {visible(text)}")


def table(rows: Sequence[dict[str, str]], alt: str) -> None:
    """Show rows of text."""
    height = _ROW_PIXELS * (min(len(rows), _MOST_ROWS_HIGH) + 1) + 3
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height, alt=alt)


def forget_what_was_read(chains: Iterable[tuple[str, str]]) -> None:
    """Let the pages read and verify anew, since something was written to these chains (namespace, tenant)."""
    visit_work.forget_ended(chains)
    summaries.forget_summaries()
    retention_parts.forget()


def lost(error: AuditError | None) -> None:
    """Let the store be opened anew where the error says that it is gone."""
    if isinstance(error, LOST_STORE):
        forget_store()
