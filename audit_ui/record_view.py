"""Records for the eye: rows of a table, the fields of one record in groups, and stored hashes beside recomputed ones.

Pure functions over what a read gave. A record that cannot be read as one is shown all the same, with its problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.errors import RecordError, TimestampError
from audit_core.hashing import content_hash, record_hash
from audit_core.items import KNOWN_ATTRIBUTES
from audit_core.names import visible
from audit_core.retention import Expiry
from audit_ui.formats import has_hidden_text, moment, position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audit_core import Row
    from audit_core.items import Item

__all__ = ["JSON_FIELDS", "HashLine", "fields_of", "hash_lines", "marks", "table_rows"]

JSON_FIELDS = {
    "action_payload": "Payload",
    "verdict_details": "Verdict details",
    "outcome_details": "Outcome details",
    "metadata": "Metadata",
    "attachment_metadata": "Attachments",
}
"""Attributes that hold JSON, with their headings."""

_GROUPS = {
    "What happened": {
        "dispatched_at": "Dispatched",
        "completed_at": "Completed",
        "duration_ms": "Duration in ms",
        "provider": "Provider",
        "action_type": "Action type",
        "outcome": "Outcome",
        "verdict": "Verdict",
        "matched_rule": "Rule",
        "caller_id": "Caller",
        "auth_method": "Signed in by",
    },
    "What it belongs to": {
        "namespace": "Namespace",
        "tenant": "Tenant",
        "action_id": "Action id",
        "chain_id": "Chain id",
        "sequence_number": "Sequence number",
        "expires_at": "Expires",
    },
    "Signature": {
        "signature": "Signature",
        "signer_id": "Signer",
        "kid": "Key id",
        "canonical_hash": "Canonical hash",
    },
}
_ALWAYS = frozenset(("What happened", "What it belongs to"))
_TIMES = frozenset(("dispatched_at", "completed_at", "expires_at"))


@dataclass(frozen=True, slots=True)
class HashLine:
    """A stored hash beside what the record gives now; `fits` is None where there is nothing to compare."""

    name: str
    stored: str
    recomputed: str
    fits: bool | None


def marks(row: Row, *, chained: bool) -> tuple[str, ...]:
    """Return what is out of the ordinary about a record; `chained` says that its tenant has a chain."""
    stored = row.stored
    said = []
    if row.expiry in {Expiry.EXPIRED, Expiry.NOT_REMOVABLE, Expiry.UNREADABLE}:
        said.append(row.expiry.value)
    if stored.problems:
        said.append("not a proper record")
    if "sequence_number" not in stored.item:
        said.append("vouched for by nothing" if chained else "not chained")
    if has_hidden_text(stored.item):
        said.append("hidden characters")
    return tuple(said)


def table_rows(rows: Sequence[Row], *, chained: bool) -> list[dict[str, str]]:
    """Return what a table shows of each record, all of it text, with what cannot be seen escaped."""
    shown = []
    for row in rows:
        text = row.stored.text
        shown.append(
            {
                "Dispatched (UTC)": moment(text("dispatched_at")),
                "Sequence": position(text("sequence_number")) if text("sequence_number") else "–",
                "Provider": visible(text("provider")),
                "Action type": visible(text("action_type")),
                "Outcome": visible(text("outcome")),
                "Verdict": visible(text("verdict")),
                "Caller": visible(text("caller_id")),
                "Marks": ", ".join(marks(row, chained=chained)),
                "Id": visible(text("id")),
            }
        )
    return shown


def fields_of(row: Row) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return a record's fields in groups of (label, value); unknown attributes come last, under their own names."""
    stored = row.stored
    groups = []
    for heading, names in _GROUPS.items():
        fields = [(label, _value(row, name)) for name, label in names.items()]
        if heading in _ALWAYS or any(value for _label, value in fields):
            groups.append((heading, fields))
    unknown = [(visible(name), stored.text(name)) for name in sorted(stored.item) if name not in KNOWN_ATTRIBUTES]
    if unknown:
        groups.append(("Further attributes", unknown))
    return groups


def hash_lines(item: Item) -> list[HashLine]:
    """Return the hashes that a record carries, and those that its content gives now (FORMAT 3, 4)."""
    lines = [
        _compared("record_hash", item, record_hash),
        _compared("content_hash", item, content_hash),
    ]
    lines += [HashLine(name, _text(item, name), "", None) for name in ("previous_hash", "previous_chain_hash")]
    return lines


def _compared(name: str, item: Item, compute: Callable[[Item], str]) -> HashLine:
    stored = _text(item, name)
    try:
        recomputed = compute(item)
    except (RecordError, TimestampError) as error:
        return HashLine(name, stored, visible(str(error)), None)
    return HashLine(name, stored, recomputed, stored == recomputed if stored else None)


def _text(item: Item, name: str) -> str:
    value = item.get(name, {}).get("S")
    return value if isinstance(value, str) else ""


def _value(row: Row, name: str) -> str:
    text = row.stored.text(name)
    if name == "expires_at" and not text:
        return "never"
    if name in _TIMES and text:
        shown = moment(text)
        return f"{shown} UTC" if text.endswith(("Z", "z", "+00:00")) else f"{shown} UTC, stored as {text}"
    if name == "sequence_number" and text:
        return position(text)
    return text
