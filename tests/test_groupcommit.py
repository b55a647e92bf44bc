"""Group commit: who waits, who learns what, and what goes into one batch; the protocol itself is scripted here."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

import pytest

from audit_core.append import BATCH_LIMIT, Appended
from audit_core.chain.findings import Verdict
from audit_core.errors import (
    AuditError,
    ChainBlockedError,
    ConflictError,
    EngineError,
    NotWrittenError,
    OutcomeUnknownError,
    RecordError,
    WriteRefusedError,
)
from audit_core.groupcommit import GATHERING, GroupWriter
from audit_core.linking import Candidate
from audit_core.records import AuditRecord
from audit_core.timestamps import Clock
from tests.builders import record, records
from tests.chains import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from audit_core.append import ChainWriter
    from audit_core.store import AuditStore

Answer = Exception | None
PATIENCE = 10.0


class Scripted:
    """Stands in for the protocol: gives each batch its next answer, success where there is none left.

    The first batch waits for `gate`, so that a test decides what has gathered behind it.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.known: set[str] = set()

    def candidate(self, one: AuditRecord) -> Candidate:
        if one.provider == "bad":
            raise RecordError("bad")
        return Candidate.of(one)

    def give_up(self, _records: Sequence[AuditRecord], seconds: float) -> float:
        return Clock().monotonic() + seconds

    def turn(self, _chain: str, _give_up: float) -> AbstractContextManager[None]:
        return nullcontext()

    def append_candidates(self, candidates: Sequence[Candidate], seconds: float) -> tuple[Appended, ...]:
        batch = [candidate.record for candidate in candidates]
        self.batches.append([one.id for one in batch])
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        if seconds <= 0:
            raise NotWrittenError("late", tuple(one.id for one in batch))
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            if isinstance(answer, OutcomeUnknownError):
                self.known |= set(answer.ids)
            raise answer
        if any(one.provider == "spoils" for one in batch):
            raise RecordError("spoils the batch")
        return tuple(Appended(one, duplicate=one.id in self.known) for one in batch)


@pytest.fixture
def opened() -> Iterator[Callable[..., GroupWriter]]:
    made: list[tuple[GroupWriter, Scripted]] = []

    def open_one(script: Scripted, *, clock: Clock | None = None, **options: Any) -> GroupWriter:
        writer = GroupWriter(cast("ChainWriter", script), lambda one: one, clock or Clock(), **options)
        made.append((writer, script))
        return writer

    yield open_one
    for writer, script in made:
        script.gate.set()
        writer.close()


def gathered(
    opened: Callable[..., GroupWriter], script: Scripted, batch: Sequence[AuditRecord], seconds: float = PATIENCE
) -> list[Future[Appended]]:
    """Hands in records while an earlier one is being committed, so that they gather; then lets go."""
    writer = opened(script)
    first = writer.submit(record(id="first"))
    assert script.entered.wait(PATIENCE)
    futures = [writer.submit(one, seconds=seconds) for one in batch]
    script.gate.set()
    first.result(PATIENCE)
    return futures


def failure(future: Future[Appended]) -> AuditError:
    error = future.exception(PATIENCE)
    assert isinstance(error, AuditError)
    return error


def ids(count: int) -> list[str]:
    return [one.id for one in records(count)]


# -- what goes into one batch -----------------------------------------------------------------------------------------


def test_callers_that_wait_for_a_batch_share_the_next_one_too(opened: Callable[..., GroupWriter]) -> None:
    class Slow(Clock):
        """Says that every batch took so long that its callers are waited for as long as a test may take."""

        def monotonic(self) -> float:
            return super().monotonic() + len(script.batches) * PATIENCE / GATHERING

    script = Scripted()
    writer = opened(script, clock=Slow())
    ages = 100 * PATIENCE / GATHERING
    writer.submit(record(id="first"), seconds=ages)
    assert script.entered.wait(PATIENCE)
    together = [writer.submit(record(id=f"{caller}-0"), seconds=ages) for caller in range(4)]
    script.gate.set()

    def go_on(caller: int) -> None:
        together[caller].result(PATIENCE)
        writer.submit(record(id=f"{caller}-1"), seconds=ages).result(PATIENCE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(go_on, range(4)))
    assert [len(batch) for batch in script.batches] == [1, 4, 4]


def test_what_gathers_during_a_commit_goes_into_the_next_one_in_order(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    futures = gathered(opened, script, records(20))
    assert [future.result(PATIENCE).record.id for future in futures] == ids(20)
    assert script.batches == [["first"], ids(20)]


def test_a_batch_holds_fifty_records_at_most(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    for future in gathered(opened, script, records(120)):
        future.result(PATIENCE)
    assert [len(batch) for batch in script.batches] == [1, BATCH_LIMIT, BATCH_LIMIT, 20]


def test_one_id_handed_in_twice_goes_into_two_batches(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    for future in gathered(opened, script, [*records(2), *records(2)]):
        future.result(PATIENCE)
    assert script.batches == [["first"], ids(2), ids(2)]


def test_a_busy_chain_does_not_keep_another_waiting(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    writer = opened(script, committers=1)
    writer.submit(record(id="first"))
    assert script.entered.wait(PATIENCE)
    many = [writer.submit(one) for one in records(200)]
    other = writer.submit(record(id="other", tenant="other"))
    script.gate.set()
    other.result(PATIENCE)
    for future in many:
        future.result(PATIENCE)
    assert script.batches.index(["other"]) <= 2


# -- who learns what --------------------------------------------------------------------------------------------------


def test_bad_input_is_refused_where_it_is_handed_in(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    with pytest.raises(RecordError, match="bad"):
        opened(script).submit(record(provider="bad"))
    assert script.batches == []


def test_a_conflict_is_its_own_records_alone(opened: Callable[..., GroupWriter]) -> None:
    batch = records(3)
    conflict = ConflictError("taken", (batch[1].id,))
    conflict.appended = (Appended(batch[0], duplicate=False), Appended(batch[2], duplicate=True))
    first, second, third = gathered(opened, Scripted(None, conflict), batch)
    assert not first.result(PATIENCE).duplicate
    assert third.result(PATIENCE).duplicate
    error = failure(second)
    assert isinstance(error, ConflictError)
    assert error.ids == (batch[1].id,)


def test_a_record_that_spoils_its_batch_fails_alone(opened: Callable[..., GroupWriter]) -> None:
    batch = [*records(2), record(id="spoiler", provider="spoils")]
    futures = gathered(opened, Scripted(), batch)
    assert [future.exception(PATIENCE) is None for future in futures] == [True, True, False]


def test_what_went_in_before_a_record_spoiled_its_batch_is_not_sent_again(opened: Callable[..., GroupWriter]) -> None:
    batch = records(3)
    spoiled = RecordError("too large")
    spoiled.appended = (Appended(batch[0], duplicate=False),)
    futures = gathered(opened, script := Scripted(None, spoiled), batch)
    assert [future.result(PATIENCE).duplicate for future in futures] == [False] * 3
    assert script.batches == [["first"], ids(3), [batch[1].id], [batch[2].id]]


def test_what_went_in_before_the_engine_refused_is_told_to_its_own(opened: Callable[..., GroupWriter]) -> None:
    batch = records(2)
    denied = EngineError("denied")
    denied.appended = (Appended(batch[0], duplicate=False),)
    first, second = gathered(opened, Scripted(None, denied), batch)
    assert not first.result(PATIENCE).duplicate
    assert isinstance(failure(second), EngineError)


def test_what_was_certainly_not_written_is_tried_again_while_there_is_time(
    opened: Callable[..., GroupWriter],
) -> None:
    script = Scripted(None, NotWrittenError("busy", tuple(ids(3))))
    futures = gathered(opened, script, records(3))
    assert [future.result(PATIENCE).record.id for future in futures] == ids(3)
    assert script.batches == [["first"], ids(3), ids(3)]


def test_a_record_whose_time_is_up_fails_by_its_own_name(opened: Callable[..., GroupWriter]) -> None:
    (future,) = gathered(opened, Scripted(None, NotWrittenError("busy", ("other",))), records(1), seconds=0.0)
    error = failure(future)
    assert isinstance(error, NotWrittenError)
    assert error.ids == tuple(ids(1))


def test_what_was_in_doubt_and_is_recognised_then_was_written_here(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted(None, OutcomeUnknownError("who knows", tuple(ids(2))))
    futures = gathered(opened, script, records(2))
    assert [future.result(PATIENCE).duplicate for future in futures] == [False, False]


def test_doubt_stays_doubt_when_the_next_attempt_fails(opened: Callable[..., GroupWriter]) -> None:
    blocked = ChainBlockedError("blocked", 7)
    script = Scripted(None, OutcomeUnknownError("who knows", tuple(ids(1))), blocked)
    (future,) = gathered(opened, script, records(1))
    error = failure(future)
    assert isinstance(error, OutcomeUnknownError)
    assert error.ids == tuple(ids(1))


def test_a_blocked_chain_is_told_to_everybody_who_waits_for_it(opened: Callable[..., GroupWriter]) -> None:
    futures = gathered(opened, Scripted(None, ChainBlockedError("blocked", 7)), records(3))
    assert all(isinstance(failure(future), ChainBlockedError) for future in futures)


def test_a_mistake_of_the_program_reaches_whoever_waits_and_stops_nothing(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted(None, ZeroDivisionError("a mistake"))
    futures = gathered(opened, script, records(2))
    assert all(isinstance(future.exception(PATIENCE), ZeroDivisionError) for future in futures)


# -- the queue --------------------------------------------------------------------------------------------------------


def test_who_hands_in_more_than_the_queue_holds_waits(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    writer = opened(script, queue_limit=3)
    waiting = [writer.submit(one) for one in records(3)]
    with ThreadPoolExecutor(1) as pool:
        fourth = pool.submit(writer.submit, record(id="fourth"))
        with pytest.raises(NotWrittenError, match="stayed full"):
            writer.submit(record(id="fifth"), seconds=0.05)
        assert not fourth.done()
        assert writer.stats.waiting == 3
        script.gate.set()
        assert fourth.result(PATIENCE).result(PATIENCE).record.id == "fourth"
    assert all(future.result(PATIENCE) for future in waiting)


def test_a_record_can_be_taken_back_until_it_is_sent(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    writer = opened(script)
    sent = writer.submit(record(id="first"))
    assert script.entered.wait(PATIENCE)
    kept, taken_back = writer.submit(record(id="kept")), writer.submit(record(id="taken back"))
    assert taken_back.cancel()
    assert not sent.cancel()
    script.gate.set()
    assert kept.result(PATIENCE).record.id == "kept"
    with pytest.raises(CancelledError):
        taken_back.result(PATIENCE)
    assert writer.flush(PATIENCE)
    assert script.batches == [["first"], ["kept"]]
    assert writer.stats.waiting == 0


def test_closing_writes_what_was_taken_and_takes_nothing_more(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    script.gate.set()
    writer = opened(script)
    futures = [writer.submit(one) for one in records(100)]
    writer.close()
    assert all(future.done() for future in futures)
    with pytest.raises(WriteRefusedError, match="closed"):
        writer.submit(record())


def test_flushing_says_when_it_took_too_long(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    writer = opened(script)
    writer.submit(record())
    assert not writer.flush(0.01)
    script.gate.set()
    assert writer.flush(PATIENCE)


def test_it_tells_how_it_is_doing(opened: Callable[..., GroupWriter]) -> None:
    script = Scripted()
    writer = opened(script)
    assert writer.stats.latency_p50 is None
    script.gate.set()
    for one in records(5):
        writer.submit(one).result(PATIENCE)
    writer.submit(record(id="spoiler", provider="spoils")).exception(PATIENCE)
    assert writer.flush(PATIENCE)
    stats = writer.stats
    assert (stats.waiting, stats.committed, stats.failed, stats.batches) == (0, 5, 1, 6)
    assert stats.latency_p50 is not None
    assert stats.latency_p99 is not None
    assert 0 < stats.latency_p50 <= stats.latency_p99


# -- on a table -------------------------------------------------------------------------------------------------------


def test_many_threads_write_two_chains_without_a_gap(store: AuditStore) -> None:
    tenants = ("acme", "globex")
    with store.group_writer() as writer, ThreadPoolExecutor(8) as pool:

        def write(part: int) -> list[int | None]:
            own = [record(id=f"{tenant}-{part}-{one}", tenant=tenant) for one in range(20) for tenant in tenants]
            return [writer.submit(one).result(60).record.sequence_number for one in own]

        numbers = [number for found in pool.map(write, range(8)) for number in found]
        stats = writer.stats
    assert sorted(number for number in numbers if number is not None) == sorted([*range(160), *range(160)])
    assert (stats.committed, stats.failed) == (320, 0)
    assert stats.batches < 320
    for tenant in tenants:
        report = store.verify(NAMES[0], tenant, thorough=True)
        assert (report.verdict, report.records_checked) == (Verdict.INTACT, 160)


def test_a_record_becomes_an_item_once_however_long_it_waits(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    to_item = AuditRecord.to_item
    monkeypatch.setattr(AuditRecord, "to_item", lambda one: made.append(one.id) or to_item(one))
    with store.group_writer() as writer:
        for future in [writer.submit(one) for one in records(60)]:
            future.result(60)
    assert sorted(made) == sorted(ids(60))


def test_what_is_there_already_is_recognised(store: AuditStore) -> None:
    store.append(record())
    with store.group_writer() as writer:
        assert writer.submit(record()).result(60).duplicate
        assert isinstance(writer.submit(record(outcome="other")).exception(60), ConflictError)


def test_redaction_comes_before_the_queue(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__REDACT__ENABLED="true", AUDIT__REDACT__FIELDS="password")
    with store.group_writer() as writer:
        written = writer.submit(record(action_payload='{"password":"x"}')).result(60).record
    assert written.action_payload == '{"password":"[REDACTED]"}'


def test_a_store_without_chains_has_no_group_writer(open_store: Callable[..., AuditStore]) -> None:
    with pytest.raises(WriteRefusedError, match="switched off"):
        open_store(COMPLIANCE__HASH_CHAIN="false").group_writer()
