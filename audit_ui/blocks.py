"""Up to fifty positions as blocks with their numbers and the first digits of their hashes, joined by their links.

Values in, a Plotly figure out. A break is drawn where it is: on the link between what was altered or taken out and the
position that still names what stood there. States look as `figures` has them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from audit_core.chain.findings import FindingKind
from audit_ui import figures
from audit_ui.strip import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audit_core.chain.findings import Finding
    from audit_ui.strip import Bin, Strip

__all__ = ["IN_A_ROW", "Link", "LinkState", "blocks_figure", "links_between"]

IN_A_ROW = 5
"""So few that a number and its digits can be read at 390 pixels."""

DIGITS = 6
BREAK_PIXELS = 13

_WIDTH = 0.8
_STEP = 1.25
_ROW_PIXELS = 50
_NOTHING_TO_LINK_TO = frozenset(
    (
        FindingKind.CONTENT_MODIFIED,
        FindingKind.MISSING_HASH,
        FindingKind.DUPLICATE_SEQUENCE,
        FindingKind.MALFORMED_RECORD,
    )
)
"""Whoever links back to such a position links to something else than stands there."""


class LinkState(enum.Enum):
    """Whether a position links to what stands before it."""

    HOLDS = "link holds"
    FENCES = "link kept by the fences"
    UNKNOWN = "link not checked"
    BROKEN = "link broken"


@dataclass(frozen=True, slots=True)
class Link:
    """The link from position `before` to the one after it."""

    before: int
    state: LinkState


def links_between(strip: Strip, findings: Iterable[Finding]) -> tuple[Link, ...]:
    """Return the links between the blocks of a strip, by what was found of both ends."""
    states = {entry.first: entry.state for entry in strip.bins}
    cut: set[int] = set()
    for finding in findings:
        first, last = finding.sequence_number, finding.last_sequence_number
        if first is None or last is None:
            continue
        low, high = (max(int(first), min(states) - 1), min(int(last), max(states) + 1)) if states else (1, 0)
        if finding.kind is FindingKind.BROKEN_LINK:
            cut.update(number - 1 for number in range(low, high + 1))
        elif finding.kind in _NOTHING_TO_LINK_TO:
            cut.update(range(low, high + 1))
    return tuple(Link(one.first, _link(one, other, cut)) for one, other in pairwise(strip.bins))


def _link(one: Bin, other: Bin, cut: set[int]) -> LinkState:
    ends = {one.state, other.state}
    if one.first in cut or State.GAP in ends:
        return LinkState.BROKEN
    if ends & {State.NOT_CHECKED, State.UNPROVEN}:
        return LinkState.UNKNOWN
    return LinkState.FENCES if State.EXPIRED in ends else LinkState.HOLDS


def blocks_figure(strip: Strip, links: Sequence[Link], digits: Mapping[int, str], *, dark: bool) -> go.Figure:
    """Return the figure; `digits` are the hashes by position, of which the first ones are shown."""
    figure = go.Figure()
    places = {
        entry.first: (number % IN_A_ROW, -(number // IN_A_ROW) * _STEP) for number, entry in enumerate(strip.bins)
    }
    for state, look in figures.STATES.items():
        shown = [entry for entry in strip.bins if entry.state is state]
        if shown:
            spots = [places[entry.first] for entry in shown]
            figure.add_trace(figures.bars(shown, look, spots, [_WIDTH] * len(shown), dark=dark))
    _draw_links(figure, links, places, dark=dark)
    for entry in strip.bins:
        x, base = places[entry.first]
        look = figures.STATES[entry.state]
        number = f"{look.symbol} {entry.first}" if entry.state is not State.VERIFIED else f"{entry.first}"
        hashed = digits.get(entry.first, "")[:DIGITS] or "no hash"
        figure.add_annotation(
            x=x,
            y=base + 0.5,
            text=f"{number}<br><span style='font-family:monospace'>{hashed}</span>",
            showarrow=False,
            captureevents=False,
            bgcolor=figures.page_colour(dark=dark),
            borderpad=1,
            font={"size": 11},
        )
    rows = -(-len(strip.bins) // IN_A_ROW)
    figure.update_layout(**figures.layout(dark=dark), height=70 + _ROW_PIXELS * rows)
    figure.update_layout(legend={"y": -0.02})
    figure.update_xaxes(**figures.FIXED, range=[-0.55, IN_A_ROW - 0.45], visible=False)
    figure.update_yaxes(**figures.FIXED, range=[-(rows - 1) * _STEP - 0.1, 1.1], visible=False)
    return figure


def _draw_links(
    figure: go.Figure, links: Sequence[Link], places: Mapping[int, tuple[float, float]], *, dark: bool
) -> None:
    """Draw a line from block to block, over to the next row as well, and a cross on those that are broken."""
    line = figures.text_colour(dark=dark)
    broken = figures.STATES[State.BROKEN].colour(dark=dark)
    dashes = {LinkState.HOLDS: "solid", LinkState.FENCES: "dot", LinkState.UNKNOWN: "dot", LinkState.BROKEN: "dash"}
    crosses: list[tuple[float, float, Link]] = []
    for link in links:
        (x, base), after = places[link.before], places[link.before + 1]
        style = {"color": broken if link.state is LinkState.BROKEN else line, "width": 2, "dash": dashes[link.state]}
        right, left = x + _WIDTH / 2, after[0] - _WIDTH / 2
        if after[1] == base:
            pieces, middle = [(right, left, base)], (right + left) / 2
        else:  # the next row: a stub at either end
            pieces = [(right, right + 0.14, base), (left - 0.14, left, after[1])]
            middle, base = left - 0.07, after[1]
        for x0, x1, y in pieces:
            figure.add_shape(type="line", x0=x0, x1=x1, y0=y + 0.5, y1=y + 0.5, line=style)
        if link.state is LinkState.BROKEN:
            crosses.append((middle, base + 0.5, link))
    if crosses:
        figure.add_trace(
            go.Scatter(
                x=[x for x, _y, _link in crosses],
                y=[y for _x, y, _link in crosses],
                mode="markers",
                marker={"symbol": "x", "size": BREAK_PIXELS, "color": broken},
                customdata=[[str(link.before), str(link.before + 1)] for _x, _y, link in crosses],
                hovertext=[f"✕ {link.state.value}: {link.before:,} to {link.before + 1:,}" for _x, _y, link in crosses],
                hoverinfo="text",
                name=f"✕ {LinkState.BROKEN.value}",
                showlegend=True,
                **figures.WHEN_CHOSEN,
            )
        )
