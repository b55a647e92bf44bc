"""A verification as pages show it that let a visitor start, watch, stop and take up one: Chain and Gaps.

It is kept in the visit (`visit_work`). What a report says, and how it is shown, is left to the pages' own parts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import Severity
from audit_core.chain.words import FINDINGS
from audit_core.errors import SavedRunError
from audit_ui import elements, visit_work
from audit_ui.faults import one_message
from audit_ui.formats import utc
from audit_ui.verification import Verification, kept, kept_run, reports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit_core import ChainReport
    from audit_ui.context import Context
    from audit_ui.verification import Request

__all__ = ["again", "not_verified_yet", "progress", "report_to_show", "under_way"]

_FORCED = "verify again"
_FIRST_SLICE_SECONDS = 0.02


def again(query: Mapping[str, str]) -> None:
    """Verify anew what the address then names; for callbacks."""
    st.query_params.from_dict(dict(query))
    st.session_state[_FORCED] = True


def under_way(context: Context, request: Request) -> Verification | None:
    """Return this visit's verification of what is asked for, started where a click or the address says so.

    One that was not finished, in another visit or before the program was started, waits here to be gone on with.
    """
    found = visit_work.verification_of(context, request)
    forced = st.session_state.pop(_FORCED, False)
    saved = None if forced or found is not None else kept_run(context, request)
    if saved is not None:
        with suppress(SavedRunError):
            found = Verification(context, request, saved)
            visit_work.keep(context, found)
    if forced or (found is None and st.query_params.get("verify") == "1"):
        found = Verification(context, request)
        visit_work.begin(context, found)
    return found


def progress(verification: Verification) -> None:
    """Let it go on, and show how far it is, with the way to stop it.

    While the page is built it goes on before anything is drawn, since a click that meets a page being built is lost;
    and for a moment only, since somebody waits for the page.
    """
    with one_message():
        verification.advance(_FIRST_SLICE_SECONDS)
    _going_on(verification, iter((True,)))


@st.fragment(run_every=visit_work.PAUSE_SECONDS)
def _going_on(verification: Verification, page_is_built: Iterator[bool]) -> None:
    """Show how far it is and go on for a slice of time, in that order, so that a click is answered at once.

    Built with the page it only shows; `page_is_built` says so the first time.
    """
    with one_message():
        st.progress(verification.fraction, text=f"Verifying: {visit_work.progress_words(verification)}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Stop", key="stop", on_click=_stop, args=(verification,))  # before the next slice, not after it
            st.caption(
                "It can be stopped and taken up again. On another page it goes on in the sidebar.", width="stretch"
            )
        if not next(page_is_built, False):
            verification.advance(visit_work.SLICE_SECONDS)
        if not verification.running:
            st.rerun()


def _stop(verification: Verification) -> None:
    """Stop it, and show the page at once instead of this fragment first."""
    verification.stop()
    st.rerun()


def report_to_show(context: Context, request: Request, verification: Verification | None) -> ChainReport | None:
    """Return the report of this visit's verification, else the chain's last one in this process."""
    if verification is not None:
        if verification.stopped or verification.failed:
            ended = "stopped" if verification.stopped else "could not read on"
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(f"Go on from where it {ended}", key="go_on", on_click=_go_on, args=(context, verification))
                at = verification.progress
                of = f" of {at.total:,}" if at.total else ""
                st.caption(
                    f"{ended.capitalize()} at position {at.position:,}{of}. What was verified is kept.", width="stretch"
                )
        return verification.report
    last = reports().last(context.table_key, request.namespace, request.tenant) if request.whole else None
    return last if last is not None and (last.thorough or not request.thorough) else None


def _go_on(context: Context, verification: Verification) -> None:
    visit_work.pause(context)
    verification.go_on()


def not_verified_yet(context: Context, request: Request) -> None:
    """Say that there is no verdict with its findings here, and what the last verification said, where one is kept."""
    last = kept(context).last(request.namespace, request.tenant) if request.whole else None
    if last is None:
        elements.nothing_here(
            "Not verified yet",
            "Nobody has verified this since the program was started, so nothing is known about it. **Verify** reads "
            "the chain from its start to its end and checks every record and every link.",
        )
        return
    with st.container(border=True, key="last_verdict"):
        elements.verdict_badge(last.verdict)
        st.markdown(
            f"**The whole chain was last verified {utc(last.at)}.** Of that the verdict was kept, without the findings "
            "and their evidence, which hold what records hold. **Verify** reads the chain again and shows them."
        )
        alarms = [one for one in last.findings if one.severity is not Severity.INFORMATION]
        if alarms:
            st.caption("It found: " + ", ".join(f"{one.number:,} × {FINDINGS[one.kind].name}" for one in alarms) + ".")
