"""The one place that builds a DynamoDB client, and that reads the engine's clock off an answer.

What its exceptions mean is said in `enginefaults`, whose names are also here, how JSON is read and written in
`jsonwire`, how requests leave in `transport`; what is asked of the engine, and what is done about a write whose outcome
is in doubt, is left to `table`, `append` and the others.
"""

from __future__ import annotations

import os
import random
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import exceptions as sdk
from botocore.config import Config

from audit_core.enginefaults import THROTTLE_CODES, engine_errors, translate
from audit_core.errors import EngineError
from audit_core.jsonwire import ParserFactory, write_by_orjson
from audit_core.transport import LOCAL_KEY, send_in_one_piece, spare_what_only_aws_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.awsrequest import AWSResponse
    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.settings import Settings

__all__ = ["answered_at", "build_client", "engine_errors", "translate"]

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
POOL_SIZE = 32
READ_ATTEMPTS = 3

READ_OPERATIONS = (
    "BatchGetItem",
    "DescribeContinuousBackups",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "Query",
    "Scan",
    "TransactGetItems",
)
_SERVER_FAULT = 500


def build_client(settings: Settings, *, endpoint_url: str | None = None) -> DynamoDBClient:
    """Return a client for the configured engine, safe to share between threads.

    `endpoint_url` is the embedded engine's address (`embedded.EmbeddedEngine`); elsewhere the settings say it.

    Only reads are repeated inside the client, twice at most. A write never is: a repetition there would be safe, since
    the body goes out again with its own `ClientRequestToken`, but it could outlast the append's deadline, and the
    append (FORMAT 6.6) must see each attempt to know whether the outcome is certain or in doubt. Parameters are not
    checked by the client, which would take more than half of its time for a transaction of 100 actions: values are
    checked before (FORMAT 6.1), the shape of requests by the type checker, and the engine refuses what is wrong.

    A local engine gets made-up credentials, no signature, and nothing of the user's AWS configuration. AWS gets the
    standard credential chain, and only a `url` of the settings can lead elsewhere (`AWS_ENDPOINT_URL` is passed over,
    so that the engine which a page names is the one that was read). Where the chain finds no credentials, build a new
    client once it can: this one does not look again. Raises `CredentialsError` for a profile that does not exist.
    """
    if settings.audit.backend == "memory" and endpoint_url is None:
        message = "The embedded engine has to be started before a client for it is built."
        raise EngineError(message)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=POOL_SIZE,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": 1},
        parameter_validation=False,
    )
    session = botocore.session.Session()
    if settings.is_local:
        nowhere = (None, None, os.devnull, None)
        session = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": nowhere,
                "credentials_file": nowhere,
            }
        )
        config = config.merge(Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False))
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    session.register_component("response_parser_factory", ParserFactory())
    key = LOCAL_KEY if settings.is_local else None
    with engine_errors(settings):
        client: DynamoDBClient = boto3.Session(botocore_session=session, region_name=settings.audit.region).client(
            "dynamodb",
            endpoint_url=endpoint_url or settings.audit.url,
            config=config,
            aws_access_key_id=key,
            aws_secret_access_key=key,
        )
    write_by_orjson(client)
    send_in_one_piece(client)
    if settings.is_local:
        spare_what_only_aws_needs(client)
    for operation in READ_OPERATIONS:
        question = f"needs-retry.dynamodb.{operation}"
        client.meta.events.register(question, _seconds_before_repeating)  # type: ignore[arg-type] # the stubs: None
    return client


def _seconds_before_repeating(
    *,
    response: tuple[AWSResponse, Mapping[str, Any]] | None,
    attempts: int,
    caught_exception: Exception | None,
    **_: object,
) -> float | None:
    """Answer botocore's question whether to repeat a read: after how many seconds, or None.

    Broken connections, 5xx, throttling, and a body that is not the one whose checksum came with it, are passing.
    """
    if attempts >= READ_ATTEMPTS:
        return None
    if response is None:
        passing = isinstance(caught_exception, (sdk.ConnectionError, sdk.HTTPClientError))
    else:
        http, parsed = response
        checksum = http.headers.get("x-amz-crc32")
        passing = (
            http.status_code >= _SERVER_FAULT
            or parsed.get("Error", {}).get("Code") in THROTTLE_CODES
            or (checksum is not None and int(checksum) != zlib.crc32(http.content))
        )
    return random.uniform(0, 0.1 * 2**attempts) if passing else None  # noqa: S311 - jitter, no secret


def _local_clock() -> datetime:
    return datetime.now(UTC)


def answered_at(response: Mapping[str, Any], *, fallback: Callable[[], datetime] = _local_clock) -> datetime:
    """Return when the engine answered, in UTC to the second: the `Date` of its answer (FORMAT 9).

    `fallback` stands in where there is no readable `Date`.
    """
    try:
        date = response["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(date).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return fallback()
