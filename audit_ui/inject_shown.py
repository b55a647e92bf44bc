"""What the Inject page shows of one action: the preview of what would be written, and what became of it.

An action of two phases that stopped between them is told as what it is: its intent stands, its outcome does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.findings import FindingKind
from audit_core.chain.words import FINDINGS
from audit_core.errors import OutcomeUnknownError
from audit_core.items import INTENT
from audit_core.names import visible
from audit_ui import elements, inject_parts, links, withheld_parts
from audit_ui.formats import chain_name, count, raw_item, utc
from audit_ui.inject_draft import Draft, Phase, send, start_anew

if TYPE_CHECKING:
    from audit_core import AuditRecord
    from audit_core.items import Item
    from audit_core.preview import Preview
    from audit_ui.context import Context
    from audit_ui.inject_draft import Written

__all__ = ["between", "result", "shown_preview"]

_NAME = FINDINGS[FindingKind.LONE_INTENT].name


def shown_preview(context: Context, draft: Draft, preview: Preview) -> None:
    """Show what would be written."""
    record = preview.record
    with st.container(border=True, key="shown_preview"):
        headline = "What would be written first: the intent" if draft.phase is Phase.BOTH else "What would be written"
        st.subheader(headline, anchor=False)
        if record.sequence_number is None:
            st.caption("Hash chaining is off, so it stands alone: nothing vouches for it.")
        else:
            st.text(f"Position {record.sequence_number:,} of {chain_name(record.namespace, record.tenant)}")
            st.caption(
                "So it would be linked to the chain's present end. If another writer is faster, it goes to a later "
                "position, and its links and all three hashes come out differently; what it says does not."
            )
        if draft.record is not None:
            withheld_parts.told(context.store.settings, draft.record, record)
        _hashes(record, preview.fence)
        said = "It never expires." if record.expires_at is None else f"It expires at {utc(record.expires_at)}."
        st.caption(f"{count(preview.size, 'byte')} of 409,600. {said} Nothing is written yet.")
        st.code(raw_item(preview.item), language=None, wrap_lines=True, height=320)
        if preview.fence is not None:
            with st.expander("Its fence, which stays when the record expires"):
                st.code(raw_item(preview.fence), language=None, wrap_lines=True)
        if draft.phase is Phase.BOTH:
            st.caption(
                "Its outcome follows behind it under the same action id. Its times are those of that moment, so its "
                "hashes cannot be told before."
            )


def result(context: Context, draft: Draft) -> None:
    """Show what was acknowledged, and where to go from here."""
    for one in draft.written:
        _one_written(context, draft, one)
    last = draft.written[-1].record
    if len(draft.written) > 1:
        st.text(f"Both carry the action id {visible(last.action_id)}, by which a verification pairs them.")
    if last.outcome == INTENT:
        st.text("No outcome follows, as after a crash between the two.")
        _stands_alone(context, last)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        inject_parts.ways_on(last.namespace, last.tenant)
    with st.container(horizontal=True, gap="small"):
        st.button("Write another", type="primary", key="another", on_click=start_anew, args=(draft.phase, draft.action))
        if last.outcome == INTENT:
            st.button("Write its outcome", key="complete", on_click=_complete, args=(draft.phase, last.action_id))


def between(context: Context, draft: Draft) -> None:
    """Show an action whose intent stands and whose outcome is not acknowledged; a click sends that very one again."""
    intent = draft.written[0].record
    _one_written(context, draft, draft.written[0])
    unknown = isinstance(draft.error, OutcomeUnknownError)
    with st.container(border=True, key="between"):
        doubt = "it is not known whether its outcome does" if unknown else "its outcome does not"
        st.subheader(f"{'?' if unknown else '✕'} The intent stands, {doubt}", anchor=False)
        if draft.error is not None:
            st.text(visible(str(draft.error)))
        if unknown:
            st.caption(
                "Sent again it is the very same record: if it did go in, it is recognised, and not written twice."
            )
        _stands_alone(context, intent)
        with st.container(horizontal=True, gap="small"):
            again = st.button("Send the outcome again", type="primary", key="again")
            st.button("Leave the intent alone", key="leave", on_click=start_anew, args=(draft.phase,))
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        inject_parts.ways_on(intent.namespace, intent.tenant)
    if again:
        send(context.store, draft)
        st.rerun()


def _one_written(context: Context, draft: Draft, one: Written) -> None:
    record = one.record
    with st.container(border=True, key=f"appended {record.id}"):
        st.subheader(f"✓ {_headline(draft, one)}, {_place(record)}", anchor=False)
        st.text(chain_name(record.namespace, record.tenant))
        st.code(record.id, language=None, wrap_lines=True)
        previewed = draft.preview.record if draft.preview is not None else None
        if previewed is not None and previewed.id == record.id and previewed.sequence_number != record.sequence_number:
            st.caption(f"The preview said position {previewed.sequence_number:,}: another writer was faster.")
        withheld_parts.told(context.store.settings, one.given, record)
        _hashes(record, one.fence)
        if record.expires_at is not None:
            st.caption(f"It expires at {utc(record.expires_at)}. {context.removal}")
        label = "Open the record" if draft.phase is Phase.SINGLE else f"Open the {_noun(record)}"
        query = links.records_query(record.namespace, record.tenant, record=record.id)
        elements.way(links.RECORDS, label, query)


def _headline(draft: Draft, one: Written) -> str:
    if draft.phase is Phase.SINGLE:
        return "It was there already, and was not written again" if one.duplicate else "Appended"
    noun = _noun(one.record).capitalize()
    return f"{noun} was there already, and was not written again" if one.duplicate else f"{noun} appended"


def _noun(record: AuditRecord) -> str:
    return "intent" if record.outcome == INTENT else "outcome"


def _place(record: AuditRecord) -> str:
    return "without a chain" if record.sequence_number is None else f"at position {record.sequence_number:,}"


def _stands_alone(context: Context, intent: AuditRecord) -> None:
    """Say what a verification makes of an intent without its outcome."""
    if not context.store.settings.compliance.hash_chain:
        st.text("Hash chaining is off, so no verification tells an intent without its outcome.")
        return
    st.text(
        f"As long as no outcome of the action stands in this chain, every verification names position "
        f"{intent.sequence_number:,}: “{_NAME}” (lone_intent). That is information, and alone it breaks no chain: "
        "nothing was altered, and somebody has to find out whether the action took place."
    )


def _complete(phase: Phase, action_id: str) -> None:
    """Lead to the form that writes the outcome of an action; the address then names it."""
    start_anew(phase)
    st.query_params.from_dict({"as": Phase.OUTCOME.value, "action": action_id})


def _hashes(record: AuditRecord, fence: Item | None) -> None:
    unread = "none" if record.sequence_number is None else "not read"
    chain_hash = unread if fence is None else fence.get("chain_hash", {}).get("S")
    for name, value in (
        ("record_hash", record.record_hash),
        ("content_hash", record.content_hash),
        ("chain_hash, of its fence", chain_hash),
    ):
        st.markdown(f"**{name}**")
        st.code(value or "none", language=None, wrap_lines=True)
