"""Verification of a table, on both engines: what the walk reads, where it starts and ends (FORMAT 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from audit_core.chain.findings import Verdict
from audit_core.chain.walk import ChainWalk
from audit_core.errors import FilterError
from audit_core.jsonwire import read_item
from audit_core.query import RecordFilter
from audit_core.retention import Lifetimes
from audit_core.schema import INDEX_TIME
from audit_core.table import Table
from audit_core.timestamps import Timestamp
from tests import chains
from tests.builders import DISPATCHED, record
from tests.chains import LIFETIME, NAMES, Chain
from tests.memory_table import MemoryTable
from tests.tables import put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore
    from audit_core.table import Answer, KeyRange

CHAIN = "#".join(NAMES)
DISTANT = {"N": "1000000000000000000000000000000"}


@pytest.fixture
def store(lasting_store: AuditStore) -> AuditStore:
    return lasting_store


def verified(store: AuditStore, **options: Any) -> ChainReport:
    return store.verify(*NAMES, **options)


def kinds(report: ChainReport) -> set[tuple[str, str, str]]:
    return {
        (finding.kind.value, str(finding.sequence_number), str(finding.last_sequence_number))
        for finding in report.findings
    }


def test_an_empty_table_is_incomplete(store: AuditStore) -> None:
    report = verified(store)
    assert (report.verdict, report.records_checked, report.first_sequence) == (Verdict.INCOMPLETE, 0, None)
    assert report.reason == "there was neither a record nor a full fence to check"


def test_a_tenant_without_sequence_numbers_is_unchained(store: AuditStore) -> None:
    item = {name: value for name, value in Chain().ours(1).record(0).items() if name != "sequence_number"}
    for number in range(3):
        put(store, {**item, "id": {"S": f"record-{number}"}})
    assert (verified(store).verdict, verified(store).unchained) == (Verdict.UNCHAINED, 1)
    counted = verified(store, thorough=True)
    assert (counted.verdict, counted.unchained, counted.records_checked) == (Verdict.UNCHAINED, 3, 0)


def test_until_all_are_counted_no_number_is_told(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_core.table.MAX_PAGE", 2)
    item = {name: value for name, value in Chain().ours(1).record(0).items() if name != "sequence_number"}
    for number in range(3):
        put(store, {**item, "id": {"S": f"record-{number}"}})
    walk = store.walk(*NAMES, thorough=True)
    told = [(walk.report.verdict, walk.report.unchained) for _ in walk]
    assert set(told) == {(Verdict.INCOMPLETE, None), (Verdict.UNCHAINED, 3)}


def test_records_without_a_number_are_told_as_looked_for_where_they_were(store: AuditStore) -> None:
    assert verified(store).unchained == 0
    store.append(record())
    assert verified(store).unchained is None
    assert verified(store, thorough=True).unchained == 0
    assert verified(store, thorough=True, first=0, last=0).unchained is None


def test_a_chain_that_begins_while_it_is_read_is_not_told_as_unchained(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Table.query

    def query(table: Table, keys: KeyRange, **options: Any) -> Answer:
        if keys.index == INDEX_TIME:
            store.append(record())
        return ask(table, keys, **options)

    monkeypatch.setattr(Table, "query", query)
    assert store.verify(*NAMES).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize(
    "chain",
    [
        Chain().ours(7),
        Chain().elsewhere(3).ours(2).elsewhere(2).seal(0, 2),
        Chain().ours(7, lifetime=LIFETIME).remove(0, 1, 4),
        Chain().ours(7, lifetime=LIFETIME).remove(5, 6),
        Chain().ours(7).remove(2, fence=True).edit(4, caller_id={"S": "x"}),
        Chain().elsewhere(7, lifetime=LIFETIME).remove(2, 3),
        Chain().ours(7).edit(3, outcome={"S": "x"}).rehash(3),
    ],
    ids=["ours", "mixed", "gone", "tail", "damaged", "bare", "rehashed"],
)
def test_a_table_is_judged_as_the_chain_in_memory_is(store: AuditStore, chain: Chain, thorough: bool) -> None:
    put(store, *chain.items())
    report = verified(store, thorough=thorough)
    expected = chains.verify(chain, Timestamp.from_nanos(report.at.epoch_nanos), thorough=thorough)
    assert (report.verdict, report.findings) == (expected.verdict, expected.findings)
    assert report.coverage == expected.verifier.coverage


def test_a_chain_longer_than_a_page_is_followed_to_its_end(store: AuditStore) -> None:
    put(store, *Chain().ours(520).edit(510, caller_id={"S": "x"}).items())
    report = verified(store)
    assert (report.records_checked, report.last_sequence) == (520, 519)
    assert kinds(report) == {("content_modified", "510", "510")}


def test_progress_counts_up_to_the_whole_chain(store: AuditStore) -> None:
    put(store, *Chain().ours(520).items())
    seen: list[Any] = []
    verified(store, progress=seen.append)
    known = [step for step in seen if step.total]
    assert [(step.position, step.total) for step in known[:1] + known[-1:]] == [(0, 520), (520, 520)]
    assert [step.position for step in seen] == sorted(step.position for step in seen)


def test_a_verification_that_is_stopped_is_incomplete_and_claims_no_more_than_it_saw(store: AuditStore) -> None:
    put(store, *Chain().ours(520, lifetime=LIFETIME).remove(3, 4).items())
    walk = store.walk(*NAMES)
    steps = iter(walk)
    next(steps)
    next(steps)
    walk.stop("it was stopped")
    report = walk.report
    assert (report.verdict, report.reason) == (Verdict.INCOMPLETE, "it was stopped")
    assert report.coverage.expired == report.coverage.missing == 0


def test_a_page_that_cannot_be_read_makes_it_incomplete(store: AuditStore) -> None:
    put(store, *Chain().ours(520).items())
    calls = []

    def refuse(params: Any, **_: Any) -> None:
        calls.append(params)
        if len(calls) == 3:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query")

    store.table.client.meta.events.register("before-parameter-build.dynamodb.Query", refuse)
    report = verified(store)
    assert report.verdict is Verdict.INCOMPLETE
    assert "may not do dynamodb:Query" in str(report.reason)


# -- intruders and hidden records -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["499.5", "-1"])
def test_a_record_at_no_position_is_found_as_stored(store: AuditStore, number: str) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), {**chain.record(2), "id": {"S": "intruder"}, "sequence_number": {"N": number}})
    report = verified(store)
    assert ("malformed_record", number, number) in kinds(report)
    assert report.verdict is Verdict.BROKEN


def test_a_record_far_away_makes_one_range_and_is_not_walked_to(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), {**chain.record(2), "id": {"S": "intruder"}, "sequence_number": DISTANT})
    report = verified(store)
    assert ("missing_record", "4", str(10**30 - 1)) in kinds(report)
    assert ("missing_fence", str(10**30), str(10**30)) in kinds(report)
    assert report.reading.requests < 20


def test_a_second_record_at_a_position_is_a_fork(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), {**chain.record(2), "id": {"S": "twin"}})
    report = verified(store)
    fork = next(finding for finding in report.findings if finding.kind.value == "duplicate_sequence")
    assert fork.sequence_number == 2
    assert fork.expected == chain.record(2)["id"]["S"]
    assert "twin" in str(fork.found)


@pytest.mark.parametrize("lost", ["ns_tenant", "sequence_number"])
def test_a_record_taken_out_of_the_index_is_found_by_its_fence(store: AuditStore, lost: str) -> None:
    put(store, *Chain().ours(5).edit(2, **{lost: None}).items())
    report = verified(store)
    assert ("malformed_record", "2", "2") in kinds(report)
    assert not any(kind == "missing_record" for kind, *_ in kinds(report))


def test_a_record_hidden_behind_a_fence_mark_is_found(store: AuditStore) -> None:
    put(store, *Chain().ours(5).edit(2, _fence={"BOOL": True}).items())
    assert ("malformed_record", "2", "2") in kinds(verified(store))


def test_junk_under_a_fences_id_is_a_mismatch(store: AuditStore) -> None:
    chain = Chain().ours(5)
    chain.positions[2] = (chain.record(2), {"id": {"S": "SEQ#notifications#acme#2"}, "note": {"S": "junk"}})
    put(store, *chain.items())
    assert kinds(verified(store, thorough=True)) == {("fence_mismatch", "2", "2")}


def test_a_record_slipped_in_between_two_pages_is_found(store: AuditStore) -> None:
    chain = Chain().ours(520)
    put(store, *chain.items(), {**chain.record(2), "id": {"S": "twin"}, "sequence_number": {"N": "499"}})
    assert ("duplicate_sequence", "499", "499") in kinds(verified(store))


# -- ranges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [(0, 3), (3, 5), (5, None), (7, 7), (None, 2)])
def test_a_range_of_an_intact_chain_is_intact_and_counts_itself(
    store: AuditStore, bounds: tuple[int | None, int | None]
) -> None:
    put(store, *Chain().elsewhere(2).ours(3).elsewhere(2).ours(3).items())
    report = verified(store, first=bounds[0], last=bounds[1], thorough=True)
    first, last = bounds[0] or 0, 9 if bounds[1] is None else bounds[1]
    assert (report.verdict, report.first_sequence, report.last_sequence) == (Verdict.INTACT, first, last)
    assert report.records_checked == last - first + 1


@pytest.mark.parametrize(("first", "last", "found"), [(0, 2, False), (3, 5, True), (4, 9, False), (2, 3, True)])
def test_a_range_reports_its_own_breaks_alone(store: AuditStore, first: int, last: int, found: bool) -> None:
    put(store, *Chain().ours(10).edit(3, caller_id={"S": "x"}).items())
    assert (verified(store, first=first, last=last).verdict is Verdict.BROKEN) is found


def test_a_range_that_starts_behind_a_rewritten_record_sees_the_broken_link(store: AuditStore) -> None:
    put(store, *Chain().ours(10).edit(3, outcome={"S": "x"}).rehash(3).items())
    assert kinds(verified(store, first=4, last=6)) == {("broken_link", "4", "4")}


def test_an_expiry_at_the_end_of_a_range_is_proven_by_what_follows(store: AuditStore) -> None:
    put(store, *Chain().ours(8, lifetime=60).remove(3, 4).items())
    report = verified(store, first=2, last=4)
    assert (report.verdict, kinds(report)) == (Verdict.INTACT_WITH_EXPIRY, {("expired", "3", "4")})
    assert report.coverage.full == 1


def test_an_expiry_in_a_range_is_not_proven_when_what_follows_is_forged(store: AuditStore) -> None:
    chain = Chain().ours(8, lifetime=60).remove(3)
    chain.edit_fence(3, record_id={"S": "other"}).rehash_fence(3)
    put(store, *chain.items())
    assert kinds(verified(store, first=2, last=3)) == {("fence_mismatch", "3", "3"), ("missing_record", "3", "3")}


def test_a_range_past_the_end_has_nothing_to_check(store: AuditStore) -> None:
    put(store, *Chain().ours(4).items())
    assert verified(store, first=50, last=60).verdict is Verdict.INCOMPLETE


def test_a_range_the_wrong_way_round_is_refused(store: AuditStore) -> None:
    with pytest.raises(FilterError, match="swap"):
        verified(store, first=5, last=4)


@pytest.mark.parametrize("bound", [-1, True, 1.5, "3"])
def test_a_bound_that_is_no_position_is_refused(store: AuditStore, bound: Any) -> None:
    with pytest.raises(FilterError, match="whole number"):
        verified(store, first=bound)


def test_a_range_of_times_becomes_a_range_of_positions(store: AuditStore) -> None:
    chain = Chain().ours(8)
    put(store, *chain.items())
    since, until = (Timestamp.parse(chain.record(number)["dispatched_at"]["S"]) for number in (2, 5))
    assert store.sequence_span(*NAMES, since, until) == (2, 5)
    with pytest.raises(FilterError, match="No chained record"):
        store.sequence_span(*NAMES, until.plus_seconds(3600), None)


# -- the index lags, and the clock ------------------------------------------------------------------------------------


def test_a_record_that_the_index_does_not_show_yet_is_no_finding(store: AuditStore) -> None:
    put(store, *Chain().ours(6).items())
    hide_last(store, 2)
    report = verified(store)
    assert (report.verdict, report.records_checked) == (Verdict.INTACT, 6)


def hide_last(store: AuditStore, count: int) -> None:
    """Take the newest records out of what the index answers, as one that lags does."""

    def hide(parsed: dict[str, Any], **_: Any) -> None:
        items = parsed.get("Items", [])
        parsed["Items"] = [item for item in items if int(read_item(item)["sequence_number"]["N"]) < 6 - count]

    store.table.client.meta.events.register("after-call.dynamodb.Query", hide)


def test_the_clock_is_the_engines(store: AuditStore) -> None:
    """A reader whose clock is a year off gets the same verdict (CASES 60)."""
    put(store, *Chain().ours(5, lifetime=LIFETIME).remove(1).items())
    honest = verified(store)
    store.table.clock.now = lambda: Timestamp.parse("2020-01-01T00:00:00Z")  # type: ignore[method-assign]
    assert verified(store).findings == honest.findings


def test_declared_lifetimes_come_from_the_store(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(5, lifetime=10**9).remove(2).items())
    store.lifetimes = Lifetimes(None)
    assert kinds(verified(store)) == {("missing_record", "2", "2")}
    store.lifetimes = Lifetimes(None, (60,))
    assert kinds(verified(store)) == {("expired_unproven", "2", "2")}


def test_an_intent_whose_outcome_stands_elsewhere_in_the_index_is_not_alone(store: AuditStore) -> None:
    chain = Chain().ours(1, outcome="pending", action_id="a").ours(2)
    put(store, *chain.items())
    assert kinds(verified(store)) == {("lone_intent", "0", "0")}
    assert verified(store).verdict is Verdict.INTACT
    put(store, *Chain().ours(1).edit(0, id={"S": "late"}, action_id={"S": "a"}, sequence_number=None).items())
    assert kinds(verified(store)) == set()


def test_writers_whose_clocks_are_a_day_off_leave_the_sequence_and_the_verdict_alone(store: AuditStore) -> None:
    """CASES 17: sequence numbers order a chain, whatever the clocks of its writers say."""
    now = store.table.clock.now()
    offsets = (0, -86_400, 86_400, 1, -86_399)
    for offset in offsets:
        record = store.draft(
            namespace=NAMES[0],
            tenant=NAMES[1],
            provider="p",
            action_type="a",
            verdict="allow",
            outcome="executed",
            dispatched_at=now.plus_seconds(offset),
        )
        store.append(record)
    rows = store.query(RecordFilter(namespace=NAMES[0], tenant=NAMES[1]), order="sequence").rows
    told = [row.stored.record for row in rows]
    assert [record and record.sequence_number for record in told] == [0, 1, 2, 3, 4]
    assert [record and record.dispatched_at for record in told] == [now.plus_seconds(offset) for offset in offsets]
    assert verified(store, thorough=True).verdict is Verdict.INTACT


# -- records without a sequence number --------------------------------------------------------------------------------


def slipped_in(chain: Chain, record_id: str, **overrides: Any) -> Any:
    item = {**chain.record(2), "id": {"S": record_id}, **overrides}
    chained = {"sequence_number", "record_hash", "previous_hash", "content_hash", "previous_chain_hash"}
    return {name: value for name, value in item.items() if name not in chained}


def at(moment: Timestamp) -> dict[str, Any]:
    return {"dispatched_at": {"S": moment.normalised}, "dispatched_at_ms": {"N": str(moment.epoch_ms)}}


def test_a_record_without_a_number_is_found_when_thorough_and_only_then(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), slipped_in(chain, "stranger"))
    assert verified(store).verdict is Verdict.INTACT
    report = verified(store, thorough=True)
    (finding,) = report.findings
    assert (report.verdict, finding.kind.value, finding.record_id) == (Verdict.BROKEN, "unchained_record", "stranger")
    assert (finding.sequence_number, finding.positions) == (None, 0)
    assert report.summary.first_broken_at is None


def test_records_older_than_the_chain_are_information_and_told_together(store: AuditStore) -> None:
    chain = Chain().ours(4)
    early = at(DISPATCHED.plus_seconds(-60))
    put(store, *chain.items(), *(slipped_in(chain, f"old {number}", **early) for number in range(3)))
    report = verified(store, thorough=True)
    (finding,) = report.findings
    assert (report.verdict, finding.kind.value, finding.severity.value) == (
        Verdict.INTACT, "unchained_record", "information"
    )  # fmt: skip
    assert "3 records" in str(finding.found)


def test_an_old_record_that_carries_a_hash_was_in_the_chain_once(store: AuditStore) -> None:
    chain = Chain().elsewhere(4, lifetime=LIFETIME)
    put(store, *chain.edit(0, sequence_number=None).items())
    report = verified(store, thorough=True)
    assert report.verdict is Verdict.BROKEN
    assert [finding.record_id for finding in report.findings if finding.kind.value == "unchained_record"] == [
        chain.record(0)["id"]["S"]
    ]


def test_a_record_whose_two_times_disagree_is_as_young_as_the_later_one(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), slipped_in(chain, "stranger", dispatched_at_ms={"N": "1000"}))
    assert verified(store, thorough=True).verdict is Verdict.BROKEN


def test_of_a_range_records_without_a_number_are_not_looked_for(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(store, *chain.items(), slipped_in(chain, "stranger"))
    assert verified(store, thorough=True, first=1).verdict is Verdict.INTACT


# -- what a finding rests on ------------------------------------------------------------------------------------------


def test_a_finding_carries_its_record_its_fence_and_its_neighbours(store: AuditStore) -> None:
    chain = Chain().ours(6).edit(3, caller_id={"S": "x"})
    put(store, *chain.items())
    (finding,) = verified(store).findings
    evidence = finding.evidence
    assert evidence is not None
    assert evidence.exhibit is not None
    assert evidence.exhibit.records == (chain.record(3),)
    assert [one.sequence_number for one in (evidence.before, evidence.after) if one is not None] == [2, 4]
    thorough = verified(store, thorough=True).findings[0].evidence
    assert thorough is not None
    assert thorough.exhibit is not None
    assert thorough.exhibit.fence == chain.fence(3)


def test_the_evidence_of_a_gap_is_its_fence_and_what_stands_beside_it(store: AuditStore) -> None:
    chain = Chain().ours(9).remove(3, 4, 5)
    put(store, *chain.items())
    (finding,) = verified(store).findings
    evidence = finding.evidence
    assert evidence is not None
    assert evidence.exhibit is not None
    assert (evidence.exhibit.records, evidence.exhibit.fence) == ((), chain.fence(3))
    assert [one.records for one in (evidence.before, evidence.after) if one is not None] == [
        (chain.record(2),), (chain.record(6),)
    ]  # fmt: skip


def test_the_last_position_has_no_neighbour_behind_it_and_the_first_none_before(store: AuditStore) -> None:
    put(store, *Chain().ours(3).edit(0, caller_id={"S": "x"}).edit(2, caller_id={"S": "x"}).items())
    first, last = (finding.evidence for finding in verified(store).findings)
    assert first is not None
    assert last is not None
    assert (first.before, last.after) == (None, None)


# -- tables that change while they are read ---------------------------------------------------------------------------


class _Restless(MemoryTable):
    """Each time all fences are read together another one of them is damaged, and none when only some are read."""

    whole = 0

    def get_many(self, item_ids: Iterable[str]) -> Answer:
        answer = super().get_many(item_ids)
        ids = [item["id"]["S"] for item in answer.items]
        if len(ids) < len(self.items) // 2 or not ids[0].startswith("SEQ#"):
            return answer
        self.whole += 1
        damaged = tuple(
            {**item, "note": {"S": "x"}} if place == self.whole else item for place, item in enumerate(answer.items)
        )
        return replace(answer, items=damaged)


def test_what_is_never_found_twice_makes_it_incomplete_and_is_no_finding() -> None:
    items = {item["id"]["S"]: item for item in Chain().elsewhere(8).items()}
    walk = ChainWalk(cast("Table", _Restless(items, chains.SOON)), *NAMES, Lifetimes(LIFETIME))
    for _ in walk:
        pass
    report = walk.report
    assert (report.verdict, report.findings) == (Verdict.INCOMPLETE, ())
    assert report.reason == "position 3 changed each time while the chain was read; verify it again"
