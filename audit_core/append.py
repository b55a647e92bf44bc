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
from audit_core.enginefaults import THROTTLE_CODES
from audit_core.errors import (
    ConflictError,
    EngineError,
    NotWrittenError,
    OutcomeUnknownError,
    RecordError,
    WriteError,
)
from audit_core.fences import Fence, FenceState, fence_id, full_fence
from audit_core.hashing import canonical_item, content_hash, record_hash
from audit_core.items import MAX_ITEM_BYTES, item_size, text_of, whole_number
from audit_core.names import visible
from audit_core.records import AuditRecord
from audit_core.tip import Tip, TipFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
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
_IN_PROGRESS = "TransactionInProgressException"
_WAITING_CODES = THROTTLE_CODES | {"TransactionConflictException", _IN_PROGRESS}
_SERVER_ERROR = 500
_CHAIN_FIELDS = (
    "sequence_number",
    "record_hash",
    "previous_hash",
    "content_hash",
    "previous_chain_hash",
    "previous_chain_sequence",
)
_MAY_DIFFER = frozenset((*_CHAIN_FIELDS, "expires_at", "expires_at_ttl"))
"""What may differ between two records of the same content (FORMAT 6.5)."""

_HASH = {"S": "0" * 64}
_LEAST_CHAIN_BYTES = item_size({"sequence_number": {"N": "0"}, "record_hash": _HASH, "content_hash": _HASH})
"""What chaining adds to any record; links to earlier ones come on top, and are counted when they are known."""


@dataclass(frozen=True, slots=True)
class Appended:
    """A record as it stands in the table; `duplicate` says that it stood there before this call (FORMAT 6.5)."""

    record: AuditRecord
    duplicate: bool


@dataclass(slots=True)
class _Job:
    """What is left of one call: `pending` in order, and how it ended for the others.

    `doubt` names the records of the last transaction while it is not known whether it was committed.
    """

    pending: list[AuditRecord]
    give_up: float
    doubt: tuple[str, ...] = ()
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
        records = [_unlinked(record) for record in records]
        self._check(records, more=_LEAST_CHAIN_BYTES)
        chain = records[0].chain
        job = _Job(list(records), self._give_up(records, seconds))
        with self._locks_guard:
            lock = self._locks[chain]
        with lock:
            try:
                self._run(job, chain)
            except WriteError as error:
                error.appended = tuple(job.done.values())
                raise
            except EngineError as error:
                if not job.doubt:
                    raise
                unknown = _unknown(job.doubt, str(error))
                unknown.appended = tuple(job.done.values())
                raise unknown from error
        return _ended(job, records)

    def put_unchained(self, records: Sequence[AuditRecord], seconds: float = DEADLINE_SECONDS) -> tuple[Appended, ...]:
        """Write up to 50 records of one tenant without a chain (hash chaining off), one by one; as `append` does."""
        records = [_unlinked(record) for record in records]
        self._check(records)
        job = _Job(list(records), self._give_up(records, seconds))
        try:
            self._register(records[0], job)
            for record in records:
                self._put_alone(record, job)
        except WriteError as error:
            error.appended = tuple(job.done.values())
            raise
        return _ended(job, records)

    def _register(self, record: AuditRecord, job: _Job) -> None:
        if record.chain in self._registered:
            return
        update = register_update(self._prefix, self._table.name, record, self._table.clock.now())
        call = _Call(self._table, [pending.id for pending in job.pending], job.give_up)
        with self._gate:
            call.run(lambda: self._table.client.update_item(**update))
        self._registered.add(record.chain)

    def _put_alone(self, record: AuditRecord, job: _Job) -> None:
        self._check_time(job)
        item = record.to_item()
        call = _Call(self._table, [record.id], job.give_up, [item])
        with self._gate:
            failed = call.run(lambda: self._table.client.put_item(**self._put(item)))
        job.pending.remove(record)
        if failed is None:
            job.done[record.id] = Appended(record, duplicate=False)
            return
        old = self._standing(record.id, failed.response)
        if "sequence_number" not in old and _same(item, old, but=_MAY_DIFFER):
            ours = call.in_doubt and _same(item, old)
            job.done[record.id] = Appended(AuditRecord.from_item(old), duplicate=not ours)
        else:
            job.conflicts.append(record.id)

    def _run(self, job: _Job, chain: str) -> None:
        first = job.pending[0]
        finder = TipFinder(self._table, first.namespace, first.tenant, self._lifetimes, local=self._local)
        tip = self._tips.get(chain)
        if tip is None:
            tip = self._tips[chain] = finder.find()
        losses = 0
        while job.pending:
            self._check_time(job)
            register = chain not in self._registered
            chunk = _fitting(tip, job.pending, register=register)
            actions = [{"Put": self._put(item)} for pair in chunk for item in (pair.fence, pair.item)]
            if register:
                update = register_update(self._prefix, self._table.name, first, self._table.clock.now())
                actions.append({"Update": update})
            reasons = self._commit(actions, chunk, job)
            if reasons is None:
                self._registered.add(chain)
                job.done |= {pair.record.id: Appended(pair.record, duplicate=False) for pair in chunk}
                job.pending = job.pending[len(chunk) :]
                tip = self._tips[chain] = chunk[-1].tip
                losses = 0
                continue
            self._settle_records(job, chunk, reasons)
            job.doubt = ()
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
                ours = bool(job.doubt) and _same(pair.item, old)
                job.done[pair.record.id] = Appended(AuditRecord.from_item(old), duplicate=not ours)
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

    def _commit(self, actions: list[Any], chunk: Sequence[_Pair], job: _Job) -> list[Any] | None:
        """Send one transaction until it is decided (FORMAT 6.6); None when it is in, else why it was cancelled."""
        ids = tuple(pair.record.id for pair in chunk)
        call = _Call(self._table, ids, job.give_up, [pair.item for pair in chunk])

        def send() -> object:
            return self._table.client.transact_write_items(
                TransactItems=actions, ClientRequestToken=call.token, ReturnConsumedCapacity="NONE"
            )

        with self._gate:
            failed = call.run(send)
        if failed is None:
            return None
        job.doubt = ids if call.in_doubt else ()
        reasons: list[Any] = failed.response.get("CancellationReasons", [])
        return reasons

    def _check_time(self, job: _Job) -> None:
        """Raise `NotWrittenError` when the time is up before the next write is sent (FORMAT 6.1)."""
        if self._table.clock.monotonic() >= job.give_up:
            why = "The chain was busy, or could not be read in time; try again."
            raise _not_written([record.id for record in job.pending], why)

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._table.name,
            "Item": item,
            "ConditionExpression": _NOT_EXISTS,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _check(self, records: Sequence[AuditRecord], more: int = 0) -> None:
        """Raise `RecordError` for what could not be stored, before anything is sent (FORMAT 6.1).

        `more` is what each will weigh above what it weighs now.
        """
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
            _check_size(record.to_item(), more)

    def _give_up(self, records: Sequence[AuditRecord], seconds: float) -> float:
        """Return when to give up, by the monotonic clock: a second before the first expiry at last (FORMAT 6.1)."""
        started = self._table.clock.monotonic()
        expiries = [record.expires_at for record in records if record.expires_at is not None]
        if not expiries:
            return started + seconds
        left = min(expiries).epoch_seconds - self._table.clock.now().epoch_nanos / 1e9
        if left < MIN_LIFETIME_SECONDS:
            message = (
                f"A record's expiry is past or less than {MIN_LIFETIME_SECONDS} seconds ahead, so it could be gone "
                "before it is verified; give it a later expires_at."
            )
            raise RecordError(message)
        return started + min(seconds, left - 1)


class _Call:
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
        if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
            return True
        if isinstance(error, HTTPClientError):
            self.in_doubt = bool(self._items)
        return isinstance(error, HTTPClientError)

    def _all_stand(self) -> bool:
        """Whether the records stand exactly as they were sent, read consistently.

        One that stands otherwise was not written by this call; an engine that does not answer proves nothing.
        """
        try:
            found = self._table.get_many(self._items).items
        except EngineError:
            return False
        return len(found) == len(self._items) and all(_same(self._items[item["id"]["S"]], item) for item in found)

    def _fail(self, last: Exception) -> None:
        why = str(translate(last, self._table.place))
        raise (_unknown(self._ids, why) if self.in_doubt else _not_written(self._ids, why)) from last


def _unknown(ids: Sequence[str], why: str) -> OutcomeUnknownError:
    message = (
        f"Whether these records were written is unknown: {_listed(ids)}. Append the very same records again: "
        f"what stands is recognised and not written twice. {why}"
    )
    return OutcomeUnknownError(message, tuple(ids))


def _not_written(ids: Sequence[str], why: str) -> NotWrittenError:
    message = f"Nothing was written of: {_listed(ids)}. The time for it ran out. {why}"
    return NotWrittenError(message, tuple(ids))


def _listed(ids: Sequence[str], most: int = 5) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(visible(record_id) for record_id in ids[:most]) + more


def _ended(job: _Job, records: Sequence[AuditRecord]) -> tuple[Appended, ...]:
    """Return what stands, in the order of the call; raises `ConflictError` where an id was taken."""
    if not job.conflicts:
        return tuple(job.done[record.id] for record in records)
    message = (
        f"{len(job.conflicts)} of {len(records)} records were not written, because their ids are taken by "
        f"other content: {_listed(job.conflicts)}. What stands was not touched; give the new records ids of their own."
    )
    conflict = ConflictError(message, tuple(job.conflicts))
    conflict.appended = tuple(job.done.values())
    raise conflict


def _unlinked(record: AuditRecord) -> AuditRecord:
    """Return the record without a place in any chain, such as one that was read from a table has."""
    if all(getattr(record, name) is None for name in _CHAIN_FIELDS):
        return record
    nothing: dict[str, Any] = dict.fromkeys(_CHAIN_FIELDS)
    return replace(record, **nothing)


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
        return _same(self.item, old, but=_MAY_DIFFER)

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


def _same(new: Item, old: Item, *, but: Container[str] = ()) -> bool:
    """Whether two items agree on every attribute `but` those; the members of a set have no order."""
    one, other = ({name: value for name, value in item.items() if name not in but} for item in (new, old))
    try:
        return one == other or canonical_item(one, "") == canonical_item(other, "")
    except RecordError:
        return False


def _lost_a_condition(error: ClientError) -> bool:
    reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == _LOST for reason in reasons)


def _check_size(item: Item, more: int = 0) -> int:
    size = item_size(item) + more
    if size > MAX_ITEM_BYTES:
        message = (
            f"The record {visible(item['id']['S'][:40])} takes {size:,} bytes, attribute names included; DynamoDB "
            f"keeps at most {MAX_ITEM_BYTES:,}. Store less of its payload."
        )
        raise RecordError(message)
    return size
