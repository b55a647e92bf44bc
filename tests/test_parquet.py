"""Records as Parquet: what another program reads there is what was stored, and no more than a group is held."""

from __future__ import annotations

import gc
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet as arrow

from audit_core import extracts, parquet
from audit_core.errors import EngineUnreachableError
from audit_core.extracts import Form, RecordExtract
from audit_core.hashing import content_hash, record_hash
from audit_core.manifests import Counted
from audit_core.parquet import Columns
from audit_core.query import RecordFilter, Row
from audit_core.records import StoredRecord
from audit_core.retention import Expiry
from tests.builders import item
from tests.chains import NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from audit_core import AuditStore

ALL = RecordFilter(namespace=NAMES[0], tenant=NAMES[1])


def file_of(*items: dict[str, Any], expiry: Expiry = Expiry.LIVE) -> arrow.ParquetFile:
    target = io.BytesIO()
    columns = Columns(Counted(target))
    columns.begin()
    for typed in items:
        columns.add(Row(StoredRecord.from_item(typed), expiry))
    columns.end()
    return arrow.ParquetFile(io.BytesIO(target.getvalue()))


def rows_of(*items: dict[str, Any], expiry: Expiry = Expiry.LIVE) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = file_of(*items, expiry=expiry).read().to_pylist()
    return rows


def test_text_stands_as_it_is_stored_and_numbers_can_be_computed_with() -> None:
    hostile = "=cmd|'/c calc'!A1\u202e<script>"
    (row,) = rows_of(item(caller_id=hostile, sequence_number=2**53 - 1))
    assert row["caller_id"] == hostile
    assert (row["sequence_number"], row["duration_ms"]) == (2**53 - 1, 42)
    assert row["matched_rule"] is None


def test_times_stand_to_the_nanosecond_and_beside_them_to_the_microsecond() -> None:
    (row,) = rows_of(item())
    assert row["dispatched_at"] == "2026-01-15T10:00:00.045678901+00:00"
    assert row["dispatched_utc"] == datetime(2026, 1, 15, 10, 0, 0, 45678, UTC)
    assert (row["expires_at"], row["expires_utc"]) == (None, None)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_any_year_has_its_place(year: str) -> None:
    (row,) = rows_of(item(dispatched_at={"S": f"{year}-06-01T00:00:00Z"}))
    assert row["dispatched_utc"].year == int(year)


def test_the_hashes_are_recomputed_from_the_item() -> None:
    chain = Chain().ours(3, extra={"blob": {"B": b"\0\xff"}, "tags": {"SS": ["a", "b"]}})
    for number, row in enumerate(rows_of(*(chain.record(number) for number in range(3)))):
        typed = json.loads(row["item"])
        assert record_hash(typed) == row["record_hash"]
        assert typed["blob"] == {"B": "AP8="}
        assert content_hash(chain.record(number)) == row["content_hash"]
        assert json.loads(row["further_attributes"]) == {"blob": {"B": "AP8="}, "tags": {"SS": ["a", "b"]}}


@pytest.mark.parametrize(
    ("attribute", "stored"),
    [
        ("sequence_number", {"N": "499.5"}),
        ("sequence_number", {"N": "1E+30"}),
        ("duration_ms", {"S": "42"}),
        ("verdict", {"N": "1"}),
        ("dispatched_at", {"S": "yesterday"}),
    ],
)
def test_what_is_of_another_kind_is_kept_in_the_item_and_remarked(attribute: str, stored: dict[str, str]) -> None:
    (row,) = rows_of(item(**{attribute: stored}))
    assert json.loads(row["item"])[attribute] == stored
    assert row["remarks"]
    assert row[attribute] == (stored["S"] if attribute == "dispatched_at" else None)
    assert attribute != "dispatched_at" or row["dispatched_utc"] is None


def test_what_is_out_of_the_ordinary_is_remarked() -> None:
    (row,) = rows_of(item(), expiry=Expiry.EXPIRED)
    assert row["remarks"] == "expired, still present; unchained: nothing vouches for it"
    assert rows_of(item(sequence_number=1))[0]["remarks"] is None


def test_rows_are_written_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 4)
    file = file_of(*(item(id=f"r{number}") for number in range(10)))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [4, 4, 2]
    assert file.read()["id"].to_pylist() == [f"r{number}" for number in range(10)]


def test_a_group_of_large_records_is_written_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 5000)
    file = file_of(*(item(id=f"r{number}", metadata=json.dumps("x" * 3000)) for number in range(4)))
    assert file.num_row_groups == 2


def test_no_record_is_a_file_too() -> None:
    assert file_of().metadata.num_rows == 0


class TestExtract:
    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(extracts, "PAGE_ROWS", 4)

    def test_what_was_stopped_can_be_read(self, store: AuditStore) -> None:
        put(store, *Chain().ours(11).items())
        target = io.BytesIO()
        extract = RecordExtract(store, ALL, Form.PARQUET, target)
        assert next(iter(extract)) == 4
        extract.stop()
        manifest = extract.manifest("a.parquet")
        assert (manifest.reason, manifest.size) == ("it was stopped", len(target.getvalue()))
        assert arrow.ParquetFile(io.BytesIO(target.getvalue())).metadata.num_rows == 4

    def test_what_could_not_be_read_to_its_end_can_be_read(
        self, store: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(store, *Chain().ours(11).items())
        target = io.BytesIO()
        extract = RecordExtract(store, ALL, Form.PARQUET, target)
        steps = iter(extract)
        next(steps)

        def query(*_: object, **__: object) -> None:
            raise EngineUnreachableError("Nobody answers.")

        monkeypatch.setattr(type(store.table), "query", query)
        assert list(steps) == []
        assert extract.reason == "Nobody answers."
        assert arrow.ParquetFile(io.BytesIO(target.getvalue())).metadata.num_rows == 4

    def test_what_nobody_goes_on_with_leaves_a_closed_file_alone(self, store: AuditStore) -> None:
        put(store, *Chain().ours(11).items())
        target = io.BytesIO()
        extract = RecordExtract(store, ALL, Form.PARQUET, target)
        assert next(iter(extract)) == 4
        target.close()
        del extract
        gc.collect()
        assert target.closed
