"""Records on their way into a chain: what they weigh there, and that nothing of a former place comes along."""

from __future__ import annotations

import pytest

from audit_core.errors import RecordError
from audit_core.items import MAX_ITEM_BYTES, item_size
from audit_core.linking import Candidate, Pair, fitting, link_record
from audit_core.records import AuditRecord
from audit_core.tip import EMPTY, Tip
from tests.builders import record, records

TIPS = {
    "empty": EMPTY,
    "without a link": Tip(41, "a" * 64, None),
    "linked": Tip(41, "a" * 64, (41, "b" * 64)),
    "linked further back": Tip(10**6, "a" * 64, (999_990, "b" * 64)),
    "passed over": Tip(9, None, (8, "b" * 64)),
}


@pytest.mark.parametrize("tip", TIPS.values(), ids=TIPS)
def test_a_placed_record_weighs_what_its_item_does(tip: Tip) -> None:
    pair = Pair.placing(tip, Candidate.of(record(metadata='{"größe":"5 µm"}')))

    assert pair.size == item_size(pair.item)


@pytest.mark.parametrize("tip", TIPS.values(), ids=TIPS)
def test_record_and_item_say_the_same(tip: Tip) -> None:
    pair = Pair.placing(tip, Candidate.of(record(extra={"shard": {"N": "7"}})))

    assert pair.record.to_item() == pair.item
    assert AuditRecord.from_item(pair.item) == pair.record


def test_a_candidate_is_placed_anew_when_its_place_was_taken() -> None:
    candidate = Candidate.of(record())
    lost = Pair.placing(TIPS["linked"], candidate)

    assert Pair.placing(EMPTY, candidate) == Pair.behind(EMPTY, record())
    assert Pair.placing(TIPS["linked"], candidate) == lost


def test_a_former_place_is_left_behind() -> None:
    assert Candidate.of(link_record(TIPS["linked further back"], record())) == Candidate.of(record())


def test_a_candidate_that_would_not_fit_with_what_comes_on_top_is_refused() -> None:
    room = MAX_ITEM_BYTES - Candidate.of(record()).size

    assert Candidate.of(record(), more=room).record == record()
    with pytest.raises(RecordError, match=f"takes {MAX_ITEM_BYTES + 1:,} bytes"):
        Candidate.of(record(), more=room + 1)


def test_a_record_that_outgrows_its_item_by_its_place_is_refused() -> None:
    small = Candidate.of(record(action_payload='""'))
    payload = "x" * (MAX_ITEM_BYTES - small.size)

    with pytest.raises(RecordError, match="Store less of its payload"):
        fitting(EMPTY, [Candidate.of(record(action_payload=f'"{payload}"'))], register=False)


def test_each_links_to_the_one_before() -> None:
    pairs = fitting(EMPTY, [Candidate.of(one) for one in records(3)], register=False)

    assert [pair.record.sequence_number for pair in pairs] == [0, 1, 2]
    assert [pair.record.previous_hash for pair in pairs[1:]] == [pair.record.record_hash for pair in pairs[:-1]]
    assert [pair.record.previous_chain_hash for pair in pairs[1:]] == [
        pair.fence["chain_hash"]["S"] for pair in pairs[:-1]
    ]
