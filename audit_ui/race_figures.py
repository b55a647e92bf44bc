"""The picture of a race: who won which position, after how many tries, and who gave up. Values in, figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from audit_ui.figures import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.race.figures import Lap

__all__ = ["race_figure"]

_ROW_PIXELS = 19
_LOOKS = (
    ("won at the first try", "circle", "#0072B2", "#56B4E9"),
    ("won after trying again", "diamond", "#9A6700", "#F0E442"),
    ("gave up", "x", "#8B0A3D", "#FF7A59"),
)


def race_figure(laps: Sequence[Lap], *, writers: int, total: int, dark: bool) -> go.Figure:
    """Return a row for each writer, with a mark for each append at the position that it won.

    One that gave up stands where the chain's tip was by then.
    """
    figure = go.Figure()
    drawn: list[list[tuple[float, Lap]]] = [[], [], []]
    tip = -1
    for lap in laps:
        if lap.sequence_number is None:
            drawn[2].append((tip + 0.5, lap))
            continue
        tip = max(tip, lap.sequence_number)
        drawn[1 if lap.retries else 0].append((float(lap.sequence_number), lap))
    for (name, symbol, light, night), marks in zip(_LOOKS, drawn, strict=True):
        # a look without a mark keeps its place in the legend, so that both pictures are read alike
        places: list[float | None] = [place for place, _lap in marks] or [None]
        rows: list[int | None] = [lap.writer for _place, lap in marks] or [None]
        figure.add_trace(
            go.Scatter(
                x=places,
                y=rows,
                mode="markers",
                marker={"symbol": symbol, "size": 9, "color": night if dark else light},
                hovertext=[_label(lap) for _place, lap in marks],
                hoverinfo="text",
                name=name,
                showlegend=True,
            )
        )
    figure.update_layout(**layout(dark=dark), height=140 + _ROW_PIXELS * writers)
    figure.update_layout(
        margin={"l": 40, "r": 4, "t": 4, "b": 126, "autoexpand": False},
        legend={"y": 0, "yref": "container", "yanchor": "bottom", "orientation": "v"},
    )
    line = "#2A3443" if dark else "#E2E8F0"
    figure.update_xaxes(
        fixedrange=True,
        range=[-1, total],
        title={"text": "position in the chain", "standoff": 8},
        zeroline=False,
        showgrid=False,
    )
    figure.update_yaxes(
        fixedrange=True,
        range=[writers - 0.5, -0.5],
        title={"text": "writer"},
        dtick=1 if writers <= 16 else 4,  # noqa: PLR2004 - as many as have room
        gridcolor=line,
        zeroline=False,
    )
    return figure


def _label(lap: Lap) -> str:
    took = f"{(lap.ended - lap.began) * 1000:,.0f} ms, tried again {lap.retries}×"
    return f"writer {lap.writer}: " + (
        f"gave up, {took}" if lap.sequence_number is None else f"position {lap.sequence_number}, {took}"
    )
