from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.cli.plainitems import plain_item
from audit_core.importers import MAX_PROBLEMS
from tests.builders import DISPATCHED, event, record, records
from tests.cli.commands import ACME, demo, printed, run, told, write_events

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core.records import AuditRecord


def write_records(path: Path, *made: AuditRecord, **changes: Any) -> Path:
    lines = [json.dumps({**plain_item(one.to_item()), **changes}) for one in made]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def dry(*arguments: object) -> dict[str, Any]:
    report: dict[str, Any] = printed(run("import", *map(str, arguments), "--dry-run", "--json"))
    return report


def test_kinds_mix_in_one_call_and_are_counted(tmp_path: Path) -> None:
    assert demo("export", str(tmp_path / "chain.jsonl"), *ACME).exit_code == 0
    write_events(tmp_path / "trail.json", event())
    write_records(tmp_path / "plain.ndjson", *records(2, tenant="plain"))
    report = dry(tmp_path)
    assert report["kinds"] == {"cloudtrail": 1, "export": 1, "records": 1}
    assert (report["dry_run"], report["problems"], report["altered"]) == (True, [], 0)
    assert report["skipped"] == [str(tmp_path / "chain.jsonl.manifest.json")]
    held = {(chain["namespace"], chain["tenant"]): chain["records"] for chain in report["chains"]}
    exported = held[("notifications", "acme")]
    assert (held[("aws", "123456789012")], held[("notifications", "plain")]) == (1, 2)
    assert report["chain_attributes_dropped"] == exported
    assert report["left_out"] == {"bookkeeping": exported, "context": 0, "gone": 0}
    text = run("import", str(tmp_path), "--dry-run").stdout
    assert f"{exported + 3} records and events read from 3 files" in text
    assert f"{exported} records had sequence numbers and hashes, which were dropped" in text
    assert f"{exported} fences and bookkeeping items were left out." in text


@pytest.mark.parametrize("command", [("query", *ACME, "--limit", "30"), ("get",)])
def test_what_a_reading_command_prints_is_taken_in(tmp_path: Path, command: tuple[str, ...]) -> None:
    if command == ("get",):
        command = ("get", printed(demo("query", *ACME, "--limit", "1", "--json"))["records"][0]["id"])
    answer = demo(*command, "--json").stdout
    (tmp_path / "answer.json").write_text(answer, encoding="utf-8")
    count = len(json.loads(answer)["records"])
    report = dry(tmp_path / "answer.json")
    assert (report["events"], report["chain_attributes_dropped"], report["altered"]) == (count, count, 0)
    assert report["chains"] == [{"namespace": "notifications", "tenant": "acme", "records": count}]


def test_of_an_exported_range_only_what_it_covers_is_taken(tmp_path: Path) -> None:
    target = str(tmp_path / "range.jsonl")
    assert demo("export", target, *ACME, "--from", "5", "--to", "9").exit_code == 0
    report = dry(target)
    assert (report["events"], report["left_out"]["context"]) == (5, 2)
    assert "2 records from outside the range" in run("import", target, "--dry-run").stdout


def test_positions_that_lost_their_record_are_told(tmp_path: Path) -> None:
    target = str(tmp_path / "globex.jsonl")
    demo("export", target, "--namespace", "notifications", "--tenant", "globex")
    gone = dry(target)["left_out"]["gone"]
    assert gone > 0
    assert f"{gone} positions of exported chains had no record any more" in run("import", target, "--dry-run").stdout


def test_records_that_do_not_agree_with_their_hashes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "chain.jsonl"
    demo("export", str(path), *ACME)
    path.write_bytes(path.read_bytes().replace(b'"executed"', b'"failed"', 1))
    assert dry(path)["altered"] == 1
    assert "1 records do not agree with the hashes" in run("import", str(path), "--dry-run").stdout


def test_every_bad_line_is_listed_and_one_message_ends_it(tmp_path: Path) -> None:
    path = write_records(tmp_path / "bad.jsonl", *records(2), tennant="x")
    (tmp_path / "worse.jsonl").write_text("?\n" * (MAX_PROBLEMS + 10), encoding="utf-8")
    result = run("import", str(tmp_path), "--dry-run")
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[0].startswith(
        f"{path}: line 1 cannot be taken in. tennant is no field of a record. Did you mean tenant"
    )
    assert lines[-1].startswith(f"Error: {MAX_PROBLEMS + 12:,} problems, listed above but for 12. Nothing was written")
    as_json = run("import", str(tmp_path), "--dry-run", "--json")
    assert as_json.exit_code == 2
    report = printed(as_json)
    assert report["problem_count"] == MAX_PROBLEMS + 12
    assert [problem["line"] for problem in report["problems"][:3]] == [1, 2, 1]


def test_one_bad_line_is_one_message(tmp_path: Path) -> None:
    path = write_records(tmp_path / "bad.jsonl", record(), colour="red")
    assert f"{path}: line 1 cannot be taken in. colour is no field" in told(run("import", str(path), "--dry-run"))
    assert dry(path, "--extra", "colour")["events"] == 1


def test_expired_records_are_refused_or_left_out(tmp_path: Path) -> None:
    path = write_records(tmp_path / "a.jsonl", record(expires_at=DISPATCHED), record(id="lasting"))
    assert "1 of 2 records would have expired already" in told(run("import", str(path), "--dry-run"))
    report = dry(path, "--skip-expired")
    assert (report["expired"], report["events"]) == (1, 2)
    assert report["chains"][0]["records"] == 1
    text = run("import", str(path), "--dry-run", "--skip-expired").stdout
    assert "Dry run: 1 records would be written" in text
    assert "1 records that have expired were left out." in text
