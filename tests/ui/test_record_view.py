from __future__ import annotations

import pytest

from audit_core.errors import FilterError
from audit_core.hashing import content_hash, record_hash
from audit_core.query import Row
from audit_core.records import StoredRecord
from audit_core.retention import expiry_state
from audit_ui import record_view
from audit_ui.record_query import FILTERS, RANGE, RecordsState
from tests import builders
from tests.builders import DISPATCHED


def row(**overrides: object) -> Row:
    return row_of(builders.item(**overrides))


def test_every_attribute_of_a_record_is_shown_somewhere() -> None:
    item = builders.item(matched_rule="quiet-hours", signature="s", extra_field={"S": "kept"}, sequence_number=7)
    shown = {value for _heading, fields in record_view.fields_of(row_of(item)) for _label, value in fields}
    assert {"quiet-hours", "kept", "email", "7", "api_key"} <= shown


def row_of(item: dict[str, dict[str, object]]) -> Row:
    return Row(StoredRecord.from_item(item), expiry_state(item, DISPATCHED.plus_seconds(60)))


def test_hashes_are_compared_with_what_the_record_gives_now() -> None:
    item = builders.item()
    item["record_hash"] = {"S": record_hash(item)}
    item["content_hash"] = {"S": content_hash(item)}
    assert {line.name: line.fits for line in record_view.hash_lines(item)[:2]} == {
        "record_hash": True,
        "content_hash": True,
    }
    item["action_payload"] = {"S": "{}"}
    assert {line.name: line.fits for line in record_view.hash_lines(item)[:2]} == {
        "record_hash": True,
        "content_hash": False,
    }


def test_a_record_that_cannot_be_hashed_says_why() -> None:
    line = record_view.hash_lines({"id": {"S": "x"}, "record_hash": {"S": "ab"}})[0]
    assert line.fits is None
    assert "cannot be computed" in line.recomputed


@pytest.mark.parametrize(
    ("overrides", "chained", "said"),
    [
        ({}, True, "vouched for by nothing"),
        ({}, False, "not chained"),
        ({"sequence_number": 1, "expires_at": DISPATCHED}, True, "expired, still present"),
        ({"sequence_number": 1, "expires_at_ttl": {"S": "soon"}}, True, "expiry that TTL cannot read"),
        ({"sequence_number": 1, "caller_id": {"S": "a\u200bb"}}, True, "hidden characters"),
        ({"sequence_number": 1, "verdict": {"N": "1"}}, True, "not a proper record"),
    ],
)
def test_what_is_out_of_the_ordinary_is_marked(overrides: dict[str, object], chained: bool, said: str) -> None:
    assert said in record_view.marks(row(**overrides), chained=chained)


def test_an_ordinary_record_has_no_mark() -> None:
    assert record_view.marks(row(sequence_number=1), chained=True) == ()


class TestRecordsState:
    def test_an_address_comes_back_as_it_was(self) -> None:
        given = {"namespace": "n", "tenant": "t", "order": "sequence", "cursor": "abc"}
        given |= {name: "2026-01-15" if name in RANGE else f"<{name}>" for name in (*FILTERS, *RANGE)}
        state = RecordsState.read(given)
        assert state.address(state.cursor) == given

    def test_a_first_page_in_the_usual_order_has_a_short_address(self) -> None:
        assert RecordsState.read({"namespace": "n", "tenant": "t", "order": "?"}).address() == {
            "namespace": "n",
            "tenant": "t",
        }

    def test_what_was_typed_becomes_a_filter(self) -> None:
        wanted = RecordsState.read(
            {"namespace": "n", "tenant": "t", "rule": "a = b", "since": "2026-01-15", "until": "2026-01-15"}
        ).record_filter()
        assert wanted.rule == "a = b"
        assert wanted.since is not None
        assert wanted.until is not None
        assert wanted.until.seconds - wanted.since.seconds == 86_399

    def test_a_range_that_ends_before_it_starts_is_refused(self) -> None:
        state = RecordsState.read({"namespace": "n", "tenant": "t", "since": "2026-02-01", "until": "2026-01-01"})
        with pytest.raises(FilterError, match="swap"):
            state.record_filter()
