"""Sixteen writers in processes on one chain of DynamoDB Local, ours and the plain reference, and the proof."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.errors import WriteRefusedError
from audit_core.race.course import Entry, Race
from audit_core.race.figures import Algorithm
from audit_core.settings import AuditSettings
from audit_core.store import AuditStore
from tests import builders, tables
from tests.engines import Feature

if TYPE_CHECKING:
    from collections.abc import Callable

real = pytest.mark.needs(Feature.CONCURRENT_WRITERS)


@real
@pytest.mark.parametrize("algorithm", Algorithm)
def test_sixteen_writers_lose_nothing_that_was_acknowledged(store: AuditStore, algorithm: Algorithm) -> None:
    race = Race(store, algorithm, Entry(writers=16, processes=4, each=3))
    race.wait()
    assert race.trouble is None
    assert {lap.writer for lap in race.laps} == set(range(16))
    won = [lap.sequence_number for lap in race.laps if lap.sequence_number is not None]
    assert sorted(won) == list(range(len(won)))
    if algorithm is Algorithm.OURS:
        assert len(won) == 48
    proof = race.proof()
    assert (proof.report.verdict, proof.report.records_checked) == (Verdict.INTACT, len(won))
    assert (proof.lost, proof.twice, proof.unasked, proof.holds) == ((), (), (), True)


@real
def test_a_second_race_begins_with_an_empty_chain_and_one_may_be_stopped(store: AuditStore) -> None:
    Race(store, Algorithm.OURS, Entry(writers=1, processes=1, each=2)).wait()
    race = Race(store, Algorithm.OURS, Entry(writers=2, processes=1, each=50))
    race.stop()
    assert not race.running
    proof = race.proof()
    assert (proof.lost, proof.twice) == ((), ())
    assert len(proof.unasked) <= 2  # what was in on its way when the process ended was never told


@real
def test_a_chain_without_the_mark_is_refused(store: AuditStore) -> None:
    store.append(builders.record(namespace="lab", tenant="race-ours"))
    before = tables.everything(store)
    with pytest.raises(WriteRefusedError, match="not marked as demo data"):
        Race(store, Algorithm.OURS, Entry())
    assert tables.everything(store) == before


def test_only_dynamodb_local_is_raced_on(open_store: Callable[..., AuditStore]) -> None:
    store = open_store()
    on_aws = AuditStore(replace(store.settings, audit=AuditSettings(url="http://10.0.0.1:8000")), store.table.client)
    with pytest.raises(WriteRefusedError, match="nothing is ever tampered with there"):
        Race(on_aws, Algorithm.OURS, Entry())
    if store.engine == "embedded":
        with pytest.raises(WriteRefusedError, match="one request at a time"):
            Race(store, Algorithm.OURS, Entry())
