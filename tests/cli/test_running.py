from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders import event
from tests.cli.commands import ACME, DEMO_TABLE, demo, failing, printed, run, told, write_events
from tests.engines import free_port

if TYPE_CHECKING:
    from pathlib import Path


def test_writing_on_the_embedded_engine_is_refused_with_the_way_on(tmp_path: Path) -> None:
    for arguments in (("init-table",), ("seed",), ("import", str(tmp_path))):
        for options in ((), ("--demo",)):
            message = told(run(*options, *arguments))
            assert "docker compose --profile dynamodb up" in message
            assert "AUDIT__URL=http://localhost:8000" in message


def test_a_dry_run_needs_no_engine(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", event(eventID="e-1"), event(eventID="e-2", recipientAccountId="other"))
    report = printed(run("import", str(tmp_path), "--dry-run", "--json"))
    assert report["dry_run"] is True
    assert (report["files"], report["events"], report["added"]) == (1, 2, 0)
    assert report["chains"] == [
        {"namespace": "aws", "tenant": "123456789012", "records": 1},
        {"namespace": "aws", "tenant": "other", "records": 1},
    ]
    assert "2 records would be written, nothing was" in run("import", str(tmp_path), "--dry-run").stdout


def test_a_dry_run_tells_conflicts_and_expiries_that_are_past(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", event(), event(eventName="PutObject"))
    result = run("import", str(tmp_path), "--dry-run", "--json")
    assert result.exit_code == 1
    (conflict,) = printed(result)["conflicts"]
    assert conflict["id"] == event()["eventID"]
    assert "1 of 1 records would have expired already" in told(run("import", str(tmp_path), "--dry-run", "--ttl", "60"))
    assert "A lifetime of 0 is none" in told(run("import", str(tmp_path), "--dry-run", "--ttl", "0"))


def test_what_a_dry_run_refuses_is_named(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", event(eventID="acteon_1"))
    assert "names bookkeeping items" in told(run("import", str(tmp_path), "--dry-run"))
    assert "nothing.json" in told(run("import", str(tmp_path / "nothing.json"), "--dry-run"))


def test_on_aws_a_template_is_printed_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__URL", "https://dynamodb.eu-west-1.amazonaws.com")
    monkeypatch.setattr("audit_core.cli.tables.build_client", lambda _: pytest.fail("a client was built"))
    for options in ((), ("--json",)):
        result = run("init-table", *options)
        assert result.exit_code == 0
        table = json.loads(result.stdout)["Resources"]["AuditTable"]["Properties"]
        assert table["TableName"] == DEMO_TABLE
        assert "Nothing was changed" in result.stderr


def test_a_setting_that_is_wrong_is_named_with_file_key_and_line(tmp_path: Path) -> None:
    source = tmp_path / "own.toml"
    source.write_text('[audit]\nbackend = "memory"\ntable_nam = "x"\n', encoding="utf-8")
    message = told(run("--config", str(source), "tenants", "--json"))
    assert "own.toml" in message
    assert "line 3" in message or ":3" in message
    assert "table_nam" in message


def test_an_endpoint_that_does_not_answer_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__URL", f"http://127.0.0.1:{free_port()}")
    for arguments in (("verify", "--json"), ("check-table",), ("init-table",), ("query", *ACME), ("seed",)):
        assert "cannot be reached" in told(run(*arguments))


def test_demo_data_that_nobody_asked_for_is_said_to_be_that() -> None:
    assert "nothing is configured, so this is demo data" in run("verify", *ACME, "--json").stderr
    assert demo("verify", *ACME, "--json").stderr == ""


def test_check_table_of_the_embedded_engine_finds_nothing_that_matters() -> None:
    result = demo("check-table", "--json")
    assert result.exit_code == 0
    report = printed(result)
    assert report["table"] == DEMO_TABLE
    assert all(difference["information"] for difference in report["differences"])
    assert "is as it should be" in demo("check-table").stdout


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("verify", "--nonsense"), ("query",), ("query", *ACME, "--limit", "x"), ("import",)],
)
def test_a_wrong_command_line_exits_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_an_interrupted_command_exits_130_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "query", KeyboardInterrupt())
    for arguments in (("query", *ACME, "--json"), ("tenants",), ("verify",)):
        result = demo(*arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Stopped.\n")


def test_a_defect_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "query", ZeroDivisionError("a secret value"))
    message = told(demo("verify", "--json"))
    assert "ZeroDivisionError in commands.py:" in message
    assert "secret" not in message
