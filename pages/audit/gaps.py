"""Gaps: the sequence numbers of one chain that have no record, why, and what is left to show for them."""

from __future__ import annotations

import streamlit as st

from audit_ui import chooser, context, elements, gap_parts, verification_parts
from audit_ui.verification import Request

visitor = context.current()

st.title("Gaps")
chosen = chooser.choose_chain(visitor)
if chosen is None:
    elements.nothing_here(
        "No chain is listed",
        "The directory is empty. Search the table from the Overview, or bring in records with "
        "`python -m audit_core import`.",
    )
    st.stop()

request = Request(chosen.namespace, chosen.tenant)
verification = verification_parts.under_way(visitor, request)
if verification is not None and verification.running:
    verification_parts.progress(verification)
    st.stop()

report = verification_parts.report_to_show(visitor, request, verification)
if report is None:
    gap_parts.not_verified_yet(chosen)
    st.stop()

if gap_parts.state(report, chosen):
    gap_parts.totals(report)
    gap_parts.gaps(visitor, report)
