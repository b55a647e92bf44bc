"""Chain: verify one chain while one watches, see what was found, where, and what it means; seal it; take it away."""

from __future__ import annotations

import streamlit as st

from audit_ui import (
    chain_parts,
    chooser,
    context,
    elements,
    extract_parts,
    report_parts,
    seal_parts,
    strip_parts,
    verification_parts,
)

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
verification = verification_parts.under_way(visitor, request)
if verification is not None and verification.running:
    verification_parts.progress(verification)
    st.stop()

report = verification_parts.report_to_show(visitor, request, verification)
if report is None:
    verification_parts.not_verified_yet(visitor, request)
    st.stop()

chain_parts.verdict(report, request)
chain_parts.coverage(report)
seal_parts.section(visitor, report, request)
strip_parts.section(visitor, report, request)
chain_parts.findings(visitor, report, request)
chain_parts.footer(report, request)
chain_parts.way_to_the_lab(visitor, chosen)
report_parts.take_away(visitor, report, chain_parts.asked(request))
extract_parts.offer_chain_export(visitor, request)
