"""What a list of chains says of each: its tip, its newest record, and how many records there are, by two small queries.

Only chains on the screen are asked for, several at a time, and what they said is kept for a minute, so that a click on
the page does not read everything again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Generic, TypeVar

from audit_core import EngineError, InputError, RecordFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audit_core import AuditStore, Timestamp
    from audit_core.directory import TenantEntry
    from audit_core.kept import KeptVerification
    from audit_core.table import Reading
    from audit_ui.context import Context

__all__ = ["ChainSummary", "Shelf", "TipSince", "forget_summaries", "read_summaries", "since_verified"]

KEPT_SECONDS = 60
KEPT_CHAINS = 1000
READERS = 8
"""Chains that are asked for at a time."""

COUNTED_RECORDS = 500
"""Records of a tenant without a chain that are counted at most."""


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """A chain as its newest records show it, and what reading them took.

    `tip` is the highest sequence number as stored (None: no chained record stands) and `tip_id` its record's id,
    `newest` when the newest record was dispatched, as stored (None: no record stands). `counted` is the number of
    records where there is no chain (None: there is one), and `more` that it is larger than that.
    """

    namespace: str
    tenant: str
    tip: str | None
    tip_id: str | None
    newest: str | None
    counted: int | None
    more: bool
    reading: Reading
    at: Timestamp

    @property
    def last_position(self) -> int | None:
        """The tip as a whole number, None where it is none."""
        try:
            number = Decimal(self.tip or "")
        except InvalidOperation:
            return None
        return int(number) if number == number.to_integral_value() else None


@dataclass(frozen=True, slots=True)
class TipSince:
    """What came after a verification: how many positions, and whether the newest record is another one than it was."""

    positions: int
    another: bool


def since_verified(kept: KeptVerification, summary: ChainSummary) -> TipSince:
    """Say how far a chain went on since it was verified, as its tip shows: a verdict does not cover what came after."""
    tip, verified = summary.last_position, kept.verified_to
    if tip is not None and verified is not None and tip > verified:
        return TipSince(tip - verified, another=False)
    if tip is not None and verified is None:
        return TipSince(tip + 1, another=False)
    return TipSince(0, another=verified is not None and summary.tip_id != kept.last_record_id)


_Value = TypeVar("_Value")


class Shelf(Generic[_Value]):
    """What was read of each chain, kept for a minute, and bounded. Safe to share between threads."""

    def __init__(self, most: int = KEPT_CHAINS, seconds: float = KEPT_SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, str], tuple[float, _Value]] = OrderedDict()

    def read(
        self, context: Context, entries: Sequence[TenantEntry], read: Callable[[AuditStore, str, str], _Value]
    ) -> list[_Value | InputError]:
        """Return what is known of each entry, in order; what is not on the shelf is read.

        A tenant that cannot be asked for has its error in its place. Raises `EngineError`.
        """
        names = [(entry.namespace, entry.tenant, context.table_key) for entry in entries]
        known = self._fresh(names)
        wanting = [name for name in names if name not in known]
        if wanting:
            with ThreadPoolExecutor(READERS) as pool:
                answers = pool.map(lambda name: _or_input_error(read, context.store, name), wanting)
                for name, answer in zip(wanting, answers, strict=True):
                    known[name] = answer
                    if not isinstance(answer, InputError):
                        self._put(name, answer)
        return [known[name] for name in names]

    def clear(self) -> None:
        """Read anew from now on."""
        with self._lock:
            self._kept.clear()

    def _fresh(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], _Value | InputError]:
        oldest = time.monotonic() - self._seconds
        with self._lock:
            return {name: self._kept[name][1] for name in names if name in self._kept and self._kept[name][0] >= oldest}

    def _put(self, name: tuple[str, str, str], value: _Value) -> None:
        with self._lock:
            self._kept[name] = (time.monotonic(), value)
            self._kept.move_to_end(name)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


_summaries: Shelf[ChainSummary] = Shelf()


def read_summaries(context: Context, entries: Sequence[TenantEntry]) -> list[ChainSummary | InputError]:
    """Return each chain's summary, at most a minute old, or why it cannot be asked for. Raises `EngineError`."""
    found = _summaries.read(context, entries, _read)
    for entry, summary in zip(entries, found, strict=True):
        if isinstance(summary, ChainSummary) and (summary.namespace, summary.tenant) != (entry.namespace, entry.tenant):
            message = "A cache gave back another tenant's summary, so it is not shown. Restart the program."
            raise EngineError(message)
    return found


def forget_summaries() -> None:
    """Read anew from now on."""
    _summaries.clear()


def _or_input_error(
    read: Callable[[AuditStore, str, str], _Value], store: AuditStore, name: tuple[str, str, str]
) -> _Value | InputError:
    try:
        return read(store, name[0], name[1])
    except InputError as error:
        return error


def _read(store: AuditStore, namespace: str, tenant: str) -> ChainSummary:
    wanted = RecordFilter(namespace=namespace, tenant=tenant)
    tip = store.query(wanted, order="sequence_descending", limit=1)
    newest = store.query(wanted, order="newest", limit=1 if tip.rows else COUNTED_RECORDS)
    return ChainSummary(
        namespace=namespace,
        tenant=tenant,
        tip=tip.rows[0].stored.text("sequence_number") if tip.rows else None,
        tip_id=tip.rows[0].stored.text("id") if tip.rows else None,
        newest=newest.rows[0].stored.text("dispatched_at") if newest.rows else None,
        counted=None if tip.rows else len(newest.rows),
        more=newest.next is not None,
        reading=tip.reading + newest.reading,
        at=newest.at,
    )
