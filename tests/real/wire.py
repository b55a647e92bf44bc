"""Faults between a client and DynamoDB Local: requests and answers that are lost, late, doubled, refused."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    Fault = Callable[["Wire", Any], AWSResponse | None]


class Wire:
    """All requests of one client; `faults` say, by operation, what happens to the next ones (None: nothing).

    `always` holds for what has no other fault. `sent` keeps operation and body of each request.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.faults: defaultdict[str, deque[Fault | None]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.held: list[Any] = []
        self._session = URLLib3Session()
        client.meta.events.register("before-send.dynamodb", self._handle)  # type: ignore[arg-type]

    def fail(self, operation: str, *faults: Fault | None) -> None:
        self.faults[operation].extend(faults)

    def forward(self, request: Any) -> AWSResponse:
        return self._session.send(request)

    def bodies(self, operation: str) -> list[dict[str, Any]]:
        return [body for name, body in self.sent if name == operation]

    def close(self) -> None:
        self._session.close()

    def _handle(self, request: Any, **_: object) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.sent.append((operation, json.loads(request.body)))
        fault = self.faults[operation].popleft() if self.faults[operation] else self.always.get(operation)
        answer = None if fault is None else fault(self, request)
        if self.held and fault is not hold:
            answer = answer or self.forward(request)
            while self.held:
                self.forward(self.held.pop())
        return answer


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


def _answer(request: Any, status: int, body: dict[str, Any]) -> AWSResponse:
    return AWSResponse(request.url, status, HTTPHeaders(), _Body(json.dumps(body).encode()))


def lose_request(_wire: Wire, request: Any) -> AWSResponse:
    """The connection breaks before the engine has read the request."""
    raise sdk.ConnectionClosedError(endpoint_url=request.url)


def lose_answer(wire: Wire, request: Any) -> AWSResponse:
    """The engine does what it is asked, and nobody hears of it."""
    wire.forward(request)
    raise sdk.ReadTimeoutError(endpoint_url=request.url)


def hold(wire: Wire, request: Any) -> AWSResponse:
    """The request is under way for so long that the next one overtakes it."""
    wire.held.append(request)
    raise sdk.ReadTimeoutError(endpoint_url=request.url)


def double(wire: Wire, request: Any) -> AWSResponse:
    """The request arrives twice; the second answer comes back."""
    wire.forward(request)
    return wire.forward(request)


def refuse_connection(_wire: Wire, request: Any) -> AWSResponse:
    raise sdk.EndpointConnectionError(endpoint_url=request.url)


def break_before(_wire: Wire, request: Any) -> AWSResponse:
    """An error of the engine's, before anything was done."""
    return _answer(request, 500, {"__type": "x#InternalServerError", "message": "no"})


def break_after(wire: Wire, request: Any) -> AWSResponse:
    """An error of the engine's, after it was done."""
    wire.forward(request)
    return _answer(request, 503, {"__type": "x#ServiceUnavailable", "message": "no"})


def changed_answer(change: Callable[[dict[str, Any]], None]) -> Fault:
    """The engine answers, and `change` alters the body of its answer before anybody reads it."""

    def alter(wire: Wire, request: Any) -> AWSResponse:
        answer = wire.forward(request)
        body = json.loads(answer.content)
        change(body)
        altered = _answer(request, answer.status_code, body)
        altered.headers["Date"] = answer.headers["Date"]
        return altered

    return alter


def code(name: str) -> Fault:
    """A refusal by its code."""

    def refuse(_wire: Wire, request: Any) -> AWSResponse:
        return _answer(request, 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "no"})

    return refuse


def cancel(*reasons: str) -> Fault:
    """A cancelled transaction, with the reason of each action; the last one repeats."""

    def refuse(_wire: Wire, request: Any) -> AWSResponse:
        count = len(json.loads(request.body)["TransactItems"])
        listed = [*reasons, *[reasons[-1]] * count][:count]
        body = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": [{"Code": reason} for reason in listed],
        }
        return _answer(request, 400, body)

    return refuse


def keep_back_first_reason(wire: Wire, request: Any) -> AWSResponse:
    """A cancelled transaction that does not say what was wrong with its first action, which collided besides."""
    answer = wire.forward(request)
    body = json.loads(answer.content)
    body["CancellationReasons"][0] = {"Code": "TransactionConflict"}
    return _answer(request, answer.status_code, body)
