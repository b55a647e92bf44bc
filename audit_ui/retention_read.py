"""The reading behind the Retention page: the records of one tenant or of several, in slices of time, up to a limit.

What was read is added up as it comes and then let go, but for a few records of each kind that one may want to look at.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from audit_core.errors import InputError
from audit_core.expirychecks import ExpiryDoubt, doubt_with_fence, expiry_doubt
from audit_core.fences import fences_at
from audit_core.items import whole_number
from audit_core.query import RecordFilter
from audit_core.records import MAX_EXACT_INTEGER
from audit_core.retention import Expiry, RetentionSummary, summarise
from audit_core.table import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import AuditStore, Row, Timestamp
    from audit_core.directory import TenantEntry
    from audit_core.fences import Fence

__all__ = ["READ_AT_ONCE", "Doubtful", "RetentionReading", "TenantReading"]

READ_AT_ONCE = 500
"""Records that are read without being asked for: one request, the oldest, which are the next to go."""

SLICE_SECONDS = 0.4
MOST_EXAMPLES = 20
"""Records of each kind that are kept to be looked at."""

_PAGE = 500


@dataclass(slots=True)
class TenantReading:
    """What was read of one tenant so far; `complete` when nothing is left, `problem` where it cannot be asked for."""

    entry: TenantEntry
    summary: RetentionSummary = field(default_factory=RetentionSummary)
    cursor: str | None = None
    complete: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A record whose expiry is not to be taken for what was written, with its fence where that was read."""

    row: Row
    fence: Fence | None


class RetentionReading:
    """A reading under way. `at` is the engine's clock of its last answer, None before the first."""

    def __init__(self, store: AuditStore, entries: Sequence[TenantEntry]) -> None:
        self.tenants = tuple(TenantReading(entry) for entry in entries)
        self.reading = Reading()
        self.at: Timestamp | None = None
        self.examples: dict[Expiry, list[Row]] = {state: [] for state in Expiry if state is not Expiry.LIVE}
        self.doubts: dict[ExpiryDoubt, list[Doubtful]] = {doubt: [] for doubt in ExpiryDoubt}
        self.doubtful = Counter[ExpiryDoubt]()
        self.running = bool(entries)
        self._store = store
        self._most: int | None = READ_AT_ONCE
        self._started = time.monotonic()

    @property
    def summary(self) -> RetentionSummary:
        """All that was read, added up."""
        return reduce(add, (tenant.summary for tenant in self.tenants), RetentionSummary())

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return all(tenant.complete for tenant in self.tenants)

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._started

    @property
    def unasked(self) -> bool:
        """Whether it went no further than a page goes without being asked."""
        return self._most is not None

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one page at least. Raises `EngineError`."""
        give_up = time.monotonic() + seconds
        while self.running:
            tenant = next((one for one in self.tenants if not one.complete), None)
            if tenant is None or (self._most is not None and self.reading.items >= self._most):
                self.running = False
                return
            self._read_page(tenant)
            if time.monotonic() >= give_up:
                return

    def stop(self) -> None:
        """Go no further; what was read stays."""
        self.running = False

    def read_the_rest(self) -> None:
        """Go on from where it ended, to the end."""
        self.running, self._most = not self.complete, None

    def _read_page(self, tenant: TenantReading) -> None:
        entry = tenant.entry
        try:
            wanted = RecordFilter(namespace=entry.namespace, tenant=entry.tenant)
        except InputError as error:
            tenant.complete, tenant.problem = True, str(error)
            return
        page = self._store.query(wanted, order="oldest", limit=_PAGE, cursor=tenant.cursor)
        self.reading += page.reading
        self.at = page.at
        items = (row.stored.item for row in page.rows)
        tenant.summary += summarise(items, page.at, self._store.lifetimes)
        self._doubt(tenant, page.rows)
        for row in page.rows:
            examples = self.examples.get(row.expiry)
            if examples is not None and len(examples) < MOST_EXAMPLES:
                examples.append(row)
        tenant.cursor, tenant.complete = page.next, page.next is None

    def _doubt(self, tenant: TenantReading, rows: Sequence[Row]) -> None:
        """Keep the records of a page whose expiry is in doubt, the first of each kind with their fences."""
        found = [(doubt, row) for row in rows if (doubt := expiry_doubt(row.stored.item)) is not None]
        shown = found[: MOST_EXAMPLES * len(ExpiryDoubt)]
        numbers = {number for _doubt, row in shown if (number := _position(row)) is not None}
        fences: dict[int, Fence] = {}
        if numbers:
            fences, answer = fences_at(self._store.table, tenant.entry.namespace, tenant.entry.tenant, numbers)
            self.reading += answer.reading
        for doubt, row in found:
            number = _position(row)
            fence = None if number is None else fences.get(number)
            kind = doubt_with_fence(doubt, row.stored.item, fence)
            if kind is None:
                continue
            self.doubtful[kind] += 1
            if len(self.doubts[kind]) < MOST_EXAMPLES:
                self.doubts[kind].append(Doubtful(row, fence))


def _position(row: Row) -> int | None:
    number = whole_number(row.stored.item.get("sequence_number", {}).get("N"))
    return number if number is not None and 0 <= number < MAX_EXACT_INTEGER else None
