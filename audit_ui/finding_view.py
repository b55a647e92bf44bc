"""One finding in full: what it means, what may be behind it, what to do, and the evidence side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.statements import altered_part
from audit_core.chain.words import FINDINGS, SEVERITIES
from audit_core.errors import InputError
from audit_core.names import visible
from audit_ui import elements, links
from audit_ui.formats import count, span
from audit_ui.record_view import hash_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import ChainReport, Finding
    from audit_ui.context import Context

__all__ = ["show", "table_rows"]


def table_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return what a table shows of each finding, all of it text."""
    return [
        {
            "Finding": FINDINGS[finding.kind].name,
            "Weight": SEVERITIES[finding.severity],
            "Position": span(finding.sequence_number, finding.last_sequence_number),
            "Record": visible(finding.record_id or "–"),
            "Expected": visible(finding.expected or "–"),
            "Found": visible(finding.found or "–"),
        }
        for finding in findings
    ]


def show(context: Context, report: ChainReport, finding: Finding) -> None:
    """Show a finding with its evidence; reads its record, where one is named, once."""
    said = FINDINGS[finding.kind]
    where = span(finding.sequence_number, finding.last_sequence_number)
    with st.container(border=True, key="finding"):
        st.subheader(f"{said.name}, position {where}", anchor=False)
        if finding.positions > 1:
            st.caption(f"{count(finding.positions, 'position')} in a row.")
        meaning, causes, next_step = st.columns(3, gap="medium")
        for cell, heading, text in (
            (meaning, "What it means", said.means),
            (causes, "What may be behind it", said.causes),
            (next_step, "What to do next", said.next_step),
        ):
            cell.markdown(f"**{heading}**")
            cell.markdown(text)
        part = altered_part(finding)
        if part:
            st.markdown(part)
        if finding.inferred:
            st.caption("This is inferred from lifetimes alone: no lifetime in sight explains the absence.")
        expected, found = st.columns(2, gap="medium")
        for cell, heading, value in ((expected, "Expected", finding.expected), (found, "Found", finding.found)):
            cell.markdown(f"**{heading}**")
            cell.code(visible(value or "nothing to compare"), language=None, wrap_lines=True)
        _record(context, finding)
        _ways(report, finding)


def _record(context: Context, finding: Finding) -> None:
    if finding.record_id is None:
        return
    st.markdown("**Record**")
    st.code(visible(finding.record_id), language=None)
    try:
        row = context.store.get(finding.record_id)
    except InputError:
        row = None
    if row is None:
        st.caption("It does not stand any more.")
        return
    said = f"{finding.expected} {finding.found}"
    for line in hash_lines(row.stored.item):
        if line.fits is False and line.recomputed not in said:
            stored, now = st.columns(2, gap="medium")
            stored.caption(f"{line.name} as stored")
            stored.code(visible(line.stored), language=None, wrap_lines=True)
            now.caption(f"{line.name} as recomputed now")
            now.code(line.recomputed, language=None, wrap_lines=True)


def _ways(report: ChainReport, finding: Finding) -> None:
    chain = (report.namespace, report.tenant)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if finding.record_id is not None:
            elements.way(links.RECORDS, "Open the record", links.records_query(*chain, record=finding.record_id))
        elements.way(links.RECORDS, "Records by sequence", links.records_query(*chain, order="sequence"))
        first, last = finding.sequence_number, finding.last_sequence_number
        if isinstance(first, int) and isinstance(last, int) and first >= 0:
            first, last = max(0, first - 5), last + 5
            query = links.chain_query(*chain, first=first, last=last, verify=1)
            elements.turn("Verify the positions around it", query, key="around")
