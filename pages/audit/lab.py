"""Tamper lab: break a demo chain on purpose, and see what catches it; only local engines, only chains marked demo."""

from __future__ import annotations

import streamlit as st

from audit_core.errors import WriteRefusedError
from audit_core.tamper.guard import engine_refusal
from audit_ui import context, elements, expiry_parts, lab_parts, lab_result, lab_run

visitor = context.current()

st.title("Tamper lab")
refusal = engine_refusal(visitor.store.settings)
if refusal is not None:
    elements.nothing_here("Nothing is tampered with here", "The lab breaks demo chains, on local engines alone.")
    st.text(refusal)
    st.stop()

st.markdown(
    "Break a demo chain as somebody could who may write to the table, and see which defence catches it, and which "
    "could not. Every attack is taken back before the next one."
)
if lab_parts.chosen_way() == "expiry":
    expiry_parts.showing(visitor)
    st.stop()
left, right = st.columns((3, 1), vertical_alignment="bottom", gap="medium")
with left:
    names = lab_parts.chosen_chain()
try:
    lab = lab_run.open_lab(visitor, *names)
except WriteRefusedError as error:
    elements.nothing_here("This chain is left alone", "The lab breaks only chains whose directory entry says demo.")
    st.text(str(error))
    st.stop()
plays = lab_run.visit_plays(visitor, lab)
with right:
    position = lab_parts.chosen_position(lab, busy=plays.run is not None)
if plays.run is not None:
    lab_parts.progress(plays, plays.run)
    st.stop()

if plays.restoring:
    with st.spinner("Making the chain anew …"):
        lab_run.restore(visitor, lab, plays)

offered = lab.plays(position)
if plays.last is not None:
    lab_result.result(visitor, lab, plays, plays.last)
elif plays.restored is not None:
    lab_parts.restored(lab, plays.restored)
lab_parts.cards(visitor, lab, plays, offered)
lab_parts.overview(visitor, lab, plays, offered)
