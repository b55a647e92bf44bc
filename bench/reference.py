"""The reference: how a plain boto3 program does it, with nothing of `audit_core`.

Appending is the Acteon server's algorithm: a query of the tip, then one transaction of a bare fence and the record,
and five retries after 10 ms, doubling, plus as much jitter. Reading is pages of 500 with the fence filter, parsed by
botocore, `record_hash` recomputed.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

RETRIES = 5
FIRST_WAIT_SECONDS = 0.01
HASHED = (
    "action_id",
    "action_type",
    "dispatched_at",
    "id",
    "namespace",
    "outcome",
    "previous_hash",
    "provider",
    "tenant",
    "verdict",
)


class LostError(Exception):
    """All tries of an append lost the race."""


def client(url: str) -> DynamoDBClient:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - DynamoDB Local takes any
        config=Config(max_pool_connections=32),
    )


def record_hash(item: dict[str, Any]) -> str:
    values = {name: item.get(name, {}).get("S") for name in HASHED}
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def append(dynamodb: DynamoDBClient, table: str, item: dict[str, Any]) -> int:
    """Append a record's typed item; returns its sequence number, or raises `LostError`."""
    chain = item["ns_tenant"]
    for attempt in range(RETRIES + 1):
        found = dynamodb.query(
            TableName=table,
            IndexName="ns_tenant_sequence",
            KeyConditionExpression="ns_tenant = :chain",
            ExpressionAttributeValues={":chain": chain},
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        number = int(found[0]["sequence_number"]["N"]) + 1 if found else 0
        linked = {**item, "sequence_number": {"N": str(number)}}
        if found:
            linked["previous_hash"] = found[0]["record_hash"]
        linked["record_hash"] = {"S": record_hash(linked)}
        fence = {"id": {"S": f"SEQ#{chain['S']}#{number}"}, "_fence": {"BOOL": True}}
        puts: list[Any] = [
            {"Put": {"TableName": table, "Item": one, "ConditionExpression": "attribute_not_exists(id)"}}
            for one in (fence, linked)
        ]
        try:
            dynamodb.transact_write_items(TransactItems=puts)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
        else:
            return number
        if attempt < RETRIES:
            wait = FIRST_WAIT_SECONDS * 2**attempt
            time.sleep(wait + random.uniform(0, wait))  # noqa: S311 - jitter, no secret
    raise LostError


def verify(dynamodb: DynamoDBClient, table: str, namespace: str, tenant: str, *, fences: bool = False) -> int:
    """Recompute and follow the `record_hash` of a chain, with `fences` also seeing that each has its fence."""
    chain = f"{namespace}#{tenant}"
    previous, expected = None, 0
    for page in _pages(dynamodb.query, **_in_order(table, chain)):
        for item in page["Items"]:
            assert int(item["sequence_number"]["N"]) == expected
            assert item.get("previous_hash", {}).get("S") == previous
            assert record_hash(item) == item["record_hash"]["S"]
            previous, expected = item["record_hash"]["S"], expected + 1
        if fences:
            ids = [f"SEQ#{chain}#{item['sequence_number']['N']}" for item in page["Items"]]
            for start in range(0, len(ids), 100):
                wanted = ids[start : start + 100]
                assert len(_get(dynamodb, table, wanted)) == len(wanted)
    return expected


def tenants(dynamodb: DynamoDBClient, table: str) -> set[str]:
    """The tenants of a table, by a scan."""
    found = set()
    for page in _pages(dynamodb.scan, TableName=table, Limit=1000):
        found |= {item["ns_tenant"]["S"] for item in page["Items"] if "ns_tenant" in item}
    return found


def _in_order(table: str, chain: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "IndexName": "ns_tenant_sequence",
        "KeyConditionExpression": "ns_tenant = :chain",
        "FilterExpression": "attribute_not_exists(#fence)",
        "ExpressionAttributeNames": {"#fence": "_fence"},
        "ExpressionAttributeValues": {":chain": {"S": chain}},
        "Limit": 500,
    }


def _pages(ask: Callable[..., Any], **options: Any) -> Iterator[Any]:
    while True:
        page = ask(**options)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        options["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _get(dynamodb: DynamoDBClient, table: str, ids: Sequence[str]) -> list[Any]:
    keys: list[Any] = [{"id": {"S": one}} for one in ids]
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
    assert not answer["UnprocessedKeys"]
    return answer["Responses"][table]
