"""The verifier against a second opinion that shares no code with it: verdict and findings must be the same."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.chain.findings import FindingKind, Severity, Verdict
from audit_core.chain.walk import ChainWalk
from audit_core.retention import Lifetimes
from tests import chains, histories
from tests.builders import DISPATCHED
from tests.chains import NAMES, Chain
from tests.histories import ATTACKS, DECLARED, HISTORY, MOMENTS
from tests.memory_table import MemoryTable
from tests.second_opinion import fence_state, hash_without, moment, record_hash, runs, second_opinion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit_core.chain.findings import ChainReport
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp
    from tests.histories import Item, Step
    from tests.second_opinion import Finding, Opinion

CALM = {"expired", "expired_unproven", "lone_intent", "coverage_lost"}
LATER = DISPATCHED.plus_seconds(MOMENTS[-1])
FOREVER = DECLARED[1]
VECTORS = Path(__file__).parent / "vectors"

numbers = st.integers(0, 63)
moments = st.sampled_from(MOMENTS)
declared = st.sampled_from(DECLARED)
pages = st.sampled_from([1, 2, 5, 1000])


def steps(names: Any, least: int, most: int) -> st.SearchStrategy[list[Step]]:
    step = st.tuples(st.sampled_from(sorted(names)), numbers, numbers, numbers)
    return st.lists(step, min_size=least, max_size=most)


def walked(
    items: Mapping[str, Item], now: Timestamp, lifetimes: Lifetimes, *, thorough: bool = False, page: int = 1000
) -> tuple[str, frozenset[Finding]]:
    """What the package says of a table that holds these items."""
    report = reported(items, now, lifetimes, thorough=thorough, page=page)
    found = [
        (one.kind.value, one.sequence_number, one.last_sequence_number)
        for one in report.findings
        if one.kind is not FindingKind.UNCHAINED_RECORD
    ]
    verdict = report.verdict.value
    return "incomplete" if verdict == "unchained" else verdict, runs(found)


def reported(
    items: Mapping[str, Item], now: Timestamp, lifetimes: Lifetimes, *, thorough: bool = False, page: int = 1000
) -> ChainReport:
    table = cast("Table", MemoryTable(items, now, page))
    walk = ChainWalk(table, *NAMES, lifetimes, thorough=thorough)
    for _ in walk:
        pass
    assert walk.report.reason is None or walk.report.verdict is Verdict.INCOMPLETE, walk.report.reason
    return walk.report


def slipped_in(report: ChainReport) -> set[str | None]:
    """Ids of records without a sequence number that are an alarm."""
    alarms = [finding for finding in report.findings if finding.severity is Severity.BREAK]
    return {finding.record_id for finding in alarms if finding.kind is FindingKind.UNCHAINED_RECORD}


EVERY_LIFETIME = Lifetimes(None, tuple(seconds for seconds in histories.LIFETIMES if seconds is not None))


def opinion(items: Mapping[str, Item], now: Timestamp, lifetimes: Lifetimes, *, thorough: bool = False) -> Opinion:
    return second_opinion(
        items,
        *NAMES,
        now=now.epoch_seconds,
        ttl_seconds=lifetimes.current,
        past_ttl_seconds=lifetimes.past,
        thorough=thorough,
    )


def forked(items: Mapping[str, Item]) -> bool:
    places = Counter(
        item["sequence_number"]["N"]
        for item in items.values()
        if "sequence_number" in item and item.get("ns_tenant") == {"S": "#".join(NAMES)}
    )
    return any(count > 1 for count in places.values())


def by_id(chain: Chain) -> dict[str, Item]:
    return {item["id"]["S"]: item for item in chain.items()}


@pytest.mark.parametrize("file", ["record_hash.jsonl", "chain_hash.jsonl"])
def test_the_second_opinion_computes_the_vectors_of_the_format(file: str) -> None:
    for line in (VECTORS / file).read_text(encoding="utf-8").strip().split("\n"):
        case = json.loads(line)
        if "record" in case:
            record = {name: {"S": value} for name, value in case["record"].items() if value is not None}
            assert record_hash(record) == case.get("record_hash"), case["name"]
            read = moment(case["record"]["dispatched_at"])
            assert (None if read is None else read.nanoseconds // 10**6) == case.get("dispatched_at_ms")
        else:
            assert hash_without(case["item"], "content_hash") == case["content_hash"]
            if "chain_hash" in case:
                assert hash_without(case["fence"], "chain_hash") == case["chain_hash"]
                assert fence_state(case["fence"], int(case["item"]["sequence_number"]["N"])) == "full"


@settings(max_examples=150, deadline=None)
@given(steps(HISTORY, 1, 8), moments, declared, st.booleans(), pages)
def test_both_find_nothing_wrong_with_a_chain_that_nobody_touched(
    history: list[Step], after: int, lifetimes: Lifetimes, thorough: bool, page: int
) -> None:
    now = DISPATCHED.plus_seconds(after)
    items = histories.world(history, [], now).items
    expected = opinion(items, now, lifetimes, thorough=thorough)
    verdict, findings = walked(items, now, lifetimes, thorough=thorough, page=page)
    assert verdict == expected.verdict
    assert without_intents(findings) == without_intents(expected.findings | coverage_lost(expected))
    # what bare fences leave to lifetimes is explained only where every lifetime that was in use is declared
    _verdict, calm = walked(items, now, EVERY_LIFETIME, thorough=thorough, page=page)
    assert {kind for kind, _, _ in calm} <= CALM


@settings(max_examples=400, deadline=None)
@given(steps(HISTORY, 1, 6), steps(ATTACKS, 1, 2), moments, declared, st.booleans(), pages)
def test_both_find_the_same_of_whatever_was_done_to_a_chain(  # noqa: PLR0913, PLR0917 - each is drawn by itself
    history: list[Step], attacks: list[Step], after: int, lifetimes: Lifetimes, thorough: bool, page: int
) -> None:
    now = DISPATCHED.plus_seconds(after)
    items = histories.world(history, attacks, now).items
    expected = opinion(items, now, lifetimes, thorough=thorough)
    verdict, findings = walked(items, now, lifetimes, thorough=thorough, page=page)
    if forked(items):
        # which of two records a fork's neighbours and its fence are held against is nobody's rule
        assert verdict == expected.verdict == "broken"
        assert forks(findings) == forks(expected.findings)
        return
    assert without_intents(findings) == without_intents(expected.findings | coverage_lost(expected))
    assert verdict == expected.verdict
    assert slipped_in(reported(items, now, lifetimes, thorough=thorough)) == expected.unchained


def without_intents(findings: frozenset[Finding]) -> set[Finding]:
    """Leave `lone_intent` out: it is looked up in an index of its own, page by page."""
    return {finding for finding in findings if finding[0] != "lone_intent"}


def coverage_lost(expected: Opinion) -> set[Finding]:
    return {finding for finding in expected.apart if finding[0] == "coverage_lost"}


def forks(findings: frozenset[Finding]) -> set[Finding]:
    return {finding for finding in findings if finding[0] == "duplicate_sequence"}


@settings(max_examples=100, deadline=None)
@given(steps(["ours", "elsewhere", "seal"], 1, 6), st.sets(numbers), moments, st.booleans())
def test_both_say_the_same_of_a_chain_in_memory(
    history: list[Step], gone: set[int], after: int, thorough: bool
) -> None:
    now = DISPATCHED.plus_seconds(after)
    chain = histories.written(history, now)
    chain.remove(*(number for number in gone if number in chain.positions))
    expected = opinion(by_id(chain), now, FOREVER, thorough=thorough)
    result = chains.verify(chain, now, thorough=thorough, lifetimes=FOREVER)
    assert without_intents(runs(result.kinds)) == without_intents(expected.findings | coverage_lost(expected))
    assert result.verdict.value == expected.verdict


# -- single attacks, each with what the format says of it -------------------------------------------------------------


def forged_before_a_vanished_one() -> Chain:
    """An expiry forged where the only link that could tell, at the position after it, was deleted too."""
    chain = Chain().ours(5).remove(2).remove(3, fence=True)
    return chain.edit_fence(2, record_expires_at={"N": "1768471300"}).rehash_fence(2)


def expired_before_junk() -> Chain:
    chain = Chain().ours(3, lifetime=120).remove(2)
    chain.positions[3] = (None, {"id": {"S": "SEQ#notifications#acme#3"}, "note": {"S": "junk"}})
    return chain


def junk_on_a_bare_one() -> Chain:
    chain = Chain().elsewhere(1, lifetime=120).ours(2).remove(0)
    chain.positions[0] = (None, {"id": {"S": "SEQ#notifications#acme#0"}, "note": {"S": "junk"}})
    return chain


def junk_before_an_expired_one() -> Chain:
    chain = Chain().elsewhere(2, lifetime=120).ours(1, lifetime=120).ours(1).remove(1, 2)
    return chain.edit_fence(1, note={"S": "junk"})


def a_sealed_fence_forged() -> Chain:
    chain = Chain().elsewhere(2).seal(0, 1)
    return chain.edit_fence(0, sealed_at={"S": "2026-01-17T00:00:00Z"}).rehash_fence(0)


def a_seal_that_is_linked_past() -> Chain:
    return Chain().ours(1).elsewhere(1).ours(1).seal(1, 1).remove(0, fence=True)


def named_though_the_chain_seems_to_start_at_one() -> Chain:
    chain = Chain().ours(1).elsewhere(1, lifetime=120).ours(1)
    return chain.remove(0, fence=True).remove(1)


def relinked_over_a_hole() -> Chain:
    """A position deleted with its fence, and the next record's `previous_hash` led past it; its own link names it."""
    chain = Chain().ours(4).remove(2, fence=True)
    return chain.edit(3, previous_hash=chain.record(1)["record_hash"]).rehash(3, fence=True)


def headless() -> Chain:
    chain = Chain().ours(4).remove(0, 1, fence=True)
    return chain.edit(2, previous_hash=None).rehash(2, fence=True)


def two_intents() -> Chain:
    return Chain().ours(2, outcome="pending", action_id="a").ours(1)


def junk_on_a_sealed_one() -> Chain:
    chain = Chain().elsewhere(2).seal(0, 1)
    chain.positions[0] = (chain.record(0), {"id": {"S": "SEQ#notifications#acme#0"}, "note": {"S": "junk"}})
    return chain


def a_sealed_fence_gone() -> Chain:
    return Chain().elsewhere(2).seal(0, 1).remove(0, record=False, fence=True)


def a_redundant_sequence() -> Chain:
    return Chain().ours(3).edit(2, previous_chain_sequence={"N": "1"}).rehash(2)


def the_first_links_back() -> Chain:
    chain = Chain()
    chain.tip = chain.tip.__class__(0, "genesis", None)
    return chain.ours(1).edit(1, previous_chain_hash={"S": "0" * 64})


SAID: tuple[tuple[Chain, set[Finding]], ...] = (
    (forged_before_a_vanished_one(), {("missing_record", 2, 3)}),
    (expired_before_junk(), {("expired", 2, 2), ("fence_mismatch", 3, 3), ("truncated_tail", 3, 3)}),
    (junk_on_a_bare_one(), {("fence_mismatch", 0, 0), ("missing_record", 0, 0)}),
    (junk_before_an_expired_one(), {("expired", 2, 2), ("fence_mismatch", 1, 1), ("missing_record", 1, 1)}),
    (a_sealed_fence_forged(), {("broken_link", 1, 1), ("fence_mismatch", 0, 0)}),
    (a_seal_that_is_linked_past(), {("missing_record", 0, 0)}),
    (named_though_the_chain_seems_to_start_at_one(), {("expired_unproven", 1, 1), ("missing_record", 0, 0)}),
    (relinked_over_a_hole(), {("missing_record", 2, 2)}),
    (headless(), {("broken_link", 2, 3), ("missing_record", 0, 1)}),
    (two_intents(), {("lone_intent", 0, 1)}),
    (junk_on_a_sealed_one(), {("fence_mismatch", 0, 0)}),
    (a_sealed_fence_gone(), {("missing_fence", 0, 0)}),
    (a_redundant_sequence(), {("broken_link", 2, 2), ("content_modified", 2, 2), ("fence_mismatch", 2, 2)}),
    (
        the_first_links_back(),
        {("broken_link", 1, 1), ("content_modified", 1, 1), ("fence_mismatch", 1, 1)},
    ),
)


@pytest.mark.parametrize("who", ["the second opinion", "the package"])
@pytest.mark.parametrize(("chain", "expected"), SAID, ids=[str(number) for number in range(len(SAID))])
def test_what_the_format_says_of_one_attack(chain: Chain, expected: set[Finding], who: str) -> None:
    items = by_id(chain)
    if who == "the package":
        assert walked(items, LATER, FOREVER)[1] == expected
    else:
        assert opinion(items, LATER, FOREVER).findings == expected
