"""Figures: values in, Plotly figures out. Bars, since heat maps report no clicks (DESIGN, *The chain strip*).

A state shows by word, symbol and pattern as well as by colour; the colours are those of the theme's own palette.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from audit_ui.formats import span
from audit_ui.strip import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_ui.activity import Day
    from audit_ui.strip import Bin, Strip

__all__ = [
    "FIXED",
    "STATES",
    "WHEN_CHOSEN",
    "StateLook",
    "bars",
    "days_figure",
    "layout",
    "page_colour",
    "strip_figure",
    "text_colour",
]

MARKER_PIXELS = 13
_BAR_TOP = 1.0
_RAIL = 1.3
_PAGE_LIGHT, _PAGE_DARK = "#FFFFFF", "#10151D"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIXED = {"fixedrange": True, "showgrid": False, "zeroline": False}
WHEN_CHOSEN = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
"""A click leads on; it leaves nothing paler behind."""


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state looks: word, symbol, colours on light and dark, fill pattern, marker on the event rail."""

    word: str
    symbol: str
    light: str
    dark: str
    pattern: str
    marker: str

    def colour(self, *, dark: bool) -> str:
        """Return the colour for a theme."""
        return self.dark if dark else self.light


STATES: Mapping[State, StateLook] = {
    State.VERIFIED: StateLook("verified", "✓", "#0072B2", "#56B4E9", "", "circle"),
    State.EXPIRED: StateLook("expired, proven", "○", "#4B3F72", "#8067CF", "-", "circle-open"),
    State.NOT_CHECKED: StateLook("not checked", "·", "#6B7280", "#94A3B8", ".", "circle-open"),
    State.UNPROVEN: StateLook("gone, unproven", "?", "#4B3F72", "#8067CF", ".", "diamond-open"),
    State.GAP: StateLook("gap", "∅", "#9A6700", "#F0E442", "/", "triangle-down"),
    State.BROKEN: StateLook("broken", "✕", "#8B0A3D", "#FF7A59", "x", "x"),
}


def strip_figure(strip: Strip, *, dark: bool) -> go.Figure:
    """Return the strip as bars, with the event rail above them; `blocks` draws one that is short."""
    figure = go.Figure()
    for state, look in STATES.items():
        shown = [entry for entry in strip.bins if entry.state is state]
        if shown:
            places = [(_middle(entry.first, entry.last), 0.0) for entry in shown]
            widths = [float(entry.last - entry.first + 1) for entry in shown]  # JSON has no whole number past 64 bits
            figure.add_trace(bars(shown, look, places, widths, dark=dark))
    for state, look in STATES.items():
        marks = [mark for mark in strip.marks if mark.state is state]
        if marks:
            figure.add_trace(
                go.Scatter(
                    x=[_middle(mark.first, mark.last) for mark in marks],
                    y=[_RAIL] * len(marks),
                    mode="markers",
                    marker={"symbol": look.marker, "size": MARKER_PIXELS, "color": look.colour(dark=dark)},
                    customdata=[[str(mark.first), str(mark.last)] for mark in marks],
                    hovertext=[_label(look, mark.first, mark.last) for mark in marks],
                    hoverinfo="text",
                    name=look.word,
                    showlegend=False,
                    **WHEN_CHOSEN,
                )
            )
    first, last = strip.bins[0].first, strip.bins[-1].last
    axis = {"range": [first - 0.5, last + 0.5], "nticks": 6, "tickformat": ",d", "ticks": "outside", "ticklen": 4}
    figure.update_layout(**layout(dark=dark), height=190)
    figure.update_xaxes(**FIXED, **axis)
    figure.update_yaxes(**FIXED, range=[0, 1.5], visible=False)
    return figure


def bars(
    shown: Sequence[Bin], look: StateLook, places: Sequence[tuple[float, float]], widths: Sequence[float], *, dark: bool
) -> go.Bar:
    """Return the bars of one state at their places (middle, base); each carries its first and last position."""
    page = page_colour(dark=dark)
    lightly = look.pattern == "-"  # expiry is no alarm: its lines are to be told, not to be seen from afar
    pattern = {
        "shape": look.pattern,
        "fillmode": "overlay",
        "fgcolor": page,
        "fgopacity": 0.45 if lightly else 0.85,
        "size": 7,
        "solidity": 0.15 if lightly else 0.3,
    }
    return go.Bar(
        x=[x for x, _base in places],
        base=[base for _x, base in places],
        y=[_BAR_TOP] * len(shown),
        width=widths,
        marker={"color": look.colour(dark=dark), "pattern": pattern, "line": {"width": 0}},
        customdata=[[str(entry.first), str(entry.last)] for entry in shown],  # JSON has no number past 64 bits
        hovertext=[_label(look, entry.first, entry.last) for entry in shown],
        hoverinfo="text",
        name=f"{look.symbol} {look.word}",
        showlegend=True,
        **WHEN_CHOSEN,
    )


def page_colour(*, dark: bool) -> str:
    """Return the colour of the page."""
    return _PAGE_DARK if dark else _PAGE_LIGHT


def text_colour(*, dark: bool) -> str:
    """Return the colour of text."""
    return "#E6EBF2" if dark else "#0C121A"


def layout(*, dark: bool) -> dict[str, Any]:
    """Return what all figures share: no margin to speak of, nothing that moves, words below."""
    return {
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "bargap": 0,
        "barmode": "overlay",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "color": text_colour(dark=dark),
            "size": 13,
            "family": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.3,
            "yanchor": "top",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "hoverlabel": {"font": {"size": 13}},
        "dragmode": False,
    }


def _label(look: StateLook, first: int, last: int) -> str:
    return f"{look.symbol} {look.word}: {span(first, last)}"


def _middle(first: int, last: int) -> float:
    return (first + last) / 2


def days_figure(days: Sequence[Day], *, dark: bool) -> go.Figure:
    """Return records a day as bars with their numbers; a day that was not read to its end is hatched, and says so.

    The colour is none of the states' (`STATES`): a number of records is neither good nor bad.
    """
    figure = go.Figure()
    places = [entry.date for entry in days]
    cut = any(not entry.whole for entry in days)
    for whole, name in ((True, "all records of the day"), (False, "at least: the day has more than was read")):
        shown = [(place, entry) for place, entry in zip(places, days, strict=True) if entry.whole is whole]
        if not shown:
            continue
        figure.add_trace(
            go.Bar(
                x=[place for place, _entry in shown],
                y=[entry.number for _place, entry in shown],
                text=[f"{entry.number:,}{'' if whole else '+'}" for _place, entry in shown],
                textposition="outside",
                textangle=0,
                cliponaxis=False,
                marker={
                    "color": "#B6C2D1" if dark else "#3F4B5C",
                    "pattern": {
                        "shape": "" if whole else "/",
                        "fillmode": "overlay",
                        "fgcolor": page_colour(dark=dark),
                        "size": 7,
                        "solidity": 0.3,
                    },
                    "line": {"width": 0},
                },
                hovertext=[f"{entry.date}: {'' if whole else 'at least '}{entry.number:,}" for _place, entry in shown],
                hoverinfo="text",
                name=name,
                showlegend=cut,
            )
        )
    figure.update_layout(**{**layout(dark=dark), "bargap": 0.25}, height=230 if cut else 190)
    figure.update_layout(legend={"y": -0.32}, margin={"l": 4, "r": 4, "t": 20, "b": 76 if cut else 40})
    figure.update_xaxes(**FIXED, type="category", categoryorder="array", categoryarray=places, tickangle=0)
    figure.update_xaxes(tickvals=places, ticktext=[_day_label(place, number) for number, place in enumerate(places)])
    figure.update_yaxes(**FIXED, visible=False, range=[0, max([1, *(entry.number for entry in days)]) * 1.18])
    return figure


def _day_label(date: str, number: int) -> str:
    """Return the day, with the month below where it begins, so that all of them fit a narrow screen."""
    day = int(date[8:])
    return f"{day}<br>{_MONTHS[int(date[5:7]) - 1]}" if day == 1 or number == 0 else f"{day}"
