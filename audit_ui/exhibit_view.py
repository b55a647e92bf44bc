"""A position for the eye: what its fence is, what a record says in a few lines, and values side by side.

Pure functions over what was read again. Two values that should be the same are a `Comparison`, whether one of them is
recomputed, copied into the fence, or stands in the neighbour; the page marks those that differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core.chain.statements import hash_checks
from audit_core.errors import RecordError, TimestampError
from audit_core.fences import Fence, FenceState
from audit_core.hashing import chain_hash, content_hash
from audit_core.items import text_of, whole_number
from audit_core.names import visible
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp
from audit_ui.formats import count, moment, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit_core.chain.findings import Exhibit
    from audit_core.items import Item

__all__ = [
    "Comparison",
    "comparisons",
    "difference_words",
    "expiry_words",
    "fence_rows",
    "fence_words",
    "marked",
    "read_fence",
    "record_lines",
]

_COPIES = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash", "previous_chain_sequence")
_SEALED_COPIES = ("record_hash", "previous_hash")
_SHOWN = ("record_hash", "content_hash", "chain_hash")
_PLACES = {"chain_hash": ("in the fence", "as its record gives it")}
_DIGITS = 16
_LINE = 32
"""Characters of a marked value in a line: as many as a narrow screen has room for."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values that should be the same, each with where it comes from; empty where there is none."""

    name: str
    left_from: str
    left: str
    right_from: str
    right: str

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.left != self.right


def marked(value: str, other: str) -> str:
    """Return a value in lines, and under each character that the other has not in this place a mark."""
    marks = "".join(" " if other[place : place + 1] == one else "^" for place, one in enumerate(value))
    lines = []
    for start in range(0, len(value), _LINE):
        lines.append(value[start : start + _LINE])
        below = marks[start : start + _LINE].rstrip()
        if below:
            lines.append(below)
    return "\n".join(lines)


def difference_words(pair: Comparison) -> str:
    """Say how much of two values differs, and of hashes that this tells nothing of how much was altered."""
    longest = max(len(pair.left), len(pair.right))
    differing = longest - sum(one == other for one, other in zip(pair.left, pair.right, strict=False))
    said = f"{differing:,} of {count(longest, 'character')} {'differs' if differing == 1 else 'differ'}, marked ^."
    if pair.name.endswith("hash"):
        said += " One altered character in a record alters all of its hash, so this does not tell how much was altered."
    return said


def read_fence(exhibit: Exhibit) -> Fence | None:
    """Return the fence of a whole position, classified; None where there is none."""
    number = exhibit.sequence_number
    return Fence.read(number, exhibit.fence) if exhibit.fence is not None and isinstance(number, int) else None


def fence_words(fence: Fence | None) -> str:
    """Say what a fence is: full, sealed later, bare, damaged, or not there."""
    if fence is None:
        return "none"
    if fence.state is FenceState.BARE:
        return "bare, says nothing of its record"
    if fence.state is FenceState.DAMAGED:
        return "✕ damaged"
    if not fence.holds:
        return "✕ full, and its chain_hash does not hold"
    return f"full, sealed {moment(fence.text('sealed_at') or '')} UTC" if fence.sealed else "full"


def expiry_words(fence: Fence) -> str:
    """Say when a fence lets its record expire; "never" where a full fence names no time."""
    seconds = fence.number("record_expires_at")
    if seconds is None:
        return "never" if fence.state is FenceState.FULL else "–"
    try:
        return utc(Timestamp.from_nanos(seconds * NANOS_PER_SECOND))
    except TimestampError:
        return f"epoch second {seconds}"


def fence_rows(exhibits: Iterable[Exhibit]) -> list[dict[str, str]]:
    """Return what a table shows of the fence at each position, all of it text."""
    rows = []
    for exhibit in exhibits:
        fence = read_fence(exhibit)
        text = {name: (None if fence is None else fence.text(name)) or "–" for name in ("record_id", *_SHOWN)}
        rows.append(
            {
                "Position": f"{exhibit.sequence_number:,}",
                "Record now": "stands" if exhibit.records else "gone",
                "Fence": fence_words(fence),
                "Record may expire": "–" if fence is None else expiry_words(fence),
                "Record id": visible(text["record_id"]),
                **{name: visible(_short(text[name])) for name in _SHOWN},
            }
        )
    return rows


def record_lines(record: Item) -> list[str]:
    """Return a record in a few lines: when, what, by whom, and its id."""
    text = {
        name: text_of(record, name) or "–" for name in ("dispatched_at", "provider", "action_type", "outcome", "id")
    }
    caller = text_of(record, "caller_id")
    return [
        f"{moment(text['dispatched_at'])} UTC",
        visible(f"{text['provider']} {text['action_type']}, {text['outcome']}" + (f", by {caller}" if caller else "")),
        visible(text["id"]),
    ]


def comparisons(exhibit: Exhibit, record: Item, before: Exhibit | None, chain: tuple[str, str]) -> list[Comparison]:
    """Return all that can be compared at one record: hashes, copies in its fence, its link to the one before."""
    found = []
    for check in hash_checks(exhibit, record, chain):
        if check.stored is not None and check.recomputed is not None:
            places = _PLACES.get(check.name, ("stored", "recomputed"))
            found.append(Comparison(check.name, places[0], check.stored, places[1], check.recomputed))
    fence = read_fence(exhibit)
    if fence is not None and fence.state is FenceState.FULL:
        found += _of_fence(fence, record)
    found += _of_link(exhibit, record, before)
    return found


def _of_fence(fence: Fence, record: Item) -> Iterator[Comparison]:
    """Compare a full fence with its record and with itself."""

    def pair(name: str, there: str) -> Comparison:
        return Comparison(name, "in the fence", _value(fence.item, name), there, _value(record, name))

    recomputed = chain_hash(fence.item)
    yield Comparison("chain_hash", "in the fence", fence.chain_hash or "", "as the fence itself gives it", recomputed)
    yield Comparison("id", "in the fence", fence.text("record_id") or "", "in the record", _value(record, "id"))
    compared = (pair(name, "in the record") for name in (_SEALED_COPIES if fence.sealed else _COPIES))
    yield from (entry for entry in compared if entry.left or entry.right)
    if fence.sealed:
        sealed = pair("content_hash", "as the record gives it now")
        yield replace(sealed, right=_content_hash(record))
    expiry = _value(fence.item, "record_expires_at"), _value(record, "expires_at_ttl")
    if any(expiry):
        yield Comparison("expiry in epoch seconds", "in the fence", expiry[0], "in the record", expiry[1])


def _of_link(exhibit: Exhibit, record: Item, before: Exhibit | None) -> Iterator[Comparison]:
    """Compare what a record links back to with the record and the fence right before it."""
    number = exhibit.sequence_number
    if before is None or not isinstance(number, int) or before.sequence_number != number - 1:
        return
    source = before.records[0] if before.records else before.fence
    hashes = _value(record, "previous_hash"), "" if source is None else _value(source, "record_hash")
    if all(hashes):
        there = f"record_hash of position {number - 1:,}"
        yield Comparison("previous_hash", "in the record", hashes[0], there, hashes[1])
    fence = read_fence(before)
    chained = _value(record, "previous_chain_hash"), "" if fence is None else fence.chain_hash or ""
    if all(chained) and "previous_chain_sequence" not in record:
        there = f"chain_hash of position {number - 1:,}"
        yield Comparison("previous_chain_hash", "in the record", chained[0], there, chained[1])


def _content_hash(record: Item) -> str:
    try:
        return content_hash(record)
    except RecordError:
        return ""


def _value(item: Item, name: str) -> str:
    value = item.get(name, {})
    number = whole_number(value.get("N"))
    return str(number) if number is not None else text_of(item, name) or ""


def _short(text: str) -> str:
    return text if len(text) <= _DIGITS else f"{text[:_DIGITS]}…"
