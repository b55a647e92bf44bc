"""The append protocol of FORMAT 6: fence and record in one transaction, and what to do when it fails.

One implementation for a single record and for a batch. `tip` finds where the chain goes on; callers use `store`.
"""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audit_core.directory import register_update
from audit_core.errors import (
    AuditError,
    ChainBlockedError,
    ConflictError,
    EngineError,
    RecordError,
    WriteRefusedError,
)
from audit_core.fences import Fence, FenceState, fence_id
from audit_core.hashing import same_item
from audit_core.items import item_size, text_of, whole_number
from audit_core.linking import Candidate, Pair, fitting, same_content
from audit_core.names import visible
from audit_core.records import AuditRecord
from audit_core.tip import Tip, TipFinder
from audit_core.turns import Turns
from audit_core.writecall import LOST, WriteCall, listed, not_written, outcome_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Table

__all__ = ["BATCH_LIMIT", "Appended", "ChainWriter"]

BATCH_LIMIT = 50
"""Records that one transaction takes: 100 actions, two for each (FORMAT 6.3)."""

DEADLINE_SECONDS = 30.0
"""How long an append tries by default (FORMAT 6.1)."""

MIN_LIFETIME_SECONDS = 2
_BACK_OFF_SECONDS = 0.002
_MOST_LOSSES = 10

_NOT_EXISTS = "attribute_not_exists(id)"
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

    pending: list[Candidate]
    give_up: float
    doubt: tuple[str, ...] = ()
    done: dict[str, Appended] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)


class ChainWriter:
    """Appends to any chain of one table; remembers each chain's tip, so that a lone writer needs no read.

    `gate` is held around each transaction (the embedded engine takes one writer at a time); at `meeting` the
    writers of this machine take turns. Safe to share between threads: one chain is written by one thread at a time.
    """

    def __init__(  # noqa: PLR0913 - what the protocol depends on, each handed in by name
        self,
        table: Table,
        prefix: str,
        lifetimes: Lifetimes,
        *,
        local: bool,
        gate: AbstractContextManager[Any],
        meeting: Path | None = None,
    ) -> None:
        self._table = table
        self._prefix = prefix
        self._lifetimes = lifetimes
        self._local = local
        self._gate = gate
        self._tips: dict[str, Tip] = {}
        self._registered: set[str] = set()
        self._turns = Turns(table.clock, meeting)
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._locks_guard = threading.Lock()

    def close(self) -> None:
        """Give back what the operating system lent; nothing is being appended any more."""
        self._turns.close()

    def append(self, records: Sequence[AuditRecord], seconds: float = DEADLINE_SECONDS) -> tuple[Appended, ...]:
        """Append up to 50 records of one chain, in order, within `seconds`; an id that stands is not written again.

        Returns one `Appended` for each record, in order. Raises `RecordError` before anything is sent; `ConflictError`,
        `NotWrittenError`, `OutcomeUnknownError`, `ChainBlockedError` or `EngineError` later, with what did go in under
        `appended` (FORMAT 6).
        """
        return self.append_candidates([self.candidate(record) for record in records], seconds)

    def pass_over(self, record: AuditRecord, seconds: float = DEADLINE_SECONDS) -> Appended:
        """Append one record past the position that blocks its chain, without `previous_hash` (FORMAT 6.4).

        Every verification shows it for ever. Raises `WriteRefusedError` where nothing blocks the chain; otherwise as
        `append`.
        """
        try:
            self._finder(record).find()
        except ChainBlockedError as blocked:
            position = blocked.sequence_number
            return self.append_candidates([self.candidate(record)], seconds, past=position)[0]
        message = f"Nothing blocks {visible(record.chain)}, so there is nothing to pass over; append as usual."
        raise WriteRefusedError(message)

    def append_candidates(
        self, candidates: Sequence[Candidate], seconds: float, *, past: int | None = None
    ) -> tuple[Appended, ...]:
        """`append` records that were checked when they were handed in; `past` is a position to pass over."""
        records = [candidate.record for candidate in candidates]
        _check_batch(records)
        chain = records[0].chain
        job = _Job(list(candidates), self.give_up(records, seconds))
        with self.turn(chain, job.give_up):
            try:
                if past is not None:
                    self._tips[chain] = self._finder(records[0]).past(past)
                self._run(job, chain)
            except AuditError as error:
                if past is not None:
                    # the next append must stop here again: only the order that stands in the chain passes
                    self._tips.pop(chain, None)
                error.appended = tuple(job.done.values())
                if not job.doubt or not isinstance(error, EngineError):
                    raise
                unknown = outcome_unknown(job.doubt, str(error))
                unknown.appended = error.appended
                raise unknown from error
        return _ended(job, records)

    @contextmanager
    def turn(self, chain: str, give_up: float) -> Iterator[None]:
        """Have a chain to oneself, as far as this machine's writers go; an append has it anyway (`turns.Turns`)."""
        with self._locks_guard:
            lock = self._locks[chain]
        with lock, self._turns.held(chain, give_up):
            yield

    def _finder(self, record: AuditRecord) -> TipFinder:
        return TipFinder(self._table, record.namespace, record.tenant, self._lifetimes, local=self._local)

    def candidate(self, record: AuditRecord, more: int = _LEAST_CHAIN_BYTES) -> Candidate:
        """Check a record that is to be appended: what could not be stored is refused here (FORMAT 6.1).

        `more` is what it will weigh above what it weighs now. Raises `RecordError`.
        """
        record.check_writable()
        if record.id.startswith(self._prefix):
            message = (
                f"An id must not start with {self._prefix!r}, which names bookkeeping items; "
                f"choose another than {visible(record.id[:40])}."
            )
            raise RecordError(message)
        return Candidate.of(record, more)

    def put_unchained(self, records: Sequence[AuditRecord], seconds: float = DEADLINE_SECONDS) -> tuple[Appended, ...]:
        """Write up to 50 records of one tenant without a chain (hash chaining off), one by one; as `append` does."""
        candidates = [self.candidate(record, more=0) for record in records]
        records = [candidate.record for candidate in candidates]
        _check_batch(records)
        job = _Job(list(candidates), self.give_up(records, seconds))
        try:
            self._register(records[0], job)
            for candidate in candidates:
                self._put_alone(candidate, job)
        except AuditError as error:
            error.appended = tuple(job.done.values())
            raise
        return _ended(job, records)

    def _register(self, record: AuditRecord, job: _Job) -> None:
        if record.chain in self._registered:
            return
        update = register_update(self._prefix, self._table.name, record, self._table.clock.now())
        call = WriteCall(self._table, [pending.record.id for pending in job.pending], job.give_up)
        with self._gate:
            call.run(lambda: self._table.client.update_item(**update))
        self._registered.add(record.chain)

    def _put_alone(self, candidate: Candidate, job: _Job) -> None:
        self._check_time(job)
        record, item = candidate.record, candidate.item
        call = WriteCall(self._table, [record.id], job.give_up, [item])
        with self._gate:
            failed = call.run(lambda: self._table.client.put_item(**self._put(item)))
        job.pending.remove(candidate)
        if failed is None:
            job.done[record.id] = Appended(record, duplicate=False)
            return
        old = self._standing(record.id, failed.response)
        if "sequence_number" not in old and same_content(item, old):
            ours = call.in_doubt and same_item(item, old)
            job.done[record.id] = Appended(AuditRecord.from_item(old), duplicate=not ours)
        else:
            job.conflicts.append(record.id)

    def _run(self, job: _Job, chain: str) -> None:
        first = job.pending[0].record
        finder = self._finder(first)
        tip = self._tips.get(chain)
        if tip is None:
            tip = self._tips[chain] = finder.find()
        tip = finder.ahead(tip, self._turns.last(chain))
        losses = 0
        while job.pending:
            self._check_time(job)
            register = chain not in self._registered
            chunk = fitting(tip, job.pending, register=register)
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
                self._turns.came_to(chain, tip.sequence_number)
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
                self._back_off(losses, job)

    def _back_off(self, losses: int, job: _Job) -> None:
        """Wait with jitter after a race that was lost, more after more of them in a row (FORMAT 6.6)."""
        wait = random.uniform(0, _BACK_OFF_SECONDS * min(losses, _MOST_LOSSES))  # noqa: S311 - jitter, no secret
        left = job.give_up - self._table.clock.monotonic()
        if left > 0:
            self._table.clock.sleep(min(wait, left))

    def _settle_records(self, job: _Job, chunk: Sequence[Pair], reasons: Sequence[Any]) -> None:
        """Take out of the job what stands already: the same content is done, other content a conflict (FORMAT 6.5)."""
        standing = {
            pair.record.id: self._standing(pair.record.id, reason)
            for pair, reason in zip(chunk, reasons[1::2], strict=False)
            if reason.get("Code") == LOST
        }
        same = [
            pair for pair in chunk if pair.record.id in standing and same_content(pair.item, standing[pair.record.id])
        ]
        chained = self._in_chain(same, standing)
        for pair in same:
            old = standing[pair.record.id]
            if pair.record.id in chained:
                # equal to the last attribute: this very call wrote it, in a request whose answer was lost
                ours = bool(job.doubt) and same_item(pair.item, old)
                job.done[pair.record.id] = Appended(AuditRecord.from_item(old), duplicate=not ours)
        job.conflicts += [record_id for record_id in standing if record_id not in job.done]
        job.pending = [candidate for candidate in job.pending if candidate.record.id not in standing]

    def _in_chain(self, pairs: Sequence[Pair], standing: Mapping[str, Item]) -> set[str]:
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

    def _commit(self, actions: list[Any], chunk: Sequence[Pair], job: _Job) -> list[Any] | None:
        """Send one transaction until it is decided (FORMAT 6.6); None when it is in, else why it was cancelled."""
        ids = tuple(pair.record.id for pair in chunk)
        call = WriteCall(self._table, ids, job.give_up, [pair.item for pair in chunk])

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
            raise not_written([candidate.record.id for candidate in job.pending], why)

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self._table.name,
            "Item": item,
            "ConditionExpression": _NOT_EXISTS,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def give_up(self, records: Sequence[AuditRecord], seconds: float) -> float:
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


def _check_batch(records: Sequence[AuditRecord]) -> None:
    """Raise `RecordError` for records that do not go into one transaction, before anything is sent (FORMAT 6.1)."""
    if not 1 <= len(records) <= BATCH_LIMIT:
        message = f"A batch holds 1 to {BATCH_LIMIT} records, not {len(records)}; split it."
        raise RecordError(message)
    if len({record.chain for record in records}) > 1:
        message = "A batch belongs to one namespace and tenant; split it by chain."
        raise RecordError(message)
    if len({record.id for record in records}) < len(records):
        message = "A batch holds one id twice; give every record an id of its own."
        raise RecordError(message)


def _ended(job: _Job, records: Sequence[AuditRecord]) -> tuple[Appended, ...]:
    """Return what stands, in the order of the call; raises `ConflictError` where an id was taken."""
    if not job.conflicts:
        return tuple(job.done[record.id] for record in records)
    message = (
        f"{len(job.conflicts)} of {len(records)} records were not written, because their ids are taken by "
        f"other content: {listed(job.conflicts)}. What stands was not touched; give the new records ids of their own."
    )
    conflict = ConflictError(message, tuple(job.conflicts))
    conflict.appended = tuple(job.done.values())
    raise conflict


def _taken_fences(chunk: Sequence[Pair], reasons: Sequence[Any]) -> list[Fence]:
    """Return the fences that stood where ours were to go."""
    taken = []
    for number, pair in enumerate(chunk):
        reason = reasons[2 * number]
        if reason.get("Code") == LOST:
            position = int(pair.item["sequence_number"]["N"])
            taken.append(Fence.read(position, reason.get("Item") or {}))
    return taken
