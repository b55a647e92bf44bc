"""The reference to compare with: how a plain boto3 program appends, with nothing of this package.

It is the Acteon server's algorithm: a query of the tip with limit 1, then one transaction of a bare fence and the
record, and five retries after 10 ms, doubling, plus as much jitter. Nothing here is used for writing anybody's records.
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
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["LostError", "append", "local_client", "record_hash"]

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


def local_client(url: str, region: str = "us-east-1") -> DynamoDBClient:
    """Return a plain client for DynamoDB Local, which takes any credentials."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - made up
        config=Config(max_pool_connections=32),
    )


def record_hash(item: dict[str, Any]) -> str:
    """Return the hash over the ten fields of a typed item (FORMAT 3), for times in their normal form."""
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
