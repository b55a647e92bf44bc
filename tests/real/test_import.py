"""A chain carried to another table by the command line: exported, imported, and a chain of its own there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.chains import NAMES
from tests.real.test_evidence import command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

COUNT = 60
CHAIN = ("--namespace", NAMES[0], "--tenant", NAMES[1])


@pytest.fixture
def source(dynamodb_local_url: str, unique_table: str, tmp_path: Path) -> Callable[..., Any]:
    """A table with a chain of sixty records, among them JSON, numbers and a field of their own."""
    run = answered(command(dynamodb_local_url, unique_table))
    lines = [json.dumps(plain(number)) for number in range(COUNT)]
    (tmp_path / "plain.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = run("import", str(tmp_path / "plain.jsonl"), "--extra", "team")
    assert (report["added"], report["chain_attributes_dropped"]) == (COUNT, 0)
    return run


@pytest.fixture
def target(dynamodb_local_url: str, unique_table: str) -> Callable[..., Any]:
    return answered(command(dynamodb_local_url, f"{unique_table}_copy"))


def answered(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """The command, and what it answers as JSON."""

    def ask(*arguments: str) -> Any:
        answer = run(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return ask


def plain(number: int) -> dict[str, Any]:
    names = dict.fromkeys(("provider", "action_type", "verdict", "outcome"), "x")
    moment = f"2026-01-15T10:{59 - number % 60:02d}:00.{number:09d}Z"  # backwards: the order is the file's
    return {
        "id": f"plain-{number:03d}",
        "action_id": f"act-{number}",
        "namespace": NAMES[0],
        "tenant": NAMES[1],
        **names,
        "dispatched_at": moment,
        "completed_at": moment,
        "metadata": {"n": number, "whole": 1.0, "text": "é\u202e"},
        "action_payload": '"ENC[x]"',
        "team": {"SS": ["a", "b"]},
    }


def content(run: Callable[..., Any]) -> list[dict[str, Any]]:
    """The records of the chain without their hashes, in order of sequence."""
    held = run("query", *CHAIN, "--order", "oldest", "--limit", "1000")["records"]
    return [{name: value for name, value in one.items() if "_hash" not in name} for one in held]


def test_an_exported_chain_becomes_an_intact_one_elsewhere(
    source: Callable[..., Any], target: Callable[..., Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "chain.jsonl")
    source("export", path, *CHAIN)
    first = target("import", path)
    assert (first["added"], first["chain_attributes_dropped"], first["altered"]) == (COUNT, COUNT, 0)
    assert first["left_out"] == {"bookkeeping": COUNT, "context": 0, "gone": 0}
    again = target("import", path)
    assert (again["added"], again["present"]) == (0, COUNT)
    report = target("verify", "--thorough")
    assert (report["verdict"], report["chains"][0]["records_checked"]) == ("intact", COUNT)
    assert content(target) == content(source)


def test_pages_of_a_query_become_the_same_chain(
    source: Callable[..., Any], target: Callable[..., Any], tmp_path: Path
) -> None:
    page = source("query", *CHAIN, "--limit", "40")
    rest = source("query", *CHAIN, "--limit", "40", "--cursor", page["next"])
    path = tmp_path / "pages.json"
    path.write_text(f"{json.dumps(page)}\n{json.dumps(rest)}\n", encoding="utf-8")
    report = target("import", str(path), "--extra", "team")
    assert (report["added"], report["altered"]) == (COUNT, 0)
    assert target("verify")["verdict"] == "intact"
    assert content(target) == content(source)


def test_a_refused_file_writes_nothing(
    source: Callable[..., Any], dynamodb_local_url: str, unique_table: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(json.dumps({**plain(number), "id": number or "new"}) for number in range(3)))
    answer = command(dynamodb_local_url, unique_table)("import", str(path), "--extra", "team")
    assert answer.returncode == 2
    assert [line.split(" cannot")[0] for line in answer.stderr.splitlines()[:2]] == [
        f"{path}: line 2",
        f"{path}: line 3",
    ]
    assert len(content(source)) == COUNT
