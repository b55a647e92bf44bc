"""The expiry calendar as a Plotly figure: how many records expire on each day, month or year, and which are overdue.

Values in, figure out. A state shows by word and pattern as well as by colour: what is still to come in the calm tone of
expiry, what has expired and is still present in the tone of a caution.
"""

from __future__ import annotations

import calendar
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import plotly.graph_objects as go

from audit_ui.figures import page_colour

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Bucket", "Unit", "buckets", "calendar_figure"]

Unit = Literal["day", "month", "year"]
"""What one bar of the calendar stands for."""

MOST_DAYS = 62
MOST_MONTHS = 60
_FEW = 4
_DAY_MILLISECONDS = 86_400_000
_UPCOMING, _OVERDUE = "○ expire", "! overdue"
_LOOKS = {
    _UPCOMING: {"light": "#4B3F72", "dark": "#8067CF", "pattern": ""},
    _OVERDUE: {"light": "#B45309", "dark": "#F0A35E", "pattern": "/"},
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar: its name (`2026-01-15`, `2026-01`, `2026`), its first day and length, and its records by state."""

    name: str
    first: date
    days: int
    upcoming: int
    overdue: int


def buckets(upcoming: Mapping[str, int], overdue: Mapping[str, int]) -> tuple[Unit, tuple[Bucket, ...]]:
    """Return counts by day (ISO dates) as bars of days, or of months or years where there would be too many."""
    days = sorted({*upcoming, *overdue})
    if not days:
        return "day", ()
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    unit: Unit = "day" if (last - first).days < MOST_DAYS else "month" if months <= MOST_MONTHS else "year"
    length = {"day": 10, "month": 7, "year": 4}[unit]
    counted = [Counter[str](), Counter[str]()]
    for counts, by_day in zip(counted, (upcoming, overdue), strict=True):
        for day, number in by_day.items():
            counts[day[:length]] += number
    names = sorted({name for counts in counted for name in counts})
    return unit, tuple(Bucket(name, *_extent(name), counted[0][name], counted[1][name]) for name in names)


def calendar_figure(bars: tuple[Bucket, ...], *, today: str, before: str | None, dark: bool) -> go.Figure:
    """Return the calendar; `today` and `before` (ISO dates) are marked, the latter where the bars reach it."""
    figure = go.Figure()
    theme = "dark" if dark else "light"
    for name, look in _LOOKS.items():
        numbers = [bar.upcoming if name == _UPCOMING else bar.overdue for bar in bars]
        if not any(numbers):
            continue
        figure.add_trace(
            go.Bar(
                x=[_middle(bar) for bar in bars],
                y=numbers,
                width=[bar.days * _DAY_MILLISECONDS * 0.9 for bar in bars],
                marker={
                    "color": look[theme],
                    "line": {"width": 0},
                    "pattern": {
                        "shape": look["pattern"],
                        "fillmode": "overlay",  # else the colour gives way to the lines, which are those of the page
                        "fgcolor": page_colour(dark=dark),
                        "size": 7,
                    },
                },
                hovertext=[f"{bar.name}: {number:,} {name[2:]}" for bar, number in zip(bars, numbers, strict=True)],
                hoverinfo="text",
                name=name,
                showlegend=True,
            )
        )
    first, last = bars[0].first, date.fromordinal(bars[-1].first.toordinal() + bars[-1].days)
    _mark(figure, today, "today", within=(first, last), dark=dark)
    if before is not None:
        _mark(figure, before, "your date", within=(first, last), dark=dark)
    figure.update_layout(**_layout(dark=dark))
    figure.update_xaxes(fixedrange=True, showgrid=False, zeroline=False, nticks=7, **_dates(first, last))
    figure.update_yaxes(fixedrange=True, zeroline=False, nticks=4, tickformat=",d", rangemode="tozero", automargin=True)
    if max(bar.upcoming + bar.overdue for bar in bars) <= _FEW:
        figure.update_yaxes(dtick=1)  # a tick between two numbers would be told as one of them
    figure.update_yaxes(gridcolor="#2E3947" if dark else "#D3DAE3")
    return figure


def _extent(name: str) -> tuple[date, int]:
    """Return the first day of a day, month or year, and how many days it has."""
    year, month, day = (*map(int, name.split("-")), 0, 0)[:3]
    if day:
        return date(year, month, day), 1
    if month:
        return date(year, month, 1), calendar.monthrange(year, month)[1]
    return date(year, 1, 1), 366 if calendar.isleap(year) else 365


def _middle(bar: Bucket) -> str:
    noon = "12:00" if bar.days % 2 else "00:00"
    return f"{date.fromordinal(bar.first.toordinal() + bar.days // 2).isoformat()} {noon}"


def _dates(first: date, last: date) -> dict[str, Any]:
    """Return the axis: a day more at either end, so that a lone bar is no wall, and no tick finer than a day."""
    room = max(1, (last - first).days // 20)
    if last.toordinal() + room > date.max.toordinal() or first.toordinal() <= room:
        room = 0
    ends = [date.fromordinal(first.toordinal() - room), date.fromordinal(last.toordinal() + room)]
    few = {"dtick": _DAY_MILLISECONDS, "tickformat": "%Y-%m-%d"} if (last - first).days <= 5 else {}  # noqa: PLR2004 - labels side by side
    return {"type": "date", "range": [end.isoformat() for end in ends], "ticks": "outside", "ticklen": 4, **few}


def _mark(figure: go.Figure, day: str, text: str, *, within: tuple[date, date], dark: bool) -> None:
    if not within[0] <= date.fromisoformat(day) <= within[1]:
        return
    ink = "#E6EBF2" if dark else "#0C121A"
    place = f"{day} 23:59:59" if text != "today" else day
    figure.add_shape(
        type="line", x0=place, x1=place, y0=0, y1=1, yref="paper", line={"color": ink, "width": 2, "dash": "dot"}
    )
    figure.add_annotation(
        x=place, y=1, yref="paper", text=text, showarrow=False, yanchor="bottom", font={"size": 12, "color": ink}
    )


def _layout(*, dark: bool) -> dict[str, Any]:
    text = "#E6EBF2" if dark else "#0C121A"
    return {
        "height": 260,
        "margin": {"l": 44, "r": 16, "t": 24, "b": 4},
        "barmode": "stack",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": text, "size": 13, "family": "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.2,
            "yanchor": "top",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "hoverlabel": {"font": {"size": 13}},
        "dragmode": False,
    }
