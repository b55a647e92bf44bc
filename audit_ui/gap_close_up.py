"""One gap of the Gaps page: its fates, the time around it, what stands beside it, and what each of its fences holds.

What its fences say is read when somebody opens it, a window at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.chain.exhibits import read_exhibits
from audit_core.chain.gaps import GapKind
from audit_core.chain.words import FINDINGS
from audit_ui import (
    elements,
    exhibit_parts,
    exhibit_view,
    gap_timeline,
    gap_view,
    links,
    local_times,
    seal_parts,
    verification,
)
from audit_ui.formats import count, span, utc

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_core.chain.exhibits import Exhibits
    from audit_core.chain.gaps import Gap, GapPart
    from audit_ui.context import Context
    from audit_ui.gap_view import Window

__all__ = ["one_gap"]

_ROW_PIXELS = 35
_LARGEST_INPUT = 2**53 - 1
_LONGEST_POSITION = 20


def one_gap(context: Context, report: ChainReport, gap: Gap) -> None:
    """Show a gap in full."""
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
            _part(context, report, part)
        st.markdown("**The time around it**")
        _timeline(read, gap, window, report)
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


def _part(context: Context, report: ChainReport, part: GapPart) -> None:
    said, kind = FINDINGS[part.finding.kind], part.finding.kind.value
    where = span(part.finding.sequence_number, part.finding.last_sequence_number)
    st.markdown(
        f"**{gap_view.KINDS[part.kind].name}**, position{'' if part.positions == 1 else 's'} {where} (`{kind}`)"
    )
    st.markdown(f"{said.means} *What may be behind it:* {said.causes}")
    if part.finding.inferred:
        st.caption("This is inferred from lifetimes alone: no lifetime in sight explains the absence.")
    chain = (report.namespace, report.tenant)
    st.caption(f"What this does not say: {_lower(gap_view.KINDS[part.kind].does_not_say)}")
    left = 0
    if part.kind is GapKind.UNPROVEN:
        sealed = verification.reports().sealed_since(context.table_key, *chain)
        left = 0 if sealed else report.coverage.record_hash_only
        st.markdown(
            "Had the chain been **sealed** while these records stood, each fence would hold a copy of its record's "
            "hashes and expiry, and would prove today that the record was allowed to go. For these it is too late"
            + ("; for the records that still stand it is not." if left else ".")
        )
        if sealed:
            st.markdown(seal_parts.SEALED_SINCE)
    else:
        st.markdown(f"*What to do next:* {said.next_step}")
    with st.container(horizontal=True, gap="small"):
        number = next(place for place, finding in enumerate(report.findings) if finding is part.finding)
        elements.way(links.CHAIN, "The finding on Chain", links.chain_query(*chain, finding=number))
        if left:
            label = f"Seal the {count(left, 'record')} that still stand{'s' if left == 1 else ''} …"
            if st.button(label, key=f"seal {part.finding.sequence_number}", type="primary"):
                st.switch_page(links.CHAIN, query_params=links.chain_query(*chain, seal=1))


def _timeline(read: Exhibits, gap: Gap, window: Window, report: ChainReport) -> None:
    deleted = gap_timeline.deletion_span(gap, read.by_position, report.at)
    if deleted is not None:
        st.markdown(
            f"Whoever deleted it did so **between {utc(deleted[0])} and {utc(deleted[1])}**: after the record before "
            "it was dispatched, by that record's own time, and before it was found missing. That is the span to look "
            "at in the logs."
        )
    found = gap_timeline.events(gap, read.by_position, window.positions, report.at)
    rows = gap_timeline.table_rows(found, local_times.where())
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=_ROW_PIXELS * (len(rows) + 1) + 3,
        key=f"timeline {gap.first} {window.positions[0]} {read.at}",
        alt="What is known of the time around the gap, in order.",
    )
    st.caption(
        "A record that is gone leaves no time of its own: its neighbours and its fence frame it."
        + (" The first and the last are those of the positions shown below." if gap.positions > 1 else "")
    )


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
    key = f"fences {gap.first} {window.positions[0]} {len(rows)}"
    named = st.query_params.get("fence", "")
    number = int(named) if named.isdecimal() and len(named) <= _LONGEST_POSITION else None
    opened = window.positions.index(number) if number in window.positions else None
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=_ROW_PIXELS * (len(rows) + 1) + 3,
        key=elements.row_shown_as(key, opened),
        on_select=lambda: _open_fence(key, window.positions),
        selection_mode="single-row",
        column_config={"Record id": st.column_config.TextColumn(width=elements.ID_PIXELS)},
        alt="What the fence at each position says. Choosing a row shows all that it holds.",
    )
    where = " and ".join(span(run[0], run[-1]) for run in window.runs)
    whole = ", which is all of it" if len(rows) == gap.positions else f" of {gap.positions:,}"
    st.caption(
        f"{count(len(rows), 'position')}{whole} shown: {where}. Hashes are shown by their first 16 digits; choose a "
        "row to see all that its fence holds."
    )
    exhibit = read.by_position.get(window.positions[opened]) if opened is not None else None
    if exhibit is None:
        return
    with st.container(border=True, key="fence"):
        st.markdown(f"**The fence of position {exhibit.sequence_number:,}**")
        line = exhibit_parts.fence_line(exhibit)
        st.text(line[0].upper() + line[1:])
        if exhibit.fence is not None:
            exhibit_parts.item_fields(exhibit.fence)


def _open_fence(key: str, positions: list[int]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.query_params["fence"] = str(positions[rows[0]])
    else:
        st.query_params.pop("fence", None)


def _lower(text: str) -> str:
    return f"{text[0].lower()}{text[1:]}"


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
