"""Sealing and carrying away through the command line, on DynamoDB Local, where expiry is real (FORMAT 5, 9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import engines
from tests.chains import NAMES, Chain
from tests.real.test_evidence import command, found, put, verified, wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

NAMED = ("--namespace", NAMES[0], "--tenant", NAMES[1])
LIFETIME = 15
"""Seconds: time enough to seal before the engine removes anything."""


@pytest.fixture(scope="module")
def client(dynamodb_local_url: str) -> Iterator[DynamoDBClient]:
    plain = engines.plain_client(dynamodb_local_url)
    yield plain
    plain.close()


def told(run: Callable[..., Any], *options: str) -> tuple[int, Any]:
    """Status and what is said of the chain, but for what it cost to read it, and when that was."""
    status, report = verified(run, *options)
    (chain,) = report["chains"]
    return status, {name: value for name, value in chain.items() if name not in {"at", "reading"}}


@pytest.mark.parametrize("is_sealed", [True, False], ids=["sealed", "unsealed"])
def test_a_chain_filled_elsewhere_whose_head_the_engine_removes(
    expiring_url: str, unique_table: str, tmp_path: Path, is_sealed: bool
) -> None:
    client = engines.plain_client(expiring_url)
    run = command(expiring_url, unique_table)
    assert run("init-table").returncode == 0
    store = engines.open_local(expiring_url, unique_table)
    moment = store.table.clock.now()
    store.close()
    times = {"dispatched_at": moment, "completed_at": moment}
    chain = Chain().elsewhere(3, lifetime=LIFETIME, **times).elsewhere(3, lifetime=3600, **times)
    put(client, unique_table, chain)
    if is_sealed:
        answer = run("seal", "--json", *NAMED)
        assert (answer.returncode, json.loads(answer.stdout)["chains"][0]["sealed"]) == (0, 6)
    wait_until_gone(client, unique_table, [chain.record(number)["id"]["S"] for number in range(3)])

    kind, verdict, status = ("expired", "intact_with_expiry", 0) if is_sealed else ("expired_unproven", "unproven", 3)
    assert verified(run, *NAMED)[0] == status
    report = verified(run, *NAMED)[1]
    assert (report["verdict"], found(report)) == (verdict, [(kind, 0, 2)])

    file = str(tmp_path / "chain.jsonl")
    assert run("export", *NAMED, file).returncode == 0
    assert told(run, "--file", file) == told(run, "--thorough", *NAMED)

    client.delete_item(TableName=unique_table, Key={"id": chain.record(4)["id"]})
    status, report = verified(run, *NAMED)
    assert (status, report["verdict"]) == (1, "broken")
    assert ("missing_record", 4, 4) in found(report)
    client.close()


def test_an_export_never_replaces_a_file_unasked(dynamodb_local_url: str, unique_table: str, tmp_path: Path) -> None:
    run = command(dynamodb_local_url, unique_table)
    assert run("seed").returncode == 0
    target = tmp_path / "chain.jsonl"
    target.write_text("mine", encoding="utf-8")
    refused = run("export", "--namespace", "payments", "--tenant", "hooli", str(target))
    assert (refused.returncode, target.read_text(encoding="utf-8")) == (2, "mine")
    assert run("export", "--namespace", "payments", "--tenant", "hooli", str(target), "--force").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.jsonl", "chain.jsonl.manifest.json"]


def test_sealing_says_what_it_left_and_a_dry_run_writes_nothing(
    dynamodb_local_url: str, unique_table: str, client: DynamoDBClient
) -> None:
    run = command(dynamodb_local_url, unique_table)
    assert run("init-table").returncode == 0
    put(client, unique_table, Chain().elsewhere(4).edit(2, outcome={"S": "x"}))
    for options, status in ((("--dry-run",), 1), ((), 1)):
        answer = run("seal", "--json", *options, *NAMED)
        (told,) = json.loads(answer.stdout)["chains"]
        assert (answer.returncode, told["sealed"]) == (status, 3)
        assert told["left"] == [{"sequence_number": 2, "reason": "content_modified"}]
    again = json.loads(run("seal", "--json", *NAMED).stdout)["chains"][0]
    assert (again["sealed"], again["already"]) == (0, 3)


def test_a_file_that_is_no_export_could_not_be_verified(
    dynamodb_local_url: str, unique_table: str, tmp_path: Path
) -> None:
    target = tmp_path / "x.jsonl"
    target.write_text("{}\n", encoding="utf-8")
    run = command(dynamodb_local_url, unique_table)
    assert run("verify", "--file", str(target)).returncode == 2
    assert run("verify", "--file", str(tmp_path / "absent.jsonl")).returncode == 2
    assert run("verify", "--file", str(target), "--tenant", "acme").returncode == 2
