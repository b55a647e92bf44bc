"""A page costs what it shows: its first screen reads no more of a large table than of a small one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.table import Reading, Table
from audit_ui import chooser
from audit_ui.context import open_context
from tests import builders, tables
from tests.tables import put
from tests.test_directory import entry
from tests.ui.visits import go, visit, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit_core import AuditStore

PAGES = ("records", "gaps", "retention", "inject")
SMALL = (60, 510)
LARGE = (600, 1500)
FIRST = {"namespace": "notifications", "tenant": "t0000"}


@pytest.fixture(autouse=True)
def fresh_directories() -> Iterator[None]:
    chooser.forget_directories()
    yield
    chooser.forget_directories()


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Reading]:
    """What was read since it was asked last, by every call on a table."""
    total = [Reading()]

    def counted(name: str) -> None:
        inner = getattr(Table, name)

        def call(self: Table, *arguments: object, **options: object) -> object:
            answer = inner(self, *arguments, **options)
            total[0] += answer.reading
            return answer

        monkeypatch.setattr(Table, name, call)

    for name in ("get", "get_many", "query", "scan"):
        counted(name)

    def taken() -> Reading:
        since, total[0] = total[0], Reading()
        return since

    return taken


def fill(store: AuditStore, tenants: int, records: int) -> None:
    """A directory of so many tenants, and so many records of the first of them."""
    put(store, *(entry("notifications", f"t{number:04d}") for number in range(tenants)))
    now = store.table.clock.now()
    made = (
        builders.item(id=f"r{number:06d}", tenant="t0000", dispatched_at=now, completed_at=now, sequence_number=number)
        for number in range(records)
    )
    put(store, *made)


def first_screens(spent: Callable[[], Reading], **query: str) -> dict[str, int]:
    opened, read = visit(), {}
    for page in PAGES:
        spent()
        assert not go(opened, page, **query).exception
        read[page] = spent().items
    return read


@pytest.mark.parametrize("query", [{}, FIRST], ids=["no tenant", "a tenant"])
def test_the_first_screen_reads_no_more_of_a_large_table(
    open_table: Callable[..., AuditStore], spent: Callable[[], Reading], query: dict[str, str]
) -> None:
    store = open_table()
    fill(store, *SMALL)
    small = first_screens(spent, **query)
    fill(store, *LARGE)
    large = first_screens(spent, **query)
    assert small["records"] > 0 or not query  # without a name any tenant may be shown, also one without a record
    assert all(large[page] <= small[page] for page in PAGES), (small, large)


@pytest.mark.parametrize("page", ["records", "gaps", "retention"])
def test_of_a_long_directory_a_part_is_offered_and_the_way_to_all(own_table: AuditStore, page: str) -> None:
    fill(own_table, 60, 1)
    opened = visit(page, namespace="notifications", tenant="t0059")
    (choice,) = [box for box in opened.selectbox if box.label == "Chain"]
    assert len(choice.options) == chooser.PAGE + 1
    assert any("Find another tenant" in link.label for link in opened.get("page_link"))
    assert choice.options[choice.index or 0] == "notifications / t0059"
    assert "lists no tenant of this name" not in words(opened)  # of a part of it nobody can tell


def test_what_goes_through_more_says_so(own_table: AuditStore) -> None:
    fill(own_table, 1, 700)
    said = words(visit("retention", **FIRST))
    assert "500 records read, more to come." in said


@pytest.mark.parametrize("page", ["overview", "tenants", "chain", *PAGES])
def test_no_page_asks_for_the_description_of_the_table(own_table: AuditStore, page: str) -> None:
    """DynamoDB Local goes through all of the table for it."""
    fill(own_table, 2, 3)
    asked = tables.asked(open_context().store)
    visit(page, **FIRST)
    assert asked["Query"]
    assert not asked["DescribeTable"]
