"""Made-up records: the same ones for the same seed, as many as asked for, no faster than asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.errors import RecordError
from audit_core.generator import LEAST_LIFETIME_SECONDS, VERDICT_OF, Plan, generate
from audit_core.items import INTENT
from tests.builders import DISPATCHED
from tests.tables import ManualClock

if TYPE_CHECKING:
    from audit_core.records import AuditRecord


def plan(**overrides: Any) -> Plan:
    values: dict[str, Any] = {"namespace": "lab", "tenants": ("one", "two"), "count": 100, "rate": 1000, "seed": 7}
    return Plan(**{**values, **overrides})


def made(wanted: Plan, run: str = "run") -> list[AuditRecord]:
    clock = ManualClock(DISPATCHED)
    records: list[AuditRecord] = []
    for batch in generate(wanted, run, clock):
        records.extend(batch)
        clock.sleep(0.05)
    return records


def test_the_same_seed_and_run_give_the_same_records() -> None:
    assert made(plan()) == made(plan())


def test_another_run_gives_the_same_content_under_other_ids() -> None:
    one, other = made(plan(), "one"), made(plan(), "other")

    assert not {record.id for record in one} & {record.id for record in other}
    assert [record.action_payload for record in one] == [record.action_payload for record in other]


def test_another_seed_gives_other_content() -> None:
    assert [record.action_payload for record in made(plan())] != [
        record.action_payload for record in made(plan(seed=8))
    ]


def test_every_record_is_made_once_and_the_tenants_take_turns() -> None:
    records = made(plan(count=401))

    assert len({record.id for record in records}) == 401
    assert Counter(record.tenant for record in records) == {"one": 201, "two": 200}


def test_a_batch_is_of_one_chain_and_fits_a_transaction() -> None:
    batches = list(generate(plan(count=1000, rate=1000), "run", late_clock()))

    assert all(len({record.chain for record in batch}) <= 1 and len(batch) <= 50 for batch in batches)


def late_clock() -> ManualClock:
    """A clock of which half a second goes by each time that it is asked."""

    class Late(ManualClock):
        def monotonic(self) -> float:
            self.slept += 0.5
            return self.slept

    return Late(DISPATCHED)


def test_no_more_come_than_the_rate_allows() -> None:
    clock = ManualClock(DISPATCHED)
    counts = []
    stream = generate(plan(rate=10, count=100, tenants=("one",)), "run", clock)
    for _second in range(4):
        counts.append(sum(len(next(stream)) for _ in range(5)))
        clock.sleep(1)

    assert counts == [1, 10, 10, 10]


def test_who_was_stopped_for_long_does_not_catch_up_all_at_once() -> None:
    clock = ManualClock(DISPATCHED)
    stream = generate(plan(rate=10, count=1000, tenants=("one",)), "run", clock)
    next(stream)
    clock.sleep(60)

    assert sum(len(next(stream)) for _ in range(5)) <= 11


def test_outcomes_follow_the_mix_and_each_has_its_verdict() -> None:
    records = made(plan(count=400, mix={"executed": 1, "suppressed": 1}))

    outcomes = Counter(record.outcome for record in records)
    assert outcomes.keys() == {"executed", "suppressed"}
    assert 120 < outcomes["executed"] < 280
    assert all(record.verdict == VERDICT_OF[record.outcome] for record in records)


@pytest.mark.parametrize("count", [100, 101, 103])
def test_an_action_in_two_phases_is_an_intent_and_then_its_outcome(count: int) -> None:
    records = made(plan(count=count, two_phase=100))

    assert len({record.id for record in records}) == count
    for tenant in ("one", "two"):
        own = [record for record in records if record.tenant == tenant]
        paired = own[: len(own) // 2 * 2]
        assert [record.outcome == INTENT for record in paired] == [True, False] * (len(own) // 2)
        assert all(one.action_id == other.action_id for one, other in zip(paired[::2], paired[1::2], strict=True))
        assert all(record.outcome != INTENT for record in own[len(paired) :])


def test_about_so_many_of_a_hundred_records_are_of_two_phases() -> None:
    actions = Counter(record.action_id for record in made(plan(count=1000, two_phase=30)))

    assert 200 < 2 * sum(number == 2 for number in actions.values()) < 400


def test_intents_of_the_mix_stand_alone() -> None:
    records = made(plan(count=100, mix={INTENT: 1}, two_phase=100))

    assert {record.outcome for record in records} == {INTENT}
    assert len({record.action_id for record in records}) == 100


@pytest.mark.parametrize("lifetime", [None, (10, 10), (10, 60)])
def test_lifetimes_lie_between_the_two(lifetime: tuple[int, int] | None) -> None:
    lives = {
        None if record.expires_at is None else record.expires_at.epoch_seconds - record.dispatched_at.epoch_seconds
        for record in made(plan(lifetime=lifetime))
    }

    if lifetime is None:
        assert lives == {None}
    else:
        assert lives <= set(range(lifetime[0], lifetime[1] + 1))
        assert len(lives) > (lifetime[0] < lifetime[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": True},
        {"rate": 0},
        {"rate": 10**6},
        {"tenants": ()},
        {"tenants": ("one", "one")},
        {"tenants": ("o\u200bne",)},
        {"tenants": ("",)},
        {"namespace": "a#b"},
        {"namespace": ""},
        {"mix": {"executed": 0}},
        {"mix": {}},
        {"mix": {"exploded": 1}},
        {"mix": {"executed": 5, "failed": -1}},
        {"lifetime": (LEAST_LIFETIME_SECONDS - 1, 10)},
        {"lifetime": (20, 10)},
        {"two_phase": -1},
        {"two_phase": 101},
        {"two_phase": True},
    ],
    ids=str,
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        plan(**wrong)


def test_a_record_can_be_written() -> None:
    for record in made(plan(count=50, two_phase=50, mix={"executed": 1, INTENT: 1})):
        record.check_writable()
        assert replace(record) == record
