"""Reading ahead gives what page after page gives, wherever the borders fall and whatever lies between the positions."""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Future
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain import ahead
from audit_core.chain.ahead import AHEAD, in_order, index_pages
from audit_core.chain.fetch import IndexPage, Source
from audit_core.errors import EngineError
from audit_core.table import Answer, KeyRange, Table
from tests.builders import record
from tests.chains import NAMES, SOON
from tests.memory_table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.store import AuditStore

CHAIN = "#".join(NAMES)
# whole numbers close together, so that pages are predicted; and what an intruder may write between and around them
NUMBERS = st.lists(
    st.one_of(
        st.integers(0, 60).map(str),
        st.sampled_from(["-0.5", "-3", "0.5", "4.5", "9.99999", "19." + "9" * 36, "24.5", "1E+3", "9E+125"]),
    ),
    max_size=90,
)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "PAGE", 5)


def table_of(numbers: list[str], page: int) -> MemoryTable:
    items: dict[str, dict[str, Any]] = {}
    for place, number in enumerate(numbers):
        item_id = f"r-{place}"
        items[item_id] = {"id": {"S": item_id}, "ns_tenant": {"S": CHAIN}, "sequence_number": {"N": number}}
    return MemoryTable(items, SOON, page)


def pages_of(table: Any, first: int, upper: int, last: int | None = None) -> Iterator[tuple[IndexPage, bool]]:
    return (read for read in index_pages(Source(table, *NAMES), first, upper, last) if read is not None)


def in_table_order(table: MemoryTable) -> list[str]:
    return sorted(table.items, key=lambda one: (Decimal(table.items[one]["sequence_number"]["N"]), one))


@given(NUMBERS, st.integers(2, 7), st.sampled_from([0, 0, 1, 7, 23]), st.sampled_from([None, 12, 40]))
def test_every_record_is_read_once_and_in_order(numbers: list[str], page: int, first: int, last: int | None) -> None:
    table = table_of([*map(str, range(60)), *numbers], page)
    read, ends = [], []
    for found, at_end in pages_of(table, first, 59, last):
        read += [item["id"]["S"] for item in found.items]
        ends.append(at_end)
    expected = in_table_order(table)
    if first:
        expected = [one for one in expected if Decimal(table.items[one]["sequence_number"]["N"]) >= first]
    assert read == expected
    assert ends == [False] * (len(ends) - 1) + [True]


@given(st.sets(st.integers(0, 300), max_size=60), st.integers(2, 7))
def test_a_chain_of_which_much_is_gone_is_read_too(positions: set[int], page: int) -> None:
    table = table_of([str(number) for number in sorted(positions)], page)
    read = [item["id"]["S"] for found, _end in pages_of(table, 0, 300) for item in found.items]
    assert read == in_table_order(table)


def test_what_is_gone_is_not_asked_for_range_by_range(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of([*map(str, range(30)), "100000"], 1000)
    asked: list[KeyRange] = []
    query = MemoryTable.query

    def count(self: MemoryTable, keys: KeyRange, **options: Any) -> Answer:
        asked.append(keys)
        return query(self, keys, **options)

    monkeypatch.setattr(MemoryTable, "query", count)
    pages = list(pages_of(table, 0, 100_000))
    assert sum(len(page.items) for page, _end in pages) == 31
    assert len(asked) < 20


class TestInOrder:
    @pytest.fixture
    def table(self) -> Iterator[Table]:
        class Client:
            def close(self) -> None: ...

        table = Table(Client(), "t")  # type: ignore[arg-type]
        yield table
        table.close()

    def test_what_was_asked_first_comes_first(self, table: Table) -> None:
        second = threading.Event()

        def work(number: int) -> int:
            if number == 1:
                assert second.wait(10)
            if number == 2:
                second.set()
            return number

        assert list(in_order(partial(table.submit, work), range(6))) == [(number, number) for number in range(6)]

    def test_no_more_is_under_way_than_may_be(self, table: Table) -> None:
        begun: list[int] = []
        steps = in_order(partial(table.submit, begun.append), range(50))
        for taken in range(20):
            next(steps)
            assert len(begun) <= taken + 1 + AHEAD

    def test_who_needs_one_has_one_read(self, table: Table) -> None:
        begun: list[int] = []
        next(in_order(partial(table.submit, begun.append), range(50)))
        assert begun == [0]

    def test_who_waits_is_told_so_and_can_go_away(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ahead, "PATIENCE_SECONDS", 0.01)
        answered = threading.Event()
        steps = in_order(partial(table.submit, lambda number: answered.wait(10) and number), range(2))
        assert [next(steps), next(steps)] == [None, None]
        answered.set()
        assert [step for step in steps if step is not None] == [(0, 0), (1, 1)]

    def test_an_error_comes_at_its_place(self, table: Table) -> None:
        def work(number: int) -> int:
            if number == 2:
                raise EngineError("no")
            return number

        steps = in_order(partial(table.submit, work), range(6))
        assert [next(steps), next(steps)] == [(0, 0), (1, 1)]
        with pytest.raises(EngineError, match="no"):
            next(steps)


def test_a_page_border_below_the_first_position_is_no_start_for_a_range(store: AuditStore) -> None:
    """The engine refuses a start key outside the range; an intruder at −0.5 may be the last of a page."""
    store.append_many([record(id=f"r-{number}") for number in range(20)])
    for place in range(5):
        intruder = {"id": {"S": f"i-{place}"}, "ns_tenant": {"S": CHAIN}, "sequence_number": {"N": "-0.5"}}
        store.table.client.put_item(TableName=store.table.name, Item=intruder)
    read = [item["id"]["S"] for found, _end in pages_of(store.table, 0, 19) for item in found.items]
    assert sorted(read[:5]) == [f"i-{place}" for place in range(5)]
    assert read[5:] == [f"r-{number}" for number in range(20)]


def test_a_process_that_ends_is_a_failed_read() -> None:
    def submit(_wanted: int) -> Future[int]:
        ended: Future[int] = Future()
        ended.set_exception(BrokenExecutor("killed"))
        return ended

    with pytest.raises(EngineError, match="has ended; verify again"):
        list(in_order(submit, range(3)))
