"""Fills a table on DynamoDB Local with chains, as the package writes them or as the Acteon server does.

Items are built by the package's own linking and put by BatchWriteItem over plain HTTP, so that a million records take
minutes.
"""

from __future__ import annotations

import http.client
import multiprocessing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from audit_core.directory import register_update
from audit_core.fences import bare_fence
from audit_core.linking import Pair
from audit_core.settings import AuditSettings
from audit_core.timestamps import Clock
from audit_core.tip import EMPTY
from bench import reference, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from audit_core.items import Item

BATCH = 25
HEADERS = {
    "X-Amz-Target": "DynamoDB_20120810.BatchWriteItem",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=local",
}


def fill(url: str, table: str, chains: Mapping[str, int], *, elsewhere: bool = False, processes: int = 1) -> None:
    """Put a chain of so many records for each tenant; `elsewhere`: without `content_hash`, with bare fences."""
    shares = [dict(list(chains.items())[number::processes]) for number in range(processes)]
    work = [(url, table, share, elsewhere) for share in shares]
    if processes == 1:
        _fill(*work[0])
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.starmap(_fill, work)


def _fill(url: str, table: str, chains: Mapping[str, int], elsewhere: bool) -> None:
    dynamodb = reference.client(url)
    for tenant in chains:
        entered = register_update(AuditSettings().prefix, table, subjects.record(tenant), Clock().now())
        dynamodb.update_item(**entered)
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    items = (item for tenant, count in chains.items() for item in chain_items(tenant, count, elsewhere=elsewhere))
    while batch := list(islice(items, BATCH)):
        _put(connection, table, batch)
    connection.close()


def chain_items(tenant: str, count: int, *, elsewhere: bool) -> Iterator[Item]:
    """A chain's items: its records and its fences."""
    tip = EMPTY
    for number in range(count):
        pair = Pair.behind(tip if not elsewhere else replace(tip, link=None), subjects.record(tenant))
        tip = pair.tip
        if not elsewhere:
            yield from (pair.item, pair.fence)
            continue
        yield {name: value for name, value in pair.item.items() if name != "content_hash"}
        yield bare_fence(subjects.NAMESPACE, tenant, number)


def _put(connection: http.client.HTTPConnection, table: str, items: Sequence[Item]) -> None:
    wanted: Iterable[object] = [{"PutRequest": {"Item": item}} for item in items]
    connection.request("POST", "/", orjson.dumps({"RequestItems": {table: wanted}}), HEADERS)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.client.OK or orjson.loads(content)["UnprocessedItems"]:
        raise RuntimeError(content.decode(errors="replace"))
