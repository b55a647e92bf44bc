"""What a visit does in the tamper lab: plays one after another, in slices of time, and what each of them came to.

A lab is shared by all visitors of this process, since they share the chain. Reports of an attacked chain are kept as
those of any other, so that the other pages show what was found.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.tamper.lab import Lab
from audit_ui import inject_parts
from audit_ui.verification import kept, reports

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from audit_core import ChainReport
    from audit_core.tamper.plays import Outcome, Play
    from audit_ui.context import Context

__all__ = ["LabRun", "Plays", "keep_report", "open_lab", "restore", "visit_plays"]

_PLAYED = "tamper lab"
SLICE_SECONDS = 0.4
MOST_LABS = 20

Key = tuple[str, int, int]
"""A play by the attack's name, the position and how far it is covered up."""


def key_of(play: Play) -> Key:
    """Return what tells a play from others on the same chain."""
    return play.what.name, play.number, int(play.cover)


@dataclass(slots=True)
class Plays:
    """What this visit tried on one chain: outcomes in the order of the last tries, and the run under way."""

    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    shown: Key | None = None
    run: LabRun | None = None
    restoring: bool = False
    restored: ChainReport | None = None

    def take(self, outcome: Outcome) -> None:
        """Keep what a play came to, and show it."""
        self.shown = key_of(outcome.play)
        self.outcomes.pop(self.shown, None)
        self.outcomes[self.shown] = outcome
        self.restored = None

    def of(self, play: Play) -> Outcome | None:
        """Return what a play came to when it was last tried; None where it was not."""
        return self.outcomes.get(key_of(play))

    @property
    def last(self) -> Outcome | None:
        """The outcome that is shown."""
        return None if self.shown is None else self.outcomes.get(self.shown)


class LabRun:
    """Plays one after another; `advance` it until it is not `running`. `words` say what it is at."""

    def __init__(self, context: Context, lab: Lab, plays: Sequence[Play]) -> None:
        self.total = len(plays)
        self.done = 0
        self.running = bool(plays)
        self.words = ""
        self._context = context
        self._lab = lab
        self._plays = tuple(plays)
        self._steps: Generator[str, None, Outcome] | None = None

    def advance(self, kept_plays: Plays, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds. Raises `WriteRefusedError`, `EngineError`, and does not go on after that."""
        deadline = time.monotonic() + seconds
        try:
            while self.running and time.monotonic() < deadline:
                self._step(kept_plays)
        except Exception:
            self.running = False
            raise

    def _step(self, kept_plays: Plays) -> None:
        if self._steps is None:
            self._steps = self._lab.steps(self._plays[self.done])
        try:
            self.words = next(self._steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            kept_plays.take(outcome)
            keep_report(self._context, outcome.thorough)
            self._steps = None
            self.done += 1
            self.running = self.done < self.total

    def stop(self) -> None:
        """Go no further."""
        self.running = False


def keep_report(context: Context, report: ChainReport) -> None:
    """Let the other pages show what was found, and read anew."""
    reports().keep(context.table_key, report)
    kept(context).keep(report)
    inject_parts.forget_what_was_read([(report.namespace, report.tenant)])


def restore(context: Context, lab: Lab, plays: Plays) -> None:
    """Make the lab's chain anew, and keep what a verification says of it. Raises `WriteRefusedError`, `EngineError`."""
    plays.restoring, plays.shown = False, None
    plays.restored = lab.restore()
    keep_report(context, plays.restored)


def open_lab(context: Context, namespace: str, tenant: str) -> Lab:
    """Return the lab of a chain. Raises `WriteRefusedError` where it is not to be tampered with."""
    labs = _labs()
    key = (context.table_key, namespace, tenant)
    lab = labs.get(key)
    if lab is None or not lab.is_of(context.store):
        lab = Lab(context.store, namespace, tenant)
        while len(labs) >= MOST_LABS:
            labs.pop(next(iter(labs)))
        labs[key] = lab
    return lab


def visit_plays(context: Context, lab: Lab) -> Plays:
    """Return what this visit tried on the lab's chain."""
    by_chain: dict[tuple[str, ...], Plays] = st.session_state.setdefault(_PLAYED, {})
    return by_chain.setdefault((context.table_key, *lab.names), Plays())


@st.cache_resource(show_spinner=False, max_entries=1)
def _labs() -> dict[tuple[str, str, str], Lab]:
    return {}
