"""The parts of the Records page: look-up, filter form, table, page links, and one record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core import RecordFilter
from audit_core.names import visible
from audit_ui import elements, links, record_view
from audit_ui.formats import count, pretty_json, raw_item
from audit_ui.record_query import FILTERS, ORDERS, RANGE, RecordsState

if TYPE_CHECKING:
    from audit_core import Page, Row, StoredRecord
    from audit_ui.context import Context

__all__ = ["filter_form", "found_records", "look_up", "no_rows", "one_record", "page_links", "record_table"]

_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 16
_OPENED = "records opened"
_ID, _ORDER = "id", "order"


def look_up(context: Context) -> tuple[Page, str] | None:
    """Ask for a record or an action by id; returns the records of an action, None where nothing was asked for."""
    asked = st.query_params.get("id", "")
    with st.form("look_up", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Record id or action id", key=elements.shown_as(_ID, asked), width=300)
        st.form_submit_button("Look up", on_click=_look_up)
    if not asked:
        return None
    if context.store.get(asked) is not None:
        st.query_params["record"] = asked
        st.rerun()
    return context.store.action(asked), asked


def found_records(context: Context, found: tuple[Page, str]) -> None:
    """Show the records of an action, or that there is nothing under this id."""
    page, asked = found
    state = RecordsState.read(st.query_params)
    if page.rows:
        st.subheader("Records of the action")
        record_table(context, state, page)
        st.caption(
            f"{count(len(page.rows), 'record')} shown"
            + (", which is all there is." if page.complete else ", there are more.")
        )
    else:
        elements.nothing_here(
            "Nothing has this id",
            "No record and no action of the table is called so. It may have expired: the Chain page says what has.",
        )
        st.text(visible(asked))
    elements.turn("← Back to the list", state.address(), key="back")
    elements.read_footer(page.reading, page.at)


def filter_form(state: RecordsState) -> None:
    """Show order and filters; sending them writes the address anew, from its first page on."""
    st.radio(
        "Order",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        horizontal=True,
        key=elements.shown_as(_ORDER, state.order),
        on_change=_reorder,
        args=(state,),
    )
    title = f"Filters ({len(state.filters)} set)" if state.filters else "Filters"
    with st.expander(title, expanded=bool(state.filters)), st.form("filters", border=False):
        cells = [*st.columns(3), *st.columns(3), *st.columns(3), *st.columns(3)]
        for cell, (name, label) in zip(cells, {**FILTERS, **RANGE}.items(), strict=False):
            hint = "2026-01-15 or 2026-01-15 10:00" if name in RANGE else None
            key = elements.shown_as(f"filter {name}", state.filters.get(name, ""))
            cell.text_input(label, key=key, placeholder=hint)
        st.caption(
            "A filter takes the whole value, upper and lower case as written. A range includes both of its ends."
        )
        with st.container(horizontal=True):
            st.form_submit_button("Apply", type="primary", on_click=_apply, args=(state,))
            st.form_submit_button("Clear", disabled=not state.filters, on_click=_clear, args=(state,))


def _look_up() -> None:
    state = RecordsState.read(st.query_params)
    st.query_params.from_dict(state.address(id=st.session_state[_ID].strip()))


def _reorder(state: RecordsState) -> None:
    order = st.session_state[_ORDER]
    st.query_params.from_dict(state.address(order="" if order == "newest" else order))


def _apply(state: RecordsState) -> None:
    typed = {name: st.session_state[f"filter {name}"].strip() for name in (*FILTERS, *RANGE)}
    filters = {name: value for name, value in typed.items() if value}
    st.query_params.from_dict(replace(state, filters=filters).address())


def _clear(state: RecordsState) -> None:
    st.query_params.from_dict(replace(state, filters={}).address())


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


def record_table(context: Context, state: RecordsState, page: Page) -> None:
    """Show records as a table; a row that is chosen opens its record."""
    chained = _has_chain(context, page.rows)
    rows = record_view.table_rows(page.rows, chained=chained)
    ids = [row.stored.text("id") for row in page.rows]
    # a key of its own for each time that a record was opened: a table that comes back has no row chosen
    key = f"records {state.address(state.cursor)!r} {st.session_state.get(_OPENED, 0)}"
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=_ROW_PIXELS * (min(len(rows), _MOST_ROWS_HIGH) + 1) + 3,
        key=key,
        on_select=lambda: _open_chosen(key, ids),
        selection_mode="single-row",
        column_config={
            "Sequence": st.column_config.TextColumn(width="small"),
            "Id": st.column_config.TextColumn(width="medium"),
        },
        alt="Records, one a row. Choosing a row opens the record.",
    )


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
        elements.nothing_here("No record matches", "No record of this tenant passes these filters. Clear some of them.")
    else:
        elements.nothing_here(
            "No record stands for this tenant",
            "The name may be wrong, or every record may have expired: the Chain page says what the fences tell.",
        )


def one_record(context: Context, record_id: str) -> None:
    """Show one record: fields, hashes, JSON, the item itself, and the other records of its action."""
    state = RecordsState.read(st.query_params)
    st.title("Record")
    elements.turn("← Back to the list", state.address(state.cursor), key="back")
    row = context.store.get(record_id)
    if row is None:
        elements.nothing_here(
            "There is no such record",
            "It may have expired and been removed, or have been deleted: verify its chain to learn which.",
        )
        st.text(visible(record_id))
        return
    stored = row.stored
    st.code(visible(stored.text("id")), language=None)
    _marks(context, row)
    _place_in_chain(stored)
    for heading, fields in record_view.fields_of(row):
        st.subheader(heading)
        elements.field_list(fields)
    st.subheader("Hashes")
    _hashes(stored)
    for name, heading in record_view.JSON_FIELDS.items():
        text = stored.text(name)
        if text and text != "null":
            st.subheader(heading)
            st.code(pretty_json(text), language=None, wrap_lines=True)
    with st.expander("The item as it stands in the table"):
        st.code(raw_item(stored.item), language=None, wrap_lines=True)
    page = context.store.action(stored.text("action_id")) if stored.text("action_id") else None
    others = [other for other in page.rows if other.stored.text("id") != stored.text("id")] if page else []
    st.subheader("Other records of this action")
    for other in others:
        _other_record(state, other)
    if not others:
        st.caption("There are none.")
    if page is None:
        st.caption("Read consistently, by its id.")
        return
    elements.read_footer(page.reading, page.at)
    st.caption("The record itself was read consistently, by its id; the figures are those of its action.")


def _marks(context: Context, row: Row) -> None:
    said = record_view.marks(row, chained=_has_chain(context, (row,)))
    if said:
        with st.container(horizontal=True, gap="xsmall"):
            for mark in said:
                st.badge(mark[0].upper() + mark[1:], color="orange")
    for problem in row.stored.problems:
        st.text(f"Problem: {visible(problem)}")


def _place_in_chain(stored: StoredRecord) -> None:
    namespace, tenant, number = (stored.text(name) for name in ("namespace", "tenant", "sequence_number"))
    if not namespace or not tenant:
        return
    with st.container(horizontal=True, gap="medium"):
        elements.way(links.CHAIN, "Open its chain", links.chain_query(namespace, tenant))
        if number.isdigit():
            around = {"first": max(0, int(number) - 5), "last": int(number) + 5, "verify": 1}
            elements.way(links.CHAIN, "Verify the positions around it", links.chain_query(namespace, tenant, **around))


def _hashes(stored: StoredRecord) -> None:
    words = {True: "✓ fits the content", False: "✕ does not fit the content", None: ""}
    for line in record_view.hash_lines(stored.item):
        if not line.stored:
            st.markdown(f"**{line.name}**: none stored")
            continue
        colour = {True: "blue", False: "red", None: "gray"}[line.fits]
        st.markdown(f"**{line.name}**" + (f" :{colour}[{words[line.fits]}]" if words[line.fits] else ""))
        st.code(visible(line.stored), language=None, wrap_lines=True)
        if line.fits is False:
            st.caption("recomputed now from the record as it stands")
            st.code(line.recomputed, language=None, wrap_lines=True)


def _other_record(state: RecordsState, other: Row) -> None:
    text = other.stored.text
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.text(visible(f"{text('outcome')}: {text('id')}"))
        elements.turn("Open", state.address(state.cursor) | {"record": text("id")}, key=f"open {text('id')}")


def _has_chain(context: Context, rows: tuple[Row, ...]) -> bool:
    """Whether the tenant of records without a sequence number has a chain; asked only where there are such records."""
    bare = next((row.stored for row in rows if "sequence_number" not in row.stored.item), None)
    if bare is None or not bare.text("namespace") or not bare.text("tenant"):
        return True
    wanted = RecordFilter(namespace=bare.text("namespace"), tenant=bare.text("tenant"))
    return bool(context.store.query(wanted, order="sequence_descending", limit=1).rows)
