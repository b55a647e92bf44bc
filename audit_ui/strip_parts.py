"""The strip on the Chain page: the whole chain at one look, and closer by a click, a key or a link, to single records.

The address keeps which part is looked at (`zoom`), and which position is opened (`position`). What a part is made of is
decided in `strip` and `zoom`, how it looks in `figures` and `blocks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.exhibits import read_exhibits
from audit_core.chain.words import VERDICTS
from audit_core.errors import InputError
from audit_core.items import text_of
from audit_ui import blocks, elements, exhibit_parts, figures, zoom
from audit_ui.formats import cost, count, span
from audit_ui.strip import MAX_BLOCKS, build_strip, extent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audit_core import ChainReport
    from audit_core.chain.exhibits import Exhibits
    from audit_core.chain.findings import Exhibit
    from audit_ui.context import Context
    from audit_ui.strip import Strip
    from audit_ui.verification import Request

__all__ = ["section", "zoomed_query"]

_LARGEST_INPUT = 2**53 - 1


def section(context: Context, report: ChainReport, request: Request) -> None:
    """Show the chain as a strip in order, each bin with the worst of what it holds, and the ways to look closer."""
    extent = extent_of(report, request.first, request.last)
    if extent is None:
        return
    asked = zoom.read_zoom(st.query_params.get("zoom", ""), extent)
    shown = build_strip(report, request.first, request.last, asked)
    st.subheader("Position by position", anchor=False)
    _trail(zoom.trail(extent, asked))
    stretches = count(len(shown.marks), "bad stretch", "bad stretches")
    where = "" if asked is None else f" Positions {span(*asked)}:"
    alt = f"{VERDICTS[report.verdict].headline}{where} {stretches}; see the findings."
    if shown.single:
        _blocks(context, report, shown, extent, alt)
    else:
        figure = figures.strip_figure(shown, dark=elements.is_dark())
        _clickable(figure, shown, alt, lambda target: _zoom_to(zoom.closer(target, extent)))
        widest = max(entry.last - entry.first + 1 for entry in shown.bins)
        per_bar = "one position" if widest == 1 else f"up to {widest:,} positions, by the worst of them"
        st.caption(
            f"Positions {span(shown.bins[0].first, shown.bins[-1].last)} in order. Each bar is {per_bar}. "
            "Click a bar or a mark to look closer."
        )
    if extent[1] - extent[0] >= MAX_BLOCKS:
        _ways(build_strip(report, request.first, request.last), extent, asked)


def zoomed_query(window: tuple[int, int]) -> dict[str, str]:
    """Return the address of this page with another part of the strip."""
    query = {name: value for name, value in st.query_params.to_dict().items() if name not in {"zoom", "position"}}
    return {**query, "zoom": zoom.as_text(window)}


def _trail(steps: list[tuple[int, int]]) -> None:
    """Show the way from the whole chain down to what is shown; each step up is a click."""
    if len(steps) == 1:
        return
    whole = {name: value for name, value in st.query_params.to_dict().items() if name not in {"zoom", "position"}}
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="trail"):
        for number, step in enumerate(steps[:-1]):
            name = f"{'All positions, ' if number == 0 else ''}{span(*step)}"
            elements.turn(name, whole if number == 0 else zoomed_query(step), key=f"trail {number}")
            st.text("→", width="content")
        st.markdown(f"**{span(*steps[-1])}**", width="content")


def _clickable(figure: object, shown: Strip, alt: str, go_to: Callable[[tuple[int, int]], None]) -> None:
    """Show the figure; a click on a bar or a mark hands over its first and last position."""
    key = f"strip {shown.bins[0].first} {shown.bins[-1].last}"

    def chosen() -> None:
        points = st.session_state[key].selection.points
        if points:
            first, last = (int(number) for number in points[0]["customdata"])
            go_to((first, last))

    st.plotly_chart(
        figure,
        theme=None,
        config={"displayModeBar": False},
        alt=alt,
        key=key,
        on_select=chosen,
        selection_mode="points",
    )


def _zoom_to(window: tuple[int, int]) -> None:
    st.query_params.from_dict(zoomed_query(window))


def _open(target: tuple[int, int]) -> None:
    st.query_params["position"] = str(target[0])


def _blocks(context: Context, report: ChainReport, shown: Strip, extent: tuple[int, int], alt: str) -> None:
    """Show up to fifty positions as blocks, with the digits of their hashes as they stand now."""
    chain = (report.namespace, report.tenant)
    positions = range(shown.bins[0].first, shown.bins[-1].last + 1)
    before = positions[0] - 1
    try:
        read = read_exhibits(context.store.table, chain, (*((before,) if before >= 0 else ()), *positions))
    except InputError as error:
        st.text(str(error))
        return
    digits = {number: _hash(exhibit) for number, exhibit in read.by_position.items()}
    figure = blocks.blocks_figure(shown, blocks.links_between(shown, report.findings), digits, dark=elements.is_dark())
    _clickable(figure, shown, alt, _open)
    st.caption(
        f"Positions {span(positions[0], positions[-1])}, a block each, in the order of the chain: its number, and the "
        "first digits of its record's hash. A line is the link to the position before. Click a block to open it.",
        help="The states are those of the verification. The digits were read just now: the record_hash that stands in "
        "the record or, where the record is gone, in its full fence.",
    )
    _position(read, positions, chain, extent)
    st.caption(f"The digits: {cost(read.reading)}.")


def _hash(exhibit: Exhibit) -> str:
    for item in (*exhibit.records, *(() if exhibit.fence is None else (exhibit.fence,))):
        found = text_of(item, "record_hash")
        if found and all(digit in "0123456789abcdef" for digit in found):
            return found
    return ""


def _position(read: Exhibits, positions: range, chain: tuple[str, str], extent: tuple[int, int]) -> None:
    """Show the block that was opened in full, as it stands now."""
    named = st.query_params.get("position", "")
    place = int(named) if named.isascii() and named.isdecimal() else None
    if place is None or place not in positions:
        return
    with st.container(border=True, key="position"):
        st.subheader(f"Position {place:,} as it stands now", anchor=False)
        exhibit_parts.whole(read.by_position[place], _behind(read.by_position, place), chain)
        query = st.query_params.to_dict()
        with st.container(horizontal=True, gap="small"):
            for label, other in (("← Position before", place - 1), ("Position after →", place + 1)):
                if extent[0] <= other <= extent[1]:
                    window = {} if other in positions else {"zoom": zoom.as_text(zoom.around(other, extent))}
                    elements.turn(label, {**query, **window, "position": str(other)}, key=label)
            elements.turn("Close", {name: text for name, text in query.items() if name != "position"}, key="close")


def _behind(exhibits: Mapping[int, Exhibit], place: int) -> Exhibit | None:
    found = exhibits.get(place - 1)
    return found if found is not None and (found.records or found.fence is not None) else None


def _ways(whole: Strip, extent: tuple[int, int], asked: tuple[int, int] | None) -> None:
    """Show the ways along the chain that need no pointer: bad stretches, parts beside it, a position by number."""
    query = st.query_params.to_dict()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="strip_ways"):
        before, after = zoom.previous_mark(whole.marks, asked), zoom.next_mark(whole.marks, asked)
        for label, mark in (
            ("← Bad stretch before", before),
            ("Next bad stretch →" if asked else "First bad stretch", after),
        ):
            if mark is not None:
                window = zoom.closer((mark.first, mark.last), extent)
                elements.turn(label, zoomed_query(window), key=f"mark {label}")
        for label, way in (("← Earlier", -1), ("Later →", 1)):
            part = None if asked is None else zoom.beside(asked, extent, way)
            if part is not None:
                elements.turn(label, zoomed_query(part), key=label)
        if extent[1] <= _LARGEST_INPUT:
            named = query.get("position", "")
            given = int(named) if named.isdecimal() and extent[0] <= int(named) <= extent[1] else None
            key = elements.shown_as("go to position", given)
            st.number_input(
                "Go to position",
                min_value=extent[0],
                max_value=extent[1],
                value=None,
                step=1,
                placeholder="number",
                key=key,
                width=170,
                on_change=_go_to,
                args=(key, extent),
            )


def _go_to(key: str, extent: tuple[int, int]) -> None:
    number = st.session_state[key]
    if number is not None:
        st.query_params.from_dict({**zoomed_query(zoom.around(number, extent)), "position": str(number)})
