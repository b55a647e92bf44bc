"""The tenant directory and the scan, on both engines: who is listed, who is not believed (FORMAT 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from audit_core.directory import SCAN_SEGMENTS
from audit_core.errors import EngineError
from audit_core.fences import bare_fence
from audit_core.timestamps import Timestamp
from tests import tables
from tests.builders import item, record, records
from tests.tables import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.directory import Directory
    from audit_core.store import AuditStore

    OpenStore = Callable[..., AuditStore]


def entry(namespace: str, tenant: str, /, **changes: Any) -> tables.Item:
    """A directory entry; None takes an attribute away."""
    made: dict[str, Any] = {
        "id": {"S": f"acteon_TENANT#{namespace}#{tenant}"},
        "_fence": {"BOOL": True},
        "action_id": {"S": "acteon_TENANTS"},
        "dispatched_at_ms": {"N": "1768471200045"},
        "namespace": {"S": namespace},
        "tenant": {"S": tenant},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def scanned(store: AuditStore) -> Directory:
    """What a scan of the whole table finds."""
    scan = store.scan_tenants()
    list(scan)
    return scan.found


def names(store: AuditStore) -> list[tuple[str, str]]:
    return [(found.namespace, found.tenant) for found in store.tenants().entries]


class TestListing:
    """The directory read as far as somebody wants to see it."""

    @pytest.fixture
    def many(self, store: AuditStore) -> AuditStore:
        """Seven tenants, each seen a millisecond after the one before, and one entry that is not believed."""
        seen = [{"dispatched_at_ms": {"N": str(1_768_471_200_045 + number)}} for number in range(7)]
        tables.put(store, *(entry("a", f"t{6 - number}", **seen[number]) for number in range(7)))
        tables.put(store, entry("forged", "x", _fence=None))
        return store

    def test_reads_no_more_than_is_wanted_those_seen_last_first(self, many: AuditStore) -> None:
        found = many.tenant_listing().read(3)

        assert [one.tenant for one in found.entries] == ["t0", "t1", "t2"]
        assert (found.complete, found.reading.items, found.reading.requests) == (False, 3, 1)

    def test_goes_on_where_it_was_and_is_by_name_once_it_has_all(self, many: AuditStore) -> None:
        listing = many.tenant_listing()
        listing.read(2)
        listing.read(5)
        assert (len(listing), listing.complete) == (5, False)

        found = listing.read()

        assert [one.tenant for one in found.entries] == [f"t{number}" for number in range(7)]
        assert (found.complete, found.ignored, found.reading.items) == (True, 1, 8)

    def test_a_step_that_fails_is_done_again(self, many: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        listing = many.tenant_listing()
        listing.read(2)

        def fail(**_: object) -> None:
            raise EngineError("The engine went away; start it again.")

        with monkeypatch.context() as away:
            away.setattr(many.table.client, "query", fail)
            with pytest.raises(EngineError, match="went away"):
                listing.read()

        assert len(listing.read().entries) == 7

    def test_one_tenant_is_read_by_itself(self, many: AuditStore) -> None:
        requests = tables.asked(many)

        assert many.tenant("a", "t3") == many.tenants().entries[3]
        assert requests["GetItem"] == 1
        assert many.tenant("a", "nobody") is None
        assert many.tenant("forged", "x") is None
        assert many.tenant("a#b", "c") is None


class TestDirectory:
    def test_an_empty_table_lists_nobody(self, store: AuditStore) -> None:
        assert store.tenants().entries == ()

    def test_every_tenant_that_was_written_to_is_listed_by_name(self, store: AuditStore) -> None:
        for number, (namespace, tenant) in enumerate([("b", "x"), ("a", "y#z"), ("a", "x"), ("b", "x")]):
            store.append(record(id=f"r{number}", namespace=namespace, tenant=tenant))

        assert names(store) == [("a", "x"), ("a", "y#z"), ("b", "x")]

    def test_the_first_writing_stays_the_first(self, open_store: OpenStore) -> None:
        early, late = open_store(), open_store()
        early.table.clock = ManualClock(Timestamp.parse("2026-01-15T10:00:00.045Z"))
        early.append(records(1)[0])
        late.append(records(2)[1])

        assert late.tenants().entries[0].first_seen == Timestamp.parse("2026-01-15T10:00:00.045Z")

    def test_only_the_first_append_of_a_process_carries_it(self, store: AuditStore) -> None:
        store.append(records(1)[0])
        tables.delete(store, "acteon_TENANT#notifications#acme")

        store.append(records(2)[1])

        assert names(store) == []

    def test_it_is_no_demo_data_by_itself(self, store: AuditStore) -> None:
        store.append(record())

        assert not store.tenants().entries[0].demo

    def test_another_prefix_is_another_directory(self, open_store: OpenStore) -> None:
        open_store(AUDIT__PREFIX="other_").append(record())

        assert names(open_store()) == []

    @pytest.mark.parametrize(
        "forged",
        [
            entry("a", "b", _fence=None),
            entry("a", "b", _fence={"BOOL": False}),
            entry("a", "b", _fence={"S": "true"}),
            entry("a", "b", tenant={"S": "c"}),
            entry("a", "b", namespace={"S": "x"}),
            entry("a", "b", tenant=None),
            entry("a", "b", namespace={"N": "1"}),
            entry("a", "b#c", namespace={"S": "a#b"}, tenant={"S": "c"}),
            entry("a", ""),
            entry("n" * 256, "b"),
            entry("a", "b", id={"S": "acteon_TENANT#a#c"}),
            entry("a", "b", id={"S": "other_TENANT#a#b"}),
            entry("a", "b", dispatched_at_ms={"N": "1" + "0" * 30}),
        ],
    )
    def test_a_forged_entry_is_counted_and_not_listed(self, store: AuditStore, forged: tables.Item) -> None:
        tables.put(store, forged, entry("good", "one"))

        found = store.tenants()

        assert ([one.chain for one in found.entries], found.ignored) == (["good#one"], 1)

    def test_it_is_one_query_that_says_what_it_read(self, store: AuditStore) -> None:
        tables.put(store, *(entry("a", f"t{number}") for number in range(5)))
        requests = tables.asked(store)

        found = store.tenants()

        assert requests == {"Query": 1}
        assert (found.source, found.reading.items, found.reading.requests) == ("directory", 5, 1)


class TestScan:
    def test_it_finds_tenants_of_records_and_of_fences_that_outlived_theirs(self, store: AuditStore) -> None:
        tables.put(
            store,
            item(id="r1", namespace="elsewhere", tenant="one"),
            item(id="r2", namespace="elsewhere", tenant="one"),
            bare_fence("elsewhere", "gone#2", 7),
        )

        found = scanned(store)

        assert [one.chain for one in found.entries] == ["elsewhere#gone#2", "elsewhere#one"]
        assert found.source == "scan"

    @pytest.mark.parametrize(
        "foreign",
        [
            {"id": {"S": "SEQ#a#b#x"}},
            {"id": {"S": "SEQ#a#1"}},
            {"id": {"S": "SEQ#" + "n" * 256 + "#b#1"}},
            {"id": {"S": "x"}, "ns_tenant": {"S": "no-number-sign"}, "dispatched_at_ms": {"N": "1"}},
            {"id": {"S": "x"}, "ns_tenant": {"S": "#b"}},
            {"id": {"S": "x"}, "ns_tenant": {"S": "a#"}},
            {"id": {"S": "x"}, "ns_tenant": {"S": "n" * 256 + "#b"}},
        ],
        ids=lambda foreign: "-".join(str(value) for value in foreign.values())[:40],
    )
    def test_what_names_no_chain_is_not_listed(self, store: AuditStore, foreign: tables.Item) -> None:
        tables.put(store, foreign)

        assert scanned(store).entries == ()

    def test_it_tells_its_progress_and_what_it_read(self, store: AuditStore) -> None:
        store.append_many(records(30))
        scan = store.scan_tenants()

        told = [read.items for read in scan]

        assert told[-1] == scan.found.reading.items == 61
        assert told == sorted(told)

    def test_it_is_left_and_taken_up_again(self, store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_core.table.MAX_PAGE", 2)
        tables.put(store, *(item(id=f"r{number}", tenant=f"t{number}") for number in range(20)))
        scan = store.scan_tenants()
        next(scan)
        first = scan.found

        assert (scan.complete, first.reading.requests) == (False, SCAN_SEGMENTS)
        assert 0 < len(first.entries) < 20

        list(scan)

        assert scan.complete
        assert {one.tenant for one in scan.found.entries} == {f"t{number}" for number in range(20)}

    def test_a_step_that_failed_is_done_again(self, store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        tables.put(store, item(id="r1", tenant="one"))
        scan = store.scan_tenants()
        read = store.table.scan
        failing = iter([True])

        def scan_once_in_vain(**arguments: Any) -> Any:
            if next(failing, False):
                raise EngineError("away")
            return read(**arguments)

        monkeypatch.setattr(store.table, "scan", scan_once_in_vain)
        with pytest.raises(EngineError, match="away"):
            next(scan)

        assert [one.tenant for one in scan.found.entries] == []
        list(scan)
        assert [one.tenant for one in scan.found.entries] == ["one"]
