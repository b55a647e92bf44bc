"""What one attack came to, on the Tamper lab page: the strips, the defences, the attacker's tries, the calls sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.chain.words import VERDICTS
from audit_core.names import visible
from audit_core.tamper.attacks import CLAUSES
from audit_core.tamper.defences import DEFENCES
from audit_core.tamper.told import State, checkpoint_symbol, checkpoint_words, state_of
from audit_ui import elements, finding_view, half_strip, lab_words, links
from audit_ui.formats import count
from audit_ui.lab_run import LabRun
from audit_ui.strip import build_strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.tamper.lab import Lab
    from audit_core.tamper.plays import Call, Outcome, Play
    from audit_ui.context import Context
    from audit_ui.lab_run import Plays

__all__ = ["begin", "result", "state_badge"]

CALLS_SHOWN = 6
_STATE_COLOURS = {
    State.CAUGHT: "blue",
    State.THOROUGH: "blue",
    State.RIGHT: "blue",
    State.UNPROVEN: "violet",
    State.INCOMPLETE: "gray",
    State.UNSEEN: "red",
}
"""Names of the theme's colours."""


def begin(context: Context, lab: Lab, plays: Plays, wanted: Sequence[Play]) -> None:
    """Begin to play; for callbacks."""
    if plays.run is None:
        plays.run = LabRun(context, lab, wanted)


def result(context: Context, lab: Lab, plays: Plays, outcome: Outcome) -> None:
    """Show what one play came to: the calls, the strip before and after, the defences, and what can be tried next."""
    with st.container(border=True, key="lab_result"):
        with st.container(horizontal=True, gap="xsmall"):
            st.markdown(state_badge(outcome), width="content")
            elements.verdict_badge(outcome.thorough.verdict)
        st.subheader(lab_words.capital(outcome.play.words), anchor=False)
        _strips(outcome)
        _defences(outcome)
        _next(context, lab, plays, outcome)
        _tries(plays, outcome)
        with st.expander(f"What was sent: {count(len(outcome.calls), 'call')} of the plain API"):
            _calls(outcome.calls)


def state_badge(outcome: Outcome) -> str:
    """Return how a play ended, as Markdown for a badge."""
    state = state_of(outcome)
    return f":{_STATE_COLOURS[state]}-badge[{state.symbol} {state.words}]"


def _strips(outcome: Outcome) -> None:
    left, right = st.columns(2, gap="medium")
    for cell, name, report in ((left, "Before", outcome.before), (right, "After", outcome.thorough)):
        with cell:
            st.markdown(f"**{name}**: {VERDICTS[report.verdict].headline}")
            shown = build_strip(report)
            if not shown.bins:
                st.caption("Nothing stands there any more.")
                continue
            figure = half_strip.half_strip_figure(shown, dark=elements.is_dark())
            alt = f"{name} the attack: {VERDICTS[report.verdict].headline}"
            st.plotly_chart(
                figure, theme=None, config={"displayModeBar": False}, alt=alt, key=f"lab {name} {report.at}"
            )
    alarms = outcome.default.verdict is outcome.thorough.verdict
    st.caption(
        "Verified by default and thoroughly; "
        + ("both say the same." if alarms else f"by default: {VERDICTS[outcome.default.verdict].name.lower()}.")
    )


def _defences(outcome: Outcome) -> None:
    st.markdown("**What caught it, and what could not**")
    with st.container(horizontal=True, gap="xsmall"):
        for defence, meaning in DEFENCES.items():
            caught = defence in outcome.caught
            st.badge(
                f"{'✓' if caught else '–'} {defence.value}{'' if caught else ': no'}",
                color="blue" if caught else "gray",
                help=meaning,
            )
        st.badge(f"Checkpoint: {checkpoint_symbol(outcome)}", color="green" if outcome.leaves else "gray")
    if outcome.clause is not None and not outcome.is_caught:
        st.markdown(f"Nothing in the table can show this: {CLAUSES[outcome.clause]}")
    st.caption(f"Kept outside the table: {checkpoint_words(outcome)}")


def _next(context: Context, lab: Lab, plays: Plays, outcome: Outcome) -> None:
    further, finding = outcome.play.second_try, finding_view.gravest(outcome.thorough.findings)
    label = "What its Chain page says" if finding is None else "See why, on its Chain page"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if further is not None:
            st.button(
                f"Try again as the attacker: {further.covered}",
                type="primary",
                key="try_again",
                on_click=begin,
                args=(context, lab, plays, (further,)),
            )
        st.button("Restore the chain", key="restore", on_click=_restore, args=(plays,))
        query = links.chain_query(*lab.names, thorough=1, verify=1, finding=finding)
        elements.way(links.CHAIN, label, query)


def _tries(plays: Plays, outcome: Outcome) -> None:
    first = type(outcome.play)(outcome.play.what, outcome.play.number, outcome.play.covers[0])
    tries = lab_words.every_try([first])
    if len(tries) > 1:
        st.markdown("**The attacker's tries**")
        rows = lab_words.tries_rows(tries, plays.of)
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="The attacker's tries, and what still catches each.")


def _calls(calls: Sequence[Call]) -> None:
    for call in calls[:CALLS_SHOWN]:
        st.code(visible(call.text).replace("\\u{000A}", "\n"), language=None, wrap_lines=True)
    if len(calls) > CALLS_SHOWN:
        st.caption(f"{CALLS_SHOWN} of {len(calls):,} calls shown; the others are of the same kind.")


def _restore(plays: Plays) -> None:
    plays.restoring = True
