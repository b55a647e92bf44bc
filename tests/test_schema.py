"""The table: made on local engines only, and every difference from FORMAT 1 found, with what it breaks and its mend."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from audit_core import schema
from audit_core.client import build_client
from audit_core.errors import TableMismatchError, TableMissingError, WriteRefusedError
from audit_core.schema import Difference, check_table, cloudformation_template, create_table, ensure_table
from audit_core.settings import AuditSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def local(unique_table: str) -> Settings:
    return Settings(audit=AuditSettings(backend="memory", table_name=unique_table))


@pytest.fixture
def aws(unique_table: str) -> Settings:
    """Settings that count as AWS; the client still asks the embedded engine."""
    return Settings(audit=AuditSettings(table_name=unique_table))


@pytest.fixture(scope="module")
def client(embedded_url: str) -> Iterator[DynamoDBClient]:
    client = build_client(Settings(audit=AuditSettings(backend="memory")), endpoint_url=embedded_url)
    yield client
    client.close()


class Altered:
    """A client one of whose answers is altered, or is an error."""

    def __init__(self, client: DynamoDBClient, operation: str, alter: Callable[[Any], Any] | Exception) -> None:
        self._client = client
        self._operation = operation
        self._alter = alter

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name != self._operation:
            return call

        def altered(**parameters: Any) -> Any:
            if isinstance(self._alter, Exception):
                raise self._alter
            answer = call(**parameters)
            self._alter(answer)
            return answer

        return altered


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Describe")


def protect(client: DynamoDBClient, table: str) -> None:
    client.update_table(TableName=table, DeletionProtectionEnabled=True)
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def found(differences: tuple[Difference, ...]) -> dict[str, tuple[str, bool]]:
    return {difference.item: (difference.found, difference.breaks_queries) for difference in differences}


def make(client: DynamoDBClient, settings: Settings, alter: Callable[[dict[str, Any]], object]) -> None:
    """Make a table that is not quite as it should be, and protect it."""
    description = schema.table_description(settings.audit.table_name)
    alter(description)
    indexes = description["GlobalSecondaryIndexes"]
    used = {key["AttributeName"] for holder in (description, *indexes) for key in holder["KeySchema"]}
    description["AttributeDefinitions"] = [
        entry for entry in description["AttributeDefinitions"] if entry["AttributeName"] in used
    ]
    client.create_table(**description)
    client.update_time_to_live(
        TableName=settings.audit.table_name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": schema.TTL_ATTRIBUTE},
    )
    protect(client, settings.audit.table_name)


class TestCreating:
    def test_the_table_has_the_names_of_the_contract(self, client: DynamoDBClient, local: Settings) -> None:
        assert create_table(client, local)

        table = client.describe_table(TableName=local.audit.table_name)["Table"]
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
        indexes = {
            index["IndexName"]: [(key["AttributeName"], types[key["AttributeName"]]) for key in index["KeySchema"]]
            for index in table["GlobalSecondaryIndexes"]
        }
        ttl = client.describe_time_to_live(TableName=local.audit.table_name)["TimeToLiveDescription"]
        assert [(key["AttributeName"], types[key["AttributeName"]]) for key in table["KeySchema"]] == [("id", "S")]
        assert indexes == {
            "ns_tenant_dispatched": [("ns_tenant", "S"), ("dispatched_at_ms", "N")],
            "ns_tenant_sequence": [("ns_tenant", "S"), ("sequence_number", "N")],
            "action_id_index": [("action_id", "S"), ("dispatched_at_ms", "N")],
        }
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at_ttl")
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    def test_an_existing_table_is_fine_and_keeps_its_items(self, client: DynamoDBClient, local: Settings) -> None:
        create_table(client, local)
        client.put_item(TableName=local.audit.table_name, Item={"id": {"S": "kept"}})

        assert not create_table(client, local)
        assert client.scan(TableName=local.audit.table_name)["Count"] == 1

    def test_several_at_once_make_it_once(self, client: DynamoDBClient, local: Settings) -> None:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: create_table(client, local), range(4)))

        assert sorted(made) == [False, False, False, True]

    def test_a_ttl_that_another_process_has_just_switched_on_is_fine(
        self, client: DynamoDBClient, local: Settings
    ) -> None:
        create_table(client, local)
        late: Any = Altered(
            Altered(client, "describe_time_to_live", _switched_off),  # type: ignore[arg-type]
            "update_time_to_live",
            refused("ValidationException"),
        )

        assert not create_table(late, local)

    def test_nothing_is_ever_created_on_aws(self, client: DynamoDBClient, aws: Settings) -> None:
        with pytest.raises(WriteRefusedError, match="init-table"):
            create_table(client, aws)
        with pytest.raises(TableMissingError, match=aws.audit.table_name):
            ensure_table(client, aws)

        assert aws.audit.table_name not in client.list_tables()["TableNames"]

    def test_a_url_that_points_at_aws_counts_as_aws(self, client: DynamoDBClient, aws: Settings) -> None:
        through_url = replace(aws, audit=replace(aws.audit, url="https://dynamodb.us-east-1.amazonaws.com"))

        with pytest.raises(WriteRefusedError):
            create_table(client, through_url)

    def test_the_template_makes_a_table_without_any_difference(self, client: DynamoDBClient, aws: Settings) -> None:
        template = json.loads(cloudformation_template(aws))

        (resource,) = template["Resources"].values()
        properties = resource["Properties"]
        ttl = properties.pop("TimeToLiveSpecification")
        recovery = properties.pop("PointInTimeRecoverySpecification")
        client.create_table(**properties)
        client.update_time_to_live(TableName=aws.audit.table_name, TimeToLiveSpecification=ttl)
        client.update_continuous_backups(TableName=aws.audit.table_name, PointInTimeRecoverySpecification=recovery)
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
        assert ensure_table(client, aws) == ()


def _switched_off(answer: Any) -> None:
    answer["TimeToLiveDescription"] = {"TimeToLiveStatus": "DISABLED"}


def _index(position: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda description: description["GlobalSecondaryIndexes"][position].update(changes)


def _keys(partition: str, sort: str | None = None) -> list[dict[str, str]]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


def _type(name: str, wrong: str) -> Callable[[dict[str, Any]], None]:
    def alter(description: dict[str, Any]) -> None:
        (entry,) = (entry for entry in description["AttributeDefinitions"] if entry["AttributeName"] == name)
        entry["AttributeType"] = wrong

    return alter


class TestDifferences:
    @pytest.mark.parametrize(
        ("alter", "expected"),
        [
            (
                lambda description: description["GlobalSecondaryIndexes"].pop(1),
                {"index ns_tenant_sequence": ("no such index", True)},
            ),
            (
                _index(1, KeySchema=_keys("action_id", "sequence_number")),
                {"index ns_tenant_sequence": ("action_id (S) / sequence_number (N)", True)},
            ),
            (
                _type("sequence_number", "S"),
                {"index ns_tenant_sequence": ("ns_tenant (S) / sequence_number (S)", True)},
            ),
            (
                _index(0, Projection={"ProjectionType": "KEYS_ONLY"}),
                {"index ns_tenant_dispatched, projection": ("KEYS_ONLY", True)},
            ),
            (
                lambda description: description.update(KeySchema=_keys("id", "dispatched_at_ms")),
                {"key": ("id (S) / dispatched_at_ms (N)", True)},
            ),
            (
                lambda description: description.update(
                    BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
                ),
                {"billing": ("PROVISIONED", False)},
            ),
        ],
        ids=["missing index", "wrong key", "wrong type", "projection", "sort key", "billing"],
    )
    def test_of_the_table_s_own_description(
        self,
        alter: Callable[[dict[str, Any]], object],
        expected: dict[str, tuple[str, bool]],
        client: DynamoDBClient,
        aws: Settings,
    ) -> None:
        make(client, aws, alter)

        assert found(check_table(client, aws)) == expected

    @pytest.mark.parametrize(
        ("operation", "alter", "expected"),
        [
            (
                "describe_table",
                lambda answer: answer["Table"]["GlobalSecondaryIndexes"][2].update(IndexStatus="CREATING"),
                {"index action_id_index, status": ("CREATING", True)},
            ),
            (
                "describe_table",
                lambda answer: answer["Table"].update(TableStatus="ARCHIVED"),
                {"status": ("ARCHIVED", True)},
            ),
            (
                "describe_table",
                lambda answer: answer["Table"].update(
                    Replicas=[{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]
                ),
                {"global table": ("replicas in eu-west-1", False)},
            ),
            (
                "describe_table",
                lambda answer: answer["Table"].update(DeletionProtectionEnabled=False),
                {"deletion protection": ("off", False)},
            ),
            ("describe_time_to_live", _switched_off, {"TTL": ("off (DISABLED)", False)}),
            (
                "describe_time_to_live",
                lambda answer: answer["TimeToLiveDescription"].update(AttributeName="ttl"),
                {"TTL": ("on, attribute ttl", False)},
            ),
            ("describe_time_to_live", refused("AccessDeniedException"), {"TTL": ("not allowed to look", False)}),
            (
                "describe_continuous_backups",
                lambda answer: answer["ContinuousBackupsDescription"].pop("PointInTimeRecoveryDescription"),
                {"point-in-time recovery": ("off", False)},
            ),
            (
                "describe_continuous_backups",
                refused("UnknownOperationException"),
                {"point-in-time recovery": ("not known here", False)},
            ),
        ],
        ids=["index", "status", "replica", "deletion", "ttl off", "ttl other", "ttl denied", "backups", "unknown"],
    )
    def test_of_its_state(
        self,
        operation: str,
        alter: Any,
        expected: dict[str, tuple[str, bool]],
        client: DynamoDBClient,
        aws: Settings,
    ) -> None:
        make(client, aws, lambda _: None)

        altered: Any = Altered(client, operation, alter)

        assert found(check_table(altered, aws)) == expected

    def test_each_names_what_was_expected_and_how_to_mend_it(self, client: DynamoDBClient, aws: Settings) -> None:
        make(client, aws, lambda description: description["GlobalSecondaryIndexes"].pop(1))

        (difference,) = check_table(client, aws)

        assert difference.expected == "ns_tenant (S) / sequence_number (N)"
        assert "init-table" in difference.mend
        assert difference.found in str(difference)

    def test_those_that_break_a_query_stop_and_are_all_named(self, client: DynamoDBClient, aws: Settings) -> None:
        make(
            client,
            aws,
            lambda description: description.update(GlobalSecondaryIndexes=description["GlobalSecondaryIndexes"][:1]),
        )

        with pytest.raises(TableMismatchError, match=r"ns_tenant_sequence.*action_id_index"):
            ensure_table(client, aws)

    def test_a_local_table_without_an_index_stops_too(self, client: DynamoDBClient, local: Settings) -> None:
        make(client, local, lambda description: description["GlobalSecondaryIndexes"].pop(1))

        with pytest.raises(TableMismatchError, match="Delete this local table"):
            ensure_table(client, local)

    def test_those_that_break_nothing_are_returned_as_warnings(self, client: DynamoDBClient, aws: Settings) -> None:
        client.create_table(**schema.table_description(aws.audit.table_name))

        assert [difference.item for difference in ensure_table(client, aws)] == [
            "deletion protection",
            "TTL",
            "point-in-time recovery",
        ]

    def test_protection_that_only_aws_has_is_no_warning_on_a_local_engine(
        self, client: DynamoDBClient, local: Settings
    ) -> None:
        assert ensure_table(client, local) == ()
        assert {difference.item: difference.information for difference in check_table(client, local)} == {
            "deletion protection": True,
            "point-in-time recovery": True,
        }
