"""What goes to which stream: results to stdout, as JSON or for people; messages and progress to stderr.

Text from records reaches a terminal only by `shown`, escaped, and never as Rich markup. What to say is left to the
commands.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "JsonFlag",
    "print_json",
    "print_line",
    "print_table",
    "progress_bar",
    "say",
    "shown",
]

_UNLIMITED_WIDTH = 100_000

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]


def say(message: str) -> None:
    """Write one line for a person to stderr, whatever it holds escaped."""
    sys.stderr.write(f"{visible(message)}\n")
    sys.stderr.flush()


def print_json(value: object) -> None:
    """Write one line of JSON to stdout; all beyond ASCII is escaped, so that no terminal acts on it."""
    sys.stdout.write(f"{json.dumps(value, allow_nan=False)}\n")


def print_line(line: str | Text = "", *, style: str = "") -> None:
    """Write one line for a person to stdout, whole: a terminal breaks it, this program does not."""
    _console().print(line if isinstance(line, Text) else Text(line, style), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
    """Write a table to stdout: cells fold on a terminal, and stay in one line where it is none; nothing is cut off."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(shown(cell) for cell in row))
    _console().print(Padding(table, (0, 0, 0, indent), expand=False))


def shown(text: str) -> Text:
    """Return text from outside as it may be shown: hidden and control characters escaped (CASES 49, 51)."""
    return Text(visible(text))


def progress_bar() -> Progress:
    """Return a progress display on stderr, to be used as a context; it shows nothing where that is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not sys.stderr.isatty(),
    )


def _console() -> Console:
    return Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else _UNLIMITED_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )
