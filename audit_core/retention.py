"""Retention as pure functions: what stands, what has expired, what will, and when TTL can explain a missing record.

Nothing here reads a table. `chain.verifier` and `append` ask whether an expiry can explain a gap (FORMAT 9); the pages
and the command line ask for the summary of records that were read.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.errors import TimestampError
from audit_core.items import Item, text_of, whole_number
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Expiry", "Lifetimes", "RetentionSummary", "expiry_state", "lifetime_nanos", "moment_of", "summarise"]

NEVER_REMOVED_AFTER_SECONDS = 5 * 365 * 86_400
"""DynamoDB never removes what expired more than five years ago."""

LATEST_PLAUSIBLE_TTL = 253_402_300_799
"""Epoch seconds of the end of the year 9999; a larger number is in milliseconds or nonsense."""

_HOUR_NANOS = 3600 * NANOS_PER_SECOND


class Expiry(enum.Enum):
    """What TTL makes of a record that stands (DESIGN, Retention)."""

    NEVER = "never expires"
    LIVE = "live"
    EXPIRED = "expired, still present"
    NOT_REMOVABLE = "expired over five years ago, never removed"
    UNREADABLE = "expiry that TTL cannot read"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The lifetimes that the configuration declares, in seconds (FORMAT 9).

    `current` (int or None, endless) is `ttl_seconds`; `past` (tuple of int) is `past_ttl_seconds`.
    """

    current: int | None
    past: tuple[int, ...] = ()

    def explain(self, before: Item, neighbours: Iterable[Item], now: Timestamp) -> bool:
        """Whether TTL can explain that a record after `before` is gone by `now` (FORMAT 9, rule c).

        `before` is the last record that stands before the position, `neighbours` are those that stand beside the gap.
        The shortest lifetime in sight counts from the dispatch of `before`, less an hour or a tenth of itself.
        """
        declared = [seconds * NANOS_PER_SECOND for seconds in (self.current, *self.past) if seconds is not None]
        seen = [nanos for item in neighbours if (nanos := lifetime_nanos(item)) is not None]
        dispatched = moment_of(before, "dispatched_at")
        if dispatched is None or not (declared or seen):
            return False
        shortest = min(nanos - min(_HOUR_NANOS, nanos // 10) for nanos in (*declared, *seen))
        return dispatched.epoch_nanos + shortest <= now.epoch_nanos


@dataclass(frozen=True, slots=True)
class RetentionSummary:
    """Records that were read, counted by `Expiry`; and those that never expire or expire by day (ISO date, UTC)."""

    counts: Mapping[Expiry, int]
    expiring_by_day: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many records were read."""
        return sum(self.counts.values())


def lifetime_nanos(item: Item) -> int | None:
    """Return `expires_at` − `dispatched_at` of a typed record in nanoseconds; None when it is endless or unreadable."""
    expires, dispatched = moment_of(item, "expires_at"), moment_of(item, "dispatched_at")
    if expires is None or dispatched is None:
        return None
    return max(0, expires.epoch_nanos - dispatched.epoch_nanos)


def expiry_state(item: Item, now: Timestamp) -> Expiry:
    """Return what TTL makes of a typed record at `now`; text or milliseconds are never "expired" (CASES 18)."""
    attribute = item.get("expires_at_ttl")
    if attribute is None:
        return Expiry.NEVER
    seconds = whole_number(attribute.get("N"))
    if seconds is None or not 0 <= seconds <= LATEST_PLAUSIBLE_TTL:
        return Expiry.UNREADABLE
    if seconds > now.epoch_seconds:
        return Expiry.LIVE
    return Expiry.NOT_REMOVABLE if seconds < now.epoch_seconds - NEVER_REMOVED_AFTER_SECONDS else Expiry.EXPIRED


def summarise(items: Iterable[Item], now: Timestamp) -> RetentionSummary:
    """Count typed records by what TTL makes of them at `now`, and those still live by the day of their expiry."""
    counts: Counter[Expiry] = Counter()
    by_day: Counter[str] = Counter()
    for item in items:
        state = expiry_state(item, now)
        counts[state] += 1
        if state is Expiry.LIVE:
            seconds = whole_number(item["expires_at_ttl"]["N"]) or 0
            by_day[Timestamp.from_nanos(seconds * NANOS_PER_SECOND).normalised[:10]] += 1
    return RetentionSummary(dict(counts), dict(sorted(by_day.items())))


def moment_of(item: Item, name: str) -> Timestamp | None:
    """Return the time that an attribute of a typed item holds, or None when it holds none that can be read."""
    text = text_of(item, name)
    if text is None:
        return None
    try:
        return Timestamp.parse(text)
    except TimestampError:
        return None
