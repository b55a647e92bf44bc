"""Verifying all chains from the Overview: begun, watched, stopped and taken up, and what it says that is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.words import VERDICTS
from audit_core.names import visible
from audit_ui import chooser, elements, links, verification, visit_work
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = ["verify_all"]

_PAUSE_SECONDS = 0.2
_MOST_CHANGES = 20


def verify_all(
    context: Context, entries: Sequence[TenantEntry], shown: Sequence[TenantEntry], *, complete: bool
) -> None:
    """Offer to verify the chains on the screen, or all of them, one after the other; a click stops it."""
    batch = visit_work.batch(context)
    if batch is not None and batch.running:
        _batch_under_way(batch)
        return
    everything = complete and len(shown) == len(entries)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        these = f"Verify {'these' if len(shown) > 1 else 'this'} {count(len(shown), 'tenant')}"
        key = "verify_all" if everything else "verify_shown"
        st.button(these, type="primary", key=key, on_click=_begin, args=(context, shown))
        if not everything:
            label = f"Verify all {count(len(entries), 'tenant')}" if complete else "Verify all tenants"
            st.button(label, key="verify_all", on_click=_begin, args=(context, entries if complete else None))
        if batch is not None and batch.stopped:
            st.button("Go on from where it stopped", key="go_on_all", on_click=_go_on, args=(context, batch))
    if batch is not None:
        _batch_so_far(batch)


def _begin(context: Context, entries: Sequence[TenantEntry] | None) -> None:
    """Begin with the chains given; None: with all of the directory, which is read first."""
    if entries is not None:
        batch = verification.Batch(context, _requests(entries))
    else:
        batch = verification.Batch(context, (), lambda: _found(context))
    visit_work.begin_batch(context, batch)


def _found(context: Context) -> Sequence[verification.Request] | None:
    directory = chooser.read_on(context)
    return _requests(chooser.listed(context, directory)) if directory.complete else None


def _requests(entries: Sequence[TenantEntry]) -> list[verification.Request]:
    return [verification.Request(entry.namespace, entry.tenant) for entry in entries]


def _go_on(context: Context, batch: verification.Batch) -> None:
    visit_work.pause(context)
    batch.go_on()


def _batch_so_far(batch: verification.Batch) -> None:
    """Say how far a batch came that is not under way, and which chains it told something else of than before."""
    if batch.stopped:
        of = "the directory was read" if batch.total is None else count(batch.total, "tenant")
        st.caption(f"Stopped before {of}." if batch.total is None else f"Stopped after {batch.done:,} of {of}.")
    if batch.trouble is not None:
        st.text(f"It stopped by itself, since several chains in a row could not be read: {visible(batch.trouble)}")
    if not batch.done:
        return
    if not batch.changes:
        st.caption(f"{count(batch.done, 'tenant')} gone through; {_nothing_new(batch)}.")
        return
    with st.container(border=True, key="changes"):
        number, say = count(len(batch.changes), "tenant"), "says" if len(batch.changes) == 1 else "say"
        st.markdown(f"**{number} of {batch.compared:,} verified before {say} something else now**")
        for change in batch.changes[:_MOST_CHANGES]:
            _change(change)
        if len(batch.changes) > _MOST_CHANGES:
            st.caption(f"The first {_MOST_CHANGES} are shown; each tenant's last verdict stands below.")


def _nothing_new(batch: verification.Batch) -> str:
    if not batch.compared:
        return "no earlier verification is known here to compare with"
    if batch.compared == batch.done:
        return "none says something else than its verification before"
    return f"of the {batch.compared:,} verified before, none says something else now"


def _change(change: verification.Change) -> None:
    before, after, request = change.before, change.after, change.request
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text(chain_name(request.namespace, request.tenant), width="content")
        if before is not None:
            said = VERDICTS[before.verdict]
            st.caption(f"was {said.symbol} {said.name} {utc(before.at, seconds=False)}, is", width="content")
        elements.verdict_badge(after.verdict)
        elements.way(links.CHAIN, "Chain", links.chain_query(request.namespace, request.tenant))


@st.fragment(run_every=_PAUSE_SECONDS)
def _batch_under_way(batch: verification.Batch) -> None:
    with one_message():
        batch.advance()
        if not batch.running:
            st.rerun()
        broken = f", {batch.broken:,} broken so far" if batch.broken else ""
        text = (
            "Reading the directory of tenants"
            if batch.total is None
            else f"Verifying {batch.done + 1:,} of {count(batch.total, 'tenant')}{broken}"
        )
        st.progress(min(1.0, batch.fraction), text=text)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Stop", key="stop_all", on_click=batch.stop)  # before the next slice, not after it
            if batch.current is not None:
                st.text(chain_name(batch.current.namespace, batch.current.tenant), width="stretch")
