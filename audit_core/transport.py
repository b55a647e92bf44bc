"""How requests leave: each in one piece, and those to a local engine without what only AWS needs.

What they say is `jsonwire`'s and botocore's; `client` puts these parts into a client. Signing, certificates, proxies,
time-outs and errors stay botocore's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.handlers import disable_signing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["LOCAL_KEY", "send_in_one_piece", "spare_what_only_aws_needs"]

LOCAL_KEY = "local"
"""The access key that a local engine is shown; it separates tables by it, or disregards it."""


class _Whole:
    """Hands a request's body to botocore together with its head, which then sends both at once.

    botocore means to (`AWSConnection._send_output`), but urllib3 2 keeps the body for a second write, so that the
    engine wakes up twice for each request.
    """

    _body: bytes | None = None

    def request(self, method: str, url: str, body: Any = None, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as botocore
        """Begin a request; what is no bytes, such as a file, goes the usual way."""
        self._body = body if isinstance(body, bytes) else None
        super().request(method, url, None if self._body else body, *arguments, **named)  # type: ignore[misc]

    def endheaders(self, message_body: Any = None, **named: Any) -> None:  # noqa: ANN401 - as http.client
        """Send the head, and the body with it."""
        body, self._body = self._body, None
        super().endheaders(body or message_body, **named)  # type: ignore[misc]


class _Connection(_Whole, AWSHTTPConnection):  # type: ignore[misc] # the stubs of its own bases disagree
    """A plain connection."""


class _SecureConnection(_Whole, AWSHTTPSConnection):  # type: ignore[misc] # as above
    """An encrypted one."""


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def send_in_one_piece(client: DynamoDBClient) -> None:
    """Have a client send head and body of each request in one write, over plain and encrypted connections alike."""
    session = client._endpoint.http_session  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way to it
    session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)  # noqa: SLF001 - as above


def spare_what_only_aws_needs(client: DynamoDBClient) -> None:
    """Have a client of a local engine neither sign nor look for the engine anew each time: a third of a request's time.

    A local engine checks no signature, but wants to see one, with the key and the Region; and it is where its URL says.
    """
    client._ruleset_resolver = None  # type: ignore[attr-defined] # noqa: SLF001 - botocore then takes the URL as it is
    headers = {
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={LOCAL_KEY}/20260101/{client.meta.region_name}/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-target, Signature=none"
        ),
    }

    def show_key(params: dict[str, Any], **_: object) -> None:
        params["headers"].update(headers)

    client.meta.events.register("choose-signer.dynamodb", disable_signing)
    client.meta.events.register("before-call.dynamodb", show_key)
