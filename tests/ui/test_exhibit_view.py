"""A position for the eye: what is compared at a record, and what a fence is called."""

from __future__ import annotations

from typing import Any

import pytest

from audit_core.chain.findings import Exhibit
from audit_core.fences import Fence
from audit_ui.exhibit_view import (
    Comparison,
    comparisons,
    difference_words,
    expiry_words,
    fence_rows,
    fence_words,
    marked,
    record_lines,
)
from tests.chains import LIFETIME, NAMES, Chain


def exhibit(chain: Chain, number: int) -> Exhibit:
    record, fence = chain.positions[number]
    return Exhibit(number, () if record is None else (record,), fence, fence_read=True)


def compared(chain: Chain, number: int = 2) -> list[Comparison]:
    return comparisons(exhibit(chain, number), chain.record(number), exhibit(chain, number - 1), NAMES)


def differing(chain: Chain, number: int = 2) -> set[tuple[str, str]]:
    return {(pair.name, pair.right_from) for pair in compared(chain, number) if pair.differs}


@pytest.mark.parametrize(
    "chain",
    [Chain().ours(4, lifetime=LIFETIME), Chain().elsewhere(4), Chain().elsewhere(4, lifetime=LIFETIME).seal(0, 3)],
    ids=["ours", "elsewhere", "sealed"],
)
def test_nothing_differs_in_a_sound_chain(chain: Chain) -> None:
    pairs = compared(chain)
    assert pairs
    assert not any(pair.differs for pair in pairs)


def test_an_edit_differs_in_the_hash_that_covers_it() -> None:
    assert ("content_hash", "recomputed") in differing(Chain().ours(4).edit(2, caller_id={"S": "mallory"}))


def test_an_edit_with_its_own_hashes_made_anew_differs_from_its_fence() -> None:
    found = differing(Chain().ours(4).edit(2, outcome={"S": "x"}).rehash(2))
    assert {("record_hash", "in the record"), ("content_hash", "in the record")} <= found


def test_a_neighbour_with_its_hashes_made_anew_differs_from_the_link() -> None:
    found = differing(Chain().ours(4).edit(1, outcome={"S": "x"}).rehash(1, fence=True))
    assert found == {
        ("previous_hash", "record_hash of position 1"),
        ("previous_chain_hash", "chain_hash of position 1"),
    }


def test_an_edit_under_a_sealed_fence_differs_from_what_was_sealed() -> None:
    chain = Chain().elsewhere(4).seal(0, 3).edit(2, metadata={"S": '{"x":1}'})
    assert differing(chain) == {("content_hash", "as the record gives it now")}


def test_a_moved_expiry_differs() -> None:
    chain = Chain().ours(4, lifetime=LIFETIME).edit_fence(2, record_expires_at={"N": "1"}).rehash_fence(2)
    assert ("expiry in epoch seconds", "in the record") in differing(chain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "full"),
        ({"chain_hash": {"S": "0" * 64}}, "✕ full, and its chain_hash does not hold"),
        ({"record_id": None}, "✕ damaged"),
    ],
)
def test_a_fence_is_called_what_it_is(change: dict[str, Any], said: str) -> None:
    fence = Chain().ours(2).edit_fence(1, **change).fence(1)
    assert fence is not None
    assert fence_words(Fence.read(1, fence)) == said


def test_a_sealed_fence_says_since_when() -> None:
    fence = Chain().elsewhere(2).seal(0, 1).fence(1)
    assert fence is not None
    assert fence_words(Fence.read(1, fence)) == "full, sealed 2026-01-16 02:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "said"), [("0", "1970-01-01 00:00:00 UTC"), ("9" * 30, f"epoch second {'9' * 30}"), (None, "never")]
)
def test_an_expiry_is_said_whatever_the_fence_holds(seconds: str | None, said: str) -> None:
    fence = Chain().ours(2, lifetime=LIFETIME).edit_fence(1, record_expires_at=seconds and {"N": seconds}).fence(1)
    assert fence is not None
    assert expiry_words(Fence.read(1, fence)) == said


def test_a_row_for_a_position_without_anything_says_so() -> None:
    (row,) = fence_rows([Exhibit(1_234, (), None, fence_read=True)])
    assert (row["Position"], row["Record now"], row["Fence"], row["Record id"]) == ("1,234", "gone", "none", "–")


def test_lines_of_a_record_hide_nothing() -> None:
    lines = record_lines({"id": {"S": "a\u202eb"}, "provider": {"S": "p\x1b[31m"}, "dispatched_at": {"N": "5"}})
    assert lines == ["– UTC", "p\\u{001B}[31m –, –", "a\\u{202E}b"]


class TestMarked:
    def test_what_differs_has_a_mark_under_it(self) -> None:
        assert marked("2026-01-15", "2026-02-15") == "2026-01-15\n      ^"

    def test_what_is_longer_is_marked_to_its_end(self) -> None:
        assert marked("abcd", "ab") == "abcd\n  ^^"
        assert marked("ab", "abcd") == "ab"

    def test_a_hash_is_shown_in_lines_that_a_narrow_screen_has_room_for(self) -> None:
        lines = marked("a" * 64, "a" * 40 + "b" * 24).split("\n")
        assert lines == ["a" * 32, "a" * 32, " " * 8 + "^" * 24]

    def test_it_is_said_how_much_differs_and_that_a_hash_tells_no_more(self) -> None:
        said = difference_words(Comparison("record_hash", "stored", "a" * 64, "recomputed", "a" * 40 + "b" * 24))
        assert said.startswith("24 of 64 characters differ, marked ^. One altered character")
        said = difference_words(Comparison("expiry in epoch seconds", "in the fence", "12", "in the record", "13"))
        assert said == "1 of 2 characters differs, marked ^."
