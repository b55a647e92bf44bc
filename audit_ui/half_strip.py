"""The strip for half the width of a page, where two stand side by side: numbered blocks of a short one, or bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from audit_ui import figures
from audit_ui.strip import State

if TYPE_CHECKING:
    from audit_ui.strip import Strip

__all__ = ["half_strip_figure"]

_IN_A_ROW = 10
_STEP = 1.15
_WIDTH = 0.94
_LEGEND_PIXELS = 44
"""What a second line of the legend takes."""


def half_strip_figure(strip: Strip, *, dark: bool) -> go.Figure:
    """Return the strip as a figure whose legend has room for more lines than one."""
    figure = _numbered_blocks(strip, dark=dark) if strip.single else figures.strip_figure(strip, dark=dark)
    height = figure.layout.height + _LEGEND_PIXELS
    figure.update_layout(height=height, margin={"b": 40 + _LEGEND_PIXELS, "autoexpand": False})
    figure.update_layout(legend={"yref": "container", "y": 0, "yanchor": "bottom"})
    return figure


def _numbered_blocks(strip: Strip, *, dark: bool) -> go.Figure:
    """Up to fifty positions, ten in a row, so that each number can be read on a narrow screen as well."""
    figure = go.Figure()
    places = {
        entry.first: (number % _IN_A_ROW, -(number // _IN_A_ROW) * _STEP) for number, entry in enumerate(strip.bins)
    }
    for state, look in figures.STATES.items():
        shown = [entry for entry in strip.bins if entry.state is state]
        if shown:
            spots = [places[entry.first] for entry in shown]
            figure.add_trace(figures.bars(shown, look, spots, [_WIDTH] * len(shown), dark=dark))
    for entry in strip.bins:
        x, base = places[entry.first]
        symbol = "" if entry.state is State.VERIFIED else figures.STATES[entry.state].symbol
        figure.add_annotation(
            x=x,
            y=base + 0.5,
            text=f"{symbol}{entry.first}",
            showarrow=False,
            bgcolor=figures.page_colour(dark=dark),
            borderpad=1,
            font={"size": 11},
        )
    rows = -(-len(strip.bins) // _IN_A_ROW)
    figure.update_layout(**figures.layout(dark=dark), height=64 + 40 * rows)
    figure.update_xaxes(**figures.FIXED, range=[-0.5, _IN_A_ROW - 0.5], visible=False)
    figure.update_yaxes(**figures.FIXED, range=[-(rows - 1) * _STEP - 0.1, 1.1], visible=False)
    return figure
