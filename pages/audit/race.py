"""Race: many writers on one chain, ours beside the plain reference, as it happens; and the proof at the end."""

from __future__ import annotations

import streamlit as st

from audit_core.race.course import race_refusal
from audit_ui import context, elements, race_parts

visitor = context.current()

st.title("Race")
refusal = race_refusal(visitor.store)
if refusal is not None:
    elements.nothing_here("Nobody races here", "Writers race on DynamoDB Local alone, on chains marked as demo data.")
    st.text(refusal)
    st.stop()

st.markdown(
    "Many writers append to one chain at once, in threads and processes: first as this package does, then as a plain "
    "program does. At the end the whole chain is verified, and compared with what every writer was told."
)
day = race_parts.entry_form()
if day is None:
    st.stop()
race_parts.begin(visitor, day)
race_parts.course(visitor, day)
if not day.running:
    race_parts.results(day)
