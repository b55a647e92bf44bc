"""The pages as AppTest runs them: what each shows of the demo data, and of tables that are empty, hostile or away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from audit_core import RecordFilter, Verdict
from audit_core.chain.words import VERDICTS
from audit_core.errors import CredentialsError
from audit_core.timestamps import Clock
from tests import builders
from tests.tables import put
from tests.ui.visits import ROOT, address, go, rendered, table, visit, words

if TYPE_CHECKING:
    from audit_core import AuditStore, Settings

HOSTILE = "<script>alert(1)</script> ![x](https://example.com/x.png) **bold** :red[red] $x$ [a](javascript:b)"


def page_of(store: AuditStore, namespace: str, tenant: str) -> list[str]:
    rows = store.query(RecordFilter(namespace=namespace, tenant=tenant)).rows
    return [row.stored.text("id") for row in rows]


@pytest.mark.usefixtures("demo")
class TestOverview:
    def test_lists_the_chains_of_the_directory_with_their_tips(self) -> None:
        said = words(visit())
        for name in ("notifications / acme", "payments / umbrella", "infrastructure / sandbox"):
            assert name in said
        assert "Last position 399" in said
        assert "Not chained" in said
        assert "7 tenants of 7 shown" in said

    def test_says_that_it_is_in_memory_and_of_which_table(self) -> None:
        said = words(visit())
        assert "In memory: gone when this process ends" in said
        assert "Table acteon_audit, embedded engine" in said

    def test_shows_the_compliance_mode_with_its_three_flags(self) -> None:
        said = words(visit())
        assert "Compliance mode **SOC 2**" in said
        assert "Confirmed writes: **yes**" in said
        assert "Immutable records: **no**" in said
        assert "Chained records: **yes**" in said

    def test_verifies_every_chain_on_the_screen(self) -> None:
        opened = visit()
        opened.button(key="verify_all").click().run()
        for _slice in range(40):
            if not any(button.key == "stop_all" for button in opened.button):
                break
            opened.run()
        said = words(opened)
        for verdict in (
            Verdict.INTACT,
            Verdict.INTACT_WITH_EXPIRY,
            Verdict.UNPROVEN,
            Verdict.BROKEN,
            Verdict.UNCHAINED,
        ):
            assert f"{VERDICTS[verdict].symbol} {VERDICTS[verdict].name}" in said
        assert "125 expired" in said
        assert "101 gone, unproven" in said

    def test_says_as_of_when_it_is_and_what_reading_cost(self) -> None:
        said = words(visit())
        assert "As of 20" in said
        assert "read units" in said

    def test_a_scan_of_the_whole_table_finds_the_same_tenants(self) -> None:
        opened = visit()
        opened.button(key="scan").click().run()
        for _slice in range(20):
            if not any(button.key == "scan_stop" for button in opened.button):
                break
            opened.run()
        assert "from a scan of this visit, which found none more" in words(opened)


@pytest.mark.usefixtures("demo")
class TestRecords:
    def test_shows_a_page_of_records_newest_first(self) -> None:
        opened = visit("records", namespace="notifications", tenant="acme")
        rows = table(opened)
        assert len(rows) == 50
        assert [row["Sequence"] for row in rows[:2]] == ["399", "398"]
        assert "50 records shown, more to come" in words(opened)

    def test_goes_on_and_back_by_cursors_that_the_address_names(self) -> None:
        opened = visit("records", namespace="notifications", tenant="acme")
        opened.button(key="next page").click().run()
        assert table(opened)[0]["Sequence"] == "349"
        assert table(visit("records", **address(opened)))[0]["Sequence"] == "349"
        opened.button(key="previous page").click().run()
        assert table(opened)[0]["Sequence"] == "399"

    def test_a_filter_is_applied_and_starts_at_the_first_page(self) -> None:
        opened = visit("records", namespace="notifications", tenant="acme")
        opened.button(key="next page").click().run()
        field = next(widget for widget in opened.text_input if widget.label == "Outcome")
        field.set_value("failed")
        next(button for button in opened.button if button.label == "Apply").click().run()
        assert address(opened) == {"namespace": "notifications", "tenant": "acme", "outcome": "failed"}
        assert {row["Outcome"] for row in table(opened)} == {"failed"}

    def test_a_filter_without_a_match_says_so(self) -> None:
        said = words(visit("records", namespace="notifications", tenant="acme", outcome="nothing"))
        assert "No record matches" in said

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "%%%"])
    def test_a_damaged_cursor_is_one_message_with_the_way_on(self, cursor: str) -> None:
        opened = visit("records", namespace="notifications", tenant="acme", cursor=cursor)
        assert "open the list again from its first page" in words(opened)
        opened.button(key="first page").click().run()
        assert table(opened)[0]["Sequence"] == "399"

    def test_a_cursor_of_another_tenant_is_refused(self) -> None:
        opened = visit("records", namespace="notifications", tenant="acme")
        opened.button(key="next page").click().run()
        other = visit("records", namespace="notifications", tenant="globex", cursor=address(opened)["cursor"])
        assert "belongs to another tenant or filter" in words(other)
        assert not other.dataframe

    @pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "10:00"])
    def test_a_time_that_is_none_is_one_message(self, since: str) -> None:
        said = words(visit("records", namespace="notifications", tenant="acme", since=since))
        assert "is not a time" in said

    def test_a_record_is_shown_whole_by_its_link(self, demo: Settings) -> None:
        from audit_ui.context import open_context  # noqa: PLC0415 - the store that the pages use

        record_id = page_of(open_context().store, "payments", "umbrella")[0]
        opened = visit("records", record=record_id)
        said = words(opened)
        assert record_id in said
        assert "✓ fits the content" in said
        assert '"to": "acct-' in said
        assert demo.demo

    def test_an_edited_record_shows_the_hash_that_no_longer_fits(self) -> None:
        from audit_ui.context import open_context  # noqa: PLC0415 - the store that the pages use

        report = open_context().store.verify("payments", "umbrella")
        said = words(visit("records", record=str(report.findings[0].record_id)))
        assert "✕ does not fit the content" in said
        assert str(report.findings[0].found).split()[1] in said

    def test_an_id_is_looked_up_as_a_record_or_an_action(self) -> None:
        from audit_ui.context import open_context  # noqa: PLC0415 - the store that the pages use

        record_id = page_of(open_context().store, "notifications", "acme")[0]
        assert visit("records", id=record_id).title[0].value == "Record"
        opened = visit("records", id=f"act-{record_id[:8]}")
        assert [row["Id"] for row in table(opened)] == [record_id]

    def test_an_id_that_nobody_has_is_said_to_be_nobodys(self) -> None:
        assert "Nothing is called exactly this" in words(visit("records", id="nobody"))
        assert "There is no such record" in words(visit("records", record="nobody"))

    @pytest.mark.parametrize("page", ["chain", "records", "gaps", "retention"])
    def test_a_tenant_that_nobody_lists_is_told_from_one_that_is_listed(self, page: str) -> None:
        said = "The directory lists no tenant of this name."
        assert said in words(visit(page, namespace="payments", tenant="umbrela"))
        assert said not in words(visit(page, namespace="payments", tenant="umbrella"))

    def test_records_of_an_unchained_tenant_are_marked(self) -> None:
        rows = table(visit("records", namespace="infrastructure", tenant="sandbox"))
        assert {row["Marks"] for row in rows} == {"not chained"}


@pytest.mark.usefixtures("demo")
class TestChain:
    @pytest.mark.parametrize(
        ("chain", "verdict"),
        [
            (("notifications", "acme"), Verdict.INTACT),
            (("notifications", "globex"), Verdict.INTACT_WITH_EXPIRY),
            (("notifications", "initech"), Verdict.UNPROVEN),
            (("payments", "umbrella"), Verdict.BROKEN),
            (("infrastructure", "sandbox"), Verdict.UNCHAINED),
        ],
    )
    def test_a_link_verifies_and_says_what_the_verdict_means_and_does_not(
        self, chain: tuple[str, str], verdict: Verdict
    ) -> None:
        said = words(finished(visit("chain", namespace=chain[0], tenant=chain[1], verify="1")))
        assert VERDICTS[verdict].headline in said
        assert VERDICTS[verdict].does_not_mean[0] in said

    def test_a_link_without_verify_starts_nothing(self) -> None:
        opened = visit("chain", namespace="payments", tenant="hooli", first="1")
        assert "Not verified yet" in words(opened)
        next(button for button in opened.button if button.label == "Verify").click().run()
        assert address(opened)["verify"] == "1"
        assert VERDICTS[Verdict.BROKEN].headline in words(finished(opened))

    def test_the_numbers_add_up_to_the_positions(self) -> None:
        said = words(finished(visit("chain", namespace="payments", tenant="hooli", verify="1")))
        assert "Positions 0 to 179: 179 + 0 + 0 + 0 + 1 = 180" in said

    def test_a_finding_is_opened_by_its_link(self) -> None:
        said = words(finished(visit("chain", namespace="payments", tenant="hooli", verify="1", finding="0")))
        assert "Record missing, position 90" in said
        assert "What to do next" in said

    def test_an_edit_names_what_was_expected_and_what_was_found(self) -> None:
        opened = finished(visit("chain", namespace="payments", tenant="umbrella", verify="1", finding="0"))
        (row,) = table(opened)
        assert (row["Finding"], row["Position"]) == ("Content altered", "146")
        said = words(opened)
        assert "**1 break: Content altered, position 146.**" in said
        for cell in (row["Expected"], row["Found"]):
            assert cell.endswith("…")
            assert cell[:-1] in said

    def test_a_finding_that_is_not_there_is_said_to_be_gone(self) -> None:
        said = words(finished(visit("chain", namespace="payments", tenant="hooli", verify="1", finding="7")))
        assert "not in this report any more" in said

    def test_a_range_says_that_it_is_one(self) -> None:
        said = words(finished(visit("chain", namespace="payments", tenant="hooli", verify="1", first="1", last="50")))
        assert "Only positions 1 to 50" in said
        assert VERDICTS[Verdict.INTACT].headline in said

    @pytest.mark.parametrize("bounds", [{"first": "9", "last": "3"}, {"first": "x"}, {"last": "-1"}])
    def test_a_range_that_makes_no_sense_is_one_message(self, bounds: dict[str, str]) -> None:
        opened = visit("chain", namespace="payments", tenant="hooli", verify="1", **bounds)
        assert "This cannot be shown" in words(opened)
        assert not opened.exception

    def test_the_report_stays_when_another_page_was_seen(self) -> None:
        opened = finished(visit("chain", namespace="payments", tenant="hooli", verify="1"))
        go(opened, "records", namespace="payments", tenant="hooli")
        said = words(go(opened, "chain", namespace="payments", tenant="hooli"))
        assert VERDICTS[Verdict.BROKEN].headline in said

    def test_a_tenant_that_is_nowhere_is_no_error(self) -> None:
        said = words(finished(visit("chain", namespace="nobody", tenant="nowhere", verify="1")))
        assert VERDICTS[Verdict.INCOMPLETE].headline in said


def finished(opened: AppTest) -> AppTest:
    """Lets a verification come to its end, slice by slice."""
    for _slice in range(40):
        if not any(button.key == "stop" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the verification does not end")


@pytest.mark.usefixtures("own_table")
@pytest.mark.parametrize(
    ("page", "said"),
    [("overview", "No tenant is listed"), ("records", "No tenant is listed"), ("chain", "No chain is listed")],
)
def test_an_empty_table_says_what_can_be_done(page: str, said: str) -> None:
    opened = visit(page)
    assert said in words(opened)
    assert not opened.exception


class TestHostileText:
    @pytest.fixture
    def record_id(self, own_table: AuditStore) -> str:
        """A record whose every text is an attempt, put in with the plain API."""
        fields = dict.fromkeys(("provider", "action_type", "outcome", "verdict", "caller_id", "matched_rule"), HOSTILE)
        now = Clock().now()
        item = builders.item(
            **fields, namespace="notifications", tenant=HOSTILE, action_id=HOSTILE, dispatched_at=now, completed_at=now
        )
        item["action_payload"] = {"S": HOSTILE}
        item["extra_field"] = {"S": HOSTILE}
        put(own_table, item)
        return str(item["id"]["S"])

    @pytest.mark.parametrize("page", ["records", "chain"])
    def test_is_never_rendered(self, record_id: str, page: str) -> None:
        opened = visit(page, namespace="notifications", tenant=HOSTILE, verify="1")
        assert record_id
        assert "script" not in rendered(opened)
        assert not opened.exception

    def test_is_shown_as_text_on_the_record(self, record_id: str) -> None:
        opened = visit("records", record=record_id)
        assert "script" not in rendered(opened)
        assert [part.value for part in opened.text].count(HOSTILE) >= 7

    def test_is_escaped_where_it_cannot_be_seen(self, own_table: AuditStore) -> None:
        item = builders.item(provider={"S": "e\u202email\x1b[31m"})
        put(own_table, item)
        opened = visit("records", namespace="notifications", tenant="acme")
        (row,) = table(opened)
        assert row["Provider"] == "e\\u{202E}mail\\u{001B}[31m"
        assert "hidden characters" in row["Marks"]

    def test_a_record_that_is_none_is_shown_with_its_problem(self, own_table: AuditStore) -> None:
        item = builders.item(duration_ms={"S": "42"})
        put(own_table, item)
        (row,) = table(visit("records", namespace="notifications", tenant="acme"))
        assert "not a proper record" in row["Marks"]
        assert "duration_ms is of type S" in words(visit("records", record=item["id"]["S"]))

    def test_a_record_outside_its_tenants_chain_is_vouched_for_by_nothing(self, own_table: AuditStore) -> None:
        own_table.append(builders.record(dispatched_at=Clock().now(), completed_at=Clock().now()))
        put(own_table, builders.item(id="intruder"))
        rows = {row["Id"]: row["Marks"] for row in table(visit("records", namespace="notifications", tenant="acme"))}
        assert rows["intruder"] == "vouched for by nothing"
        assert rows["0197c1d2-0000-7000-8000-000000000001"] == ""

    def test_tenants_that_look_alike_are_marked(self, own_table: AuditStore) -> None:
        for number, tenant in enumerate(("acme", "аcme")):  # noqa: RUF001 - the second starts with a Cyrillic letter
            now = Clock().now()
            own_table.append(builders.record(id=f"r{number}", tenant=tenant, dispatched_at=now, completed_at=now))
        assert "Looks like another" in words(visit())


class TestFaults:
    @pytest.mark.parametrize("page", ["overview", "records", "chain"])
    def test_an_engine_that_is_away_is_one_message_with_the_mend(self, unreachable: Settings, page: str) -> None:
        assert unreachable.is_local
        opened = visit(page)
        said = words(opened)
        assert "cannot be reached" in said
        assert "docker compose" in said
        assert not opened.exception
        assert "Traceback" not in said

    def test_a_table_that_vanishes_is_made_anew_at_the_next_attempt(self, own_table: AuditStore) -> None:
        opened = visit()
        own_table.table.client.delete_table(TableName=own_table.table.name)
        opened.run()
        assert "There is no table" in words(opened)
        opened.button(key="fault_again").click().run()
        assert "No tenant is listed" in words(opened)

    @pytest.mark.usefixtures("demo")
    @pytest.mark.parametrize("page", ["overview", "tenants", "chain", "retention"])
    def test_credentials_that_are_gone_are_one_message_and_the_page_recovers(
        self, monkeypatch: pytest.MonkeyPatch, page: str
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise CredentialsError("The credentials have expired; sign in again.")

        with monkeypatch.context() as patch:
            patch.setattr("audit_core.table.Table.query", refuse)
            opened = visit(page)
            assert "The credentials have expired; sign in again." in words(opened)
            assert not opened.exception
        opened.button(key="fault_again").click().run()
        assert "expired; sign in" not in words(opened)
        assert opened.title[0].value == page.capitalize()

    @pytest.mark.usefixtures("demo")
    def test_a_mistake_of_the_program_is_a_number_and_a_log_entry(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError("of the secret")

        monkeypatch.setattr("audit_ui.chooser.listed", fail)
        opened = visit()
        said = words(opened)
        assert "Something in this program failed" in said
        assert "secret" not in said
        assert not opened.exception
        entry = [record for record in caplog.records if record.name == "audit_ui"][-1]
        assert entry.getMessage().rpartition(" ")[2] in said
        assert entry.exc_info is not None

    @pytest.mark.usefixtures("demo")
    @pytest.mark.parametrize("page", ["overview", "records", "chain"])
    def test_a_page_by_itself_shows_nothing(self, page: str) -> None:
        alone = AppTest.from_file(ROOT / "pages" / "audit" / f"{page}.py", default_timeout=30).run()
        assert "opens only inside the dashboard" in alone.warning[0].value
        assert not alone.title
        assert not alone.text

    @pytest.mark.usefixtures("demo")
    def test_two_visits_with_other_tenants_see_nothing_of_each_other(self) -> None:
        one = visit("records", namespace="notifications", tenant="acme")
        other = visit("records", namespace="payments", tenant="hooli")
        for _turn in range(2):
            assert {row["Provider"] for row in table(one.run())} <= {"email", "sms", "webhook"}
            assert {row["Provider"] for row in table(other.run())} <= {"stripe", "bank"}
