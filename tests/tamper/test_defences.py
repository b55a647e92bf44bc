"""Which defence a finding rests on, and what a checkpoint made before would have shown."""

from __future__ import annotations

import pytest

from audit_core.chain.findings import FindingKind
from audit_core.fences import bare_fence
from audit_core.tamper.defences import Defence, caught_by, changed_leaves
from tests.chains import NAMES, Chain, verify
from tests.reports import finding

RECORD, CONTENT, CHAIN, FENCE = Defence.RECORD_HASH, Defence.CONTENT_HASH, Defence.CHAIN_HASH, Defence.FENCE


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (Chain().ours(5).edit(2, outcome={"S": "denied"}), {RECORD, CONTENT}),
        (Chain().elsewhere(5).edit(2, outcome={"S": "denied"}), {RECORD}),
        (Chain().elsewhere(5).edit(2, outcome={"S": "denied"}).rehash(2), {Defence.LINK}),
        (Chain().ours(5).edit(2, caller_id={"S": "x"}).rehash(2, fence=True), {CHAIN}),
        (Chain().ours(5).remove(2), {FENCE}),
        (Chain().ours(5).remove(2, fence=True), {Defence.NUMBERING}),
        (Chain().elsewhere(5, lifetime=86_400 * 30).remove(2), {Defence.LIFETIMES}),
        (Chain().ours(5).edit_fence(2, record_id={"S": "x"}), {FENCE, CHAIN}),
        (Chain().ours(5), set()),
    ],
    ids=["both hashes", "ten fields", "link", "chain hash", "fence", "numbering", "lifetimes", "copies", "none"],
)
def test_an_alarm_names_what_it_rests_on(chain: Chain, expected: set[Defence]) -> None:
    assert caught_by(verify(chain, thorough=True).findings) == expected


def test_information_and_doubt_are_no_alarm() -> None:
    kinds = (FindingKind.EXPIRED, FindingKind.EXPIRED_UNPROVEN, FindingKind.COVERAGE_LOST)
    assert caught_by(finding(kind, 3) for kind in kinds) == frozenset()


def test_every_kind_of_alarm_rests_on_a_defence() -> None:
    alarms = set(FindingKind) - {
        FindingKind.EXPIRED,
        FindingKind.EXPIRED_UNPROVEN,
        FindingKind.COVERAGE_LOST,
        FindingKind.LONE_INTENT,
    }
    assert {kind for kind in alarms if not caught_by([finding(kind, 3, expected="")])} == set()


def test_a_leaf_differs_where_a_fence_is_another_or_gone() -> None:
    chain = Chain().ours(4)
    before = {item["id"]["S"]: item for item in chain.items()}
    after = {item["id"]["S"]: item for item in chain.edit_fence(1, record_id={"S": "x"}).rehash_fence(1).items()}
    del after[bare_fence(*NAMES, 3)["id"]["S"]]
    assert changed_leaves(NAMES, 4, before, after) == (1, 3)
    assert changed_leaves(NAMES, 4, before, before) == ()


def test_bare_fences_have_no_leaf_yet() -> None:
    items = {item["id"]["S"]: item for item in Chain().elsewhere(2).items()}
    assert changed_leaves(NAMES, 2, items, items) is None
