"""Tenants: the directory, searched and ordered, with the state of those on the screen, and one tenant with its ways."""

from __future__ import annotations

import streamlit as st

from audit_core import InputError, TenantEntry
from audit_ui import chooser, context, elements, scanning, summaries, tenant_list, tenant_parts, verification
from audit_ui.formats import count


def read_anew() -> None:
    """Forget what is kept for a minute."""
    summaries.forget_summaries()
    chooser.forget_directories()


visitor = context.current()
directory = chooser.read_directory(visitor)
entries = chooser.known_chains(visitor)
verifications = verification.kept(visitor)
alike = chooser.resembling(entries)
state = tenant_list.ListState.read()

wanted = tenant_list.chosen(entries)
if wanted is not None:
    st.title("Tenant")
    namespace, tenant, listed = wanted
    entry = listed or TenantEntry(namespace, tenant)
    elements.turn("Back to the list", tenant_list.list_query(state), key="back")
    (summary,) = summaries.read_summaries(visitor, [entry])
    line = tenant_parts.TenantLine(
        entry, summary, verifications.last(namespace, tenant), f"{namespace}#{tenant}" in alike
    )
    tenant_list.one_tenant(visitor, line, listed=listed is not None)
    if not isinstance(summary, InputError):
        elements.read_footer(directory.reading + summary.reading, summary.at, read_anew)
    st.stop()

st.title("Tenants")
if not entries:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty: nothing has been written through this program yet. A table that another writer filled "
        "can be searched below.",
    )
    found, shown = [], []
else:
    tenant_list.controls(state)
    found = tenant_list.matching(entries, state)
    page = tenant_list.pages(state, len(found))
    shown = found[(page - 1) * tenant_list.PAGE : page * tenant_list.PAGE]

asked = summaries.read_summaries(visitor, shown)
if shown:
    tenant_list.table(visitor, state, tenant_parts.lines(shown, asked, verifications.everything(), alike))
elif entries:
    elements.nothing_here(
        "No tenant matches", "No listed namespace or tenant has this text in its name; clear the search."
    )
if entries:
    among = "" if len(found) == len(entries) else f" that match, out of {len(entries):,} listed"
    st.caption(f"{count(len(shown), 'tenant')} of {len(found):,}{among} shown. Choose a row to open one.")
    st.caption(tenant_parts.origin(visitor, directory))
    st.caption(
        "The length of a chain is told by its tip: it counts positions, also those whose records have expired. Where "
        f"there is no chain, records are counted, up to {summaries.COUNTED_RECORDS:,}. The state is that of the last "
        "verification."
    )
scanning.scan(visitor)
read = [summary for summary in asked if not isinstance(summary, InputError)]
at = min((summary.at for summary in read), default=visitor.store.table.clock.now())
elements.read_footer(sum((summary.reading for summary in read), directory.reading), at, read_anew)
