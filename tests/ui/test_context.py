from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core import Settings, SettingsError
from audit_core.settings import AuditSettings
from audit_ui import summaries
from audit_ui.__main__ import EXIT_SETTINGS, ROOT
from audit_ui.context import Context, require_loopback
from audit_ui.verification import Batch, Reports, Request, Verification
from tests import builders, tables
from tests.reports import report
from tests.ui.test_inject import click, filled
from tests.ui.visits import visit, words

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core import AuditStore

AWS = Settings(audit=AuditSettings(backend="dynamodb"))
DISGUISED = Settings(audit=AuditSettings(url="https://dynamodb.eu-west-1.amazonaws.com"))
LOCAL = Settings(audit=AuditSettings(url="http://localhost:8000"))
REMOVAL = {"embedded": "never removes what has expired", "local": "DynamoDB removes"}
"""What is said of expired records, by engine."""


@pytest.mark.parametrize("address", [None, "0.0.0.0", "::", "192.168.1.5", "audit.example.com"])  # noqa: S104
@pytest.mark.parametrize("settings", [AWS, DISGUISED], ids=["aws", "aws by a url"])
def test_a_table_on_aws_is_shown_to_this_machine_only(settings: Settings, address: str | None) -> None:
    with pytest.raises(SettingsError, match="no sign-in"):
        require_loopback(settings, address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_will_do_for_aws(address: str) -> None:
    require_loopback(AWS, address)


def test_a_local_engine_may_be_shown_elsewhere() -> None:
    require_loopback(LOCAL, "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize("page", ["overview", "inject", "retention", "records"])
@pytest.mark.parametrize("engine", REMOVAL)
def test_what_becomes_of_expired_records_is_told_of_the_engine_at_hand(
    lab: AuditStore, monkeypatch: pytest.MonkeyPatch, page: str, engine: str
) -> None:
    due = lab.table.clock.now().plus_seconds(-60)
    tables.put(lab, builders.item(id="due", expires_at=due, tenant="acme"))
    monkeypatch.setattr(type(lab), "engine", engine)
    if page == "inject":
        opened = click(filled(), "at_once")
    else:
        opened = visit(page, **({"record": "due"} if page == "records" else {}))
    told = words(opened) + "".join(str(metric.help) for metric in opened.metric)
    assert not opened.exception
    assert [one for one, said in REMOVAL.items() if said in told] == [engine]


class TestLauncher:
    @staticmethod
    def launched(folder: Path, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs the launcher in another folder than the program's, with a configuration that it must refuse."""
        (folder / "acteon.toml").write_text(text)
        known = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIT_", "STREAMLIT_"))}
        command = [sys.executable, "-m", "audit_ui", "--no-browser"]
        return subprocess.run(
            command,
            cwd=folder,
            env={**known, "PYTHONPATH": str(ROOT), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def test_refuses_settings_before_it_starts_anything(self, tmp_path: Path) -> None:
        ended = self.launched(tmp_path, "[audit]\ntable_nam = 'x'\n")
        assert ended.returncode == EXIT_SETTINGS
        assert "acteon.toml, line 2" in ended.stderr
        assert "table_name" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert not ended.stdout

    def test_refuses_another_address_for_aws(self, tmp_path: Path) -> None:
        ended = self.launched(tmp_path, "[audit]\nregion = 'eu-west-1'\n", STREAMLIT_SERVER_ADDRESS="0.0.0.0")  # noqa: S104
        assert ended.returncode == EXIT_SETTINGS
        assert "SSH tunnel" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_reports_are_bounded_and_told_apart_by_tenant_and_table() -> None:
    kept = Reports(most=2)
    for tenant in ("a", "b", "c"):
        kept.keep("table", replace(report(1), tenant=tenant))
    assert kept.last("table", "notifications", "a") is None
    assert kept.last("table", "notifications", "c") is not None
    assert kept.last("other", "notifications", "c") is None


class TestVerification:
    @pytest.fixture
    def visitor(self, own_table: AuditStore) -> Context:
        records = [
            own_table.draft(
                namespace="n", tenant=tenant, provider="p", action_type="a", verdict="allow", outcome="executed"
            )
            for tenant in ("one", "two")
        ]
        for record in records:
            own_table.append(record)
        return Context(own_table)

    def test_comes_to_its_end_in_slices(self, visitor: Context) -> None:
        verification = Verification(visitor, Request("n", "one"))
        slices = 0
        while verification.running:
            verification.advance(0)
            slices += 1
        assert slices > 1
        assert verification.report.verdict.value == "intact"

    def test_can_be_stopped_and_taken_up_again(self, visitor: Context) -> None:
        verification = Verification(visitor, Request("n", "one"))
        verification.advance(0)
        verification.stop()
        assert verification.report.verdict.value == "incomplete"
        assert verification.report.reason == "it was stopped"
        verification.go_on()
        while verification.running:
            verification.advance(0)
        assert verification.report.verdict.value == "intact"

    def test_a_batch_goes_through_every_chain(self, visitor: Context) -> None:
        batch = Batch(visitor, [Request("n", "one"), Request("n", "two")])
        seen = []
        while batch.running:
            seen.append(batch.fraction)
            batch.advance(0.001)
        assert batch.done == 2
        assert seen == sorted(seen)

    def test_a_summary_of_another_tenant_is_never_shown(
        self, visitor: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from audit_core import EngineError, TenantEntry  # noqa: PLC0415

        (right,) = summaries.read_summaries(visitor, [TenantEntry("n", "one")])
        assert isinstance(right, summaries.ChainSummary)
        assert right.tenant == "one"
        monkeypatch.setattr(summaries, "_read", lambda *_: right)
        summaries.forget_summaries()
        with pytest.raises(EngineError, match="another tenant"):
            summaries.read_summaries(visitor, [TenantEntry("n", "two")])
        summaries.forget_summaries()
