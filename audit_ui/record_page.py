"""The page of one record: what happened in words, whether it is as it was written, its place, and all that it holds.

What the words are is in `record_story`, what is compared in `exhibit_view`. It judges this record and its two links
alone; a verdict on the chain is for Chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st

from audit_core.names import visible
from audit_core.table import Reading
from audit_ui import elements, exhibit_view, links, local_times, record_absence, record_place, record_story, record_view
from audit_ui.formats import count, pretty_json, raw_item
from audit_ui.record_query import FILTERS, RecordsState
from audit_ui.record_read import has_chain

if TYPE_CHECKING:
    from audit_core import Page, Row
    from audit_core.chain.exhibits import Exhibits
    from audit_ui.context import Context

__all__ = ["one_record"]

_TIMES = {"Dispatched": "dispatched_at", "Completed": "completed_at", "Expires": "expires_at"}
_SAME = {
    "caller": "caller_id",
    "provider": "provider",
    "action_type": "action_type",
    "outcome": "outcome",
    "verdict": "verdict",
    "rule": "matched_rule",
    "chain_id": "chain_id",
}
_HASH_MEANS = {
    "record_hash": "Ten fields: id, action id, namespace, tenant, provider, action type, outcome, verdict, time of "
    "dispatch, and the link to the record before.",
    "content_hash": "Every attribute of the record, the payload and the expiry among them.",
}


def one_record(context: Context, record_id: str) -> None:
    """Show the record with this id, or that there is none."""
    state = RecordsState.read(st.query_params)
    st.title("Record")
    found = context.store.look_up(record_id)
    if not found.rows:
        elements.turn("← Back to the list", state.address(state.cursor), key="back")
        named = bool(state.namespace and state.tenant)
        record_absence.no_such_id(context, record_id, (state.namespace, state.tenant) if named else None)
        elements.read_footer(found.reading, found.at)
        return
    row = found.rows[0]
    chain, number = record_place.place_of(row)
    read = record_place.read_around(context, chain, number)
    action = row.stored.text("action_id")
    acted = context.store.action(action) if action else None
    reading = found.reading + (acted.reading if acted else Reading()) + (read.reading if read else Reading())
    reading += _ways_on(context, state, row, read)
    reading += _story(context, row, found)
    _action(state, row, acted)
    _fields(row)
    _same(row)
    _details(row)
    _as_written(row)
    record_place.section(row, chain, number, read)
    with st.expander("The item as it stands in the table"):
        st.code(raw_item(row.stored.item), language=None, wrap_lines=True)
    elements.read_footer(reading, found.at)


def _ways_on(context: Context, state: RecordsState, row: Row, read: Exhibits | None) -> Reading:
    """Show the way back, to the records before and after in the chain, and the link; return what it had to read."""
    reading = Reading()
    chain, number = record_place.place_of(row)
    with st.container(horizontal=True, gap="small", key="record_ways"):
        elements.turn("← Back to the list", state.address(state.cursor), key="back")
        if chain is not None and number is not None and read is not None:
            for label, key, step, shortcut in (
                ("Previous record", "previous record", -1, "Left"),
                ("Next record", "next record", 1, "Right"),
            ):
                record_id, took = record_place.beside(context, chain, number, step, read)
                reading += took
                query = {**state.address(state.cursor), "record": record_id or ""}
                st.button(
                    label,
                    key=key,
                    disabled=record_id is None,
                    shortcut=shortcut,
                    on_click=st.query_params.from_dict,
                    args=(query,),
                    help="In the chain's order; what is gone is passed over.",
                )
        with st.popover("Link"):
            st.caption("Whoever may open this dashboard sees the record under this address.")
            st.code(_link(row), language=None, wrap_lines=True)
    return reading


def _link(row: Row) -> str:
    """Return its address; it names the chain, where to look for it once it is gone."""
    text = row.stored.text
    query = links.records_query(text("namespace"), text("tenant"), record=text("id"))
    return f"{st.context.url or 'records'}?{urlencode(query)}"


def _story(context: Context, row: Row, found: Page) -> Reading:
    """Show what happened in words, what is out of the ordinary, and how long it lives; return what it had to read."""
    st.text(record_story.happened(row))
    fits = [line.fits for line in record_view.hash_lines(row.stored.item)]
    if False in fits:
        st.markdown(":red[**✕ It is not as it was written: a stored hash does not fit what it holds**]")
    elif True in fits:
        st.markdown(":blue[✓ Its hashes fit what it holds]. Below is what that does not mean.")
    chained, reading = has_chain(context, (row,))
    said = record_view.marks(row, chained=chained)
    if said:
        with st.container(horizontal=True, gap="xsmall"):
            for mark in said:
                st.badge(mark[0].upper() + mark[1:], color="orange")
    for problem in row.stored.problems:
        st.text(f"Problem: {visible(problem)}")
    st.caption(record_story.lifetime_words(row, found.at, context.removal))
    hidden = record_story.hidden_in(row.stored.item)
    if hidden:
        with st.container(border=True, key="hidden"):
            st.markdown(":orange[**⚠ It holds characters that cannot be seen**]")
            st.caption(r"Shown on this page as `\u{…}`. They can make two names look alike, or turn text around.")
            elements.field_list(hidden)
    st.code(visible(row.stored.text("id")), language=None, wrap_lines=True)
    return reading


def _action(state: RecordsState, row: Row, acted: Page | None) -> None:
    """Show whether it is an intent or an outcome, and the other records of its action."""
    st.subheader(
        "Intent and outcome",
        anchor=False,
        help="A writer may record that it is about to act (the intent, outcome pending) and then how it ended (the "
        "outcome), both under one action id. An intent without an outcome is what a crash leaves.",
    )
    if acted is None:
        st.caption("It names no action.")
        return
    others = [other for other in acted.rows if other.stored.text("id") != row.stored.text("id")]
    words, caution = record_story.phase_words(row, others, complete=acted.complete)
    st.markdown(f":orange[**⚠ {words}**]" if caution else words)
    for other in others:
        text = other.stored.text
        query = state.address(state.cursor) | {"record": text("id")}
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            st.text("\n".join(exhibit_view.record_lines(other.stored.item)))
            elements.turn("Open", query, key=f"open {text('id')}")
    if not acted.complete:
        st.caption(f"{count(len(others), 'other record')} shown, there are more.")


def _fields(row: Row) -> None:
    """Show every field, in groups side by side, times also by the visitor's own clock."""
    groups = record_view.fields_of(row)
    for first in range(0, len(groups), 2):
        for cell, (heading, fields) in zip(st.columns(2, gap="large"), groups[first : first + 2], strict=False):
            with cell:
                st.subheader(heading, anchor=False)
                elements.field_list(_with_local_times(row, fields), label_width=120)


def _same(row: Row) -> None:
    """Show the ways to the other records of the tenant that share a value with this one."""
    text = row.stored.text
    shared = {name: attribute for name, attribute in _SAME.items() if text(attribute)}
    if not shared or not text("namespace") or not text("tenant"):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="same"):
        st.caption("Records of this tenant with the same", width="content")
        for name, attribute in shared.items():
            query = links.records_query(text("namespace"), text("tenant"), **{name: text(attribute)})
            elements.turn(FILTERS[name], query, key=f"same {name}")


def _details(row: Row) -> None:
    """Show what the record holds as JSON, each token as it was written."""
    held = [(heading, row.stored.text(name)) for name, heading in record_view.JSON_FIELDS.items()]
    held = [(heading, text) for heading, text in held if text and text != "null"]
    for first in range(0, len(held), 2):
        for cell, (heading, text) in zip(st.columns(2, gap="large"), held[first : first + 2], strict=False):
            with cell:
                st.subheader(heading, anchor=False)
                st.code(pretty_json(text), language=None, wrap_lines=True)


def _with_local_times(row: Row, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    shown = []
    for label, value in fields:
        shown.append((label, value))
        local = local_times.beside(row.stored.text(_TIMES[label])) if label in _TIMES else ""
        if local:
            shown.append(("", local))
    return shown


def _as_written(row: Row) -> None:
    """Show each stored hash beside the one that the record gives now, and what it does not mean that they agree."""
    st.subheader(
        "Is it as it was written?",
        anchor=False,
        help="A hash is a fingerprint of content: change one character, and another one comes out. The stored one was "
        "made when the record was written; the other is computed now, from the record as it stands.",
    )
    fitting = []
    for line in record_view.hash_lines(row.stored.item)[:2]:
        if not line.stored:
            st.markdown(f"**{line.name}**: none stored")
            continue
        fitting.append(line.fits)
        words = {True: ":blue[✓ fits the content]", False: ":red[**✕ does not fit the content**]", None: ""}[line.fits]
        st.markdown(f"**{line.name}** {words}", help=_HASH_MEANS[line.name])
        stored, computed = st.columns(2, gap="medium")
        stored.caption("Stored")
        stored.code(visible(line.stored), language=None, wrap_lines=True)
        computed.caption("Recomputed now" if line.fits is not None else "It cannot be recomputed")
        computed.code(line.recomputed, language=None, wrap_lines=True)
    if False in fitting:
        st.markdown(
            "Something in this record was changed after it was written. Verify the chain for the whole finding."
        )
    elif fitting:
        st.caption(
            "What this does not mean: that nobody changed record and hashes together. The link from the next record, "
            "and a verification of the whole chain, are there for that."
            + (
                ""
                if len(fitting) > 1
                else " Without a content_hash, payload, details and expiry are vouched for by nothing."
            )
        )
    else:
        st.caption("It carries no hash, so nobody can tell whether it is as it was written.")
