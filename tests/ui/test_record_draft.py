from __future__ import annotations

import pytest

from audit_core.errors import RecordError
from audit_core.timestamps import Timestamp
from audit_ui.record_draft import FIELDS, Kind, build, problem_of, problems_of
from tests.builders import DISPATCHED

REQUIRED = {
    "namespace": "notifications",
    "tenant": "acme",
    "provider": "email",
    "action_type": "send_email",
    "outcome": "executed",
    "verdict": "allow",
}


def test_the_required_fields_are_enough() -> None:
    assert problems_of(REQUIRED) == {}


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("text", ["", "  "])
def test_a_required_field_that_is_missing_is_named(name: str, text: str) -> None:
    assert list(problems_of({**REQUIRED, name: text})) == [name]


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.kind is Kind.NAME])
@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\x1b", "\n"], ids=ascii)
def test_a_name_hides_nothing(name: str, hidden: str) -> None:
    assert "cannot be seen" in str(problem_of(name, f"a{hidden}b"))


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.kind is Kind.JSON])
@pytest.mark.parametrize("text", ["{", "{'a': 1}", '{"a":1,"a":2}', "NaN", "1e400", "[" * 200 + "]" * 200, '"\\ud800"'])
def test_json_is_checked_as_it_is_typed(name: str, text: str) -> None:
    assert problem_of(name, text) is not None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("namespace", "a#b", "without '#'"),
        ("namespace", "x" * 256, "1 to 255"),
        ("attachment_metadata", "{}", "array"),
        ("dispatched_at", "yesterday", "is not a time"),
        ("action_id", "x" * 3000, "2,048"),
        ("caller_id", "\ud800", "surrogate"),
    ],
)
def test_what_a_field_cannot_take_is_told_in_words(name: str, text: str, said: str) -> None:
    assert said in str(problem_of(name, text))


def test_names_that_are_too_long_together_are_told() -> None:
    assert "1900 bytes" in problems_of({**REQUIRED, "tenant": "x" * 1900})["tenant"]


def built(lifetime: int | None = None, **typed: str) -> dict[str, object]:
    values = {**REQUIRED, **typed}
    assert problems_of(values) == {}
    record = build(values, record_id="r1", moment=DISPATCHED, duration_ms=1500, lifetime=lifetime)
    return {name: next(iter(value.values())) for name, value in record.to_item().items()}


def test_what_was_typed_is_what_is_stored() -> None:
    stored = built(
        caller_id="ann", action_payload=' { "n" : 1.0 }\n', matched_rule="quiet-hours", chain_id="c1", kid="k"
    )

    assert stored["action_payload"] == '{"n":1.0}'
    assert (stored["caller_id"], stored["matched_rule"], stored["chain_id"], stored["kid"]) == (
        "ann",
        "quiet-hours",
        "c1",
        "k",
    )


def test_what_was_not_typed_is_absent_or_says_so() -> None:
    stored = built()

    assert {"action_payload", "matched_rule", "signature", "attachment_metadata", "expires_at"}.isdisjoint(stored)
    assert (stored["metadata"], stored["caller_id"], stored["action_id"]) == ("null", "", "r1")


def test_no_attachments_are_absent() -> None:
    assert "attachment_metadata" not in built(attachment_metadata="[]")


def test_a_time_that_was_typed_counts_and_the_others_follow() -> None:
    stored = built(lifetime=10**9, dispatched_at="2026-01-15 09:00")

    assert Timestamp.parse(str(stored["dispatched_at"])) == Timestamp.parse("2026-01-15T09:00:00Z")
    assert Timestamp.parse(str(stored["completed_at"])) == Timestamp.parse("2026-01-15T09:00:01.5Z")
    assert stored["expires_at_ttl"] == str(Timestamp.parse("2026-01-15T09:00:00Z").epoch_seconds + 10**9)


@pytest.mark.parametrize(("lifetime", "refused"), [(1, True), (2, False), (None, False)])
def test_a_record_that_would_have_expired_is_refused(lifetime: int | None, refused: bool) -> None:
    if not refused:
        assert built(lifetime)["id"] == "r1"
        return
    with pytest.raises(RecordError, match="expire"):
        built(lifetime)


def test_a_record_that_is_too_large_is_refused() -> None:
    with pytest.raises(RecordError, match="409,600"):
        built(action_payload='"' + "x" * 410_000 + '"')
