from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core import AuditStore, Settings, load_settings
from audit_core.settings import AuditSettings, ComplianceSettings
from audit_ui import context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what a dashboard remembers between two starts away from the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def demo_settings() -> Settings:
    return load_settings(environ={}, demo=True)


@pytest.fixture
def demo(demo_settings: Settings) -> Settings:
    """The dashboard on the embedded engine with its demo data."""
    context.configure(demo_settings)
    return demo_settings


@pytest.fixture
def own_table(unique_table: str) -> Iterator[AuditStore]:
    """The dashboard on an empty table of the embedded engine; to be filled by the test."""
    audit = AuditSettings(backend="memory", table_name=unique_table)
    settings = Settings(audit=audit, compliance=ComplianceSettings.for_mode("soc2"))
    context.configure(settings)
    store = AuditStore.open(settings)
    yield store
    store.close()


@pytest.fixture
def unreachable(demo_settings: Settings) -> Settings:
    """The dashboard on an engine that is not there."""
    audit = replace(demo_settings.audit, backend="dynamodb", url="http://127.0.0.1:9")
    settings = replace(demo_settings, audit=audit, demo=False)
    context.configure(settings)
    return settings
