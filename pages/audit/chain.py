"""Chain: verify one chain while one watches, and see what was found, where, and what it means."""

from __future__ import annotations

import streamlit as st

from audit_ui import chain_parts, chooser, context, elements

visitor = context.current()

st.title("Chain")
chosen = chooser.choose_chain(visitor)
if chosen is None:
    elements.nothing_here(
        "No chain is listed",
        "The directory is empty. Search the table from the Overview, or bring in records with "
        "`python -m audit_core import`.",
    )
    st.stop()

request = chain_parts.controls(chosen)
verification = chain_parts.under_way(visitor, request)
if verification is not None and verification.running:
    chain_parts.progress(verification)
    st.stop()

report = chain_parts.report_to_show(visitor, request, verification)
if report is None:
    chain_parts.not_verified_yet()
    st.stop()

chain_parts.verdict(report, request)
chain_parts.coverage(report)
chain_parts.strip(report, request)
chain_parts.findings(visitor, report, request)
chain_parts.footer(report, request)
