"""What writers in a race told, and what it comes to: values and pure functions."""

from __future__ import annotations

import enum
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audit_core.chain.findings import ChainReport

__all__ = ["Algorithm", "Figures", "Lap", "Proof", "figures_of", "prove"]


class Algorithm(enum.StrEnum):
    """Who appends."""

    OURS = "ours"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Lap:
    """One append of one writer: the record's id, and the sequence number that it won (None: it gave up).

    `began` and `ended` are epoch seconds, `retries` how often it sent its transaction again, `waited` the seconds of it
    that were not spent on requests: waiting for its turn, backing off, computing.
    """

    writer: int
    record_id: str
    sequence_number: int | None
    began: float
    ended: float
    retries: int
    waited: float


@dataclass(frozen=True, slots=True)
class Figures:
    """A race in numbers: times in seconds, `rate` a second; `fairness` is the least writer's number over the most's."""

    acknowledged: int
    failed: int
    rate: float
    retries: int
    median: float
    slowest: float
    waited: float
    fairness: float


@dataclass(frozen=True, slots=True)
class Proof:
    """What a full verification says of what was acknowledged.

    `lost` are acknowledged records that do not stand where it was told, `twice` numbers or ids told more than once,
    `unasked` records that stand and were never acknowledged (a writer that gave up in doubt leaves such).
    """

    report: ChainReport
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    unasked: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, nothing is there twice, and the chain is intact."""
        return self.report.verdict is Verdict.INTACT and not self.lost and not self.twice


def figures_of(laps: Sequence[Lap], writers: int) -> Figures | None:
    """Return the figures of a race of so many writers; None before anything happened."""
    won = [lap for lap in laps if lap.sequence_number is not None]
    if not won:
        return None
    took = [lap.ended - lap.began for lap in won]
    seconds = max(lap.ended for lap in laps) - min(lap.began for lap in laps)
    each = Counter(lap.writer for lap in won)
    shares = [each[writer] for writer in range(writers)]
    return Figures(
        acknowledged=len(won),
        failed=len(laps) - len(won),
        rate=len(won) / max(seconds, 1e-9),
        retries=sum(lap.retries for lap in laps),
        median=statistics.median(took),
        slowest=max(took),
        waited=sum(lap.waited for lap in laps),
        fairness=min(shares) / max(shares),
    )


def prove(laps: Iterable[Lap], standing: Mapping[str, int], report: ChainReport) -> Proof:
    """Compare what was acknowledged with the records that stand (sequence numbers by id)."""
    won = [lap for lap in laps if lap.sequence_number is not None]
    ids, numbers = Counter(lap.record_id for lap in won), Counter(lap.sequence_number for lap in won)
    twice = [record_id for record_id, times in ids.items() if times > 1]
    twice += [f"position {number}" for number, times in numbers.items() if times > 1]
    lost = [lap.record_id for lap in won if standing.get(lap.record_id) != lap.sequence_number]
    return Proof(report, tuple(lost), tuple(twice), tuple(name for name in standing if name not in ids))
