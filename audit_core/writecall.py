"""One write, repeated until its outcome is certain: in, refused by a condition, not written, or unknown (FORMAT 6.6).

What is written, and what a refused condition means, is decided by `append`.
"""

from __future__ import annotations

import random
import uuid
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)

from audit_core.client import translate
from audit_core.enginefaults import THROTTLE_CODES
from audit_core.errors import EngineError, NotWrittenError, OutcomeUnknownError
from audit_core.hashing import same_item
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audit_core.items import Item
    from audit_core.table import Table

__all__ = ["LOST", "WriteCall", "listed", "not_written", "outcome_unknown"]

LOST = "ConditionalCheckFailed"
"""The cancellation reason of an action whose condition did not hold."""

_TOKEN_SECONDS = 9 * 60.0
"""A token is good for ten minutes (FORMAT 6.6); a minute is kept for the request on its way."""

_CONDITION_CODE = "ConditionalCheckFailedException"
_WAITING_REASONS = frozenset(("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))
_IN_PROGRESS = "TransactionInProgressException"
_WAITING_CODES = THROTTLE_CODES | {"TransactionConflictException", _IN_PROGRESS}
_SERVER_ERROR = 500
_NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"


class WriteCall:
    """One write, repeated with the same body until its outcome is certain or the time is up.

    `ids` are the records that wait for it, `items` those that it puts; where it puts none, a doubt about the write is
    no doubt about a record. `in_doubt` says that a request may have been carried out without an answer.
    """

    def __init__(self, table: Table, ids: Sequence[str], give_up: float, items: Sequence[Item] = ()) -> None:
        self.token = str(uuid.uuid4())
        self.in_doubt = False
        self._table = table
        self._ids = ids
        self._items = {item["id"]["S"]: item for item in items}
        self._give_up = give_up
        self._started = table.clock.monotonic()

    def run(self, send: Callable[[], object]) -> ClientError | None:
        """Return None when the write is in, or the error that says which condition failed; raises everything else."""
        for attempt in count():
            try:
                send()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == _CONDITION_CODE or _lost_a_condition(error):
                    return error
                last: Exception = error
            except BotoCoreError as error:
                last = error
            else:
                return None
            if not self._may_repeat(last):
                if not self.in_doubt:
                    raise translate(last, self._table.place) from last
                if self._all_stand():
                    return None
                self._fail(last)
            if self._stands_at_last(last, attempt):
                return None
        return None  # pragma: no cover - count() does not end

    def _stands_at_last(self, last: Exception, attempt: int) -> bool:
        """Wait with jitter before the next attempt; True when it is not needed, since the records stand after all.

        Raises `NotWrittenError` or `OutcomeUnknownError` when the time is up.
        """
        clock = self._table.clock
        wait = random.uniform(0, min(1.0, 0.01 * 2 ** min(attempt, 10)))  # noqa: S311 - jitter, no secret
        over = clock.monotonic() + wait >= self._give_up
        if not over:
            clock.sleep(wait)
        token_ended = clock.monotonic() - self._started > _TOKEN_SECONDS
        if (over or token_ended) and self.in_doubt and self._all_stand():
            return True
        if over:
            self._fail(last)
        if token_ended:
            self.token, self._started = str(uuid.uuid4()), clock.monotonic()
        return False

    def _may_repeat(self, error: Exception) -> bool:
        """Whether the same request may be sent again, and whether it may have been carried out (FORMAT 6.6)."""
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
                self.in_doubt = bool(self._items)
                return True
            if code == "TransactionCanceledException":
                reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
                found = {reason.get("Code") for reason in reasons} - {"None", None}
                return bool(found) and found <= _WAITING_REASONS
            if code == _IN_PROGRESS:
                self.in_doubt = bool(self._items)
            return code in _WAITING_CODES
        # a connection that was never made has sent nothing; everything else may have arrived
        if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
            return True
        # encryption can break off as well when the answer is on its way
        if not isinstance(error, HTTPClientError | SSLError) or _NOT_TRUSTED in str(error):
            return False
        self.in_doubt = bool(self._items)
        return True

    def _all_stand(self) -> bool:
        """Whether the records stand exactly as they were sent, read consistently.

        One that stands otherwise was not written by this call; an engine that does not answer proves nothing.
        """
        try:
            found = self._table.get_many(self._items).items
        except EngineError:
            return False
        return len(found) == len(self._items) and all(same_item(self._items[item["id"]["S"]], item) for item in found)

    def _fail(self, last: Exception) -> None:
        why = str(translate(last, self._table.place))
        raise (outcome_unknown(self._ids, why) if self.in_doubt else not_written(self._ids, why)) from last


def outcome_unknown(ids: Sequence[str], why: str) -> OutcomeUnknownError:
    """Return the error for records of which nobody knows whether they were written."""
    message = (
        f"Whether these records were written is unknown: {listed(ids)}. Append the very same records again: "
        f"what stands is recognised and not written twice. {why}"
    )
    return OutcomeUnknownError(message, tuple(ids))


def not_written(ids: Sequence[str], why: str) -> NotWrittenError:
    """Return the error for records that were certainly not written in time."""
    message = f"Nothing was written of: {listed(ids)}. The time for it ran out. {why}"
    return NotWrittenError(message, tuple(ids))


def listed(ids: Sequence[str], most: int = 5) -> str:
    """Name records for a message, the first few by their ids."""
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(visible(record_id) for record_id in ids[:most]) + more


def _lost_a_condition(error: ClientError) -> bool:
    reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == LOST for reason in reasons)
