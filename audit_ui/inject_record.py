"""One record by form: fields that are checked as one types, a preview of the exact item, and what became of it.

The draft's id is fixed once in the visit, and its times when it is previewed or first sent, so that a repeat, such as a
double click, is recognised as the same record (FORMAT 6.1, 6.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from audit_core.errors import AuditError, EngineError, WriteError
from audit_core.preview import Preview, preview_append, stored_fence
from audit_core.records import new_id
from audit_core.settings import MAX_LIFETIME_SECONDS
from audit_ui import elements, inject_parts, links
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, raw_item, utc
from audit_ui.record_draft import FIELDS, Kind, build, problem_of, problems_of
from audit_ui.retention_view import duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import Appended, AuditRecord
    from audit_core.directory import TenantEntry
    from audit_core.items import Item
    from audit_ui.context import Context

__all__ = ["Draft", "current_draft", "record_form", "result"]

LEAST_LIFETIME_SECONDS = 5
_KEPT = "inject draft"
_OFFERED: Mapping[str, Sequence[str]] = {
    "outcome": ("executed", "failed", "suppressed", "throttled", "pending"),
    "verdict": ("allow", "deny"),
}
_FIRST = (("namespace", "tenant"), ("provider", "action_type"), ("outcome", "verdict"), ("caller_id", "auth_method"))
_MORE = (
    ("action_id", "dispatched_at"),
    ("matched_rule", "chain_id"),
    ("verdict_details", "outcome_details"),
    ("metadata", "attachment_metadata"),
    ("signature", "signer_id"),
    ("kid", "canonical_hash"),
)
_LIVES = {"configured": "As configured", "seconds": "For seconds", "never": "For ever"}


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the form: texts by field, milliseconds, and seconds to live (None: for ever)."""

    values: tuple[tuple[str, str], ...]
    duration_ms: int
    lifetime: int | None


@dataclass(slots=True)
class Draft:
    """A record that is being written: its id, what was typed when it was fixed, and how far it came."""

    id: str = field(default_factory=new_id)
    typed: _Typed | None = None
    record: AuditRecord | None = None
    preview: Preview | None = None
    outcome: Appended | None = None
    fence: Item | None = None
    error: AuditError | None = None


def current_draft() -> Draft:
    """Return the draft of this visit."""
    draft: Draft = st.session_state.setdefault(_KEPT, Draft())
    return draft


@st.fragment
def record_form(context: Context, entries: Sequence[TenantEntry]) -> None:
    """Show the form, the preview where one was asked for, and append on a click."""
    draft = current_draft()
    with one_message():
        values = _fields(entries)
        typed = _Typed(tuple(values.items()), *_numbers(context))
        problems = problems_of(values)
        if draft.typed != typed:
            draft.typed = draft.record = draft.preview = None
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            previewed = st.button("Preview", type="primary", key="preview", disabled=bool(problems))
            at_once = st.button("Append without a preview", key="at_once", disabled=bool(problems))
            if problems:
                named = ", ".join(FIELDS[name].label for name in problems)
                st.caption(f"To be mended first: {named}.", width="stretch")
        if previewed or at_once:
            _fix(context, draft, typed, previewed=previewed)
        if draft.preview is not None and _shown_preview(draft.preview):
            at_once = True
        if at_once and draft.record is not None:
            _append(context, draft)
        if draft.error is not None:
            inject_parts.told_error(draft.error)
            st.button("Start with a new id", key="new_id", on_click=_start_anew)


def _fix(context: Context, draft: Draft, typed: _Typed, *, previewed: bool) -> None:
    """Fix the record with its times, but for one that was sent already: that has to be the same when it is repeated."""
    sent = draft.record is not None and isinstance(draft.error, WriteError | EngineError)
    try:
        if draft.record is None or not sent:
            draft.error = None
            draft.typed = typed
            draft.record = build(
                dict(typed.values),
                record_id=draft.id,
                moment=context.store.table.clock.now(),
                duration_ms=typed.duration_ms,
                lifetime=typed.lifetime,
            )
        draft.preview = preview_append(context.store, draft.record) if previewed else None
    except AuditError as error:
        inject_parts.lost(error)
        draft.record, draft.error = None, error


def _append(context: Context, draft: Draft) -> None:
    """Send the draft, unless it was acknowledged before; the same record each time that it is tried."""
    if draft.record is None or draft.outcome is not None:
        return
    try:
        draft.outcome = context.store.append(draft.record)
        draft.error = None
        draft.fence = stored_fence(context.store, draft.outcome.record)
    except AuditError as error:
        inject_parts.lost(error)
        if draft.outcome is None:
            draft.error = error
    if draft.outcome is not None:
        inject_parts.forget_what_was_read()
        st.rerun()


def _fields(entries: Sequence[TenantEntry]) -> dict[str, str]:
    """Show the fields of text, each with its problem below it; returns them as typed."""
    values: dict[str, str] = {}
    for row in _FIRST:
        values |= _row(row, entries)
    values |= _row(("action_payload",), entries)
    with st.expander("More fields"):
        for row in _MORE:
            values |= _row(row, entries)
    return values


def _row(names: Sequence[str], entries: Sequence[TenantEntry]) -> dict[str, str]:
    cells = st.columns(len(names), gap="medium")
    values = {}
    for name, cell in zip(names, cells, strict=True):
        with cell:
            values[name] = _input(name, entries)
            wrong = problem_of(name, values[name])
            if wrong is not None and values[name]:
                inject_parts.problem(wrong)
    return values


def _input(name: str, entries: Sequence[TenantEntry]) -> str:
    field = FIELDS[name]
    label = f"{field.label} *" if field.required else field.label
    shared: dict[str, Any] = {"key": f"field {name}", "persist_state": "session"}
    if name in {"namespace", "tenant"} or name in _OFFERED:
        offered = _OFFERED.get(name) or _known(name, entries)
        chosen: str | None = st.selectbox(
            label, offered, index=None, accept_new_options=True, placeholder="choose, or type another", **shared
        )
        return chosen or ""
    if field.kind is Kind.JSON:
        text: str | None = st.text_area(f"{label} (JSON)", placeholder=field.hint, height=90, **shared)
        return text or ""
    typed: str | None = st.text_input(label, placeholder=field.hint, live=True, **shared)
    return typed or ""


def _known(name: str, entries: Sequence[TenantEntry]) -> list[str]:
    """Return the names that there are already; a known namespace's own tenants where one was chosen."""
    if name == "namespace":
        return sorted({entry.namespace for entry in entries})
    chosen = st.session_state.get("field namespace")
    own = [entry for entry in entries if entry.namespace == chosen]
    return sorted({entry.tenant for entry in own or entries})


def _numbers(context: Context) -> tuple[int, int | None]:
    """Ask for duration and lifetime; returns milliseconds, and seconds (None: it never expires)."""
    configured = context.store.settings.audit.ttl_seconds
    took, lives, seconds = st.columns(3, gap="medium")
    with took:
        shared: dict[str, Any] = {"key": "field duration_ms", "persist_state": "session"}
        duration_ms = st.number_input("Duration in ms", min_value=0, max_value=10**12, value=0, step=1, **shared)
    with lives:
        chosen = st.radio(
            "Lifetime", list(_LIVES), format_func=_LIVES.__getitem__, key="lives", persist_state="session"
        )
        if chosen == "configured":
            st.caption(f"{duration(configured).capitalize()}.")
    with seconds:
        given = st.number_input(
            "Seconds from its dispatch",
            min_value=LEAST_LIFETIME_SECONDS,
            max_value=MAX_LIFETIME_SECONDS,
            value=30,
            step=1,
            disabled=chosen != "seconds",
            key="lifetime",
            persist_state="session",
        )
    return int(duration_ms), {"configured": configured, "seconds": int(given)}.get(chosen)


def _shown_preview(preview: Preview) -> bool:
    """Show what would be written; returns whether it is to be appended."""
    record = preview.record
    with st.container(border=True, key="shown_preview"):
        st.subheader("What would be written", anchor=False)
        if record.sequence_number is None:
            st.caption("Hash chaining is off, so it stands alone: nothing vouches for it.")
        else:
            st.text(f"Position {record.sequence_number:,} of {chain_name(record.namespace, record.tenant)}")
            st.caption(
                "So it would be linked to the chain's present end. If another writer is faster, it goes to a later "
                "position, and its links and all three hashes come out differently; what it says does not."
            )
        _hashes(record, preview.fence)
        said = "It never expires." if record.expires_at is None else f"It expires at {utc(record.expires_at)}."
        st.caption(f"{count(preview.size, 'byte')} of 409,600. {said} Nothing is written yet.")
        st.code(raw_item(preview.item), language=None, wrap_lines=True, height=320)
        if preview.fence is not None:
            with st.expander("Its fence, which stays when the record expires"):
                st.code(raw_item(preview.fence), language=None, wrap_lines=True)
        return st.button("Append this record", type="primary", key="append")


def _hashes(record: AuditRecord, fence: Item | None) -> None:
    chain_hash = None if fence is None else fence.get("chain_hash", {}).get("S")
    for name, value in (
        ("record_hash", record.record_hash),
        ("content_hash", record.content_hash),
        ("chain_hash, of its fence", chain_hash),
    ):
        st.markdown(f"**{name}**")
        st.code(value or "none", language=None, wrap_lines=True)


def result(draft: Draft) -> None:
    """Show what became of a record that was acknowledged, and where to go from here."""
    if draft.outcome is None:
        return
    record, duplicate = draft.outcome.record, draft.outcome.duplicate
    with st.container(border=True, key="appended"):
        headline = "It was there already, and was not written again" if duplicate else "Appended"
        place = "without a chain" if record.sequence_number is None else f"at position {record.sequence_number:,}"
        st.subheader(f"✓ {headline}, {place}", anchor=False)
        st.text(chain_name(record.namespace, record.tenant))
        st.code(record.id, language=None)
        previewed = None if draft.preview is None else draft.preview.record.sequence_number
        if previewed is not None and previewed != record.sequence_number:
            st.caption(f"The preview said position {previewed:,}: another writer was faster.")
        _hashes(record, draft.fence)
        if record.expires_at is not None:
            st.caption(f"It expires at {utc(record.expires_at)}, and is removed some time after that.")
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            query = links.records_query(record.namespace, record.tenant, record=record.id)
            elements.way(links.RECORDS, "Open the record", query)
            inject_parts.ways_on(record.namespace, record.tenant)
    st.button("Write another", type="primary", key="another", on_click=_start_anew)


def _start_anew() -> None:
    st.session_state[_KEPT] = Draft()
