"""Fills a table on DynamoDB Local with chains, as the package writes them or as the Acteon server does.

Items are built by the package's own linking and put by BatchWriteItem over plain HTTP, so that a million records take
minutes.
"""

from __future__ import annotations

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from audit_core.chain.ahead import in_order
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
CONNECTIONS = 6
"""The engine writes one batch at a time, and reads others and answers meanwhile; more than these bring nothing."""

HEADERS = {
    "X-Amz-Target": "DynamoDB_20120810.BatchWriteItem",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=local",
}


def fill(url: str, table: str, chains: Mapping[str, int], *, elsewhere: bool = False) -> None:
    """Put a chain of so many records for each tenant; `elsewhere`: without `content_hash`, with bare fences."""
    dynamodb = reference.client(url)
    for tenant in chains:
        entered = register_update(AuditSettings().prefix, table, subjects.record(tenant), Clock().now())
        dynamodb.update_item(**entered)
    items = (item for tenant, count in chains.items() for item in chain_items(tenant, count, elsewhere=elsewhere))
    batches = iter(lambda: list(islice(items, BATCH)), [])
    place = urlsplit(url)
    own = threading.local()

    def connect() -> None:
        own.connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)

    def put(batch: Sequence[Item]) -> None:
        _put(own.connection, table, batch)

    with ThreadPoolExecutor(CONNECTIONS, initializer=connect) as pool:
        for _done in in_order(partial(pool.submit, put), batches, 2 * CONNECTIONS):
            pass


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
