"""What a file to import holds, told by its content, and its entries one by one, each a value (`importentries`).

A CloudTrail file is one JSON document with a `Records` array, an export begins with the line that `export` writes, and
anything else is JSON Lines of plain records, where an answer of `query --json` or `get --json` stands for the records
in it. Duplicates and order are left to `importers`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from enum import StrEnum
from io import BytesIO
from typing import TYPE_CHECKING, Any

from audit_core.errors import RecordError
from audit_core.exchange import MAX_LINE_BYTES, ExportHeader
from audit_core.fences import parse_fence_id
from audit_core.importentries import LeftOut, Place, Problem, read_event, read_plain, read_typed
from audit_core.importfiles import refuse_file
from audit_core.items import KNOWN_ATTRIBUTES, text_of, whole_number
from audit_core.jsontext import parse_exact
from audit_core.names import visible
from audit_core.plainrecords import typed_item
from audit_core.records import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audit_core.importentries import Entry, ImportOptions
    from audit_core.items import Item
    from audit_core.plainrecords import ReadRecord

__all__ = ["Kind", "read_content"]

_BOM = b"\xef\xbb\xbf"
_CLOUDTRAIL = re.compile(rb'\s*\{\s*"Records"\s*:')
_EXPORT = re.compile(rb'\s*\{\s*"audit_export"\s*:')
_ANSWER = re.compile(rb'\s*\{\s*"records"\s*:')
_ANSWER_KEYS = frozenset(("records", "expired", "problems"))
_NO_VALUE = object()
_NO_KIND = (
    "it is of no kind that can be imported: it holds no Records array, as CloudTrail's log files do, its first line "
    "is not that of an export, and it is not JSON Lines of records, one object a line with the attributes' names"
)


class Kind(StrEnum):
    """What a file holds."""

    CLOUDTRAIL = "cloudtrail"
    EXPORT = "export"
    RECORDS = "records"


def read_content(content: bytes, path: Path, options: ImportOptions) -> tuple[Kind, Iterator[Entry]]:
    """Tell what a file holds, and return its entries, which are read as they are asked for.

    `path` is what it is called. Raises `ImportFileError` for a file that is of no kind, or cannot be read at all.
    """
    content = content.removeprefix(_BOM)
    first = next(_lines(content), (0, b""))[1]
    if not first:
        refuse_file(path, "it is empty; there is nothing to import")
    if b"\0" in first:
        refuse_file(path, "it is not UTF-8 text; give the files as they were written")
    if _CLOUDTRAIL.match(content):
        return Kind.CLOUDTRAIL, _events(_document(content, path), path, options)
    if _EXPORT.match(first):
        return Kind.EXPORT, _export(content, path, options)
    value = _value(first)
    if value is _NO_VALUE:
        # a document over several lines, or one whose first line alone cannot be read
        document = _value(content) if b'"Records"' in content or b'"records"' in content else _NO_VALUE
        if document is _NO_VALUE:
            return Kind.RECORDS, _records(content, path, options)
        answer = _answered(document)
        if answer is not None:
            return Kind.RECORDS, _answer(answer, Place(path, ""), options)
        return Kind.CLOUDTRAIL, _events(document, path, options)
    return _of_first_value(value, content, path, options)


def _of_first_value(value: object, content: bytes, path: Path, options: ImportOptions) -> tuple[Kind, Iterator[Entry]]:
    names = value if isinstance(value, dict) else {}
    if "Records" in names:
        return Kind.CLOUDTRAIL, _events(_document(content, path), path, options)
    if "audit_export" in names:
        return Kind.EXPORT, _export(content, path, options)
    if _answered(value) is None and KNOWN_ATTRIBUTES.isdisjoint(names):
        refuse_file(path, _NO_KIND)
    return Kind.RECORDS, _records(content, path, options)


def _value(text: bytes) -> Any:  # noqa: ANN401 - whatever the text holds
    try:
        return parse_exact(text.decode())
    except (RecordError, UnicodeDecodeError):
        return _NO_VALUE


def _document(content: bytes, path: Path) -> Any:  # noqa: ANN401 - whatever the text holds
    try:
        return parse_exact(content.decode())
    except UnicodeDecodeError as error:
        refuse_file(path, "it is not UTF-8 text; give CloudTrail files as AWS delivers them", error)
    except RecordError as error:
        refuse_file(path, f"it cannot be read as a CloudTrail file. {error}", error)


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers in the file, from 1."""
    for number, line in enumerate(BytesIO(content), start=1):
        if stripped := line.strip():
            yield number, stripped


def _parsed(line: bytes) -> Any:  # noqa: ANN401 - whatever the line holds
    """Return what a line holds; raises `RecordError` (CASES 6 to 11)."""
    if len(line) > MAX_LINE_BYTES and not _ANSWER.match(line):
        message = f"It is longer than {MAX_LINE_BYTES:,} bytes, which no record is; write one record a line."
        raise RecordError(message)
    try:
        return parse_exact(line.decode())
    except UnicodeDecodeError as error:
        message = "It is not UTF-8 text; write the file as UTF-8."
        raise RecordError(message) from error
    except RecordError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError):
            raise
        message = f"It is no JSON ({cause.msg}, column {cause.colno}); write one JSON object a line."
        raise RecordError(message) from error


def _events(document: object, path: Path, options: ImportOptions) -> Iterator[Entry]:
    events = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(events, list):
        refuse_file(path, "it holds no Records array; give CloudTrail log files as AWS delivers them")
    return (Place(path, f"event {number}").tried(read_event, event, options) for number, event in enumerate(events, 1))


def _export(content: bytes, path: Path, options: ImportOptions) -> Iterator[Entry]:
    lines = _lines(content)
    return _export_entries(ExportHeader.read(next(lines)[1], visible(str(path))), lines, path, options)


def _export_entries(
    header: ExportHeader, lines: Iterator[tuple[int, bytes]], path: Path, options: ImportOptions
) -> Iterator[Entry]:
    anchors = header.anchors if header.first else 0
    records = fences = 0
    fence: int | None = None
    alone = False
    sound = True
    for index, (number, line) in enumerate(lines):
        place = Place(path, f"line {number}", number)
        item = place.tried(_item, line)
        if isinstance(item, Problem):
            sound = False
            yield item
            continue
        named = _fence_position(item)
        if named is not None:
            if alone:
                yield LeftOut.GONE
            fences += 1
            fence, alone = named, index >= anchors and _covers(header, named)
            yield LeftOut.BOOKKEEPING
            continue
        records += 1
        position = _position(item, fence)
        alone = alone and position != fence
        if _is_bookkeeping(item):
            yield LeftOut.BOOKKEEPING
        elif index < anchors or not _covers(header, position):
            yield LeftOut.CONTEXT
        else:
            yield place.tried(read_typed, item, options)
    if alone:
        yield LeftOut.GONE
    if sound and (records, fences) != (header.records, header.fences):
        message = (
            f"{visible(str(path))} holds {records:,} records and {fences:,} fences, but its first line says "
            f"{header.records:,} and {header.fences:,}; it was cut or changed. Export the chain anew."
        )
        yield Problem(path, None, message)


def _item(line: bytes) -> Item:
    return typed_item(_parsed(line))


def _fence_position(item: Item) -> int | None:
    item_id = text_of(item, "id") or ""
    parsed = parse_fence_id(item_id) if len(item_id) <= MAX_KEY_BYTES else None
    return None if parsed is None else parsed[2]


def _position(item: Item, fence: int | None) -> int | None:
    """Return a record's position; one that has no whole number stands behind its fence, the last one read."""
    number = whole_number(item.get("sequence_number", {}).get("N"))
    return fence if number is None else number


def _covers(header: ExportHeader, position: int | None) -> bool:
    """Whether a position is not past the range; what was read before it are the anchors."""
    return header.last is None or position is None or position <= header.last


def _is_bookkeeping(item: Item) -> bool:
    """Whether it is an entry of the directory or the like, which no index of chains holds (FORMAT 5, 7, 8)."""
    return "_fence" in item and "ns_tenant" not in item


def _records(content: bytes, path: Path, options: ImportOptions) -> Iterator[Entry]:
    for number, line in _lines(content):
        place = Place(path, f"line {number}", number)
        value = place.tried(_parsed, line)
        answer = _answered(value)
        if isinstance(value, Problem):
            yield value
        elif answer is not None:
            yield from _answer(answer, place, options)
        elif isinstance(value, dict) and isinstance(value.get("id"), dict):
            yield place.tried(_read_item, value, options)
        else:
            yield place.tried(read_plain, value, options)


def _read_item(value: object, options: ImportOptions) -> ReadRecord:
    """Read a typed item, as `query --jsonl` writes it."""
    return read_typed(typed_item(value), options)


def _answer(answer: list[Any], place: Place, options: ImportOptions) -> Iterator[Entry]:
    for number, held in enumerate(answer, start=1):
        name = f"{place.name}, record {number}" if place.name else f"record {number}"
        yield replace(place, name=name).tried(read_plain, held, options)


def _answered(value: object) -> list[Any] | None:
    """Return the records of an answer of `query --json` or `get --json`; None: it is none."""
    if not isinstance(value, dict) or not value.keys() >= _ANSWER_KEYS:
        return None
    records = value["records"]
    return records if isinstance(records, list) else None
