"""Looking closer at a part of the strip: which part a click leads to, the way back up, and what the address says.

Pure functions of positions. From a million positions two clicks lead to single ones: a bin of the whole is a part that
is drawn anew, and a bin of few positions leads to as many as have a block each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from audit_ui.strip import MAX_BLOCKS, edges_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_ui.strip import Mark

__all__ = ["around", "as_text", "beside", "closer", "next_mark", "previous_mark", "read_zoom", "trail"]

Window = tuple[int, int]
"""Positions, both inclusive."""

_LONGEST = 40


def read_zoom(text: str, extent: Window) -> Window | None:
    """Read what the address says, cut to what there is; None for no part, or what makes no sense."""
    first, separator, last = text.partition("-")
    if len(text) > _LONGEST or not separator or not all(part.isascii() and part.isdecimal() for part in (first, last)):
        return None
    low, high = max(int(first), extent[0]), min(int(last), extent[1])
    return (low, high) if low <= high and (low, high) != extent else None


def as_text(window: Window) -> str:
    """Return a part as the address says it."""
    return f"{window[0]}-{window[1]}"


def around(position: int, extent: Window) -> Window:
    """Return a part in which each position has a block, with a position in its middle, as far as the chain goes."""
    first = max(extent[0], min(position - MAX_BLOCKS // 2, extent[1] - MAX_BLOCKS + 1))
    return first, min(extent[1], first + MAX_BLOCKS - 1)


def closer(target: Window, extent: Window) -> Window:
    """Return where a click on a bin or a mark leads: to itself, or to blocks around it where it is short."""
    if target[1] - target[0] + 1 > MAX_BLOCKS:
        return target
    return around((target[0] + target[1]) // 2, extent)


def trail(extent: Window, zoom: Window | None) -> list[Window]:
    """Return the parts from the whole to the one that is shown, each a bin of the one before it."""
    steps = [extent]
    if zoom is None:
        return steps
    middle = (zoom[0] + zoom[1]) // 2
    while True:
        edges = edges_of(steps[-1])
        inner = next((low, after - 1) for low, after in pairwise(edges) if low <= middle < after)
        if _size(inner) <= max(MAX_BLOCKS, _size(zoom)) or inner == steps[-1]:
            break
        steps.append(inner)
    return [*steps, zoom]


def beside(zoom: Window, extent: Window, way: int) -> Window | None:
    """Return the part of the same size before (-1) or after (1) one; None at the end."""
    size = _size(zoom)
    first = zoom[0] + way * size
    low, high = max(first, extent[0]), min(first + size - 1, extent[1])
    if low > high:
        return None
    if high - low + 1 < size:  # at an end the part stays as large, so that the blocks stay in their places
        low, high = (extent[0], extent[0] + size - 1) if way < 0 else (extent[1] - size + 1, extent[1])
    return (max(low, extent[0]), min(high, extent[1])) if (low, high) != zoom else None


def next_mark(marks: Sequence[Mark], zoom: Window | None) -> Mark | None:
    """Return the first bad stretch after a part; of the whole the first."""
    return next((mark for mark in marks if zoom is None or mark.first > zoom[1]), None)


def previous_mark(marks: Sequence[Mark], zoom: Window | None) -> Mark | None:
    """Return the last bad stretch before a part; of the whole none."""
    return next((mark for mark in reversed(marks) if zoom is not None and mark.last < zoom[0]), None)


def _size(window: Window) -> int:
    return window[1] - window[0] + 1
