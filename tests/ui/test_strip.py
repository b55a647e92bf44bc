from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import FindingKind, Verdict
from audit_ui.figures import MARKER_PIXELS, STATES, strip_figure
from audit_ui.strip import MAX_BINS, State, build_strip
from tests.reports import finding, report

MODIFIED, MISSING, EXPIRED = FindingKind.CONTENT_MODIFIED, FindingKind.MISSING_RECORD, FindingKind.EXPIRED


@given(st.integers(1, 10**6), st.data())
def test_one_bad_record_of_any_number_does_not_vanish(length: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, length - 1))
    strip = build_strip(report(length, finding(MODIFIED, position)))
    (bad,) = [entry for entry in strip.bins if entry.state is State.BROKEN]
    assert bad.first <= position <= bad.last
    assert len(strip.marks) == 1


@given(st.integers(1, 10**6))
def test_bins_cover_every_position_once(length: int) -> None:
    bins = build_strip(report(length)).bins
    assert len(bins) == min(length, MAX_BINS)
    assert bins[0].first == 0
    assert bins[-1].last == length - 1
    assert all(one.last + 1 == other.first for one, other in pairwise(bins))
    assert {entry.state for entry in bins} == {State.VERIFIED}


def test_a_bin_shows_the_worst_of_what_it_holds() -> None:
    strip = build_strip(report(MAX_BINS * 10, finding(EXPIRED, 0, 9), finding(MISSING, 3), finding(MODIFIED, 5)))
    assert strip.bins[0].state is State.BROKEN
    assert strip.marks[0].finding == 2


def test_neighbouring_bad_bins_share_a_mark() -> None:
    strip = build_strip(report(100, finding(MISSING, 10, 19), finding(MODIFIED, 50)))
    assert [(mark.first, mark.last, mark.state) for mark in strip.marks] == [
        (10, 19, State.GAP),
        (50, 50, State.BROKEN),
    ]


def test_expiry_and_information_get_no_mark() -> None:
    strip = build_strip(report(100, finding(EXPIRED, 0, 49), finding(FindingKind.LONE_INTENT, 60)))
    assert not strip.marks
    assert strip.bins[0].state is State.EXPIRED
    assert strip.bins[60].state is State.VERIFIED


def test_what_was_not_reached_is_not_checked() -> None:
    strip = build_strip(report(100, last_sequence=29, verdict=Verdict.INCOMPLETE))
    assert [entry.state for entry in strip.bins[28:32]] == [State.VERIFIED] * 2 + [State.NOT_CHECKED] * 2


def test_a_range_is_shown_alone() -> None:
    bins = build_strip(report(100, first_sequence=10, last_sequence=19), 10, 19).bins
    assert (bins[0].first, bins[-1].last) == (10, 19)


@pytest.mark.parametrize("position", [Decimal("499.5"), -1, 10**30])
def test_an_intruder_shows_in_the_nearest_bin(position: int | Decimal) -> None:
    strip = build_strip(report(1000, finding(FindingKind.MALFORMED_RECORD, position)))  # type: ignore[arg-type]
    assert len(strip.marks) == 1


def test_a_tenant_without_a_chain_has_no_strip() -> None:
    empty = report(1, verdict=Verdict.UNCHAINED, first_sequence=None, last_sequence=None, upper_bound=None)
    assert build_strip(empty).bins == ()


@pytest.mark.parametrize("dark", [False, True])
def test_each_state_has_a_word_a_symbol_and_a_look_of_its_own(dark: bool) -> None:
    looks = list(STATES.values())
    assert len({look.word for look in looks}) == len({look.symbol for look in looks}) == len(State)
    assert len({(look.colour(dark=dark), look.pattern) for look in looks}) == len(State)


@pytest.mark.parametrize("length", [1, 10, 50, 51, 10_000])
@pytest.mark.parametrize("dark", [False, True])
def test_a_figure_names_its_states_and_is_made_of_bars(length: int, dark: bool) -> None:
    strip = build_strip(report(length, finding(MODIFIED, length - 1)))
    figure = strip_figure(strip, dark=dark)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert sum(len(bar.x) for bar in bars) == len(strip.bins)
    assert "✕ broken" in {bar.name for bar in bars}


def test_marks_on_the_rail_can_be_hit() -> None:
    figure = strip_figure(build_strip(report(10_000, finding(MISSING, 17))), dark=False)
    (rail,) = [trace for trace in figure.data if trace.type == "scatter"]
    assert rail.marker.size >= 11
    assert rail.marker.size == MARKER_PIXELS
    assert rail.hovertext[0].startswith("∅ gap: ")


def test_fifty_positions_are_blocks_with_their_numbers() -> None:
    figure = strip_figure(build_strip(report(50, finding(MISSING, 17))), dark=False)
    said = [note.text for note in figure.layout.annotations]
    assert said[16:18] == ["16", "∅17"]
    assert len(said) == 50


def test_an_intruder_far_past_the_end_can_be_drawn() -> None:
    far = 10**30
    figure = strip_figure(build_strip(report(far + 1, finding(MISSING, 7, far - 1))), dark=False)
    assert '"bar"' in figure.to_json()  # which refuses whole numbers past 64 bits
