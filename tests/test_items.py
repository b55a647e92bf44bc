from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import RecordError
from audit_core.items import (
    check_attribute,
    item_size,
    plain_number,
    shape_problems,
    source_problems,
    text_of,
    whole_number,
)
from tests.builders import item, record
from tests.typed_values import numbers, texts, values

REQUIRED = sorted(set(record(action_payload=None).to_item()))


def least_size(value: dict[str, Any]) -> int:
    """The least that DynamoDB's documented rules can count for a typed value."""
    ((kind, held),) = value.items()
    if kind == "N":
        digits = "".join(character for character in held if character.isdigit()).strip("0")
        return (len(digits) + 1) // 2 + 1 + held.startswith("-")
    if kind in {"S", "B"}:
        return len(held.encode() if isinstance(held, str) else held)
    if kind in {"SS", "NS", "BS"}:
        return sum(least_size({kind[0]: member}) for member in held)
    if kind == "L":
        return 3 + sum(1 + least_size(member) for member in held)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + least_size(member) for name, member in held.items())
    return 1


def test_a_complete_item_has_no_problems() -> None:
    complete = item(sequence_number=0, expires_at=record().completed_at, record_hash="0" * 64)
    assert shape_problems(complete) == ()
    assert source_problems(complete) == ()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_named(name: str) -> None:
    assert shape_problems(item(**{name: None})) == (f"{name} is missing",)


@pytest.mark.parametrize("name", [*REQUIRED, "action_payload", "expires_at_ttl", "sequence_number", "record_hash"])
def test_an_attribute_of_the_wrong_type_is_named(name: str) -> None:
    (problem,) = shape_problems(item(**{name: {"NULL": True}}))
    assert problem.startswith(f"{name} is of type NULL, not ")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("previous_hash", {"S": ""}, "previous_hash is empty instead of absent"),
        ("dispatched_at", {"S": "yesterday"}, "dispatched_at is not an RFC 3339 time"),
        ("expires_at", {"S": "2026-01-15T10:00:00"}, "expires_at is not an RFC 3339 time"),
        ("dispatched_at", {"S": 7}, "dispatched_at is not text"),
        ("duration_ms", {"N": "0.5"}, "duration_ms is not a whole number"),
        ("sequence_number", {"N": "499.5"}, "sequence_number is not a whole number"),
        ("sequence_number", {"N": "-1"}, "sequence_number is below 0"),
        ("_fence", {"BOOL": True}, "_fence stands on a record"),
    ],
)
def test_what_is_wrong_with_an_attribute_is_said(name: str, value: Any, problem: str) -> None:
    assert shape_problems(item(**{name: value})) == (problem,)


def test_unknown_attributes_are_no_problem() -> None:
    assert shape_problems(item(region={"S": "eu"}, cost={"N": "1.5"})) == ()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ns_tenant", {"S": "notifications#other"}, "ns_tenant does not agree with namespace and tenant"),
        ("dispatched_at_ms", {"N": "1768471200046"}, "dispatched_at_ms does not agree with dispatched_at"),
        ("expires_at_ttl", {"N": "1768471201"}, "expires_at_ttl does not agree with expires_at"),
        ("expires_at_ttl", {"N": "1768471200000"}, "expires_at_ttl does not agree with expires_at"),
        ("expires_at_ttl", None, "expires_at_ttl is absent though the other of the two is there"),
        ("expires_at", None, "expires_at is absent though the other of the two is there"),
    ],
)
def test_a_derived_attribute_that_disagrees_with_its_source_is_named(name: str, value: Any, problem: str) -> None:
    expiring = item(expires_at=record().dispatched_at)
    expiring.pop(name)
    assert source_problems(expiring if value is None else {**expiring, name: value}) == (problem,)


def test_an_expiry_kept_as_text_is_a_problem_of_its_shape() -> None:
    kept_as_text = item(expires_at=record().dispatched_at, expires_at_ttl={"S": "1768471200"})
    assert shape_problems(kept_as_text) == ("expires_at_ttl is of type S, not N",)


def test_only_a_text_has_text() -> None:
    subject = item()
    assert text_of(subject, "provider") == "email"
    assert text_of(subject, "duration_ms") is None
    assert text_of(subject, "nowhere") is None


@given(st.integers(-(10**38), 10**38))
def test_a_whole_number_is_read_exactly(number: int) -> None:
    assert whole_number(str(number)) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1E+2", 100),
        ("2.0", 2),
        ("-0", 0),
        ("499.5", None),
        ("", None),
        ("ten", None),
        ("NaN", None),
        (None, None),
        ("sNaN", None),
        ("Infinity", None),
        ("1E+999999999", None),
        ("1E-999999999", None),
        (True, None),
    ],
)
def test_a_whole_number_in_other_words(text: object, expected: int | None) -> None:
    assert whole_number(text) == expected


@given(numbers)
def test_a_number_in_the_engines_form_stays_as_it_is(text: str) -> None:
    assert plain_number(text) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_plain_number_means_the_same_or_cannot_be_kept(number: Decimal) -> None:
    plain = plain_number(str(number))
    if plain is None:
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        assert len(digits) > 38 or not -130 <= number.adjusted() <= 125
        return
    assert Decimal(plain) == number
    assert "E" not in plain
    assert plain_number(plain) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1.0", "1"),
        ("-0", "0"),
        ("0.0", "0"),
        ("007", "7"),
        ("1E+2", "100"),
        ("0.10", "0.1"),
        ("-1.50", "-1.5"),
        ("9" * 38, "9" * 38),
        ("9" * 38 + "00", "9" * 38 + "00"),
        ("1e125", "1" + "0" * 125),
    ],
)
def test_a_number_is_written_as_the_engine_returns_it(text: str, plain: str) -> None:
    assert plain_number(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ten",
        "1_0",
        " 1",
        "٣",
        "NaN",
        "Infinity",
        "9" * 39,
        "0." + "0" * 5 + "1" * 39,
        "1e126",
        "1e-131",
        "1E+99999999999999999999",
    ],
)
def test_what_dynamodb_cannot_keep_as_a_number_has_no_plain_form(text: str) -> None:
    assert plain_number(text) is None


@given(values)
def test_every_typed_value_that_dynamodb_takes_is_accepted(value: dict[str, Any]) -> None:
    check_attribute("extra", value)


@pytest.mark.parametrize(
    "value",
    [
        {"N": "9" * 39},
        {"N": "NaN"},
        {"N": "1.0"},
        {"N": "-0"},
        {"N": 1},
        {"NS": ["1", "1e400"]},
        {"NS": ["1", "1"]},
        {"SS": []},
        {"SS": ["a", 1]},
        {"S": "\ud800"},
        {"S": 1},
        {"B": "AAE="},
        {"BOOL": 1},
        {"NULL": False},
        {"M": {"a": {"S": "\udfff"}}},
        {"M": {"\ud800": {"S": "a"}}},
        {"L": [{"N": "9" * 39}]},
        {"L": ["bare"]},
        {"S": "a", "N": "1"},
        {"X": "a"},
        {},
        "bare",
        None,
    ],
    ids=repr,
)
def test_a_typed_value_that_would_not_be_kept_as_it_is_is_refused(value: object) -> None:
    with pytest.raises(RecordError, match=r"extra|lone surrogate"):
        check_attribute("extra", value)


def test_nesting_is_bounded() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(32):
        value = {"L": [value]}
    check_attribute("extra", value)
    for _ in range(100_000):
        value = {"M": {"a": value}}
    with pytest.raises(RecordError, match="32 levels"):
        check_attribute("extra", value)


@given(st.dictionaries(texts, values, max_size=6))
def test_the_size_is_never_less_than_what_dynamodb_counts(subject: dict[str, Any]) -> None:
    least = sum(len(name.encode()) + least_size(value) for name, value in subject.items())
    assert item_size(subject) >= least


@given(st.dictionaries(texts, st.builds(lambda text: {"S": text}, texts), max_size=6))
def test_the_size_of_texts_is_exact_and_counts_names(subject: dict[str, Any]) -> None:
    assert item_size(subject) == sum(len(name.encode()) + len(value["S"].encode()) for name, value in subject.items())


@pytest.mark.parametrize("kib", [399, 400, 401])
def test_an_item_of_so_many_kilobytes_is_counted_to_the_byte_with_its_names(kib: int) -> None:
    rest = item_size(item(action_payload=""))
    assert item_size(item(action_payload="é" * 7 + "x" * (kib * 1024 - rest - 14))) == kib * 1024
