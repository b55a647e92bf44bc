"""Verifications of one visit: kept while the visitor looks elsewhere, one at a time under way, each to be taken up.

A page shows the one that it is about. On every other page the one under way goes on in the sidebar, slice by slice, so
that nobody has to wait in front of a progress bar; what was stopped waits there with the way back to it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.names import visible
from audit_ui import chooser, elements, links
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_ui.context import Context
    from audit_ui.verification import Batch, Request, Verification

__all__ = [
    "PAUSE_SECONDS",
    "SLICE_SECONDS",
    "batch",
    "begin",
    "begin_batch",
    "forget_ended",
    "in_sidebar",
    "keep",
    "pause",
    "progress_words",
    "verification_of",
]

MOST_KEPT = 8
"""Verifications that a visit keeps, those that came to their end and those that were stopped."""

PAUSE_SECONDS = 0.3
SLICE_SECONDS = 0.1
"""How long a verification goes on in one go, and rests between two, so that a click is answered at once.

What it reads ahead goes on by itself meanwhile: longer slices or shorter rests make it no faster.
"""

_VERIFICATIONS = "verifications"
_BATCH = "verify all"


def verification_of(context: Context, request: Request) -> Verification | None:
    """Return this visit's verification of what is asked for; None where there is none."""
    return _kept(context).get(request)


def begin(context: Context, verification: Verification) -> None:
    """Keep a verification in this visit, and let it be the one under way."""
    pause(context)
    keep(context, verification)


def keep(context: Context, verification: Verification) -> None:
    """Keep a verification in this visit."""
    kept = _kept(context)
    kept[verification.request] = verification
    kept.move_to_end(verification.request)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


def forget_ended(chains: Iterable[tuple[str, str]]) -> None:
    """Forget this visit's verifications of chains (namespace, tenant) that came to their end: these changed since."""
    changed = set(chains)
    _key, kept = st.session_state.get(_VERIFICATIONS, ("", OrderedDict()))
    for request, verification in list(kept.items()):
        if (request.namespace, request.tenant) in changed and not (verification.running or verification.stopped):
            del kept[request]


def batch(context: Context) -> Batch | None:
    """Return this visit's verification of several chains; None where there is none."""
    key, kept = st.session_state.get(_BATCH, ("", None))
    return kept if key == context.table_key else None


def begin_batch(context: Context, made: Batch) -> None:
    """Keep a verification of several chains in this visit, and let it be what is under way."""
    pause(context)
    st.session_state[_BATCH] = (context.table_key, made)


def pause(context: Context) -> None:
    """Stop what is under way, to be taken up later: another one is about to go on."""
    under_way = batch(context)
    if under_way is not None:
        under_way.stop()
    for verification in _kept(context).values():
        verification.stop()


def _kept(context: Context) -> OrderedDict[Request, Verification]:
    key: str
    kept: OrderedDict[Request, Verification]
    key, kept = st.session_state.get(_VERIFICATIONS, ("", OrderedDict()))
    if key != context.table_key:
        kept = OrderedDict()
        st.session_state[_VERIFICATIONS] = (context.table_key, kept)
    return kept


def in_sidebar(context: Context, page: str) -> None:
    """Show what goes on, or waits, that the page itself does not show; `page` is the end of its address."""
    for number, verification in enumerate(reversed(_kept(context).values())):
        request = verification.request
        if _is_shown_by(page, context, request) or not (verification.running or verification.stopped):
            continue
        with st.container(border=True, key=f"work {number}"):
            if verification.running:
                _under_way(verification)
            else:
                st.caption(f"Stopped at {verification.fraction:.0%}: verification of")
                st.text(chain_name(request.namespace, request.tenant))
            elements.way(links.CHAIN, "Back to it", _query(request))
    made = batch(context)
    if made is None or page == "overview" or not (made.running or made.stopped):
        return
    with st.container(border=True, key="work all"):
        if made.running:
            _batch_under_way(made)
        else:
            st.caption(f"Verify all: {_batch_words(made)}, stopped")
        elements.way(links.OVERVIEW, "Back to it", {})


def _is_shown_by(page: str, context: Context, request: Request) -> bool:
    """Whether the page that is about to be shown is about this very verification."""
    if page not in {"chain", "gaps"} or chooser.named_chain(context) != (request.namespace, request.tenant):
        return False
    asked = st.query_params if page == "chain" else {}
    wanted = _query(request)
    return all(asked.get(name, "") == wanted.get(name, "") for name in ("first", "last", "thorough"))


@st.fragment(run_every=PAUSE_SECONDS)
def _under_way(verification: Verification) -> None:
    """Show how far it is, and go on for a slice of time."""
    with one_message():
        request = verification.request
        st.progress(verification.fraction, text=f"Verifying, {verification.fraction:.0%}")
        st.text(chain_name(request.namespace, request.tenant))
        st.button("Stop verifying", key="work_stop", on_click=verification.stop)
        verification.advance(SLICE_SECONDS)
        if not verification.running:
            st.rerun()


@st.fragment(run_every=PAUSE_SECONDS)
def _batch_under_way(made: Batch) -> None:
    with one_message():
        st.progress(made.fraction, text=f"Verify all: {_batch_words(made)}")
        st.button("Stop verifying", key="work_stop_all", on_click=made.stop)
        made.advance()
        if not made.running:
            st.rerun()


def _batch_words(made: Batch) -> str:
    if made.total is None:
        return "reading the directory"
    return f"{made.done:,} of {count(made.total, 'tenant')}" + (f", {made.broken:,} broken" if made.broken else "")


def _query(request: Request) -> dict[str, str]:
    return links.chain_query(
        request.namespace, request.tenant, first=request.first, last=request.last, thorough=request.thorough and "1"
    )


def progress_words(verification: Verification) -> str:
    """Say how far a verification is, how fast it goes, and how long it will take."""
    at = verification.progress
    known = f" of {at.total:,}" if at.total else ""
    breaks = f"{count(at.breaks, 'break')} found so far" if at.breaks else "no break so far"
    left = verification.seconds_left
    pace = "" if left is None else f"; {verification.rate:,.0f} a second, {duration(left)} left"
    return visible(f"position {at.position:,}{known}, {count(at.records, 'record')} checked, {breaks}{pace}")
