"""What an exception of botocore's means, as a typed error: one message, what happened and then what to do (CASES 23).

A message never repeats what a credential provider or a signature check says, which can hold secrets. Conditions that a
write lost are no faults: `append` reads them itself.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from botocore import exceptions as sdk

from audit_core.errors import (
    CredentialsError,
    EngineError,
    EngineUnreachableError,
    TableMismatchError,
    TableMissingError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit_core.settings import Settings

__all__ = ["THROTTLE_CODES", "engine_errors", "translate"]

THROTTLE_CODES = frozenset(
    (
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    )
)
_LOGIN_CODES = frozenset(
    (
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    )
)
_DENIED_CODES = frozenset(("AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"))
_MISSING_CODES = frozenset(("ResourceNotFound", "ResourceNotFoundException", "TableNotFoundException"))
_INDEX_TROUBLE = re.compile(r"specified index|backfilling", re.IGNORECASE)
_WRONG_CLOCK = re.compile(r"signature expired|not yet current", re.IGNORECASE)
_SERVER_FAULT = 500
_MAX_QUOTED_CHARS = 300

_SIGN_IN = (
    "Sign in (for example `aws sso login`), or set AWS_PROFILE or the AWS_* variables for an account that may read "
    "the table, then try again."
)
_CREDENTIAL_ERRORS: Mapping[type[Exception], str] = {
    sdk.NoCredentialsError: "There are no AWS credentials.",
    sdk.PartialCredentialsError: "The AWS credentials are incomplete.",
    sdk.ProfileNotFound: "The AWS profile that AWS_PROFILE names does not exist.",
    sdk.SSOError: "The single sign-on session has ended, or was never started.",
    sdk.TokenRetrievalError: "The single sign-on session could not be renewed.",
    sdk.LoginError: "The AWS sign-in has ended, or was never started.",
    sdk.CredentialRetrievalError: "The AWS credentials could not be obtained.",
    sdk.NoAuthTokenError: "There is no AWS sign-in token.",
}

_Kind = Literal["embedded", "local", "aws", "unknown"]
_UNREACHABLE_MENDS: Mapping[_Kind, str] = {
    "embedded": "Restart the program.",
    "local": "Start it (`docker compose --profile dynamodb up`), or correct `url` in [audit] or AUDIT__URL.",
    "aws": "Check the network, the proxy or VPC endpoint, and `region` and `url` in [audit], then try again.",
    "unknown": "Check that it runs and can be reached, and `region` and `url` in [audit], then try again.",
}


class _Place(NamedTuple):
    """Where it happened: the engine in a few words, its kind, the table."""

    engine: str
    kind: _Kind
    table: str


class _Refusal(NamedTuple):
    """An error that the engine answered with."""

    operation: str
    code: str
    text: str
    status: int


@contextmanager
def engine_errors(place: Settings | str) -> Iterator[None]:
    """Turn botocore's exceptions inside the block into the errors of `translate`."""
    try:
        yield
    except (sdk.BotoCoreError, sdk.ClientError) as error:
        raise translate(error, place) from error


def translate(error: Exception, place: Settings | str) -> EngineError:
    """Return the typed error for an exception that a call of the client raised (CASES 23, 48).

    `place` is the settings, or a table's name where only that is known; then the mend cannot say which engine it is.
    """
    where = _place(place)
    if isinstance(error, sdk.ClientError):
        return _refused(error, where)
    for kind, happened in _CREDENTIAL_ERRORS.items():
        if isinstance(error, kind):
            return CredentialsError(f"{happened} {_SIGN_IN}")
    if isinstance(error, (sdk.HTTPClientError, sdk.ConnectionError)):
        return _unreachable(error, where)
    return EngineError(f"A request to {where.engine} failed: {_quoted(str(error))}. Try again.")


def _place(place: Settings | str) -> _Place:
    if isinstance(place, str):
        return _Place("DynamoDB", "unknown", place)
    kind: _Kind = "embedded" if place.audit.backend == "memory" else "local" if place.is_local else "aws"
    return _Place(place.engine_label, kind, place.audit.table_name)


def _unreachable(error: Exception, where: _Place) -> EngineUnreachableError:
    if isinstance(error, sdk.ReadTimeoutError):
        happened = f"{where.engine} did not answer in time."
    elif isinstance(error, sdk.SSLError):
        happened = f"The certificate of {where.engine} was not accepted."
    else:
        happened = f"{where.engine} cannot be reached."
    return EngineUnreachableError(f"{_capital(happened)} {_UNREACHABLE_MENDS[where.kind]}")


def _refused(error: sdk.ClientError, where: _Place) -> EngineError:
    answer = error.response.get("Error", {})
    refusal = _Refusal(
        error.operation_name,
        str(answer.get("Code", "")),
        str(answer.get("Message", "")),
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
    )
    for judge in (_as_credentials, _as_table, _as_load):
        judged = judge(refusal, where)
        if judged is not None:
            return judged
    return EngineError(
        f"{_capital(where.engine)} refused {refusal.operation} on table {where.table}: {refusal.code}: "
        f"{_quoted(refusal.text)}. Correct the request; where nothing was changed here, look at the table."
    )


def _as_credentials(refusal: _Refusal, where: _Place) -> CredentialsError | None:
    if refusal.code in _DENIED_CODES:
        action = f"dynamodb:{refusal.operation}"
        return CredentialsError(
            f"These AWS credentials may not do {action} on table {where.table}. Ask for {action} on "
            f"table/{where.table} and table/{where.table}/index/*, or sign in with others."
        )
    if refusal.code not in _LOGIN_CODES:
        return None
    if _WRONG_CLOCK.search(refusal.text):
        return CredentialsError("AWS did not accept the time of the request. Set this machine's clock, then try again.")
    happened = "have expired" if "Expired" in refusal.code else "were not accepted"
    return CredentialsError(f"The AWS credentials {happened}. {_SIGN_IN}")


def _as_table(refusal: _Refusal, where: _Place) -> TableMissingError | TableMismatchError | None:
    if refusal.code in _MISSING_CODES:
        mend = {
            "embedded": "Restart the program to have it made.",
            "local": "Restart the program to have it made, or correct `table_name` in [audit].",
        }.get(
            where.kind,
            "Make it from the template that `python -m audit_core init-table` prints, or correct `table_name` and "
            "`region` in [audit].",
        )
        return TableMissingError(f"There is no table {where.table} in {where.engine}. {mend}")
    if refusal.code == "ValidationException" and _INDEX_TROUBLE.search(refusal.text):
        return TableMismatchError(
            f"Table {where.table} lacks an index that is needed, or it is still being built: {_quoted(refusal.text)}. "
            "Run `python -m audit_core check-table` to see what differs and how to mend it."
        )
    return None


def _as_load(refusal: _Refusal, where: _Place) -> EngineError | None:
    if refusal.code in THROTTLE_CODES:
        return ThrottledError(
            f"{_capital(where.engine)} refuses requests to table {where.table} for load ({refusal.code}). Wait a "
            "little and try again; where it persists, look at the table's capacity mode and quotas."
        )
    if refusal.status >= _SERVER_FAULT:
        return EngineError(f"{_capital(where.engine)} failed by itself ({refusal.code}). Try again in a moment.")
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _quoted(text: str) -> str:
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain[:_MAX_QUOTED_CHARS].rstrip(".")
