"""Typed items as JSON Lines: the form in which records and fences leave a table and can be hashed again by anyone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from audit_core.items import Item

__all__ = ["base64_text", "item_line", "json_item"]


def item_line(item: Item) -> bytes:
    """Return a typed item as one line of JSON, binary as base64, with its end."""
    return orjson.dumps(item, default=base64_text, option=orjson.OPT_APPEND_NEWLINE)


def json_item(item: Item) -> dict[str, Any]:
    """Return a typed item as JSON has it, binary as base64."""
    return dict(orjson.loads(item_line(item)))


def base64_text(value: object) -> str:
    """Return binary as base64, for what writes JSON; raises `TypeError` for anything else."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError
