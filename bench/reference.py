"""The reference: how a plain boto3 program does it.

Appending is in `audit_core.plainappend`, which the race on a chain shares. Reading is pages of 500 with the fence
filter, parsed by botocore, `record_hash` recomputed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audit_core.plainappend import LostError, append, local_client, record_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

client = local_client

__all__ = ["LostError", "append", "client", "record_hash", "tenants", "verify"]


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
