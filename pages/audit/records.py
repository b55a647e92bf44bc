"""Records: a tenant's records by filter, page after page, and one record with all that it holds."""

from __future__ import annotations

import streamlit as st

from audit_core.errors import InputError
from audit_core.table import Reading
from audit_ui import (
    chooser,
    context,
    elements,
    extract_parts,
    faults,
    record_filters,
    record_page,
    record_parts,
    record_search,
)
from audit_ui.record_query import RecordsState

visitor = context.current()

wanted_id = st.query_params.get("record")
if wanted_id:
    record_page.one_record(visitor, wanted_id)
    st.stop()

st.title("Records")
left, right = st.columns(2, vertical_alignment="bottom", gap="medium")
with left:
    chosen = chooser.choose_chain(visitor)
with right:
    found = record_parts.look_up(visitor, chosen)
if found is not None:
    record_parts.found_records(visitor, found, chosen)
    st.stop()
if chosen is None:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty. Search the table from the Overview, or bring in records with "
        "`python -m audit_core import`.",
    )
    st.stop()

state = RecordsState.read(st.query_params)
record_filters.order(state)
record_filters.chips(state)
try:
    wanted = state.record_filter()
    with st.spinner("Reading …"):
        search = record_search.under_way(visitor, wanted, state.order, state.cursor)
except InputError as error:
    faults.show_error(error)
    elements.turn("Open the first page", state.address(), key="first page")
    st.stop()
if search.running:
    record_search.progress(search)
    st.stop()

page = search.page
reading = Reading()
if page.rows:
    reading = record_parts.record_table(visitor, state, page.rows)
    st.caption(record_parts.shown(len(page.rows), more=page.next is not None or page.previous is not None))
else:
    record_parts.no_rows(state, page)
record_parts.page_links(state, page)
if page.rows or page.next is not None:
    extract_parts.offer_records(visitor, wanted, state.order)
record_parts.footer(page, reading)
