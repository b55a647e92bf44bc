"""What is tried on a chain, the calls that it took, and what it came to: values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.chain.findings import Verdict
from audit_core.tamper.attacks import COVERS, Attack
from audit_core.tamper.defences import caught_by
from audit_core.tamper.target import Cover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.chain.findings import ChainReport
    from audit_core.tamper.defences import Defence
    from audit_core.tamper.scenes import Scene

__all__ = ["Call", "Outcome", "Play"]


@dataclass(frozen=True, slots=True)
class Play:
    """What is tried: an attack at a position, covered up so far, or a scene."""

    what: Attack | Scene
    number: int = 0
    cover: Cover = Cover.NOTHING

    @property
    def words(self) -> str:
        """What is done, in words."""
        return self.what.words_of(self.cover) if isinstance(self.what, Attack) else self.what.words

    @property
    def covers(self) -> tuple[Cover, ...]:
        """How far it can be covered up."""
        return self.what.covers if isinstance(self.what, Attack) else (Cover.NOTHING,)

    @property
    def second_try(self) -> Play | None:
        """The attacker's next try: the same, covered up one step further; None at the end."""
        further = [cover for cover in self.covers if cover > self.cover]
        return Play(self.what, self.number, further[0]) if further else None

    @property
    def covered(self) -> str:
        """How it is covered up, in words."""
        return COVERS[self.cover] or "nothing covered up"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the engine's API, exactly as it was sent."""

    operation: str
    arguments: Mapping[str, Any]

    @property
    def item_id(self) -> str:
        """The id of the item that it is about."""
        named: str = self.arguments["Item" if self.operation == "PutItem" else "Key"]["id"]["S"]
        return named

    @property
    def text(self) -> str:
        """The operation and its arguments as JSON."""
        return f"{self.operation} {json.dumps(self.arguments, ensure_ascii=False, indent=2)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a play came to.

    `before` is the report of the untouched chain, `default` and `thorough` those of the attacked one in both modes.
    `leaves` are the positions whose leaf in a checkpoint made before would differ now (None: bare fences have none),
    and `clause` the clause of `attacks.CLAUSES` under which it stays unseen, where it does.
    """

    play: Play
    calls: tuple[Call, ...]
    before: ChainReport
    default: ChainReport
    thorough: ChainReport
    leaves: tuple[int, ...] | None
    clause: str | None

    @property
    def caught(self) -> frozenset[Defence]:
        """The defences that raise an alarm in a thorough verification."""
        return caught_by(self.thorough.findings)

    @property
    def is_caught(self) -> bool:
        """Whether a thorough verification raises an alarm."""
        return self.thorough.verdict is Verdict.BROKEN

    @property
    def only_thorough(self) -> bool:
        """Whether the default mode raises none, though the thorough one does."""
        return self.is_caught and self.default.verdict is not Verdict.BROKEN
