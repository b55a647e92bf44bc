from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import botocore.client
import pytest

from audit_core import AuditStore, load_settings
from audit_core.fences import fence_id
from audit_core.schema import table_description
from tests import engines
from tests.builders import ACCOUNT, event, item, record
from tests.cli.commands import printed, run, told, write_events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient


AWS = ("--namespace", "aws", "--tenant", ACCOUNT)
COUNT = 60


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dynamodb_local_url: str, unique_table: str) -> str:
    """A table of its own for each test, named by the environment as a user would."""
    for name in [name for name in os.environ if name.startswith(("AUDIT_", "COMPLIANCE_", "DASHBOARD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUDIT__URL", dynamodb_local_url)
    monkeypatch.setenv("AUDIT__TABLE_NAME", unique_table)
    monkeypatch.setenv("COMPLIANCE__MODE", "soc2")
    monkeypatch.chdir(tmp_path)
    return unique_table


@pytest.fixture
def client(dynamodb_local_url: str) -> Iterator[DynamoDBClient]:
    """The plain AWS API, as somebody with write access would use it."""
    opened = engines.plain_client(dynamodb_local_url)
    yield opened
    opened.close()


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """A folder of CloudTrail files that is in the table: sixty events of one account, three of another."""
    folder = tmp_path / "trail"
    folder.mkdir()
    write_events(folder / "a.json", *(numbered(number) for number in range(COUNT)))
    write_events(folder / "b.json", *(numbered(number, recipientAccountId="other") for number in range(900, 903)))
    assert run("import", str(folder)).exit_code == 0
    return folder


def numbered(number: int, **overrides: Any) -> dict[str, Any]:
    moment = f"2023-07-10T11:{number // 60 % 60:02d}:{number % 60:02d}Z"
    return event(**{"eventID": f"event-{number:04d}", "eventTime": moment, **overrides})


def findings(*arguments: str) -> list[tuple[str, Any, Any]]:
    result = run("verify", "--json", *arguments)
    return [
        (finding["kind"], finding["sequence_number"], finding["last_sequence_number"])
        for chain in printed(result)["chains"]
        for finding in chain["findings"]
    ]


# -- the table --------------------------------------------------------------------------------------------------------


def test_a_table_is_made_once(table: str) -> None:
    first, second = (printed(run("init-table", "--json")) for _ in range(2))
    assert (first["table"], first["created"], second["created"]) == (table, True, False)
    assert "was there already" in run("init-table").stdout


def test_a_table_that_is_not_there_is_not_made_by_looking(table: str, client: DynamoDBClient) -> None:
    assert "Make it with `python -m audit_core init-table`" in told(run("check-table", "--json"))
    assert table not in client.list_tables()["TableNames"]


def test_a_table_that_breaks_a_query_is_a_negative_result(table: str, client: DynamoDBClient) -> None:
    description = table_description(table)
    kept = [index for index in description["GlobalSecondaryIndexes"] if index["IndexName"] != "action_id_index"]
    keys = [key for key in description["AttributeDefinitions"] if key["AttributeName"] != "action_id"]
    client.create_table(**{**description, "GlobalSecondaryIndexes": kept, "AttributeDefinitions": keys})
    result = run("check-table", "--json")
    assert result.exit_code == 1
    broken = [difference for difference in printed(result)["differences"] if difference["breaks_queries"]]
    assert [(one["item"], one["found"]) for one in broken] == [("index action_id_index", "no such index")]
    text = run("check-table").stdout
    assert "differs from what it should be" in text
    assert "breaks queries" in text
    assert "cannot be read as it is" in told(run("verify"))


def test_seeding_twice_adds_nothing() -> None:
    assert len(printed(run("seed", "--json"))["seeded"]) == 7
    assert printed(run("seed", "--json"))["seeded"] == []
    assert "nothing was written" in run("seed").stdout
    assert printed(run("verify", "--json"))["verdict"] == "broken"


# -- import -----------------------------------------------------------------------------------------------------------


def test_an_import_puts_every_event_in_once(imported: Path) -> None:
    again = run("import", str(imported), "--json")
    report = printed(again)
    assert again.exit_code == 0
    assert (report["added"], report["present"], report["duplicates"]) == (0, COUNT + 3, 0)
    assert report["conflicts"] == []
    assert report["chained"] is True
    assert {chain["tenant"]: chain["records"] for chain in report["chains"]} == {ACCOUNT: COUNT, "other": 3}
    verified = run("verify", "--json")
    assert verified.exit_code == 0
    assert [chain["records_checked"] for chain in printed(verified)["chains"]] == [COUNT, 3]


def test_an_event_delivered_twice_goes_in_once(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", numbered(1), numbered(2), numbered(1))
    report = printed(run("import", str(tmp_path / "a.json"), "--json"))
    assert (report["events"], report["added"], report["duplicates"]) == (3, 2, 1)


@pytest.mark.usefixtures("imported")
def test_conflicts_are_listed_and_the_rest_goes_in(tmp_path: Path) -> None:
    write_events(tmp_path / "new.json", numbered(0, eventName="Other"), numbered(100), numbered(100, eventName="Other"))
    result = run("import", str(tmp_path / "new.json"), "--json")
    report = printed(result)
    assert result.exit_code == 1
    assert report["added"] == 1
    assert [(one["id"], one["with"]) for one in report["conflicts"]] == [
        ("event-0100", "file"),
        ("event-0000", "table"),
    ]
    text = run("import", str(tmp_path / "new.json")).stdout
    assert "2 conflicts:" in text
    assert "refused: other content" in text
    assert run("verify").exit_code == 0


def test_a_dry_run_writes_nothing(table: str, client: DynamoDBClient, tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", numbered(1))
    assert run("import", str(tmp_path / "a.json"), "--dry-run").exit_code == 0
    assert table not in client.list_tables()["TableNames"]


def test_an_import_with_a_past_expiry_writes_nothing(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", numbered(1), numbered(2))
    assert "2 of 2 records would have expired already" in told(run("import", str(tmp_path / "a.json"), "--ttl", "60"))
    assert printed(run("tenants", "--scan", "--json"))["tenants"] == []


def test_the_tenant_can_be_another_field(tmp_path: Path) -> None:
    write_events(tmp_path / "a.json", numbered(1))
    report = printed(run("import", str(tmp_path / "a.json"), "--tenant-field", "userIdentity.type", "--json"))
    assert report["chains"] == [{"namespace": "aws", "tenant": "IAMUser", "records": 1}]


def test_without_hash_chaining_the_import_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPLIANCE__MODE", "none")
    write_events(tmp_path / "a.json", numbered(1))
    result = run("import", str(tmp_path / "a.json"), "--json")
    assert printed(result)["chained"] is False
    assert "hash chaining is off (compliance mode none)" in result.stderr
    verified = run("verify", "--json")
    assert [chain["verdict"] for chain in printed(verified)["chains"]] == ["unchained"]
    assert verified.exit_code == 3


def test_where_auditing_is_off_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__ENABLED", "false")
    write_events(tmp_path / "a.json", numbered(1))
    for arguments in (("import", str(tmp_path / "a.json")), ("seed",)):
        assert "enabled = false" in told(run(*arguments))
    assert printed(run("tenants", "--scan", "--json"))["tenants"] == []


def test_an_import_that_is_interrupted_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_events(tmp_path / "a.json", *(numbered(number) for number in range(COUNT)))
    appended = AuditStore.append_many
    batches: list[int] = []

    def append_many(store: AuditStore, records: Any, **options: Any) -> Any:
        batches.append(len(records))
        if len(batches) > 1:
            raise KeyboardInterrupt
        return appended(store, records, **options)

    monkeypatch.setattr(AuditStore, "append_many", append_many)
    result = run("import", str(tmp_path / "a.json"))
    assert result.exit_code == 130
    assert f"50 of {COUNT} records were seen to; run the same import again" in result.stderr
    monkeypatch.undo()


# -- verify -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("imported")
def test_an_edit_of_a_hashed_field_is_found(table: str, client: DynamoDBClient) -> None:
    edit(client, table, "event-0031", "outcome", {"S": "failed"})
    result = run("verify", "--json")
    assert result.exit_code == 1
    kinds = {(kind, number) for kind, number, _ in findings()}
    assert ("content_modified", 31) in kinds


@pytest.mark.usefixtures("imported")
def test_an_edit_of_the_payload_alone_is_found(table: str, client: DynamoDBClient) -> None:
    edit(client, table, "event-0031", "action_payload", {"S": '{"bucketName":"other"}'})
    assert findings() == [("content_modified", 31, 31)]
    (broken, other) = printed(run("verify", "--json"))["chains"]
    assert broken["findings"][0]["record_id"] == "event-0031"
    assert broken["summary"]["first_broken_at"] == 31
    assert other["verdict"] == "intact"


@pytest.mark.usefixtures("imported")
def test_a_deletion_and_a_cut_tail_are_found(table: str, client: DynamoDBClient) -> None:
    for number in (7, 58, 59):
        client.delete_item(TableName=table, Key={"id": {"S": f"event-{number:04d}"}})
    assert findings() == [("missing_record", 7, 7), ("truncated_tail", 58, 59)]
    assert findings("--namespace", "aws", "--tenant", "other") == []
    assert findings(*AWS, "--from", "10", "--to", "20") == []
    assert findings(*AWS, "--from", "5", "--to", "20") == [("missing_record", 7, 7)]


@pytest.mark.usefixtures("imported")
def test_a_number_between_two_positions_is_told_as_it_is_stored(table: str, client: DynamoDBClient) -> None:
    intruder = item(id="intruder", namespace="aws", tenant=ACCOUNT)
    client.put_item(TableName=table, Item={**intruder, "sequence_number": {"N": "31.5"}})
    result = run("verify", *AWS, "--json")
    (chain,) = printed(result)["chains"]
    assert {one["kind"] for one in chain["findings"]} >= {"malformed_record"}
    assert {(one["sequence_number"], one["last_sequence_number"]) for one in chain["findings"]} == {(31.5, 31.5)}
    assert chain["summary"]["first_broken_at"] == 31.5
    assert result.exit_code == 1


@pytest.mark.usefixtures("imported")
def test_what_was_silently_removed_from_a_time_is_found(table: str, client: DynamoDBClient) -> None:
    for number in range(20, 30):
        client.delete_item(TableName=table, Key={"id": {"S": f"event-{number:04d}"}})
    between = ("--from", "2023-07-10T11:00:20Z", "--to", "2023-07-10T11:00:29Z")
    result = run("verify", *AWS, *between)
    assert result.exit_code == 1
    assert "no chained record was dispatched in that time" in result.stdout
    assert findings(*AWS, *between) == [("missing_record", 20, 29)]


def test_an_expiry_that_fences_prove_is_no_alarm(table: str, client: DynamoDBClient) -> None:
    store = AuditStore.open(load_settings())
    now = store.table.clock.now()
    moment = {"dispatched_at": now, "completed_at": now}
    store.append(record(id="short-lived", expires_at=now.plus_seconds(5), **moment))
    store.append(record(id="lasting", **moment))
    store.close()
    time.sleep(6)
    client.delete_item(TableName=table, Key={"id": {"S": "short-lived"}})
    result = run("verify", "--json")
    assert result.exit_code == 0
    (chain,) = printed(result)["chains"]
    assert chain["verdict"] == "intact_with_expiry"
    assert [(one["kind"], one["sequence_number"]) for one in chain["findings"]] == [("expired", 0)]


def test_an_empty_table_is_incomplete() -> None:
    result = run("verify", "--json")
    assert printed(result).items() >= {"verdict": "incomplete", "chains": []}.items()
    assert result.exit_code == 3


@pytest.mark.usefixtures("imported")
def test_the_directory_may_lack_and_may_be_forged(table: str, client: DynamoDBClient) -> None:
    client.delete_item(TableName=table, Key={"id": {"S": "acteon_TENANT#aws#other"}})
    for entry_id, namespace in (("acteon_TENANT#aws#forged", "elsewhere"), (f"acteon_TENANT#{'x' * 300}#t", "x" * 300)):
        client.put_item(TableName=table, Item=directory_entry(entry_id, namespace, "t"))
    listed = printed(run("tenants", "--json"))
    assert [one["tenant"] for one in listed["tenants"]] == [ACCOUNT]
    assert listed["ignored"] == 2
    assert "2 entries were not believed" in run("verify").stdout
    assert [chain["tenant"] for chain in printed(run("verify", "--json"))["chains"]] == [ACCOUNT]
    scanned = run("verify", "--scan", "--json")
    assert [chain["tenant"] for chain in printed(scanned)["chains"]] == [ACCOUNT, "other"]
    assert "1 that the directory lacks" in run("tenants", "--scan").stdout


@pytest.mark.usefixtures("imported")
def test_where_the_directory_is_empty_the_table_is_scanned(table: str, client: DynamoDBClient) -> None:
    for tenant in (ACCOUNT, "other"):
        client.delete_item(TableName=table, Key={"id": {"S": f"acteon_TENANT#aws#{tenant}"}})
    result = run("verify", "--json")
    assert [chain["verdict"] for chain in printed(result)["chains"]] == ["intact", "intact"]
    assert result.exit_code == 0


def test_a_name_that_no_chain_can_have_does_not_stop_a_scan(table: str, client: DynamoDBClient) -> None:
    run("init-table")
    client.put_item(TableName=table, Item={"id": {"S": fence_id("x" * 300, "t", 0)}, "_fence": {"BOOL": True}})
    store = AuditStore.open(load_settings())
    store.append(record())
    store.close()
    report = printed(run("tenants", "--scan", "--json"))
    assert [one["tenant"] for one in report["tenants"]] == ["acme"]
    assert report["ignored"] == 1
    assert run("verify", "--scan").exit_code == 0


@pytest.mark.usefixtures("imported")
def test_thorough_finds_a_fence_that_is_gone(table: str, client: DynamoDBClient) -> None:
    client.delete_item(TableName=table, Key={"id": {"S": fence_id("aws", ACCOUNT, 10)}})
    assert findings() == []
    assert findings("--thorough") == [("missing_fence", 10, 10)]


@pytest.mark.usefixtures("imported")
def test_reading_commands_send_nothing_that_changes_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = set()
    call = botocore.client.BaseClient._make_api_call  # noqa: SLF001 - where every request of an SDK passes

    def listen(self: Any, operation: str, parameters: Any) -> Any:
        sent.add(operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", listen)
    for arguments in (
        ("check-table",),
        ("tenants", "--scan"),
        ("query", *AWS),
        ("get", "event-0001"),
        ("get", "--action", "event-0001"),
        ("verify", "--thorough", "--scan", "--from", "2023-07-10T11:00:20Z"),
    ):
        assert run(*arguments).exit_code == 0
    # a local engine's table is made where it is missing, which needs asking; on AWS nothing is ever created
    assert sent - {"CreateTable"} == {
        "BatchGetItem",
        "DescribeContinuousBackups",
        "DescribeTable",
        "DescribeTimeToLive",
        "GetItem",
        "Query",
        "Scan",
    }


def edit(client: DynamoDBClient, table: str, record_id: str, name: str, value: Any) -> None:
    client.update_item(
        TableName=table,
        Key={"id": {"S": record_id}},
        UpdateExpression="SET #n = :v",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":v": value},
    )


def directory_entry(entry_id: str, namespace: str, tenant: str) -> dict[str, Any]:
    return {
        "id": {"S": entry_id},
        "_fence": {"BOOL": True},
        "action_id": {"S": "acteon_TENANTS"},
        "dispatched_at_ms": {"N": "1768471200045"},
        "namespace": {"S": namespace},
        "tenant": {"S": tenant},
    }
