"""What is said where no record is called so: what that may mean, and the ways to what can tell what became of it.

No index keeps the id of a record that is gone. Its position and fence do stay in its chain, so the chain is where to
look; a finding of its last verification that names what was asked for is led to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.names import visible
from audit_ui import elements, links, verification
from audit_ui.record_read import typed_position

if TYPE_CHECKING:
    from audit_core import Finding
    from audit_ui.context import Context

__all__ = ["no_record", "no_such_id"]


def no_such_id(context: Context, text: str, chain: tuple[str, str] | None) -> None:
    """Say that no record has this id, and where to learn what became of it; `chain` is where it may have been."""
    elements.nothing_here(
        "There is no such record",
        "The id may be mistyped, or the record may have expired or been deleted. What is gone keeps its position in "
        "its chain: a verification says of each position whether its record was allowed to go.",
    )
    st.text(visible(text))
    _ways(context, text, chain, None)


def no_record(context: Context, text: str, chain: tuple[str, str] | None) -> None:
    """Say that a search found nothing: of a number, that no record stands at that position of the chain."""
    number = None if chain is None else typed_position(text)
    if number is None:
        elements.nothing_here(
            "Nothing is called exactly this",
            "Only a whole record id or action id is found here. To look for a part of another field, add a filter to "
            "the list. If it is the whole id of a record that you know of, that record may have expired or been "
            "deleted: verify the chain that it was in.",
        )
    else:
        elements.nothing_here(
            f"No record stands at position {number:,} of this chain",
            "Nor is any record or action of the table called so. Whether a record was written there, and whether it "
            "was allowed to go, a verification of the positions around it says.",
        )
    st.text(visible(text))
    _ways(context, text, chain, number)


def _ways(context: Context, text: str, chain: tuple[str, str] | None, number: int | None) -> None:
    if chain is None:
        elements.way(links.TENANTS, "Find its chain", {})
        return
    with st.container(horizontal=True, gap="medium"):
        report = verification.reports().last(context.table_key, *chain)
        for place, finding in enumerate(report.findings if report is not None else ()):
            if _is_about(finding, text, number):
                elements.way(links.CHAIN, "The finding about it", links.chain_query(*chain, finding=place))
                break
        if number is not None:
            around = links.around_query(*chain, number, number)
            elements.way(links.CHAIN, "Verify the positions around it", around)
        else:
            elements.way(links.CHAIN, "Open the chain", links.chain_query(*chain))
        elements.way(links.GAPS, "Gaps of the chain", links.chain_query(*chain, gap=number))


def _is_about(finding: Finding, text: str, number: int | None) -> bool:
    """Whether a finding speaks of this position, or names this record: itself, or the fence that it rests on."""
    if number is not None:
        first, last = finding.sequence_number, finding.last_sequence_number
        return first is not None and last is not None and first <= number <= last
    exhibit = finding.evidence.exhibit if finding.evidence is not None else None
    fence = exhibit.fence if exhibit is not None else None
    return text in {finding.record_id, (fence or {}).get("record_id", {}).get("S")}
