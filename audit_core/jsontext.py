"""JSON text as records hold it: compact, every number exactly as it was written (FORMAT 2, CASES 7 to 9, 11)."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

import orjson

from audit_core.errors import RecordError

__all__ = ["NO_JSON", "compact_json", "exact_text", "json_text", "parse_exact"]

NO_JSON = "null"
"""The text of a JSON attribute that says nothing."""

MAX_JSON_DEPTH = 100
_TOO_DEEP = f"A JSON text nests deeper than {MAX_JSON_DEPTH} levels; flatten it before it is written."
_COMPACT = re.compile(r'(?:[^"\s]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""JSON without white space between its tokens."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[ \t\r\n]+|[\[{]|[\]}]|[^\[\]{}" \t\r\n]+|"', re.DOTALL)


def json_text(value: object) -> str:
    """Return compact JSON text for a value.

    Numbers are written exactly, integers of any size included. Raises `RecordError` for NaN, infinities, what JSON has
    no form for, lone surrogates, and more than 100 levels of nesting (CASES 6 to 8, 11).
    """
    _check_depth(value)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = (
            f"A value cannot be written as JSON ({error}); use text, finite numbers, true, false, null, lists and maps."
        )
        raise RecordError(message) from error
    return text


def compact_json(text: str) -> str:
    """Return JSON text without its white space, every number as it was written (CASES 8, 9).

    Raises `RecordError` when it is not JSON, or holds NaN, an infinity, a number that overflows to one, a lone
    surrogate, or more than 100 levels of nesting (CASES 6, 7, 11).
    """
    try:
        orjson.loads(text)  # what it takes is in order, and it takes nearly all
    except orjson.JSONDecodeError:
        _check_json(text)
    if _COMPACT.fullmatch(text) and text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return text  # nothing to take out, and too few brackets to nest too deep
    depth = deepest = 0
    pieces = []
    for match in _TOKENS.finditer(text):
        piece = match.group()
        if piece in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif piece in "]}":
            depth -= 1
        if piece[0] not in " \t\r\n":
            pieces.append(piece)
    if deepest > MAX_JSON_DEPTH:
        raise RecordError(_TOO_DEEP)
    return "".join(pieces)


def parse_exact(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Parse JSON so that `exact_text` writes it back with every number as it was (CASES 8, 9).

    Numbers come back as `orjson.Fragment`, the rest as `json.loads` has it. Raises `RecordError` when the text is not
    JSON, gives one object a key twice, holds NaN, an infinity or a number that overflows to one, or nests deeper than
    100 levels (CASES 7, 10, 11).
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_float=_finite_fragment,
            parse_int=orjson.Fragment,
            parse_constant=_finite,
        )
    except RecursionError as error:
        raise RecordError(_TOO_DEEP) from error
    except ValueError as error:
        message = f"A text that should be JSON is not: {error}."
        raise RecordError(message) from error
    _check_depth(value)
    return value


def exact_text(value: object, *, sort_keys: bool = False) -> str:
    """Return compact JSON text for what `parse_exact` gave, or a part of it; keys in their order, unless `sort_keys`.

    Raises `RecordError` for a lone surrogate, which an escape can hide in JSON (CASES 6).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None).decode()
    except orjson.JSONEncodeError as error:
        message = f"A value cannot be written as JSON: {error}. Replace what is not valid Unicode."
        raise RecordError(message) from error


def _check_json(text: str) -> None:
    """Raise `RecordError` as `compact_json` does; takes what orjson refuses as well, integers of any size for one."""
    try:
        value = json.loads(text, parse_float=_finite, parse_int=str, parse_constant=_finite)
        text.encode()
        if "\\ud" in text.lower():  # an escape can hide a lone surrogate
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise RecordError(_TOO_DEEP) from error
    except ValueError as error:
        message = f"A text that should be JSON is not: {error}."
        raise RecordError(message) from error


def _check_depth(value: object) -> None:
    containers = [value] if isinstance(value, dict | list | tuple) else []
    for _level in range(MAX_JSON_DEPTH):
        members = (member for held in containers for member in (held.values() if isinstance(held, dict) else held))
        containers = [member for member in members if isinstance(member, dict | list | tuple)]
        if not containers:
            return
    raise RecordError(_TOO_DEEP)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"{text[:20]} has no place in JSON"
        raise ValueError(message)
    return number


def _finite_fragment(text: str) -> orjson.Fragment:
    _finite(text)
    return orjson.Fragment(text)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    held = dict(pairs)
    if len(held) != len(pairs):
        repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        message = f"the key {repeated[:40]!r} stands twice in one object"
        raise ValueError(message)
    return held
