"""Items as plain JSON objects, from which nothing is lost or rounded.

An attribute's text is a JSON string and its number a JSON number, true, false and null are themselves; every other type
stays a typed map as the low-level API has it (`{"SS": ["a"]}`), binary as base64. So an object is always a typed map.
"""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from audit_core.items import ATTRIBUTE_TYPES, plain_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.items import Item

__all__ = ["plain_item", "plain_text"]

_RANK = {name: rank for rank, name in enumerate(ATTRIBUTE_TYPES)}


def plain_item(item: Item) -> dict[str, Any]:
    """Return an item's attributes by name, those of FORMAT 2 first."""
    names = sorted(item, key=lambda name: (_RANK.get(name, len(_RANK)), name))
    return {name: _plain(item[name]) for name in names}


def plain_text(value: object) -> str:
    """Return a value of `plain_item` as text for a person."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON has
    kind, held = next(iter(value.items()), (None, None))
    match kind:
        case "S" | "BOOL":
            return held
        case "NULL":
            return None
        case "N":
            return _number(str(held))
        case _:
            return {name: _typed(name, inner) for name, inner in value.items()}


def _typed(kind: str, held: Any) -> Any:  # noqa: ANN401 - a typed value of any kind
    match kind, held:
        case "B", bytes():
            return base64.b64encode(held).decode("ascii")
        case "BS", _:
            return sorted(_typed("B", member) for member in held)
        case (("SS" | "NS"), _):
            return sorted(held)
        case "L", _:
            return [{name: _typed(name, inner) for name, inner in member.items()} for member in held]
        case "M", _:
            return {key: {name: _typed(name, inner) for name, inner in member.items()} for key, member in held.items()}
        case _:
            return held


def _number(text: str) -> int | float | str:
    """Return a number that JSON writes exactly as it is; text where neither an integer nor a double can."""
    plain = plain_number(text)
    if plain is None:
        return text
    number = Decimal(plain)
    if number == number.to_integral_value():
        return int(number)
    return float(number) if Decimal(repr(float(number))) == number else text
