"""The append protocol of FORMAT 6: fence and record in one transaction, and what to do when it fails.

One implementation for a single record and for a batch. `tip` finds where the chain goes on; callers use `store`.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from audit_core.client import translate
from audit_core.directory import register_update
from audit_core.errors import (
    ConflictError,
    EngineError,
    NotWrittenError,
    OutcomeUnknownError,
    RecordError,
    WriteError,
)
from audit_core.fences import Fence, FenceState, fence_id, full_fence
from audit_core.hashing import content_hash, record_hash
from audit_core.items import MAX_ITEM_BYTES, item_size, text_of, whole_number
from audit_core.names import visible
from audit_core.records import AuditRecord
from audit_core.tip import Tip, TipFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Table

__all__ = ["BATCH_LIMIT", "Appended", "ChainWriter", "link_record"]

BATCH_LIMIT = 50
"""Records that one transaction takes: 100 actions, two for each (FORMAT 6.3)."""

DEADLINE_SECONDS = 30.0
"""How long an append tries by default (FORMAT 6.1)."""

MIN_LIFETIME_SECONDS = 2
_TRANSACTION_BYTES = 4 * 1024 * 1024
_TRANSACTION_ACTIONS = 100
_TOKEN_SECONDS = 9 * 60.0
"""A token is good for ten minutes (FORMAT 6.6); a minute is kept for the request on its way."""

_CONDITION_CODE = "ConditionalCheckFailedException"
_NOT_EXISTS = "attribute_not_exists(id)"
_LOST = "ConditionalCheckFailed"
_WAITING_REASONS = frozenset(("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))
_WAITING_CODES = frozenset(
    (
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    )
)
_SERVER_ERROR = 500
_CHAIN_ATTRIBUTES = frozenset(
    (
        "sequence_number",
        "record_hash",
        "previous_hash",
        "content_hash",
        "previous_chain_hash",
        "previous_chain_sequence",
        "expires_at",
        "expires_at_ttl",
    )
)
"""What may differ between two records of the same content (FORMAT 6.5)."""


@dataclass(frozen=True, slots=True)
class Appended:
    """A record as it stands in the table; `duplicate` says that it stood there before this call (FORMAT 6.5)."""

    record: AuditRecord
    duplicate: bool


@dataclass(slots=True)
class _Job:
    """What is left of one call: `pending` in order, and how it ended for the others."""

    pending: list[AuditRecord]
    give_up: float
    done: dict[str, Appended] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)


class ChainWriter:
    """Appends to any chain of one table; remembers each chain's tip, so that a lone writer needs no read.

    `gate` is held around each transaction (the embedded engine takes one writer at a time). Safe to share between
    threads: one chain is written by one thread at a time.
    """

    def __init__(
        self, table: Table, prefix: str, lifetimes: Lifetimes, *, local: bool, gate: AbstractContextManager[Any]
    ) -> None:
        self._table = table
        self._prefix = prefix
        self._lifetimes = lifetimes
        self._local = local
        self._gate = gate
        self._tips: dict[str, Tip] = {}
        self._registered: set[str] = set()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._locks_guard = threading.Lock()

    def append(self, records: Sequence[AuditRecord], seconds: float = DEADLINE_SECONDS) -> tuple[Appended, ...]:
        """Append up to 50 records of one chain, in order, within `seconds`; an id that stands is not written again.

        Returns one `Appended` for each record, in order. Raises `RecordError` before anything is sent; `ConflictError`,
        `NotWrittenError`, `OutcomeUnknownError`, `ChainBlockedError` or `EngineError` later, with what did go in under
        `appended` of a `WriteError` (FORMAT 6).
        """
        self._check(records)
        chain = records[0].chain
        give_up = self._table.clock.monotonic() + self._seconds_left(records, seconds)
        job = _Job(list(records), give_up)
        with self._locks_guard:
            lock = self._locks[chain]
        with lock:
            try:
                self._run(job, chain)
            except WriteError as error:
                error.appended = tuple(job.done.values())
                raise
        if job.conflicts:
            listed = ", ".join(visible(record_id) for record_id in job.conflicts[:5])
            message = (
                f"{len(job.conflicts)} of {len(records)} records were not written, because their ids are taken by "
                f"other content: {listed}. What stands was not touched; give the new records ids of their own."
            )
            conflict = ConflictError(message, tuple(job.conflicts))
            conflict.appended = tuple(job.done.values())
            raise conflict
        return tuple(job.done[record.id] for record in records)

    def put_unchained(self, record: AuditRecord, seconds: float = DEADLINE_SECONDS) -> Appended:
        """Write one record without a chain (hash chaining off); raises as `append` does."""
        self._check([record])
        give_up = self._table.clock.monotonic() + self._seconds_left([record], seconds)
        if record.chain not in self._registered:
            update = register_update(self._prefix, self._table.name, record, self._table.clock.now())
            call = _Call(self._table, [record.id], give_up)
            with self._gate:
                call.run(lambda: self._table.client.update_item(**update))
            self._registered.add(record.chain)
        item = record.to_item()
        call = _Call(self._table, [record.id], give_up)
        with self._gate:
            failed = call.run(lambda: self._table.client.put_item(**self._put(item)))
        if failed is None:
            return Appended(record, duplicate=False)
        old = self._standing(record.id, failed.response)
        if "sequence_number" not in old and _same_content(item, old):
            return Appended(AuditRecord.from_item(old), duplicate=True)
        message = (
            f"The record was not written, because its id {visible(record.id)} is taken by other content; "
            "give the new record an id of its own."
        )
        raise ConflictError(message, (record.id,))

    def _run(self, job: _Job, chain: str) -> None:
        first = job.pending[0]
        finder = TipFinder(self._table, first.namespace, first.tenant, self._lifetimes, local=self._local)
        tip = self._tips.get(chain) or finder.find()
        losses = 0
        while job.pending:
            register = chain not in self._registered
            chunk = _fitting(tip, job.pending, register=register)
            actions = [{"Put": self._put(item)} for pair in chunk for item in (pair.fence, pair.item)]
            if register:
                update = register_update(self._prefix, self._table.name, first, self._table.clock.now())
                actions.append({"Update": update})
            reasons = self._commit(actions, [pair.record.id for pair in chunk], job.give_up)
            if reasons is None:
                self._registered.add(chain)
                job.done |= {pair.record.id: Appended(pair.record, duplicate=False) for pair in chunk}
                job.pending = job.pending[len(chunk) :]
                tip = self._tips[chain] = chunk[-1].tip
                losses = 0
                continue
            self._settle_records(job, chunk, reasons)
            taken = _taken_fences(chunk, reasons)
            if taken:
                self._tips.pop(chain, None)
                # the first loss costs no read; who keeps losing is far behind, and looks further each time
                tip = finder.follow(tip, taken, span=min(2**losses - 1, 100))
                losses += 1

    def _settle_records(self, job: _Job, chunk: Sequence[_Pair], reasons: Sequence[Any]) -> None:
        """Take out of the job what stands already: the same content is done, other content a conflict (FORMAT 6.5)."""
        standing = {
            pair.record.id: self._standing(pair.record.id, reason)
            for pair, reason in zip(chunk, reasons[1::2], strict=False)
            if reason.get("Code") == _LOST
        }
        same = [pair for pair in chunk if pair.record.id in standing and pair.is_content_of(standing[pair.record.id])]
        chained = self._in_chain(same, standing)
        for pair in same:
            old = standing[pair.record.id]
            if pair.record.id in chained:
                # equal to the last attribute: this very call wrote it, in a request whose answer was lost
                job.done[pair.record.id] = Appended(AuditRecord.from_item(old), duplicate=old != pair.item)
        job.conflicts += [record_id for record_id in standing if record_id not in job.done]
        job.pending = [record for record in job.pending if record.id not in standing]

    def _in_chain(self, pairs: Sequence[_Pair], standing: Mapping[str, Item]) -> set[str]:
        """Return the ids of the records that stand in their chain, at a position whose fence is bare or names them."""
        places: dict[str, str] = {}
        for pair in pairs:
            old = standing[pair.record.id]
            position = whole_number(old.get("sequence_number", {}).get("N"))
            if position is not None and position >= 0 and text_of(old, "ns_tenant") == pair.record.chain:
                place = fence_id(pair.record.namespace, pair.record.tenant, position)
                places[place] = pair.record.id
        found: set[str] = set()
        for item in self._table.get_many(places).items:
            fence = Fence.read(0, item)
            place = text_of(item, "id") or ""
            if fence.state is FenceState.BARE or fence.text("record_id") == places[place]:
                found.add(places[place])
        return found

    def _standing(self, record_id: str, refusal: Mapping[str, Any]) -> Item:
        """Return the item that stood in the way, read anew where the refusal does not hold it."""
        item: Item | None = refusal.get("Item")
        return item or next(iter(self._table.get(record_id).items), {})

    def _commit(self, actions: list[Any], ids: list[str], give_up: float) -> list[Any] | None:
        """Send one transaction until it is decided (FORMAT 6.6); None when it is in, else why it was cancelled."""
        call = _Call(self._table, ids, give_up)

        def send() -> object:
            return self._table.client.transact_write_items(
                TransactItems=actions, ClientRequestToken=call.token, ReturnConsumedCapacity="NONE"
            )

        with self._gate:
            failed = call.run(send)
        if failed is None:
            return None
        reasons: list[Any] = failed.response.get("CancellationReasons", [])
        return reasons

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._table.name,
            "Item": item,
            "ConditionExpression": _NOT_EXISTS,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _check(self, records: Sequence[AuditRecord]) -> None:
        """Raise `RecordError` for what could not be stored, before anything is sent (FORMAT 6.1)."""
        if not 1 <= len(records) <= BATCH_LIMIT:
            message = f"A batch holds 1 to {BATCH_LIMIT} records, not {len(records)}; split it."
            raise RecordError(message)
        if len({record.chain for record in records}) > 1:
            message = "A batch belongs to one namespace and tenant; split it by chain."
            raise RecordError(message)
        if len({record.id for record in records}) < len(records):
            message = "A batch holds one id twice; give every record an id of its own."
            raise RecordError(message)
        for record in records:
            record.check_writable()
            if record.id.startswith(self._prefix):
                message = (
                    f"An id must not start with {self._prefix!r}, which names bookkeeping items; "
                    f"choose another than {visible(record.id[:40])}."
                )
                raise RecordError(message)
            _check_size(record.to_item())

    def _seconds_left(self, records: Sequence[AuditRecord], seconds: float) -> float:
        """Return the time to try for: it ends a second before the first expiry (FORMAT 6.1)."""
        expiries = [record.expires_at for record in records if record.expires_at is not None]
        if not expiries:
            return seconds
        left = min(expiries).epoch_seconds - self._table.clock.now().epoch_nanos / 1e9
        if left < MIN_LIFETIME_SECONDS:
            message = (
                f"A record's expiry is past or less than {MIN_LIFETIME_SECONDS} seconds ahead, so it could be gone "
                "before it is verified; give it a later expires_at."
            )
            raise RecordError(message)
        return min(seconds, left - 1)


class _Call:
    """One write, repeated with the same body until its outcome is certain or the time is up."""

    def __init__(self, table: Table, ids: list[str], give_up: float) -> None:
        self.token = str(uuid.uuid4())
        self._table = table
        self._ids = ids
        self._give_up = give_up
        self._started = table.clock.monotonic()
        self._in_doubt = False

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
                raise translate(last, self._table.place) from last
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
        if (over or token_ended) and self._in_doubt and self._all_stand():
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
                self._in_doubt = True
                return True
            if code == "TransactionCanceledException":
                reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
                found = {reason.get("Code") for reason in reasons} - {"None", None}
                return bool(found) and found <= _WAITING_REASONS
            return code in _WAITING_CODES
        # a connection that was never made has sent nothing; everything else may have arrived
        if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
            return True
        self._in_doubt = isinstance(error, HTTPClientError) or self._in_doubt
        return isinstance(error, HTTPClientError)

    def _all_stand(self) -> bool:
        """Whether the records stand after all, read consistently; an engine that does not answer proves nothing."""
        try:
            found = self._table.get_many(self._ids).items
        except EngineError:
            return False
        return {text_of(item, "id") for item in found} == set(self._ids)

    def _fail(self, last: Exception) -> None:
        why = str(translate(last, self._table.place))
        listed = ", ".join(visible(record_id) for record_id in self._ids[:5])
        more = f" and {len(self._ids) - 5} more" if len(self._ids) > 5 else ""  # noqa: PLR2004
        if self._in_doubt:
            message = (
                f"Whether these records were written is unknown: {listed}{more}. Append the very same records again: "
                f"what stands is recognised and not written twice. The last answer was: {why}"
            )
            raise OutcomeUnknownError(message, tuple(self._ids)) from last
        message = f"Nothing was written of: {listed}{more}. The time for it ran out; the last answer was: {why}"
        raise NotWrittenError(message, tuple(self._ids)) from last


def link_record(tip: Tip, record: AuditRecord) -> AuditRecord:
    """Return the record as it stands behind `tip`: numbered, linked, both its hashes computed (FORMAT 2 to 4)."""
    number = tip.sequence_number + 1
    position, chain = (None, None) if tip.link is None else tip.link
    linked = replace(
        record,
        sequence_number=number,
        previous_hash=tip.record_hash,
        previous_chain_hash=chain,
        previous_chain_sequence=None if position == number - 1 else position,
        record_hash=None,
        content_hash=None,
    )
    hashed = replace(linked, record_hash=record_hash(linked.to_item()))
    return replace(hashed, content_hash=content_hash(hashed.to_item()))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A linked record with the two items that one transaction puts for it."""

    record: AuditRecord
    item: dict[str, dict[str, Any]]
    fence: dict[str, dict[str, Any]]

    @classmethod
    def behind(cls, tip: Tip, record: AuditRecord) -> _Pair:
        linked = link_record(tip, record)
        item = linked.to_item()
        return cls(linked, item, full_fence(item, record.namespace, record.tenant, tip.sequence_number + 1))

    def is_content_of(self, old: Item) -> bool:
        """Whether an item that stands holds the same content (FORMAT 6.5)."""
        return _same_content(self.item, old)

    @property
    def tip(self) -> Tip:
        """The chain's tip once this pair is in."""
        number = int(self.item["sequence_number"]["N"])
        return Tip(number, self.record.record_hash, (number, self.fence["chain_hash"]["S"]))


def _fitting(tip: Tip, pending: Sequence[AuditRecord], *, register: bool) -> list[_Pair]:
    """Link as many of the pending records as one transaction takes: 100 actions, 4 MB (FORMAT 6.3)."""
    most = (_TRANSACTION_ACTIONS - register) // 2
    pairs: list[_Pair] = []
    size = 0
    for record in pending[:most]:
        pair = _Pair.behind(tip, record)
        weight = _check_size(pair.item) + item_size(pair.fence)
        if pairs and size + weight > _TRANSACTION_BYTES:
            break
        size += weight
        pairs.append(pair)
        tip = pair.tip
    return pairs


def _taken_fences(chunk: Sequence[_Pair], reasons: Sequence[Any]) -> list[Fence]:
    """Return the fences that stood where ours were to go."""
    taken = []
    for number, pair in enumerate(chunk):
        reason = reasons[2 * number]
        if reason.get("Code") == _LOST:
            position = int(pair.item["sequence_number"]["N"])
            taken.append(Fence.read(position, reason.get("Item") or {}))
    return taken


def _same_content(new: Item, old: Item) -> bool:
    names = (new.keys() | old.keys()) - _CHAIN_ATTRIBUTES
    return all(new.get(name) == old.get(name) for name in names)


def _lost_a_condition(error: ClientError) -> bool:
    reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == _LOST for reason in reasons)


def _check_size(item: Item) -> int:
    size = item_size(item)
    if size > MAX_ITEM_BYTES:
        message = (
            f"The record {visible(item['id']['S'][:40])} takes {size:,} bytes, attribute names included; DynamoDB "
            f"keeps at most {MAX_ITEM_BYTES:,}. Store less of its payload."
        )
        raise RecordError(message)
    return size
