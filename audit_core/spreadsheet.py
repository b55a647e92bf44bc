r"""Records as CSV for people: one row each, every cell inert in a spreadsheet, and still telling what was stored.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, full-width forms among them, also behind
white space (OWASP, CSV injection; CASES 50). Such a cell gets an apostrophe in front. What cannot be seen (tab, CR,
NUL, bidi controls) is escaped as in `names.visible`: `\u{000D}`. Where the list separator is `;`, a cell of its own
begins behind that character whatever stands around it, so a formula's sign is escaped there too. `original_text` undoes
all of it. The hashes of a record are recomputed from JSON Lines, not from here.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import orjson

from audit_core.items import KNOWN_ATTRIBUTES
from audit_core.jsonlines import base64_text
from audit_core.names import visible
from audit_core.retention import Expiry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from _typeshed import SupportsWrite

    from audit_core.items import Item
    from audit_core.query import Row

__all__ = ["ATTRIBUTE_ORDER", "COLUMNS", "Sheet", "further_attributes", "original_text", "remarks", "safe_cell"]

_FIRST = (
    "dispatched_at",
    "sequence_number",
    "namespace",
    "tenant",
    "provider",
    "action_type",
    "outcome",
    "verdict",
    "matched_rule",
    "caller_id",
    "auth_method",
    "id",
    "action_id",
    "chain_id",
    "completed_at",
    "duration_ms",
    "expires_at",
)
ATTRIBUTE_ORDER = (*_FIRST, *sorted(KNOWN_ATTRIBUTES.difference(_FIRST)))
"""The attributes of FORMAT 2, those first that people look for."""

COLUMNS = (*ATTRIBUTE_ORDER, "further_attributes", "remarks")
"""The columns: the attributes of FORMAT 2, those of no clause as one typed map, and what is out of the ordinary."""

_FORMULA = (
    "=+\\-@\u2212\u207a\u207b\u207c\u208a\u208b\u208c\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
_BEGINS = re.compile(rf"\s*['{_FORMULA}]")
_AFTER_SEPARATOR = re.compile(rf"([;\uff1b][\s\"']*)([{_FORMULA}])")
_ESCAPE = re.compile(r"\\u\{([0-9A-F]{4,6})\}")
_PLAIN = re.compile(r"[0-9A-Za-z{\[\"][ -:<-\[\]-~]*")
_MARK = "'"
_LITERAL = ("\\u{", "\\u{005C}u{")


def safe_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for anything but text."""
    if not text or _PLAIN.fullmatch(text):
        return text
    escaped = visible(text.replace(*_LITERAL))
    escaped = _AFTER_SEPARATOR.sub(lambda found: f"{found[1]}\\u{{{ord(found[2]):04X}}}", escaped)
    return f"{_MARK}{escaped}" if _BEGINS.match(escaped) else escaped


def original_text(cell: str) -> str:
    """Return the text that `safe_cell` made a cell of."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), cell.removeprefix(_MARK))


class Sheet:
    """A CSV file under way: RFC 4180, UTF-8 with the byte order mark that spreadsheets look for, every cell quoted."""

    def __init__(self, target: SupportsWrite[bytes]) -> None:
        self._target = target
        self._writer = csv.writer(self, quoting=csv.QUOTE_ALL)

    def begin(self) -> None:
        """Write the names of the columns."""
        self._target.write(b"\xef\xbb\xbf")
        self._writer.writerow(COLUMNS)

    def add(self, row: Row) -> None:
        """Write one record."""
        self._writer.writerow(map(safe_cell, _cells(row)))

    def end(self) -> None:
        """Do nothing: each row is whole by itself."""

    def write(self, text: str) -> None:
        """Take the text of a line from the writer."""
        self._target.write(text.encode())


def further_attributes(item: Item) -> str:
    """Return the attributes that FORMAT 2 does not name as one typed map in JSON; empty where there is none."""
    further = {name: item[name] for name in sorted(item) if name not in KNOWN_ATTRIBUTES}
    return _json(further) if further else ""


def remarks(row: Row) -> str:
    """Return what is out of the ordinary about a record, in words; empty where nothing is."""
    said = [] if row.expiry in {Expiry.LIVE, Expiry.NEVER} else [row.expiry.value]
    said += [] if "sequence_number" in row.stored.item else ["unchained: nothing vouches for it"]
    return "; ".join((*said, *row.stored.problems))


def _cells(row: Row) -> list[str]:
    item = row.stored.item
    return [*(_text(item.get(name)) for name in ATTRIBUTE_ORDER), further_attributes(item), remarks(row)]


def _text(attribute: Mapping[str, Any] | None) -> str:
    """Return text and numbers as stored, anything else as its typed value."""
    if not attribute:
        return ""
    kind, held = next(iter(attribute.items()))
    return str(held) if kind in {"S", "N"} else _json(attribute)


def _json(value: object) -> str:
    return orjson.dumps(value, default=base64_text).decode()
