"""The parts of the Records page's list: the search, the table, what an empty one says, and the ways on and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_ui import elements, links, live_search, local_times, record_absence, record_search, record_view
from audit_ui.formats import count
from audit_ui.record_query import RecordsState
from audit_ui.record_read import Found, has_chain, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import Page, Row
    from audit_core.directory import TenantEntry
    from audit_core.table import Reading
    from audit_ui.context import Context

__all__ = ["footer", "found_records", "look_up", "no_rows", "page_links", "record_table", "shown"]

_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 16
_OPENED = "records opened"
_ID = "id"


def look_up(context: Context, chosen: TenantEntry | None) -> Found | None:
    """Let the visitor search while they type; opens the record whose id it is, None where nothing was asked for."""
    asked = st.query_params.get("id", "")
    st.text_input(
        "Search",
        key=live_search.showing(_ID, asked),
        type="search",
        live=True,
        placeholder="Record id, action id, or position",
        on_change=_search,
        help="It finds a whole record id or action id in the table, and a position in the chain chosen here. For "
        "parts of other fields there is no index: add a filter below.",
    )
    if not asked.strip():
        return None
    chain = None if chosen is None else (chosen.namespace, chosen.tenant)
    with st.spinner("Searching …"):
        found = search(context.store, asked.strip(), chain)
    if found.record_id is not None:
        st.query_params["record"] = found.record_id
        st.rerun()
    return found


def _search() -> None:
    state, typed = RecordsState.read(st.query_params), live_search.keep(_ID)
    st.query_params.from_dict(state.address(id=typed))


def found_records(context: Context, found: Found, chosen: TenantEntry | None) -> None:
    """Show what a search found, or that nothing is called so."""
    state = RecordsState.read(st.query_params)
    reading = found.reading
    if found.rows:
        st.subheader("Found", anchor=False)
        reading += record_table(context, state, found.rows)
        st.caption(shown(len(found.rows), more=not found.complete))
    else:
        chain = None if chosen is None else (chosen.namespace, chosen.tenant)
        record_absence.no_record(context, st.query_params.get("id", "").strip(), chain)
    elements.turn("← Back to the list", state.address(), key="back")
    elements.read_footer(reading, found.at)


def shown(number: int, *, more: bool) -> str:
    """Say how many records are shown, and whether there are others."""
    return f"{count(number, 'record')} shown" + (", more to come." if more else ", which is all there is.")


def page_links(state: RecordsState, page: Page) -> None:
    """Show the way to the pages before and after; the address then names them, to be kept or sent."""
    if page.previous is None and page.next is None and state.cursor is None:
        return
    with st.container(horizontal=True, gap="small", key="pages"):
        if state.cursor is not None:
            elements.turn("⇤ First page", state.address(), key="first page")
        if page.previous is not None:
            elements.turn("← Previous page", state.address(page.previous), key="previous page")
        if page.next is not None:
            elements.turn("Next page →", state.address(page.next), key="next page")


def record_table(context: Context, state: RecordsState, rows: Sequence[Row]) -> Reading:
    """Show records as a table; a row that is chosen opens its record. Return what else had to be read for it."""
    chained, reading = has_chain(context, rows)
    ids = [row.stored.text("id") for row in rows]
    # a key of its own for each time that a record was opened: a table that comes back has no row chosen
    asked = st.query_params.get("id", "")
    key = f"records {state.address(state.cursor, id=asked)!r} {st.session_state.get(_OPENED, 0)}"
    st.dataframe(
        elements.marked_table(record_view.table_rows(rows, chained=chained)),
        hide_index=True,
        height=_ROW_PIXELS * (min(len(rows), _MOST_ROWS_HIGH) + 1) + 3,
        key=key,
        on_select=lambda: _open_chosen(key, ids),
        selection_mode="single-row",
        column_config={
            "Dispatched (UTC)": st.column_config.TextColumn(help=_utc_help(rows)),
            "Sequence": st.column_config.TextColumn(
                width="small", help="The record's position in its chain: the sequence number."
            ),
            "Verdict": st.column_config.TextColumn(help="What the policy decided before the action ran."),
            "Outcome": st.column_config.TextColumn(help="How the action ended; pending marks an intent."),
            "Id": st.column_config.TextColumn(width=elements.ID_PIXELS),
            "Marks": st.column_config.TextColumn(help="What is out of the ordinary; open the record to see why."),
        },
        alt="Records, one a row. Choosing a row opens the record.",
    )
    return reading


def _utc_help(rows: Sequence[Row]) -> str:
    first = rows[0].stored.text("dispatched_at") if rows else ""
    local = local_times.beside(first)
    return f"UTC. The first row is {local}." if local else "UTC."


def _open_chosen(key: str, ids: list[str]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.query_params["record"] = ids[rows[0]]
        st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1


def no_rows(state: RecordsState, page: Page) -> None:
    """Say that a page is empty, and why that may be."""
    if not page.complete:
        elements.nothing_here(
            "Nothing found so far",
            f"{count(page.reading.items, 'item')} were gone through without a match, and there is more to read: "
            "go on to the next page, or narrow the time.",
        )
    elif state.filters:
        elements.nothing_here(
            "No record matches",
            "No record of this tenant passes these filters. Take some of them away; a value must be written as a "
            "whole, upper and lower case alike.",
        )
    else:
        elements.nothing_here(
            "No record stands for this tenant",
            "The name may be wrong, or every record may have expired: the Chain page says what the fences tell.",
        )
        with st.container(horizontal=True, gap="medium"):
            chain = (state.namespace, state.tenant)
            elements.way(links.CHAIN, "Verify the chain", links.chain_query(*chain, verify=1))
            elements.way(links.RETENTION, "Retention", links.chain_query(*chain))


def footer(page: Page, reading: Reading) -> None:
    """Say as of when the list is, and what all of it took; a click reads anew."""
    elements.read_footer(page.reading + reading, page.at, record_search.forget)
