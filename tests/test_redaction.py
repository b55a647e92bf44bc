"""Redaction, as the configuration means it and before anything else happens to a record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import Verdict
from audit_core.errors import RecordError
from audit_core.redaction import Redactor
from tests.builders import record
from tests.chains import NAMES
from tests.tables import everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.store import AuditStore

MASK = "[REDACTED]"


def redacted(payload: str, *fields: str) -> Any:
    return json.loads(Redactor(fields, MASK).text("action_payload", payload))


@pytest.mark.parametrize(
    ("fields", "payload", "expected"),
    [
        (["password"], '{"password":"x","user":"a"}', {"password": MASK, "user": "a"}),
        (["PassWord"], '{"PASSWORD":"x"}', {"PASSWORD": MASK}),
        (["password"], '{"a":{"b":[{"password":"x"},{"c":1}]}}', {"a": {"b": [{"password": MASK}, {"c": 1}]}}),
        (["card.number"], '{"card":{"number":4,"a":1},"number":5}', {"card": {"number": MASK, "a": 1}, "number": 5}),
        (["card.number"], '{"card":[{"number":4},{"number":5}]}', {"card": [{"number": MASK}, {"number": MASK}]}),
        (["card.number"], '{"deep":{"card":{"number":4}}}', {"deep": {"card": {"number": 4}}}),
        (["card"], '{"card":{"number":4}}', {"card": MASK}),
        (["secret"], '{"secret":null}', {"secret": MASK}),
        (["secret"], '[{"secret":1}]', [{"secret": MASK}]),
        (["x"], '"ENC[x]"', "ENC[x]"),
        ([], '{"password":"x"}', {"password": "x"}),
    ],
)  # fmt: skip
def test_what_is_meant_is_replaced_and_nothing_else(fields: list[str], payload: str, expected: object) -> None:
    assert redacted(payload, *fields) == expected


@pytest.mark.parametrize("text", ['{"n":1.0,"big":12345678901234567890,"e":1e5,"z":0.10}', '{"a":"\\u00e9"}'])
def test_a_text_in_which_nothing_is_meant_stays_to_the_byte(text: str) -> None:
    assert Redactor(["password"], MASK).text("metadata", text) == text


def test_the_numbers_beside_what_is_replaced_stay_as_they_were_written() -> None:
    text = '{"password":"x","n":1.0,"big":12345678901234567890123}'
    assert Redactor(["password"], MASK).text("metadata", text) == (
        f'{{"password":"{MASK}","n":1.0,"big":12345678901234567890123}}'
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda held: st.lists(held, max_size=3) | st.dictionaries(st.sampled_from(["Token", "a", "b"]), held, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_no_value_under_a_name_survives_at_any_depth(value: object) -> None:
    def held(part: object) -> list[object]:
        if isinstance(part, list):
            return [found for member in part for found in held(member)]
        if isinstance(part, dict):
            own = [part["Token"]] if "Token" in part else []
            return own + [found for key, member in part.items() if key != "Token" for found in held(member)]
        return []

    assert set(map(str, held(redacted(json.dumps(value), "token")))) <= {MASK}


def test_a_key_that_stands_twice_is_refused_and_the_field_named() -> None:
    with pytest.raises(RecordError, match=r"^action_payload cannot be redacted, so it is not stored"):
        redacted('{"password":"x","password":"y"}', "password")


def test_a_store_redacts_before_it_hashes_and_writes(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__REDACT__ENABLED="true", AUDIT__REDACT__FIELDS="password, card.number")
    payload = '{"password":"hunter2","card":{"number":4111}}'
    appended = store.append(record(action_payload=payload, metadata='{"password":"hunter2"}'))
    assert appended.record.action_payload == f'{{"password":"{MASK}","card":{{"number":"{MASK}"}}}}'
    assert "hunter2" not in str(everything(store))
    assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT
    again = store.append(record(action_payload=payload, metadata='{"password":"hunter2"}'))
    assert (again.duplicate, again.record.sequence_number) == (True, 0)


def test_records_without_a_chain_are_redacted_too(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__REDACT__ENABLED="true", AUDIT__REDACT__FIELDS="password", COMPLIANCE__HASH_CHAIN="false")
    store.append(record(action_payload='{"password":"hunter2"}'))
    assert "hunter2" not in str(everything(store))


def test_redaction_that_is_switched_off_changes_nothing(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__REDACT__FIELDS="password")
    assert store.append(record(action_payload='{"password":"x"}')).record.action_payload == '{"password":"x"}'
