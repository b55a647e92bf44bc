"""Records and chains taken away, on both engines: all that matches, and a manifest whose counts add up."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from audit_core import extracts
from audit_core.cli.hashes import hash_line
from audit_core.errors import EngineUnreachableError, ImportFileError
from audit_core.extracts import Form, RecordExtract, write_chain
from audit_core.fences import GENESIS
from audit_core.hashing import record_hash
from audit_core.query import RecordFilter
from audit_core.table import Table
from tests.builders import DISPATCHED
from tests.chains import NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from audit_core.manifests import Manifest, Positions
    from audit_core.store import AuditStore

ALL = RecordFilter(namespace=NAMES[0], tenant=NAMES[1])


@pytest.fixture
def store(lasting_store: AuditStore) -> AuditStore:
    return lasting_store


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracts, "PAGE_ROWS", 4)


def taken(
    store: AuditStore, wanted: RecordFilter = ALL, form: Form = Form.JSON_LINES, **options: Any
) -> tuple[bytes, Manifest]:
    target = io.BytesIO()
    extract = RecordExtract(store, wanted, form, target, **options)
    for _done in extract:
        pass
    return target.getvalue(), extract.manifest("file.jsonl")


def numbers(content: bytes) -> list[int]:
    return [int(json.loads(line)["sequence_number"]["N"]) for line in content.splitlines()]


# -- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_pages")
class TestRecords:
    def test_all_that_match_are_written_page_after_page(self, store: AuditStore) -> None:
        put(store, *Chain().ours(11).items())
        target = io.BytesIO()
        extract = RecordExtract(store, ALL, Form.JSON_LINES, target)
        assert list(extract) == [4, 8, 11]
        assert numbers(target.getvalue()) == list(range(10, -1, -1))

    def test_an_order_is_kept(self, store: AuditStore) -> None:
        put(store, *Chain().ours(9).items())
        content, manifest = taken(store, order="sequence")
        assert numbers(content) == list(range(9))
        assert manifest.order == "sequence"

    def test_each_line_is_an_item_whose_hashes_anyone_can_recompute(self, store: AuditStore) -> None:
        chain = Chain().ours(6, extra={"blob": {"B": b"\0\xff"}, "tags": {"SS": ["a", "b"]}})
        put(store, *chain.items())
        content, _manifest = taken(store)
        for line in content.splitlines():
            stored, computed = json.loads(line), hash_line(line)
            assert computed["record_hash"] == stored["record_hash"]["S"]
            assert computed["content_hash"] == stored["content_hash"]["S"]
            assert stored["blob"] == {"B": "AP8="}

    def test_the_manifest_is_of_this_file(self, store: AuditStore) -> None:
        put(store, *Chain().ours(9).items())
        content, manifest = taken(store)
        said = json.loads(manifest.content())
        assert (said["bytes"], said["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert (said["kind"], said["format"], said["records"]) == ("records", "jsonl", len(content.splitlines()))
        assert (said["complete"], said["reason"]) == (True, None)
        assert (said["table"], said["engine"]) == (store.table.name, store.settings.engine_label)
        assert said["began_at"] <= said["ended_at"]

    def test_the_manifest_names_filter_and_window_as_asked_and_as_found(self, store: AuditStore) -> None:
        put(store, *Chain().ours(9).items())
        since, until = DISPATCHED.plus_seconds(2), DISPATCHED.plus_seconds(7)
        wanted = RecordFilter(namespace=NAMES[0], tenant=NAMES[1], outcome="executed", since=since, until=until)
        content, manifest = taken(store, wanted)
        said = manifest.as_json()
        assert numbers(content) == [7, 6, 5, 4, 3, 2]
        assert said["filter"] == {
            "namespace": NAMES[0],
            "tenant": NAMES[1],
            "outcome": "executed",
            "since": since.text,
            "until": until.text,
        }
        moments = (DISPATCHED.plus_seconds(number).normalised for number in (2, 7, 2, 7))
        assert list(said["window"].values()) == list(moments)

    def test_nothing_that_matches_is_a_file_too(self, store: AuditStore) -> None:
        content, manifest = taken(store, form=Form.CSV)
        assert (manifest.records, manifest.reason, manifest.first_dispatched) == (0, None, None)
        assert len(content.splitlines()) == 1

    def test_a_csv_file_has_a_row_for_each_record_and_no_formula(self, store: AuditStore) -> None:
        put(store, *Chain().ours(9, caller_id="=cmd|'/c calc'!A1").items())
        content, manifest = taken(store, form=Form.CSV)
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        assert (len(rows), manifest.records, manifest.size) == (9, 9, len(content))
        assert {row["caller_id"] for row in rows} == {"'=cmd|'/c calc'!A1"}

    def test_fences_and_other_tenants_are_not_in_it(self, store: AuditStore) -> None:
        put(store, *Chain().ours(3).items(), *Chain(names=("other", "tenant"), label="o").ours(3).items())
        assert len(taken(store)[0].splitlines()) == 3

    def test_a_record_that_is_none_goes_along_as_it_is(self, store: AuditStore) -> None:
        odd = {**Chain().ours(1).record(0), "dispatched_at": {"S": "yesterday"}}
        put(store, odd)
        content, manifest = taken(store)
        assert json.loads(content) == odd
        assert (manifest.records, manifest.first_dispatched) == (1, None)

    def test_a_read_that_fails_makes_it_incomplete(self, store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        put(store, *Chain().ours(9).items())
        answered, asked = Table.query, []

        def query(self: Table, *arguments: Any, **options: Any) -> Any:
            asked.append(1)
            if len(asked) > 2:
                raise EngineUnreachableError("Nobody answers.")
            return answered(self, *arguments, **options)

        monkeypatch.setattr(Table, "query", query)
        content, manifest = taken(store)
        assert (manifest.records, manifest.reason, len(content.splitlines())) == (8, "Nobody answers.", 8)
        assert manifest.as_json()["complete"] is False
        assert manifest.sha256 == hashlib.sha256(content).hexdigest()

    def test_one_that_is_stopped_says_so(self, store: AuditStore) -> None:
        put(store, *Chain().ours(9).items())
        extract = RecordExtract(store, ALL, Form.CSV, io.BytesIO())
        next(iter(extract))
        extract.stop()
        manifest = extract.manifest("x.csv")
        assert (manifest.records, manifest.reason) == (4, "it was stopped")


# -- chains ----------------------------------------------------------------------------------------------------------


def chain_taken(
    store: AuditStore, *, first: int | None = None, last: int | None = None, asked: dict[str, str | int] | None = None
) -> tuple[bytes, Manifest]:
    target = io.BytesIO()
    with store.export(*NAMES, first=first, last=last) as export:
        for _step in export:
            pass
        _header, manifest = write_chain(export, target, name="c.jsonl", engine="an engine", asked=asked or {})
    return target.getvalue(), manifest


def accounted(store: AuditStore, **bounds: Any) -> tuple[int, ...]:
    positions = positions_of(chain_taken(store, **bounds)[1])
    assert positions.reconcile
    return (positions.asked_for, positions.present, positions.expired, positions.unproven, positions.missing)


def positions_of(manifest: Manifest) -> Positions:
    assert manifest.positions is not None
    return manifest.positions


def genesis(count: int) -> list[Any]:
    """A chain that starts at 1, as Acteon once wrote them (FORMAT 9)."""
    chain = Chain().elsewhere(count + 1)
    items = [item for item in chain.items() if item["id"]["S"] not in {chain.record(0)["id"]["S"], fence_of(chain, 0)}]
    first = chain.record(1)
    first["previous_hash"] = {"S": GENESIS}
    previous = None
    for number in range(1, count + 1):
        record = chain.record(number)
        if previous is not None:
            record["previous_hash"] = {"S": previous}
        record["record_hash"] = {"S": record_hash(record)}
        previous = record["record_hash"]["S"]
    return items


def fence_of(chain: Chain, number: int) -> str:
    fence = chain.positions[number][1]
    assert fence is not None
    return str(fence["id"]["S"])


CHAINS = {
    "whole": (Chain().ours(7), (7, 7, 0, 0, 0)),
    "expired": (Chain().ours(7, lifetime=60).remove(0, 1, 4), (7, 4, 3, 0, 0)),
    "unproven": (Chain().elsewhere(7, lifetime=60).remove(0, 1, 3), (7, 4, 0, 3, 0)),
    "deleted": (Chain().ours(7).remove(2, 3), (7, 5, 0, 0, 2)),
    "deleted with its fence": (Chain().ours(7).remove(3, fence=True), (7, 6, 0, 0, 1)),
    "head deleted with its fences": (Chain().ours(7).remove(0, 1, fence=True), (7, 5, 0, 0, 2)),
    "tail": (Chain().ours(7).remove(5, 6), (7, 5, 0, 0, 2)),
    "nothing left": (Chain().ours(7, lifetime=60).remove(*range(7)), (7, 0, 7, 0, 0)),
    "each kind": (
        Chain().elsewhere(3, lifetime=60).ours(3, lifetime=60).ours(3).remove(0, 4, 7),
        (9, 6, 1, 1, 1),
    ),
    "hidden from the index": (Chain().ours(7).edit(2, ns_tenant=None).edit(4, sequence_number=None), (7, 7, 0, 0, 0)),
}


class TestChains:
    @pytest.mark.parametrize("name", CHAINS)
    def test_each_position_asked_for_is_accounted_for_once(self, store: AuditStore, name: str) -> None:
        chain, expected = CHAINS[name]
        put(store, *chain.items())
        assert accounted(store) == expected

    def test_a_chain_that_starts_at_1_has_no_position_0(self, store: AuditStore) -> None:
        put(store, *genesis(4))
        assert accounted(store) == (4, 4, 0, 0, 0)

    def test_intruders_and_twins_are_no_positions(self, store: AuditStore) -> None:
        chain = Chain().ours(4)
        half = {**chain.record(2), "id": {"S": "half"}, "sequence_number": {"N": "1.5"}}
        put(store, *chain.items(), half, {**chain.record(2), "id": {"S": "twin"}})
        manifest = chain_taken(store)[1]
        assert (positions_of(manifest).present, manifest.records, manifest.verdict) == (4, 6, "broken")
        assert positions_of(manifest).reconcile

    @pytest.mark.parametrize(
        ("bounds", "expected"),
        [((2, 4), (3, 2, 1, 0, 0)), ((None, 3), (4, 2, 2, 0, 0)), ((5, None), (4, 4, 0, 0, 0))],
    )
    def test_a_range_accounts_for_itself(
        self, store: AuditStore, bounds: tuple[int | None, int | None], expected: tuple[int, ...]
    ) -> None:
        put(store, *Chain().ours(9, lifetime=60).remove(1, 4).remove(0).items())
        assert accounted(store, first=bounds[0], last=bounds[1])[0] == expected[0]
        positions = positions_of(chain_taken(store, first=bounds[0], last=bounds[1])[1])
        assert (positions.first, positions.past_the_end) == (bounds[0] or 0, 0)

    def test_what_is_asked_for_past_the_end_is_named(self, store: AuditStore) -> None:
        put(store, *Chain().ours(5).items())
        positions = positions_of(chain_taken(store, first=3, last=9)[1])
        assert (positions.first, positions.last, positions.asked_for, positions.past_the_end) == (3, 4, 2, 5)
        assert positions.reconcile

    def test_the_manifest_is_of_this_file(self, store: AuditStore) -> None:
        put(store, *Chain().ours(5, lifetime=60).remove(1).items())
        content, manifest = chain_taken(store, first=1, asked={"from": 1})
        said = json.loads(manifest.content())
        assert (said["bytes"], said["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert (said["records"], said["fences"]) == (4, 5)
        assert said["filter"] == {"namespace": NAMES[0], "tenant": NAMES[1], "from": 1}
        assert (said["kind"], said["verdict"], said["engine"]) == ("chain", "intact_with_expiry", "an engine")
        moments = (DISPATCHED.plus_seconds(number).normalised for number in (2, 4))
        assert (said["window"]["first_dispatched"], said["window"]["last_dispatched"]) == tuple(moments)
        assert said["positions"]["reconcile"] is True

    def test_a_tenant_without_anything_gives_no_file(self, store: AuditStore) -> None:
        with pytest.raises(ImportFileError, match="nothing to export"):
            chain_taken(store)
