from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import TimestampError
from audit_core.timestamps import Clock, Timestamp, normalised_nanos

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_NANO = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) * 10**9
LAST_NANO = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) * 10**9 + 999_999_999

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets)  # noqa: DTZ001 - `offsets` adds one
nanos = st.integers(FIRST_NANO, LAST_NANO)


@given(moments)
def test_a_time_with_microseconds_means_what_datetime_says(moment: datetime) -> None:
    expected = (moment - EPOCH) // timedelta(microseconds=1)
    parsed = Timestamp.parse(moment.isoformat())
    assert parsed.epoch_nanos == expected * 1000
    assert parsed.epoch_ms == expected // 1000
    assert parsed.epoch_seconds == expected // 1_000_000
    assert datetime.fromisoformat(parsed.normalised) == moment
    assert Timestamp.from_datetime(moment) == parsed


@given(nanos)
def test_nanoseconds_survive_text_and_back(epoch_nanos: int) -> None:
    made = Timestamp.from_nanos(epoch_nanos)
    assert made.epoch_nanos == epoch_nanos
    assert Timestamp.parse(made.text).epoch_nanos == epoch_nanos


@given(nanos)
def test_normalising_twice_changes_nothing_and_means_the_same(epoch_nanos: int) -> None:
    once = Timestamp.from_nanos(epoch_nanos).normalised
    again = Timestamp.parse(once)
    assert again.normalised == once
    assert again.epoch_nanos == epoch_nanos


@given(nanos)
def test_a_normalised_time_is_read_the_short_way(epoch_nanos: int) -> None:
    assert normalised_nanos(Timestamp.from_nanos(epoch_nanos).text) == epoch_nanos


@given(nanos, st.integers(0, 40), st.integers(0, 3), st.text("0123456789+-:.TZ ²٣", max_size=3))
def test_the_short_way_reads_nothing_but_normalised_times(epoch_nanos: int, at: int, cut: int, put: str) -> None:
    text = Timestamp.from_nanos(epoch_nanos).text
    changed = text[:at] + put + text[at + cut :]
    read = normalised_nanos(changed)
    assert read is None or Timestamp.from_nanos(read).text == changed


@given(nanos, st.integers(-(10**6), 10**6))
def test_later_is_greater(epoch_nanos: int, distance: int) -> None:
    there = min(max(epoch_nanos + distance, FIRST_NANO), LAST_NANO)
    here, other = Timestamp.from_nanos(epoch_nanos), Timestamp.from_nanos(there)
    assert (here < other) == (epoch_nanos < there)
    assert (here == other) == (epoch_nanos == there)


@pytest.mark.parametrize(
    ("fraction", "normalised"),
    [
        ("", ""),
        (".0", ""),
        (".5", ".500"),
        (".123", ".123"),
        (".1230000000", ".123"),
        (".1234", ".123400"),
        (".123456", ".123456"),
        (".1234567", ".123456700"),
        (".123456789", ".123456789"),
        (".1234567891999", ".123456789"),
        (".0000000009", ""),
    ],
)
def test_a_fraction_keeps_the_fewest_digits_that_lose_nothing(fraction: str, normalised: str) -> None:
    parsed = Timestamp.parse(f"2026-01-15T10:00:00{fraction}Z")
    assert parsed.normalised == f"2026-01-15T10:00:00{normalised}+00:00"


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("2026-01-15T10:00:00Z", "2026-01-15T10:00:00+00:00"),
        ("2026-01-15t10:00:00z", "2026-01-15T10:00:00+00:00"),
        ("2026-01-15 10:00:00-00:00", "2026-01-15T10:00:00+00:00"),
        ("2026-01-16T00:00:00+14:00", "2026-01-15T10:00:00+00:00"),
        ("2026-01-14T22:30:00-11:30", "2026-01-15T10:00:00+00:00"),
        ("2024-02-29T23:59:59-00:01", "2024-03-01T00:00:59+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999+00:00"),
    ],
)
def test_an_offset_is_converted_to_utc(text: str, normalised: str) -> None:
    parsed = Timestamp.parse(text)
    assert parsed.normalised == normalised
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-15",
        "2026-01-15T10:00:00",
        "2026-01-15T10:00:00.Z",
        "2026-01-15T10:00:00,5Z",
        "2026-01-15T10:00Z",
        "2026-01-15T10:00:00+0000",
        "2026-01-15T10:00:00Z ",
        "2026-01-15T10:00:00Z\n",
        "٢٠٢٦-01-15T10:00:00Z",
        "2026-13-15T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-01-15T24:00:00Z",
        "2026-01-15T10:60:00Z",
        "2026-01-15T10:00:61Z",
        "2026-01-15T10:00:00+24:00",
        "2026-01-15T10:00:00+14:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_no_time_or_has_no_offset_is_refused(text: str) -> None:
    with pytest.raises(TimestampError, match="RFC 3339"):
        Timestamp.parse(text)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(TimestampError, match="offset"):
        Timestamp.from_datetime(datetime(2026, 1, 15, 10))  # noqa: DTZ001 - that is the point


def test_a_datetime_that_utc_cannot_hold_is_refused() -> None:
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(TimestampError, match="years 1 to 9999"):
        Timestamp.from_datetime(early)


@pytest.mark.parametrize("outside", [FIRST_NANO - 1, LAST_NANO + 1])
def test_an_instant_outside_the_years_1_to_9999_is_refused(outside: int) -> None:
    with pytest.raises(TimestampError, match="years 1 to 9999"):
        Timestamp.from_nanos(outside)


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60.25Z", "2017-01-01T01:59:60.25+02:00"])
def test_second_60_is_kept(text: str) -> None:
    leap = Timestamp.parse(text)
    assert leap.text == text
    assert leap.normalised == "2016-12-31T23:59:60.250+00:00"


def test_second_60_counts_as_the_next_minute_in_milliseconds_and_as_59_in_an_expiry() -> None:
    leap = Timestamp.parse("2016-12-31T23:59:60.25Z")
    assert leap.epoch_ms == Timestamp.parse("2017-01-01T00:00:00.25Z").epoch_ms
    assert leap.epoch_seconds == Timestamp.parse("2016-12-31T23:59:59Z").epoch_seconds


def test_second_60_lies_between_its_neighbours() -> None:
    before, leap, after = map(
        Timestamp.parse, ("2016-12-31T23:59:59.999999999Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")
    )
    assert before < leap < after


def test_times_before_1970_are_rounded_down() -> None:
    early = Timestamp.parse("1969-12-31T23:59:59.9995Z")
    assert early.epoch_ms == -1
    assert early.epoch_seconds == -1


def test_two_spellings_of_one_instant_are_equal_and_hash_alike() -> None:
    here, there = Timestamp.parse("2026-01-15T10:00:00Z"), Timestamp.parse("2026-01-15T12:00:00.000+02:00")
    assert here == there
    assert len({here, there}) == 1
    assert here != "2026-01-15T10:00:00Z"


def test_seconds_are_added_exactly() -> None:
    start = Timestamp.parse("2026-01-15T10:00:00.000000001Z")
    assert start.plus_seconds(3600).text == "2026-01-15T11:00:00.000000001+00:00"
    assert start.plus_seconds(-1).text == "2026-01-15T09:59:59.000000001+00:00"


def test_the_clock_tells_the_time_and_waits() -> None:
    clock = Clock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() > before
    assert abs(clock.now().epoch_seconds - datetime.now(UTC).timestamp()) < 5
