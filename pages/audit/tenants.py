"""Tenants: the directory, searched and ordered, with the state of those on the screen, and one tenant with its ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core import InputError
from audit_ui import chooser, context, elements, scanning, summaries, tenant_list, tenant_parts, verification

if TYPE_CHECKING:
    from audit_core import TenantEntry


def read_anew() -> None:
    """Forget what is kept for a minute."""
    summaries.forget_summaries()
    chooser.forget_directories()


visitor = context.current()
verifications = verification.kept(visitor)

wanted = tenant_list.chosen()
if wanted is not None:
    st.title("Tenant")
    directory = chooser.read_directory(visitor)
    entry, listed = tenant_list.entry_of(visitor, directory, wanted)
    elements.turn("Back to the list", tenant_list.list_query(), key="back")
    (summary,) = summaries.read_summaries(visitor, [entry])
    alike = chooser.resembling([*chooser.listed(visitor, directory), entry])
    line = tenant_parts.TenantLine(entry, summary, verifications.last(*wanted), entry.chain in alike)
    tenant_list.one_tenant(visitor, line, listed=listed)
    if not isinstance(summary, InputError):
        elements.read_footer(directory.reading + summary.reading, summary.at, read_anew)
    st.stop()

st.title("Tenants")
asked = tenant_list.ListState.read()
directory = chooser.read_directory(visitor, asked.page * chooser.PAGE + 1)
state = asked.of(directory)
entries = chooser.listed(visitor, directory)
if entries:
    tenant_list.controls(state)
if state.needs_all and not tenant_list.read_all(visitor, directory):
    st.stop()

kept = verifications.everything()
found = tenant_list.matching(entries, state, kept)
shown: list[TenantEntry] = []
if found:
    page = tenant_list.pages(state, len(found))
    shown = found[(page - 1) * chooser.PAGE : page * chooser.PAGE]
with st.spinner("Reading the newest records …"):
    read = summaries.read_summaries(visitor, shown)
lines = tenant_list.in_order(tenant_parts.lines(shown, read, kept, chooser.resembling(entries)), state)
if lines:
    tenant_list.table(visitor, state, lines)
    tenant_list.said_of_list(state, directory, len(lines), len(found), len(entries))
    st.caption(tenant_parts.origin(visitor, directory))
    st.caption(
        "The length of a chain is told by its tip, and by the last verification where that found its end cut off: it "
        "counts positions, also those whose records have expired. Where there is no chain, records are counted, up to "
        f"{summaries.COUNTED_RECORDS:,}. The state is that of the last verification."
    )
elif entries:
    elements.nothing_here(
        "No tenant matches", "No listed namespace or tenant has this text in its name; clear the search."
    )
else:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty: nothing has been written through this program yet. A table that another writer filled "
        "can be searched below.",
    )
scanning.scan(visitor)
answered = [summary for summary in read if not isinstance(summary, InputError)]
at = min((summary.at for summary in answered), default=visitor.store.table.clock.now())
elements.read_footer(sum((summary.reading for summary in answered), directory.reading), at, read_anew)
