"""The Retention page as AppTest runs it: states counted, what is gone, dates, policy, and how much was read."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.timestamps import Clock
from audit_ui import retention_read
from tests import builders
from tests.chains import Chain
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
        assert "All 125 records read live as long as the configuration declares." in said
        by_name = {row["Lifetime"]: row["Records"] for row in table(opened, 3)}
        assert by_name["As configured now"] == "125"
        periods = {row["Period"]: row for row in table(opened, 2)}
        assert periods["PCI DSS, twelve months"]["New records"] == "kept 335 days less"
        assert periods["HIPAA, six years"]["Length"] == "2,192 days"
        assert periods["HIPAA, six years"]["Records given at least that"] == "0 of 125"

    def test_all_listed_tenants_are_added_up(self) -> None:
        opened = finished(visit("retention", scope="all"))
        opened = finished(opened.button(key="rest").click().run())
        rows = {row["Tenant"]: row for row in table(opened, 2)}
        assert rows["notifications / acme"]["Never expires"] == "400"
        assert rows["payments / hooli"]["Live"] == "179"
        assert len(rows) == 7
        shown = metrics(opened)
        assert shown["Never expires"] == f"{sum(int(row['Never expires']) for row in rows.values())}"

    def test_the_scope_is_kept_in_the_address(self) -> None:
        opened = visit("retention")
        opened.radio[0].set_value("all").run()
        assert address(opened) == {"scope": "all"}


class TestDoubts:
    @pytest.fixture
    def chain(self, own_table: AuditStore) -> Chain:
        return Chain(began=own_table.table.clock.now().plus_seconds(-3600)).ours(8, lifetime=30 * DAY)

    def found(self, store: AuditStore, chain: Chain) -> tuple[str, list[dict[str, Any]]]:
        put(store, *chain.items())
        opened = visit("retention", **HERE)
        assert not opened.exception
        rows = next((frame.value for frame in opened.dataframe if "By its fence" in frame.value.columns), None)
        return words(opened), [] if rows is None else rows.to_dict("records")

    def test_a_sound_chain_leaves_none(self, own_table: AuditStore, chain: Chain) -> None:
        said, rows = self.found(own_table, chain)
        assert ":blue[✓ None] among the records read" in said
        assert "that nobody rewrote a record and its fence together" in said
        assert not rows

    def test_a_moved_expiry_shows_beside_what_its_fence_says(self, own_table: AuditStore, chain: Chain) -> None:
        record = chain.record(3)
        moved = chain.began.plus_seconds(400 * DAY)
        chain.edit(3, expires_at={"S": moved.text}, expires_at_ttl={"N": str(moved.epoch_seconds)})
        said, (row,) = self.found(own_table, chain)
        assert "1 record with an expiry that is not what was written" in said
        assert row["Why"] == "the fence, written with it, says another expiry"
        assert row["By TTL"] == str(moved.epoch_seconds) != record["expires_at_ttl"]["N"]
        assert row["By its fence"].startswith(record["expires_at"]["S"][:10])

    def test_an_expiry_taken_away_is_found(self, own_table: AuditStore, chain: Chain) -> None:
        chain.edit(2, expires_at=None, expires_at_ttl=None)
        _said, (row,) = self.found(own_table, chain)
        assert (row["Sequence"], row["Expiry (UTC)"], row["By TTL"]) == ("2", "none", "none")
        assert row["By its fence"].endswith("UTC")

    @pytest.mark.parametrize(
        ("edit", "why"),
        [
            ({"expires_at_ttl": None}, "the attribute that DynamoDB acts on is gone"),
            ({"expires_at": None}, "the expiry itself is gone"),
            ({"expires_at_ttl": {"N": "99"}}, "is not the expiry"),
            ({"expires_at_ttl": {"S": "soon"}}, "is not the expiry"),
        ],
    )
    def test_attributes_that_disagree_are_found(
        self, own_table: AuditStore, chain: Chain, edit: dict[str, Any], why: str
    ) -> None:
        _said, (row,) = self.found(own_table, chain.edit(5, **edit))
        assert why in row["Why"]

    def test_an_edit_elsewhere_is_no_matter_of_expiry_where_the_fence_tells(
        self, own_table: AuditStore, chain: Chain
    ) -> None:
        assert not self.found(own_table, chain.edit(4, caller_id={"S": "mallory"}))[1]

    def test_where_no_fence_tells_an_edit_may_be_one_of_the_expiry(self, own_table: AuditStore, chain: Chain) -> None:
        chain.edit(4, caller_id={"S": "mallory"}).remove(4, record=False, fence=True)
        (row,) = self.found(own_table, chain)[1]
        assert (row["Sequence"], row["By its fence"]) == ("4", "not told")
        assert "may be what was changed" in row["Why"]

    def test_text_of_such_records_is_text(self, own_table: AuditStore, chain: Chain) -> None:
        hostile = "<script>alert(1)</script>\u202e"
        _said, (row,) = self.found(own_table, chain.edit(1, expires_at_ttl={"S": hostile}))
        assert row["By TTL"] == "<script>alert(1)</script>\\u{202E}"


def test_a_forecast_says_what_stands_when(own_table: AuditStore) -> None:
    for name, seconds in (("soon", 5 * DAY), ("later", 60 * DAY), ("due", -60), ("held", None)):
        put_one(own_table, name, seconds)
    opened = visit("retention", **HERE)
    rows = next(frame.value for frame in opened.dataframe if "Will have expired" in frame.value.columns)
    assert list(zip(rows["In"], rows["Will have expired"], rows["Stand"], strict=True)) == [
        ("7 days", "2", "2"),
        ("30 days", "2", "2"),
        ("90 days", "3", "1"),
        ("a year", "3", "1"),
        ("six years", "3", "1"),
    ]


def test_lifetimes_that_are_not_as_declared_are_counted(own_table: AuditStore) -> None:
    put_one(own_table, "short", -DAY + 90_000)
    put_one(own_table, "held", None)
    said = words(visit("retention", **HERE))
    assert "2 of 2 records read live otherwise than the configuration declares; 1 of them shorter." in said


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
