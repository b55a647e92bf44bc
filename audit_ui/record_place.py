"""A record's place in its chain: the neighbours on both sides, the links between them, and what its fence says.

It reads three positions, consistently, and compares; a verdict on the chain is for Chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.exhibits import read_exhibits
from audit_core.errors import InputError
from audit_core.items import whole_number
from audit_core.names import ns_tenant
from audit_core.records import MAX_EXACT_INTEGER
from audit_core.table import Reading
from audit_ui import elements, exhibit_parts, exhibit_view, links
from audit_ui.formats import count, position

if TYPE_CHECKING:
    from audit_core import Row
    from audit_core.chain.exhibits import Exhibits
    from audit_core.chain.findings import Exhibit
    from audit_core.items import Item
    from audit_ui.context import Context

__all__ = ["beside", "place_of", "read_around", "section"]

_LINK_FIELDS = ("previous_hash", "previous_chain_hash")
_FENCE = (
    "A fence is a small item that is written together with each record and never expires. A full one keeps copies of "
    "the record's hashes and its expiry, so it can tell later that the record was there and was allowed to go."
)


def place_of(row: Row) -> tuple[tuple[str, str] | None, int | None]:
    """Return the names of the record's chain, where they can be a chain's, and its whole position in it."""
    names = row.stored.text("namespace"), row.stored.text("tenant")
    number = whole_number(row.stored.item.get("sequence_number", {}).get("N"))
    try:
        ns_tenant(*names)
    except InputError:
        return None, None
    return names, number if number is not None and 0 <= number < MAX_EXACT_INTEGER else None


def read_around(context: Context, chain: tuple[str, str] | None, number: int | None) -> Exhibits | None:
    """Read the record's position and its two neighbours, consistently; None where it has none."""
    if chain is None or number is None:
        return None
    wanted = (place for place in (number - 1, number, number + 1) if place >= 0)
    return read_exhibits(context.store.table, chain, wanted)


def beside(
    context: Context, chain: tuple[str, str], number: int, step: int, read: Exhibits
) -> tuple[str | None, Reading]:
    """Return the id of the nearest record that stands on one side, and what looking for it took."""
    exhibit = read.by_position.get(number + step)
    if exhibit is not None and exhibit.records:
        return str(exhibit.records[0]["id"]["S"]), Reading()
    if step < 0 and number == 0:
        return None, Reading()
    bounds = (number + 2, None) if step > 0 else (None, number - 2)
    page = context.store.positions(*chain, *bounds, forward=step > 0)
    return (page.rows[0].stored.text("id") if page.rows else None), page.reading


def section(row: Row, chain: tuple[str, str] | None, number: int | None, read: Exhibits | None) -> None:
    """Show the record's position with the neighbours on both sides, each link, and what its fence says."""
    st.subheader(
        "Its place in the chain",
        anchor=False,
        help="Every record holds the hash of the one before it. So the two neighbours vouch for each other: one that "
        "is changed, taken out or put in breaks a link.",
    )
    if chain is None:
        st.caption("Its namespace and tenant are no names of a chain.")
        return
    if number is None or read is None:
        stored = row.stored.text("sequence_number")
        st.text(
            f"Its sequence number, {position(stored)}, is no position of a chain."
            if stored
            else "It has no sequence number, so it is in no chain, and no neighbour vouches for it."
        )
        elements.way(links.CHAIN, "Open the tenant's chain", links.chain_query(*chain))
        return
    here, before, after = (read.by_position.get(place) for place in (number, number - 1, number + 1))
    for cell, exhibit, heading, otherwise in zip(
        st.columns(2, gap="medium"),
        (before, after),
        ("Before", "After"),
        ("There is none: the chain starts here.", "There is none: the chain ends here, so far."),
        strict=True,
    ):
        empty = exhibit is None or not (exhibit.records or exhibit.fence is not None)
        with cell:
            exhibit_parts.neighbour(None if empty else exhibit, heading, chain, otherwise)
    record = row.stored.item
    _link("This record's link back", here, record, before, chain)
    _link("The next record's link back", after, after.records[0] if after and after.records else None, here, chain)
    if here is not None:
        line = exhibit_parts.fence_line(here)
        st.text(f"Its fence: {line}", help=_FENCE)
        exhibit_parts.compare(_of_the_fence(here, record, chain))
        if len(here.records) > 1:
            st.markdown(f":red[**✕ {count(len(here.records), 'record')} claim this position**]")
    with st.container(horizontal=True, gap="medium"):
        around = links.around_query(*chain, number, number)
        elements.way(links.CHAIN, "Verify the positions around it", around)
        elements.way(links.CHAIN, "Open its chain", links.chain_query(*chain))


def _link(
    words: str, later: Exhibit | None, record: Item | None, earlier: Exhibit | None, chain: tuple[str, str]
) -> None:
    """Say of a record's link to the position before whether it holds, as far as what stands on both sides can tell."""
    if later is None or record is None or later.sequence_number == 0:
        return
    pairs = [
        pair
        for pair in exhibit_view.comparisons(later, record, earlier, chain)
        if pair.name in _LINK_FIELDS and "position" in pair.right_from
    ]
    if any(pair.differs for pair in pairs):
        st.markdown(f":red[**✕ {words} does not hold**]")
        exhibit_parts.compare([pair for pair in pairs if pair.differs])
    elif pairs:
        st.markdown(f":blue[✓ {words} holds]: {', '.join(pair.name for pair in pairs)}.")
    else:
        st.caption(f"{words} cannot be compared with what stands beside it.")


def _of_the_fence(here: Exhibit, record: Item, chain: tuple[str, str]) -> list[exhibit_view.Comparison]:
    """Return what the fence and the record should agree on."""
    pairs = exhibit_view.comparisons(here, record, None, chain)
    return [pair for pair in pairs if "fence" in pair.left_from]
