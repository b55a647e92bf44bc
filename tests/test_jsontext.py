from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import RecordError
from audit_core.jsontext import compact_json, exact_text, json_text, parse_exact
from tests.typed_values import texts

number_texts = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
spaces = st.text(" \t\r\n", max_size=3)
PIECES = [
    *'[]{}:,"-+.0e1 \t\n',
    '"a"',
    '"\\ud83d',
    '\\ude00"',
    '"\ud800"',
    "9" * 400,
    "1e400",
    "null",
    "NaN",
    "\ufeff",
    "\xa0",
]
near_json = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | values.map(json.dumps)

BAD_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", '{"a":[1,NaN]}', "[1e999999999]"]
NOT_JSON = ["", "{", "[1,]", "{'a':1}", "01", "1 2", '"', '"\n"', "nul", '{"a" 1}', "\ufeff1", '"\\"' * 1000]
DEEP = {
    "lists": "[" * 101 + "]" * 101,
    "maps": '{"a":' * 101 + "1" + "}" * 101,
    "far": "[" * 100_000,
    "open": "[" * 101,
}
SURROGATES = {
    "bare": '"\ud800"',
    "escaped": '"\\ud800"',
    "in a key": '{"\\uDFFF":1}',
    "after a pair": '"\\ud83d\\ude00\\ud83d"',
}


@given(values)
def test_json_text_is_compact_and_says_the_same(value: Any) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(values, st.sampled_from([None, 2]))
def test_compacting_takes_away_white_space_and_nothing_else(value: Any, indent: int | None) -> None:
    assert compact_json(json.dumps(value, ensure_ascii=False, indent=indent)) == json_text(value)


@given(st.lists(number_texts, min_size=1, max_size=5), spaces)
def test_every_number_keeps_its_text(numbers: list[str], space: str) -> None:
    spaced = f"{space}[{space}" + f"{space},{space}".join(numbers) + f"]{space}"
    compact = "[" + ",".join(numbers) + "]"
    assert compact_json(spaced) == compact
    assert exact_text(parse_exact(spaced)) == compact


@given(values)
def test_what_is_parsed_exactly_is_written_back_the_same(value: Any) -> None:
    text = json_text(value)
    assert exact_text(parse_exact(text)) == text


@given(near_json)
def test_what_the_quick_reader_takes_the_exact_one_takes_as_well(text: str) -> None:
    quick = compacted(text)
    refused = orjson.JSONDecodeError("refused", "", 0)
    with patch.object(orjson, "loads", side_effect=refused):
        assert compacted(text) == quick


def compacted(text: str) -> str | None:
    """The compact form of a text, None where it is refused."""
    try:
        return compact_json(text)
    except RecordError:
        return None


@given(st.dictionaries(texts, number_texts))
def test_keys_are_sorted_on_request(members: dict[str, str]) -> None:
    text = "{" + ",".join(f"{json.dumps(key)}:{number}" for key, number in members.items()) + "}"
    assert list(json.loads(exact_text(parse_exact(text), sort_keys=True))) == sorted(members)


@pytest.mark.parametrize(
    "number",
    ["1.0", "1", "-0", "-0.0", "1E5", "1e-7", "9007199254740993", "123456789012345678901234567890", "9" * 5000],
)
def test_a_number_is_never_rounded_or_rewritten(number: str) -> None:
    assert compact_json(f' {{ "n" : {number} }} ') == f'{{"n":{number}}}'
    assert exact_text(parse_exact(f' {{ "n" : {number} }} ')) == f'{{"n":{number}}}'


def test_integers_past_2_to_the_53_are_written_exactly() -> None:
    assert json_text({"n": 2**53 + 1, "m": 10**40}) == '{"n":9007199254740993,"m":1' + "0" * 40 + "}"


def test_white_space_within_texts_stays() -> None:
    assert compact_json('{ "a b" : " \\" [ 1 , 2 ] " }') == '{"a b":" \\" [ 1 , 2 ] "}'


@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_a_number_that_is_not_finite_is_refused(text: str) -> None:
    for read in (compact_json, parse_exact):
        with pytest.raises(RecordError, match="no place in JSON"):
            read(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}], ids=repr)
def test_a_value_that_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(RecordError, match="finite"):
        json_text(value)


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {"a": {1, 2}}, {("a",): 1}], ids=["object", "bytes", "set", "key"]
)
def test_a_value_that_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(RecordError, match="cannot be written as JSON"):
        json_text(value)


@pytest.mark.parametrize("text", NOT_JSON)
def test_what_is_not_json_is_refused(text: str) -> None:
    for read in (compact_json, parse_exact):
        with pytest.raises(RecordError, match="should be JSON is not"):
            read(text)


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_nesting_is_bounded(text: str) -> None:
    for read in (compact_json, parse_exact):
        with pytest.raises(RecordError):
            read(text)


def test_a_hundred_levels_are_accepted_and_not_one_more() -> None:
    text = "[" * 100 + "]" * 100
    assert compact_json(text) == exact_text(parse_exact(text)) == json_text(json.loads(text)) == text
    for write in (
        lambda: compact_json(f"[{text}]"),
        lambda: parse_exact(f"[{text}]"),
        lambda: json_text([json.loads(text)]),
    ):
        with pytest.raises(RecordError, match="100 levels"):
            write()


def test_a_value_of_a_hundred_thousand_levels_is_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = {"a": [value]}
    with pytest.raises(RecordError, match="100 levels"):
        json_text(value)


@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES.keys())
def test_a_lone_surrogate_is_refused_also_behind_an_escape(text: str) -> None:
    with pytest.raises(RecordError):
        compact_json(text)
    with pytest.raises(RecordError):
        exact_text(parse_exact(text))
    with pytest.raises(RecordError):
        json_text(json.loads(text))


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert compact_json('"\\ud83d\\ude00"') == '"\\ud83d\\ude00"'
    assert exact_text(parse_exact('"\\ud83d\\ude00"')) == '"😀"'


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"b":{"a":1,"c":2,"a":2}}]', '{"a":1,"\\u0061":2}'])
def test_a_key_that_stands_twice_in_one_object_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="'a' stands twice"):
        parse_exact(text)
