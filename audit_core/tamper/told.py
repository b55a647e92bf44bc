"""What a play came to, in words: caught or not, and what only a checkpoint kept outside would have shown. Pure."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from audit_core.chain.findings import Verdict
from audit_core.tamper.scenes import Scene

if TYPE_CHECKING:
    from audit_core.tamper.plays import Outcome

__all__ = ["State", "checkpoint_symbol", "checkpoint_words", "state_of"]


class State(enum.StrEnum):
    """How a play ended; `words` and `symbol` are what is shown of it."""

    CAUGHT = "caught"
    THOROUGH = "caught_when_thorough"
    UNPROVEN = "unproven"
    INCOMPLETE = "incomplete"
    UNSEEN = "not_caught"
    RIGHT = "rightly_no_alarm"

    @property
    def words(self) -> str:
        """The state in words."""
        return _WORDS[self][1]

    @property
    def symbol(self) -> str:
        """The state as a symbol."""
        return _WORDS[self][0]


_WORDS = {
    State.CAUGHT: ("✓", "Caught"),
    State.THOROUGH: ("✓", "Caught, when thorough"),
    State.UNPROVEN: ("?", "Unproven: no alarm, and no comfort"),
    State.INCOMPLETE: ("…", "Nothing left to check"),
    State.UNSEEN: ("✕", "Not caught"),
    State.RIGHT: ("○", "Rightly no alarm"),
}
_DOUBTS = {Verdict.UNPROVEN: State.UNPROVEN, Verdict.INCOMPLETE: State.INCOMPLETE}


def state_of(outcome: Outcome) -> State:
    """Return how a play ended. What has expired as it should is no attack, and raises no alarm."""
    if outcome.only_thorough:
        return State.THOROUGH
    if outcome.is_caught:
        return State.CAUGHT
    if outcome.thorough.verdict in _DOUBTS:
        return _DOUBTS[outcome.thorough.verdict]
    if isinstance(outcome.play.what, Scene) and outcome.clause is None:
        return State.RIGHT
    return State.UNSEEN


def checkpoint_words(outcome: Outcome) -> str:
    """Say what a checkpoint would show that was made of the chain before the attack, and kept outside the table."""
    if outcome.leaves is None:
        return (
            "No checkpoint was possible yet: its fences are bare. Making one seals them first; see the same attack on "
            "the sealed chain."
        )
    if not outcome.leaves:
        size = outcome.thorough.upper_bound
        if size is not None and outcome.before.upper_bound is not None and size > outcome.before.upper_bound:
            return "A checkpoint from before still fits: what came after it is vouched for by the next one only."
        return "A checkpoint from before still fits: it covers fences, and no fence was changed."
    if len(outcome.leaves) == 1:
        return (
            f"A checkpoint from before would not fit any more: the leaf of position {outcome.leaves[0]:,} is another."
        )
    places = ", ".join(f"{number:,}" for number in outcome.leaves[:_NAMED])
    more = f" and {len(outcome.leaves) - _NAMED:,} more" if len(outcome.leaves) > _NAMED else ""
    return f"A checkpoint from before would not fit any more: the leaves of positions {places}{more} are others now."


_NAMED = 8


def checkpoint_symbol(outcome: Outcome) -> str:
    """Say in two words whether such a checkpoint would show it."""
    if outcome.leaves is None:
        return "… after a seal"
    return "✓ would differ" if outcome.leaves else "– still fits"
