"""One record as a person types it: what is wrong with each field, in words, and the record that comes of it.

Pure, without Streamlit. What can be stored is decided by `AuditRecord`; here each field is tried alone, so that its
problem can stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from audit_core.append import MIN_LIFETIME_SECONDS
from audit_core.errors import FilterError, RecordError
from audit_core.items import INTENT
from audit_core.jsontext import compact_json, parse_exact
from audit_core.linking import check_size
from audit_core.names import hidden_characters, ns_tenant, require_text
from audit_core.records import MAX_KEY_BYTES, AuditRecord
from audit_ui.formats import typed_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.timestamps import Timestamp

__all__ = ["FIELDS", "Field", "Kind", "build", "problem_of", "problem_of_outcome", "problems_of"]


class Kind(StrEnum):
    """How a field is typed: a name that must not hide anything, a text, JSON, a time."""

    NAME = "name"
    TEXT = "text"
    JSON = "json"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form, named as the attribute of FORMAT 2; `hint` is shown while it is empty."""

    label: str
    kind: Kind = Kind.TEXT
    required: bool = False
    hint: str = ""


FIELDS: Mapping[str, Field] = {
    "namespace": Field("Namespace", Kind.NAME, required=True),
    "tenant": Field("Tenant", Kind.NAME, required=True),
    "provider": Field("Provider", Kind.NAME, required=True, hint="email"),
    "action_type": Field("Action type", Kind.NAME, required=True, hint="send_email"),
    "outcome": Field("Outcome", required=True),
    "verdict": Field("Verdict", required=True),
    "caller_id": Field("Caller", Kind.NAME, hint="user:ada"),
    "auth_method": Field("Signed in by", hint="api_key"),
    "action_payload": Field("Payload", Kind.JSON, hint='{"to": "user@example.com"}'),
    "action_id": Field("Action id", hint="the record's own id"),
    "dispatched_at": Field("Dispatched (UTC)", Kind.TIME, hint="now"),
    "matched_rule": Field("Matched rule", hint="quiet-hours"),
    "chain_id": Field("Chain id", hint="of the writer's own workflow"),
    "verdict_details": Field("Verdict details", Kind.JSON, hint='{"rule": "default"}'),
    "outcome_details": Field("Outcome details", Kind.JSON, hint='{"status": 200}'),
    "metadata": Field("Metadata", Kind.JSON, hint='{"region": "eu"}'),
    "attachment_metadata": Field("Attachments", Kind.JSON, hint='[{"name": "a.pdf"}]'),
    "signature": Field("Signature"),
    "signer_id": Field("Signer"),
    "kid": Field("Key id"),
    "canonical_hash": Field("Canonical hash"),
}
"""What a writer sets of a record, but for its id, its duration and its lifetime (FORMAT 2)."""

_OPEN = frozenset(("caller_id", "auth_method"))


def problem_of(name: str, text: str) -> str | None:
    """Return what is wrong with one field as typed, in words; None where nothing is."""
    try:
        _check(name, FIELDS[name], text)
    except (RecordError, FilterError) as error:
        return str(error)
    return None


def problem_of_outcome(text: str) -> str | None:
    """Return what is wrong with how an action ended, as typed, where its intent is a record of its own."""
    if text.strip() == INTENT:
        return f"{INTENT} marks an intent, and is no outcome; say how the action ended."
    return problem_of("outcome", text)


def problems_of(values: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the fields as typed, by name, each in words; empty where nothing is."""
    found = {name: said for name in FIELDS if (said := problem_of(name, values.get(name, ""))) is not None}
    if not found.keys() & {"namespace", "tenant"}:
        try:
            ns_tenant(values["namespace"], values["tenant"])
        except RecordError as error:
            found["tenant"] = str(error)
    return found


def build(
    values: Mapping[str, str], *, record_id: str, moment: Timestamp, duration_ms: int, lifetime: int | None
) -> AuditRecord:
    """Return the record of fields without a problem; `moment` is its time where none was typed.

    `lifetime` is in whole seconds from then; None: it never expires.

    Raises `RecordError` or `TimestampError` for what cannot be stored all the same: it is too large, or would have
    expired (FORMAT 6.1).
    """
    given: dict[str, Any] = {}
    for name, field in FIELDS.items():
        text = values.get(name, "")
        if field.kind is Kind.TIME or not (text.strip() or name in _OPEN):
            continue
        given[name] = compact_json(text) if field.kind is Kind.JSON else text
    if given.get("attachment_metadata") == "[]":  # absent when empty
        del given["attachment_metadata"]
    dispatched = typed_moment(values.get("dispatched_at", "")) or moment
    expires_at = None if lifetime is None else dispatched.plus_seconds(lifetime)
    record = AuditRecord(
        **{"action_id": record_id, **given},
        id=record_id,
        dispatched_at=dispatched,
        completed_at=dispatched.plus_seconds(duration_ms / 1000),
        duration_ms=duration_ms,
        expires_at=expires_at,
    )
    record.check_writable()
    check_size(record.to_item())
    if expires_at is not None and expires_at.epoch_seconds < moment.epoch_seconds + MIN_LIFETIME_SECONDS:
        message = (
            f"With this time and lifetime it would expire at {expires_at}, which is past or less than "
            f"{MIN_LIFETIME_SECONDS} seconds ahead; give a longer lifetime, or a later time."
        )
        raise RecordError(message)
    return record


def _check(name: str, field: Field, text: str) -> None:
    """Raise `RecordError` or `FilterError` for a text that a field cannot take (CASES 1 to 11)."""
    require_text(field.label, text)
    if field.required and not text.strip():
        message = f"{field.label} is missing; every record has one."
        raise RecordError(message)
    if not text.strip():
        return
    hidden = hidden_characters(text) if field.kind is Kind.NAME else ()
    if hidden:
        message = f"{field.label} holds {hidden[0]}, which cannot be seen and could make two names look alike."
        raise RecordError(message)
    if name == "namespace":
        ns_tenant(text, "any")
    elif field.kind is Kind.TIME:
        typed_moment(text)
    elif field.kind is Kind.JSON:
        parse_exact(text)  # refuses repeated keys as well (CASES 10)
        compact_json(text)
        if name == "attachment_metadata" and not text.strip().startswith("["):
            message = 'Attachments are a JSON array, such as [{"name": "a.pdf"}].'
            raise RecordError(message)
    elif name == "action_id" and len(text.encode()) > MAX_KEY_BYTES:
        message = f"An action id is at most {MAX_KEY_BYTES:,} bytes long."
        raise RecordError(message)
