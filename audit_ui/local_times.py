"""The visitor's own time beside UTC: what a clock on their wall showed, as far as their browser says where that is.

The pages are in UTC and say so; this is for who has to tell it to somebody who was there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from audit_core.errors import TimestampError
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["beside", "local_clock", "said", "where"]


def where() -> str | None:
    """Return the name of the visitor's time zone; None until it is known, and where it is UTC all the same."""
    name = st.context.timezone
    return name if name and name not in {"UTC", "Etc/UTC", "Etc/GMT", "GMT"} else None


def said(when: Timestamp) -> str | None:
    """Return an instant in the visitor's own time, to stand beside its UTC; None where that is not known, or is UTC."""
    zone, offset = st.context.timezone, st.context.timezone_offset
    if not zone or offset is None:
        return None
    try:
        place: tzinfo = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):  # the server need not know every zone that browsers name
        place = timezone(timedelta(minutes=-offset))
    try:
        there = datetime.fromtimestamp(when.epoch_seconds, place)
    except (ValueError, OverflowError):  # a year that only the table knows
        return None
    return f"In your own time: {there:%Y-%m-%d %H:%M:%S} ({zone}, UTC{there:%z})." if there.utcoffset() else None


def beside(text: str) -> str:
    """Return a stored time as the visitor's clock showed it, to stand beside UTC; empty where there is none."""
    name = where()
    if name is None:
        return ""
    shown = local_clock(text, name)
    return f"{shown} in {name}" if shown else ""


def local_clock(text: str, zone: str) -> str:
    """Return a stored time by the clock of a time zone; empty where either cannot be read, or the year is at an end."""
    try:
        seconds = Timestamp.parse(text).epoch_seconds
        there = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    except (TimestampError, OverflowError, ValueError, KeyError, OSError):
        return ""
    return f"{there:%Y-%m-%d %H:%M:%S}"
