"""The parts of the Gaps page: totals, the choice of a fate, and the table of gaps. One gap is in `gap_close_up`.

What a gap is comes from a verification, and this page starts none by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core import Verdict
from audit_core.chain.gaps import GapKind, find_gaps, gap_at, gap_totals
from audit_core.chain.words import VERDICTS
from audit_core.names import visible
from audit_ui import elements, gap_close_up, gap_view, links, verification_parts
from audit_ui.formats import count, span, utc

if TYPE_CHECKING:
    from audit_core import ChainReport
    from audit_core.chain.gaps import Gap
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = ["gaps", "not_verified_yet", "state", "totals"]

MOST_GAPS = 1000
_ROW_PIXELS = 35
_MOST_ROWS_HIGH = 8


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
            f"{VERDICTS[Verdict.UNCHAINED].headline} Nothing numbers them, so nobody can tell whether one is missing.",
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
    named = st.query_params.get("gap", "")
    gap = gap_at(found, int(named)) if named.isdecimal() else None
    st.subheader("Gaps", anchor=False)
    if not found:
        elements.nothing_here(
            "No gap",
            f"A record stands at each of the positions {span(report.first_sequence, report.last_sequence)}. That "
            "nobody cut records off at the very end together with their fences, only a checkpoint kept outside shows.",
        )
    else:
        _choice_of_fate(found)
        chosen = gap_view.of_fate(found, st.query_params.get("fate", ""))
        if chosen:
            _table(chosen[:MOST_GAPS], report, gap)
        st.caption(
            f"{count(min(len(chosen), MOST_GAPS), 'gap')} of {len(found):,} shown, the worst first. Choose a row to "
            "see the time around it, its neighbours, and what its fences say."
        )
    if gap is not None:
        gap_close_up.one_gap(context, report, gap)
    elif named:
        st.caption("The position that the link names lies in no gap of this verification; the chain may have changed.")


def _choice_of_fate(found: list[Gap]) -> None:
    """Let the visitor see what is missing apart from what nobody can tell and from what was allowed to go."""
    asked = st.query_params.get("fate", "")
    numbers = {name: len(gap_view.of_fate(found, name)) for name in gap_view.FATES}
    st.radio(
        "Show",
        ["", *gap_view.FATES],
        format_func=lambda name: (
            f"{gap_view.FATES[name].name} ({numbers[name]:,})" if name else f"All gaps ({len(found):,})"
        ),
        key=elements.shown_as("fate", asked if asked in gap_view.FATES else ""),
        horizontal=True,
        on_change=_choose_fate,
        label_visibility="collapsed",
    )


def _choose_fate() -> None:
    chosen = st.session_state["fate"]
    if chosen:
        st.query_params["fate"] = chosen
    else:
        st.query_params.pop("fate", None)


def _table(shown: list[Gap], report: ChainReport, opened: Gap | None) -> None:
    key = f"gaps {report.namespace}#{report.tenant} {report.at}"
    st.dataframe(
        pd.DataFrame(gap_view.table_rows(shown)),
        hide_index=True,
        height=_ROW_PIXELS * (min(len(shown), _MOST_ROWS_HIGH) + 1) + 3,
        key=elements.row_shown_as(key, shown.index(opened) if opened in shown else None),
        on_select=lambda: _open_chosen(key, [gap.first for gap in shown]),
        selection_mode="single-row",
        column_config={"What the evidence says": st.column_config.TextColumn(width="large")},
        alt="Gaps, one a row. Choosing a row opens the gap.",
    )


def _open_chosen(key: str, firsts: list[int]) -> None:
    rows = st.session_state[key].selection.rows
    for name in ("gap", "fences", "fence"):
        st.query_params.pop(name, None)
    if rows:
        st.query_params["gap"] = str(firsts[rows[0]])
