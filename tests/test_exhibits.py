"""Positions read as they stand: records, fences, and what is left of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.chain.exhibits import MOST_POSITIONS, read_evidence, read_exhibits
from audit_core.chain.findings import Finding, FindingKind
from audit_core.errors import FilterError
from tests.chains import NAMES, Chain
from tests.tables import asked, put

if TYPE_CHECKING:
    from audit_core.store import AuditStore


@pytest.fixture
def store(lasting_store: AuditStore) -> AuditStore:
    return lasting_store


def ids(records: tuple[object, ...]) -> list[str]:
    return [record["id"]["S"] for record in records]  # type: ignore[index]


def test_records_and_fences_come_by_their_positions(store: AuditStore) -> None:
    chain = Chain().ours(6).elsewhere(2).remove(2).remove(4, record=False, fence=True).remove(5, fence=True)
    put(store, *chain.items())
    found = read_exhibits(store.table, NAMES, range(9)).by_position
    assert {number for number, exhibit in found.items() if exhibit.records} == {0, 1, 3, 4, 6, 7}
    assert {number for number, exhibit in found.items() if exhibit.fence is not None} == {0, 1, 2, 3, 6, 7}
    assert found[3].records == (chain.record(3),)
    assert found[2].fence == chain.fence(2)


def test_both_records_of_a_position_come(store: AuditStore) -> None:
    chain = Chain().ours(3)
    put(store, *chain.items(), {**chain.record(1), "id": {"S": "twin"}})
    assert len(read_exhibits(store.table, NAMES, [1]).by_position[1].records) == 2


def test_a_record_that_lost_its_place_stands_where_its_fence_says(store: AuditStore) -> None:
    chain = Chain().ours(3)
    hidden = str(chain.record(1)["id"]["S"])
    put(store, *chain.edit(1, sequence_number=None, ns_tenant=None).items())
    assert ids(read_exhibits(store.table, NAMES, [0, 1, 2]).by_position[1].records) == [hidden]


def test_records_of_another_chain_stay_out(store: AuditStore) -> None:
    put(store, *Chain().ours(2).items(), *Chain(names=("notifications", "other"), label="x").ours(2).items())
    found = read_exhibits(store.table, NAMES, [0, 1]).by_position
    assert all(len(exhibit.records) == 1 for exhibit in found.values())


def test_two_runs_a_million_apart_are_two_queries(store: AuditStore) -> None:
    put(store, *Chain().ours(2).items())
    counted = asked(store)
    read = read_exhibits(store.table, NAMES, [0, 1, 1_000_000, 1_000_001])
    assert counted["Query"] == 2
    assert read.reading.requests == counted.total()
    assert not read.by_position[1_000_000].records


def test_too_many_positions_are_refused_before_anything_is_read(store: AuditStore) -> None:
    counted = asked(store)
    with pytest.raises(FilterError, match="at a time"):
        read_exhibits(store.table, NAMES, range(MOST_POSITIONS + 1))
    assert not counted


def test_the_evidence_of_a_run_is_its_first_position_and_what_stands_beside_it(store: AuditStore) -> None:
    put(store, *Chain().ours(6).remove(2, 3, 4).items())
    finding = Finding(kind=FindingKind.MISSING_RECORD, sequence_number=2, last_sequence_number=4)
    evidence, reading = read_evidence(store.table, NAMES, finding)
    assert evidence.exhibit is not None
    assert evidence.before is not None
    assert evidence.after is not None
    numbers = [exhibit.sequence_number for exhibit in (evidence.exhibit, evidence.before, evidence.after)]
    assert numbers == [2, 1, 5]
    assert reading.requests > 0


@pytest.mark.parametrize("first", [0, 5])
def test_an_end_has_a_neighbour_on_one_side_only(store: AuditStore, first: int) -> None:
    put(store, *Chain().ours(6).items())
    finding = Finding(kind=FindingKind.CONTENT_MODIFIED, sequence_number=first, last_sequence_number=first)
    evidence, _reading = read_evidence(store.table, NAMES, finding)
    assert (evidence.before is None, evidence.after is None) == (first == 0, first == 5)


def test_what_is_at_no_position_has_no_surroundings(store: AuditStore) -> None:
    counted = asked(store)
    finding = Finding(kind=FindingKind.UNCHAINED_RECORD, sequence_number=None, last_sequence_number=None)
    evidence, _reading = read_evidence(store.table, NAMES, finding)
    assert (evidence.exhibit, evidence.before, evidence.after) == (None, None, None)
    assert not counted
