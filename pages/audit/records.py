"""Records: a tenant's records by filter, page after page, and one record with all that it holds."""

from __future__ import annotations

import streamlit as st

from audit_core.errors import InputError
from audit_ui import chooser, context, elements, extract_parts, faults, record_parts
from audit_ui.formats import count
from audit_ui.record_query import RecordsState

visitor = context.current()

wanted_id = st.query_params.get("record")
if wanted_id:
    record_parts.one_record(visitor, wanted_id)
    st.stop()

st.title("Records")
left, right = st.columns(2, vertical_alignment="bottom", gap="medium")
with left:
    chosen = chooser.choose_chain(visitor)
with right:
    found = record_parts.look_up(visitor)
if found is not None:
    record_parts.found_records(visitor, found)
    st.stop()
if chosen is None:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty. Search the table from the Overview, or bring in records with "
        "`python -m audit_core import`.",
    )
    st.stop()

state = RecordsState.read(st.query_params)
record_parts.filter_form(state)
try:
    wanted = state.record_filter()
    page = visitor.store.query(wanted, order=state.order, cursor=state.cursor)
except InputError as error:
    faults.show_error(error)
    elements.turn("Open the first page", state.address(), key="first page")
    st.stop()

if page.rows:
    record_parts.record_table(visitor, state, page)
    more = page.next is not None or page.previous is not None
    st.caption(f"{count(len(page.rows), 'record')} shown" + (", more to come." if more else ", which is all there is."))
else:
    record_parts.no_rows(state, page)
record_parts.page_links(state, page)
if page.rows or page.next is not None:
    extract_parts.offer_records(visitor, wanted, state.order)
elements.read_footer(page.reading, page.at)
