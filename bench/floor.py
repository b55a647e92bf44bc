"""The floor: the very requests that a client sends, prebuilt, over one connection, their answers read and not parsed.

Each leaves in one piece, head and body together. Nothing written in Python over HTTP can do the same work in less time
with one request at a time.
"""

from __future__ import annotations

import http.client
import socket
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
    connection = socket.create_connection((place.hostname, place.port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    read = 0
    for headers, body in requests:
        fields = {"Host": place.netloc, **headers, "Content-Length": len(body)}
        head = "".join(("POST / HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in fields.items()), "\r\n"))
        connection.sendall(head.encode() + body)
        answer = http.client.HTTPResponse(connection, method="POST")
        answer.begin()
        content = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(content.decode(errors="replace"))
        read += len(content)
    connection.close()
    return read
