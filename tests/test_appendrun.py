"""A long append in steps: every record counted once, stopped and taken up, nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.append import Appended
from audit_core.appendrun import AppendRun, in_batches
from audit_core.errors import (
    AuditError,
    ChainBlockedError,
    ConflictError,
    EngineUnreachableError,
    OutcomeUnknownError,
    RecordError,
)
from tests.builders import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.records import AuditRecord


class Store:
    """Keeps what is appended; fails once with each of `faults`, before or after the batch went in."""

    engine = "local"

    def __init__(self, *faults: AuditError, after: bool = False, taken: tuple[str, ...] = ()) -> None:
        self.kept: dict[str, AuditRecord] = {}
        self.faults = list(faults)
        self.after = after
        self.taken = taken

    def append_many(self, batch: Sequence[AuditRecord]) -> tuple[Appended, ...]:
        if self.faults and not self.after:
            raise self.faults.pop(0)
        outcomes = tuple(
            Appended(record, duplicate=record.id in self.kept) for record in batch if record.id not in self.taken
        )
        self.kept |= {one.record.id: one.record for one in outcomes}
        if self.faults:
            raise self.faults.pop(0)
        if len(outcomes) < len(batch):
            conflict = ConflictError("taken", self.taken)
            conflict.appended = outcomes
            raise conflict
        return outcomes


def run_of(store: Store, count: int = 120) -> AppendRun:
    return AppendRun(store, in_batches(records(count)), count)


def to_the_end(run: AppendRun) -> AppendRun:
    for _slice in range(50):
        if not run.running:
            return run
        run.advance(0)
    raise AssertionError("it does not end")


def test_batches_are_of_one_chain_in_the_order_given() -> None:
    mixed = [one for pair in zip(records(60), records(60, start=100, tenant="other"), strict=True) for one in pair]

    batches = list(in_batches(mixed))

    assert [len(batch) for batch in batches] == [50, 10, 50, 10]
    assert [one.id for batch in batches[:2] for one in batch] == [one.id for one in records(60)]


def test_everything_goes_in_and_is_counted() -> None:
    store = Store()
    run = to_the_end(run_of(store))

    assert (run.added, run.present, run.failed, run.conflicts, run.done) == (120, 0, 0, [], 120)
    assert not run.stopped
    assert list(store.kept) == [one.id for one in records(120)]


def test_a_second_run_adds_nothing() -> None:
    store = Store()
    to_the_end(run_of(store))

    again = to_the_end(run_of(store))

    assert (again.added, again.present) == (0, 120)


def test_it_can_be_stopped_and_taken_up() -> None:
    store = Store()
    run = run_of(store)
    run.advance(0)
    run.stop()
    assert (run.done, run.stopped, len(store.kept)) == (50, True, 50)
    run.advance(1)
    assert run.done == 50

    run.go_on()

    assert to_the_end(run).added == 120


def test_an_id_that_is_taken_is_a_conflict_and_the_others_go_in() -> None:
    taken = records(120)[60].id

    run = to_the_end(run_of(Store(taken=(taken,))))

    assert (run.added, run.conflicts, run.done) == (119, [taken], 120)


@pytest.mark.parametrize("fault", [RecordError("too late"), ChainBlockedError("blocked", 3)], ids=repr)
def test_a_batch_that_is_refused_is_counted_with_the_reason_and_the_next_goes_in(fault: AuditError) -> None:
    run = to_the_end(run_of(Store(fault)))

    assert (run.added, run.failed, run.done) == (70, 50, 120)
    assert run.refusals == [str(fault)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fault", [EngineUnreachableError("away"), OutcomeUnknownError("in doubt", ())], ids=repr)
def test_what_cannot_be_sent_stops_it_and_the_same_batch_is_sent_again(fault: AuditError, after: bool) -> None:
    store = Store(fault, after=after)
    run = run_of(store)
    run.advance(10)
    assert (run.running, run.stopped, run.error, run.done) == (False, True, fault, 0)

    run.go_on()

    assert run.error is None
    to_the_end(run)
    assert (run.added, run.present) == ((70, 50) if after else (120, 0))
    assert len(store.kept) == 120


def test_nothing_due_ends_a_slice_and_not_the_run() -> None:
    made = records(2)
    run = AppendRun(Store(), iter([made[:1], (), made[1:]]), 2)
    run.advance(10)
    assert (run.done, run.running) == (1, True)
    run.advance(10)
    assert (run.done, run.running) == (2, False)
