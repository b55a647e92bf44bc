"""Where an append goes on, on both engines: behind others' records, past intruders, never into a hole (FORMAT 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.chain.findings import Verdict
from audit_core.errors import ChainBlockedError, RecordError, WriteRefusedError
from audit_core.fences import bare_fence, full_fence
from audit_core.hashing import record_hash
from audit_core.linking import link_record
from audit_core.tip import Tip
from tests import tables
from tests.builders import item, record, records
from tests.chains import LIFETIME, NAMES, Chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.store import AuditStore

    OpenStore = Callable[..., AuditStore]

PAST_2_53 = str(2**53 + 2)


@pytest.fixture
def endless(open_store: OpenStore) -> AuditStore:
    """A store in which no lifetime can explain that a record is gone."""
    return open_store(AUDIT__TTL_SECONDS="0")


def appended(store: AuditStore, **overrides: Any) -> tables.Item:
    """Append one more record, and return its item."""
    return store.append(record(**{"id": "next", "action_id": "next", **overrides})).record.to_item()


def position_of(linked: tables.Item) -> int:
    return int(linked["sequence_number"]["N"])


class TestOtherWriters:
    def test_a_chain_written_elsewhere_goes_on_by_its_record_hash(self, store: AuditStore) -> None:
        chain = Chain().elsewhere(3)
        tables.put(store, *chain.items())

        linked = appended(store)

        assert (position_of(linked), linked["previous_hash"]) == (3, chain.record(2)["record_hash"])
        assert "previous_chain_hash" not in linked

    def test_bare_fences_are_linked_past_to_the_nearest_full_one(self, store: AuditStore) -> None:
        chain = Chain().ours(2).elsewhere(3)
        tables.put(store, *chain.items())

        linked = appended(store)

        assert linked["previous_hash"] == chain.record(4)["record_hash"]
        assert linked["previous_chain_hash"] == (chain.fence(1) or {})["chain_hash"]
        assert linked["previous_chain_sequence"] == {"N": "1"}

    @pytest.mark.parametrize(("bare", "linked_back"), [(98, True), (120, False)])
    def test_the_look_back_ends_after_a_hundred_positions(
        self, store: AuditStore, bare: int, linked_back: bool
    ) -> None:
        tables.put(store, *Chain().ours(1).elsewhere(bare).items())

        assert ("previous_chain_hash" in appended(store)) is linked_back

    @pytest.mark.parametrize("bare", [99, 100])
    def test_the_verifier_agrees_with_the_look_back_at_its_border(self, store: AuditStore, bare: int) -> None:
        tables.put(store, *Chain().ours(1).elsewhere(bare).items())
        appended(store)

        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT

    def test_a_writer_that_was_overtaken_follows(self, store: AuditStore) -> None:
        store.append_many(records(2))
        own = store.table.get(records(2)[1].id).items[0]
        fence = tables.fence(store, 1)
        tip = Tip(1, own["record_hash"]["S"], (1, fence["chain_hash"]["S"]))
        tables.put(store, *Chain(tip=tip).elsewhere(3).items())

        linked = appended(store)

        assert (position_of(linked), linked["previous_chain_sequence"]) == (5, {"N": "1"})
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT

    def test_a_writer_that_was_overtaken_needs_no_record_of_a_position_that_others_went_past(
        self, endless: AuditStore, open_store: OpenStore
    ) -> None:
        """Here it is gone, and nothing explains that; the chain has gone on all the same."""
        endless.append(records(1)[0])
        own = endless.table.get(records(1)[0].id).items[0]
        tip = Tip(0, own["record_hash"]["S"], (0, tables.fence(endless, 0)["chain_hash"]["S"]))
        chain = Chain(tip=tip).elsewhere(1)
        tables.put(endless, *chain.items())
        open_store(AUDIT__TTL_SECONDS="0").append(record(id="rival"))
        tables.delete(endless, chain.record(1)["id"]["S"])

        assert position_of(appended(endless)) == 3

    def test_a_batch_that_was_overtaken_by_both_kinds_of_writers_follows(
        self, store: AuditStore, open_store: OpenStore
    ) -> None:
        store.append(records(1)[0])
        other = open_store()
        other.append_many(records(3, start=1))
        last = store.table.get(records(4)[3].id).items[0]
        tip = Tip(3, last["record_hash"]["S"], (3, tables.fence(store, 3)["chain_hash"]["S"]))
        tables.put(store, *Chain(tip=tip).elsewhere(2).items())

        last_of_batch = store.append_many(records(50, start=10))[-1].record

        assert last_of_batch.sequence_number == 55
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT

    def test_who_is_far_behind_catches_up(self, store: AuditStore, open_store: OpenStore) -> None:
        store.append(record(id="first"))
        other = open_store()
        for start in range(0, 150, 50):
            other.append_many(records(50, start=start))
        requests = tables.asked(store)

        assert position_of(appended(store)) == 151
        assert requests["TransactWriteItems"] < 12

    @pytest.mark.parametrize("length", [1, 2, 3])
    def test_a_chain_that_starts_at_one_goes_on(self, store: AuditStore, length: int) -> None:
        chain = Chain(tip=Tip(0, "genesis", None)).elsewhere(length)
        tables.put(store, *chain.items())

        linked = appended(store)

        assert position_of(linked) == length + 1
        assert linked["previous_hash"] == chain.record(length)["record_hash"]
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT


class TestWhatIsGone:
    @pytest.mark.parametrize("length", [1, 100, 350])
    def test_a_chain_whose_records_have_all_expired_goes_on(self, store: AuditStore, length: int) -> None:
        chain = Chain().ours(length, lifetime=LIFETIME).remove(*range(length))
        tables.put(store, *chain.items())

        linked = appended(store)

        assert position_of(linked) == length
        assert linked["previous_hash"] == (chain.fence(length - 1) or {})["record_hash"]
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT_WITH_EXPIRY

    @pytest.mark.parametrize("missing", [(0,), (0, 1, 2, 3), (120,), tuple(range(40, 120))])
    def test_it_never_goes_into_a_hole_of_an_expired_chain(self, store: AuditStore, missing: tuple[int, ...]) -> None:
        chain = Chain().ours(130, lifetime=LIFETIME).remove(*range(130)).remove(*missing, record=False, fence=True)
        tables.put(store, *chain.items())

        assert position_of(appended(store)) == 130

    def test_it_never_goes_into_a_hole_of_a_chain_that_stands(self, store: AuditStore) -> None:
        tables.put(store, *Chain().ours(8).remove(3, 6, record=True, fence=True).items())

        assert position_of(appended(store)) == 8

    def test_it_never_goes_into_a_hole_behind_the_last_record_that_stands(self, store: AuditStore) -> None:
        tables.put(store, *Chain().ours(8).remove(5, 6, 7).remove(5, record=False, fence=True).items())

        assert position_of(appended(store)) == 8

    def test_a_writer_that_knows_its_tip_passes_over_a_deleted_fence(self, store: AuditStore) -> None:
        store.append_many(records(3))
        tables.delete(store, "SEQ#notifications#acme#2", records(3)[2].id)

        assert position_of(appended(store)) == 3

    def test_a_fence_deleted_behind_the_tip_by_which_others_went_on(
        self, store: AuditStore, open_store: OpenStore
    ) -> None:
        store.append(records(1)[0])
        open_store().append_many(records(4, start=1))
        tables.delete(store, "SEQ#notifications#acme#1", records(2)[1].id)

        assert position_of(store.append_many(records(5, start=10))[0].record.to_item()) == 5

    def test_bare_fences_of_expired_records_are_followed_without_a_previous_hash(self, store: AuditStore) -> None:
        tables.put(store, *Chain().elsewhere(5, lifetime=LIFETIME).remove(*range(5)).items())

        linked = appended(store)

        assert position_of(linked) == 5
        assert "previous_hash" not in linked

    def test_a_bare_tip_whose_lifetime_has_passed_is_followed_without_a_previous_hash(self, store: AuditStore) -> None:
        chain = Chain().ours(2).elsewhere(1)
        tables.put(store, *chain.remove(2).items())

        linked = appended(store)

        assert "previous_hash" not in linked
        assert linked["previous_chain_hash"] == (chain.fence(1) or {})["chain_hash"]
        assert linked["previous_chain_sequence"] == {"N": "1"}


def intruder(number: str) -> tables.Item:
    """A record at a number of the index, with a hash that holds."""
    made = item(id=f"intruder-{number}", sequence_number={"N": number}, previous_hash={"S": "a" * 64})
    return {**made, "record_hash": {"S": record_hash(made)}}


def with_bare_fence(number: int) -> list[tables.Item]:
    return [intruder(str(number)), bare_fence(*NAMES, number)]


def with_full_fence(number: int) -> list[tables.Item]:
    linked = link_record(Tip(number - 1, "a" * 64, (number - 1, "b" * 64)), record(id="intruder")).to_item()
    return [linked, full_fence(linked, *NAMES, number)]


class TestIntruders:
    @pytest.mark.parametrize(
        "planted",
        [
            [intruder("499.5")],
            [intruder("-1")],
            [intruder("1" + "0" * 30)],
            [intruder(PAST_2_53)],
            [intruder("500")],
            [intruder("5")],
            with_bare_fence(1000),
            with_full_fence(1000),
            with_full_fence(2**53 - 1),
            [intruder(str(2**53 + 60)), *(bare_fence(*NAMES, 2**53 + number) for number in range(61))],
            [intruder(str(number)) for number in range(900, 925)],
        ],
        ids=[
            "fraction",
            "negative",
            "huge",
            "inexact",
            "no-fence",
            "next",
            "bare",
            "full",
            "last",
            "inexact-fences",
            "many",
        ],
    )
    def test_the_true_tip_wins(self, store: AuditStore, planted: list[tables.Item]) -> None:
        chain = Chain().ours(5)
        tables.put(store, *chain.items(), *planted)

        linked = appended(store)

        assert position_of(linked) == 5
        assert linked["previous_hash"] == (chain.fence(4) or {})["record_hash"]

    @pytest.mark.parametrize("planted", [[intruder("1" + "0" * 30)], with_full_fence(1000)], ids=["huge", "full"])
    def test_the_true_tip_wins_when_all_its_records_have_expired(
        self, store: AuditStore, planted: list[tables.Item]
    ) -> None:
        chain = Chain().ours(5, lifetime=LIFETIME).remove(*range(5))
        tables.put(store, *chain.items(), *planted)

        assert position_of(appended(store)) == 5

    def test_a_record_whose_hash_does_not_hold_is_no_tip(self, store: AuditStore) -> None:
        chain = Chain().ours(3).edit(2, outcome={"S": "x"})
        tables.put(store, *chain.items())

        linked = appended(store)

        # its fence is full and names the record as it was
        assert (position_of(linked), linked["previous_hash"]) == (3, (chain.fence(2) or {})["record_hash"])


def _bare(_chain: Chain) -> list[tables.Item]:
    return [bare_fence(*NAMES, 3)]


def _damaged(chain: Chain) -> list[tables.Item]:
    return [{**(chain.fence(2) or {}), "id": {"S": "SEQ#notifications#acme#3"}}]


def _incomplete(_chain: Chain) -> list[tables.Item]:
    return [{**bare_fence(*NAMES, 3), "record_id": {"S": "x"}}]


def _junk(_chain: Chain) -> list[tables.Item]:
    return [{"id": {"S": "SEQ#notifications#acme#3"}, "note": {"S": "mine"}}]


def _fork(chain: Chain) -> list[tables.Item]:
    ours = [link_record(chain.tip, record(id=name)).to_item() for name in ("one", "other")]
    return [*ours, bare_fence(*NAMES, 3)]


def _edited(chain: Chain) -> list[tables.Item]:
    edited = {**link_record(chain.tip, record(id="one")).to_item(), "outcome": {"S": "x"}}
    return [edited, bare_fence(*NAMES, 3)]


class TestBlocked:
    @pytest.mark.parametrize("knows_tip", [False, True], ids=["fresh", "knowing"])
    @pytest.mark.parametrize("plant", [_bare, _damaged, _incomplete, _junk, _fork, _edited])
    def test_a_planted_next_position_stops_the_append(
        self, endless: AuditStore, open_store: OpenStore, plant: Callable[[Chain], list[tables.Item]], knows_tip: bool
    ) -> None:
        writer = endless if knows_tip else open_store(AUDIT__TTL_SECONDS="0")
        chain = Chain().ours(3)
        endless.append_many(records(3))
        tables.put(endless, *plant(chain))
        before = tables.everything(endless)

        with pytest.raises(ChainBlockedError, match="osition 3 of notifications#acme") as caught:
            appended(writer)

        assert caught.value.sequence_number == 3
        assert tables.everything(endless) == before

    def test_two_records_at_the_tip_stop_the_append(self, endless: AuditStore) -> None:
        chain = Chain().ours(3)
        twin = {**chain.record(2), "id": {"S": "twin"}}
        tables.put(endless, *chain.items(), twin)
        before = tables.everything(endless)

        with pytest.raises(ChainBlockedError, match="Two records claim position 2") as caught:
            appended(endless)

        assert caught.value.sequence_number == 2
        assert tables.everything(endless) == before

    @pytest.mark.parametrize("plant", [_bare, _damaged, _incomplete, _junk, _fork, _edited])
    def test_an_operator_can_order_the_chain_on_and_it_shows(
        self, endless: AuditStore, plant: Callable[[Chain], list[tables.Item]]
    ) -> None:
        chain = Chain().ours(3)
        endless.append_many(records(3))
        tables.put(endless, *plant(chain))
        before = tables.everything(endless)

        passed = endless.pass_over(*NAMES, reason="looked into", caller_id="op").record

        assert (passed.sequence_number, passed.previous_hash, passed.action_type) == (4, None, "pass_over")
        assert (passed.caller_id, passed.metadata) == ("op", '{"reason":"looked into"}')
        after = tables.everything(endless)
        assert {key: after[key] for key in before} == before
        assert position_of(appended(endless)) == 5
        report = endless.verify(*NAMES, thorough=True)
        assert report.verdict is Verdict.BROKEN
        assert {finding.sequence_number for finding in report.findings} <= {3, 4}
        assert any(finding.sequence_number == 3 for finding in report.findings)

    def test_two_records_at_the_tip_can_be_passed_over(self, endless: AuditStore) -> None:
        chain = Chain().ours(3)
        tables.put(endless, *chain.items(), {**chain.record(2), "id": {"S": "twin"}})
        assert endless.pass_over(*NAMES, reason="a twin").record.sequence_number == 3
        assert position_of(appended(endless)) == 4

    def test_a_chain_that_nothing_blocks_is_not_passed_over(self, endless: AuditStore) -> None:
        endless.append_many(records(3))
        before = tables.everything(endless)
        with pytest.raises(WriteRefusedError, match="Nothing blocks notifications#acme"):
            endless.pass_over(*NAMES, reason="impatience")
        with pytest.raises(RecordError, match="needs a reason"):
            endless.pass_over(*NAMES, reason=" ")
        assert tables.everything(endless) == before

    def test_what_went_in_before_the_block_is_told(self, endless: AuditStore) -> None:
        tables.put(endless, {"id": {"S": "SEQ#notifications#acme#49"}, "note": {"S": "mine"}})
        batch = records(50)

        with pytest.raises(ChainBlockedError) as caught:
            endless.append_many(batch)

        written = tables.everything(endless)
        assert {entry.record.id for entry in caught.value.appended} == {one.id for one in batch if one.id in written}

    def test_a_bare_tip_is_waited_for_until_its_record_shows(self, endless: AuditStore) -> None:
        chain = Chain().elsewhere(3)
        late = chain.record(2)
        tables.put(endless, *chain.remove(2).items())
        waits: list[float] = []

        class Waiting(tables.ManualClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                waits.append(seconds)
                if len(waits) == 2:
                    tables.put(endless, late)

        endless.table.clock = Waiting()

        assert appended(endless)["previous_hash"] == late["record_hash"]
        assert waits == sorted(waits)


def test_a_position_beyond_its_reach_is_not_looked_for(store: AuditStore) -> None:
    """A hundred positions without a fence are the end, whatever lies beyond (FORMAT 6.2)."""
    chain = Chain().ours(3)
    far = replace(chain.tip, sequence_number=200)
    tables.put(store, *chain.items(), *Chain(tip=far).ours(1).items())

    assert position_of(appended(store)) == 3
