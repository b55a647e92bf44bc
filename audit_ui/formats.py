"""Values as text for a person: numbers, UTC times, sizes of answers, JSON, and times that a person typed.

Pure functions without Streamlit. All text that comes out of a record goes through `visible` first, so that what cannot
be seen is escaped (CASES 4, 51).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from audit_core.errors import FilterError, TimestampError
from audit_core.names import hidden_characters, visible
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from audit_core.items import Item
    from audit_core.table import Reading

__all__ = [
    "chain_name",
    "cost",
    "count",
    "duration",
    "has_hidden_text",
    "moment",
    "position",
    "pretty_json",
    "raw_item",
    "span",
    "typed_moment",
    "utc",
]

NAME_ATTRIBUTES = ("namespace", "tenant", "provider", "action_type", "caller_id")
_LONGEST_NUMBER = 24
_JSON_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]},:]|[^\s\[{\]},:"]+', re.DOTALL)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?")


def count(number: float | Decimal, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: "1 record", "1,204 records"."""
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{_number(number)} {noun}"


def duration(seconds: float) -> str:
    """Return a time to come, as exact as one can tell: "some seconds", "about 40 seconds", "about 3 minutes"."""
    if seconds < 8:  # noqa: PLR2004 - less than is worth counting down
        return "some seconds"
    if seconds < 90:  # noqa: PLR2004 - from there on people count minutes
        return f"about {round(seconds / 5) * 5} seconds"
    if seconds < 5400:  # noqa: PLR2004 - and from there on hours
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.1f} hours"


def span(first: float | Decimal | None, last: float | Decimal | None) -> str:
    """Return a run of positions: "146", or "146 to 149", or "none"; one that is absurdly long is shortened."""
    if first is None or last is None:
        return "none"
    return _number(first) if first == last else f"{_number(first)} to {_number(last)}"


def position(text: str) -> str:
    """Return a stored sequence number for people: "1,204", and "499.5" as it stands."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return visible(text)
    return _number(int(number) if number == number.to_integral_value() else number)


def _number(number: float | Decimal) -> str:
    text = f"{number:,}"
    return text if len(text) <= _LONGEST_NUMBER else f"{Decimal(str(number)):.6E}"


def utc(when: Timestamp | None, *, seconds: bool = True) -> str:
    """Return an instant as `2026-01-15 10:00:00 UTC`; "never" for None, fractions left out."""
    if when is None:
        return "never"
    text = when.normalised
    return f"{text[:10]} {text[11 : 19 if seconds else 16]} UTC"


def moment(text: str, *, minutes: bool = False) -> str:
    """Return a stored time in UTC, to the millisecond or in whole `minutes`; as it stands where it is no time."""
    try:
        normalised = Timestamp.parse(text).normalised
    except TimestampError:
        return visible(text)
    clock = normalised[11:16] if minutes else normalised[11:23].removesuffix("+00:")
    return f"{normalised[:10]} {clock}"


def cost(reading: Reading) -> str:
    """Return what reading took: items, requests, read units."""
    units = f"{reading.units:,.1f}".removesuffix(".0")
    return (
        f"{count(reading.items, 'item')} read in {count(reading.requests, 'request')}, "
        f"{units} read unit{'' if reading.units == 1 else 's'}"
    )


def chain_name(namespace: str, tenant: str) -> str:
    """Return the name of a chain as people read it; what cannot be seen is escaped."""
    return f"{visible(namespace)} / {visible(tenant)}"


def has_hidden_text(item: Item) -> bool:
    """Whether a name of a typed record holds characters that cannot be seen (CASES 4)."""
    return any(
        hidden_characters(text) for name in NAME_ATTRIBUTES if isinstance(text := item.get(name, {}).get("S"), str)
    )


def typed_moment(text: str, *, end: bool = False) -> Timestamp | None:
    """Read a time that a person typed; None for an empty text, UTC where no offset is given.

    A date alone is its first instant, or with `end` its last; so is a time without seconds. Raises `FilterError`.
    """
    given = text.strip()
    if not given:
        return None
    if _DATE.fullmatch(given):
        given = f"{given}T{'23:59:59.999999999' if end else '00:00:00'}Z"
    elif match := _CLOCK.fullmatch(given):
        date, clock, seconds = match.groups()
        given = f"{date}T{clock}{seconds or (':59.999999999' if end else ':00')}Z"
    try:
        return Timestamp.parse(given)
    except TimestampError as error:
        message = f"{visible(text[:60])} is not a time. Give a date (2026-01-15) or a time in UTC (2026-01-15 10:00)."
        raise FilterError(message) from error


def pretty_json(text: str) -> str:
    """Return JSON text indented, every token as it was written; text that is no JSON comes back as it is.

    Only white space between tokens is changed, so that no number is rounded and no key lost (CASES 8 to 10), and what
    cannot be seen is escaped.
    """
    tokens = _JSON_TOKENS.findall(text)
    if "".join(tokens) != _without_space(text):
        return visible(text)
    out: list[str] = []
    depth = 0
    for place, piece in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        piece = visible(piece)  # noqa: PLW2901 - what it says is the same
        if piece in "[{":
            depth += 1
            out.append(piece if following in {"]", "}"} else f"{piece}{_line(depth)}")
        elif piece in "]}":
            depth = max(0, depth - 1)
            opened_here = place > 0 and tokens[place - 1] in {"[", "{"}
            out.append(piece if opened_here else f"{_line(depth)}{piece}")
        elif piece == ",":
            out.append(f",{_line(depth)}")
        else:
            out.append(": " if piece == ":" else piece)
    return "".join(out)


def _without_space(text: str) -> str:
    return "".join(re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+|"', text, re.DOTALL))


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, 40)


def raw_item(item: Item) -> str:
    """Return a typed item as indented JSON, for a person to compare with what another tool shows.

    What cannot be seen is escaped as JSON does it, so that the text still means the same item.
    """
    text = json.dumps(item, ensure_ascii=False, indent=2, sort_keys=True, default=_plain)
    return "".join(
        json.dumps(character)[1:-1] if character != "\n" and hidden_characters(character) else character
        for character in text
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a typed item can hold
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else repr(value)
