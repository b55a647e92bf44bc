"""The parts of the Gaps page: totals, the table of gaps, and one gap with its fates, neighbours and fences.

What a gap is comes from a verification; what its fences say is read when somebody opens it, a window at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core import Verdict
from audit_core.chain.exhibits import read_exhibits
from audit_core.chain.gaps import GapKind, find_gaps, gap_at, gap_totals
from audit_core.chain.words import FINDINGS, VERDICTS
from audit_core.names import visible
from audit_ui import elements, exhibit_parts, exhibit_view, gap_view, links, verification_parts
from audit_ui.formats import count, span, utc

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_core.chain.exhibits import Exhibits
    from audit_core.chain.gaps import Gap, GapPart
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context
    from audit_ui.gap_view import Window

__all__ = ["gaps", "not_verified_yet", "state", "totals"]

MOST_GAPS = 1000
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 8
_LARGEST_INPUT = 2**53 - 1


def not_verified_yet(chosen: TenantEntry) -> None:
    """Say that gaps come from a verification, and offer one."""
    elements.nothing_here(
        "Not verified yet",
        "Which positions have no record, and why, comes from a verification of the whole chain. Nobody has made one "
        "since the program was started.",
    )
    _verify_button(chosen, "Verify the chain")


def state(report: ChainReport, chosen: TenantEntry) -> bool:
    """Say from which verification this is, and how far it came; False where there is no chain to look at."""
    chain = (report.namespace, report.tenant)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        elements.verdict_badge(report.verdict)
        st.caption(f"Verified {utc(report.at)}, by the engine's clock.", width="stretch")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _verify_button(chosen, "Verify again")
        elements.way(links.CHAIN, "The whole verdict on Chain", links.chain_query(*chain))
    if report.verdict is Verdict.UNCHAINED:
        elements.nothing_here(
            "No chain, so no gaps",
            f"{VERDICTS[Verdict.UNCHAINED].means} Nothing numbers them, so nobody can tell whether one is missing.",
        )
        return False
    if report.reason is not None:
        st.markdown(":orange[**⚠ The verification did not come to its end, so there may be more gaps than these:**]")
        st.text(visible(report.reason))
    if report.first_sequence is None:
        elements.nothing_here(
            "No position of this chain was judged",
            "There is neither a record nor a fence of it. The name may be wrong; the Overview lists what there is.",
        )
        return False
    return True


def _verify_button(chosen: TenantEntry, label: str) -> None:
    query = links.chain_query(chosen.namespace, chosen.tenant, gap=st.query_params.get("gap"), verify=1)
    st.button(label, key="verify_gaps", on_click=verification_parts.again, args=(query,))


def totals(report: ChainReport) -> None:
    """Show how many positions have a record and what became of the others, as numbers that add up."""
    counted = gap_totals(report)
    st.subheader("Positions", anchor=False)
    shown = (
        ("Present", counted.present, "A record stands at the position. Whether it is as written, Chain tells."),
        ("Expired", counted.gone[GapKind.EXPIRED], "Gone; the fence proves that the lifetime had passed."),
        ("Unproven", counted.gone[GapKind.UNPROVEN], "Gone; expiry can explain it, and nothing proves it."),
        ("Missing", counted.missing, "Gone, and expiry cannot be the reason."),
    )
    with st.container(horizontal=True, gap="small"):
        for name, number, meaning in shown:
            st.metric(name, f"{number:,}", help=meaning, border=True, width=152)
    missing = [
        f"{counted.gone[kind]:,} {words}"
        for kind, words in (
            (GapKind.DELETED_EARLY, "deleted early"),
            (GapKind.TRUNCATED, "cut off at the end"),
            (GapKind.NEVER_WRITTEN, "never written"),
        )
        if counted.gone[kind]
    ]
    added = " + ".join(f"{number:,}" for _name, number, _meaning in shown)
    st.caption(
        f"Positions {span(report.first_sequence, report.last_sequence)}: {added} = {counted.positions:,}."
        + (f" Missing: {', '.join(missing)}." if missing else "")
    )


def gaps(context: Context, report: ChainReport) -> None:
    """Show the gaps as a table, worst first, and the one that was chosen, or that the address names, in full."""
    found = gap_view.worst_first(find_gaps(report.findings))
    st.subheader("Gaps", anchor=False)
    if not found:
        elements.nothing_here(
            "No gap",
            f"A record stands at each of the positions {span(report.first_sequence, report.last_sequence)}. That "
            "nobody cut records off at the very end together with their fences, only a checkpoint kept outside shows.",
        )
    else:
        _table(found[:MOST_GAPS], report)
        st.caption(
            f"{count(min(len(found), MOST_GAPS), 'gap')} shown"
            + (f" of {len(found):,}, the worst first." if len(found) > MOST_GAPS else ", which is all there is.")
            + " Choose a row to see its neighbours and what its fences say."
        )
    named = st.query_params.get("gap", "")
    if not named:
        return
    gap = gap_at(found, int(named)) if named.isdecimal() else None
    if gap is None:
        st.caption("The position that the link names lies in no gap of this verification; the chain may have changed.")
    else:
        _one_gap(context, report, gap)


def _table(shown: list[Gap], report: ChainReport) -> None:
    key = f"gaps {report.namespace}#{report.tenant} {report.at}"
    st.dataframe(
        pd.DataFrame(gap_view.table_rows(shown)),
        hide_index=True,
        height=_ROW_PIXELS * (min(len(shown), _MOST_ROWS_HIGH) + 1) + 3,
        key=key,
        on_select=lambda: _open_chosen(key, [gap.first for gap in shown]),
        selection_mode="single-row",
        column_config={"What the evidence says": st.column_config.TextColumn(width="large")},
        alt="Gaps, one a row. Choosing a row opens the gap.",
    )


def _open_chosen(key: str, firsts: list[int]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.query_params["gap"] = str(firsts[rows[0]])
        if "fences" in st.query_params:
            del st.query_params["fences"]


def _one_gap(context: Context, report: ChainReport, gap: Gap) -> None:
    chain = (report.namespace, report.tenant)
    asked = st.query_params.get("fences", "")
    window = gap_view.window_of(gap, int(asked) if asked.isdecimal() else None)
    beside = [number for number in (gap.before, gap.after) if number is not None]
    read = read_exhibits(context.store.table, chain, (*window.positions, *beside))
    with st.container(border=True, key="gap"):
        st.subheader(
            f"Gap at {'position' if gap.positions == 1 else 'positions'} {span(gap.first, gap.last)}", anchor=False
        )
        st.caption(f"{count(gap.positions, 'position')} without a record when the chain was verified.")
        for part in gap.parts:
            _part(report, part)
        st.markdown("**What stands beside it**")
        _neighbours(read, gap, chain)
        st.markdown("**What its fences say**")
        st.caption(
            "A fence is written with each record and never expires. A full one keeps the record's hashes and its "
            "expiry; a bare one says only that the number was used."
        )
        _fences(read, gap, window)
        _pager(gap, window, chain)
        elements.read_footer(read.reading, read.at)


def _part(report: ChainReport, part: GapPart) -> None:
    said, kind = FINDINGS[part.finding.kind], part.finding.kind.value
    where = span(part.finding.sequence_number, part.finding.last_sequence_number)
    st.markdown(
        f"**{gap_view.KINDS[part.kind].name}**, position{'' if part.positions == 1 else 's'} {where} (`{kind}`)"
    )
    st.markdown(f"{said.means} *What may be behind it:* {said.causes}")
    if part.finding.inferred:
        st.caption("This is inferred from lifetimes alone: no lifetime in sight explains the absence.")
    chain = (report.namespace, report.tenant)
    if part.kind is GapKind.UNPROVEN:
        st.markdown(
            "Had the chain been **sealed** while these records stood, each fence would hold a copy of its record's "
            "hashes and expiry, and would prove today that the record was allowed to go. For these it is too late; "
            "for the records that still stand it is not."
        )
    else:
        st.markdown(f"*What to do next:* {said.next_step}")
    with st.container(horizontal=True, gap="small"):
        number = next(place for place, finding in enumerate(report.findings) if finding is part.finding)
        elements.way(links.CHAIN, "The finding on Chain", links.chain_query(*chain, finding=number))
        if part.kind is GapKind.UNPROVEN and report.coverage.record_hash_only:
            elements.way(links.CHAIN, "Seal what still stands", links.chain_query(*chain, seal=1))


def _neighbours(read: Exhibits, gap: Gap, chain: tuple[str, str]) -> None:
    before, after = st.columns(2, gap="medium")
    nothing_before = "There is none: the chain starts with this gap."
    nothing_after = "There is none: the chain ends with this gap."
    for cell, number, heading, nothing in (
        (before, gap.before, "Before", nothing_before),
        (after, gap.after, "After", nothing_after),
    ):
        exhibit = None if number is None else read.by_position.get(number)
        empty = exhibit is None or not (exhibit.records or exhibit.fence)
        with cell:
            exhibit_parts.neighbour(None if empty else exhibit, heading, chain, nothing)


def _fences(read: Exhibits, gap: Gap, window: Window) -> None:
    rows = exhibit_view.fence_rows(read.by_position[number] for number in window.positions)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=_ROW_PIXELS * (len(rows) + 1) + 3,
        key=f"fences {gap.first} {window.positions[0]} {len(rows)}",
        alt="What the fence at each position says.",
    )
    where = " and ".join(span(run[0], run[-1]) for run in window.runs)
    whole = ", which is all of it" if len(rows) == gap.positions else f" of {gap.positions:,}"
    st.caption(f"{count(len(rows), 'position')}{whole} shown: {where}. Hashes are shown by their first 16 digits.")


def _pager(gap: Gap, window: Window, chain: tuple[str, str]) -> None:
    """Show the way through a long gap: its ends, on and back, and to a position that one types."""
    if gap.positions <= gap_view.PAGE:
        return
    here = links.chain_query(*chain, gap=gap.first)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="gap_pages"):
        if len(window.runs) == 1:
            elements.turn("⇤ First and last", here, key="gap ends")
        if window.earlier is not None:
            elements.turn("← Earlier positions", {**here, "fences": str(window.earlier)}, key="gap earlier")
        on = gap.first + gap_view.ENDS if len(window.runs) > 1 else window.later
        if on is not None:
            elements.turn("Later positions →", {**here, "fences": str(on)}, key="gap later")
        if gap.last <= _LARGEST_INPUT:
            key = elements.shown_as("gap position", window.positions[0])
            st.number_input(
                "Go to position",
                min_value=gap.first,
                max_value=gap.last,
                step=1,
                key=key,
                width=190,
                on_change=_go_to,
                args=(here, key),
            )


def _go_to(here: dict[str, str], key: str) -> None:
    st.query_params.from_dict({**here, "fences": str(st.session_state[key])})
