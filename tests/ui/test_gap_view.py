"""Gaps for the eye: rows, order, and the window of a gap that is on the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import Finding, FindingKind, Severity
from audit_core.chain.gaps import Gap, GapKind, find_gaps
from audit_ui.gap_view import KINDS, PAGE, severity_of, table_rows, window_of, worst_first


def gaps(*parts: tuple[FindingKind, int, int]) -> tuple[Gap, ...]:
    return find_gaps(
        Finding(kind=kind, sequence_number=first, last_sequence_number=last) for kind, first, last in parts
    )


def test_every_kind_has_its_words() -> None:
    assert set(KINDS) == set(GapKind)


def test_the_worst_comes_first_and_then_the_earliest() -> None:
    found = gaps(
        (FindingKind.EXPIRED, 0, 4),
        (FindingKind.EXPIRED_UNPROVEN, 6, 7),
        (FindingKind.MISSING_RECORD, 9, 9),
        (FindingKind.SKIPPED_SEQUENCE, 11, 12),
    )
    assert [gap.first for gap in worst_first(found)] == [9, 11, 6, 0]


def test_a_gap_of_several_fates_weighs_as_its_worst_and_counts_each() -> None:
    (gap,) = gaps((FindingKind.EXPIRED, 0, 4), (FindingKind.MISSING_RECORD, 5, 5))
    assert severity_of(gap) is Severity.BREAK
    (row,) = table_rows([gap])
    assert row["What the evidence says"] == "✓ Expired, proven (5 positions), ✕ Deleted early (1 position)"
    assert row["How many"] == "6"


def test_a_short_gap_is_shown_whole() -> None:
    (gap,) = gaps((FindingKind.EXPIRED, 3, 3 + PAGE - 1))
    assert window_of(gap, None).positions == list(range(3, 3 + PAGE))


def test_a_long_one_shows_its_ends_first() -> None:
    (gap,) = gaps((FindingKind.EXPIRED, 10, 1_000_009))
    window = window_of(gap, None)
    assert window.positions == [10, 11, 12, 13, 14, 1_000_005, 1_000_006, 1_000_007, 1_000_008, 1_000_009]


@pytest.mark.parametrize(("start", "first"), [(0, 10), (10, 10), (500, 500), (10**9, 109)])
def test_a_window_stays_inside_its_gap(start: int, first: int) -> None:
    (gap,) = gaps((FindingKind.EXPIRED, 10, 109))
    window = window_of(gap, min(start, 109) if start == 500 else start)
    assert window.positions[0] == (109 if start == 500 else first)
    assert window.positions[-1] <= 109


@given(st.integers(0, 500), st.integers(PAGE + 1, 300))
def test_going_on_page_by_page_shows_every_position_once(first: int, size: int) -> None:
    (gap,) = gaps((FindingKind.MISSING_RECORD, first, first + size - 1))
    seen: list[int] = []
    start: int | None = gap.first
    while start is not None:
        window = window_of(gap, start)
        assert len(window.positions) <= PAGE
        seen += window.positions
        start = window.later
    assert seen == list(range(gap.first, gap.last + 1))
    back = window_of(gap, gap.last)
    assert back.earlier == max(gap.first, gap.last - PAGE)
