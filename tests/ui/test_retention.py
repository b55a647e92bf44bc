"""The Retention page as AppTest runs it: states counted, what is gone, dates, policy, and how much was read."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.timestamps import Clock
from audit_ui import retention_read
from tests import builders
from tests.tables import delete, put
from tests.ui.visits import address, go, table, visit, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore

DAY = 86_400
HERE = {"namespace": "notifications", "tenant": "acme"}


def metrics(opened: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in opened.metric}


def finished(opened: AppTest) -> AppTest:
    """Lets the reading come to its end, slice by slice."""
    for _slice in range(60):
        if not any(button.key == "stop" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the reading does not end")


def put_one(store: AuditStore, name: str, expires_in: float | None, **overrides: Any) -> None:
    """A record dispatched a day ago that expires so many seconds from now."""
    now = Clock().now()
    expires_at = None if expires_in is None else now.plus_seconds(expires_in)
    moment = now.plus_seconds(-DAY)
    put(store, builders.item(id=name, dispatched_at=moment, completed_at=moment, expires_at=expires_at, **overrides))


def test_each_record_is_counted_by_what_becomes_of_it(own_table: AuditStore) -> None:
    put_one(own_table, "live", 10 * DAY)
    put_one(own_table, "later", 400 * DAY)
    put_one(own_table, "due", -60)
    put_one(own_table, "held", None)
    put_one(own_table, "old", -6 * 365 * DAY)
    put_one(own_table, "text", DAY, expires_at_ttl={"S": "soon"})

    opened = visit("retention", **HERE)

    shown = metrics(opened)
    assert [shown[name] for name in ("Live", "Overdue", "Never expires", "Never removed")] == ["2", "1", "1", "2"]
    assert shown["Removed"] == "?"
    said = words(opened)
    assert "6 records read, which is all that stands" in said
    assert "not known until verified" in said
    assert "A **legal hold** shows as no expiry" in said
    assert "1 whose expiry is more than five years past, 1 whose expiry is not a number of seconds" in said
    assert [row["Id"] for row in table(opened, -1)] == ["held", "due", "old", "text"]


def test_what_expires_by_a_date_is_counted_and_the_address_keeps_the_date(own_table: AuditStore) -> None:
    put_one(own_table, "soon", 10 * DAY)
    put_one(own_table, "later", 400 * DAY)
    put_one(own_table, "due", -60)
    put_one(own_table, "held", None)

    opened = visit("retention", **HERE)
    assert [metrics(opened)[name] for name in ("Will expire", "Due already", "Stay")] == ["1", "1", "2"]
    assert "1 + 1 + 2 = 4 records read" in words(opened)
    assert "exported before" in words(opened)

    far = Clock().now().plus_seconds(500 * DAY).normalised[:10]
    opened = visit("retention", **HERE, before=far)
    assert [metrics(opened)[name] for name in ("Will expire", "Due already", "Stay")] == ["2", "1", "1"]

    tomorrow = date.fromisoformat(Clock().now().plus_seconds(DAY).normalised[:10])
    opened.date_input[0].set_value(tomorrow).run()
    assert metrics(opened)["Will expire"] == "0"
    assert address(opened)["before"] == tomorrow.isoformat()


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("before", ["soon", "2026-02-30", "<b>"])
def test_a_date_that_is_none_is_one_message(before: str) -> None:
    opened = visit("retention", **HERE, before=before)
    assert "which is no date" in words(opened)
    assert not opened.exception


@pytest.mark.usefixtures("demo")
class TestDemo:
    def test_what_was_removed_is_known_once_the_chain_was_verified(self) -> None:
        globex = {"namespace": "notifications", "tenant": "globex"}
        opened = visit("chain", **globex, verify="1")
        for _slice in range(40):
            if not any(button.key == "stop" for button in opened.button):
                break
            opened.run()
        go(opened, "retention", **globex)
        finished(opened)
        assert metrics(opened)["Removed"] == "125"
        assert "125 proven by fences, 0 unproven" in words(opened)

    def test_lifetimes_are_set_against_the_configured_one(self) -> None:
        opened = finished(visit("retention", namespace="notifications", tenant="globex"))
        said = words(opened)
        assert "30 days (2,592,000 seconds); ttl_seconds in [audit]" in said
        assert "time to live is on, by the attribute expires_at_ttl" in said
        by_name = {row["Lifetime"]: row["Records"] for row in table(opened, 2)}
        assert by_name["As configured now"] == "125"
        periods = {row["Period"]: row for row in table(opened, 1)}
        assert periods["PCI DSS, twelve months"]["New records"] == "kept 335 days less"
        assert periods["HIPAA, six years"]["Length"] == "2,192 days"
        assert periods["HIPAA, six years"]["Records given at least that"] == "0 of 125"

    def test_all_listed_tenants_are_added_up(self) -> None:
        opened = finished(visit("retention", scope="all"))
        rows = {row["Tenant"]: row for row in table(opened, 1)}
        assert rows["notifications / acme"]["Never expires"] == "400"
        assert rows["payments / hooli"]["Live"] == "179"
        assert len(rows) == 7
        shown = metrics(opened)
        assert shown["Never expires"] == f"{sum(int(row['Never expires']) for row in rows.values())}"

    def test_the_scope_is_kept_in_the_address(self) -> None:
        opened = visit("retention")
        opened.radio[0].set_value("all").run()
        assert address(opened) == {"scope": "all"}


class TestReading:
    @pytest.fixture
    def many(self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> AuditStore:
        now = Clock().now()
        for start in (0, 25):
            items = [
                builders.record(id=f"r{number:02d}", dispatched_at=now, completed_at=now).to_item()
                for number in range(start, start + 25)
            ]
            put(own_table, *items)
        monkeypatch.setattr(retention_read, "_PAGE", 10)
        monkeypatch.setattr(retention_read, "READ_AT_ONCE", 20)
        return own_table

    @pytest.mark.usefixtures("many")
    def test_is_bounded_says_so_and_reads_the_rest_when_it_is_asked_to(self) -> None:
        opened = finished(visit("retention", **HERE))
        assert "more to come" in words(opened)
        part = int(metrics(opened)["Never expires"])
        assert 20 <= part < 50
        opened.button(key="rest").click().run()
        assert metrics(finished(opened))["Never expires"] == "50"
        assert "50 records read, which is all that stands" in words(opened)

    def test_refresh_shows_what_has_gone_meanwhile(self, many: AuditStore) -> None:
        opened = finished(visit("retention", **HERE))
        before = int(metrics(opened)["Never expires"])
        delete(many, *(f"r{number:02d}" for number in range(45)))
        assert metrics(opened.run())["Never expires"] == str(before)
        opened.button(key="refresh").click().run()
        assert metrics(finished(opened))["Never expires"] == "5"


def test_a_table_without_ttl_is_a_caution(own_table: AuditStore) -> None:
    put_one(own_table, "live", DAY)
    opened = visit("retention", **HERE)
    assert "Time to live is not as it should be" not in words(opened)
    specification: Any = {"Enabled": False, "AttributeName": "expires_at_ttl"}
    own_table.table.client.update_time_to_live(TableName=own_table.table.name, TimeToLiveSpecification=specification)
    opened.button(key="refresh").click().run()
    said = words(opened)
    assert "Time to live is not as it should be" in said
    assert "update-time-to-live" in said


@pytest.mark.usefixtures("own_table")
def test_an_empty_table_and_an_empty_tenant_say_so() -> None:
    assert "No tenant is listed" in words(visit("retention"))
    assert "None of the records read has an expiry" in words(visit("retention", namespace="nobody", tenant="nowhere"))
