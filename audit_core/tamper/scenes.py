"""Chains with a past: what has expired, and what is passed off as expiry (CASES 37, 59, 61, 62)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core.tamper.acts import gone
from audit_core.tamper.target import Cover, Target, changed

if TYPE_CHECKING:
    from audit_core.tamper.acts import Act
    from audit_core.tamper.target import Change

__all__ = ["CLOCKS", "DAY", "SCENES", "Scene", "scene_named"]

DAY = 86_400
_NEVER = {"N": str(2**53)}


@dataclass(frozen=True, slots=True)
class Scene:
    """A chain with a past: its name and words, the rows of CASES it answers to, and what becomes of it.

    `days` ago its first record was dispatched, one a second follows; `lifetimes` (seconds) are those of the records,
    the last of them goes on. `past` are lifetimes declared as `past_ttl_seconds`, beside the thirty days of
    `ttl_seconds`. `reader_years` is how far the clock of who verifies is off.
    """

    name: str
    words: str
    cases: str
    days: int
    lifetimes: tuple[int, ...]
    act: Act
    past: tuple[int, ...] = ()
    clause: str | None = None
    reader_years: int = 0

    def change(self, target: Target) -> Change:
        """What becomes of the table."""
        return changed(target, lambda attacked: self.act(attacked, 0, Cover.NOTHING))

    def lasts(self, change: Change, target: Target) -> bool:
        """Whether the table stays as it is after the change on an engine whose TTL is on: none that stands is due."""
        due = {
            name
            for name, item in target.items.items()
            if int(item.get("expires_at_ttl", _NEVER)["N"]) <= target.now.epoch_seconds
        }
        return all(name in change and change[name] is None for name in due)


MONTH, YEAR = 30 * DAY, 365 * DAY
AGED = (MONTH, MONTH, MONTH, MONTH, YEAR)
SHORT = (MONTH, MONTH, MONTH, DAY, MONTH)
SCENES = (
    Scene("head-expired", "0 to 3 have expired and are gone", "37, 59", 40, AGED, gone(0, 3)),
    Scene("head-expired-in-part", "0 to 3 have expired, 1 and 2 are gone", "37", 40, AGED, gone(1, 2)),
    Scene("all-expired", "all have expired and are gone", "37", 40, (MONTH,), gone(0, 6)),
    Scene(
        "head-expired-stripped",
        "0 to 3 have expired and are gone, their fences were made bare",
        "62",
        40,
        AGED,
        gone(0, 3, bare=True),
    ),
    Scene(
        "head-expired-without-fences",
        "0 to 3 have expired and are gone, their fences too",
        "37, 62",
        40,
        AGED,
        gone(0, 3, fences=True),
    ),
    Scene(
        "deleted-long-before", "5 was deleted, long before its expiry", "61", 40, AGED, gone(5, 5), clause="unlinked"
    ),
    Scene(
        "deleted-too-early",
        "5 was deleted, the shortest lifetime in sight not having passed",
        "61",
        20,
        AGED,
        gone(5, 5),
    ),
    Scene("cut-too-early", "5 and 6 were deleted, the shortest lifetime not having passed", "61", 20, AGED, gone(5, 6)),
    Scene(
        "expired-undeclared", "3 has expired after a day, a lifetime that nobody declared", "61", 3, SHORT, gone(3, 3)
    ),
    Scene("expired-declared", "the same, the lifetime declared", "61", 3, SHORT, gone(3, 3), past=(DAY,)),
)


CLOCKS = tuple(
    replace(
        SCENES[0],
        name=f"reader-a-year-{name}",
        words=f"{SCENES[0].words}; the reader's clock is a year {name}",
        cases="60",
        reader_years=years,
    )
    for name, years in (("behind", -1), ("ahead", 1))
)
"""The same chain as the first scene's, verified by somebody whose clock is off: the engine's counts (CASES 60)."""


def scene_named(name: str) -> Scene | None:
    """Return the scene of a name; None where there is none."""
    return next((scene for scene in (*SCENES, *CLOCKS) if scene.name == name), None)
