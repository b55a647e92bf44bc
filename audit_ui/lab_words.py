"""The words of the tamper lab: groups of attacks, the table of attacks and defences, the attacker's tries. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_core.tamper.defences import Defence
from audit_core.tamper.scenes import Scene
from audit_core.tamper.target import Cover
from audit_core.tamper.told import checkpoint_symbol, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from audit_core.tamper.plays import Outcome, Play

__all__ = ["GROUPS", "capital", "group_of", "overview_rows", "tries_rows"]

GROUPS: Mapping[str, str] = {
    "edits": "Edits",
    "deletions": "Deletions",
    "forgeries": "Exchanges and forgeries",
    "fences": "Fences",
    "expiry": "Forged expiry",
    "intruders": "Intruders",
    "hidden": "Hidden records",
    "stripped": "Hashes stripped",
    "past": "Expired, or deleted?",
}
"""The attacks by what they are about, in the order of their cases."""

_GROUP_OF_CASE = {
    "31": "edits",
    "33": "deletions",
    "34": "deletions",
    "62": "deletions",
    "35": "forgeries",
    "36": "fences",
    "54": "expiry",
    "55": "intruders",
    "56": "intruders",
    "57": "hidden",
    "58": "stripped",
}
_SHORT = {
    Defence.RECORD_HASH: "Record",
    Defence.CONTENT_HASH: "Content",
    Defence.LINK: "Link",
    Defence.CHAIN_HASH: "Chain",
    Defence.FENCE: "Fence",
    Defence.LIFETIMES: "Lifetimes",
    Defence.NUMBERING: "Numbering",
}
"""The columns of the table: record hash, content hash, link, chain hash, and so on."""

_COVERED = {
    Cover.NOTHING: "nothing",
    Cover.OWN: "its own hashes",
    Cover.FENCE: "its fence too",
    Cover.REST: "everything after it too",
}


def group_of(play: Play) -> str:
    """Return the group of an attack, by the first of its cases."""
    if isinstance(play.what, Scene):
        return "past"
    if play.what.cases == "33, 35":  # an insertion; the other row of 33 with a companion is a deletion
        return "forgeries"
    return _GROUP_OF_CASE[play.what.cases[:2]]


def capital(words: str) -> str:
    """Return words as a sentence begins."""
    return words if words.startswith("`") else words[:1].upper() + words[1:]


def overview_rows(plays: Iterable[Play], outcome_of: Callable[[Play], Outcome | None]) -> list[dict[str, str]]:
    """Return a row for each attack, covered up in each way: what came out, and which defence it was that caught it."""
    rows = []
    for play in every_try(plays):
        outcome = outcome_of(play)
        state = None if outcome is None else state_of(outcome)
        caught = frozenset[Defence]() if outcome is None else outcome.caught
        marks = {_SHORT[defence]: "✓" if defence in caught else "–" for defence in Defence}
        rows.append(
            {
                "Attack": capital(play.what.words),
                "Covered up": _COVERED[play.cover],
                "Outcome": "not tried yet" if state is None else f"{state.symbol} {state.words}",
                **(marks if outcome is not None else dict.fromkeys(marks, "")),
                "Checkpoint": "" if outcome is None else checkpoint_symbol(outcome),
            }
        )
    return rows


def every_try(plays: Iterable[Play]) -> list[Play]:
    """Return the plays, each followed by the attacker's further tries."""
    tries: list[Play] = []
    for first in plays:
        play: Play | None = first
        while play is not None:
            tries.append(play)
            play = play.second_try
    return tries


def tries_rows(tries: Sequence[Play], outcome_of: Callable[[Play], Outcome | None]) -> list[dict[str, str]]:
    """Return a row for each of the attacker's tries: what was recomputed, and what still caught it."""
    rows = []
    for number, play in enumerate(tries, start=1):
        outcome = outcome_of(play)
        caught = "" if outcome is None else ", ".join(sorted(outcome.caught)) or "nothing in the table"
        state = None if outcome is None else state_of(outcome)
        rows.append(
            {
                "Try": f"{number}",
                "Recomputed or forged": _COVERED[play.cover],
                "Outcome": "not tried yet" if state is None else f"{state.symbol} {state.words}",
                "What still catches it": caught,
                "A checkpoint kept outside": "" if outcome is None else checkpoint_symbol(outcome),
            }
        )
    return rows
