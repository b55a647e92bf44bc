"""What pages say of a tenant: its state by the last verification, its facts, its marks, and where it is listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import Severity, Verdict
from audit_core.chain.words import VERDICTS
from audit_core.directory import TenantEntry
from audit_core.errors import TimestampError
from audit_core.names import hidden_characters, visible
from audit_core.timestamps import Timestamp
from audit_ui import elements, local_times
from audit_ui.formats import count, moment, position, utc
from audit_ui.summaries import since_verified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import InputError
    from audit_core.directory import Directory
    from audit_core.kept import KeptVerification
    from audit_ui.context import Context
    from audit_ui.summaries import ChainSummary

__all__ = [
    "TenantLine",
    "facts",
    "gone_words",
    "last_active",
    "length",
    "lines",
    "mark_words",
    "marks",
    "origin",
    "past_the_last_record",
    "since",
    "size",
    "state",
    "state_words",
    "worst_first",
]


_WORST_FIRST = (
    Verdict.BROKEN,
    Verdict.INCOMPLETE,
    Verdict.UNPROVEN,
    None,
    Verdict.INTACT_WITH_EXPIRY,
    Verdict.INTACT,
    Verdict.UNCHAINED,
)
"""What deserves a look comes first; None is a chain that was never verified."""


@dataclass(frozen=True, slots=True)
class TenantLine:
    """What one line of a list is made of; `alike` says that another tenant's name looks like this one's."""

    entry: TenantEntry
    summary: ChainSummary | InputError
    kept: KeptVerification | None
    alike: bool

    @property
    def name(self) -> tuple[str, str]:
        """Namespace and tenant."""
        return self.entry.namespace, self.entry.tenant


def lines(
    entries: Sequence[TenantEntry],
    summaries: Sequence[ChainSummary | InputError],
    kept: Mapping[tuple[str, str], KeptVerification],
    alike: frozenset[str],
) -> list[TenantLine]:
    """Put together what was read of each tenant."""
    return [
        TenantLine(entry, summary, kept.get((entry.namespace, entry.tenant)), entry.chain in alike)
        for entry, summary in zip(entries, summaries, strict=True)
    ]


def worst_first(
    entries: Sequence[TenantEntry], kept: Mapping[tuple[str, str], KeptVerification], *, complete: bool
) -> list[TenantEntry]:
    """Return the tenants by their last verification, the worst first, each verdict's in the order given.

    Where the directory was not read to its end (`complete`), those that were verified once stand among them all the
    same, so that the worst of all of them comes first.
    """
    listed = {(entry.namespace, entry.tenant): entry for entry in entries}
    if not complete:
        listed |= {
            name: TenantEntry(*name)
            for name, known in sorted(kept.items())
            if name not in listed and known.verified_to is not None
        }

    def place(name: tuple[str, str]) -> int:
        known = kept.get(name)
        return _WORST_FIRST.index(known.verdict if known else None)

    return [listed[name] for name in sorted(listed, key=place)]


def marks(entry: TenantEntry, *, alike: bool, demo: bool) -> None:
    """Show what is remarkable about a tenant's name, and that it is made up."""
    for word, colour in mark_words(entry, alike=alike, demo=demo):
        st.badge(word, color=colour)  # type: ignore[arg-type] # one of the theme's names


def mark_words(entry: TenantEntry, *, alike: bool, demo: bool) -> list[tuple[str, str]]:
    """Return the marks as words and colours."""
    found = [("Demo", "gray")] if demo else []
    found += [("Looks like another", "orange")] if alike else []
    return found + ([("Hidden characters", "orange")] if hidden_characters(entry.namespace + entry.tenant) else [])


def state(kept: KeptVerification | None, summary: ChainSummary) -> None:
    """Show a chain's state: the last verdict, what of the chain came after it, and an attempt that failed."""
    if kept is None:
        st.badge("· Not verified yet", color="gray")
        return
    elements.verdict_badge(kept.verdict)
    word = {Verdict.UNCHAINED: "Looked at", Verdict.INCOMPLETE: "Tried"}.get(kept.verdict, "Verified")
    breaks = sum(one.number for one in kept.findings if one.severity is Severity.BREAK)
    st.caption(
        f"{word} {utc(kept.at, seconds=False)}{', thoroughly' if kept.thorough else ''}"
        + (f": {count(breaks, 'break')} found" if breaks else ""),
        help=local_times.said(kept.at),
    )
    new = since(kept, summary)
    if new:
        st.markdown(f":small[:orange[**{new}**]]")
    if kept.failed_at is not None:
        st.caption(f"Tried again {utc(kept.failed_at, seconds=False)}, without a verdict:")
    if kept.reason is not None:
        st.text(visible(kept.reason))


def state_words(kept: KeptVerification | None, summary: ChainSummary) -> tuple[str, str]:
    """Return for a table a chain's state, and when it was told, with what it does not cover."""
    if kept is None:
        return "· Not verified yet", "–"
    words = VERDICTS[kept.verdict]
    new = since(kept, summary)
    when = utc(kept.at, seconds=False).removesuffix(" UTC")
    return f"{words.symbol} {words.name}", f"{when}; {new}" if new else when


def since(kept: KeptVerification, summary: ChainSummary) -> str:
    """Say what the verdict does not cover, since it came later; empty where the tip is as it was."""
    new = since_verified(kept, summary)
    if new.positions:
        return f"{count(new.positions, 'new position')} since, not verified"
    if new.another:
        return "no record stands now" if summary.newest is None else "the newest record is another one now"
    return ""


def length(summary: ChainSummary, kept: KeptVerification | None) -> str:
    """Return how long a chain is, or how many records a tenant has that is no chain.

    It is told by the tip, and by the last verification where that knew of more positions.
    """
    if summary.tip is None:
        return f"{count(summary.counted or 0, 'record')}{' or more' if summary.more else ''}"
    first, last = _extent(summary, kept)
    if last is None or last < first:
        return f"last position {position(summary.tip)}"
    return f"{count(last - first + 1, 'position')}{f' from {first:,} on' if first else ''}"


def past_the_last_record(summary: ChainSummary, kept: KeptVerification | None) -> int:
    """Return how many positions the last verification knew of past the last record that stands.

    A verification from before the newest record was another one says nothing of how long the chain is now.
    """
    last = summary.last_position
    verified = None if kept is None or since_verified(kept, summary).another else kept.verified_to
    return max(0, verified - last) if last is not None and verified is not None else 0


def _extent(summary: ChainSummary, kept: KeptVerification | None) -> tuple[int, int | None]:
    first = kept.first_sequence if kept is not None and kept.first_sequence is not None else 0
    last = summary.last_position
    return first, None if last is None else last + past_the_last_record(summary, kept)


def size(summary: ChainSummary, kept: KeptVerification | None) -> int:
    """Return a number to order by: how long a chain is, or how many records a tenant has without one."""
    if summary.tip is None:
        return summary.counted or 0
    first, last = _extent(summary, kept)
    return (last or 0) - first + 1


def last_active(summary: ChainSummary) -> int:
    """Return a number to order by: when a tenant's newest record was dispatched; 0 where that is not known."""
    try:
        return 0 if summary.newest is None else Timestamp.parse(summary.newest).epoch_nanos
    except TimestampError:
        return 0


def facts(summary: ChainSummary, kept: KeptVerification | None) -> list[str]:
    """Return what there is to say of a chain's length, its tip, its last record, and of what is gone."""
    if summary.newest is None:
        lines = ["No record stands"]
    elif summary.tip is None:
        lines = [f"Not chained, {length(summary, kept)}", f"Newest {moment(summary.newest, minutes=True)} UTC"]
    else:
        past = past_the_last_record(summary, kept)
        lines = [f"{'Last record at' if past else 'Last'} position {position(summary.tip)}"]
        if summary.last_position is not None:
            lines[0] += f": {length(summary, kept)}{f', {past:,} after it' if past else ''}"
        lines.append(f"Newest {moment(summary.newest, minutes=True)} UTC")
    gone = gone_words(kept)
    return [*lines, gone] if gone else lines


def gone_words(kept: KeptVerification | None) -> str:
    """Return how many records were gone at the last verification, and why; empty where none was."""
    if kept is None:
        return ""
    coverage = kept.coverage
    counts = ((coverage.expired, "expired"), (coverage.unproven, "gone, unproven"), (coverage.missing, "missing"))
    return ", ".join(f"{number:,} {word}" for number, word in counts if number)


def origin(context: Context, directory: Directory) -> str:
    """Say where the list of tenants comes from, how far it was read, and what it may lack (FORMAT 7)."""
    scanned = len({entry.chain for entry in context.scanned()} - {entry.chain for entry in directory.entries})
    ignored = directory.ignored
    return (
        "The list comes from the tenant directory"
        + (
            f", and from a scan of this visit, which found {f'{scanned:,}' if scanned else 'none'} more"
            if context.scanned()
            else ""
        )
        + (
            ""
            if directory.complete
            else f", of which {count(len(directory.entries), 'tenant')} were read, those seen last; it has more"
        )
        + ". The directory names every tenant that was written through this program. It may lack some: those that "
        "another writer filled, or whose entry was deleted."
        + (
            f" {count(ignored, 'entry', 'entries')} of it {'was' if ignored == 1 else 'were'} not believed, since what "
            f"{'it says does' if ignored == 1 else 'they say does'} not agree with the id."
            if ignored
            else ""
        )
    )
