"""The parts of the Tamper lab page: which chain and where, the attacks as cards, what one came to, the table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.errors import InputError
from audit_core.names import visible
from audit_core.tamper.practice import LAB, PRACTICE
from audit_ui import elements, lab_words, links
from audit_ui.faults import one_message
from audit_ui.formats import count
from audit_ui.lab_result import begin, state_badge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import ChainReport
    from audit_core.tamper.lab import Lab
    from audit_core.tamper.plays import Outcome, Play
    from audit_ui.context import Context
    from audit_ui.lab_run import LabRun, Plays

__all__ = [
    "WAYS",
    "cards",
    "chosen_chain",
    "chosen_position",
    "chosen_way",
    "overview",
    "progress",
    "restored",
]

WAYS = {"attacks": "Attacks", "expiry": "Expiry, live"}
CARDS_A_ROW = 3
CALLS_ON_A_CARD = 2
_PAUSE_SECONDS = 0.1
_ROW_PIXELS = 35


def chosen_way() -> str:
    """Let the visitor choose what to see; the address keeps it."""
    asked = st.query_params.get("way", "attacks")
    way = asked if asked in WAYS else "attacks"
    st.radio(
        "What to see",
        list(WAYS),
        format_func=WAYS.__getitem__,
        horizontal=True,
        key=elements.shown_as("lab way", way),
        on_change=_choose_way,
    )
    return way


def _choose_way() -> None:
    st.query_params.from_dict(links.without_blanks({"way": st.session_state["lab way"]}))


def chosen_chain() -> tuple[str, str]:
    """Let the visitor choose a chain to break (namespace, tenant); the address may name another, to be refused."""
    offered = [(one.namespace, one.tenant) for one in PRACTICE]
    words = {(one.namespace, one.tenant): one.words for one in PRACTICE}
    named = (st.query_params.get("namespace", LAB), st.query_params.get("tenant", PRACTICE[0].tenant))
    if named not in words:
        offered.append(named)
        words[named] = visible("#".join(named))
    st.selectbox(
        "Chain to break",
        range(len(offered)),
        format_func=lambda place: words[offered[place]],
        key=elements.shown_as("lab chain", offered.index(named)),
        on_change=_choose_chain,
        args=(offered,),
    )
    return named


def _choose_chain(offered: Sequence[tuple[str, str]]) -> None:
    namespace, tenant = offered[st.session_state["lab chain"]]
    st.query_params.from_dict({"namespace": namespace, "tenant": tenant})


def chosen_position(lab: Lab, *, busy: bool) -> int:
    """Let the visitor say which position is attacked; the address keeps it. Raises `InputError`."""
    last = lab.practice.length - 1
    text = st.query_params.get("at", "")
    if text and (not text.isdecimal() or int(text) > last):
        message = f"The address asks for position {visible(text[:40])}; this chain has 0 to {last:,}. Correct it."
        raise InputError(message)
    number = int(text) if text else (last + 1) // 2
    st.number_input(
        "Position attacked",
        min_value=0,
        max_value=last,
        step=1,
        key=elements.shown_as("lab position", number),
        on_change=_choose_position,
        help="The last position differs from all others: nothing after it vouches for it.",
        disabled=busy,
    )
    return number


def _choose_position() -> None:
    st.query_params["at"] = str(st.session_state["lab position"])


@st.fragment(run_every=_PAUSE_SECONDS)
def progress(plays: Plays, run: LabRun) -> None:
    """Go on for a slice of time and show what is done; a click stops it."""
    with one_message():
        try:
            run.advance(plays)
        finally:
            if not run.running:
                plays.run = None
        if not run.running:
            st.rerun()
        st.progress(run.done / run.total, text=f"{run.done:,} of {count(run.total, 'attack')} done. {run.words}")
        if st.button("Stop", key="stop"):
            run.stop()
            plays.run = None
            st.rerun()


def cards(context: Context, lab: Lab, plays: Plays, offered: Sequence[Play]) -> None:
    """Show the attacks of one group as cards; a click does it."""
    groups = [group for group in lab_words.GROUPS if any(lab_words.group_of(play) == group for play in offered)]
    asked = st.query_params.get("group", groups[0])
    group = asked if asked in groups else groups[0]
    st.radio(
        "Attacks",
        groups,
        format_func=lab_words.GROUPS.__getitem__,
        horizontal=True,
        key=elements.shown_as("lab group", group),
        on_change=_choose_group,
    )
    shown = [play for play in offered if lab_words.group_of(play) == group]
    for start in range(0, len(shown), CARDS_A_ROW):
        for cell, play in zip(st.columns(CARDS_A_ROW), shown[start : start + CARDS_A_ROW], strict=False):
            with cell, st.container(border=True, key=f"card {play.what.name}"):
                _card(context, lab, plays, play)


def _card(context: Context, lab: Lab, plays: Plays, play: Play) -> None:
    st.markdown(f"**{lab_words.capital(play.what.words)}**")
    calls = lab.calls(play)
    lines = [f"{call.operation} {visible(call.item_id)}" for call in calls[:CALLS_ON_A_CARD]]
    if len(calls) > CALLS_ON_A_CARD:
        lines.append(f"and {count(len(calls) - CALLS_ON_A_CARD, 'call')} more")
    st.code("\n".join(lines), language=None, wrap_lines=True)
    st.button(
        "Do it",
        key=f"do {play.what.name}",
        on_click=begin,
        args=(context, lab, plays, (play,)),
        help=f"Case {play.what.cases} of the list of faults",
    )
    for one in lab_words.every_try([play]):
        outcome = plays.of(one)
        if outcome is not None:
            _came_to(outcome)


def _came_to(outcome: Outcome) -> None:
    """Show how a play ended and, where it can be covered up, how far it was: each try may end differently."""
    how_far = f" :small[{outcome.play.covered}]" if len(outcome.play.covers) > 1 else ""
    st.markdown(f"{state_badge(outcome)}{how_far}")


def _choose_group() -> None:
    st.query_params["group"] = st.session_state["lab group"]


def restored(lab: Lab, report: ChainReport) -> None:
    """Say that the chain was made anew, and how it verifies."""
    with st.container(border=True, key="lab_restored"):
        with st.container(horizontal=True, gap="xsmall"):
            st.badge("Restored", color="green")
            elements.verdict_badge(report.verdict)
        st.markdown(f"The chain was made anew: {count(report.records_checked, 'record')} checked, thoroughly.")
        elements.way(links.CHAIN, "Its Chain page", links.chain_query(*lab.names, verify=1))


def overview(context: Context, lab: Lab, plays: Plays, offered: Sequence[Play]) -> None:
    """Show every attack against every defence, as far as it was tried; a click tries all."""
    st.subheader("All attacks, all defences", anchor=False)
    tries = lab_words.every_try(offered)
    tried = sum(plays.of(play) is not None for play in tries)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Run all", key="run_all", on_click=begin, args=(context, lab, plays, tries))
        st.caption(f"{tried:,} of {count(len(tries), 'attack')} tried on this chain, at this position.")
    rows = lab_words.overview_rows(offered, plays.of)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=_ROW_PIXELS * 16,
        row_height=_ROW_PIXELS,
        column_config={"Attack": st.column_config.TextColumn(width=230, pinned=True)},
        alt="Attacks, one a row, with what came out and which defence caught it.",
    )
    st.caption(
        "✓ raised an alarm, – did not. A checkpoint is one made of the chain before the attack, and kept outside the "
        "table."
    )
