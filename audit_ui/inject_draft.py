"""A record that is being written on the Inject page: in which phases, what it is fixed to, and how far it came.

Its id is fixed once in the visit, and its times when it is previewed or first sent, so that a repeat, such as a double
click, is recognised as the same record (FORMAT 6.1, 6.5). No widget is shown here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st

from audit_core.errors import AuditError, EngineError, WriteError
from audit_core.preview import Preview, preview_append, stored_fence
from audit_core.records import new_id
from audit_core.twophase import outcome_of
from audit_ui import inject_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audit_core import AuditRecord, AuditStore
    from audit_core.items import Item

__all__ = ["Draft", "Phase", "Written", "current_draft", "fix", "send", "start_anew"]

_KEPT = "inject draft"


class Phase(StrEnum):
    """What is written of an action: one record, an intent and its outcome, an intent alone, the outcome that lacks."""

    SINGLE = "single"
    BOTH = "both"
    INTENT = "intent"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it was `given` and as it stands (`record`), and its `fence` where it was read.

    `duplicate` says that it stood there before.
    """

    given: AuditRecord
    record: AuditRecord
    duplicate: bool = False
    fence: Item | None = None


@dataclass(slots=True)
class Draft:
    """A record that is being written, and what became of it.

    `action` is the action that an outcome is for, as it was asked for. `typed` is what it was fixed from, `record` what
    is sent: of both phases the intent, whose outcome is then what `said` holds (`outcome` and further fields).
    `unrecorded` is the outcome that is not acknowledged while its intent stands.
    """

    phase: Phase
    action: str = ""
    id: str = field(default_factory=new_id)
    typed: object = None
    record: AuditRecord | None = None
    said: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    preview: Preview | None = None
    written: tuple[Written, ...] = ()
    unrecorded: AuditRecord | None = None
    error: AuditError | None = None

    @property
    def done(self) -> bool:
        """Whether all that was to be written is acknowledged."""
        return bool(self.written) and self.unrecorded is None

    @property
    def in_doubt(self) -> bool:
        """Whether it was sent and may stand in the table: a repeat has to be the very same record."""
        return self.record is not None and isinstance(self.error, WriteError | EngineError)


def current_draft(phase: Phase, action: str = "") -> Draft:
    """Return the draft of this visit for a phase; `action` is the action that an outcome is for."""
    draft: Draft = st.session_state.setdefault(f"{_KEPT} {phase} {action}", Draft(phase, action))
    return draft


def start_anew(phase: Phase, action: str = "") -> None:
    """Forget the draft of a phase: the next one has an id of its own."""
    st.session_state.pop(f"{_KEPT} {phase} {action}", None)


def fix(
    store: AuditStore,
    draft: Draft,
    make: Callable[[], tuple[AuditRecord, Mapping[str, Any]]],
    typed: object,
    *,
    previewed: bool,
) -> None:
    """Fix the record with its times, and preview it if asked to; one that is in doubt stays as it is.

    `make` returns the record and what its outcome says, if that is written as well.
    """
    try:
        if not draft.in_doubt:
            draft.error = None
            draft.typed = typed
            draft.record, draft.said = make()
            if draft.said:  # what cannot be stored is refused before the intent is written, not after it
                preview_append(store, outcome_of(draft.record, store.table.clock.now(), **draft.said))
        draft.preview = preview_append(store, draft.record) if previewed and draft.record is not None else None
    except AuditError as error:
        inject_parts.lost(error)
        draft.record, draft.preview, draft.error = None, None, error


def send(store: AuditStore, draft: Draft) -> None:
    """Send what is not acknowledged yet, the same each time that it is tried; `error` says how it failed."""
    if draft.record is None or draft.done:
        return
    draft.error = None
    try:
        if draft.unrecorded is not None:
            _append(store, draft, draft.unrecorded)
            draft.unrecorded = None
        elif draft.phase is Phase.BOTH:
            _act(store, draft, draft.record)
        else:
            _append(store, draft, draft.record)
    except AuditError as error:
        inject_parts.lost(error)
        draft.error = error
    if draft.written:
        draft.written = tuple(_with_fence(store, one) for one in draft.written)
        inject_parts.forget_what_was_read([(draft.record.namespace, draft.record.tenant)])


def _append(store: AuditStore, draft: Draft, record: AuditRecord) -> None:
    appended = store.append(record)
    draft.written = (*draft.written, Written(record, appended.record, appended.duplicate))


def _act(store: AuditStore, draft: Draft, intended: AuditRecord) -> None:
    """Write the intent, and after it the outcome; the action in between is none."""
    action = store.two_phase(intended)
    try:
        with action:
            action.settle(**draft.said)
    finally:
        draft.unrecorded = action.unrecorded
        if action.intent is not None:
            draft.written = (Written(intended, action.intent),)
        if action.outcome is not None:
            said = outcome_of(intended, action.outcome.dispatched_at, **draft.said)
            draft.written = (*draft.written, Written(said, action.outcome))


def _with_fence(store: AuditStore, one: Written) -> Written:
    if one.fence is not None:
        return one
    try:
        return Written(one.given, one.record, one.duplicate, stored_fence(store, one.record))
    except AuditError as error:
        inject_parts.lost(error)
        return one
