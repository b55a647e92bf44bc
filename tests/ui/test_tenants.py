"""The Tenants page: found among many, opened, searched for in the whole table; and what it says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core import Directory, EngineError, TenantEntry
from audit_core.fences import bare_fence
from audit_core.table import Reading, Table
from audit_core.timestamps import Timestamp
from audit_ui import chooser
from audit_ui.context import Context
from audit_ui.scanning import Searching
from tests import builders, tables
from tests.test_directory import entry
from tests.ui.visits import address, rendered, table, visit, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore, Settings

HOSTILE = "<b>x</b> ![x](https://example.com/x.png) **bold** $x$"
FIRST = Timestamp.parse("2026-01-15T10:00:00Z")


def search(opened: AppTest, text: str) -> AppTest:
    return opened.text_input(key="q").set_value(text).run()


def scanned(opened: AppTest) -> AppTest:
    """Lets a scan come to its end, slice by slice."""
    opened.button(key="scan").click().run()
    for _slice in range(60):
        if not any(button.key == "scan_stop" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the scan does not end")


@pytest.mark.usefixtures("demo")
class TestTheList:
    def test_says_of_each_tenant_how_long_it_is_and_when_it_was_active(self) -> None:
        opened = visit("tenants")
        rows = {(row["Namespace"], row["Tenant"]): row for row in table(opened)}
        assert len(rows) == 7
        assert rows["notifications", "acme"]["Length"] == "400 positions"
        assert rows["infrastructure", "sandbox"]["Length"] == "100 records"
        assert rows["notifications", "acme"]["Last record (UTC)"].startswith("20")
        assert "7 tenants of 7 shown" in words(opened)
        assert "comes from the tenant directory" in words(opened)

    def test_is_searched_in_any_case_and_the_address_keeps_it(self) -> None:
        opened = search(visit("tenants"), "GLOB")
        assert [row["Tenant"] for row in table(opened)] == ["globex"]
        assert "1 tenant of 1 that match, out of 7 listed" in words(opened)
        assert address(opened) == {"q": "GLOB"}
        assert [row["Tenant"] for row in table(visit("tenants", q="glob"))] == ["globex"]

    def test_is_searched_by_namespace_and_tenant_as_they_are_shown(self) -> None:
        assert len(table(visit("tenants", q="payments / "))) == 2

    def test_says_that_nothing_matches(self) -> None:
        opened = visit("tenants", q="nobody")
        assert "No tenant matches" in words(opened)
        assert not opened.dataframe

    @pytest.mark.parametrize("query", [{"sort": "size"}, {"page": "x"}, {"page": "99"}, {"page": "-1"}, {"page": "²"}])
    def test_an_address_that_makes_no_sense_shows_the_list(self, query: dict[str, str]) -> None:
        assert len(table(visit("tenants", **query))) == 7


@pytest.mark.usefixtures("demo")
class TestATenant:
    def test_is_opened_by_its_link_with_the_ways_on(self) -> None:
        opened = visit("tenants", namespace="notifications", tenant="globex")
        said = words(opened)
        assert "notifications / globex" in said
        assert "250 positions" in said
        assert "Not verified yet" in said
        assert "the tenant directory" in said
        labels = " ".join(link.label for link in opened.get("page_link"))
        assert all(page in labels for page in ("Records", "Chain", "Gaps", "Retention"))

    def test_leads_back_to_the_list_as_it_was(self) -> None:
        opened = visit("tenants", namespace="notifications", tenant="globex", q="o", sort="seen")
        opened.button(key="back").click().run()
        assert address(opened) == {"q": "o", "sort": "seen"}
        assert opened.title[0].value == "Tenants"

    def test_that_nobody_lists_can_be_looked_at(self) -> None:
        said = words(visit("tenants", namespace="nobody", tenant="nowhere"))
        assert "only the link names it" in said
        assert "0 records" in said

    def test_that_cannot_be_is_one_message(self) -> None:
        opened = visit("tenants", namespace="a#b", tenant="c")
        assert "choose another" in words(opened)
        assert not opened.exception


class TestManyTenants:
    @pytest.fixture
    def directory(self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """A directory of 10,000 tenants; how often it was read."""
        entries = tuple(
            TenantEntry("shop", f"tenant-{number:05d}", FIRST.plus_seconds(number)) for number in range(10_000)
        )
        read = []

        def tenants(_context: Context) -> Directory:
            read.append(1)
            return Directory(entries, 3, Reading(10_003, 11, 120.0), "directory")

        assert own_table
        chooser.forget_directories()
        monkeypatch.setattr(Context, "tenants", tenants)
        return read

    def test_only_those_on_the_screen_are_asked_for(self, directory: list[int], own_table: AuditStore) -> None:
        opened = visit("tenants")
        assert len(table(opened)) == 25
        assert "25 tenants of 10,000 shown" in words(opened)
        assert "3 entries of it were not believed" in words(opened)
        assert "in 61 requests" in words(opened)  # 11 for the directory, two for each tenant
        assert own_table
        assert directory

    def test_one_is_found_by_its_name(self, directory: list[int]) -> None:
        opened = search(visit("tenants", page="7"), "09999")
        assert [row["Tenant"] for row in table(opened)] == ["tenant-09999"]
        assert address(opened) == {"q": "09999"}
        assert len(directory) == 1

    def test_a_page_and_an_order_are_opened_by_their_link(self, directory: list[int]) -> None:
        assert table(visit("tenants", page="2"))[0]["Tenant"] == "tenant-00025"
        assert table(visit("tenants", sort="seen"))[0]["Tenant"] == "tenant-09999"
        assert table(visit("tenants", page="9999"))[-1]["Tenant"] == "tenant-09999"
        assert directory

    def test_the_overview_offers_those_on_the_screen_and_all(self, directory: list[int]) -> None:
        opened = visit()
        assert {"Verify these 25 tenants", "Verify all 10,000 tenants"} <= {button.label for button in opened.button}
        assert "25 tenants of 10,000 shown" in words(opened)
        assert "shop / tenant-00025" in words(visit(page="2"))
        assert directory


class TestTheScan:
    def test_finds_what_the_directory_lacks_and_the_list_says_so(self, own_table: AuditStore) -> None:
        tables.put(own_table, builders.item(id="r1", namespace="elsewhere", tenant="one"), bare_fence("e", "gone", 3))
        opened = visit("tenants")
        assert "No tenant is listed" in words(opened)
        scanned(opened)
        assert [row["Tenant"] for row in table(opened)] == ["gone", "one"]
        said = words(opened)
        assert "a scan of this visit, which found 2 more" in said
        assert "went through the whole table: 2 tenants found" in said

    def test_is_stopped_and_taken_up_again(self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_core.table.MAX_PAGE", 1)
        monkeypatch.setattr(Searching.advance, "__defaults__", (0.0,))  # one step a slice
        tables.put(own_table, *(builders.item(id=f"r{number}", tenant=f"t{number}") for number in range(60)))
        opened = visit("tenants")
        opened.button(key="scan").click().run()
        opened.button(key="scan_stop").click().run()
        assert "was stopped before its end" in words(opened)
        found = len(table(opened))
        assert 0 < found < 60
        opened.button(key="scan_go_on").click().run()
        for _slice in range(60):
            if not any(button.key == "scan_stop" for button in opened.button):
                break
            opened.run()
        assert "25 tenants of 60 shown" in words(opened)

    def test_an_engine_that_fails_meanwhile_is_one_message(
        self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise EngineError("The engine went away; start it again.")

        assert own_table
        opened = visit("tenants")
        monkeypatch.setattr(Table, "scan", fail)
        opened.button(key="scan").click().run()
        assert "The engine went away" in words(opened)
        monkeypatch.undo()


def test_an_empty_table_says_what_can_be_done(own_table: AuditStore) -> None:
    assert own_table
    opened = visit("tenants")
    assert "No tenant is listed" in words(opened)
    assert not opened.exception


def test_an_engine_that_is_away_is_one_message(unreachable: Settings) -> None:
    assert unreachable.is_local
    opened = visit("tenants")
    assert "cannot be reached" in words(opened)
    assert not opened.exception


def test_hostile_names_are_never_rendered(own_table: AuditStore) -> None:
    tables.put(own_table, entry("notifications", HOSTILE))
    opened = visit("tenants")
    assert "<b>" not in rendered(opened)
    assert table(opened)[0]["Tenant"] == HOSTILE
    assert "<b>" not in rendered(visit("tenants", namespace="notifications", tenant=HOSTILE))
    assert "<b>" not in rendered(visit("tenants", q=HOSTILE))
