"""One action by form: fields that are checked as one types, and the record, or the intent and its outcome, they give.

What is fixed and sent is `inject_draft`'s, what is shown of it `inject_shown`'s; the outcome of an intent that stands
already has a form of its own in `inject_outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st

from audit_core.items import INTENT
from audit_core.jsontext import NO_JSON
from audit_core.settings import MAX_LIFETIME_SECONDS
from audit_ui import elements, inject_parts, withheld_parts
from audit_ui.faults import one_message
from audit_ui.inject_draft import Draft, Phase, current_draft, fix, send, start_anew
from audit_ui.inject_shown import shown_preview
from audit_ui.record_draft import FIELDS, Kind, build, problem_of, problem_of_outcome, problems_of
from audit_ui.retention_view import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audit_core import AuditRecord
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = ["PHASES", "chosen_phase", "field", "finish", "record_form"]

LEAST_LIFETIME_SECONDS = 5
PHASES: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.SINGLE: "A single record",
        Phase.BOTH: "Intent, then outcome",
        Phase.INTENT: "Intent alone",
        Phase.OUTCOME: "Outcome of an intent",
    }
)
_MEANS = {
    Phase.SINGLE: "Written once the action has ended.",
    Phase.BOTH: (
        "In two phases: an intent (outcome `pending`) is committed before the action begins, and its outcome after it, "
        "under the same action id. Nothing is done in between here."
    ),
    Phase.INTENT: (
        "What a crash leaves behind: the intent (outcome `pending`) is committed, and the outcome never comes."
    ),
    Phase.OUTCOME: "For an intent that stands alone: what became of the action, under the same action id.",
}
_APPEND = {
    Phase.SINGLE: "Append this record",
    Phase.BOTH: "Append the intent, then the outcome",
    Phase.INTENT: "Append the intent alone",
    Phase.OUTCOME: "Append this outcome",
}
_OFFERED: Mapping[str, Sequence[str]] = {
    "outcome": ("executed", "failed", "suppressed", "throttled", INTENT),
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


def chosen_phase() -> Phase:
    """Let the visitor choose in which phases an action is written; the address keeps it."""
    asked = st.query_params.get("as", "")
    phase = Phase(asked) if asked in set(Phase) else Phase.SINGLE
    st.radio(
        "Written as",
        list(PHASES),
        format_func=PHASES.__getitem__,
        horizontal=True,
        key=elements.shown_as("phase", phase),
        on_change=_choose_phase,
    )
    st.caption(_MEANS[phase])
    return phase


def _choose_phase() -> None:
    phase: Phase = st.session_state["phase"]
    st.query_params.from_dict({} if phase is Phase.SINGLE else {"as": phase.value})


@st.fragment
def record_form(context: Context, entries: Sequence[TenantEntry], phase: Phase) -> None:
    """Show the form, the preview where one was asked for, and append on a click."""
    draft = current_draft(phase)
    with one_message():
        withheld_parts.rule(context.store.settings)
        values = _fields(entries, phase)
        typed = _Typed(tuple(values.items()), *_numbers(context, phase))
        problems = problems_of(values)
        if phase is Phase.BOTH and problem_of_outcome(values["outcome"]) is not None:
            problems["outcome"] = str(problem_of_outcome(values["outcome"]))

        def make() -> tuple[AuditRecord, Mapping[str, Any]]:
            record = build(
                values,
                record_id=draft.id,
                moment=context.store.table.clock.now(),
                duration_ms=typed.duration_ms,
                lifetime=typed.lifetime,
            )
            return _in_phases(record) if phase is Phase.BOTH else (record, {})

        finish(context, draft, typed, make, [FIELDS[name].label for name in problems])


def _in_phases(record: AuditRecord) -> tuple[AuditRecord, Mapping[str, Any]]:
    """Return the intent, and what its outcome says: how it ended is not known before."""
    said = {"outcome": record.outcome, "outcome_details": record.outcome_details}
    return replace(record, outcome=INTENT, outcome_details=NO_JSON), said


def finish(
    context: Context,
    draft: Draft,
    typed: object,
    make: Callable[[], tuple[AuditRecord, Mapping[str, Any]]],
    problems: Sequence[str],
) -> None:
    """Offer to preview and to append what a form gives; `problems` are the labels of what keeps it from that.

    A preview stands as long as it is of what is typed, and what is appended then is what it shows.
    """
    if draft.typed != typed:
        draft.typed = draft.record = draft.preview = None
    if st.session_state.get("preview") and not problems:  # before the row is drawn: what it offers depends on it
        fix(context.store, draft, make, typed, previewed=True)
    preview = draft.preview
    if _append_asked(draft, problems):
        if preview is None:
            fix(context.store, draft, make, typed, previewed=False)
        send(context.store, draft)
        if draft.written:
            st.rerun()
    if draft.error is not None:
        inject_parts.told_error(draft.error)
        if draft.phase is Phase.BOTH:
            st.caption("Without an acknowledged intent the action does not begin: no outcome was sent.")
        st.button("Start with a new id", key="new_id", on_click=start_anew, args=(draft.phase, draft.action))
    if preview is not None:
        shown_preview(context, draft, preview)


def _append_asked(draft: Draft, problems: Sequence[str]) -> bool:
    """Show what can be done with what is typed; returns whether it is to be appended, as previewed or without."""
    previewed = draft.preview is not None
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Preview", type="secondary" if previewed else "primary", key="preview", disabled=bool(problems))
        if previewed:
            return st.button(_APPEND[draft.phase], type="primary", key="append")
        asked = st.button("Append without a preview", key="at_once", disabled=bool(problems))
        if problems:
            st.caption(f"To be mended first: {', '.join(problems)}.", width="stretch")
        return asked


def _fields(entries: Sequence[TenantEntry], phase: Phase) -> dict[str, str]:
    """Show the fields of text, each with its problem below it; returns them as typed, an intent's outcome as it is."""
    values: dict[str, str] = {}
    settled = {"outcome": INTENT, "outcome_details": ""} if phase is Phase.INTENT else {}
    for row in _FIRST:
        values |= _row(row, entries, phase, settled)
    values |= _row(("action_payload",), entries, phase, settled)
    with st.expander("More fields"):
        for row in _MORE:
            values |= _row(row, entries, phase, settled)
    return values


def _row(
    names: Sequence[str], entries: Sequence[TenantEntry], phase: Phase, settled: Mapping[str, str]
) -> dict[str, str]:
    values = {name: settled[name] for name in names if name in settled}
    asked = [name for name in names if name not in settled]
    for name, cell in zip(asked, st.columns(len(names), gap="medium"), strict=False):
        with cell:
            values[name] = field(name, _OFFERED.get(name) or _known(name, entries), two_phase=phase is Phase.BOTH)
    return values


def field(name: str, offered: Sequence[str], *, two_phase: bool) -> str:
    """Ask for one field of text, with its problem below it; returns it as typed.

    `offered` are the values of a field that is chosen; with `two_phase` an outcome cannot be an intent again.
    """
    ended = two_phase and name == "outcome"
    text = _input(name, [value for value in offered if not (ended and value == INTENT)])
    wrong = problem_of_outcome(text) if ended else problem_of(name, text)
    if wrong is not None and text:
        inject_parts.problem(wrong)
    return text


def _input(name: str, offered: Sequence[str]) -> str:
    asked = FIELDS[name]
    label = f"{asked.label} *" if asked.required else asked.label
    shared: dict[str, Any] = {"key": f"field {name}", "persist_state": "session"}
    if name in {"namespace", "tenant"} or name in _OFFERED:
        chosen: str | None = st.selectbox(
            label, offered, index=None, accept_new_options=True, placeholder="choose, or type another", **shared
        )
        return chosen or ""
    if asked.kind is Kind.JSON:
        text: str | None = st.text_area(f"{label} (JSON)", placeholder=asked.hint, height=90, **shared)
        return text or ""
    typed: str | None = st.text_input(label, placeholder=asked.hint, live=True, **shared)
    return typed or ""


def _known(name: str, entries: Sequence[TenantEntry]) -> list[str]:
    """Return the names that there are already; a known namespace's own tenants where one was chosen."""
    if name == "namespace":
        return sorted({entry.namespace for entry in entries})
    chosen = st.session_state.get("field namespace")
    own = [entry for entry in entries if entry.namespace == chosen]
    return sorted({entry.tenant for entry in own or entries})


def _numbers(context: Context, phase: Phase) -> tuple[int, int | None]:
    """Ask for duration and lifetime; returns milliseconds, and seconds (None: it never expires)."""
    configured = context.store.settings.audit.ttl_seconds
    took, lives, seconds = st.columns(3, gap="medium")
    with took:
        shared: dict[str, Any] = {"key": "field duration_ms", "persist_state": "session"}
        measured = phase is not Phase.SINGLE
        duration_ms = st.number_input(
            "Duration in ms", min_value=0, max_value=10**12, value=0, step=1, disabled=measured, **shared
        )
        if measured:
            st.caption("None of an intent; measured between intent and outcome.")
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
    return 0 if measured else int(duration_ms), {"configured": configured, "seconds": int(given)}.get(chosen)
