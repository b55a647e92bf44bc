"""The floor: the very requests that a client sends, prebuilt, over one connection, their answers read and not parsed.

Nothing written in Python over HTTP can do the same work in less time with one request at a time.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(slots=True)
class Recording:
    """Keeps every request of a client from here on, as headers and body."""

    client: DynamoDBClient
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.meta.events.register("before-send.dynamodb", self._keep)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.client.meta.events.unregister("before-send.dynamodb", self._keep)  # type: ignore[arg-type]

    def _keep(self, request: Any, **_: object) -> None:
        sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        sent.pop("Content-Length")  # of what is sent in the end
        self.requests.append((sent, request.body))


def replay(url: str, requests: Iterable[tuple[dict[str, str], bytes]]) -> int:
    """Send requests one after another; returns the bytes that came back. An answer other than 200 is an error."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    read = 0
    for headers, body in requests:
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(content.decode(errors="replace"))
        read += len(content)
    connection.close()
    return read
