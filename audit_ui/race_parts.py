"""The parts of the Race page: who races, the race as it goes, its figures beside those of the other, and the proof."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.chain.words import VERDICTS
from audit_core.race.course import MAX_EACH, MAX_PROCESSES, MAX_WRITERS, Entry, Race
from audit_core.race.figures import Algorithm, figures_of
from audit_ui import elements, links
from audit_ui.faults import one_message
from audit_ui.formats import count
from audit_ui.lab_run import keep_report
from audit_ui.race_figures import race_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.race.figures import Figures, Lap, Proof
    from audit_ui.context import Context

__all__ = ["NAMES", "Day", "begin", "course", "entry_form", "results"]

NAMES = {Algorithm.OURS: "This package", Algorithm.PLAIN: "Plain reference"}
WHAT = {
    Algorithm.OURS: (
        "Each writer knows the tip. The loser of a transaction learns the winner's hashes from it and goes on behind; "
        "writers of one machine take turns."
    ),
    Algorithm.PLAIN: (
        "Each writer asks for the tip, then sends its transaction; it tries again five times, after 10 ms, doubling, "
        "plus as much jitter, and then gives up."
    ),
}
_KEPT = "race day"
_PAUSE_SECONDS = 0.3


@dataclass(slots=True)
class Day:
    """A race of this visit: who raced, what each algorithm came to, and the race that runs."""

    entry: Entry
    to_run: list[Algorithm] = field(default_factory=lambda: list(Algorithm))
    race: Race | None = None
    laps: dict[Algorithm, tuple[Lap, ...]] = field(default_factory=dict)
    proofs: dict[Algorithm, Proof] = field(default_factory=dict)
    troubles: dict[Algorithm, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether something is still to be raced or proven."""
        return self.race is not None or bool(self.to_run)


def entry_form() -> Day | None:
    """Ask who races; returns the day that a click begins, or the last one of this visit."""
    with st.form("race", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        numbers = [
            st.number_input(label, min_value=1, max_value=most, value=value, step=1, key=f"race {label}", width=150)
            for label, most, value in (
                ("Writers", MAX_WRITERS, 16),
                ("In processes", MAX_PROCESSES, 4),
                ("Records each", MAX_EACH, 5),
            )
        ]
        started = st.form_submit_button("Race", type="primary")
    if started:
        _end(st.session_state.get(_KEPT))
        writers, processes, each = numbers
        st.session_state[_KEPT] = Day(Entry(writers, min(processes, writers), each))
    day: Day | None = st.session_state.get(_KEPT)
    return day


def _end(day: Day | None) -> None:
    if day is not None and day.race is not None:
        day.race.stop()


def begin(context: Context, day: Day) -> None:
    """Start the next race of the day. Raises `WriteRefusedError`, `EngineError`."""
    if day.race is None and day.to_run:
        algorithm = day.to_run.pop(0)
        with st.spinner(f"{NAMES[algorithm]}: starting {count(day.entry.processes, 'process', 'processes')} …"):
            day.race = Race(context.store, algorithm, day.entry)


def course(context: Context, day: Day) -> None:
    """Draw the race as it goes and prove it when it has ended; draw one that has ended as it went."""
    st.fragment(_course, run_every=None if day.race is None else _PAUSE_SECONDS)(context, day)


def _course(context: Context, day: Day) -> None:
    # The pictures have one place while the race goes and after: a picture in a second one would for a moment stand
    # beside the first.
    with one_message():
        with st.container():
            if day.race is not None:
                _progress(context, day, day.race)
        _pictures(day)


def _progress(context: Context, day: Day, race: Race) -> None:
    running = race.running
    day.laps[race.algorithm] = race.laps
    if not running:
        if race.trouble is not None:
            day.troubles[race.algorithm] = race.trouble
        day.race = None
        day.proofs[race.algorithm] = race.proof()
        keep_report(context, day.proofs[race.algorithm].report)
        st.rerun()
    done = len(race.laps)
    st.progress(done / day.entry.total, text=f"{NAMES[race.algorithm]}: {done:,} of {day.entry.total:,} appends")
    if st.button("Stop", key="stop"):
        day.to_run.clear()
        race.stop()
        st.rerun()


def _pictures(day: Day) -> None:
    for cell, algorithm in zip(st.columns(2, gap="medium"), Algorithm, strict=True):
        with cell:
            st.subheader(NAMES[algorithm], anchor=False)
            st.caption(WHAT[algorithm])
            laps = day.laps.get(algorithm, ())
            figure = race_figure(laps, writers=day.entry.writers, total=day.entry.total, dark=elements.is_dark())
            won = sum(lap.sequence_number is not None for lap in laps)
            alt = f"{NAMES[algorithm]}: {count(won, 'position')} won, {count(len(laps) - won, 'append')} given up."
            st.plotly_chart(
                figure, theme=None, config={"displayModeBar": False}, alt=alt, key=f"race picture {algorithm}"
            )


def results(day: Day) -> None:
    """Show the proofs, the figures beside each other, and what each writer did."""
    for cell, algorithm in zip(st.columns(2, gap="medium"), Algorithm, strict=True):
        proof = day.proofs.get(algorithm)
        with cell:
            if algorithm in day.troubles:
                st.text(f"✕ {day.troubles[algorithm]}")
            if proof is not None:
                _proof(proof, algorithm, day)
    rows = _beside_each_other(
        {algorithm: figures_of(day.laps.get(algorithm, ()), day.entry.writers) for algorithm in Algorithm}
    )
    st.subheader("Beside each other", anchor=False)
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="The figures of both races, one a row.")
    st.caption(
        "Both ran on this machine, one after the other, each with its own processes. Waiting is the time of all "
        "writers that was not spent on requests: for a turn, backing off, computing."
    )
    with st.expander("What each writer did"):
        st.dataframe(pd.DataFrame(_by_writer(day)), hide_index=True, alt="Each writer of both races, one a row.")


def _proof(proof: Proof, algorithm: Algorithm, day: Day) -> None:
    laps = day.laps.get(algorithm, ())
    won = sum(lap.sequence_number is not None for lap in laps)
    with st.container(border=True, key=f"proof_{algorithm}"):
        with st.container(horizontal=True, gap="xsmall"):
            st.badge("✓ Proven" if proof.holds else "✕ Not proven", color="blue" if proof.holds else "red")
            elements.verdict_badge(proof.report.verdict)
        st.markdown(
            f"{count(won, 'append')} acknowledged, {count(proof.report.records_checked, 'record')} in the chain: "
            f"**{len(proof.lost):,} lost, {len(proof.twice):,} twice**; {count(len(laps) - won, 'append')} given up."
        )
        if proof.unasked:
            st.caption(f"{count(len(proof.unasked), 'record')} stand that nobody was told of: a writer was ended.")
        st.caption(f"A full, thorough verification: {VERDICTS[proof.report.verdict].headline}")
        elements.way(links.CHAIN, "Its Chain page", links.chain_query(proof.report.namespace, proof.report.tenant))


def _beside_each_other(both: dict[Algorithm, Figures | None]) -> list[dict[str, str]]:
    ways: tuple[tuple[str, Callable[[Figures], str]], ...] = (
        ("Acknowledged", lambda one: f"{one.acknowledged:,}"),
        ("Given up", lambda one: f"{one.failed:,}"),
        ("Appends a second", lambda one: f"{one.rate:,.0f}"),
        ("Transactions sent again", lambda one: f"{one.retries:,}"),
        ("Append, median", lambda one: f"{one.median * 1000:,.0f} ms"),
        ("Append, slowest", lambda one: f"{one.slowest * 1000:,.0f} ms"),
        ("Waited, all writers together", lambda one: f"{one.waited:,.1f} s"),
        ("Least writer over most", lambda one: f"{one.fairness:.2f}"),
    )
    return [
        {"Figure": name, **{NAMES[algorithm]: "–" if one is None else told(one) for algorithm, one in both.items()}}
        for name, told in ways
    ]


def _by_writer(day: Day) -> list[dict[str, str]]:
    rows = []
    for algorithm in Algorithm:
        for writer in range(day.entry.writers):
            own = [lap for lap in day.laps.get(algorithm, ()) if lap.writer == writer]
            won = [lap.sequence_number for lap in own if lap.sequence_number is not None]
            rows.append(
                {
                    "Algorithm": NAMES[algorithm],
                    "Writer": f"{writer}",
                    "Positions won": ", ".join(f"{number:,}" for number in won) or "–",
                    "Given up": f"{len(own) - len(won):,}",
                    "Tried again": f"{sum(lap.retries for lap in own):,}",
                    "Waited": f"{sum(lap.waited for lap in own):,.2f} s",
                }
            )
    return rows
