"""The Tenants page: found among many, opened, searched for in the whole table; and what it says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from audit_core import EngineError, Verdict
from audit_core.directory import TenantListing
from audit_core.fences import bare_fence
from audit_core.table import Answer, Reading, Table
from audit_core.timestamps import Timestamp
from audit_ui import activity, chooser, summaries, verification
from audit_ui.context import Context, forget_store, open_context
from audit_ui.scanning import Searching
from tests import builders, tables
from tests.chains import Chain
from tests.test_directory import entry
from tests.ui.visits import address, finished, go, rendered, table, visit, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore, Clock, Settings
    from audit_core.table import KeyRange

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

    def test_an_end_that_was_found_cut_off_counts_as_part_of_the_chain(self) -> None:
        vandelay = {"namespace": "infrastructure", "tenant": "vandelay"}
        opened = visit("tenants", **vandelay)
        assert "\n146 positions\n" in words(opened)
        finished(go(opened, "chain", **vandelay, verify="1"))
        assert "\n150 positions\nposition 145\n4 positions without a record, when verified\n" in words(
            go(opened, "tenants", **vandelay)
        )
        told = words(go(opened, "overview"))
        assert "Last record at position 145: 150 positions, 4 after it" in told

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
        forget_store()  # and with it what other tests verified
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


class LongDirectory(Table):
    """A directory of 10,000 tenants, and three entries that are not believed, as an engine answers for it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[int] = []
        start = FIRST.epoch_ms
        self._items = [
            entry("shop", f"tenant-{number:05d}", dispatched_at_ms={"N": str(start + number)})
            for number in reversed(range(10_000))
        ]
        self._items += [entry("shop", f"forged-{number}", _fence=None) for number in range(3)]

    def query(self, keys: KeyRange, *, limit: int = 1000, start: Any = None, forward: bool = True, **_: Any) -> Answer:
        assert (keys.value, forward) == ("acteon_TENANTS", False)
        first = 0 if start is None else int(start["place"]["N"])
        last = min(first + min(limit, 1000), len(self._items))
        self.asked.append(last - first)
        on = {"place": {"N": str(last)}} if last < len(self._items) else None
        return Answer(tuple(self._items[first:last]), on, Reading(last - first, 1, 1.0), self.clock.now())


class TestManyTenants:
    @pytest.fixture
    def directory(self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> LongDirectory:
        table = LongDirectory(own_table.table.clock)
        chooser.forget_directories()
        monkeypatch.setattr(Context, "listing", lambda _context: TenantListing(table, "acteon_"))
        return table

    def test_only_those_on_the_screen_are_read_and_asked_for(self, directory: LongDirectory) -> None:
        opened = visit("tenants")
        assert len(table(opened)) == 25
        assert "25 tenants shown, and the directory has more." in words(opened)
        assert "of which 26 tenants were read, those seen last" in words(opened)
        assert "26 items read in 51 requests" in words(opened)  # one for the directory, two for each tenant
        assert directory.asked == [26]

    def test_one_is_found_by_its_name_once_all_of_them_were_read(self, directory: LongDirectory) -> None:
        opened = search(visit("tenants", page="3"), "09999")
        opened = read_to_the_end(opened)
        assert [row["Tenant"] for row in table(opened)] == ["tenant-09999"]
        assert "1 tenant of 1 that match, out of 10,000 listed" in words(opened)
        assert "3 entries of it were not believed" in words(opened)
        assert address(opened) == {"q": "09999"}
        assert sum(directory.asked) == 10_003  # nothing is read twice

    def test_the_search_says_how_far_it_is(self, directory: LongDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_ui.tenant_list.SLICE_SECONDS", 0.0)
        opened = visit("tenants", q="09999")
        assert "Reading the directory: 1,026 tenants so far" in words(opened)
        assert directory.asked == [26, 1000]

    def test_all_are_read_by_a_click_and_come_by_name(self, directory: LongDirectory) -> None:
        opened = visit("tenants")
        assert table(opened)[0]["Tenant"] == "tenant-09999"
        opened = read_to_the_end(opened.button(key="read_all").click().run())
        assert "25 tenants of 10,000 shown" in words(opened)
        assert table(opened)[0]["Tenant"] == "tenant-00000"
        assert sum(directory.asked) == 10_003

    def test_a_page_and_an_order_are_opened_by_their_link(self, directory: LongDirectory) -> None:
        assert table(visit("tenants", page="2"))[0]["Tenant"] == "tenant-09974"
        assert table(read_to_the_end(visit("tenants", sort="name", page="2")))[0]["Tenant"] == "tenant-00025"
        assert table(visit("tenants", page="9999"))[-1]["Tenant"] == "tenant-09999"
        assert sum(directory.asked) == 10_003

    def test_the_overview_offers_those_on_the_screen_and_all(self, directory: LongDirectory) -> None:
        opened = visit()
        assert {"Verify these 25 tenants", "Verify all tenants"} <= {button.label for button in opened.button}
        assert "25 tenants shown, of more, the worst first." in words(opened)
        assert next(metric.value for metric in opened.metric if metric.label == "Tenants") == "26+"
        assert "shop / tenant-09974" in words(visit(page="2"))
        assert sum(directory.asked) == 51

    def test_a_chain_is_opened_by_its_link_without_the_others(self, directory: LongDirectory) -> None:
        opened = visit("chain", namespace="shop", tenant="tenant-00003")
        assert opened.selectbox(key="chain").value == 26
        assert "26 are offered here; the directory has more." not in words(opened)
        assert "27 are offered here; the directory has more." in words(opened)
        assert sum(directory.asked) == 26

    def test_one_that_was_not_read_yet_is_looked_up_by_itself(
        self, directory: LongDirectory, own_table: AuditStore
    ) -> None:
        tables.put(own_table, entry("shop", "tenant-00003"))
        said = words(visit("tenants", namespace="shop", tenant="tenant-00003"))
        assert "the tenant directory" in said
        assert "only the link names it" in words(visit("tenants", namespace="shop", tenant="nobody"))
        assert sum(directory.asked) == 26


class TestOrders:
    @pytest.fixture
    def store(self, own_table: AuditStore) -> AuditStore:
        """Three tenants: the first is the longest, the second was active last, the third is broken."""
        now = own_table.table.clock.now()
        for tenant, length, age in (("a", 5, 500), ("b", 2, 10), ("c", 3, 200)):
            chain = Chain(names=("n", tenant), label=tenant, began=now.plus_seconds(-age - 60 * length)).ours(length)
            if tenant == "c":
                chain.edit(1, outcome={"S": "forged"})
            tables.put(own_table, entry("n", tenant), *chain.items())
        return own_table

    @pytest.mark.parametrize(
        ("sort", "order"), [("name", "abc"), ("length", "acb"), ("activity", "bca"), ("state", "cab")]
    )
    def test_each_has_its_order(self, store: AuditStore, sort: str, order: str) -> None:
        verification.Verification(open_context(), verification.Request("n", "c")).advance(60)
        assert store.verify("n", "c").verdict is Verdict.BROKEN
        assert "".join(row["Tenant"] for row in table(visit("tenants", sort=sort))) == order

    def test_an_order_is_chosen_and_the_address_keeps_it(self, store: AuditStore) -> None:
        opened = visit("tenants")
        opened.selectbox(key="sort").set_value("length").run()
        assert address(opened) == {"sort": "length"}
        assert table(opened)[0]["Tenant"] == "a"
        opened.selectbox(key="sort").set_value("name").run()
        assert address(opened) == {}
        assert store.engine == "embedded"

    def test_what_is_read_of_the_screen_only_is_said_to_order_only_that(
        self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chooser, "PAGE", 2)
        tables.put(own_table, *(entry("n", name) for name in "abc"))
        said = words(visit("tenants", sort="length", all="1"))
        assert "Ordered by their length among the 2 on the screen" in said
        assert "Ordered by" not in words(visit("tenants", sort="name"))


def read_items(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items each request goes through from now on, whoever asks."""
    read: list[int] = []

    def counting(method: Callable[..., Answer]) -> Callable[..., Answer]:
        def counted(*given: Any, **named: Any) -> Answer:
            answer = method(*given, **named)
            read.append(answer.reading.items)
            return answer

        return counted

    for name in ("query", "get", "get_many", "scan"):
        monkeypatch.setattr(Table, name, counting(getattr(Table, name)))
    return read


def read_to_the_end(opened: AppTest) -> AppTest:
    """Lets the reading of the directory come to its end, slice by slice."""
    for _slice in range(60):
        if "Reading the directory" not in words(opened):
            return opened
        opened.run()
    raise AssertionError("the directory does not end")


class TestTheScreen:
    """A page costs what it shows: its first screen reads no more of many tenants than of as many as it shows."""

    @pytest.fixture(params=[30, 120])
    def tenants(self, request: pytest.FixtureRequest, own_table: AuditStore) -> int:
        now = own_table.table.clock.now()
        items = []
        for number in range(request.param):
            chain = Chain(names=("n", f"t{number:03}"), label=f"t{number}", began=now.plus_seconds(-3600)).ours(2)
            seen = {"dispatched_at_ms": {"N": str(now.epoch_ms + number)}}
            items += [entry("n", f"t{number:03}", **seen), *chain.items()]
        tables.put(own_table, *items)
        return int(request.param)

    @pytest.mark.parametrize(
        ("name", "items"),
        [
            ("overview", 26 + 25 * (4 + 2)),  # the directory; of each tenant tip and newest, one more each, its days
            ("tenants", 26 + 25 * 4),
            ("chain", 26),
            ("records", 26 + 2),
            ("gaps", 26),
        ],
    )
    def test_reads_as_much_of_many_tenants_as_of_few(
        self, tenants: int, monkeypatch: pytest.MonkeyPatch, name: str, items: int
    ) -> None:
        opened = visit()
        for forget in (chooser.forget_directories, summaries.forget_summaries, activity.forget_activity):
            forget()
        read = read_items(monkeypatch)
        go(opened, name)
        assert not opened.exception
        assert tenants > 26
        assert sum(read) == items


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
