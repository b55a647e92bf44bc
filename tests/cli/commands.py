"""Running the command line in this process, and what a test asks of its output."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from audit_core.cli import app
from audit_core.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from typer.testing import Result

    from audit_core import AuditStore

ACME = ("--namespace", "notifications", "--tenant", "acme")
"""The intact chain of the demo data."""

CHAINS = {
    "infrastructure#sandbox": "unchained",
    "infrastructure#vandelay": "broken",
    "notifications#acme": "intact",
    "notifications#globex": "intact_with_expiry",
    "notifications#initech": "unproven",
    "payments#hooli": "broken",
    "payments#umbrella": "broken",
}
"""The verdict of each chain of the demo data."""

DEMO_TABLE = f"audit_cli_{os.getpid()}"


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given, catch_exceptions=False)


def demo(*arguments: str) -> Result:
    return run("--demo", *arguments)


def printed(result: Result) -> Any:
    """The JSON that a command printed, being all of its stdout, in one line."""
    assert result.stdout.endswith("\n"), result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def told(result: Result) -> str:
    """The one message of a command that could not run."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def failing(monkeypatch: pytest.MonkeyPatch, name: str, failure: BaseException, *, after: int = 0) -> None:
    """Let a call of the table fail once it was answered `after` times."""
    calls = []
    answered: Callable[..., Any] = getattr(Table, name)

    def call(self: Table, *arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if len(calls) > after:
            raise failure
        return answered(self, *arguments, **options)

    monkeypatch.setattr(Table, name, call)


def put(store: AuditStore, typed: dict[str, Any]) -> None:
    """Put an item in by the plain API, whatever it holds."""
    store.table.client.put_item(TableName=store.table.name, Item=typed)


def remove(store: AuditStore, item_id: str) -> None:
    """Delete an item by the plain API."""
    store.table.client.delete_item(TableName=store.table.name, Key={"id": {"S": item_id}})


def write_events(path: Path, *events: dict[str, Any]) -> None:
    path.write_text(json.dumps({"Records": list(events)}), encoding="utf-8")
