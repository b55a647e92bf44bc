"""The router: page configuration, who may come in, navigation, and the badge that says what one is looking at.

Every page passes here, also one that was opened by a link; it runs only inside the context that is made here, and only
under the one handler that turns an error into a message. No logic beyond that.
"""

from __future__ import annotations

import streamlit as st

from audit_ui import context, frame, links
from audit_ui.faults import one_message

st.set_page_config(page_title="Audit records", page_icon="🔗", layout="wide", initial_sidebar_state=270)

pages = [
    st.Page(links.OVERVIEW, title="Overview", url_path="overview"),
    st.Page(links.TENANTS, title="Tenants", url_path="tenants"),
    st.Page(links.RECORDS, title="Records", url_path="records"),
    st.Page(links.CHAIN, title="Chain", url_path="chain"),
    st.Page(links.GAPS, title="Gaps", url_path="gaps"),
    st.Page(links.RETENTION, title="Retention", url_path="retention"),
    st.Page(links.INJECT, title="Inject", url_path="inject"),
    st.Page(links.LAB, title="Tamper lab", url_path="lab"),
    st.Page(links.RACE, title="Race", url_path="race"),
]


def home() -> None:
    """Lead on to the first page, which keeps an address of its own: a default page answers only to the root."""
    st.switch_page(pages[0], query_params=dict(st.query_params))


page = st.navigation([st.Page(home, title="Audit records", url_path="home", default=True, visibility="hidden"), *pages])

with one_message():
    with st.spinner("Opening the table …"):
        visitor = context.open_context()
    frame.show(visitor, page.url_path)
    with context.entered(visitor):
        page.run()
