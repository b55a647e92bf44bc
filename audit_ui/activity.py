"""Records a day, and what expires within a week, told from a bounded number of records of each chain on the screen.

Nothing counts records without reading them, so the newest of each chain are read, up to a budget, and a day that this
does not reach is a lower bound and says so. No index is ordered by expiry; but a lifetime that the settings declare
says when a record was dispatched that expires soon, and the index by time finds those. Their own expiry is what counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core import InputError, RecordFilter
from audit_core.items import whole_number
from audit_core.retention import Expiry, moment_of
from audit_core.table import Reading
from audit_core.timestamps import Timestamp
from audit_ui.summaries import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import AuditStore, Row
    from audit_core.directory import TenantEntry
    from audit_core.retention import Lifetimes
    from audit_ui.context import Context

__all__ = [
    "DAYS",
    "EXPIRY_DAYS",
    "READ_RECORDS",
    "Activity",
    "ChainActivity",
    "Day",
    "expiry_horizon",
    "expiry_windows",
    "forget_activity",
    "read_activity",
]

DAYS = 14
EXPIRY_DAYS = 7
READ_RECORDS = 100
"""Records read at most of a chain for its days, and for each time in which what expires soon was dispatched."""

READ_IN_ALL = 1000
"""Records read so of all chains together, so that many chains cost no more than few; some of each all the same."""

_FEWEST = 20

MOST_WINDOWS = 3
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Day:
    """A day (ISO date, UTC) and how many records were read of it; `whole` where no chain has more of it to read."""

    date: str
    number: int
    whole: bool


@dataclass(frozen=True, slots=True)
class ChainActivity:
    """One chain's part.

    `by_day` counts records read by ISO date; dates before `whole_from` (None: all of them are whole) may have more.
    `expiring` counts records read that expire within a week, and `expiring_more` says that there may be more.
    """

    by_day: Mapping[str, int]
    whole_from: str | None
    expiring: int
    expiring_more: bool
    reading: Reading
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Activity:
    """All of them: the days of the window, oldest first; what was `read` in it, and in how many `chains`.

    `cut` is the number of chains of which there is more to read, `dated_later` the number of records read that are
    dated after today. `by_chain` has each chain's part, by namespace and tenant.
    """

    days: tuple[Day, ...]
    read: int
    chains: int
    cut: int
    dated_later: int
    expiring: int
    expiring_more: bool
    most: int
    by_chain: Mapping[tuple[str, str], ChainActivity]
    reading: Reading


_shelf: Shelf[ChainActivity] = Shelf()


def read_activity(context: Context, entries: Sequence[TenantEntry]) -> Activity:
    """Read what the chains did, at most a minute ago; those that cannot be asked for are left out.

    Raises `EngineError`.
    """
    most = max(_FEWEST, min(READ_RECORDS, READ_IN_ALL // max(1, len(entries))))

    def read(store: AuditStore, namespace: str, tenant: str) -> ChainActivity:
        return _read(store, namespace, tenant, most)

    found = {
        (entry.namespace, entry.tenant): part
        for entry, part in zip(entries, _shelf.read(context, entries, read), strict=True)
        if not isinstance(part, InputError)
    }
    parts = found.values()
    now = max((part.at for part in parts), default=context.store.table.clock.now())
    dates = [now.plus_seconds(-_DAY_SECONDS * back).normalised[:10] for back in reversed(range(DAYS))]
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.by_day)
    borders = [part.whole_from for part in parts if part.whole_from is not None]
    return Activity(
        days=tuple(Day(date, total[date], all(date >= border for border in borders)) for date in dates),
        read=total.total(),
        chains=len(found),
        cut=len(borders),
        dated_later=sum(number for date, number in total.items() if date > dates[-1]),
        expiring=sum(part.expiring for part in parts),
        expiring_more=any(part.expiring_more for part in parts),
        most=most,
        by_chain=found,
        reading=sum((part.reading for part in parts), Reading()),
    )


def forget_activity() -> None:
    """Read anew from now on."""
    _shelf.clear()


def expiry_horizon(now: Timestamp) -> Timestamp:
    """Return the midnight that ends the seventh day from now, UTC: to a whole day, as Retention looks ahead."""
    after = now.plus_seconds((EXPIRY_DAYS + 1) * _DAY_SECONDS)
    return Timestamp.parse(f"{after.normalised[:10]}T00:00:00Z")


def expiry_windows(lifetimes: Lifetimes, now: Timestamp) -> tuple[tuple[Timestamp, Timestamp], ...]:
    """Return when a record was dispatched that expires by `expiry_horizon`, by the lifetimes that the settings declare.

    Windows that meet are one; at most `MOST_WINDOWS`, the current lifetime's first.
    """
    declared = [seconds for seconds in (lifetimes.current, *lifetimes.past) if seconds is not None]
    horizon = expiry_horizon(now)
    windows: list[tuple[Timestamp, Timestamp]] = []
    for seconds in dict.fromkeys(declared):
        first = now.plus_seconds(-seconds)
        last = min(now, horizon.plus_seconds(-seconds))
        meeting = [window for window in windows if window[0] <= last and first <= window[1]]
        windows = [window for window in windows if window not in meeting]
        starts, ends = zip(*meeting, (first, last), strict=True)
        windows.append((min(starts), max(ends)))
    return tuple(windows[:MOST_WINDOWS])


def _read(store: AuditStore, namespace: str, tenant: str, most: int) -> ChainActivity:
    now = store.table.clock.now()
    # the window starts at a midnight, so that its first day is a whole one as well
    since = Timestamp.parse(f"{now.plus_seconds(-_DAY_SECONDS * (DAYS - 1)).normalised[:10]}T00:00:00Z")
    newest = store.query(RecordFilter(namespace=namespace, tenant=tenant, since=since), limit=most, budget=most + 1)
    rows = {row.stored.text("id"): row for row in newest.rows}
    reading, more = newest.reading, False
    for first, last in expiry_windows(store.lifetimes, newest.at):
        wanted = RecordFilter(namespace=namespace, tenant=tenant, since=first, until=last)
        page = store.query(wanted, order="oldest", limit=most, budget=most + 1)
        rows |= {row.stored.text("id"): row for row in page.rows}
        reading += page.reading
        more = more or page.next is not None
    cut, horizon = newest.next is not None, expiry_horizon(newest.at).epoch_seconds
    return ChainActivity(
        by_day=Counter(date for row in newest.rows if (date := _date(row)) is not None),
        whole_from=_date_after(newest.rows[-1]) if cut and newest.rows else None,
        expiring=sum(_expires_before(row, horizon) for row in rows.values()),
        expiring_more=more,
        reading=reading,
        at=newest.at,
    )


def _date(row: Row) -> str | None:
    moment = moment_of(row.stored.item, "dispatched_at")
    return None if moment is None else moment.normalised[:10]


def _date_after(row: Row) -> str | None:
    """Return the first date of which all was read, when this was the last row that was read of newest ones."""
    moment = moment_of(row.stored.item, "dispatched_at")
    return "9999-12-31" if moment is None else moment.plus_seconds(_DAY_SECONDS).normalised[:10]


def _expires_before(row: Row, horizon: int) -> bool:
    if row.expiry is not Expiry.LIVE:
        return False
    seconds = whole_number(row.stored.item["expires_at_ttl"].get("N"))
    return seconds is not None and seconds < horizon
