"""The chains that are there to be attacked: four short ones of the lab's own, by who wrote them, and the demo's.

Each can be made anew from its name alone, whatever was done to it. What they hold is made up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core import demo
from audit_core.fences import bare_fence, sealed_fence
from audit_core.generator import sample_record
from audit_core.linking import Pair
from audit_core.tamper.attacks import KINDS
from audit_core.tamper.scenes import DAY
from audit_core.tip import EMPTY, Tip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.demo import DemoChain
    from audit_core.records import AuditRecord
    from audit_core.tamper.scenes import Scene
    from audit_core.tamper.target import TypedItem
    from audit_core.timestamps import Timestamp

__all__ = ["LAB", "PRACTICE", "Practice", "practice_chain"]

LAB = "lab"
"""The namespace of the chains that are the lab's own."""

_HOUR = 3600
_LIFETIMES = (30 * DAY,)


@dataclass(frozen=True, slots=True)
class Practice:
    """A chain to be attacked: its names, what it is in words, and its kind.

    `kind` is one of `attacks.KINDS` for the lab's own; None for one of the demo's, which is then `demo`.
    """

    namespace: str
    tenant: str
    words: str
    kind: str | None = None
    demo: DemoChain | None = None

    @property
    def length(self) -> int:
        """How many records it has."""
        return len(KINDS[self.kind][1]) if self.kind is not None else 0 if self.demo is None else self.demo.records

    def items(self, now: Timestamp, scene: Scene | None = None) -> list[TypedItem]:
        """Return its items as they go in at `now`; `scene` gives one of the lab's own another past."""
        if self.demo is not None:
            return demo.demo_items(self.demo, now)
        return list(_written(self, now, scene))

    def record(self, number: int, now: Timestamp, scene: Scene | None = None) -> AuditRecord:
        """Return a record of one of the lab's own before it is linked, dispatched an hour ago or as the scene says."""
        chance = random.Random(f"{self.namespace}#{self.tenant}|{number}")  # noqa: S311 - made-up data, no secret
        began = now.plus_seconds(-_HOUR if scene is None else -scene.days * DAY)
        moment = began.plus_seconds(number)
        lifetimes = _LIFETIMES if scene is None else scene.lifetimes
        made = sample_record(chance, self.namespace, self.tenant, moment, number=number, mix={"executed": 1})
        expires_at = moment.plus_seconds(lifetimes[min(number, len(lifetimes) - 1)])
        return replace(made, id=f"{self.namespace}-{self.tenant}-{number}", expires_at=expires_at)


PRACTICE = (
    *(Practice(LAB, kind, f"{LAB}#{kind}: {words}", kind) for kind, (words, _writers) in KINDS.items()),
    *(
        Practice(chain.namespace, chain.tenant, f"{chain.namespace}#{chain.tenant}: of the demo", demo=chain)
        for chain in demo.DEMO_CHAINS
        if chain.damage is demo.undamaged and chain.chained
    ),
)
"""Every chain that an attack can be tried on: those of which each record stands."""


def practice_chain(namespace: str, tenant: str) -> Practice | None:
    """Return the chain of these names; None where it is none that the lab can make anew."""
    return next((one for one in PRACTICE if (one.namespace, one.tenant) == (namespace, tenant)), None)


def _written(practice: Practice, now: Timestamp, scene: Scene | None) -> Iterator[TypedItem]:
    """Write one record for each letter of the kind, as its writer would; those to be sealed are sealed in order."""
    names, tip, sealed = (practice.namespace, practice.tenant), EMPTY, None
    for number, writer in enumerate(KINDS[practice.kind or ""][1]):
        record = practice.record(number, now, scene)
        if writer == "o":
            pair = Pair.behind(tip, record)
            yield from (pair.item, pair.fence)
            tip = pair.tip
            continue
        # others know neither our hashes nor our links
        item = Pair.behind(Tip(tip.sequence_number, tip.record_hash, None), record).item
        del item["content_hash"]
        bare = bare_fence(*names, number)
        fence = bare
        if writer == "s":
            fence = sealed_fence(item, bare, number, link=sealed, sealed_at=now.plus_seconds(-60).text)
            sealed = (number, fence["chain_hash"]["S"])
        yield from (item, fence)
        tip = Tip(number, item["record_hash"]["S"], tip.link)
