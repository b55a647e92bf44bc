from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core import AuditStore, Settings, load_settings
from audit_core.directory import register_update
from audit_core.settings import AuditSettings, ComplianceSettings
from audit_ui import context
from tests import builders
from tests.ui.visits import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what a dashboard remembers between two starts away from the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the script that AppTest runs from staying `__main__`: a process started later would run it again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def demo_settings() -> Settings:
    return load_settings(environ={}, demo=True)


@pytest.fixture
def demo(demo_settings: Settings) -> Settings:
    """The dashboard on the embedded engine with its demo data."""
    context.configure(demo_settings)
    return demo_settings


@pytest.fixture
def open_table(unique_table: str) -> Iterator[Callable[..., AuditStore]]:
    """Opens the dashboard on an empty table of the embedded engine; what differs from `[audit]`'s defaults is given."""
    stores: list[AuditStore] = []

    def opened(**audit: Any) -> AuditStore:
        settings = Settings(
            audit=AuditSettings(backend="memory", table_name=unique_table, **audit),
            compliance=ComplianceSettings.for_mode("soc2"),
        )
        context.configure(settings)
        stores.append(AuditStore.open(settings))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def own_table(open_table: Callable[..., AuditStore]) -> AuditStore:
    """The dashboard on an empty table of the embedded engine; to be filled by the test."""
    return open_table()


@pytest.fixture
def open_lab(open_table: Callable[..., AuditStore]) -> Callable[..., AuditStore]:
    """Opens a table whose directory lists two tenants without a record: AppTest can choose only what is offered."""

    def opened(**audit: Any) -> AuditStore:
        store = open_table(**audit)
        settings, now = store.settings.audit, store.table.clock.now()
        for tenant in ("bench", HOSTILE):
            record = builders.record(namespace="lab", tenant=tenant)
            store.table.client.update_item(**register_update(settings.prefix, settings.table_name, record, now))
        return store

    return opened


@pytest.fixture
def lab(open_lab: Callable[..., AuditStore]) -> AuditStore:
    """A table whose directory lists two tenants without a record, with everything stored as it is given."""
    return open_lab()


@pytest.fixture
def unreachable(demo_settings: Settings) -> Settings:
    """The dashboard on an engine that is not there."""
    audit = replace(demo_settings.audit, backend="dynamodb", url="http://127.0.0.1:9")
    settings = replace(demo_settings, audit=audit, demo=False)
    context.configure(settings)
    return settings
