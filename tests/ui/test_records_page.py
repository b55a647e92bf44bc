"""The list of Records as AppTest runs it: chips, a search that counts as it is typed, and searches that take long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core import RecordFilter, paging
from audit_ui import context
from audit_ui.context import open_context
from audit_ui.record_search import RecordSearch
from audit_ui.verification import reports
from tests import builders
from tests.chains import NAMES, Chain
from tests.tables import put
from tests.ui.visits import HOSTILE, address, finished, rendered, table, visit, ways, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore

ACME = {"namespace": "notifications", "tenant": "acme"}
HOOLI = {"namespace": "payments", "tenant": "hooli"}


def typed(opened: AppTest, text: str) -> AppTest:
    return opened.text_input(key="id").set_value(text).run()


@pytest.mark.usefixtures("demo")
class TestChips:
    def test_each_filter_that_is_set_can_be_taken_away_alone(self) -> None:
        opened = visit("records", **ACME, outcome="failed", provider="email")
        assert {row["Outcome"] for row in table(opened)} == {"failed"}
        opened.button(key="unset provider").click().run()
        assert address(opened) == {**ACME, "outcome": "failed"}
        assert {row["Provider"] for row in table(opened)} > {"email"}
        opened.button(key="unset outcome").click().run()
        assert address(opened) == ACME
        assert not [button for button in opened.button if (button.key or "").startswith("unset")]

    def test_all_are_taken_away_at_once(self) -> None:
        opened = visit("records", **ACME, outcome="failed", provider="email")
        assert address(opened.button(key="clear").click().run()) == ACME

    def test_a_chip_shows_what_was_asked_as_text(self) -> None:
        opened = visit("records", **ACME, caller=f"{HOSTILE}\u202e")
        assert f"{HOSTILE}\\u{{202E}}" in [part.value for part in opened.text]
        assert "script" not in rendered(opened)

    def test_setting_a_filter_keeps_the_others(self) -> None:
        opened = visit("records", **ACME, outcome="failed")
        next(widget for widget in opened.text_input if widget.label == "Provider").set_value("email")
        next(button for button in opened.button if button.label == "Apply").click().run()
        assert address(opened) == {**ACME, "outcome": "failed", "provider": "email"}


@pytest.mark.usefixtures("demo")
class TestSearch:
    def test_an_id_opens_its_record(self) -> None:
        record_id = open_context().store.query(RecordFilter(**ACME)).rows[7].stored.text("id")
        opened = typed(visit("records", **ACME), f" {record_id} ")
        assert opened.title[0].value == "Record"
        assert address(opened)["record"] == record_id

    def test_a_position_shows_what_stands_there(self) -> None:
        opened = typed(visit("records", namespace="payments", tenant="umbrella"), "146")
        assert [row["Sequence"] for row in table(opened)] == ["146"]
        assert address(opened)["id"] == "146"
        assert "1 record shown, which is all there is." in words(opened)

    def test_of_what_is_half_typed_no_deletion_is_told(self) -> None:
        opened = typed(visit("records", **ACME), "not yet a whole")
        assert "Nothing is called exactly this" in words(opened)
        assert "Only a whole record id or action id is found here." in words(opened)
        assert ":green[Open the chain →] namespace=notifications&tenant=acme" in ways(opened)
        opened.button(key="back").click().run()
        assert len(table(opened)) == 50

    def test_a_position_without_a_record_leads_to_what_became_of_it(self) -> None:
        opened = typed(visit("records", **HOOLI), "90")
        assert "No record stands at position 90 of this chain" in words(opened)
        name = "namespace=payments&tenant=hooli"
        assert f":green[Verify the positions around it →] {name}&first=85&last=95&verify=1" in ways(opened)
        assert f":green[Gaps of the chain →] {name}&gap=90" in ways(opened)

    def test_a_finding_of_the_last_verification_about_it_is_led_to(self) -> None:
        finished(visit("chain", **HOOLI, verify="1"))
        (finding,) = reports().last(open_context().table_key, *HOOLI.values()).findings
        gone = finding.evidence.exhibit.fence["record_id"]["S"]
        for text in ("90", gone):
            opened = typed(visit("records", **HOOLI), text)
            assert ":green[The finding about it →] namespace=payments&tenant=hooli&finding=0" in ways(opened)
        gone_record = visit("records", **HOOLI, record=gone)
        assert ":green[The finding about it →] namespace=payments&tenant=hooli&finding=0" in ways(gone_record)
        assert not any("about it" in way for way in ways(typed(visit("records", **HOOLI), "91-nobody")))

    @pytest.mark.parametrize("text", ["9" * 400, "SEQ#notifications#acme#3", "acteon_TENANTS", "²", "%00", "x" * 2049])
    def test_no_text_is_too_odd_to_be_searched_for(self, text: str) -> None:
        opened = typed(visit("records", **ACME), text)
        assert not opened.exception
        assert not opened.dataframe
        assert (
            "Nothing is called" in words(opened) or "No record stands at" in words(opened)
        ) or "1 to 2,048 bytes" in words(opened)

    def test_an_emptied_search_leads_back_to_the_list(self) -> None:
        opened = typed(typed(visit("records", **ACME), "146"), "")
        assert address(opened) == ACME
        assert len(table(opened)) == 50


class TestLongSearches:
    @pytest.fixture
    def rare(self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> AuditStore:
        """Records of which one, the oldest but two, has another outcome; a request goes through 51 of them."""
        monkeypatch.setattr(paging, "_FILTERED_PAGE", 51)
        chain = Chain().ours(2).ours(1, outcome="odd").ours(117)
        put(own_table, *chain.items())
        return own_table

    def test_go_on_in_slices_and_come_to_their_end(self, rare: AuditStore) -> None:
        assert rare.engine == "embedded"
        opened = finished(visit("records", **ACME, outcome="odd"), stop="stop_search")
        assert [row["Sequence"] for row in table(opened)] == ["2"]
        assert "120 items read in 3 requests" in words(opened)

    def test_a_slice_is_one_request_and_a_stopped_search_is_a_page_with_a_way_on(self, rare: AuditStore) -> None:
        context.configure(rare.settings)
        wanted = RecordFilter(namespace=NAMES[0], tenant=NAMES[1], outcome="odd")
        search = RecordSearch(open_context().store, wanted, "newest", None)
        assert (search.running, search.page.reading.items) == (True, 51)
        search.stop()
        page = search.page
        assert (page.rows, page.complete) == ((), False)
        rest = rare.query(wanted, cursor=page.next)
        assert [row.stored.text("sequence_number") for row in rest.rows] == ["2"]
        assert rest.reading.items == 69

    def test_an_unfiltered_page_is_one_request(self, rare: AuditStore) -> None:
        search = RecordSearch(rare, RecordFilter(namespace=NAMES[0], tenant=NAMES[1]), "newest", None)
        assert (search.running, search.page.reading.requests) == (False, 1)

    def test_refresh_reads_anew(self, rare: AuditStore) -> None:
        opened = visit("records", **ACME)
        assert table(opened)[0]["Id"] != "late"
        now = rare.table.clock.now()
        put(rare, builders.item(id="late", action_id="late", dispatched_at=now, completed_at=now))
        assert table(opened.button(key="refresh").click().run())[0]["Id"] == "late"
