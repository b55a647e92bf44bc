"""The parts of the Chain page: controls, verdict, coverage, and the findings. The strip is `strip_parts`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.chain import statements
from audit_core.chain.words import VERDICTS
from audit_core.errors import InputError
from audit_core.names import visible
from audit_core.tamper.guard import engine_refusal
from audit_core.tamper.practice import practice_chain
from audit_ui import elements, finding_view, links, local_times, verification_parts
from audit_ui.formats import cost, count, span, utc
from audit_ui.strip import State, state_of
from audit_ui.verification import Request

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = [
    "asked",
    "controls",
    "coverage",
    "findings",
    "footer",
    "verdict",
    "way_to_the_lab",
]

MOST_FINDINGS = 1000
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 8
_LARGEST_BOUND = 2**53 - 1


def controls(chosen: TenantEntry) -> Request:
    """Let the visitor say what to verify; the address keeps it. Raises `FilterError` for bounds that are no numbers."""
    parameters = st.query_params
    thorough = parameters.get("thorough") == "1"
    bounds = {name: _bound(parameters.get(name)) for name in ("first", "last")}
    with st.form("verify", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        for name, label, hint in (("first", "From position", "the start"), ("last", "To position", "the end")):
            st.number_input(
                label,
                min_value=0,
                max_value=_LARGEST_BOUND,
                value=None,
                step=1,
                placeholder=hint,
                key=elements.shown_as(name, bounds[name]),
                width=170,
            )
        st.toggle(
            "Thorough",
            key=elements.shown_as("thorough", thorough),
            help="Also reads the fence of every record: about twice the cost, and finds more.",
        )
        st.form_submit_button("Verify", type="primary", on_click=_verify, args=(chosen,))
    return Request(chosen.namespace, chosen.tenant, bounds["first"], bounds["last"], thorough)


def _verify(chosen: TenantEntry) -> None:
    typed = st.session_state
    state = {"first": typed["first"], "last": typed["last"], "thorough": typed["thorough"] and "1", "verify": "1"}
    verification_parts.again(links.chain_query(chosen.namespace, chosen.tenant, **state))


def verdict(report: ChainReport, request: Request) -> None:
    """Show the verdict in plain words, and beside it what it does not mean."""
    said = VERDICTS[report.verdict]
    with st.container(border=True, key="verdict"):
        meaning, limits = st.columns(2, gap="large")
        with meaning:
            with st.container(horizontal=True, gap="xsmall"):
                elements.verdict_badge(report.verdict, explained=True)
                if not request.whole:
                    st.badge(f"Only {asked(request)}", color="orange")
            st.subheader(said.headline, anchor=False)
            first = statements.first_break(report)
            if first:
                st.markdown(f"**{first}**")
            st.markdown(said.means)
            if report.summary.valid:
                st.markdown(f"{statements.rung(report)}.")
            st.caption(
                f"Verified {utc(report.at)}, by the engine's clock{', thoroughly' if report.thorough else ''}.",
                help=local_times.said(report.at),
            )
        with limits:
            st.markdown("**What this does not mean**")
            st.markdown("\n".join(f"- {line}" for line in said.does_not_mean))


def coverage(report: ChainReport) -> None:
    """Show what vouches for how many positions, as numbers that add up to the positions judged."""
    if report.first_sequence is None or report.last_sequence is None:
        return
    covered = report.coverage
    judged = report.last_sequence - report.first_sequence + 1
    parts = [
        (
            "Whole record",
            covered.full,
            "A hash of all of it vouches for the record: since it was written, or since its fence was sealed.",
        ),
        (
            "Ten fields",
            covered.record_hash_only,
            "The record stands; its record hash vouches for ten of its fields.",
        ),
        ("Expired", covered.expired, "The record is gone, and its fence proves that its lifetime had passed."),
        ("Unproven", covered.unproven, "The record is gone; expiry can explain it, and nothing proves it."),
        ("Missing", covered.missing, "The record is gone, and expiry cannot be the reason."),
    ]
    rest = judged - sum(number for _name, number, _help in parts)
    if rest > 0:
        parts.append(("No hash", rest, "The record stands, and carries no hash that vouches for it."))
    st.subheader("What vouches for it", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for name, number, meaning in parts:
            st.metric(name, f"{number:,}", help=meaning, border=True, width=152)
    broken = any(state_of(finding) is State.BROKEN for finding in report.findings)
    total = " + ".join(f"{number:,}" for _name, number, _help in parts)
    st.caption(
        f"Positions {span(report.first_sequence, report.last_sequence)}: {total} = {judged:,}. "
        f"{count(report.records_checked, 'record')} checked."
        + (
            " Being covered is how an alteration shows: the findings name the positions that do not fit."
            if broken
            else ""
        )
    )


def findings(context: Context, report: ChainReport, request: Request) -> None:
    """Show the findings as a table, and the one that was chosen, or that the address names, in full."""
    st.subheader("Findings", anchor=False)
    shown = report.findings[:MOST_FINDINGS]
    if not shown:
        st.caption(
            "None: everything that was checked fits." if report.records_checked else "None: no record was checked."
        )
        return
    key = f"findings {request!r} {report.at}"
    named = st.query_params.get("finding", "")
    place = int(named) if named.isascii() and named.isdecimal() and int(named) < len(shown) else None
    st.dataframe(
        pd.DataFrame(finding_view.table_rows(shown)),
        hide_index=True,
        height=_ROW_PIXELS * (min(len(shown), _MOST_ROWS_HIGH) + 1) + 3,
        key=elements.row_shown_as(key, place),
        on_select=lambda: _open_chosen(key),
        selection_mode="single-row",
        column_config={"Record": st.column_config.TextColumn(width=elements.ID_PIXELS)},
        alt="Findings, one a row. Choosing a row opens the finding.",
    )
    st.caption(
        f"{count(len(shown), 'finding')} shown"
        + (f" of {len(report.findings):,}." if len(shown) < len(report.findings) else ", which is all there is.")
        + " Choose a row to see what it means."
    )
    _ways_through(place, len(shown))
    if place is not None:
        finding_view.show(context, report, shown[place])
    elif named:
        st.caption("The finding that the link names is not in this report any more; the chain may have changed since.")


def _ways_through(place: int | None, number: int) -> None:
    """Show the way from finding to finding, for who has no pointer, or many findings."""
    query = {name: value for name, value in st.query_params.to_dict().items() if name != "finding"}
    if place is None:
        elements.turn("Open the first finding", {**query, "finding": "0"}, key="first_finding")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="through_findings"):
        for label, other in (("← Previous finding", place - 1), ("Next finding →", place + 1)):
            if 0 <= other < number:
                elements.turn(label, {**query, "finding": str(other)}, key=label)
        elements.turn("Close the finding", query, key="close_finding")
        st.caption(f"Finding {place + 1:,} of {number:,}", width="stretch")


def _open_chosen(key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.query_params["finding"] = str(rows[0])
    else:
        st.query_params.pop("finding", None)


def footer(report: ChainReport, request: Request) -> None:
    """Say what was not checked, and what the verification cost."""
    said = statements.limits(report, asked(request))
    if said:
        st.subheader("What was not checked", anchor=False)
        for line in said:
            st.text(visible(line))
    st.caption(f"As of {utc(report.at)}. {cost(report.reading)}.", help=local_times.said(report.at))


def way_to_the_lab(context: Context, chosen: TenantEntry) -> None:
    """Offer to break the chain on purpose, where it is demo data that the lab can make anew."""
    practice = practice_chain(chosen.namespace, chosen.tenant)
    if practice is not None and chosen.demo and engine_refusal(context.store.settings) is None:
        elements.way(links.LAB, "Break it in the tamper lab", links.chain_query(chosen.namespace, chosen.tenant))


def asked(request: Request) -> str | None:
    """Say in words which positions were asked for; None for the whole chain."""
    if request.whole:
        return None
    if request.last is None:
        return f"from position {request.first:,} on"
    return f"positions {span(request.first or 0, request.last)}"


def _bound(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 <= int(text) <= _LARGEST_BOUND:
        message = f"The address asks for position {visible(text[:40])}, which is no whole number from 0; correct it."
        raise InputError(message)
    return int(text)
