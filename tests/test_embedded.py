"""The embedded engine: transactions that roll back without copying items, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.client import build_client
from audit_core.embedded import start_embedded
from audit_core.schema import create_table
from audit_core.settings import AuditSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def shared_client(embedded_url: str) -> Iterator[DynamoDBClient]:
    client = build_client(Settings(audit=AuditSettings(backend="memory")), endpoint_url=embedded_url)
    yield client
    client.close()


@pytest.fixture
def client(shared_client: DynamoDBClient, unique_table: str) -> DynamoDBClient:
    """A client with an empty table."""
    create_table(shared_client, Settings(audit=AuditSettings(backend="memory", table_name=unique_table)))
    return shared_client


def item(item_id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": item_id}, **{name: {"S": text} for name, text in attributes.items()}}


def put(table: str, *, expected_new: bool = True, **attributes: Any) -> Any:
    condition = {"ConditionExpression": "attribute_not_exists(id)"} if expected_new else {}
    return {"Put": {"TableName": table, "Item": item(**attributes), **condition}}


def live_items(table: str) -> Any:
    """moto's own map of items."""
    from moto.dynamodb.models import dynamodb_backends  # noqa: PLC0415 - moto is slow to import

    (found,) = (
        backend.tables[table]
        for account in dynamodb_backends.values()
        for backend in account.values()
        if table in backend.tables
    )
    return found.items


def read(client: DynamoDBClient, table: str) -> dict[str, Any]:
    return {found["id"]["S"]: found for found in client.scan(TableName=table)["Items"]}


class TestTransactions:
    def test_a_cancelled_one_undoes_its_puts_updates_and_deletes(
        self, client: DynamoDBClient, unique_table: str
    ) -> None:
        before = {name: item(name, text="before") for name in ("taken", "replaced", "updated", "deleted")}
        for stored in before.values():
            client.put_item(TableName=unique_table, Item=stored)

        with pytest.raises(client.exceptions.TransactionCanceledException):
            client.transact_write_items(
                TransactItems=[
                    put(unique_table, item_id="new"),
                    put(unique_table, expected_new=False, item_id="replaced", text="after"),
                    {
                        "Update": {
                            "TableName": unique_table,
                            "Key": item("updated"),
                            "UpdateExpression": "SET #t = :t",
                            "ExpressionAttributeNames": {"#t": "text"},
                            "ExpressionAttributeValues": {":t": {"S": "after"}},
                        }
                    },
                    {"Delete": {"TableName": unique_table, "Key": item("deleted")}},
                    put(unique_table, item_id="taken"),
                ]
            )

        assert read(client, unique_table) == before

    def test_a_committed_one_stays(self, client: DynamoDBClient, unique_table: str) -> None:
        client.transact_write_items(TransactItems=[put(unique_table, item_id="a"), put(unique_table, item_id="b")])

        assert read(client, unique_table) == {"a": item("a"), "b": item("b")}

    def test_no_item_of_a_full_table_is_copied(self, client: DynamoDBClient, unique_table: str) -> None:
        from moto.dynamodb.models.dynamo_type import DynamoType, Item  # noqa: PLC0415 - moto is slow to import

        client.put_item(TableName=unique_table, Item=item("taken"))
        for number in range(3000):
            key = DynamoType({"S": f"r{number}"})
            live_items(unique_table)[key] = Item(key, None, item(f"r{number}"))
        before = {key.value: id(stored) for key, stored in live_items(unique_table).items()}

        with pytest.raises(client.exceptions.TransactionCanceledException):
            client.transact_write_items(TransactItems=[put(unique_table, item_id="taken")])

        # After a roll-back the table is the copy that was taken before: had items been copied, these would be others.
        assert len(before) == 3001
        assert {key.value: id(stored) for key, stored in live_items(unique_table).items()} == before

    def test_writers_at_once_lose_nothing(self, client: DynamoDBClient, unique_table: str) -> None:
        def write(writer: int) -> None:
            for number in range(8):
                with pytest.raises(client.exceptions.TransactionCanceledException):
                    client.transact_write_items(
                        TransactItems=[
                            put(unique_table, item_id=f"never-{writer}-{number}"),
                            put(unique_table, item_id="taken"),
                        ]
                    )
                client.transact_write_items(TransactItems=[put(unique_table, item_id=f"{writer}-{number}")])

        client.put_item(TableName=unique_table, Item=item("taken"))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))

        assert len(read(client, unique_table)) == 65


class TestServer:
    def test_every_type_of_value_comes_back_as_it_was_put(self, client: DynamoDBClient, unique_table: str) -> None:
        plain: Any = {"id": {"S": "plain"}, "n": {"N": "4.50"}, "yes": {"BOOL": True}, "empty": {"S": ""}}
        rich: Any = {
            "id": {"S": "rich"},
            "bytes": {"B": b"\0\xff"},
            "texts": {"SS": ["a"]},
            "null": {"NULL": True},
            "map": {"M": {"list": {"L": [{"N": "1"}, {"BOOL": False}]}}},
        }
        for put_in in (plain, rich):
            client.put_item(TableName=unique_table, Item=put_in)

        assert read(client, unique_table) == {"plain": plain, "rich": rich}
        assert client.get_item(TableName=unique_table, Key=item("rich"))["Item"] == rich

    def test_plain_values_are_sent_without_a_search_for_their_type(
        self, client: DynamoDBClient, unique_table: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from moto.core.serialize import BaseJSONSerializer  # noqa: PLC0415 - moto is slow to import

        searched = []
        serialize = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - what is spared

        def record(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
            searched.append(shape.name)
            serialize(self, serialized, value, shape, key)

        monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", record)
        client.put_item(TableName=unique_table, Item={"id": {"S": "a"}, "n": {"N": "1"}, "yes": {"BOOL": True}})
        read(client, unique_table)

        assert "ScanOutput" in searched
        assert "AttributeValue" not in searched

    def test_moto_keeps_no_copies_of_what_it_sends_and_saves(self, client: DynamoDBClient, unique_table: str) -> None:
        from moto.core.model_instances import model_data  # noqa: PLC0415 - moto is slow to import

        client.transact_write_items(TransactItems=[put(unique_table, item_id="a")])
        read(client, unique_table)

        models: Any = model_data["dynamodb"]
        assert {"Item", "Table"} <= set(models)
        assert all(list(model.instances_tracked) == [] for model in models.values())

    def test_requests_leave_no_trace_in_the_output(
        self, client: DynamoDBClient, unique_table: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        read(client, unique_table)

        assert capfd.readouterr() == ("", "")

    def test_there_is_one_for_the_process(self, embedded_url: str) -> None:
        engine = start_embedded()

        assert engine is start_embedded()
        assert engine.endpoint_url == embedded_url
        assert engine.is_running
        with engine.lock, engine.lock:
            pass

    def test_once_closed_it_is_gone_and_a_new_one_starts_empty_without_a_warning(self) -> None:
        program = """
import gc, socket, sys
from audit_core import client, embedded, schema, settings
assert not {"moto", "flask", "werkzeug"} & set(sys.modules), "imported before it is needed"
of = settings.Settings(audit=settings.AuditSettings(backend="memory"))
first = embedded.start_embedded()
one = client.build_client(of, endpoint_url=first.endpoint_url)
assert schema.create_table(one, of)
one.close()
first.close()
first.close()
assert not first.is_running
with socket.socket() as probe:
    assert probe.connect_ex(("127.0.0.1", int(first.endpoint_url.rpartition(":")[2]))) != 0
second = embedded.start_embedded()
assert second is not first
two = client.build_client(of, endpoint_url=second.endpoint_url)
assert two.list_tables()["TableNames"] == []
two.close()
gc.collect()
"""
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
