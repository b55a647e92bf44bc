"""One plain or typed record of JSON Lines as an audit record (FORMAT 2, CASES 1 to 11)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.cli.plainitems import plain_item
from audit_core.errors import InputError, RecordError, TimestampError
from audit_core.hashing import same_item
from audit_core.jsontext import json_text, parse_exact
from audit_core.linking import link_record, unlinked
from audit_core.plainrecords import plain_record, typed_item, typed_record, with_lifetime
from audit_core.records import AuditRecord
from audit_core.timestamps import Timestamp
from audit_core.tip import Tip
from tests.builders import DISPATCHED, record
from tests.typed_values import extras, texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from audit_core.plainrecords import ReadRecord

TIP = Tip(6, "0" * 64, (3, "1" * 64))
LINKED = link_record(TIP, record(expires_at=DISPATCHED.plus_seconds(3600)))


def line(made: AuditRecord, **changes: object) -> str:
    """A record as `get --json` prints it, with fields changed; None takes one away."""
    fields = {**plain_item(made.to_item()), **changes}
    return json.dumps({name: value for name, value in fields.items() if name not in changes or value is not None})


def plain(text: str, extra: Collection[str] = ()) -> ReadRecord:
    return plain_record(parse_exact(text), extra)


names = texts.filter(bool).filter(lambda text: "#" not in text)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
moments = st.builds(Timestamp.from_nanos, st.integers(0, 4 * 10**18))
maybe_text = st.none() | texts
random_records = st.builds(
    AuditRecord,
    id=names.map("id-{}".format),
    action_id=texts.filter(bool),
    namespace=names,
    tenant=texts.filter(bool),
    provider=texts,
    action_type=texts,
    verdict=texts,
    outcome=texts,
    dispatched_at=moments,
    completed_at=moments,
    duration_ms=st.integers(0, 2**53),
    caller_id=texts,
    auth_method=texts,
    verdict_details=json_values.map(json_text),
    outcome_details=json_values.map(json_text),
    metadata=json_values.map(json_text),
    action_payload=st.none() | json_values.map(json_text),
    attachment_metadata=st.none() | st.lists(json_values, max_size=2).map(json_text),
    chain_id=maybe_text,
    matched_rule=maybe_text,
    signature=maybe_text,
    signer_id=maybe_text,
    kid=maybe_text,
    canonical_hash=maybe_text,
    expires_at=st.none() | moments,
    extra=extras.map(
        lambda held: {  # a fraction that no double holds is printed as text
            name: value for name, value in held.items() if "N" not in value or "." not in value["N"]
        }
    ),
)


@given(random_records, st.booleans())
def test_a_record_written_plain_reads_back_equal(made: AuditRecord, chained: bool) -> None:
    stored = link_record(TIP, made) if chained else made
    read = plain(line(stored), made.extra.keys())
    assert same_item(read.record.to_item(), made.to_item())
    assert (read.placed, read.altered, read.position) == (chained, False, 7 if chained else None)


@given(random_records)
def test_a_record_written_typed_reads_back_equal(made: AuditRecord) -> None:
    stored = link_record(TIP, made).to_item()
    read = typed_record(typed_item(parse_exact(json.dumps(stored, default=as_base64))))
    assert same_item(read.record.to_item(), made.to_item())
    assert (read.placed, read.altered, read.position) == (True, False, 7)


def as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_ten_fields_are_enough() -> None:
    names = ("id", "action_id", "namespace", "tenant", "provider", "action_type", "verdict", "outcome")
    times = ("dispatched_at", "completed_at")
    made = plain(json.dumps({**dict.fromkeys(names, "x"), **dict.fromkeys(times, "2026-01-15T10:00:00Z")})).record
    assert (made.caller_id, made.auth_method, made.duration_ms) == ("", "", 0)
    assert (made.verdict_details, made.outcome_details, made.metadata) == ("null", "null", "null")
    assert (made.action_payload, made.attachment_metadata, made.expires_at) == (None, None, None)


@pytest.mark.parametrize("name", ["id", "action_id", "tenant", "outcome", "dispatched_at", "completed_at"])
def test_a_field_that_lacks_is_named(name: str) -> None:
    with pytest.raises(RecordError, match=f"It has no {name}"):
        plain(line(record(), **{name: None}))


def test_all_fields_that_lack_are_named_at_once_and_why_an_id_is_needed() -> None:
    with pytest.raises(RecordError, match=r"no id and no tenant; by its id a record is known when it is imported"):
        plain(line(record(), id=None, tenant=None))


@pytest.mark.parametrize(
    ("given_as", "stored"),
    [
        (
            '{ "a" : [ 1.0, 1E5, -0, 123456789012345678901234567890 ] }',
            '{"a":[1.0,1E5,-0,123456789012345678901234567890]}',
        ),
        ('"{\\"a\\": 1.0}"', '{"a":1.0}'),
        ('"\\"ENC[x]\\""', '"ENC[x]"'),
        ('"null"', "null"),
        ("7", "7"),
        ("false", "false"),
        ("[]", "[]"),
    ],
)
def test_json_is_given_as_a_value_or_as_its_text(given_as: str, stored: str) -> None:
    text = line(record(), metadata="?", action_payload="?").replace('"?"', given_as)
    made = plain(text).record
    assert (made.metadata, made.action_payload) == (stored, stored)


def test_null_is_no_value() -> None:
    text = line(record(), metadata="?", action_payload="?", kid="?", expires_at="?").replace('"?"', "null")
    made = plain(text).record
    assert (made.metadata, made.action_payload, made.kid, made.expires_at) == ("null", None, None, None)


def test_an_empty_list_of_attachments_is_absent() -> None:
    assert plain(line(record(), attachment_metadata=[])).record.attachment_metadata is None
    assert plain(line(record(), attachment_metadata=[{"n": 1}])).record.attachment_metadata == '[{"n":1}]'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metadata": "ENC[x]"}, "metadata is a string that is no JSON text"),
        ({"metadata": '{"a":1,"a":2}'}, "twice"),
        ({"metadata": {"a": "\ud800"}}, "valid Unicode"),
        ({"metadata": '"\\ud800"'}, "metadata"),
        ({"tenant": "\ud800"}, "lone surrogate"),
        ({"tenant": 7}, "tenant is a number; it must be text"),
        ({"tenant": {"S": "acme"}}, "tenant is an object; it must be text"),
        ({"kid": True}, "kid is true or false"),
        ({"duration_ms": True}, "duration_ms is true or false; it must be a whole number"),
        ({"duration_ms": "42"}, "duration_ms is text"),
        ({"duration_ms": 1.5}, "duration_ms is a number; it must be a whole number"),
        ({"duration_ms": -1}, "duration_ms is -1"),
        ({"duration_ms": 2**60}, "2\\^53"),
        ({"namespace": "a#b"}, "without '#'"),
        ({"id": "SEQ#a#b#0"}, "names fences"),
        ({"id": ""}, "id must be 1 to"),
        ({"dispatched_at": "2026-01-15T10:00:00"}, "Its dispatched_at cannot be read"),
        ({"expires_at": "soon"}, "Its expires_at cannot be read"),
        ({"expires_at_ttl": 1900000000}, "expires_at_ttl without expires_at"),
        ({"_fence": True}, "_fence is no field"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_what_cannot_be_stored_is_refused_by_its_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plain(line(record(), **changes))


@pytest.mark.parametrize(
    ("name", "near"), [("tennant", "tenant"), ("expires_on", "expires_at"), ("Outcome", "outcome")]
)
def test_an_unknown_field_is_refused_with_the_nearest_name(name: str, near: str) -> None:
    with pytest.raises(RecordError, match=f"{name} is no field of a record. Did you mean {near}"):
        plain(line(record(), **{name: "x"}))


def test_a_further_field_is_kept_when_it_is_named() -> None:
    made = plain(
        line(record(), team="red", weight=1.5, tags={"SS": ["a"]}, raw={"B": "AP8="}), ("team", "weight", "tags", "raw")
    )
    assert dict(made.record.extra) == {
        "team": {"S": "red"},
        "weight": {"N": "1.5"},
        "tags": {"SS": ["a"]},
        "raw": {"B": b"\x00\xff"},
    }


@pytest.mark.parametrize("value", [["a"], {"X": 1}, {"S": "a", "N": "1"}, {"B": "?"}, {"N": 1}, {}], ids=repr)
def test_a_further_field_that_is_no_typed_value_is_refused(value: object) -> None:
    with pytest.raises(RecordError, match="team"):
        plain(line(record(), team=value), ("team",))


def test_a_place_in_a_chain_is_left_behind() -> None:
    read = plain(line(LINKED))
    assert (read.placed, read.position, read.altered) == (True, 7, False)
    assert read.record == unlinked(LINKED)
    assert plain(line(record())).placed is False


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "failed"},
        {"metadata": {"a": 1}},
        {"record_hash": "0" * 64},
        {"content_hash": 5},
        {"sequence_number": 8},
        {"expires_at_ttl": 1},
        {"ns_tenant": "a#b"},
        {"dispatched_at_ms": 0},
    ],
    ids=repr,
)
def test_a_record_that_does_not_agree_with_its_hashes_is_marked(changes: dict[str, Any]) -> None:
    assert plain(line(LINKED, **changes)).altered is True


def test_derived_attributes_without_hashes_are_checked_against_their_sources() -> None:
    assert plain(line(record())).altered is False
    assert plain(line(record(), dispatched_at_ms=0)).altered is True


def test_a_number_between_two_positions_gives_no_order() -> None:
    read = plain(line(LINKED, sequence_number=499.5))
    assert (read.placed, read.position) == (True, None)


@pytest.mark.parametrize("value", [{"id": "x"}, {"id": {"S": "x", "N": "1"}}, [], "text", {"id": {"S": 5}}], ids=repr)
def test_what_is_no_typed_record_is_refused(value: object) -> None:
    with pytest.raises(RecordError):
        typed_record(typed_item(parse_exact(json.dumps(value))))


def test_a_lifetime_is_for_records_that_have_none() -> None:
    forever = with_lifetime(plain(line(record())), 60).record
    assert forever.expires_at == DISPATCHED.plus_seconds(60)
    assert with_lifetime(plain(line(LINKED)), 60).record.expires_at == LINKED.expires_at
    assert with_lifetime(plain(line(record())), None).record.expires_at is None
    with pytest.raises(TimestampError):
        with_lifetime(plain(line(record())), 10**12)
