"""Page cursors: opaque text that names where a page ended, bound to the query that it belongs to.

A cursor holds the engine's own start key, which marks a place in the index and not a record, so it stays good when the
record there has expired (CASES 27). Its checksum catches what was cut or mistyped; it is no secret and no authority:
a key of another partition is refused whatever the checksum says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from audit_core.errors import CursorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.items import Item

__all__ = ["Cursor"]

VERSION = 1
_CHECK_BYTES = 9
_MAX_CHARS = 65_536


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an index: the start `key`, and whether the page before it is asked for instead of the one after."""

    key: Item
    backward: bool = False

    def encode(self, scope: Mapping[str, Any]) -> str:
        """Return the opaque text; `scope` is everything that the query is about, JSON values by name."""
        body = orjson.dumps([VERSION, self.backward, self.key])
        return _text(_check(body, scope) + body)

    @classmethod
    def decode(cls, text: str, scope: Mapping[str, Any]) -> Cursor:
        """Read the text again; raises `CursorError` when it is damaged or belongs to another query (CASES 25, 26)."""
        try:
            raw = base64.b64decode(
                text[:_MAX_CHARS].encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
            )
            body = raw[_CHECK_BYTES:]
            version, backward, key = orjson.loads(body)
        except (TypeError, ValueError, binascii.Error) as error:
            message = "This page link is damaged or cut; open the list again from its first page."
            raise CursorError(message) from error
        if version != VERSION:
            message = "This page link was made by another version; open the list again from its first page."
            raise CursorError(message)
        # base64 has several texts for some bytes; only the one that was given out is taken
        if _text(raw) != text:
            message = "This page link is damaged or cut; open the list again from its first page."
            raise CursorError(message)
        if raw[:_CHECK_BYTES] != _check(body, scope) or not _is_key(key) or not isinstance(backward, bool):
            message = "This page link belongs to another tenant or filter; open the list again from its first page."
            raise CursorError(message)
        return cls(key, backward)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _check(body: bytes, scope: Mapping[str, Any]) -> bytes:
    bound = orjson.dumps(scope, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(len(body).to_bytes(4, "big") + body + bound).digest()[:_CHECK_BYTES]


def _is_key(key: object) -> bool:
    return isinstance(key, dict) and all(
        isinstance(value, dict) and len(value) == 1 and isinstance(value.get("S", value.get("N")), str)
        for value in key.values()
    )
