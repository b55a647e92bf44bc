"""One finding in full: what it means, what may be behind it, what to do, and the evidence as it was read again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.exhibits import read_evidence
from audit_core.chain.findings import Severity
from audit_core.chain.gaps import gap_kind
from audit_core.chain.statements import altered_part
from audit_core.chain.words import FINDINGS, SEVERITIES
from audit_core.errors import InputError
from audit_core.names import visible
from audit_ui import elements, exhibit_parts, links, record_view
from audit_ui.formats import cost, count, span, utc
from audit_ui.strip_parts import zoomed_query
from audit_ui.zoom import closer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import ChainReport, Finding
    from audit_core.chain.findings import Evidence
    from audit_ui.context import Context

__all__ = ["gravest", "show", "table_rows"]

_HASH = re.compile(r"\b[0-9a-f]{64}\b", re.ASCII)
_SHOWN_DIGITS = 12


def table_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return what a table shows of each finding, all of it text."""
    return [
        {
            "Finding": FINDINGS[finding.kind].name,
            "Weight": SEVERITIES[finding.severity],
            "Position": _place(finding),
            "Record": visible(finding.record_id or "–"),
            "Expected": _in_a_cell(finding.expected),
            "Found": _in_a_cell(finding.found),
        }
        for finding in findings
    ]


def _in_a_cell(text: str | None) -> str:
    """Return what was expected or found with hashes by their first digits, as a narrow cell can show them."""
    return visible(_HASH.sub(lambda found: f"{found[0][:_SHOWN_DIGITS]}…", text or "–"))


def gravest(findings: Sequence[Finding]) -> int | None:
    """Return the place of the first break, or else of the first that is unproven; None where nothing is amiss."""
    for severity in (Severity.BREAK, Severity.UNPROVEN):
        for place, finding in enumerate(findings):
            if finding.severity is severity:
                return place
    return None


def show(context: Context, report: ChainReport, finding: Finding) -> None:
    """Show a finding with its evidence; where none was kept, what stands there is read now."""
    said = FINDINGS[finding.kind]
    with st.container(border=True, key="finding"):
        st.subheader(f"{said.name}, {_where(finding)}", anchor=False)
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
        _ways(report, finding)
        if finding.evidence is None:
            _read_now(context, report, finding)
        else:
            st.subheader("What was read again", anchor=False)
            st.caption(
                f"Read a second time before it was reported, {utc(finding.evidence.at)} by the engine's clock. "
                "It is shown as it was then."
            )
            _evidence(report, finding, finding.evidence)


def _read_now(context: Context, report: ChainReport, finding: Finding) -> None:
    """Read what stands at the finding, and say that this is not what the verification saw."""
    st.subheader("What stands there now", anchor=False)
    why = (
        "so many findings were made that the evidence was kept of the first only"
        if finding.severity is Severity.BREAK
        else "the verification keeps evidence of breaks only, and this is none"
    )
    chain = (report.namespace, report.tenant)
    evidence, reading = read_evidence(context.store.table, chain, finding)
    if evidence.exhibit is None:
        st.caption("It stands at no position of the chain: it has no fence and no neighbours. Read now, by its id.")
        _record_alone(context, finding)
        return
    st.caption(f"Read now, {utc(evidence.at)}: {why}. {cost(reading)}.")
    _evidence(report, finding, evidence)


def _evidence(report: ChainReport, finding: Finding, evidence: Evidence) -> None:
    chain = (report.namespace, report.tenant)
    if evidence.exhibit is not None:
        if finding.positions > 1:
            st.caption("The first of its positions is shown.")
        exhibit_parts.whole(evidence.exhibit, evidence.before, chain)
    if not isinstance(finding.sequence_number, int):
        return
    start = "There is none: the chain starts here." if finding.sequence_number == 0 else "Nothing stands there."
    before, after = st.columns(2, gap="medium")
    with before:
        exhibit_parts.neighbour(evidence.before, "The neighbour before", chain, start)
    with after:
        exhibit_parts.neighbour(evidence.after, "The neighbour after", chain, "Nothing stands there.")


def _record_alone(context: Context, finding: Finding) -> None:
    """Show a record that is at no position by its id."""
    try:
        row = None if finding.record_id is None else context.store.get(finding.record_id)
    except InputError:
        row = None
    if row is None:
        st.text("It does not stand any more.")
        return
    for line in record_view.hash_lines(row.stored.item):
        if line.fits is not None:
            st.caption(f"{line.name}: {'✓ fits the content' if line.fits else '✕ does not fit the content'}")
    with st.expander("All fields of the record"):
        exhibit_parts.item_fields(row.stored.item)


def _ways(report: ChainReport, finding: Finding) -> None:
    chain = (report.namespace, report.tenant)
    first, last = finding.sequence_number, finding.last_sequence_number
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if gap_kind(finding) is not None:
            elements.way(links.GAPS, "See the gap", links.chain_query(*chain, gap=first))
        elif finding.record_id is not None:
            elements.way(links.RECORDS, "Open the record", links.records_query(*chain, record=finding.record_id))
        if isinstance(first, int) and isinstance(last, int) and first >= 0:
            query = links.around_query(*chain, first, last)
            elements.turn("Verify the positions around it", query, key="around")
            if report.first_sequence is not None and report.last_sequence is not None:
                extent = (min(report.first_sequence, first), max(report.last_sequence, last))
                elements.turn("Show it in the strip", zoomed_query(closer((first, last), extent)), key="in_strip")
        order = "sequence" if first is not None else ""
        elements.way(links.RECORDS, "Records of the chain", links.records_query(*chain, order=order))


def _where(finding: Finding) -> str:
    if finding.sequence_number is None:
        return "no position"
    return f"position{'s' if finding.positions > 1 else ''} {_place(finding)}"


def _place(finding: Finding) -> str:
    return "–" if finding.sequence_number is None else span(finding.sequence_number, finding.last_sequence_number)
