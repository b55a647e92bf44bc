from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_ui.retention_figures import buckets, calendar_figure

DAYS = st.dictionaries(st.dates().map(str), st.integers(1, 10**6), max_size=40)


@given(DAYS, DAYS)
def test_bars_lose_no_record(upcoming: dict[str, int], overdue: dict[str, int]) -> None:
    _unit, bars = buckets(upcoming, overdue)

    assert sum(bar.upcoming for bar in bars) == sum(upcoming.values())
    assert sum(bar.overdue for bar in bars) == sum(overdue.values())
    assert [bar.first for bar in bars] == sorted({bar.first for bar in bars})


@pytest.mark.parametrize(
    ("days", "unit", "names"),
    [
        (["2026-01-01", "2026-03-03"], "day", ["2026-01-01", "2026-03-03"]),
        (["2026-01-01", "2026-03-04"], "month", ["2026-01", "2026-03"]),
        (["2026-01-01", "2030-12-31"], "month", ["2026-01", "2030-12"]),
        (["2026-01-01", "2031-01-01"], "year", ["2026", "2031"]),
    ],
)
def test_bars_are_days_months_or_years_by_how_far_they_reach(days: list[str], unit: str, names: list[str]) -> None:
    found, bars = buckets(dict.fromkeys(days, 1), {})

    assert found == unit
    assert [bar.name for bar in bars] == names


@settings(max_examples=20)  # a figure takes its time
@given(DAYS.filter(bool), DAYS, st.dates().map(str), st.booleans())
def test_a_figure_is_drawn_of_any_dates(
    upcoming: dict[str, int], overdue: dict[str, int], day: str, dark: bool
) -> None:
    _unit, bars = buckets(upcoming, overdue)

    figure = calendar_figure(bars, today=day, before=day, dark=dark)

    assert sum(sum(trace.y) for trace in figure.data) == sum(upcoming.values()) + sum(overdue.values())


def test_what_is_overdue_is_told_by_word_and_pattern_as_well() -> None:
    _unit, bars = buckets({"2026-01-02": 1}, {"2026-01-01": 2})
    figure = calendar_figure(bars, today="2026-01-02", before=None, dark=False)

    assert [trace.name for trace in figure.data] == ["○ expire", "! overdue"]
    assert [trace.marker.pattern.shape for trace in figure.data] == ["", "/"]
    assert figure.data[1].marker.pattern.fillmode == "overlay"
    assert figure.layout.yaxis.dtick == 1
    assert [note.text for note in figure.layout.annotations] == ["today"]
