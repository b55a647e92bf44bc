"""Configuration keys derived from dataclasses: the type of each value, its rule, and the words for what is wrong.

A field's type hint says how its value is read from TOML and from an environment variable; `rule` in the field's
metadata says what else it must satisfy. Which keys there are, and where their values come from, is left to `settings`.
"""

from __future__ import annotations

import os.path
import re
import types
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from audit_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Key", "KeyPath", "between", "each", "keys_of", "matches", "rule"]

KeyPath = tuple[str, ...]
"""A key's place, section first: `("audit", "redact", "enabled")`."""


def rule(accepts: Callable[[Any], bool], wanted: str) -> Mapping[str, Any]:
    """Return a field's metadata: what its value must satisfy, in code and in words that follow "must be"."""
    return {"accepts": accepts, "wanted": wanted}


def matches(pattern: str) -> Callable[[str], bool]:
    """Accept a text that the whole pattern describes, read as ASCII."""
    return lambda text: re.fullmatch(pattern, text, re.ASCII) is not None


def between(least: int, most: int) -> Callable[[int], bool]:
    """Accept a number from `least` to `most`, both included."""
    return lambda number: least <= number <= most


def each(accepts: Callable[[Any], bool]) -> Callable[[Iterable[Any]], bool]:
    """Accept a list all of whose members are accepted."""
    return lambda members: all(accepts(member) for member in members)


class _Kind(NamedTuple):
    """One type of value: its name for a person, its test on a TOML value, and its reading of a variable's text."""

    wanted: str
    accepts: Callable[[Any], bool]
    from_text: Callable[[str], Any]
    convert: Callable[[Any], Any] = lambda value: value


class Key(NamedTuple):
    """One key: its path, its type, its rule and mend, and whether its value is one of a few words."""

    path: KeyPath
    kind: _Kind
    metadata: Mapping[str, Any]
    is_word: bool

    @property
    def variable(self) -> str:
        """Return the name of the environment variable that overrides it."""
        return "__".join(self.path).upper()

    def from_text(self, text: str) -> Any:  # noqa: ANN401 - its type is the field's
        """Return the value that its environment variable's text stands for; raises `SettingsError`."""
        where = f"Environment variable {self.variable}"
        try:
            value = self.kind.from_text(text)
        except (KeyError, ValueError):
            message = f"{where} must be {self.kind.wanted}."
            raise SettingsError(message) from None
        return self.from_toml(value, lambda: where)

    def from_toml(self, value: object, where: Callable[[], str]) -> Any:  # noqa: ANN401 - its type is the field's
        """Return the value as the field has it; raises `SettingsError`, whose text starts with what `where` returns.

        The text repeats no value, which could be a secret in the wrong place; only a short word where one of a few
        words belongs.
        """
        mend = self.metadata.get("mend", "")
        if not self.kind.accepts(value):
            is_short_word = self.is_word and isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,24}", value)
            found = f'"{value}"' if is_short_word else _type_name(value)
            message = f"{where()} must be {self.kind.wanted}, not {found}. {mend}".rstrip()
            raise SettingsError(message)
        converted = self.kind.convert(value)
        if "accepts" in self.metadata and not self.metadata["accepts"](converted):
            message = f"{where()} must be {self.metadata['wanted']}. {mend}".rstrip()
            raise SettingsError(message)
        return converted


def keys_of(sections: Mapping[KeyPath, type[Any]]) -> Mapping[KeyPath, Key]:
    """Derive the keys from each section's dataclass; a field that is itself a section is not one of them."""
    keys = {}
    for section, owner in sections.items():
        hints = get_type_hints(owner)
        for described in fields(owner):
            path = (*section, described.name)
            if path not in sections:
                hint = hints[described.name]
                keys[path] = Key(path, _kind_of(hint), described.metadata, get_origin(hint) is Literal)
    return types.MappingProxyType(keys)


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]


def _whole_number(text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,18}", text.strip(), re.ASCII) is None:
        raise ValueError
    return int(text)


def _listed(text: str) -> list[str]:
    return [member.strip() for member in text.split(",") if member.strip()]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return type(value) is int  # to isinstance a boolean is an int (CASES 22)


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where there is no home


_KINDS: Mapping[Any, _Kind] = types.MappingProxyType(
    {
        bool: _Kind("true or false", lambda value: isinstance(value, bool), _boolean),
        int: _Kind("a whole number", _is_number, _whole_number),
        str: _Kind("text", _is_text, str),
        Path: _Kind("a path as text", lambda value: _is_text(value) and value != "", str, _path),
        tuple[str, ...]: _Kind(
            "a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value)), _listed, tuple
        ),
        tuple[int, ...]: _Kind(
            "a list of whole numbers",
            lambda value: isinstance(value, list) and all(map(_is_number, value)),
            lambda text: [_whole_number(member) for member in _listed(text)],
            tuple,
        ),
    }
)


def _kind_of(hint: Any) -> _Kind:  # noqa: ANN401 - a type hint has no type of its own
    if get_origin(hint) is Literal:
        words = get_args(hint)
        wanted = " or ".join((", ".join(words[:-1]), words[-1]))
        return _Kind(wanted, lambda value: _is_text(value) and value.lower() in words, str, str.lower)
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(member for member in get_args(hint) if member is not type(None))
    return _KINDS[hint]


def _type_name(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a fraction", str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")
