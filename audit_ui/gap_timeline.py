"""What is known of the time around a gap: its neighbours, what its fences allow, seals, and when it was found.

Pure. A record that is gone leaves no time of its own, so a gap is framed by what stands beside it and by what its
fences say. Of a deletion this gives the span in which it was done, which is what somebody looks for in the logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.gaps import GapKind
from audit_core.errors import TimestampError
from audit_core.fences import Fence, FenceState
from audit_core.retention import moment_of
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp
from audit_ui import exhibit_view
from audit_ui.formats import utc
from audit_ui.local_times import local_clock
from audit_ui.record_story import roughly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from audit_core.chain.findings import Exhibit
    from audit_core.chain.gaps import Gap

__all__ = ["Event", "deletion_span", "events", "table_rows"]

DELETED = frozenset((GapKind.DELETED_EARLY, GapKind.TRUNCATED))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, or may have, at a time, and how that is known; all in our own words."""

    at: Timestamp
    what: str
    known_by: str


def events(gap: Gap, by_position: Mapping[int, Exhibit], shown: Sequence[int], verified: Timestamp) -> list[Event]:
    """Return what is known around a gap, in order; `shown` are the positions of it whose fences were read."""
    found = [Event(verified, "Verified: no record stands at these positions", "the verification")]
    for number, words in ((gap.before, "before"), (gap.after, "after")):
        at = _dispatched(by_position.get(-1 if number is None else number))
        if at is not None:
            what = f"Position {number:,}, {words} the gap, was dispatched"
            found.append(Event(at, what, "that record"))
    fences = [fence for number in shown if (fence := _full_fence(by_position.get(number))) is not None]
    of = "its fence" if len(shown) == 1 else f"{len(fences):,} of {len(shown):,} fences shown"
    expiries = sorted(_times(fence.number("record_expires_at") for fence in fences))
    for at, which in _ends(expiries, "The record", "The first record", "The last record"):
        words = "was allowed to expire" if at <= verified else "should have stood until here"
        found.append(Event(at, f"{which} {words}", of))
    sealed = sorted(at for fence in fences if (at := moment_of(fence.item, "sealed_at")) is not None)
    for at, which in _ends(sealed, "The fence", "The first fence", "The last fence"):
        found.append(Event(at, f"{which} was sealed, while its record stood", of))
    return sorted(found, key=lambda event: event.at)


def deletion_span(
    gap: Gap, by_position: Mapping[int, Exhibit], verified: Timestamp
) -> tuple[Timestamp, Timestamp] | None:
    """Return between when and when records of a gap were deleted; None where none was, or the start is not known.

    They stood when they were written, which was not before the record before them, and were gone when it was verified.
    """
    if not any(part.kind in DELETED for part in gap.parts):
        return None
    began = _dispatched(by_position.get(-1 if gap.before is None else gap.before))
    return None if began is None or began > verified else (began, verified)


def table_rows(found: Sequence[Event], zone: str | None = None) -> list[dict[str, str]]:
    """Return what a table shows of events, with the time from each to the next, and by the clock of a time zone."""
    rows = []
    for number, event in enumerate(found):
        after = event.at.epoch_seconds - found[number - 1].at.epoch_seconds if number else 0
        rows.append(
            {
                "When (UTC)": utc(event.at).removesuffix(" UTC"),
                **({} if zone is None else {f"In {zone}": local_clock(event.at.text, zone)}),
                "Later by": "" if not number else roughly(after),
                "What": event.what,
                "Known by": event.known_by,
            }
        )
    return rows


def _dispatched(exhibit: Exhibit | None) -> Timestamp | None:
    return moment_of(exhibit.records[0], "dispatched_at") if exhibit is not None and exhibit.records else None


def _full_fence(exhibit: Exhibit | None) -> Fence | None:
    fence = None if exhibit is None else exhibit_view.read_fence(exhibit)
    return fence if fence is not None and fence.state is FenceState.FULL and fence.holds else None


def _times(seconds: Iterable[int | None]) -> Iterator[Timestamp]:
    for number in seconds:
        if number is None:
            continue
        try:
            yield Timestamp.from_nanos(number * NANOS_PER_SECOND)
        except TimestampError:  # no time that a record was given, whatever its fence says
            continue


def _ends(times: Sequence[Timestamp], one: str, first: str, last: str) -> Iterator[tuple[Timestamp, str]]:
    if len(times) == 1:
        yield times[0], one
    elif times:
        yield times[0], first
        yield times[-1], last
