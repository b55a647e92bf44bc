"""Sealing on the Chain page: what it does and cannot do, the question before it starts, progress, and the result.

It is offered after a verification of the whole chain without a break, where a record stands or is gone that only a
bare fence belongs to. What is sealed is decided in `audit_core.seal`; whether pages write at all, in `context`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core import FindingKind, Verdict
from audit_core.chain.words import FINDINGS
from audit_core.names import visible
from audit_ui import elements, links, verification, verification_parts
from audit_ui.faults import one_message
from audit_ui.formats import count
from audit_ui.sealing import Sealing

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_core.seal import SealReport
    from audit_ui.context import Context
    from audit_ui.verification import Request

__all__ = ["SEALED_SINCE", "section"]

_KEPT = "sealing"
_PAUSE_SECONDS = 0.1
_MOST_LEFT = 1000
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 6
_SOUND = frozenset((Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY, Verdict.UNPROVEN))

_DOES = (
    "A *bare* fence stands beside each record of a writer that leaves no copy of what it wrote. Sealing copies a "
    "record's hashes and its expiry into that fence, and links the fences, while the record still stands. When the "
    "record expires later, its fence proves that it was allowed to go, and keeps the hashes of what it held. No record "
    "is changed."
)
_CANNOT = (
    "What was altered before it is sealed stays altered: each record is sealed as it stands now.",
    "What is gone unsealed stays unproven: its record is not there, and there is nothing left to copy.",
    "It needs no key, so it proves nothing against who can write the whole table: only a checkpoint kept outside does.",
)
SEALED_SINCE = (
    "**Fences of this chain were sealed since this verification**, so its figures are older than the chain. Verify it "
    "again to see what its fences prove now."
)
_LEFT_WORDS = {
    "two records claim it": "Two records claim the position, so neither is vouched for.",
    "it changed since it was verified": "It changed since it was verified.",
    "its fence changed meanwhile": "Somebody else changed its fence at the same time.",
}


def section(context: Context, report: ChainReport, request: Request) -> None:
    """Show the section where sealing could matter to the chain, or was done in this visit."""
    kept: Sealing | None = st.session_state.get(_KEPT)
    if kept is not None and kept.key != (context.table_key, request.namespace, request.tenant):
        kept = None
    to_seal, gone = report.coverage.record_hash_only, report.coverage.unproven
    if not request.whole or (kept is None and not (to_seal or gone)):
        return
    if kept is None and report.verdict not in _SOUND:
        _not_now(request, report)
        return
    with st.container(border=True, key="seal"):
        does, cannot = st.columns(2, gap="large")
        with does:
            st.subheader("Seal", anchor=False)
            st.markdown(_DOES)
        with cannot:
            st.markdown("**What sealing cannot do**")
            st.markdown("\n".join(f"- {line}" for line in _CANNOT))
        if kept is None:
            _offer(context, request, to_seal, gone)
        elif kept.running:
            _progress(kept)
        elif kept.stopped:
            _stopped(kept)
        else:
            _result(context, request, kept.report)


def _not_now(request: Request, report: ChainReport) -> None:
    """Say why a chain with bare fences is not sealed here."""
    if report.verdict is not Verdict.BROKEN or not report.coverage.record_hash_only:
        return
    st.subheader("Seal", anchor=False)
    st.caption(
        f"{count(report.coverage.record_hash_only, 'record')} could be sealed, but something in this chain does not "
        "fit: look into the findings first. The command below seals what fits, and leaves every position that has a "
        "finding."
    )
    st.code(_command(request), language=None, wrap_lines=True)


def _offer(context: Context, request: Request, to_seal: int, gone: int) -> None:
    """Say how much there is to be sealed, and offer it, or say where it can be done."""
    if verification.reports().sealed_since(context.table_key, request.namespace, request.tenant):
        st.markdown(SEALED_SINCE)
        _offer_to_verify(request)
        return
    if gone:
        st.markdown(
            f"**{count(gone, 'position')}** {'is' if gone == 1 else 'are'} gone unsealed: too late. Had the fences "
            "been sealed while the records stood, they would prove now whether the lifetime had passed."
        )
    if not to_seal:
        st.caption("No record that stands needs sealing. Seal again when its writer has added more.")
        return
    st.markdown(
        f"**{count(to_seal, 'bare fence')}** with a record still standing could be sealed, by the verification above."
    )
    refusal = context.write_refusal
    if refusal is not None:
        st.text(visible(refusal))
        st.caption("A dry run only reads, and may be made here. To seal, run:")
        st.code(_command(request), language=None, wrap_lines=True)
    if st.query_params.get("seal") == "1" and refusal is None:
        _question(context, request, to_seal)
        return
    with st.container(horizontal=True, gap="small"):
        if refusal is None:
            query = {**st.query_params.to_dict(), "seal": "1"}
            elements.turn(f"Seal {count(to_seal, 'bare fence')} …", query, key="seal_ask")
        st.button(
            "Dry run",
            key="seal_dry",
            help="Verifies the chain thoroughly and counts what would be sealed. Nothing is written.",
            on_click=_start,
            args=(context, request),
            kwargs={"dry_run": True},
        )


def _question(context: Context, request: Request, to_seal: int) -> None:
    """Ask once more: what is sealed cannot be made bare again from here."""
    st.markdown(
        f"**Seal {count(to_seal, 'bare fence')} now?** The chain is verified thoroughly first; whatever does not fit "
        "is left bare and named. A sealed fence stays sealed: this cannot be undone."
    )
    with st.container(horizontal=True, gap="small"):
        label = "Yes, seal them" if to_seal > 1 else "Yes, seal it"
        st.button(label, key="seal_now", type="primary", on_click=_start, args=(context, request))
        query = {name: value for name, value in st.query_params.to_dict().items() if name != "seal"}
        elements.turn("Cancel", query, key="seal_cancel")


def _start(context: Context, request: Request, *, dry_run: bool = False) -> None:
    if "seal" in st.query_params:
        del st.query_params["seal"]
    if dry_run or context.write_refusal is None:
        st.session_state[_KEPT] = Sealing(context, request.namespace, request.tenant, dry_run=dry_run)


@st.fragment(run_every=_PAUSE_SECONDS)
def _progress(sealing: Sealing) -> None:
    """Go on for a slice of time and show how far it is; a click stops it."""
    with one_message():
        sealing.advance()
        if not sealing.running:
            st.rerun()
        at = sealing.progress
        if at is not None:
            done = min(1.0, at.position / at.total) if at.total else 0.0
            known = f" of {at.total:,}" if at.total else ""
            said = "to be sealed" if sealing.dry_run else "sealed"
            words = {
                "verifying": "First of two passages, verifying",
                "sealing": f"Second passage, {at.sealed:,} {said} so far",
            }
            st.progress(done, text=f"{words[at.phase]}: position {at.position:,}{known}")
        if st.button("Stop sealing", key="seal_stop"):
            sealing.stop()
            st.rerun()


def _stopped(sealing: Sealing) -> None:
    at = sealing.progress
    where = "" if at is None else f" at position {at.position:,} of {at.total:,}, while {at.phase}"
    st.markdown(f"**Stopped{where}.** {count(sealing.report.sealed, 'fence')} sealed so far, and they stay sealed.")
    with st.container(horizontal=True, gap="small"):
        st.button("Go on sealing", key="seal_go_on", on_click=sealing.go_on)
        st.button("Leave it", key="seal_leave", on_click=_forget)


def _result(context: Context, request: Request, report: SealReport) -> None:
    """Show what a sealing, or a dry run, did, and the way on."""
    if not report.finished:
        st.markdown("**Nothing was sealed.** The chain could not be verified to its end:")
        st.text(visible(report.verification.reason or "there is nothing to check"))
        st.button("Leave it", key="seal_leave", on_click=_forget)
        return
    st.markdown("**A dry run: nothing was written.**" if report.dry_run else "**Done.**")
    shown = (
        ("To be sealed" if report.dry_run else "Sealed now", report.sealed, "Bare fences with their record standing."),
        ("Full before", report.already, "Fences that were full already, from their writer or an earlier sealing."),
        ("Too late", report.gone, "Bare fences whose record is gone."),
        ("Left bare", len(report.left), "Their record stands, and something speaks against sealing them."),
    )
    with st.container(horizontal=True, gap="small"):
        for name, number, meaning in shown:
            st.metric(name, f"{number:,}", help=meaning, border=True, width=152)
    _left(report)
    with st.container(horizontal=True, gap="small"):
        if not report.dry_run:
            _offer_to_verify(request)
        elif report.sealed and context.write_refusal is None:
            label = f"Seal {count(report.sealed, 'bare fence')} …"
            query = links.chain_query(request.namespace, request.tenant, verify=1, seal=1)
            st.button(label, key="seal_after_dry", on_click=_ask, args=(query,))
        st.button("Leave it", key="seal_leave", on_click=_forget)
    if not report.dry_run:
        st.caption("The verdict and the figures above are from before the sealing, until the chain is verified again.")


def _left(report: SealReport) -> None:
    if not report.left:
        return
    rows = [{"Position": f"{number:,}", "Why it was left": _reason(why)} for number, why in report.left[:_MOST_LEFT]]
    height = _ROW_PIXELS * (min(len(rows), _MOST_ROWS_HIGH) + 1) + 3
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height, key="seal_left", alt="Positions left bare.")
    st.caption(f"{count(len(rows), 'position')} of {len(report.left):,} left bare shown.")


def _reason(why: str) -> str:
    if why in set(FindingKind):
        return f"It has a finding: {FINDINGS[FindingKind(why)].name} ({why})."
    return _LEFT_WORDS.get(why, why)


def _offer_to_verify(request: Request) -> None:
    query = links.chain_query(request.namespace, request.tenant, verify=1)
    st.button("Verify again", key="seal_verify", type="primary", on_click=_verify_again, args=(query,))


def _verify_again(query: dict[str, str]) -> None:
    _forget()
    verification_parts.again(query)


def _ask(query: dict[str, str]) -> None:
    _forget()
    st.query_params.from_dict(query)


def _forget() -> None:
    st.session_state.pop(_KEPT, None)


def _command(request: Request) -> str:
    """Return the command that seals the chain; what cannot be seen in its names is escaped."""
    names = (shlex.quote(visible(name)) for name in (request.namespace, request.tenant))
    return "python -m audit_core seal --namespace {} --tenant {}".format(*names)
