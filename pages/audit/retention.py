"""Retention: what stands, what has expired, what is gone, what goes when, and how that fits the policy."""

from __future__ import annotations

import streamlit as st

from audit_ui import context, elements, retention_doubts, retention_parts, retention_policy

visitor = context.current()

st.title("Retention")
entries = retention_parts.chosen_tenants(visitor)
if not entries:
    elements.nothing_here(
        "No tenant is listed",
        "The directory is empty. Search the table from the Overview, or bring in records with "
        "`python -m audit_core import`.",
    )
    st.stop()

reading = retention_parts.begun(visitor, entries)
if reading.running:
    retention_parts.progress(reading)
    st.stop()

at = reading.at or visitor.store.table.clock.now()
before = retention_parts.date_asked(at)
reports = retention_parts.last_reports(visitor, entries)
retention_parts.how_much(reading)
retention_parts.figures(visitor, reading, reports)
retention_parts.calendar(reading, at, before.isoformat())
retention_parts.look_ahead(visitor, reading, before)
if len(entries) > 1:
    retention_parts.tenant_table(reading, reports, before.isoformat())
retention_doubts.doubts(reading, reports)
retention_policy.policy(visitor, reading)
retention_parts.examples(reading)
retention_parts.footer(reading, at)
