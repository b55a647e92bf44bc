"""Overview: every chain with its state, the worst first, and the way to its records and its verification."""

from __future__ import annotations

import streamlit as st

from audit_core import InputError
from audit_ui import (
    activity,
    chooser,
    context,
    elements,
    overview_batch,
    overview_parts,
    scanning,
    summaries,
    tenant_list,
    tenant_parts,
    verification,
)
from audit_ui.formats import count


def read_anew() -> None:
    """Forget what is kept for a minute."""
    for forget in (summaries.forget_summaries, activity.forget_activity, chooser.forget_directories):
        forget()


visitor = context.current()

st.title("Overview")
overview_parts.at_a_glance(visitor)
overview_parts.table_warning(visitor)

asked = tenant_list.ListState.read()
directory = chooser.read_directory(visitor, asked.page * chooser.PAGE + 1)
listed = chooser.listed(visitor, directory)
verifications = verification.kept(visitor)
if not listed:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty: nothing has been written through this program yet. A table that another writer filled "
        "can be searched below; on a local engine, `python -m audit_core import` brings in records.",
    )
    scanning.scan(visitor)
    overview_parts.table_and_mode(visitor)
    elements.read_footer(directory.reading, visitor.store.table.clock.now(), read_anew)
    st.stop()

kept = verifications.everything()
overview_parts.state_folder(verifications)
entries = tenant_parts.worst_first(listed, kept, complete=directory.complete)
overview_parts.totals(entries, kept, complete=directory.complete)
place = st.container()
page = tenant_list.pages(asked, len(entries))
shown = entries[(page - 1) * chooser.PAGE : page * chooser.PAGE]
with place:
    overview_batch.verify_all(visitor, entries, shown, complete=directory.complete)

alike = chooser.resembling(entries)
with st.spinner("Reading the newest records …"):
    found = summaries.read_summaries(visitor, shown)
lines = tenant_parts.lines(shown, found, kept, alike)
overview_parts.since_verified(lines)
rows = [(line, overview_parts.row(visitor, line)) for line in lines]
of = f"of {len(entries):,} shown" if directory.complete else "shown, of more"
st.caption(f"{count(len(shown), 'tenant')} {of}, the worst first. " + tenant_parts.origin(visitor, directory))
scanning.scan(visitor)

with st.spinner("Counting records …"):
    done = activity.read_activity(visitor, shown)
for line, expiry in rows:
    overview_parts.expiring_of(expiry, done.by_chain.get(line.name))
overview_parts.records_a_day(done)
overview_parts.expiring(visitor, done)
overview_parts.table_and_mode(visitor)

read = [summary for summary in found if not isinstance(summary, InputError)]
reading = sum((summary.reading for summary in read), directory.reading + done.reading)
at = min((summary.at for summary in read), default=visitor.store.table.clock.now())
elements.read_footer(reading, at, read_anew)
