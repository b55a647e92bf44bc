"""The outcome of an intent that stands alone: found by its action id, said how it ended, and appended to its chain.

A verification pairs an intent with an outcome of the same action in the same chain (FORMAT 2), so that is what is
looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from audit_core.items import INTENT
from audit_core.jsontext import NO_JSON, compact_json
from audit_core.names import visible
from audit_core.twophase import outcome_of
from audit_ui import elements, links, withheld_parts
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, utc
from audit_ui.inject_draft import Phase, current_draft
from audit_ui.inject_record import field, finish
from audit_ui.record_draft import FIELDS, problem_of, problem_of_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import AuditRecord, Page
    from audit_ui.context import Context

__all__ = ["asked_action", "outcome_form"]

_OFFERED = ("executed", "failed", "suppressed", "throttled")
_KEY = "action"


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the form: the intent that is meant, and the texts by field."""

    intent: str
    values: tuple[tuple[str, str], ...]


def asked_action() -> str:
    """Ask for an action, or for a record of it; the address keeps it."""
    asked = st.query_params.get(_KEY, "")
    st.text_input(
        "Action id, or the id of the intent",
        key=elements.shown_as("asked action", asked),
        on_change=_ask,
        placeholder="Chain names the intents that stand alone",
    )
    return asked


def _ask() -> None:
    asked = st.session_state["asked action"].strip()
    st.query_params.from_dict({"as": Phase.OUTCOME.value, **({_KEY: asked} if asked else {})})


@st.fragment
def outcome_form(context: Context, action: str) -> None:
    """Show what stands of an action, and offer to append the outcome that its intent lacks."""
    if not action:
        return
    with one_message():
        page = _records_of(context, action)
        lone = lone_intents([row.stored.record for row in page.rows])
        if not lone:
            _nothing_to_complete(page, action)
        else:
            intent = _chosen(lone)
            _intent(intent)
            if not page.complete:
                st.caption("The action has more records than were read; its outcome may be among them.")
            _form(context, intent, action)
        elements.read_footer(page.reading, page.at)


def lone_intents(records: Sequence[AuditRecord | None]) -> list[AuditRecord]:
    """Return the intents of an action whose chain holds no outcome of it, one a chain; what cannot be read is none."""
    read = [record for record in records if record is not None]
    ended = {record.chain for record in read if record.outcome != INTENT}
    lone = {record.chain: record for record in read if record.chain not in ended}
    return [lone[chain] for chain in sorted(lone)]


def _records_of(context: Context, asked: str) -> Page:
    page = context.store.action(asked)
    if page.rows:
        return page
    row = context.store.get(asked)
    return page if row is None else context.store.action(row.stored.text("action_id") or asked)


def _nothing_to_complete(page: Page, action: str) -> None:
    if not page.rows:
        elements.nothing_here(
            "No action has this id", "No record of the table carries it. It may have expired, or the id is mistyped."
        )
        st.text(visible(action))
        return
    elements.nothing_here(
        "No intent of this action stands alone", "It was never announced, or its outcome is there already."
    )
    for row in page.rows:
        text = row.stored.text
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            st.text(visible(f"{text('outcome')}: {text('id')}"))
            query = links.records_query(text("namespace"), text("tenant"), record=text("id"))
            elements.way(links.RECORDS, "Open the record", query)
    st.caption(f"{count(len(page.rows), 'record')} shown" + ("." if page.complete else "; there are more."))


def _chosen(lone: Sequence[AuditRecord]) -> AuditRecord:
    """Return the intent that is meant: several chains may use one action id."""
    if len(lone) == 1:
        return lone[0]
    names = [chain_name(intent.namespace, intent.tenant) for intent in lone]
    number = st.selectbox("Chain", range(len(lone)), format_func=names.__getitem__, key="chain of the intent")
    return lone[number or 0]


def _intent(intent: AuditRecord) -> None:
    with st.container(border=True, key="intent"):
        st.markdown("**An intent stands alone**")
        place = "none" if intent.sequence_number is None else f"{intent.sequence_number:,}"
        elements.field_list(
            (
                ("Chain", chain_name(intent.namespace, intent.tenant)),
                ("Position", place),
                ("Announced", utc(intent.dispatched_at)),
                ("Action", f"{intent.provider}, {intent.action_type}"),
                ("Caller", intent.caller_id),
                ("Action id", intent.action_id),
            )
        )
        query = links.records_query(intent.namespace, intent.tenant, record=intent.id)
        elements.way(links.RECORDS, "Open the intent", query)


def _form(context: Context, intent: AuditRecord, action: str) -> None:
    withheld_parts.rule(context.store.settings)
    draft = current_draft(Phase.OUTCOME, action)
    ended, details = st.columns(2, gap="medium")
    with ended:
        outcome = field("outcome", _OFFERED, two_phase=True)
    with details:
        said = field("outcome_details", (), two_phase=True)
    st.caption("The rest is the intent's own; its times are those of now, and it lives as long as the intent from now.")
    values = {"outcome": outcome, "outcome_details": said}
    problems = [] if problem_of_outcome(outcome) is None else ["outcome"]
    problems += [] if problem_of("outcome_details", said) is None else ["outcome_details"]

    def make() -> tuple[AuditRecord, Mapping[str, Any]]:
        text = compact_json(said) if said.strip() else NO_JSON
        moment = context.store.table.clock.now()
        return outcome_of(intent, moment, outcome, id=draft.id, outcome_details=text), {}

    typed = _Typed(intent.id, tuple(values.items()))
    finish(context, draft, typed, make, [FIELDS[name].label for name in problems])
