"""The main job on DynamoDB Local, through the command line: real events in, verified, tampered with, found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import engines
from tests.chains import NAMES, Chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[2]
CLOUDTRAIL = ROOT.parent / "shared" / "data" / "cloudtrail"
ACCOUNT = "123837392027"
EVENTS = 2122


@pytest.fixture(scope="module")
def client(dynamodb_local_url: str) -> Iterator[DynamoDBClient]:
    """The plain AWS API: what somebody who tampers with the table has."""
    plain = engines.plain_client(dynamodb_local_url)
    yield plain
    plain.close()


def command(url: str, table: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m audit_core` against a table."""
    settings = {"AUDIT__URL": url, "AUDIT__TABLE_NAME": table, "COMPLIANCE__MODE": "soc2"}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIT_", "COMPLIANCE_"))}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "audit_core", *arguments],
            cwd=ROOT,
            env={**clean, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    return run


@pytest.fixture
def run(dynamodb_local_url: str, unique_table: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    return command(dynamodb_local_url, unique_table)


def verified(run: Callable[..., subprocess.CompletedProcess[str]], *options: str) -> tuple[int, dict[str, Any]]:
    answer = run("verify", "--json", *options)
    assert "Traceback" not in answer.stderr
    return answer.returncode, json.loads(answer.stdout)


def found(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [
        (finding["kind"], finding["sequence_number"], finding["last_sequence_number"])
        for chain in report["chains"]
        for finding in chain["findings"]
    ]


# -- the CloudTrail events, imported once for all that only needs them there ------------------------------------------


@pytest.fixture(scope="module")
def imported(dynamodb_local_url: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not CLOUDTRAIL.is_dir():
        pytest.skip("The CloudTrail sample lies beside the project, in ../shared/data/cloudtrail; it is not there.")
    run = command(dynamodb_local_url, "audit_cloudtrail")
    answer = run("import", "--json", str(CLOUDTRAIL))
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["added"] == EVENTS
    return run


def test_every_event_stands_once_and_a_second_run_adds_none(
    imported: Callable[..., subprocess.CompletedProcess[str]], client: DynamoDBClient
) -> None:
    again = imported("import", "--json", str(CLOUDTRAIL))
    outcome = json.loads(again.stdout)
    assert (again.returncode, outcome["added"], outcome["present"]) == (0, 0, EVENTS)
    pages = client.get_paginator("scan").paginate(
        TableName="audit_cloudtrail",
        FilterExpression="attribute_not_exists(#f)",
        ExpressionAttributeNames={"#f": "_fence"},
    )
    ids = [item["id"]["S"] for page in pages for item in page["Items"]]
    events = [
        event["eventID"]
        for path in CLOUDTRAIL.glob("*.json")
        for event in json.loads(path.read_text(encoding="utf-8"))["Records"]
    ]
    assert sorted(ids) == sorted(events)


@pytest.mark.parametrize("options", [(), ("--thorough",)])
def test_the_imported_chain_is_intact(
    imported: Callable[..., subprocess.CompletedProcess[str]], options: tuple[str, ...]
) -> None:
    status, report = verified(imported, *options)
    (chain,) = report["chains"]
    assert (status, report["verdict"], chain["tenant"]) == (0, "intact", ACCOUNT)
    assert chain["coverage"] == {
        "full": EVENTS, "record_hash_only": 0, "expired": 0, "unproven": 0, "missing": 0
    }  # fmt: skip
    assert chain["summary"]["valid"] is True


def test_tampering_with_the_plain_api_is_found_at_its_place(
    dynamodb_local_url: str, imported: Callable[..., subprocess.CompletedProcess[str]], client: DynamoDBClient
) -> None:
    """An edit in a hashed field, one in the payload alone, a deletion, and a cut tail, all in one chain."""
    del imported
    table = "audit_tampered"
    run = command(dynamodb_local_url, table)
    assert run("import", str(CLOUDTRAIL)).returncode == 0
    assert verified(run)[0] == 0

    def key(sequence: int) -> dict[str, Any]:
        answer = client.get_item(
            TableName=table, Key={"id": {"S": f"SEQ#aws#{ACCOUNT}#{sequence}"}}, ConsistentRead=True
        )
        return {"id": answer["Item"]["record_id"]}

    def change(sequence: int, attribute: str) -> None:
        client.update_item(
            TableName=table,
            Key=key(sequence),
            UpdateExpression="SET #a = :v",
            ExpressionAttributeNames={"#a": attribute},
            ExpressionAttributeValues={":v": {"S": "allowed"}},
        )

    change(700, "outcome")
    change(701, "action_payload")
    for sequence in (702, EVENTS - 2, EVENTS - 1):
        client.delete_item(TableName=table, Key=key(sequence))
    status, report = verified(run)
    assert (status, report["verdict"]) == (1, "broken")
    assert sorted(set(found(report))) == [
        ("content_modified", 700, 700),
        ("content_modified", 701, 701),
        ("missing_record", 702, 702),
        ("truncated_tail", EVENTS - 2, EVENTS - 1),
    ]
    assert report["chains"][0]["summary"]["first_broken_at"] == 700


# -- expiry, done by the engine itself --------------------------------------------------------------------------------


def wait_until_gone(client: DynamoDBClient, table: str, ids: list[str]) -> None:
    """Wait for TTL, which DynamoDB Local does every ten seconds."""
    give_up = time.monotonic() + 90
    while time.monotonic() < give_up:
        standing = [
            record_id
            for record_id in ids
            if "Item" in client.get_item(TableName=table, Key={"id": {"S": record_id}}, ConsistentRead=True)
        ]
        if not standing:
            return
        time.sleep(1)
    pytest.fail(f"the engine did not remove {standing}")


def put(client: DynamoDBClient, table: str, chain: Chain) -> None:
    for item in chain.items():
        client.put_item(TableName=table, Item=item)


def test_what_the_engine_itself_removed_is_expired_and_what_somebody_deleted_is_not(
    expiring_url: str, unique_table: str
) -> None:
    client = engines.plain_client(expiring_url)
    engine = engines.Engine(engines.DYNAMODB_LOCAL, expiring_url)
    run = command(expiring_url, unique_table)
    store = engines.open_store(engine, unique_table, {})
    moment = store.table.clock.now()
    draft = {"provider": "p", "action_type": "a", "verdict": "allow", "outcome": "executed"}

    def append(tenant: str, lifetime: int) -> str:
        fields: Any = {**draft, "expires_at": moment.plus_seconds(lifetime)}
        return store.append(store.draft(namespace="n", tenant=tenant, **fields)).record.id

    expiring = [append("expiring", 6), append("expiring", 6)]
    append("expiring", 3600)
    bare = Chain().elsewhere(3, lifetime=2, dispatched_at=moment, completed_at=moment)
    bare.elsewhere(1, lifetime=3600, dispatched_at=moment, completed_at=moment)
    put(client, unique_table, bare)
    wait_until_gone(client, unique_table, expiring + [bare.record(number)["id"]["S"] for number in range(3)])

    status, report = verified(run, "--tenant", "expiring", "--namespace", "n")
    assert (status, report["verdict"], found(report)) == (0, "intact_with_expiry", [("expired", 0, 1)])
    status, report = verified(run, "--namespace", NAMES[0], "--tenant", NAMES[1])
    assert (status, report["verdict"], found(report)) == (3, "unproven", [("expired_unproven", 0, 2)])
    assert verified(run, "--namespace", NAMES[0], "--tenant", NAMES[1], "--allow-unproven")[0] == 0

    deleted = append("expiring", 3600)
    client.delete_item(TableName=unique_table, Key={"id": {"S": deleted}})
    status, report = verified(run, "--tenant", "expiring", "--namespace", "n")
    assert (status, found(report)) == (1, [("expired", 0, 1), ("truncated_tail", 3, 3)])
    store.close()
    client.close()


# -- what could not be run, and what there was nothing of -------------------------------------------------------------


def test_an_empty_table_is_incomplete(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    status, report = verified(run)
    assert (status, report["verdict"], report["chains"]) == (3, "incomplete", [])


def test_an_engine_that_does_not_answer_could_not_be_verified(unique_table: str) -> None:
    answer = command(f"http://127.0.0.1:{engines.free_port()}", unique_table)("verify")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.strip().splitlines()) <= 4
