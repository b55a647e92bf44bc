"""Inject: one record by form, many by a generator, or files; only on local engines, and never without a click."""

from __future__ import annotations

import streamlit as st

from audit_ui import (
    chooser,
    context,
    elements,
    inject_draft,
    inject_files,
    inject_generate,
    inject_outcome,
    inject_parts,
    inject_record,
    inject_shown,
)

RUN = "inject run"

visitor = context.current()

st.title("Inject")
refusal = visitor.write_refusal
if refusal is not None:
    elements.nothing_here("Nothing can be brought in here", "Records are written by the programs that make them.")
    st.text(refusal)
    st.stop()

shown = st.session_state.get(RUN)
way = inject_parts.chosen_way(busy=shown is not None and shown.run.running)
if shown is not None:
    if shown.run.running:
        inject_parts.run_progress(shown)
        st.stop()
    if shown.way == way:
        inject_parts.run_ended(shown)

if way == "record":
    phase = inject_record.chosen_phase()
    action = inject_outcome.asked_action() if phase is inject_draft.Phase.OUTCOME else ""
    draft = inject_draft.current_draft(phase, action)
    if draft.done:
        inject_shown.result(visitor, draft)
    elif draft.written:
        inject_shown.between(visitor, draft)
    elif phase is inject_draft.Phase.OUTCOME:
        inject_outcome.outcome_form(visitor, action)
    else:
        inject_record.record_form(visitor, chooser.offered_chains(visitor)[0], phase)
    st.stop()

entries = chooser.offered_chains(visitor)[0]
started = inject_generate.generator_form(visitor, entries) if way == "generate" else inject_files.files_form(visitor)
if started is not None:
    st.session_state[RUN] = started
    st.rerun()
