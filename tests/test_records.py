from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import RecordError
from audit_core.items import KNOWN_ATTRIBUTES, shape_problems, source_problems
from audit_core.records import AuditRecord, StoredRecord, new_id
from audit_core.timestamps import Timestamp
from tests.builders import item, record, records
from tests.typed_values import extras, texts, values

names = texts.filter(bool)
times = st.integers(-(10**18), 4 * 10**18).map(Timestamp.from_nanos)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
optional_texts = st.none() | texts
counters = st.integers(0, 2**53)
any_record = st.builds(
    record,
    id=names.filter(lambda text: not text.startswith("SEQ#")),
    action_id=names,
    namespace=names.filter(lambda text: "#" not in text),
    tenant=names,
    provider=texts,
    action_type=texts,
    dispatched_at=times,
    completed_at=times,
    duration_ms=counters,
    caller_id=texts,
    verdict_details=texts,
    action_payload=optional_texts,
    chain_id=optional_texts,
    attachment_metadata=optional_texts,
    expires_at=st.none() | times,
    sequence_number=st.none() | counters,
    record_hash=st.none() | hashes,
    previous_hash=st.none() | hashes,
    previous_chain_sequence=st.none() | counters,
    extra=extras,
)


@given(any_record)
def test_a_record_survives_the_way_to_an_item_and_back(subject: AuditRecord) -> None:
    stored = subject.to_item()
    assert AuditRecord.from_item(stored) == subject
    assert AuditRecord.from_item(stored).to_item() == stored


@given(any_record)
def test_an_item_made_of_a_record_keeps_the_contract(subject: AuditRecord) -> None:
    stored = subject.to_item()
    assert shape_problems(stored) == ()
    assert source_problems(stored) == ()


def test_what_a_record_does_not_have_is_absent_from_its_item() -> None:
    bare = record(action_payload=None).to_item()
    assert {"NULL": True} not in bare.values()
    absent = {
        "action_payload",
        "expires_at",
        "expires_at_ttl",
        "sequence_number",
        "previous_hash",
        "attachment_metadata",
    }
    assert absent & set(bare) == set()


def test_attributes_that_derive_follow_their_sources() -> None:
    stored = item(
        namespace="prod",
        tenant="a#b",
        dispatched_at=Timestamp.parse("2026-01-15T10:00:00.0459Z"),
        expires_at=Timestamp.parse("2026-02-15T10:00:00.999Z"),
    )
    assert stored["ns_tenant"] == {"S": "prod#a#b"}
    assert stored["dispatched_at_ms"] == {"N": "1768471200045"}
    assert stored["expires_at_ttl"] == {"N": "1771149600"}


def test_times_are_stored_as_they_were_given() -> None:
    for text in ("2026-01-15T12:00:00.123456789+02:00", "2016-12-31T23:59:60Z"):
        assert item(dispatched_at=Timestamp.parse(text))["dispatched_at"] == {"S": text}


def test_a_second_60_expires_as_second_59() -> None:
    leap = record(expires_at=Timestamp.parse("2016-12-31T23:59:60Z"))
    assert leap.expires_at_ttl == Timestamp.parse("2016-12-31T23:59:59Z").epoch_seconds
    assert record().expires_at_ttl is None


@given(extras)
def test_attributes_that_are_not_known_are_kept(extra: dict[str, Any]) -> None:
    kept = AuditRecord.from_item({**item(), **extra})
    assert dict(kept.extra) == extra
    assert kept.to_item() == {**item(), **extra}


@given(st.dictionaries(st.sampled_from(sorted(KNOWN_ATTRIBUTES | {"_fence", "extra"})), st.none() | values, min_size=1))
def test_any_item_can_be_looked_at_and_says_what_is_wrong_with_it(changes: dict[str, Any]) -> None:
    subject = item(sequence_number=3, record_hash="0" * 64)
    for name, value in changes.items():
        if value is None:
            subject.pop(name, None)
        else:
            subject[name] = value
    looked_at = StoredRecord.from_item(subject)
    assert looked_at.item == subject
    assert looked_at.record is not None or looked_at.problems
    for name in subject:
        assert isinstance(looked_at.text(name), str)


def test_a_stored_value_is_shown_as_it_is() -> None:
    looked_at = StoredRecord.from_item(item(flag={"BOOL": True}, when={"N": "1E+2"}))
    assert looked_at.text("provider") == "email"
    assert looked_at.text("duration_ms") == "42"
    assert looked_at.text("flag") == '{"BOOL": true}'
    assert looked_at.text("when") == "1E+2"
    assert looked_at.text("nowhere") == ""


def test_a_number_with_an_exponent_is_read() -> None:
    assert AuditRecord.from_item(item(duration_ms={"N": "1E+2"})).duration_ms == 100


@pytest.mark.parametrize("name", ["dispatched_at_ms", "ns_tenant", "outcome", "caller_id"])
def test_an_item_that_lacks_an_attribute_is_no_record(name: str) -> None:
    with pytest.raises(RecordError, match=name):
        AuditRecord.from_item(item(**{name: None}))


def test_a_record_whose_derived_attributes_disagree_can_be_read_and_says_so() -> None:
    looked_at = StoredRecord.from_item(item(dispatched_at_ms={"N": "1"}))
    assert looked_at.record == record()
    assert looked_at.problems == ("dispatched_at_ms does not agree with dispatched_at",)


@pytest.mark.parametrize("name", ["id", "action_id", "namespace", "tenant"])
def test_an_empty_key_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match=name):
        record(**{name: ""})


@pytest.mark.parametrize("name", ["id", "action_id"])
def test_a_key_holds_2_kb_counted_in_bytes(name: str) -> None:
    assert getattr(record(**{name: "é" * 1024}), name) == "é" * 1024
    with pytest.raises(RecordError, match="2048 bytes"):
        record(**{name: "é" * 1024 + "x"})


def test_an_id_that_would_pass_for_a_fence_is_refused() -> None:
    with pytest.raises(RecordError, match="SEQ#"):
        record(id="SEQ#notifications#acme#0")


def test_a_hash_sign_is_refused_in_a_namespace_and_taken_in_a_tenant() -> None:
    assert record(namespace="a", tenant="b#c").chain == "a#b#c"
    with pytest.raises(RecordError, match="without '#'"):
        record(namespace="a#b", tenant="c")


@pytest.mark.parametrize(
    "name", ["id", "provider", "caller_id", "metadata", "action_payload", "matched_rule", "record_hash"]
)
def test_a_lone_surrogate_is_refused_wherever_it_stands(name: str) -> None:
    with pytest.raises(RecordError, match=f"{name} holds a lone surrogate"):
        record(**{name: "a\ud800"})


@pytest.mark.parametrize("name", ["tenant", "provider", "outcome", "verdict_details", "kid"])
def test_what_is_no_text_is_refused_where_text_belongs(name: str) -> None:
    with pytest.raises(RecordError, match=f"{name} is int"):
        record(**{name: 7})


@pytest.mark.parametrize("name", ["duration_ms", "sequence_number", "previous_chain_sequence"])
@pytest.mark.parametrize("value", [True, 1.0, "1", -1, 2**53 + 1], ids=repr)
def test_what_is_no_whole_number_in_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(RecordError, match=name):
        record(**{name: value})


@pytest.mark.parametrize("name", ["dispatched_at", "completed_at", "expires_at"])
def test_a_time_as_text_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match="pass a Timestamp"):
        record(**{name: "2026-01-15T10:00:00Z"})


@pytest.mark.parametrize("name", ["dispatched_at", "completed_at"])
def test_a_required_time_cannot_be_left_out(name: str) -> None:
    with pytest.raises(RecordError, match="pass a Timestamp"):
        record(**{name: None})


@pytest.mark.parametrize("name", ["namespace", "tenant", "provider", "action_type", "caller_id"])
@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\n", "\x1b", "\ufe0f"], ids=ascii)
def test_a_hidden_character_in_a_name_can_be_read_but_not_written(name: str, hidden: str) -> None:
    subject = record(**{name: f"ac{hidden}me"})
    assert AuditRecord.from_item(subject.to_item()) == subject
    with pytest.raises(RecordError, match=f"{name} holds U\\+{ord(hidden):04X}"):
        subject.check_writable()


def test_names_that_can_be_seen_can_be_written() -> None:
    record(tenant="日本語 #1", provider="Ünïcode", caller_id="").check_writable()


@pytest.mark.parametrize("name", ["provider", "expires_at_ttl", "record_hash", "_fence", "", "\ud800"], ids=ascii)
def test_an_extra_attribute_cannot_take_a_name_that_is_spoken_for(name: str) -> None:
    with pytest.raises(RecordError):
        record(extra={name: {"S": "x"}})


@pytest.mark.parametrize("number", ["9" * 39, "1.0", "-0", "1e400", "NaN"])
def test_an_extra_number_that_the_engine_would_change_is_refused(number: str) -> None:
    with pytest.raises(RecordError, match="cost"):
        record(extra={"cost": {"N": number}})


def test_ids_of_our_own_are_uuid_7_and_follow_time() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert uuid.UUID(first).version == uuid.UUID(second).version == 7
    assert first < second


def test_built_records_are_of_one_chain_and_differ_in_id_and_time() -> None:
    made = records(3, tenant="globex")
    assert len({one.id for one in made}) == len({one.dispatched_at for one in made}) == 3
    assert {one.chain for one in made} == {"notifications#globex"}
