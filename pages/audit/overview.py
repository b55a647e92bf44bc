"""Overview: every chain with its state, and the way to its records and its verification."""

from __future__ import annotations

import streamlit as st

from audit_core.errors import InputError
from audit_core.table import Reading
from audit_ui import chooser, context, elements, overview_parts, summaries
from audit_ui.formats import count

CHAINS_ON_A_PAGE = 25

visitor = context.current()

st.title("Overview")
overview_parts.table_warnings(visitor)

directory = visitor.tenants()
entries = chooser.known_chains(visitor)
if not entries:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty: nothing has been written through this program yet. A table that another writer filled "
        "can be searched below; on a local engine, `python -m audit_core import` brings in records.",
    )
    overview_parts.offer_scan(visitor)
    elements.read_footer(directory.reading, visitor.store.table.clock.now(), summaries.forget_summaries)
    st.stop()

pages = -(-len(entries) // CHAINS_ON_A_PAGE)
number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
shown = entries[(number - 1) * CHAINS_ON_A_PAGE : number * CHAINS_ON_A_PAGE]

overview_parts.figures(visitor, entries)
overview_parts.verify_all(visitor, shown)

alike = chooser.resembling(entries)
reading, times = Reading(), []
for entry in shown:
    try:
        summary = summaries.read_summary(visitor, entry)
    except InputError as error:
        overview_parts.unreadable_row(entry, error)
        continue
    reading += summary.reading
    times.append(summary.at)
    overview_parts.row(visitor, entry, summary, alike=entry.chain in alike)

st.caption(
    f"{count(len(shown), 'tenant')} of {len(entries):,} shown. The list comes from the tenant directory"
    + (", and from a scan of this visit" if visitor.scanned() else "")
    + ", which names every tenant that was written through this program. It may lack some: those that another writer "
    "filled, or whose entry was deleted."
    + (
        f" {count(directory.ignored, 'entry', 'entries')} that did not agree with itself was left out."
        if directory.ignored
        else ""
    )
)
overview_parts.offer_scan(visitor)
at = min(times, default=visitor.store.table.clock.now())
elements.read_footer(directory.reading + reading, at, summaries.forget_summaries)
