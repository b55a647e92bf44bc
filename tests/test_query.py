"""Reading records for people, on both engines: filters, orders, pages both ways, and what a page says it read."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.errors import CursorError, FilterError
from audit_core.query import RecordFilter
from audit_core.retention import Expiry
from audit_core.timestamps import Timestamp
from tests import engines, tables
from tests.builders import DISPATCHED, item, record, records
from tests.chains import Chain
from tests.engines import Feature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.query import Order, Page
    from audit_core.store import AuditStore

ALL = RecordFilter(namespace="notifications", tenant="acme")
COUNT = 60
ORDERS = ("newest", "oldest", "sequence", "sequence_descending")
VARIED = {
    "provider": ("email", "sms"),
    "action_type": ("send_email", "send_sms"),
    "outcome": ("executed", "failed"),
    "verdict": ("allow", "deny"),
    "matched_rule": ("quiet", "loud"),
    "caller_id": ("ada", "bob"),
    "chain_id": ("c1", "c2"),
    "signer_id": ("s1", "s2"),
    "kid": ("k1", "k2"),
}
FILTER_OF = {"matched_rule": "rule", "caller_id": "caller", "signer_id": "signer"}


@pytest.fixture(scope="module")
def filled(engine: engines.Engine) -> Iterator[AuditStore]:
    """A chain of sixty, which no test changes: each varied field has its second value in every seventh record or so.

    Of three records in a row two share a millisecond. Another tenant has the same times.
    """
    store = engines.open_store(engine, f"audit_{uuid.uuid4().hex[:12]}", {})
    made = []
    for number, plain in enumerate(records(COUNT)):
        moment = DISPATCHED.plus_seconds(number - number % 3 // 2)
        values = {name: pair[(number + place) % 7 == 0] for place, (name, pair) in enumerate(VARIED.items())}
        made.append(replace(plain, dispatched_at=moment, completed_at=moment, **values))
    store.append_many(made[:49])
    store.append_many(made[49:])
    store.append_many(records(20, start=500, tenant="globex"))
    yield store
    store.close()


def ids(page: Page) -> list[str]:
    return [row.stored.text("id") for row in page.rows]


def forwards(store: AuditStore, record_filter: RecordFilter = ALL, **options: Any) -> list[Page]:
    pages = [store.query(record_filter, **options)]
    while pages[-1].next is not None:
        pages.append(store.query(record_filter, cursor=pages[-1].next, **options))
        assert len(pages) < 200
    return pages


def backwards(store: AuditStore, last: Page, record_filter: RecordFilter = ALL, **options: Any) -> list[Page]:
    pages = [last]
    while pages[-1].previous is not None:
        pages.append(store.query(record_filter, cursor=pages[-1].previous, **options))
        assert len(pages) < 200
    return pages[::-1]


def in_order(order: Order) -> list[str]:
    expected = [entry.id for entry in records(COUNT)]
    return expected if order in {"oldest", "sequence"} else expected[::-1]


class TestFilters:
    @pytest.mark.parametrize("name", VARIED)
    def test_a_value_filter_finds_exactly_its_records(self, filled: AuditStore, name: str) -> None:
        wanted = VARIED[name][1]

        page = filled.query(replace(ALL, **{FILTER_OF.get(name, name): wanted}))

        place = list(VARIED).index(name)
        assert ids(page) == [
            entry.id for number, entry in reversed(list(enumerate(records(COUNT)))) if (number + place) % 7 == 0
        ]
        assert {row.stored.text(name) for row in page.rows} == {wanted}

    def test_filters_apply_together(self, filled: AuditStore) -> None:
        page = filled.query(replace(ALL, outcome="failed", verdict="allow", since=DISPATCHED.plus_seconds(30)))

        numbers = [number for number in range(COUNT) if (number + 2) % 7 == 0]
        assert ids(page) == [records(COUNT)[number].id for number in reversed(numbers) if number >= 30]

    @pytest.mark.parametrize(
        "text", ["#fence", ":f0", "x OR attribute_exists(id)", "email' OR '1'='1", "\ud7ff", "email AND #pk = :pk"]
    )
    def test_what_looks_like_an_expression_is_a_literal(self, filled: AuditStore, text: str) -> None:
        page = filled.query(replace(ALL, provider=text))

        assert (page.rows, page.complete) == ((), True)

    def test_no_record_of_another_tenant_shows(self, filled: AuditStore) -> None:
        assert ids(filled.query(replace(ALL, tenant="globex"), limit=1000)) == [
            entry.id for entry in reversed(records(20, start=500))
        ]

    @pytest.mark.parametrize(
        "wrong",
        [{"namespace": ""}, {"tenant": ""}, {"namespace": "a#b"}, {"outcome": 3}, {"rule": "\ud800"}],
        ids=str,
    )
    def test_a_filter_that_makes_no_sense_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(FilterError):
            RecordFilter(**{"namespace": "a", "tenant": "b", **wrong})

    @pytest.mark.parametrize("value", [0, -1, 1001, True, 1.5, "50"])
    def test_a_limit_that_makes_no_sense_is_refused(self, filled: AuditStore, value: Any) -> None:
        with pytest.raises(FilterError, match="whole number from 1 to 1,000"):
            filled.query(ALL, limit=value)

    def test_an_unknown_order_is_refused(self, filled: AuditStore) -> None:
        with pytest.raises(FilterError, match="newest"):
            filled.query(ALL, order="random")  # type: ignore[arg-type]

    def test_everything_is_read_in_requests_of_a_thousand_at_most(self, filled: AuditStore) -> None:
        assert len(filled.query(ALL, limit=1000).rows) == COUNT


class TestTimes:
    @pytest.mark.parametrize("order", ORDERS)
    def test_both_ends_are_included(self, filled: AuditStore, order: Order) -> None:
        bounds = replace(ALL, since=DISPATCHED.plus_seconds(9), until=DISPATCHED.plus_seconds(12))

        assert sorted(ids(filled.query(bounds, order=order))) == [entry.id for entry in records(COUNT)[9:13]]

    def test_a_single_moment_is_a_range(self, filled: AuditStore) -> None:
        moment = DISPATCHED.plus_seconds(9)

        assert ids(filled.query(replace(ALL, since=moment, until=moment))) == [records(10)[9].id]

    def test_a_bound_to_the_millisecond_includes_all_of_it(self, filled: AuditStore) -> None:
        millisecond = Timestamp.from_nanos(DISPATCHED.epoch_ms * 1_000_000)

        assert ids(filled.query(replace(ALL, since=millisecond, until=millisecond))) == [records(1)[0].id]

    @pytest.mark.parametrize(("since", "until"), [(1, None), (None, -1)])
    def test_a_finer_bound_is_kept_to_the_nanosecond(
        self, filled: AuditStore, since: int | None, until: int | None
    ) -> None:
        bounds = {
            name: Timestamp.from_nanos(DISPATCHED.epoch_nanos + step)
            for name, step in (("since", since), ("until", until))
            if step is not None
        }

        assert records(1)[0].id not in ids(filled.query(replace(ALL, **bounds), limit=1000))

    def test_a_range_that_ends_before_it_starts_is_refused(self) -> None:
        with pytest.raises(FilterError, match="swap the two"):
            replace(ALL, since=DISPATCHED.plus_seconds(1), until=DISPATCHED)

    def test_the_first_and_the_last_year_are_bounds_that_can_be_paged_by(self, filled: AuditStore) -> None:
        years = replace(
            ALL, since=Timestamp.parse("0001-01-01T00:00:00Z"), until=Timestamp.parse("9999-12-31T23:59:59Z")
        )

        assert sum(len(page.rows) for page in forwards(filled, years, limit=25)) == COUNT


class TestPages:
    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("limit", [7, 20, 59, 60])
    def test_each_record_shows_once_on_the_way_there(self, filled: AuditStore, order: Order, limit: int) -> None:
        pages = forwards(filled, order=order, limit=limit)

        found = [record_id for page in pages for record_id in ids(page)]
        assert len(found) == COUNT
        if "sequence" in order:
            assert found == in_order(order)
        else:
            times = [int(row.stored.text("dispatched_at_ms")) for page in pages for row in page.rows]
            assert times == sorted(times, reverse=order == "newest")
            assert sorted(found) == in_order("sequence")

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("limit", [7, 20])
    def test_the_way_back_shows_the_same_pages(self, filled: AuditStore, order: Order, limit: int) -> None:
        there = forwards(filled, order=order, limit=limit)

        back = backwards(filled, there[-1], order=order, limit=limit)

        assert [ids(page) for page in back] == [ids(page) for page in there]

    def test_a_page_that_is_exactly_full_has_no_next(self, filled: AuditStore) -> None:
        assert filled.query(ALL, limit=COUNT).next is None

    @pytest.mark.parametrize("order", ORDERS)
    def test_the_first_page_has_nothing_before_it(self, filled: AuditStore, order: Order) -> None:
        first = filled.query(ALL, order=order, limit=20)
        second = filled.query(ALL, order=order, limit=20, cursor=first.next)

        assert first.previous is None
        assert filled.query(ALL, order=order, limit=20, cursor=second.previous).previous is None

    @pytest.mark.parametrize("order", ["newest", "sequence"])
    def test_filtered_pages_cover_each_match_once_both_ways(self, filled: AuditStore, order: Order) -> None:
        failed = replace(ALL, outcome="failed")
        there = forwards(filled, failed, order=order, limit=4)

        back = backwards(filled, there[-1], failed, order=order, limit=4)

        found = [record_id for page in there for record_id in ids(page)]
        assert len(found) == len(set(found)) == sum((n + 2) % 7 == 0 for n in range(COUNT))
        assert [ids(page) for page in back] == [ids(page) for page in there]

    def test_no_page_is_announced_that_a_time_filter_leaves_empty(self, filled: AuditStore) -> None:
        first = replace(ALL, until=DISPATCHED.plus_seconds(2.5))

        page = filled.query(first, order="sequence", limit=3)

        assert (len(page.rows), page.next) == (3, None)


class TestBudget:
    def test_it_reads_on_until_a_rare_match_is_found(self, filled: AuditStore) -> None:
        page = filled.query(replace(ALL, rule="loud", kid="k1", until=DISPATCHED.plus_seconds(4)), limit=1)

        assert ids(page) == [records(4)[3].id]
        assert page.complete

    def test_it_says_how_much_it_read(self, filled: AuditStore) -> None:
        page = filled.query(replace(ALL, provider="nobody"))

        assert (page.rows, page.complete, page.next) == ((), True, None)
        assert page.reading.items == COUNT
        assert page.reading.requests >= 1

    def test_it_stops_at_the_budget_and_says_that_there_is_more(self, filled: AuditStore) -> None:
        page = filled.query(replace(ALL, provider="nobody"), budget=25)

        assert (page.rows, page.complete) == ((), False)
        assert page.reading.items == 25
        assert page.next is not None

    @pytest.mark.parametrize("budget", [1, 7, 25])
    @pytest.mark.parametrize("order", ["newest", "sequence"])
    def test_pages_cut_by_the_budget_cover_each_match_once(self, filled: AuditStore, order: Order, budget: int) -> None:
        pages = forwards(filled, replace(ALL, outcome="failed"), order=order, limit=3, budget=budget)

        found = [record_id for page in pages for record_id in ids(page)]
        assert sorted(found) == sorted(records(COUNT)[n].id for n in range(COUNT) if (n + 2) % 7 == 0)

    def test_the_way_back_from_an_empty_page_finds_what_was_before_it(self, filled: AuditStore) -> None:
        options: dict[str, Any] = {"order": "sequence", "limit": 3, "budget": 5}
        failed = replace(ALL, outcome="failed")
        there = forwards(filled, failed, **options)

        back = backwards(filled, there[-1], failed, **options)

        assert [one for page in back for one in ids(page)] == [one for page in there for one in ids(page)]

    def test_the_way_back_from_an_empty_page_shows_nothing_that_comes_after_it(self, filled: AuditStore) -> None:
        options: dict[str, Any] = {"order": "sequence", "limit": 3, "budget": 5}
        failed = replace(ALL, outcome="failed")
        there = forwards(filled, failed, **options)
        place = next(number for number, page in enumerate(there) if number and not page.rows)

        back = filled.query(failed, cursor=there[place].previous, **{**options, "budget": 1000})

        assert back.rows
        assert place < len(there) - 1
        assert set(ids(back)) <= {one for page in there[:place] for one in ids(page)}

    @pytest.mark.parametrize("value", [0, True, 1.5])
    def test_a_budget_that_makes_no_sense_is_refused(self, filled: AuditStore, value: Any) -> None:
        with pytest.raises(FilterError, match="budget"):
            filled.query(ALL, budget=value)


class TestCursorsOfAnotherQuery:
    @pytest.mark.parametrize(
        "other",
        [
            {"record_filter": replace(ALL, tenant="globex")},
            {"record_filter": replace(ALL, outcome="failed")},
            {"record_filter": replace(ALL, until=DISPATCHED.plus_seconds(3600))},
            {"order": "oldest"},
            {"order": "sequence"},
        ],
        ids=["tenant", "filter", "range", "direction", "index"],
    )
    def test_are_refused(self, filled: AuditStore, other: dict[str, Any]) -> None:
        cursor = filled.query(ALL, limit=5).next

        with pytest.raises(CursorError, match="another tenant or filter"):
            filled.query(**{"record_filter": ALL, **other}, cursor=cursor)

    def test_are_refused_for_another_table(self, filled: AuditStore, store: AuditStore) -> None:
        with pytest.raises(CursorError, match="another tenant or filter"):
            store.query(ALL, cursor=filled.query(ALL, limit=5).next)

    def test_another_page_size_is_the_same_query(self, filled: AuditStore) -> None:
        cursor = filled.query(ALL, order="sequence", limit=5).next

        assert ids(filled.query(ALL, order="sequence", limit=2, cursor=cursor)) == [
            entry.id for entry in records(7)[5:]
        ]


@pytest.mark.needs(Feature.FOREIGN_CURSORS)
@pytest.mark.parametrize("order", ORDERS)
def test_a_cursor_at_a_record_that_is_gone_resumes_and_skips_nothing(store: AuditStore, order: Order) -> None:
    store.append_many(records(10))
    page = store.query(ALL, order=order, limit=4)
    tables.delete(store, ids(page)[-1])

    assert ids(store.query(ALL, order=order, limit=4, cursor=page.next)) == (
        [entry.id for entry in records(10)[4:8]]
        if order in {"oldest", "sequence"}
        else [entry.id for entry in records(10)[2:6]][::-1]
    )


class TestExpiredButPresent:
    @pytest.mark.parametrize(
        ("stored", "expiry"),
        [
            ({}, Expiry.NEVER),
            ({"expires_at_ttl": {"N": "32503680000"}}, Expiry.LIVE),
            ({"expires_at_ttl": {"N": str(DISPATCHED.epoch_seconds + 1)}}, Expiry.EXPIRED),
            ({"expires_at_ttl": {"S": "1768471201"}}, Expiry.UNREADABLE),
            ({"expires_at_ttl": {"N": str(DISPATCHED.epoch_ms)}}, Expiry.UNREADABLE),
            ({"expires_at_ttl": {"N": "1400000000"}}, Expiry.NOT_REMOVABLE),
        ],
        ids=["never", "live", "expired", "text", "milliseconds", "years-ago"],
    )
    def test_it_is_marked(self, store: AuditStore, stored: dict[str, Any], expiry: Expiry) -> None:
        # switched off, so that the engine does not remove it under the test
        store.table.client.update_time_to_live(
            TableName=store.table.name, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at_ttl"}
        )
        tables.put(store, item(**stored))

        (row,) = store.query(ALL).rows

        assert row.expiry is expiry
        assert row.expired is (expiry is Expiry.EXPIRED)


class TestById:
    def test_a_record_is_found_by_its_id(self, filled: AuditStore) -> None:
        row = filled.get(records(1)[0].id)

        assert row is not None
        assert row.stored.text("action_id") == "act-0"

    @pytest.mark.parametrize("record_id", ["nothing", "SEQ#notifications#acme#0", "acteon_TENANT#notifications#acme"])
    def test_there_is_no_record_under_an_id_of_something_else(self, filled: AuditStore, record_id: str) -> None:
        assert filled.get(record_id) is None

    @pytest.mark.parametrize(
        "text", ["", "x" * 2049, "é" * 1025, "\ud800"], ids=["empty", "long", "bytes", "surrogate"]
    )
    def test_what_cannot_be_an_id_is_refused(self, filled: AuditStore, text: str) -> None:
        with pytest.raises(FilterError):
            filled.get(text)
        with pytest.raises(FilterError):
            filled.action(text)

    def test_an_action_shows_its_records_oldest_first(self, store: AuditStore) -> None:
        store.append_many(
            [
                record(id="outcome", dispatched_at=DISPATCHED.plus_seconds(2)),
                record(id="intent", outcome="pending"),
                record(id="other", action_id="act-2"),
            ]
        )

        assert ids(store.action("act-1")) == ["intent", "outcome"]

    def test_the_directory_is_no_action(self, filled: AuditStore) -> None:
        assert filled.action("acteon_TENANTS").rows == ()


class TestForeignItems:
    def test_a_fence_mark_hides_an_item_from_people(self, store: AuditStore) -> None:
        tables.put(store, item(_fence={"BOOL": True}))

        assert store.query(ALL).rows == ()

    def test_a_malformed_record_shows_with_its_problems(self, store: AuditStore) -> None:
        tables.put(store, item(dispatched_at={"S": "yesterday"}, duration_ms={"S": "42"}))

        (row,) = store.query(replace(ALL, since=Timestamp.parse("2020-01-01T00:00:00Z"))).rows

        assert row.stored.record is None
        assert len(row.stored.problems) == 2

    def test_unchained_records_show_by_time_and_not_by_sequence(self, store: AuditStore) -> None:
        tables.put(store, *Chain().ours(1).items(), item(id="alone"))

        assert len(store.query(ALL).rows) == 2
        assert len(store.query(ALL, order="sequence").rows) == 1
