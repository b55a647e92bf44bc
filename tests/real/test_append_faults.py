"""Appends through a wire that fails: one record or a typed error, on DynamoDB Local (FORMAT 6.6, CASES 41 to 45)."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.append import BATCH_LIMIT
from audit_core.chain.findings import Verdict
from audit_core.errors import (
    AuditError,
    ConflictError,
    CredentialsError,
    EngineError,
    NotWrittenError,
    OutcomeUnknownError,
    ThrottledError,
)
from audit_core.store import AuditStore
from audit_core.tip import Tip
from tests import engines, tables
from tests.builders import record, records
from tests.chains import NAMES, Chain
from tests.real import wire as faults
from tests.real.wire import Wire
from tests.tables import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.real.wire import Fault

WRITE = "TransactWriteItems"
TEN_MINUTES = 601.0
PASSING: dict[str, Fault] = {
    "request-lost": faults.lose_request,
    "answer-lost": faults.lose_answer,
    "overtaken": faults.hold,
    "doubled": faults.double,
    "no-connection": faults.refuse_connection,
    "error-before": faults.break_before,
    "error-after": faults.break_after,
    "throttled": faults.code("ThrottlingException"),
    "exceeded": faults.code("ProvisionedThroughputExceededException"),
    "limited": faults.code("RequestLimitExceeded"),
    "in-progress": faults.code("TransactionInProgressException"),
    "conflict": faults.cancel("None", "TransactionConflict"),
    "cancelled-for-load": faults.cancel("ThrottlingError", "None"),
    "cancelled-for-throughput": faults.cancel("ProvisionedThroughputExceeded"),
}
HARD = {name: PASSING[name] for name in ("request-lost", "answer-lost", "overtaken", "error-after", "conflict")}


@dataclass(frozen=True, slots=True)
class Line:
    """A writer behind a failing wire, its clock, and another store that sees the table undisturbed."""

    store: AuditStore
    wire: Wire
    clock: ManualClock
    plain: AuditStore

    def restarted(self) -> AuditStore:
        """The writer as a process that knows nothing of the chain yet."""
        return AuditStore(self.store.settings, self.store.table.client, clock=self.clock)


@pytest.fixture
def open_line(
    dynamodb_local_url: str, unique_table: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Line]]:
    # the two stores race like those of two machines: writers of one machine take turns
    monkeypatch.setattr("audit_core.store.meeting_place", lambda _table: None)
    engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
    lines: list[Line] = []

    def open_one(**environ: str) -> Line:
        store = engines.open_store(engine, unique_table, environ)
        store.table.clock = ManualClock()
        line = Line(
            store, Wire(store.table.client), store.table.clock, engines.open_store(engine, unique_table, environ)
        )
        lines.append(line)
        return line

    yield open_one
    for line in lines:
        line.store.close()
        line.plain.close()
        line.wire.close()


@pytest.fixture
def line(open_line: Callable[..., Line]) -> Line:
    """A chain with one record, which the writer appended itself."""
    line = open_line()
    line.store.append(record(id="first"))
    line.wire.sent.clear()
    return line


def standing(line: Line) -> list[str]:
    """The ids of the records of the chain, in order, once it has been verified."""
    report = line.plain.verify(*NAMES, thorough=True)
    assert report.verdict is Verdict.INTACT, report.findings
    found = [stored for stored in tables.everything(line.plain).values() if "_fence" not in stored]
    ordered = sorted(found, key=lambda stored: int(stored["sequence_number"]["N"]))
    return [stored["id"]["S"] for stored in ordered]


class TestPassingFaults:
    @pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
    def test_a_record_goes_in_once(self, line: Line, fault: Fault) -> None:
        line.wire.fail(WRITE, fault)

        appended = line.store.append(record())

        assert (appended.record.sequence_number, appended.duplicate) == (1, False)
        assert standing(line) == ["first", record().id]

    @pytest.mark.parametrize("fault", HARD.values(), ids=HARD)
    def test_several_faults_in_a_row_change_nothing(self, line: Line, fault: Fault) -> None:
        line.wire.fail(WRITE, fault, faults.lose_request, fault, faults.code("ThrottlingException"))

        line.store.append(record())

        assert standing(line) == ["first", record().id]

    @pytest.mark.parametrize("fault", HARD.values(), ids=HARD)
    def test_a_batch_with_the_directory_s_action_goes_in_once(
        self, open_line: Callable[..., Line], fault: Fault
    ) -> None:
        line = open_line()
        line.wire.fail(WRITE, fault, fault)

        appended = line.store.append_many(records(BATCH_LIMIT))

        assert [entry.duplicate for entry in appended] == [False] * BATCH_LIMIT
        assert standing(line) == [entry.id for entry in records(BATCH_LIMIT)]

    @pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
    @pytest.mark.parametrize(
        "fault", [faults.lose_request, faults.lose_answer, faults.break_before, faults.code("ThrottlingException")]
    )
    def test_a_read_of_the_tip_is_repeated(self, line: Line, operation: str, fault: Fault) -> None:
        line.wire.fail(operation, fault, fault)

        line.restarted().append(record())

        assert standing(line) == ["first", record().id]

    @pytest.mark.parametrize("fault", HARD.values(), ids=HARD)
    def test_a_batch_that_partly_stands_is_completed(self, line: Line, fault: Fault) -> None:
        line.plain.append_many(records(3))
        line.wire.fail(WRITE, fault, None, fault)

        appended = line.restarted().append_many(records(6))

        assert [entry.record.sequence_number for entry in appended] == [1, 2, 3, 4, 5, 6]
        assert standing(line) == ["first", *(entry.id for entry in records(6))]

    @pytest.mark.parametrize("fault", [faults.lose_answer, faults.break_after, faults.hold, faults.lose_request])
    def test_a_position_that_was_lost_to_another_writer_in_between(self, line: Line, fault: Fault) -> None:
        def overtake(wire: Wire, request: Any) -> Any:
            line.plain.append(record(id="rival"))
            return fault(wire, request)

        line.wire.fail(WRITE, overtake)

        appended = line.store.append(record())

        assert appended.record.sequence_number == 2
        assert standing(line) == ["first", "rival", record().id]


class TestTokens:
    def test_one_body_keeps_its_token(self, line: Line) -> None:
        line.wire.fail(WRITE, faults.lose_request, faults.code("ThrottlingException"), faults.lose_answer)

        line.store.append(record())

        bodies = line.wire.bodies(WRITE)
        assert len(bodies) == 4
        assert all(body == bodies[0] for body in bodies)

    def test_another_body_gets_another_token(self, line: Line) -> None:
        line.plain.append(record(id="rival"))

        line.store.append(record())

        tokens = [body["ClientRequestToken"] for body in line.wire.bodies(WRITE)]
        assert len(tokens) == len(set(tokens)) == 2

    def test_the_same_record_in_another_call_gets_another_token(self, line: Line) -> None:
        line.store.append(record())
        line.restarted().append(record())

        tokens = [body["ClientRequestToken"] for body in line.wire.bodies(WRITE)]
        assert len(tokens) == len(set(tokens))

    def test_a_record_that_was_deleted_meanwhile_is_not_acknowledged_by_its_old_token(self, line: Line) -> None:
        line.store.append(record())
        tables.delete(line.plain, record().id)

        again = line.restarted().append(record())

        assert again.record.sequence_number == 2
        assert line.plain.get(record().id) is not None

    @pytest.mark.parametrize(
        ("fault", "requests"), [(faults.lose_answer, 1), (faults.lose_request, 2)], ids=["done", "not-done"]
    )
    def test_past_its_ten_minutes_a_read_decides(self, line: Line, fault: Fault, requests: int) -> None:
        def take_ten_minutes(wire: Wire, request: Any) -> Any:
            line.clock.slept += TEN_MINUTES
            return fault(wire, request)

        line.wire.fail(WRITE, take_ten_minutes)

        appended = line.store.append(record(), seconds=3600)

        assert appended.record.sequence_number == 1
        tokens = {body["ClientRequestToken"] for body in line.wire.bodies(WRITE)}
        assert len(line.wire.bodies(WRITE)) == len(tokens) == requests
        assert standing(line) == ["first", record().id]

    def test_a_request_that_arrives_after_its_ten_minutes_is_no_second_record(self, line: Line) -> None:
        def take_ten_minutes(wire: Wire, request: Any) -> Any:
            line.clock.slept += TEN_MINUTES
            return faults.hold(wire, request)

        line.wire.fail(WRITE, take_ten_minutes, faults.hold)

        line.store.append(record(), seconds=3600)

        assert standing(line) == ["first", record().id]


class TestDeadlines:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.refuse_connection,
            faults.code("ThrottlingException"),
            faults.cancel("TransactionConflict"),
            faults.cancel("ThrottlingError"),
        ],
        ids=["no-connection", "throttled", "conflict", "load"],
    )
    def test_one_that_passes_with_nothing_sent_or_done_is_certain(self, line: Line, fault: Fault) -> None:
        line.wire.always[WRITE] = fault

        with pytest.raises(NotWrittenError, match=record().id) as caught:
            line.store.append(record())

        assert caught.value.ids == (record().id,)
        assert 28 < line.clock.slept <= 30
        assert standing(line) == ["first"]

    @pytest.mark.parametrize(
        "fault",
        [
            faults.lose_request,
            faults.break_before,
            faults.code("TransactionInProgressException"),
        ],
        ids=["request-lost", "error", "in-progress"],
    )
    def test_one_that_passes_in_doubt_names_the_record(self, line: Line, fault: Fault) -> None:
        line.wire.always[WRITE] = fault

        with pytest.raises(OutcomeUnknownError, match=record().id) as caught:
            line.store.append(record(), seconds=4)

        assert caught.value.ids == (record().id,)

    def test_a_doubt_is_not_forgotten_over_later_refusals(self, line: Line) -> None:
        line.wire.fail(WRITE, faults.lose_request)
        line.wire.always[WRITE] = faults.code("ThrottlingException")

        with pytest.raises(OutcomeUnknownError):
            line.store.append(record())

    @pytest.mark.parametrize("fault", [faults.lose_answer, faults.break_after])
    def test_a_last_read_takes_the_doubt_away(self, line: Line, fault: Fault) -> None:
        line.wire.always[WRITE] = fault

        appended = line.store.append(record(), seconds=4)

        assert (appended.record.sequence_number, appended.duplicate) == (1, False)
        assert standing(line) == ["first", record().id]

    def test_where_the_last_read_fails_as_well_the_doubt_stays(self, line: Line) -> None:
        line.wire.always |= {WRITE: faults.lose_answer, "BatchGetItem": faults.break_before}

        with pytest.raises(OutcomeUnknownError):
            line.store.append(record(), seconds=4)

    @pytest.mark.parametrize("change", [{"outcome": "failed"}, {}], ids=["other-content", "another-place"])
    def test_a_record_that_stands_otherwise_is_not_taken_for_this_one(self, line: Line, change: dict[str, Any]) -> None:
        line.plain.append_many([record(id="rival"), record(**change)])
        line.wire.always[WRITE] = faults.lose_answer

        with pytest.raises(OutcomeUnknownError):
            line.store.append(record(), seconds=4)

    def test_after_an_unknown_outcome_the_same_record_again_settles_it(self, line: Line) -> None:
        line.wire.always |= {WRITE: faults.lose_answer, "BatchGetItem": faults.lose_request}
        with pytest.raises(OutcomeUnknownError):
            line.store.append(record(), seconds=4)
        line.wire.always.clear()

        assert line.store.append(record()).record.sequence_number == 1
        assert standing(line) == ["first", record().id]

    def test_a_batch_tells_what_went_in_before_it(self, open_line: Callable[..., Line]) -> None:
        line = open_line()
        line.wire.fail(WRITE, None)
        line.wire.always[WRITE] = faults.lose_request
        batch = records(BATCH_LIMIT)

        with pytest.raises(OutcomeUnknownError) as caught:
            line.store.append_many(batch)

        assert caught.value.ids == (batch[49].id,)
        assert [entry.record.id for entry in caught.value.appended] == [entry.id for entry in batch[:49]]

    def test_being_throttled_for_a_minute_is_outlasted_with_bounded_back_off(self, line: Line) -> None:
        throttle = faults.code("ThrottlingException")

        def for_a_minute(wire: Wire, request: Any) -> Any:
            return throttle(wire, request) if line.clock.slept < 60 else wire.forward(request)

        line.wire.always[WRITE] = for_a_minute

        line.store.append(record(), seconds=90)

        assert line.clock.slept < 61.5
        assert len(line.wire.bodies(WRITE)) < 250

    def test_who_loses_every_race_gives_up_in_time(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_core.append.random", SimpleNamespace(uniform=lambda *_: 0.0))
        rivals = iter(range(100))

        def lose_the_race(_wire: Wire, _request: Any) -> None:
            line.clock.slept += 5
            line.plain.append(record(id=f"rival-{next(rivals)}"))

        line.wire.always[WRITE] = lose_the_race

        with pytest.raises(NotWrittenError):
            line.store.append(record())

        assert record().id not in standing(line)
        assert line.clock.slept == 30

    def test_who_loses_races_waits_longer_after_each(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_core.append.random", SimpleNamespace(uniform=lambda _least, most: most))
        waited = []

        def lose_the_race(_wire: Wire, _request: Any) -> None:
            waited.append(line.clock.slept)
            if len(waited) < 4:
                line.plain.append(record(id=f"rival-{len(waited)}"))

        line.wire.always[WRITE] = lose_the_race

        line.store.append(record())

        assert waited == pytest.approx([0, 0.002, 0.006, 0.012])

    def test_it_ends_a_second_before_the_record_s_expiry(self, line: Line) -> None:
        line.wire.always[WRITE] = faults.code("ThrottlingException")

        with pytest.raises(NotWrittenError):
            line.store.append(record(expires_at=line.clock.now().plus_seconds(6)))

        assert 3 < line.clock.slept <= 5

    def test_a_record_is_not_sent_once_it_has_passed(self, line: Line) -> None:
        def take_long(_wire: Wire, _request: Any) -> None:
            line.clock.slept += 40

        line.wire.fail("Query", take_long)

        with pytest.raises(NotWrittenError):
            line.restarted().append(record())

        assert not line.wire.bodies(WRITE)


class TestWhatStopsAtOnce:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (faults.code("ValidationException"), EngineError),
            (faults.code("AccessDeniedException"), CredentialsError),
            (faults.code("ExpiredTokenException"), CredentialsError),
            (faults.cancel("None", "ValidationError"), EngineError),
            (faults.cancel("TransactionConflict", "ItemCollectionSizeLimitExceeded"), EngineError),
        ],
        ids=["validation", "denied", "expired", "cancelled", "mixed"],
    )
    def test_a_refusal_is_not_repeated(self, line: Line, fault: Fault, error: type[AuditError]) -> None:
        line.wire.always[WRITE] = fault

        with pytest.raises(error):
            line.store.append(record())

        assert len(line.wire.bodies(WRITE)) == 1
        assert standing(line) == ["first"]

    def test_a_refusal_after_a_doubt_leaves_the_doubt(self, line: Line) -> None:
        line.wire.fail(WRITE, faults.lose_request)
        line.wire.always[WRITE] = faults.code("ExpiredTokenException")

        with pytest.raises(OutcomeUnknownError) as caught:
            line.store.append(record())

        assert caught.value.ids == (record().id,)
        assert len(line.wire.bodies(WRITE)) == 2

    def test_a_refusal_after_it_was_done_is_success(self, line: Line) -> None:
        line.wire.fail(WRITE, faults.lose_answer)
        line.wire.always[WRITE] = faults.code("ExpiredTokenException")

        assert line.store.append(record()).record.sequence_number == 1

    def test_a_tip_that_cannot_be_read_is_a_typed_error(self, line: Line) -> None:
        line.wire.always["Query"] = faults.code("ThrottlingException")

        with pytest.raises(ThrottledError):
            line.restarted().append(record())

        assert not line.wire.bodies(WRITE)

    def test_a_read_that_fails_while_the_outcome_is_in_doubt_leaves_it_unknown(self, line: Line) -> None:
        line.plain.append(record())
        line.wire.fail(WRITE, faults.lose_request)
        line.wire.always["BatchGetItem"] = faults.code("AccessDeniedException")

        with pytest.raises(OutcomeUnknownError) as caught:
            line.store.append(record())

        assert caught.value.ids == (record().id,)


def test_a_loss_that_the_engine_does_not_name_is_looked_up(line: Line) -> None:
    """Of several fences in the way an engine may name only some; the link must still lead to the nearest full one."""
    number = line.plain.append(record(id="rival")).record.sequence_number
    rival, fence = line.plain.table.get("rival").items[0], tables.fence(line.plain, 1)
    tip = Tip(1, rival["record_hash"]["S"], (1, fence["chain_hash"]["S"]))
    tables.put(line.plain, *Chain(tip=tip).elsewhere(1).items())
    line.wire.fail(WRITE, faults.keep_back_first_reason)

    line.store.append_many([record(id="a"), record(id="b")])

    assert number == 1
    assert standing(line)[-2:] == ["a", "b"]


class TestWithoutChain:
    @pytest.fixture
    def line(self, open_line: Callable[..., Line]) -> Line:
        return open_line(COMPLIANCE__HASH_CHAIN="false")

    @pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
    @pytest.mark.parametrize(
        "fault",
        [faults.lose_request, faults.lose_answer, faults.hold, faults.break_after, faults.code("ThrottlingException")],
    )
    def test_a_record_goes_in_once(self, line: Line, operation: str, fault: Fault) -> None:
        line.wire.fail(operation, fault)

        appended = line.store.append(record())

        assert not appended.duplicate
        assert line.plain.get(record().id) is not None

    def test_a_deadline_that_passes_in_doubt_names_the_record(self, line: Line) -> None:
        line.wire.always["PutItem"] = faults.lose_request

        with pytest.raises(OutcomeUnknownError) as caught:
            line.store.append(record(), seconds=4)

        assert caught.value.ids == (record().id,)

    def test_where_the_directory_could_not_be_written_nothing_was(self, line: Line) -> None:
        line.wire.always["UpdateItem"] = faults.lose_request

        with pytest.raises(NotWrittenError):
            line.store.append(record(), seconds=4)

        assert not line.wire.bodies("PutItem")

    def test_other_content_is_a_conflict_though_the_first_answer_was_lost(self, line: Line) -> None:
        line.plain.append(record())
        line.wire.fail("PutItem", faults.lose_answer)

        with pytest.raises(ConflictError):
            line.store.append(record(outcome="failed"))

    def test_other_content_is_never_taken_for_this_one(self, line: Line) -> None:
        line.plain.append(record())
        line.wire.always["PutItem"] = faults.lose_answer

        with pytest.raises(OutcomeUnknownError):
            line.store.append(record(outcome="failed"))
