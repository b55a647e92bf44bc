"""Retention as pure functions: what stands, what has expired, what will, and when TTL can explain a missing record.

Nothing here reads a table. `chain.verifier` and `append` ask whether an expiry can explain a gap (FORMAT 9); the pages
and the command line ask for the summary of records that were read.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from audit_core.items import Item, text_of, whole_number
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "LIFETIME_STEPS",
    "PERIODS",
    "Against",
    "Expiry",
    "Lifetimes",
    "Lived",
    "RetentionSummary",
    "expiry_state",
    "lived",
    "moment_of",
    "summarise",
    "ttl_lifetime",
    "ttl_seconds",
]

NEVER_REMOVED_AFTER_SECONDS = 5 * 365 * 86_400
"""DynamoDB never removes what expired more than five years ago."""

LATEST_PLAUSIBLE_TTL = 253_402_300_799
"""Epoch seconds of the end of the year 9999; a larger number is in milliseconds or nonsense."""

_HOUR_NANOS = 3600 * NANOS_PER_SECOND
_DAY = 86_400

PERIODS: Mapping[str, int] = MappingProxyType({"PCI DSS, twelve months": 365 * _DAY, "HIPAA, six years": 2192 * _DAY})
"""Retention periods that readers look for, in seconds; six years hold two leap days at most."""

LIFETIME_STEPS = (3600, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, *PERIODS.values())
"""The lifetimes, in seconds and rising, between which records are counted."""


_Key = TypeVar("_Key")
_Sortable = TypeVar("_Sortable", int, str)


class Expiry(enum.Enum):
    """What TTL makes of a record that stands (DESIGN, Retention)."""

    NEVER = "never expires"
    LIVE = "live"
    EXPIRED = "expired, still present"
    NOT_REMOVABLE = "expired over five years ago, never removed"
    UNREADABLE = "expiry that TTL cannot read"


class Against(enum.Enum):
    """How a record's lifetime compares with the lifetimes that the configuration declares."""

    CURRENT = "as configured now"
    PAST = "as declared for the past"
    SHORTER = "shorter than configured"
    LONGER = "longer than configured"
    ENDLESS = "without an expiry, unlike configured"
    UNKNOWN = "lifetime cannot be told"


class Lived(NamedTuple):
    """When a record was dispatched, and for how long it was to live, in nanoseconds; None where that cannot be told.

    A lifetime is None where it is endless, too. A tuple, since a verification makes one of every record.
    """

    dispatched: int | None
    lifetime: int | None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The lifetimes that the configuration declares, in seconds (FORMAT 9).

    `current` (int or None, endless) is `ttl_seconds`; `past` (tuple of int) is `past_ttl_seconds`.
    """

    current: int | None
    past: tuple[int, ...] = ()

    def explain(self, before: Lived, neighbours: Iterable[Lived], now: Timestamp) -> bool:
        """Whether TTL can explain that a record after `before` is gone by `now` (FORMAT 9, rule c).

        `before` is the last record that stands before the position, `neighbours` are those that stand beside the gap.
        The shortest lifetime in sight counts from the dispatch of `before`, less an hour or a tenth of itself.
        """
        declared = [seconds * NANOS_PER_SECOND for seconds in (self.current, *self.past) if seconds is not None]
        seen = [record.lifetime for record in neighbours if record.lifetime is not None]
        if before.dispatched is None or not (declared or seen):
            return False
        shortest = min(nanos - _slack(nanos) for nanos in (*declared, *seen))
        return before.dispatched + shortest <= now.epoch_nanos

    def compare(self, item: Item) -> Against:
        """Return how a typed record's lifetime compares; an hour or a tenth off, whichever is less, counts as equal."""
        if "expires_at_ttl" not in item:
            return Against.CURRENT if self.current is None else Against.ENDLESS
        seconds = ttl_lifetime(item)
        if seconds is None:
            return Against.UNKNOWN
        for declared, meaning in ((self.current, Against.CURRENT), *((past, Against.PAST) for past in self.past)):
            if (
                declared is not None
                and abs(seconds - declared) <= _slack(declared * NANOS_PER_SECOND) / NANOS_PER_SECOND
            ):
                return meaning
        return Against.SHORTER if self.current is None or seconds < self.current else Against.LONGER


_UNDECLARED = Lifetimes(None)


@dataclass(frozen=True, slots=True)
class RetentionSummary:
    """Records that were read, counted; two are added up, as a reading goes on.

    `counts` are records by `Expiry`. `expiring_by_day` are those still live by the day of their expiry (ISO date, UTC),
    `overdue_by_day` those that have expired and are still present. `lifetimes` counts records with a lifetime by the
    highest of `LIFETIME_STEPS`, in seconds, that it reaches (0: none of them), and `against` all of them by how they
    compare with the configuration.
    """

    counts: Mapping[Expiry, int] = field(default_factory=dict)
    expiring_by_day: Mapping[str, int] = field(default_factory=dict)
    overdue_by_day: Mapping[str, int] = field(default_factory=dict)
    lifetimes: Mapping[int, int] = field(default_factory=dict)
    against: Mapping[Against, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many records were read."""
        return sum(self.counts.values())

    def __add__(self, other: RetentionSummary) -> RetentionSummary:
        """Add up what was read of different records."""
        return RetentionSummary(
            _added(self.counts, other.counts),
            _by_key(_added(self.expiring_by_day, other.expiring_by_day)),
            _by_key(_added(self.overdue_by_day, other.overdue_by_day)),
            _by_key(_added(self.lifetimes, other.lifetimes)),
            _added(self.against, other.against),
        )

    def count(self, *states: Expiry) -> int:
        """Return how many records are in any of these states."""
        return sum(self.counts.get(state, 0) for state in states)

    def expiring_by(self, day: str) -> int:
        """Return how many live records expire by the end of a day (ISO date, UTC) if nothing is done."""
        return sum(number for expiry, number in self.expiring_by_day.items() if expiry <= day)

    def living_at_least(self, seconds: int) -> int:
        """Return how many records live for at least one of `LIFETIME_STEPS`, those without an expiry included."""
        longer = sum(number for step, number in self.lifetimes.items() if step >= seconds)
        return longer + self.count(Expiry.NEVER)


def lived(item: Item) -> Lived:
    """Return what a typed record says of its lifetime, `expires_at` − `dispatched_at`."""
    expires, dispatched = moment_of(item, "expires_at"), moment_of(item, "dispatched_at")
    if dispatched is None:
        return Lived(None, None)
    began = dispatched.epoch_nanos
    return Lived(began, None if expires is None else max(0, expires.epoch_nanos - began))


def ttl_seconds(item: Item) -> int | None:
    """Return a typed record's `expires_at_ttl` in epoch seconds; None where TTL can read none (CASES 18)."""
    seconds = whole_number(item.get("expires_at_ttl", {}).get("N"))
    return seconds if seconds is not None and 0 <= seconds <= LATEST_PLAUSIBLE_TTL else None


def ttl_lifetime(item: Item) -> int | None:
    """Return the whole seconds from a typed record's dispatch to its expiry by TTL; None where either cannot be read.

    Both are taken as TTL has them, in whole seconds, so that a lifetime of whole seconds comes out as it was given.
    """
    expires, dispatched = ttl_seconds(item), moment_of(item, "dispatched_at")
    return None if expires is None or dispatched is None else max(0, expires - dispatched.epoch_seconds)


def expiry_state(item: Item, now: Timestamp) -> Expiry:
    """Return what TTL makes of a typed record at `now`; text or milliseconds are never "expired" (CASES 18)."""
    if "expires_at_ttl" not in item:
        return Expiry.NEVER
    seconds = ttl_seconds(item)
    if seconds is None:
        return Expiry.UNREADABLE
    if seconds > now.epoch_seconds:
        return Expiry.LIVE
    return Expiry.NOT_REMOVABLE if seconds < now.epoch_seconds - NEVER_REMOVED_AFTER_SECONDS else Expiry.EXPIRED


def summarise(items: Iterable[Item], now: Timestamp, lifetimes: Lifetimes = _UNDECLARED) -> RetentionSummary:
    """Count typed records by what TTL makes of them at `now`, by the day of their expiry, and by their lifetime."""
    counts: Counter[Expiry] = Counter()
    days: dict[Expiry, Counter[str]] = {Expiry.LIVE: Counter(), Expiry.EXPIRED: Counter()}
    steps: Counter[int] = Counter()
    against: Counter[Against] = Counter()
    for item in items:
        state = expiry_state(item, now)
        counts[state] += 1
        against[lifetimes.compare(item)] += 1
        lifetime, expires = ttl_lifetime(item), ttl_seconds(item)
        if lifetime is not None:
            steps[(0, *LIFETIME_STEPS)[bisect_right(LIFETIME_STEPS, lifetime)]] += 1
        if state in days and expires is not None:
            days[state][_day_of(expires)] += 1
    return RetentionSummary(
        dict(counts), _by_key(days[Expiry.LIVE]), _by_key(days[Expiry.EXPIRED]), _by_key(steps), dict(against)
    )


def moment_of(item: Item, name: str) -> Timestamp | None:
    """Return the time that an attribute of a typed item holds, or None when it holds none that can be read."""
    text = text_of(item, name)
    return None if text is None else moment(text)


@lru_cache(maxsize=4096)  # records of one day come one after the other
def _day_of(seconds: int) -> str:
    return Timestamp.from_nanos(seconds * NANOS_PER_SECOND).normalised[:10]


def _slack(nanos: int) -> int:
    """Return by how much a lifetime may be off, since dispatch is not strictly in order (FORMAT 9)."""
    return min(_HOUR_NANOS, nanos // 10)


def _added(one: Mapping[_Key, int], other: Mapping[_Key, int]) -> dict[_Key, int]:
    return dict(Counter(one) + Counter(other))


def _by_key(counts: Mapping[_Sortable, int]) -> dict[_Sortable, int]:
    return dict(sorted(counts.items()))
