"""One position of a chain as it was read: its records, what differs in them, its fence, and its neighbours.

Chain shows it for a finding, Gaps for what stands beside a gap. All text of records and fences is shown as text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.items import text_of
from audit_core.names import visible
from audit_ui import elements, exhibit_view, links
from audit_ui.formats import position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import Exhibit
    from audit_core.items import Item
    from audit_ui.exhibit_view import Comparison

__all__ = ["compare", "fence_line", "item_fields", "neighbour", "whole"]


def whole(exhibit: Exhibit, before: Exhibit | None, chain: tuple[str, str]) -> None:
    """Show a position in full: each record with what differs and all its fields, then the fence."""
    if not exhibit.records:
        st.text("No record stands here.")
    for number, record in enumerate(exhibit.records, start=1):
        several = f" ({number} of {len(exhibit.records)} that claim it)" if len(exhibit.records) > 1 else ""
        st.markdown(f"**Its record**{several}")
        st.text("\n".join(exhibit_view.record_lines(record)))
        compare(exhibit_view.comparisons(exhibit, record, before, chain))
        with st.expander("All fields of the record"):
            item_fields(record)
    st.markdown("**Its fence**")
    line = fence_line(exhibit)
    st.text(line[0].upper() + line[1:])
    if exhibit.fence is not None and len(exhibit.fence) > len(("id", "_fence")):
        with st.expander("All attributes of the fence"):
            item_fields(exhibit.fence)


def compare(pairs: Sequence[Comparison]) -> None:
    """Show the values that differ side by side, each marked, and name those that are the same."""
    for pair in pairs:
        if not pair.differs:
            continue
        st.markdown(f":red[**✕ {pair.name} differs**]")
        left, right = visible(pair.left or "none"), visible(pair.right or "none")
        for cell, place, value, other in zip(
            st.columns(2, gap="medium"), (pair.left_from, pair.right_from), (left, right), (right, left), strict=True
        ):
            cell.caption(place[0].upper() + place[1:])
            cell.code(exhibit_view.marked(value, other), language=None)
        if pair.left and pair.right:
            st.caption(exhibit_view.difference_words(pair))
    same = [f"{pair.name} ({pair.left_from}, {pair.right_from})" for pair in pairs if not pair.differs]
    if same:
        st.caption("✓ The same in both places: " + "; ".join(same) + ".")


def neighbour(exhibit: Exhibit | None, heading: str, chain: tuple[str, str], otherwise: str) -> None:
    """Show a position beside a finding or a gap in a few lines, with the ways to it; `otherwise` says why none is."""
    with st.container(border=True):
        if exhibit is None:
            st.markdown(f"**{heading}**")
            st.caption(otherwise)
            return
        number = exhibit.sequence_number
        st.markdown(f"**{heading}: position {position(str(number))}**")
        if not exhibit.records:
            st.text("No record stands here.")
        for record in exhibit.records:
            st.text("\n".join(exhibit_view.record_lines(record)))
            differing = [pair.name for pair in exhibit_view.comparisons(exhibit, record, None, chain) if pair.differs]
            st.caption(f"✕ Differs: {', '.join(differing)}." if differing else "✓ Its hashes fit what it holds.")
        st.text(f"Fence: {fence_line(exhibit)}")
        _ways(exhibit, chain)


def _ways(exhibit: Exhibit, chain: tuple[str, str]) -> None:
    number = exhibit.sequence_number
    with st.container(horizontal=True, gap="small"):
        for record in exhibit.records:
            query = links.records_query(*chain, record=text_of(record, "id"))
            elements.way(links.RECORDS, "Open the record", query)
        if not isinstance(number, int):
            return
        around = links.around_query(*chain, number, number)
        elements.way(links.CHAIN, "Verify around it", around)
        if not exhibit.records:
            elements.way(links.GAPS, "See the gap", links.chain_query(*chain, gap=number))


def fence_line(exhibit: Exhibit) -> str:
    """Say in a line what the fence is, and until when it lets the record live."""
    if not exhibit.fence_read and exhibit.fence is None:
        return "not read; a thorough verification reads it"
    fence = exhibit_view.read_fence(exhibit)
    if fence is None:
        return "none"
    expiry = exhibit_view.expiry_words(fence)
    until = "" if expiry == "–" else f". By it the record may expire: {expiry}"
    return visible(exhibit_view.fence_words(fence) + until)


def item_fields(item: Item) -> None:
    """Show every attribute of a typed item by its own name, as it is stored."""
    elements.field_list((visible(name), _stored(item, name)) for name in sorted(item))


def _stored(item: Item, name: str) -> str:
    value = item[name]
    text = value.get("S", value.get("N"))
    return text if isinstance(text, str) else json.dumps(value, ensure_ascii=False, default=repr)
