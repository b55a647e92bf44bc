from __future__ import annotations

import json

import pytest

from audit_core.query import Row
from audit_core.records import StoredRecord
from audit_core.retention import expiry_state
from audit_ui import formats, local_times, record_story
from tests import builders
from tests.builders import DISPATCHED

DAY = 86_400


def row(**overrides: object) -> Row:
    item = builders.item(**overrides)
    return Row(StoredRecord.from_item(item), expiry_state(item, DISPATCHED))


def test_a_record_tells_who_did_what_and_how_it_ended() -> None:
    assert record_story.happened(row(matched_rule="quiet-hours")) == (
        "svc (signed in by api_key) asked for send_email by email on 2026-01-15 10:00:00.045 UTC. "
        "The verdict was allow, by the rule quiet-hours. It ended after 42 ms as executed."
    )


def test_an_intent_has_not_ended() -> None:
    assert record_story.happened(row(outcome="pending")).endswith("This was written before it was done.")


def test_what_is_not_there_is_said_to_be_missing() -> None:
    gone = dict.fromkeys(("caller_id", "provider", "action_type", "verdict", "outcome", "dispatched_at", "duration_ms"))
    said = record_story.happened(row(**gone))
    for words in ("does not name", "without a type", "without a name", "not given", "does not say", "does not give"):
        assert words in said


def test_what_cannot_be_seen_is_escaped_in_the_story() -> None:
    assert "a\\u{202E}b" in record_story.happened(row(caller_id={"S": "a\u202eb"}))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "It never expires"),
        (90_061, "It expires in 1 day 1 hour. It is removed."),
        (59, "It expires in 59 seconds. It is removed."),
        (-3600, "It expired 1 hour ago and is still here. It is removed."),
        (-6 * 365 * DAY, "more than five years, so DynamoDB will never remove it"),
    ],
)
def test_a_lifetime_is_told_from_now_on(seconds: int | None, said: str) -> None:
    expires = None if seconds is None else DISPATCHED.plus_seconds(seconds)
    assert said in record_story.lifetime_words(row(expires_at=expires), DISPATCHED, "It is removed.")


def test_an_expiry_that_is_none_never_comes() -> None:
    said = record_story.lifetime_words(row(expires_at=DISPATCHED, expires_at_ttl={"S": "soon"}), DISPATCHED, "")
    assert "not a number of seconds" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "less than a second"), (1, "1 second"), (3600, "1 hour"), (90_061, "1 day 1 hour"), (86_401, "1 day")],
)
def test_a_span_is_told_by_its_two_largest_units(seconds: int, said: str) -> None:
    assert record_story.roughly(seconds) == said


def test_hidden_characters_are_named_by_attribute() -> None:
    item = builders.item(caller_id={"S": "a\u200bb\u200b"}, provider={"S": "e\x1bmail"}, plain={"N": "5"})
    assert record_story.hidden_in(item) == [
        ("caller_id", "U+200B ZERO WIDTH SPACE (2 times)"),
        ("provider", "U+001B CONTROL"),
    ]


def test_a_raw_item_shows_what_is_hidden_and_still_means_the_same() -> None:
    item = {"id": {"S": "a\u202eb\U000e0041\u00e9"}}
    shown = formats.raw_item(item)
    assert "\\u202e" in shown
    assert "\u00e9" in shown
    assert json.loads(shown) == item


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-01-15T10:00:00.5Z", "Pacific/Auckland", "2026-01-15 23:00:00"),
        ("2026-07-15T10:00:00Z", "Europe/Berlin", "2026-07-15 12:00:00"),
        ("0001-01-01T00:00:00Z", "America/New_York", ""),
        ("9999-12-31T23:59:59Z", "Pacific/Auckland", ""),
        ("yesterday", "Europe/Berlin", ""),
        ("2026-01-15T10:00:00Z", "Nowhere/At All", ""),
        ("2026-01-15T10:00:00Z", "../../etc/passwd", ""),
    ],
)
def test_a_time_is_told_by_another_clock_where_it_can_be(text: str, zone: str, shown: str) -> None:
    assert local_times.local_clock(text, zone) == shown
