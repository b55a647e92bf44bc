"""Sealing on both engines (FORMAT 5, CASES 59, 63)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError

from audit_core.chain.findings import Verdict
from audit_core.errors import EngineError
from audit_core.fences import Fence, FenceState, bare_fence
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from audit_core.seal import SealReport
    from audit_core.store import AuditStore


@pytest.fixture
def store(lasting_store: AuditStore) -> AuditStore:
    return lasting_store


def sealed(store: AuditStore, *, dry_run: bool = False) -> SealReport:
    sealing = store.seal(*NAMES, dry_run=dry_run)
    for _step in sealing:
        pass
    return sealing.report


def states(store: AuditStore, count: int) -> list[FenceState]:
    found = []
    for number in range(count):
        (item,) = store.table.get(bare_fence(*NAMES, number)["id"]["S"]).items
        found.append(Fence.read(number, item).state)
    return found


def test_every_bare_fence_becomes_full_and_the_chain_covered_in_full(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(120).ours(2).elsewhere(3).items())
    report = sealed(store)
    assert (report.sealed, report.already, report.left, report.finished) == (123, 2, (), True)
    verified = store.verify(*NAMES, thorough=True)
    assert (verified.verdict, verified.coverage.full) == (Verdict.INTACT, 125)


def test_a_second_run_has_nothing_left_to_do(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(5).items())
    sealed(store)
    report = sealed(store)
    assert (report.sealed, report.already) == (0, 5)


def test_a_dry_run_writes_nothing_and_counts_the_same(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(5).items())
    assert sealed(store, dry_run=True).sealed == 5
    assert states(store, 5) == [FenceState.BARE] * 5


def test_what_has_a_finding_or_two_records_is_left_and_named(store: AuditStore) -> None:
    chain = Chain().elsewhere(6).edit(2, outcome={"S": "x"})
    put(store, *chain.items(), {**chain.record(4), "id": {"S": "twin"}})
    report = sealed(store)
    assert [number for number, _reason in report.left] == [2, 4]
    assert [reason for _number, reason in report.left] == ["content_modified", "two records claim it"]
    assert states(store, 6)[2] is states(store, 6)[4] is FenceState.BARE


def test_a_stripped_fence_is_left_since_the_next_link_names_it(store: AuditStore) -> None:
    chain = Chain().ours(4).edit(1, content_hash=None, previous_chain_hash=None)
    chain.positions[1] = (chain.record(1), bare_fence(*NAMES, 1))
    put(store, *chain.items())
    assert [number for number, _reason in sealed(store).left] == [1]


def test_what_is_sealed_before_it_expires_is_proven_afterwards(store: AuditStore) -> None:
    chain = Chain().elsewhere(4, lifetime=LIFETIME)
    put(store, *chain.items())
    sealed(store)
    for number in (0, 1):
        store.table.client.delete_item(TableName=store.table.name, Key={"id": chain.record(number)["id"]})
    report = store.verify(*NAMES)
    assert (report.verdict, report.coverage.expired) == (Verdict.INTACT_WITH_EXPIRY, 2)


def test_a_gone_record_stays_unsealed_and_is_counted(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(4, lifetime=LIFETIME).remove(0).items())
    report = sealed(store)
    assert (report.sealed, report.gone) == (3, 1)


def test_writers_that_append_meanwhile_lose_nothing_and_break_nothing(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(150).items())
    steps = 0
    sealing = store.seal(*NAMES)
    for _step in sealing:
        steps += 1
        record = store.draft(
            namespace=NAMES[0], tenant=NAMES[1], provider="p", action_type="a", verdict="allow", outcome="executed"
        )
        store.append(record)
    verified = store.verify(*NAMES, thorough=True)
    assert steps >= 3
    assert (verified.verdict, verified.records_checked) == (Verdict.INTACT, 150 + steps)


def test_two_sealers_at_once_share_the_work(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(150).items())
    first, second = store.seal(*NAMES), store.seal(*NAMES)
    others = iter(second)
    for _step in first:
        next(others, None)
    for _step in others:
        pass
    assert first.report.left == second.report.left == ()
    assert first.report.sealed + second.report.sealed == 150
    assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT


def test_an_engine_that_goes_away_is_a_typed_error_and_the_next_sealing_completes_it(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, *Chain().elsewhere(5).items())

    def away(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    with monkeypatch.context() as broken:
        broken.setattr(store.table.client, "update_item", away)
        with pytest.raises(EngineError):
            sealed(store)
    assert sealed(store).sealed == 5


def test_a_broken_off_sealing_is_completed_by_the_next(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(250).items())
    for step in store.seal(*NAMES):
        if step.sealed:
            break
    report = sealed(store)
    assert report.sealed + report.already == 250
    assert report.already >= 100
