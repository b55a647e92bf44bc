"""`query --csv`, `--jsonl`, `--parquet`, and `export`: files with a manifest beside them, and `verify --file`."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from audit_core import extracts
from audit_core.chain.words import DEMO
from audit_core.errors import EngineUnreachableError
from audit_core.manifests import Positions
from tests.cli.commands import ACME, DEMO_TABLE, demo, failing, printed, run, told

if TYPE_CHECKING:
    from pathlib import Path

GLOBEX = ("--namespace", "notifications", "--tenant", "globex")


def manifest_of(path: Path) -> Any:
    return json.loads(path.with_name(f"{path.name}.manifest.json").read_text(encoding="ascii"))


class TestQuery:
    def test_writes_all_that_match_for_a_spreadsheet(self, tmp_path: Path) -> None:
        target = tmp_path / "a.csv"
        result = demo("query", *ACME, "--outcome", "executed", "--csv", str(target))
        assert result.exit_code == 0, result.stderr
        with target.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["outcome"] for row in rows} == {"executed"}
        assert f"a.csv: {len(rows)} records" in result.stdout
        assert manifest_of(target)["records"] == len(rows)
        assert manifest_of(target)["filter"]["outcome"] == "executed"

    def test_writes_items_that_hash_takes(self, tmp_path: Path) -> None:
        target = tmp_path / "a.jsonl"
        said = printed(demo("query", *ACME, "--order", "sequence", "--jsonl", str(target), "--json"))
        assert said == manifest_of(target)
        assert said["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
        answer = run("hash", str(target))
        assert answer.exit_code == 0
        computed = [json.loads(line)["record_hash"] for line in answer.stdout.splitlines()]
        stored = [json.loads(line)["record_hash"]["S"] for line in target.read_text().splitlines()]
        assert (computed, len(computed)) == (stored, 400)

    def test_writes_columns_for_analysis(self, tmp_path: Path) -> None:
        target = tmp_path / "a.parquet"
        result = demo("query", *ACME, "--outcome", "failed", "--parquet", str(target))
        assert result.exit_code == 0, result.stderr
        rows = parquet.read_table(target).to_pylist()
        assert {row["outcome"] for row in rows} == {"failed"}
        said = manifest_of(target)
        assert (said["records"], said["format"]) == (len(rows), "parquet")
        assert said["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()

    @pytest.mark.parametrize(
        "options",
        [
            ("--csv", "a", "--jsonl", "b"),
            ("--jsonl", "a", "--parquet", "b"),
            ("--parquet", "a", "--limit", "3"),
            ("--csv", "a", "--limit", "3"),
            ("--jsonl", "a", "--cursor", "x"),
            ("--force",),
        ],
    )
    def test_options_that_do_not_go_together_are_refused(self, options: tuple[str, ...], tmp_path: Path) -> None:
        assert demo("query", *ACME, *options).exit_code == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["a.csv", "a.csv.manifest.json"])
    def test_neither_file_is_replaced_unasked(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_text("mine", encoding="utf-8")
        target = str(tmp_path / "a.csv")
        assert "exists" in told(demo("query", *ACME, "--csv", target))
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert demo("query", *ACME, "--csv", target, "--force").exit_code == 0
        assert manifest_of(tmp_path / "a.csv")["records"] == 400

    def test_a_read_that_fails_leaves_what_was_read_and_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(extracts, "PAGE_ROWS", 100)
        failing(monkeypatch, "query", EngineUnreachableError("Nobody answers."), after=2)
        target = tmp_path / "a.jsonl"
        result = demo("query", *ACME, "--jsonl", str(target))
        assert result.exit_code == 3
        assert "not complete: Nobody answers." in result.stderr
        said = manifest_of(target)
        assert (said["complete"], said["records"], len(target.read_text().splitlines())) == (False, 200, 200)

    def test_one_that_is_stopped_is_incomplete(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(extracts, "PAGE_ROWS", 100)
        failing(monkeypatch, "query", KeyboardInterrupt(), after=1)
        target = tmp_path / "a.jsonl"
        assert demo("query", *ACME, "--jsonl", str(target)).exit_code == 3
        assert (manifest_of(target)["reason"], manifest_of(target)["records"]) == ("it was stopped", 100)

    def test_where_nothing_could_be_read_there_is_no_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failing(monkeypatch, "query", EngineUnreachableError("Nobody answers."))
        assert "Nobody answers." in told(demo("query", *ACME, "--csv", str(tmp_path / "a.csv")))
        assert list(tmp_path.iterdir()) == []


class TestExport:
    def test_accounts_for_every_position(self, tmp_path: Path) -> None:
        target = tmp_path / "g.jsonl"
        result = demo("export", *GLOBEX, str(target))
        assert result.exit_code == 0
        assert "250 positions asked for = 125 present + 125 expired + 0 unproven + 0 missing" in result.stdout
        positions = manifest_of(target)["positions"]
        assert (positions["asked_for"], positions["present"], positions["expired"]) == (250, 125, 125)
        assert positions["reconcile"] is True

    def test_the_manifest_names_the_range_as_it_was_given(self, tmp_path: Path) -> None:
        target = tmp_path / "g.jsonl"
        said = printed(demo("export", *GLOBEX, "--from", "200", "--to", "209", str(target), "--json"))
        assert said["manifest"] == manifest_of(target)
        assert said["manifest"]["filter"]["from"] == "200"
        assert (said["first"], said["last"], said["manifest"]["positions"]["asked_for"]) == (200, 209, 10)

    def test_counts_that_do_not_add_up_are_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Positions, "reconcile", False)
        result = demo("export", *GLOBEX, str(tmp_path / "g.jsonl"))
        assert result.exit_code == 1
        assert "do not add up" in result.stderr
        assert manifest_of(tmp_path / "g.jsonl")["positions"]["reconcile"] is False

    def test_a_file_and_the_manifest_beside_it_verify_together(self, tmp_path: Path) -> None:
        target = tmp_path / "g.jsonl"
        assert demo("export", *GLOBEX, str(target)).exit_code == 0
        assert run("verify", "--file", str(target)).exit_code == 0
        target.write_bytes(target.read_bytes() + b"\n")
        assert "is not the file that" in told(run("verify", "--file", str(target)))
        target.with_name("g.jsonl.manifest.json").unlink()
        assert run("verify", "--file", str(target)).exit_code == 2

    def test_a_file_of_demo_data_says_so_wherever_it_is_carried(self, tmp_path: Path) -> None:
        target = tmp_path / "g.jsonl"
        assert DEMO in run("export", *GLOBEX, str(target)).stdout
        assert manifest_of(target)["engine"] == "the embedded engine (in memory, demo data)"
        verified = run("verify", "--file", str(target))
        assert verified.stdout.startswith(DEMO)
        assert f"the file g.jsonl, exported from table {DEMO_TABLE}." in verified.stdout

    def test_a_file_that_cannot_be_read_is_named_with_the_reason(self, tmp_path: Path) -> None:
        absent = tmp_path / "absent.jsonl"
        for file, reason in ((absent, "No such file or directory"), (tmp_path, "Is a directory")):
            message = told(run("verify", "--file", str(file)))
            assert message == f"Error: {file}: it cannot be read ({reason}); check the path and its permissions.\n"

    def test_records_of_a_filter_are_no_chain_to_verify(self, tmp_path: Path) -> None:
        target = tmp_path / "a.jsonl"
        assert demo("query", *ACME, "--jsonl", str(target)).exit_code == 0
        assert "400 records that a filter chose" in told(run("verify", "--file", str(target)))
