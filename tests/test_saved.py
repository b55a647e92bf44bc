"""A verification that is stopped anywhere and gone on with says what one says that was never stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.chain import ahead, reader
from audit_core.chain.saved import SavedRun
from audit_core.chain.walk import ChainWalk
from audit_core.errors import SavedRunError
from tests import histories
from tests.builders import DISPATCHED
from tests.chains import NAMES, SOON, Chain
from tests.histories import ATTACKS, DECLARED, HISTORY, MOMENTS
from tests.memory_table import MemoryTable
from tests.test_second_opinion import steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit_core.chain.findings import ChainReport
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp
    from tests.histories import Item

LIFETIMES = DECLARED[0]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "PAGE", 6)
    monkeypatch.setattr(reader, "FENCE_PAGE", 4)


def table_of(items: Mapping[str, Item], now: Timestamp = SOON) -> Table:
    return cast("Table", MemoryTable(items, now, page=5))


def walk_of(items: Mapping[str, Item], now: Timestamp = SOON, **options: Any) -> ChainWalk:
    return ChainWalk(table_of(items, now), *NAMES, LIFETIMES, **options)


def in_parts(items: Mapping[str, Item], now: Timestamp, lengths: Iterator[int], **options: Any) -> ChainReport:
    """Verify, stop after so many steps, keep what was saved as a file would, and go on with it, to the end."""
    saved = None
    for length in lengths:
        walk = walk_of(items, now, saved=saved, **options)
        going = iter(walk)
        for _ in range(length):
            if next(going, None) is None:
                return walk.report
        content = walk.save()
        if content is None:
            return walk.report
        saved = SavedRun.from_json(content)
    raise AssertionError


def plain(report: ChainReport) -> ChainReport:
    """The report without what it cost, and without when its evidence was read."""
    bare = tuple(replace(finding, evidence=None) for finding in report.findings)
    return replace(report, reading=type(report.reading)(), findings=bare)


def whole(items: Mapping[str, Item], now: Timestamp, **options: Any) -> ChainReport:
    walk = walk_of(items, now, **options)
    for _ in walk:
        pass
    return walk.report


HISTORIES = steps({*HISTORY, "pass_over"}, 1, 12)
ATTACKED = steps(ATTACKS, 0, 3)


@settings(max_examples=300)
@given(HISTORIES, ATTACKED, st.sampled_from(MOMENTS), st.booleans(), st.integers(1, 9))
def test_the_report_is_that_of_an_uninterrupted_one(
    history: Any, attacks: Any, after: int, thorough: bool, length: int
) -> None:
    now = DISPATCHED.plus_seconds(after)
    items = histories.world(history, attacks, now).items
    # a step more each time, so that it comes to its end whatever has to be done again
    lengths = iter(range(length, 10_000))
    report = in_parts(items, now, lengths, thorough=thorough)
    assert plain(report) == plain(whole(items, now, thorough=thorough))
    assert [finding.evidence is None for finding in report.findings] == [
        finding.evidence is None for finding in whole(items, now, thorough=thorough).findings
    ]


@given(st.integers(0, 20), st.one_of(st.none(), st.integers(20, 60)), st.integers(1, 6), st.sampled_from([3, 17, 31]))
def test_a_range_is_gone_on_with_too(first: int, last: int | None, length: int, gone: int) -> None:
    chain = Chain().ours(30).elsewhere(20).ours(10).remove(gone)
    items = {item["id"]["S"]: item for item in chain.items()}
    report = in_parts(items, SOON, iter(range(length, 10_000)), first=first, last=last)
    assert plain(report) == plain(whole(items, SOON, first=first, last=last))


def saved_midway(**options: Any) -> tuple[bytes, dict[str, Item]]:
    items = {item["id"]["S"]: item for item in Chain().ours(40).remove(3).items()}
    walk = walk_of(items, **options)
    going = iter(walk)
    for _ in range(6):
        next(going)
    content = walk.save()
    assert content is not None
    return content, items


def test_the_file_says_what_it_is_of_and_how_far_it_came() -> None:
    said = json.loads(saved_midway()[0])
    assert (said["audit_verification"], said["table"], said["namespace"], said["tenant"]) == (1, "memory", *NAMES)
    assert said["reader"]["upper"] == 39
    assert 0 < said["reader"]["position"] < 39
    assert said["reader"]["verifier"]["before"][0]  # what the next link must be
    assert "missing_record" in {finding["kind"] for finding in said["reader"]["verifier"]["findings"]}


def test_what_was_judged_is_not_read_again() -> None:
    content, items = saved_midway()
    saved = SavedRun.from_json(content)
    assert saved.reader is not None
    table = MemoryTable(items, SOON, page=4)
    asked: list[str | None] = []
    query = table.query_unread

    def noted(keys: Any, **named: Any) -> Any:
        asked.append(keys.first)
        return query(keys, **named)

    table.query_unread = noted  # type: ignore[method-assign]
    for _ in ChainWalk(cast("Table", table), *NAMES, LIFETIMES, saved=saved):
        pass
    assert int(asked[0] or 0) >= saved.reader.position - 1


def test_a_finished_one_has_nothing_to_save() -> None:
    items = {item["id"]["S"]: item for item in Chain().ours(3).items()}
    walk = walk_of(items)
    for _ in walk:
        pass
    assert walk.save() is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"table": "other"}, "another table"),
        ({"tenant": "globex"}, "another chain"),
        ({"first": 5}, "another range"),
        ({"thorough": True}, "another depth"),
    ],
    ids=str,
)
def test_one_of_something_else_is_refused(change: dict[str, Any], what: str) -> None:
    content, items = saved_midway()
    saved = SavedRun.from_json(json.dumps({**json.loads(content), **change}).encode())
    with pytest.raises(SavedRunError, match=what):
        walk_of(items, saved=saved)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda said: {**said, "audit_verification": 2}, "version 2"),
        (lambda said: {**said, "more": 1}, "damaged"),
        (lambda said: {key: value for key, value in said.items() if key != "reader"}, "damaged"),
        (lambda said: {**said, "reader": {**said["reader"], "position": "x"}}, "damaged"),
        (lambda _said: [], "damaged"),
    ],
    ids=["version", "unknown", "missing", "wrong type", "list"],
)
def test_one_of_another_version_or_damaged_is_refused(change: Any, what: str) -> None:
    content, _items = saved_midway()
    with pytest.raises(SavedRunError, match=what):
        SavedRun.from_json(json.dumps(change(json.loads(content))).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {**state, "reached": "soon"},
        lambda state: {**state, "gap_at": "soon"},
        lambda state: {
            **state,
            "verifier": {**state["verifier"], "absences": {"runs": [], "gap": [3], "bare": [], "proofs": []}},
        },
    ],
    ids=["number", "time", "place"],
)
def test_one_that_contradicts_itself_is_refused(change: Any) -> None:
    content, items = saved_midway()
    said = json.loads(content)
    saved = SavedRun.from_json(json.dumps({**said, "reader": change(said["reader"])}).encode())
    with pytest.raises(SavedRunError, match="damaged"):
        walk_of(items, saved=saved)


def test_half_a_file_is_refused() -> None:
    content, _items = saved_midway()
    with pytest.raises(SavedRunError, match="damaged"):
        SavedRun.from_json(content[: len(content) // 2])
