from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines import Engine, Feature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

LARGEST_ITEM = 400 * 1024


@pytest.fixture
def table(plain_client: DynamoDBClient, unique_table: str) -> Iterator[str]:
    plain_client.create_table(
        TableName=unique_table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield unique_table
    plain_client.delete_table(TableName=unique_table)


def put_where_absent(client: DynamoDBClient, table: str, *ids: str) -> None:
    client.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": table,
                    "Item": {"id": {"S": name}},
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            }
            for name in ids
        ]
    )


def count(client: DynamoDBClient, table: str) -> int:
    return client.scan(TableName=table, Select="COUNT", ConsistentRead=True, Limit=1000)["Count"]


def test_a_cancelled_transaction_leaves_nothing(plain_client: DynamoDBClient, table: str) -> None:
    put_where_absent(plain_client, table, "one", "two")
    with pytest.raises(plain_client.exceptions.TransactionCanceledException):
        put_where_absent(plain_client, table, "three", "two")
    assert count(plain_client, table) == 2


def test_expiry_can_be_switched_on(plain_client: DynamoDBClient, table: str) -> None:
    plain_client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at_ttl"}
    )
    described = plain_client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at_ttl"}


@pytest.mark.needs(Feature.LARGE_ITEMS)
def test_the_largest_item_that_dynamodb_takes_is_taken(
    engine: Engine, plain_client: DynamoDBClient, table: str
) -> None:
    assert engine.supports(Feature.LARGE_ITEMS)
    names = len("id") + len("one") + len("payload")
    item = {"id": {"S": "one"}, "payload": {"S": "x" * (LARGEST_ITEM - names)}}
    plain_client.put_item(TableName=table, Item=item)
    assert count(plain_client, table) == 1
