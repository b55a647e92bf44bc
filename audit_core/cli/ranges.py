"""`--from` and `--to` of `verify`: sequence numbers or times, and the part of a chain that they mean (FORMAT 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audit_core.errors import FilterError, TimestampError
from audit_core.items import whole_number
from audit_core.query import RecordFilter
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from audit_core.store import AuditStore

__all__ = ["Bound", "FromOption", "Range", "Span", "ToOption", "parse_range"]

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="NUMBER|TIME", help="First sequence number, or an RFC 3339 time.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="NUMBER|TIME", help="Last sequence number, or an RFC 3339 time.")
]

Bound = int | Timestamp | None

_INTEGER = re.compile(r"-?[0-9]{1,38}")


@dataclass(frozen=True, slots=True)
class Span:
    """Inclusive sequence numbers of one chain, None where open; `note` says what else a reader has to know of it."""

    first: int | None
    last: int | None
    note: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no position lies in it."""
        return self.first is not None and self.last is not None and self.first > self.last


@dataclass(frozen=True, slots=True)
class Range:
    """What was asked for: each bound a sequence number, a time, or None where it is open."""

    start: Bound
    end: Bound

    @property
    def is_open(self) -> bool:
        """Whether it is the whole chain."""
        return self.start is None and self.end is None

    def span(self, store: AuditStore, namespace: str, tenant: str) -> Span:
        """Return the sequence numbers that it means in one chain. Raises `EngineError`.

        Times become the sequence numbers that they span. Where no chained record was dispatched in them, it is the
        part from the last record before to the first one after: what was taken out in between shows there.
        """
        since = self.start if isinstance(self.start, Timestamp) else None
        until = self.end if isinstance(self.end, Timestamp) else None
        first = self.start if isinstance(self.start, int) else None
        last = self.end if isinstance(self.end, int) else None
        if since is None and until is None:
            return Span(first, last)
        note = None
        try:
            lowest, highest = store.sequence_span(namespace, tenant, since, until)
        except FilterError:
            before = None if since is None else _nearest(store, namespace, tenant, until=since)
            after = None if until is None else _nearest(store, namespace, tenant, since=until)
            known = [number for number in (before, after) if number is not None]
            low, high = min(known, default=None), max(known, default=None)
            # where one side has no record, the chain's own end takes its place
            first = first if since is None else low if before is not None else None
            last = last if until is None else high if after is not None else None
            note = "no chained record was dispatched in that time; what was verified is what stands around it"
        else:
            first = first if since is None else lowest
            last = last if until is None else highest
        return Span(first, last, note)


def parse_range(start: str | None, end: str | None) -> Range:
    """Read `--from` and `--to`. Raises `FilterError` for what is neither, and for two of a kind in the wrong order."""
    bounds = Range(_bound("--from", start), _bound("--to", end))
    first, last = bounds.start, bounds.end
    reversed_numbers = isinstance(first, int) and isinstance(last, int) and first > last
    reversed_times = isinstance(first, Timestamp) and isinstance(last, Timestamp) and first > last
    if reversed_numbers or reversed_times:
        message = f"The range starts at {first}, after it ends at {last}; swap the two."
        raise FilterError(message)
    return bounds


def _bound(name: str, text: str | None) -> Bound:
    if text is None:
        return None
    if _INTEGER.fullmatch(text):
        number = int(text)
        if number < 0:
            message = f"{name} is {text}; sequence numbers start at 0."
            raise FilterError(message)
        return number
    try:
        return Timestamp.parse(text)
    except TimestampError as error:
        message = f"{name} is neither a whole sequence number nor a time that can be read. {error}"
        raise FilterError(message) from error


def _nearest(
    store: AuditStore, namespace: str, tenant: str, *, since: Timestamp | None = None, until: Timestamp | None = None
) -> int | None:
    """Return the sequence number of the last chained record up to `until`, or of the first one from `since` on."""
    order: Literal["newest", "oldest"] = "newest" if since is None else "oldest"
    wanted = RecordFilter(namespace=namespace, tenant=tenant, since=since, until=until)
    for row in store.query(wanted, order=order).rows:
        number = whole_number(row.stored.item.get("sequence_number", {}).get("N"))
        if number is not None and number >= 0:
            return number
    return None
