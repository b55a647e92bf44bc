"""The demo data that the commands of this folder work on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from audit_core import AuditStore, load_settings
from tests.cli.commands import DEMO_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def demo_store() -> Iterator[AuditStore]:
    """What `--demo` opens, under a name that keeps other tests' records out of it."""
    opened = AuditStore.open(load_settings(environ={"AUDIT__TABLE_NAME": DEMO_TABLE}, demo=True))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, demo_store: AuditStore) -> None:
    """No file, no variable but the table's name; and the demo store is opened once instead of by every command."""
    for name in [name for name in os.environ if name.startswith(("AUDIT_", "COMPLIANCE_", "DASHBOARD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUDIT__TABLE_NAME", DEMO_TABLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_store, "close", lambda: None)  # a command closes what it opened
    connect = AuditStore.open
    monkeypatch.setattr(
        AuditStore, "open", lambda settings: demo_store if settings.audit.backend == "memory" else connect(settings)
    )
