"""A TOML file that can tell on which line a key stands, for error messages.

Which keys are allowed, and what they mean, is the business of `settings`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomli

from audit_core.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TomlFile", "read_toml"]


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A parsed file: where it came from, its text, and its content as nested dictionaries."""

    path: Path
    text: str
    content: dict[str, Any]

    def at(self, key: tuple[str, ...]) -> str:
        """Return `file, line n` of the statement that first gives the key (its path from the root)."""
        return f"{self.path}, line {self.line_of(key)}"

    def line_of(self, key: tuple[str, ...]) -> int:
        """Return the line, from 1, on which the statement that first gives the key begins.

        The reader keeps no positions, but the first lines of a file are a TOML file of their own wherever a statement
        ends. So the answer is where such a beginning first holds the key: right for dotted keys, inline tables and
        values over several lines alike. Raises `KeyError` when the file does not have the key.
        """
        if not _has(self.content, key):
            raise KeyError(key)
        # Not splitlines: it also splits at U+2028 and others, which can stand inside a TOML string.
        lines = [f"{line}\n" for line in self.text.split("\n")]
        # The statement begins on the first line whose addition brings the key in, at once or with the lines to come.
        return bisect_left(range(len(lines)), x=True, key=lambda count: _has(self._beginning(lines, count), key))

    def _beginning(self, lines: list[str], count: int) -> dict[str, Any]:
        """Parse the first `count` lines, and as many more as it takes to end a statement."""
        for end in range(count, len(lines)):
            content = _parsed(lines[:end])
            if content is not None:
                return content
        return self.content


def read_toml(path: Path) -> TomlFile:
    """Read and parse a file; raises `SettingsError` that names file, line and column (CASES 21)."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        message = f"There is no configuration file {path}. Correct the path, or leave it out to start with demo data."
        raise SettingsError(message) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"{path}, line {line}: the file is not UTF-8 text. Save it as UTF-8."
        raise SettingsError(message) from None
    except OSError as error:
        message = f"The configuration file {path} cannot be read: {error.strerror}."
        raise SettingsError(message) from error
    try:
        return TomlFile(path, text.replace("\r\n", "\n"), tomli.loads(text))
    except tomli.TOMLDecodeError as error:
        # From the error only its place and its kind: a document, which it also carries, can hold secrets.
        message = f"{path}, line {error.lineno}, column {error.colno}: not valid TOML: {error.msg}."
    except RecursionError:
        message = f"{path} is nested too deeply to be read."
    raise SettingsError(message)


def _parsed(lines: list[str]) -> dict[str, Any] | None:
    try:
        return tomli.loads("".join(lines))
    except tomli.TOMLDecodeError:
        return None


def _has(content: Any, key: tuple[str, ...]) -> bool:  # noqa: ANN401 - a TOML value can be anything
    for name in key:
        if not isinstance(content, dict) or name not in content:
            return False
        content = content[name]
    return True
