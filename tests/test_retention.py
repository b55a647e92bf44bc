"""Retention: what TTL makes of a record, and when a lifetime can explain that one is gone (FORMAT 9)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.retention import (
    NEVER_REMOVED_AFTER_SECONDS,
    Against,
    Expiry,
    Lifetimes,
    expiry_state,
    lived,
    summarise,
    ttl_lifetime,
)
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp
from tests.builders import DISPATCHED, item

NOW = Timestamp.parse("2026-06-01T12:00:00Z")
SECONDS = NOW.epoch_seconds
DAY = 86_400
HOUR = 3600


@pytest.mark.parametrize(
    ("attribute", "expiry"),
    [
        (None, Expiry.NEVER),
        ({"N": str(SECONDS + 1)}, Expiry.LIVE),
        ({"N": str(SECONDS)}, Expiry.EXPIRED),
        ({"N": str(SECONDS - NEVER_REMOVED_AFTER_SECONDS)}, Expiry.EXPIRED),
        ({"N": str(SECONDS - NEVER_REMOVED_AFTER_SECONDS - 1)}, Expiry.NOT_REMOVABLE),
        ({"N": "253402300799"}, Expiry.LIVE),
        ({"N": "253402300800"}, Expiry.UNREADABLE),
        ({"N": str(NOW.epoch_ms)}, Expiry.UNREADABLE),
        ({"N": "-1"}, Expiry.UNREADABLE),
        ({"N": "0.5"}, Expiry.UNREADABLE),
        ({"S": str(SECONDS)}, Expiry.UNREADABLE),
        ({"NULL": True}, Expiry.UNREADABLE),
    ],
    ids=str,
)
def test_what_ttl_makes_of_a_record(attribute: dict[str, Any] | None, expiry: Expiry) -> None:
    assert expiry_state(item(expires_at_ttl=attribute), NOW) is expiry


def test_a_lifetime_is_counted_from_the_dispatch_to_the_nanosecond() -> None:
    assert lived(item(expires_at=DISPATCHED.plus_seconds(1.5))).lifetime == 1.5 * NANOS_PER_SECOND


@pytest.mark.parametrize("change", [{}, {"expires_at": {"S": "soon"}}, {"expires_at": {"N": "1"}}], ids=str)
def test_a_lifetime_that_is_endless_or_unreadable_is_none(change: dict[str, Any]) -> None:
    assert lived(item(**change)).lifetime is None


def test_an_expiry_before_the_dispatch_is_no_negative_lifetime() -> None:
    assert lived(item(expires_at=DISPATCHED.plus_seconds(-5))).lifetime == 0


def explained(after: float, lifetimes: Lifetimes, *seen: float | None) -> bool:
    """Whether the lifetimes explain a gap so many seconds after the dispatch of the record before it."""
    neighbours = [lived(item(expires_at=None if one is None else DISPATCHED.plus_seconds(one))) for one in seen]
    return lifetimes.explain(lived(item()), neighbours, DISPATCHED.plus_seconds(after))


@pytest.mark.parametrize(
    ("lifetimes", "seen", "explains_from"),
    [
        (Lifetimes(30 * DAY), (), 30 * DAY - HOUR),
        (Lifetimes(2 * HOUR), (), 2 * HOUR - 720),
        (Lifetimes(None), (100,), 90),
        (Lifetimes(30 * DAY), (100,), 90),
        (Lifetimes(30 * DAY), (None, None), 30 * DAY - HOUR),
        (Lifetimes(None, (1000,)), (), 900),
        (Lifetimes(30 * DAY, (1000,)), (2000, 500), 450),
    ],
    ids=["declared", "a-tenth", "seen", "shorter-seen", "endless-neighbours", "past", "shortest"],
)
def test_the_shortest_lifetime_in_sight_explains_a_gap_once_it_has_passed(
    lifetimes: Lifetimes, seen: tuple[float | None, ...], explains_from: float
) -> None:
    assert explained(explains_from, lifetimes, *seen)
    assert not explained(explains_from - 0.001, lifetimes, *seen)


@pytest.mark.parametrize("seen", [(), (None,)])
def test_endless_lifetimes_explain_nothing(seen: tuple[None, ...]) -> None:
    assert not explained(1e9, Lifetimes(None), *seen)


def test_a_neighbour_without_a_readable_dispatch_explains_nothing() -> None:
    before = lived(item(dispatched_at={"S": "yesterday"}))

    assert not Lifetimes(1).explain(before, [before], NOW)


def test_records_are_counted_by_state_and_by_the_day_they_expire() -> None:
    ttls = (SECONDS + 1, SECONDS + 2, SECONDS + DAY, SECONDS - 1)

    summary = summarise([item(), *(item(expires_at_ttl={"N": str(ttl)}) for ttl in ttls)], NOW)

    assert summary.counts == {Expiry.NEVER: 1, Expiry.LIVE: 3, Expiry.EXPIRED: 1}
    assert summary.expiring_by_day == {"2026-06-01": 2, "2026-06-02": 1}
    assert summary.total == 5


def living(seconds: int | None, **overrides: Any) -> dict[str, dict[str, Any]]:
    return item(expires_at=None if seconds is None else DISPATCHED.plus_seconds(seconds), **overrides)


@pytest.mark.parametrize("fraction", ["", ".045", ".999999999"])
def test_a_lifetime_of_whole_seconds_comes_out_as_it_was_given(fraction: str) -> None:
    dispatched = Timestamp.parse(f"2026-01-15T10:00:00{fraction}Z")

    assert ttl_lifetime(item(dispatched_at=dispatched, expires_at=dispatched.plus_seconds(365 * DAY))) == 365 * DAY


@pytest.mark.parametrize(
    ("lifetimes", "seconds", "meaning"),
    [
        (Lifetimes(30 * DAY), 30 * DAY, Against.CURRENT),
        (Lifetimes(30 * DAY), 30 * DAY - HOUR, Against.CURRENT),
        (Lifetimes(30 * DAY), 30 * DAY - HOUR - 1, Against.SHORTER),
        (Lifetimes(30 * DAY), 30 * DAY + HOUR + 1, Against.LONGER),
        (Lifetimes(30 * DAY), None, Against.ENDLESS),
        (Lifetimes(100), 110, Against.CURRENT),
        (Lifetimes(100), 111, Against.LONGER),
        (Lifetimes(30 * DAY, (7 * DAY,)), 7 * DAY, Against.PAST),
        (Lifetimes(None), None, Against.CURRENT),
        (Lifetimes(None), 30 * DAY, Against.SHORTER),
    ],
)
def test_a_lifetime_is_compared_with_the_configured_ones(
    lifetimes: Lifetimes, seconds: int | None, meaning: Against
) -> None:
    assert lifetimes.compare(living(seconds)) is meaning


@pytest.mark.parametrize("change", [{"expires_at_ttl": {"S": "soon"}}, {"dispatched_at": {"S": "yesterday"}}], ids=str)
def test_a_lifetime_that_cannot_be_read_is_compared_with_nothing(change: dict[str, Any]) -> None:
    assert Lifetimes(DAY).compare(living(DAY, **change)) is Against.UNKNOWN


def test_records_are_counted_by_how_long_they_live_and_none_is_lost() -> None:
    seconds = (30, HOUR, 30 * DAY, 365 * DAY, 2191 * DAY, 2192 * DAY, 9000 * DAY, None)

    summary = summarise([living(one) for one in seconds], DISPATCHED, Lifetimes(30 * DAY))

    assert summary.lifetimes == {
        0: 1,
        HOUR: 1,
        30 * DAY: 1,
        365 * DAY: 2,
        2192 * DAY: 2,
    }
    assert summary.living_at_least(365 * DAY) == 5
    assert summary.living_at_least(2192 * DAY) == 3
    assert sum(summary.against.values()) == summary.total == len(seconds)


def test_what_expires_by_a_day_includes_that_day_and_nothing_that_is_due_already() -> None:
    ttls = (SECONDS - 1, SECONDS + 1, SECONDS + DAY, SECONDS + 10 * DAY)

    summary = summarise([item(expires_at_ttl={"N": str(ttl)}) for ttl in ttls], NOW)

    assert [summary.expiring_by(day) for day in ("2026-05-31", "2026-06-01", "2026-06-02", "2027-01-01")] == [
        0,
        1,
        2,
        3,
    ]
    assert summary.overdue_by_day == {"2026-06-01": 1}


@given(st.lists(st.one_of(st.none(), st.integers(0, 12 * 365 * DAY)), max_size=30), st.integers(0, 30))
def test_summaries_of_two_parts_add_up_to_the_summary_of_the_whole(lifetimes: list[int | None], cut: int) -> None:
    held = [living(seconds) for seconds in lifetimes]
    now = DISPATCHED.plus_seconds(6 * 365 * DAY)

    parts = summarise(held[:cut], now, Lifetimes(DAY)) + summarise(held[cut:], now, Lifetimes(DAY))

    assert parts == summarise(held, now, Lifetimes(DAY))
