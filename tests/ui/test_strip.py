from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import FindingKind, Verdict
from audit_ui import zoom
from audit_ui.blocks import LinkState, blocks_figure, links_between
from audit_ui.figures import MARKER_PIXELS, STATES, strip_figure
from audit_ui.half_strip import half_strip_figure
from audit_ui.strip import MAX_BINS, MAX_BLOCKS, State, build_strip, edges_of, extent_of
from tests.reports import finding, report

if TYPE_CHECKING:
    from audit_core.chain.findings import Finding
    from audit_ui.blocks import Link

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


@pytest.mark.parametrize("length", [51, 10_000])
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


def test_a_bar_and_a_mark_say_which_positions_they_stand_for() -> None:
    strip = build_strip(report(10_000, finding(MISSING, 17)))
    figure = strip_figure(strip, dark=False)
    said = sorted(tuple(map(int, place)) for trace in figure.data if trace.type == "bar" for place in trace.customdata)
    assert said == [(entry.first, entry.last) for entry in strip.bins]
    (rail,) = [trace for trace in figure.data if trace.type == "scatter"]
    assert [tuple(map(int, place)) for place in rail.customdata] == [(strip.marks[0].first, strip.marks[0].last)]


class TestZoom:
    @pytest.mark.parametrize("position", [0, 1, 499_999, 771_203, 999_999])
    def test_two_clicks_lead_from_a_million_to_blocks_of_single_positions(self, position: int) -> None:
        chain = report(10**6, finding(MODIFIED, position))
        extent = extent_of(chain)
        assert extent == (0, 999_999)
        window = None
        for _click in range(2):
            (bad,) = [entry for entry in build_strip(chain, zoom=window).bins if entry.state is State.BROKEN]
            window = zoom.closer((bad.first, bad.last), extent)
        strip = build_strip(chain, zoom=window)
        assert strip.single
        assert len(strip.bins) == MAX_BLOCKS
        assert [entry.first for entry in strip.bins if entry.state is State.BROKEN] == [position]

    @given(st.integers(1, 10**6), st.data())
    def test_every_position_is_reached_by_clicks_and_each_step_leads_back_up(
        self, length: int, data: st.DataObject
    ) -> None:
        position = data.draw(st.integers(0, length - 1))
        extent = (0, length - 1)
        window, clicks = extent, 0
        while window[1] - window[0] >= MAX_BLOCKS:
            edges = edges_of(window)
            bad = next((low, after - 1) for low, after in pairwise(edges) if low <= position < after)
            window, clicks = zoom.closer(bad, extent), clicks + 1
            assert window[0] <= position <= window[1]
        assert clicks <= 2
        asked = window if window != extent else None
        steps = zoom.trail(extent, asked)
        assert (steps[0], steps[-1]) == (extent, window)
        assert len(steps) <= clicks + 1

    @pytest.mark.parametrize(
        ("text", "window"),
        [
            ("10-20", (10, 20)),
            ("10-999", (10, 99)),
            ("0-99", None),
            ("", None),
            ("20-10", None),
            ("x-y", None),
            ("-5", None),
            ("²-³", None),
            ("9" * 50 + "-1", None),
            ("200-300", None),
        ],
    )
    def test_an_address_that_makes_no_sense_is_the_whole(self, text: str, window: tuple[int, int] | None) -> None:
        assert zoom.read_zoom(text, (0, 99)) == window

    def test_the_address_leads_to_the_same_part(self) -> None:
        assert zoom.read_zoom(zoom.as_text((3, 40)), (0, 99)) == (3, 40)

    def test_a_part_shows_only_what_it_holds(self) -> None:
        chain = report(1000, finding(MODIFIED, 10), finding(MISSING, 500))
        assert {entry.state for entry in build_strip(chain, zoom=(600, 700)).bins} == {State.VERIFIED}
        assert [mark.state for mark in build_strip(chain, zoom=(450, 520)).marks] == [State.GAP]

    def test_an_intruder_beyond_the_end_stays_at_the_end(self) -> None:
        chain = report(1000, finding(FindingKind.MALFORMED_RECORD, 10**30))
        assert build_strip(chain, zoom=(0, 99)).marks == ()
        assert [mark.first for mark in build_strip(chain, zoom=(950, 999)).marks] == [999]

    def test_the_parts_beside_one_stay_within_the_chain(self) -> None:
        extent = (0, 119)
        assert zoom.beside((0, 49), extent, -1) is None
        assert zoom.beside((0, 49), extent, 1) == (50, 99)
        assert zoom.beside((50, 99), extent, 1) == (70, 119)
        assert zoom.beside((70, 119), extent, 1) is None
        assert zoom.beside((20, 69), extent, -1) == (0, 49)

    def test_the_bad_stretches_are_gone_through_one_by_one(self) -> None:
        marks = build_strip(report(10_000, finding(MISSING, 17), finding(MODIFIED, 9_000))).marks
        first = zoom.next_mark(marks, None)
        assert first is marks[0]
        assert zoom.next_mark(marks, zoom.around(17, (0, 9_999))) is marks[1]
        assert zoom.previous_mark(marks, zoom.around(9_000, (0, 9_999))) is marks[0]
        assert zoom.next_mark(marks, zoom.around(9_000, (0, 9_999))) is None


class TestBlocks:
    def test_each_has_its_number_and_the_first_digits_of_its_hash(self) -> None:
        strip = build_strip(report(50, finding(MISSING, 17)))
        figure = blocks_figure(strip, links_between(strip, ()), dict.fromkeys(range(16), "0123456789ab"), dark=False)
        said = [note.text for note in figure.layout.annotations]
        assert len(said) == 50
        assert said[15].startswith("15<br>")
        assert "012345<" in said[15]
        assert said[17].startswith("∅ 17<br>")
        assert "no hash" in said[17]

    def test_a_broken_link_is_drawn_between_the_two(self) -> None:
        links = linked(finding(FindingKind.BROKEN_LINK, 5))
        assert [link.before for link in links if link.state is LinkState.BROKEN] == [4]

    def test_what_follows_an_altered_record_links_to_something_else(self) -> None:
        links = linked(finding(MODIFIED, 5))
        assert [link.before for link in links if link.state is LinkState.BROKEN] == [5]

    def test_nothing_holds_beside_a_record_that_is_missing(self) -> None:
        links = linked(finding(MISSING, 5))
        assert [link.before for link in links if link.state is LinkState.BROKEN] == [4, 5]

    def test_expiry_leaves_the_links_to_the_fences_and_unproven_ones_to_nobody(self) -> None:
        assert [link.state for link in linked(finding(EXPIRED, 0, 1))[:3]] == [
            LinkState.FENCES,
            LinkState.FENCES,
            LinkState.HOLDS,
        ]
        assert linked(finding(FindingKind.EXPIRED_UNPROVEN, 0))[0].state is LinkState.UNKNOWN

    def test_a_run_far_longer_than_the_blocks_costs_no_time(self) -> None:
        assert {link.state for link in linked(finding(MODIFIED, 0, 10**15))} == {LinkState.BROKEN}

    @pytest.mark.parametrize("dark", [False, True])
    def test_a_break_is_a_cross_that_can_be_hit(self, dark: bool) -> None:
        strip = build_strip(report(50, finding(MODIFIED, 4)))
        figure = blocks_figure(strip, links_between(strip, (finding(MODIFIED, 4),)), {}, dark=dark)
        (crosses,) = [trace for trace in figure.data if trace.type == "scatter"]
        assert crosses.marker.size >= 11
        assert list(crosses.hovertext) == ["✕ link broken: 4 to 5"]
        bars = [trace for trace in figure.data if trace.type == "bar"]
        assert sum(len(bar.x) for bar in bars) == 50


def linked(*findings: Finding) -> tuple[Link, ...]:
    """The links of a chain of ten with these findings."""
    return links_between(build_strip(report(10, *findings)), findings)


def test_an_intruder_far_past_the_end_can_be_drawn() -> None:
    far = 10**30
    figure = strip_figure(build_strip(report(far + 1, finding(MISSING, 7, far - 1))), dark=False)
    assert '"bar"' in figure.to_json()  # which refuses whole numbers past 64 bits


@pytest.mark.parametrize("dark", [False, True])
def test_half_a_page_has_numbered_blocks_of_a_short_chain(dark: bool) -> None:
    figure = half_strip_figure(build_strip(report(50, finding(MISSING, 17))), dark=dark)
    said = [note.text for note in figure.layout.annotations]
    assert said[16:18] == ["16", "∅17"]
    assert len(said) == 50
