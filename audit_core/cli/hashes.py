"""The command `hash`: typed items as JSON Lines in, their three hashes as JSON Lines out, one line for each.

It needs no engine and no configuration, and holds one line at a time. The hashes are those of `hashing` and `fences`.
"""

from __future__ import annotations

import base64
import binascii
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from audit_core.cli.session import NEGATIVE
from audit_core.cli.terminal import JsonFlag, print_json
from audit_core.errors import ImportFileError, RecordError, TimestampError
from audit_core.fences import Fence, FenceState, full_fence
from audit_core.hashing import content_hash, record_hash
from audit_core.items import text_of, whole_number
from audit_core.jsontext import parse_exact
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from audit_core.items import Item

__all__ = ["hash_items", "hash_line"]

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Far more than any item of DynamoDB takes as JSON: 400 KB, each character at most six bytes as an escape."""

_BOM = b"\xef\xbb\xbf"


def hash_items(
    source: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSON Lines of typed items; - is stdin.")] = "-",
    as_json: JsonFlag = False,  # noqa: ARG001 - the output is JSON anyway
) -> None:
    """Compute the hashes of typed items, such as {"id":{"S":"…"},…}; the ten hashed attributes are enough.

    Prints {"id","record_hash","content_hash","chain_hash"} or {"id","error"} for each line. chain_hash is that of the
    fence rebuilt from the record, null where it carries no content_hash. Exit status 1: a line had an error.
    """
    failed = False
    with _opened(source) as lines:
        for line in _lines(lines):
            answer = {"id": None, "error": _TOO_LONG} if line is None else hash_line(line)
            failed = failed or "error" in answer
            print_json(answer)
    if failed:
        raise typer.Exit(NEGATIVE)


_TOO_LONG = f"The line is longer than {MAX_LINE_BYTES:,} bytes; no item of DynamoDB is."


def hash_line(line: bytes) -> dict[str, str | None]:
    """Return the hashes of the item on a line, or what is wrong with it; never fails."""
    record_id: str | None = None
    try:
        value = parse_exact(line.decode())
        if not isinstance(value, dict):
            message = 'The line is no JSON object; give a typed item, such as {"id":{"S":"…"},…}.'
            raise RecordError(message)  # noqa: TRY301 - told like the others
        if isinstance(value.get("id"), dict):
            record_id = text_of(value, "id")
        item = {name: _typed(name, held) for name, held in value.items()}
        return {
            "id": record_id,
            "record_hash": record_hash(item),
            "content_hash": content_hash(item),
            "chain_hash": _chain_hash(item),
        }
    except UnicodeDecodeError:
        return {"id": record_id, "error": "The line is not UTF-8 text."}
    except (RecordError, TimestampError) as error:
        return {"id": record_id, "error": str(error)}


def _chain_hash(item: Item) -> str | None:
    """Return the `chain_hash` of a record's rebuilt fence, None where it carries no `content_hash` (FORMAT 4)."""
    if "content_hash" not in item:
        return None
    position = whole_number(item.get("sequence_number", {}).get("N"))
    if position is None or position < 0:
        message = "The record carries a content_hash but no whole sequence_number, so its fence cannot be rebuilt."
        raise RecordError(message)
    fence = Fence.read(position, full_fence(item, item["namespace"]["S"], item["tenant"]["S"], position))
    if fence.state is not FenceState.FULL:
        message = (
            "The record carries a content_hash, but its fence cannot be rebuilt: record_hash, content_hash, "
            "previous_hash, previous_chain_hash, previous_chain_sequence or expires_at_ttl is not as it must be."
        )
        raise RecordError(message)
    return fence.chain_hash


def _typed(name: str, value: object) -> dict[str, Any]:
    """Return a typed value with its binary decoded; raises `RecordError` for what is none."""
    kind, held = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
    match kind, held:
        case (("S" | "N"), str()) | ("BOOL", bool()) | ("NULL", True):
            typed: Any = held
        case (("SS" | "NS"), list()) if _all_text(held):
            typed = held
        case "B", str():
            typed = _binary(name, held)
        case "BS", list() if _all_text(held):
            typed = [_binary(name, member) for member in held]
        case "L", list():
            typed = [_typed(name, member) for member in held]
        case "M", dict():
            typed = {key: _typed(name, member) for key, member in held.items()}
        case _:
            message = (
                f'{visible(name[:40])} holds no typed value; give one such as {{"S":"text"}}, {{"N":"1"}} or '
                '{"BOOL":true}.'
            )
            raise RecordError(message)
    return {kind: typed}


def _all_text(members: list[Any]) -> bool:
    return all(isinstance(member, str) for member in members)


def _binary(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"{visible(name[:40])} holds binary that is not base64 text."
        raise RecordError(message) from error


def _opened(source: str) -> AbstractContextManager[BinaryIO]:
    if source == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(source).open("rb")
    except OSError as error:
        message = f"{visible(source)} cannot be read ({error.strerror}); check the path and its permissions."
        raise ImportFileError(message) from error


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Yield line by line, without what ends it; None for one that is too long, which is never held whole."""
    first = True
    while line := source.readline(MAX_LINE_BYTES + 1):
        whole = line.endswith(b"\n") or len(line) <= MAX_LINE_BYTES
        rest = line
        while not whole and rest and not rest.endswith(b"\n"):
            rest = source.readline(MAX_LINE_BYTES)
        yield (line.removeprefix(_BOM) if first else line).rstrip(b"\r\n") if whole else None
        first = False
