from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import AuditError, RecordError, TimestampError
from audit_core.hashing import (
    HASHED_ATTRIBUTES,
    canonical_item,
    chain_hash,
    content_hash,
    record_canonical,
    record_hash,
)
from audit_core.timestamps import Timestamp
from tests.builders import item
from tests.typed_values import ascii_names, extras, scalars, texts, values

VECTORS = Path(__file__).parent / "vectors"


def read_vectors(name: str) -> list[Any]:
    with (VECTORS / name).open(encoding="utf-8") as lines:
        return [pytest.param(vector, id=vector["name"]) for vector in map(json.loads, lines)]


def typed(record: dict[str, str | None]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in record.items() if value is not None}


@pytest.mark.parametrize("vector", read_vectors("record_hash.jsonl"))
def test_record_hash_agrees_with_the_other_implementation(vector: dict[str, Any]) -> None:
    subject = typed(vector["record"])
    if "error" in vector:
        with pytest.raises(TimestampError):
            record_hash(subject)
        return
    assert record_canonical(subject) == vector["canonical"].encode()
    assert record_hash(subject) == vector["record_hash"]
    assert Timestamp.parse(vector["record"]["dispatched_at"]).epoch_ms == vector["dispatched_at_ms"]


@pytest.mark.parametrize("vector", read_vectors("chain_hash.jsonl"))
def test_content_hash_and_chain_hash_agree_with_the_other_implementation(vector: dict[str, Any]) -> None:
    assert canonical_item(vector["item"], "content_hash") == vector["content_canonical"].encode()
    assert content_hash(vector["item"]) == vector["content_hash"]
    if "chain_hash" in vector:
        assert canonical_item(vector["fence"], "chain_hash") == vector["fence_canonical"].encode()
        assert chain_hash(vector["fence"]) == vector["chain_hash"]


def expected_canonical(subject: dict[str, Any]) -> bytes:
    """RFC 8785 over the typed map, its sets and binaries put right by hand."""

    def plain(value: dict[str, Any]) -> dict[str, Any]:
        ((kind, held),) = value.items()
        if kind == "L":
            return {kind: [plain(member) for member in held]}
        if kind == "M":
            return {kind: {name: plain(member) for name, member in held.items()}}
        if kind == "B":
            return {kind: base64.b64encode(held).decode()}
        if kind in {"SS", "NS", "BS"}:
            members = [base64.b64encode(m).decode() if kind == "BS" else m for m in held]
            return {kind: sorted(members, key=lambda text: json.dumps(text, ensure_ascii=False).encode())}
        return value

    return rfc8785.dumps({name: plain(value) for name, value in subject.items()})


@given(st.dictionaries(ascii_names, scalars, max_size=8))
def test_the_fast_way_for_plain_items_is_rfc_8785(subject: dict[str, Any]) -> None:
    assert canonical_item(subject, "") == rfc8785.dumps(subject)


@given(st.dictionaries(texts, values, max_size=6))
def test_any_typed_map_is_hashed_in_its_rfc_8785_form(subject: dict[str, Any]) -> None:
    assert canonical_item(subject, "content_hash") == expected_canonical(
        {name: value for name, value in subject.items() if name != "content_hash"}
    )


@given(st.dictionaries(st.sampled_from(["\U00010000", "\ufffd", "é", "z", "a"]), scalars, min_size=2))
def test_names_are_sorted_by_utf_16_units(subject: dict[str, Any]) -> None:
    assert canonical_item(subject, "") == rfc8785.dumps(subject)


@given(st.dictionaries(texts, values, max_size=6))
def test_neither_order_of_attributes_nor_of_set_members_matters(subject: dict[str, Any]) -> None:
    turned = {name: dict(subject[name]) for name in reversed(subject)}
    for value in turned.values():
        for kind in value.keys() & {"SS", "NS", "BS"}:
            value[kind] = list(reversed(value[kind]))
    assert content_hash(turned) == content_hash(subject)


@given(st.dictionaries(st.sampled_from(HASHED_ATTRIBUTES), texts, min_size=10, max_size=10))
def test_record_hash_is_over_compact_json_with_sorted_keys(fields: dict[str, str]) -> None:
    fields["dispatched_at"] = "2026-01-15T10:00:00.5+02:00"
    subject = typed({**fields})
    fields["dispatched_at"] = "2026-01-15T08:00:00.500+00:00"
    expected = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert record_canonical(subject) == expected
    assert record_hash(subject) == hashlib.sha256(expected).hexdigest()


def test_attributes_beside_the_ten_leave_record_hash_alone() -> None:
    assert record_hash(item(tenant="x", action_payload='{"a":1}')) == record_hash(item(tenant="x", action_payload=None))


@pytest.mark.parametrize("name", [name for name in HASHED_ATTRIBUTES if name not in {"dispatched_at", "previous_hash"}])
def test_each_hashed_attribute_changes_record_hash(name: str) -> None:
    assert record_hash(item(**{name: {"S": "other"}})) != record_hash(item())


def test_no_previous_hash_is_another_thing_than_an_empty_one() -> None:
    assert b'"previous_hash":null' in record_canonical(item())
    assert b'"previous_hash":""' in record_canonical(item(previous_hash={"S": ""}))


@pytest.mark.parametrize(
    ("first", "second"), [('{"n":1.0}', '{"n":1}'), ('{"n":-0}', '{"n":0}'), ('{"n":1e2}', '{"n":100}')]
)
def test_the_text_of_a_number_is_what_is_hashed(first: str, second: str) -> None:
    assert content_hash(item(action_payload=first)) != content_hash(item(action_payload=second))


def test_nanoseconds_and_second_60_are_hashed_as_they_are() -> None:
    precise = Timestamp.parse("2016-12-31T23:59:60.123456789Z")
    assert b"2016-12-31T23:59:60.123456789+00:00" in record_canonical(item(dispatched_at=precise))


@given(extras, st.data())
def test_a_changed_attribute_changes_content_hash(extra: dict[str, Any], data: st.DataObject) -> None:
    subject = item(extra=extra)
    name = data.draw(st.sampled_from(sorted(subject)))
    changed = {**subject, name: {"S": data.draw(st.just("something else entirely"))}}
    removed = {other: value for other, value in subject.items() if other != name}
    assert len({content_hash(subject), content_hash(changed), content_hash(removed)}) == 3


@pytest.mark.parametrize("name", [name for name in HASHED_ATTRIBUTES if name != "previous_hash"])
def test_a_missing_hashed_attribute_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(RecordError, match=name):
        record_hash(item(**{name: None}))


@pytest.mark.parametrize(
    "subject",
    [
        item(provider={"N": "1"}),
        item(previous_hash={"NULL": True}),
        {**item(), "provider": "email"},
        item(provider={"S": "\ud800"}),
    ],
    ids=["a number", "NULL", "no typed value", "lone surrogate"],
)
def test_what_is_no_text_has_no_record_hash(subject: Any) -> None:
    with pytest.raises(RecordError):
        record_hash(subject)


@pytest.mark.parametrize(
    "value",
    [
        {"S": "\ud800"},
        {"SS": ["\ud800", "a"]},
        {"M": {"\ud800": {"S": "a"}}},
        {"L": ["bare"]},
        {"M": "bare"},
        "bare",
        7,
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_is_a_typed_error(value: Any) -> None:
    with pytest.raises(RecordError):
        content_hash({"id": {"S": "a"}, "extra": value})


def test_nesting_beyond_measure_is_a_typed_error() -> None:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(100_000):
        value = {"L": [value]}
    with pytest.raises(AuditError):
        content_hash({"extra": value})
