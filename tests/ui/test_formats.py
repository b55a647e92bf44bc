from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import Verdict
from audit_core.errors import FilterError
from audit_core.table import Reading
from audit_core.timestamps import Timestamp
from audit_ui import formats
from audit_ui.elements import VERDICT_COLOURS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_pretty_json_changes_white_space_alone(value: object) -> None:
    text = json.dumps(value, separators=(",", ":"))
    assert json.loads(formats.pretty_json(text)) == value


@pytest.mark.parametrize("text", ["1.0", "-0", "1e400", "100000000000000000000001", '{"a":1,"a":2}', '["\\u0041"]'])
def test_pretty_json_keeps_every_token_as_it_was_written(text: str) -> None:
    assert "".join(formats.pretty_json(text).split()) == text


def test_pretty_json_indents_and_leaves_empty_brackets_closed() -> None:
    assert formats.pretty_json('{"a":[1,{}],"b":[]}') == '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'


@pytest.mark.parametrize("text", ["no json at all", '"open', "<script>", "", "}{"])
def test_text_that_is_no_json_is_never_lost(text: str) -> None:
    assert "".join(formats.pretty_json(text).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-15T10:00:00.045678901+00:00", "2026-01-15 10:00:00.045"),
        ("2026-01-15T10:00:00Z", "2026-01-15 10:00:00"),
        ("2026-01-15T10:00:00.5+14:00", "2026-01-14 20:00:00.500"),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59:60"),
        ("yester\u200bday", "yester\\u{200B}day"),
    ],
)
def test_a_stored_time_is_shown_in_utc_to_the_millisecond(text: str, shown: str) -> None:
    assert formats.moment(text) == shown


def test_utc_names_the_zone_and_leaves_the_fraction() -> None:
    when = Timestamp.parse("2026-01-15T10:00:00.9+01:00")
    assert formats.utc(when) == "2026-01-15 09:00:00 UTC"
    assert formats.utc(when, seconds=False) == "2026-01-15 09:00 UTC"
    assert formats.utc(None) == "never"


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("2026-01-15", "2026-01-15T00:00:00Z", "2026-01-15T23:59:59.999999999Z"),
        (" 2026-01-15 10:00 ", "2026-01-15T10:00:00Z", "2026-01-15T10:00:59.999999999Z"),
        ("2026-01-15 10:00:30", "2026-01-15T10:00:30Z", "2026-01-15T10:00:30Z"),
        ("2026-01-15T10:00:30.25+02:00", "2026-01-15T08:00:30.25Z", "2026-01-15T08:00:30.25Z"),
    ],
)
def test_a_typed_time_means_utc_and_includes_its_end(typed: str, first: str, last: str) -> None:
    assert formats.typed_moment(typed) == Timestamp.parse(first)
    assert formats.typed_moment(typed, end=True) == Timestamp.parse(last)


def test_nothing_typed_is_no_time() -> None:
    assert formats.typed_moment("  ") is None


@pytest.mark.parametrize("typed", ["yesterday", "2026-02-30", "10:00", "2026", "\u202e2026-01-15"])
def test_a_typed_text_that_is_no_time_is_refused_with_what_to_type(typed: str) -> None:
    with pytest.raises(FilterError, match=r"is not a time\. Give a date"):
        formats.typed_moment(typed)


def test_numbers_read_as_people_write_them() -> None:
    assert formats.count(1, "record") == "1 record"
    assert formats.count(1204, "record") == "1,204 records"
    assert formats.count(0, "entry", "entries") == "0 entries"
    assert formats.span(146, 146) == "146"
    assert formats.span(146, 1490) == "146 to 1,490"


def test_an_absurd_position_is_shortened() -> None:
    assert formats.span(10**30, 10**30) == "1.000000E+30"
    assert formats.position("499.5") == "499.5"
    assert formats.position("1E+3") == "1,000"
    assert formats.position("no number") == "no number"
    assert formats.span(Decimal(-1), Decimal(-1)) == "-1"


def test_the_cost_of_reading_names_all_three() -> None:
    assert formats.cost(Reading(1, 1, 1.0)) == "1 item read in 1 request, 1 read unit"
    assert formats.cost(Reading(1204, 3, 2.5)) == "1,204 items read in 3 requests, 2.5 read units"


def test_a_raw_item_is_json_whatever_it_holds() -> None:
    item = {"b": {"B": b"\x00"}, "s": {"SS": {"b", "a"}}, "a": {"S": "x"}}
    assert list(json.loads(formats.raw_item(item))) == ["a", "b", "s"]


def test_only_good_verdicts_are_blue() -> None:
    blue = {verdict for verdict, colour in VERDICT_COLOURS.items() if colour == "blue"}
    assert blue == {Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY}
