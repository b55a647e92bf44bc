"""Chain as AppTest runs it: sealing from the page, the report as files, and a finding with its evidence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError

from audit_core import ChainReport, Verdict
from audit_core.chain.words import DEMO, FINDINGS, VERDICTS, FindingKind
from audit_core.documents import html_document
from audit_core.fences import Fence, FenceState
from audit_ui import context, report_parts
from audit_ui.context import Context
from audit_ui.seal_parts import SEALED_SINCE
from audit_ui.sealing import Sealing
from audit_ui.verification import Reports
from tests import builders
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import fence, put
from tests.ui.visits import address, finished, go, rendered, table, visit, ways, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore

HOSTILE = "<script>alert(1)</script> ![x](https://example.com/x.png) **bold** :red[red]"


def chain(**query: str) -> AppTest:
    return finished(visit("chain", namespace=NAMES[0], tenant=NAMES[1], **{"verify": "1", **query}))


def recent(store: AuditStore, **names: object) -> Chain:
    """A chain that began an hour ago, so that nothing has expired."""
    return Chain(began=store.table.clock.now().plus_seconds(-3600), **names)  # type: ignore[arg-type]


def keys(opened: AppTest) -> set[str]:
    return {button.key for button in opened.button}


def states(store: AuditStore, count: int) -> set[FenceState]:
    return {Fence.read(number, fence(store, number)).state for number in range(count)}


def test_after_another_start_the_last_verdict_stands_without_its_findings(
    own_table: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_table, *recent(own_table).ours(5).edit(2, caller_id={"S": "mallory"}).items())
    chain()
    monkeypatch.setattr("audit_ui.verification_parts.reports", Reports)  # of another process
    said = words(visit("chain", namespace=NAMES[0], tenant=NAMES[1]))
    assert "The whole chain was last verified 20" in said
    assert "It found: 1 × Content altered." in said
    assert "Not verified yet" in words(visit("chain", namespace=NAMES[0], tenant=NAMES[1], first="1"))


class TestSeal:
    @pytest.fixture
    def bare(self, own_table: AuditStore) -> AuditStore:
        put(own_table, *recent(own_table).elsewhere(30).items())
        return own_table

    def test_is_offered_with_what_it_does_and_what_it_cannot(self, bare: AuditStore) -> None:
        said = words(chain())
        assert bare.engine == "embedded"
        assert "**30 bare fences** with a record still standing could be sealed" in said
        assert "What was altered before it is sealed stays altered" in said
        assert "What is gone unsealed stays unproven" in said

    def test_a_link_asks_and_writes_nothing(self, bare: AuditStore) -> None:
        opened = chain(seal="1")
        assert "**Seal 30 bare fences now?**" in words(opened)
        opened.button(key="seal_cancel").click().run()
        assert "seal" not in address(opened)
        assert states(bare, 30) == {FenceState.BARE}

    def test_seals_after_a_question_and_leads_to_a_verdict_that_shows_it(self, bare: AuditStore) -> None:
        opened = chain()
        opened.button(key="seal_ask").click().run()
        assert address(opened)["seal"] == "1"
        finished(opened.button(key="seal_now").click().run(), "seal_stop")
        assert "**Done.**" in words(opened)
        assert "seal" not in address(opened)
        assert [metric.value for metric in opened.metric if metric.label == "Sealed now"] == ["30"]
        assert states(bare, 30) == {FenceState.FULL}
        finished(opened.button(key="seal_verify").click().run())
        said = words(opened)
        assert VERDICTS[Verdict.INTACT].headline in said
        assert "Positions 0 to 29: 30 + 0" in said
        assert "What sealing cannot do" not in said

    def test_what_was_sealed_is_not_urged_again_before_it_is_verified(self, own_table: AuditStore) -> None:
        began = own_table.table.clock.now().plus_seconds(-10 * LIFETIME)
        whole = Chain(began=began).elsewhere(3, lifetime=LIFETIME).elsewhere(3, lifetime=None)
        put(own_table, *whole.remove(0, 1, 2).items())
        opened = chain()
        opened.button(key="seal_ask").click().run()
        finished(opened.button(key="seal_now").click().run(), "seal_stop")
        opened.button(key="seal_leave").click().run()
        assert SEALED_SINCE in words(opened)
        assert keys(opened).isdisjoint({"seal_ask", "seal_dry"})
        go(opened, "gaps", namespace=NAMES[0], tenant=NAMES[1], gap="0")
        assert SEALED_SINCE in words(opened)
        assert "seal 0" not in keys(opened)
        go(opened, "chain", namespace=NAMES[0], tenant=NAMES[1])
        finished(opened.button(key="seal_verify").click().run())
        assert SEALED_SINCE not in words(opened)

    def test_a_dry_run_counts_and_writes_nothing(self, bare: AuditStore) -> None:
        opened = chain()
        finished(opened.button(key="seal_dry").click().run(), "seal_stop")
        assert "**A dry run: nothing was written.**" in words(opened)
        assert states(bare, 30) == {FenceState.BARE}
        opened.button(key="seal_after_dry").click().run()
        assert "**Seal 30 bare fences now?**" in words(opened)

    def test_can_be_stopped_and_taken_up(self, bare: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        advance = Sealing.advance
        monkeypatch.setattr(Sealing, "advance", lambda sealing: advance(sealing, 0))
        opened = chain()
        opened.button(key="seal_ask").click().run()
        opened.button(key="seal_now").click().run()
        opened.button(key="seal_stop").click().run()
        assert "**Stopped at position" in words(opened)
        finished(opened.button(key="seal_go_on").click().run(), "seal_stop")
        assert "**Done.**" in words(opened)
        assert states(bare, 30) == {FenceState.FULL}

    def test_an_engine_that_goes_away_is_one_message_and_it_can_be_taken_up(
        self, bare: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(**_: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

        opened = chain(seal="1")
        with monkeypatch.context() as broken:
            broken.setattr(context.open_context().store.table.client, "update_item", away)
            finished(opened.button(key="seal_now").click().run(), "seal_stop")
            assert "cannot be reached" in words(opened)
        assert states(bare, 30) == {FenceState.BARE}
        assert "**Stopped" in words(opened.run())
        finished(opened.button(key="seal_go_on").click().run(), "seal_stop")
        assert states(bare, 30) == {FenceState.FULL}

    def test_what_changed_since_it_was_verified_is_left_and_named(self, own_table: AuditStore) -> None:
        whole = recent(own_table).elsewhere(5)
        put(own_table, *whole.items())
        opened = chain(seal="1")
        put(own_table, whole.edit(3, outcome={"S": "forged"}).record(3))
        finished(opened.button(key="seal_now").click().run(), "seal_stop")
        assert [row["Position"] for row in table(opened)] == ["3"]
        assert "Content altered (content_modified)" in table(opened)[0]["Why it was left"]

    def test_where_pages_do_not_write_the_reason_and_the_command_stand_instead(
        self, bare: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Context, "write_refusal", property(lambda _self: "No page writes here, because."))
        opened = chain(seal="1")
        said = words(opened)
        assert "No page writes here, because." in said
        assert "python -m audit_core seal --namespace notifications --tenant acme" in said
        assert keys(opened).isdisjoint({"seal_ask", "seal_now"})
        assert states(bare, 30) == {FenceState.BARE}

    def test_what_is_gone_unsealed_is_said_to_be_too_late(self, own_table: AuditStore) -> None:
        began = own_table.table.clock.now().plus_seconds(-10 * LIFETIME)
        put(own_table, *Chain(began=began).elsewhere(3, lifetime=LIFETIME).ours(3).remove(0, 1, 2).items())
        opened = chain()
        assert "**3 positions** are gone unsealed: too late" in words(opened)
        assert "No record that stands needs sealing" in words(opened)
        assert keys(opened).isdisjoint({"seal_ask", "seal_dry"})

    @pytest.mark.parametrize("query", [{"first": "1"}, {"last": "3"}])
    def test_a_range_offers_none(self, bare: AuditStore, query: dict[str, str]) -> None:
        assert bare.engine == "embedded"
        assert "What sealing cannot do" not in words(chain(**query))

    def test_a_chain_without_a_bare_fence_offers_none(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(3).items())
        assert "seal" not in words(chain()).lower()

    def test_a_broken_chain_gets_the_command_and_no_button(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).elsewhere(4).edit(1, outcome={"S": "x"}).items())
        opened = chain()
        assert "look into the findings first" in words(opened)
        assert keys(opened).isdisjoint({"seal_ask", "seal_dry"})


class TestStrip:
    @pytest.fixture
    def long(self, own_table: AuditStore) -> AuditStore:
        put(own_table, *recent(own_table).ours(130).edit(70, outcome={"S": "forged"}).items())
        return own_table

    def test_a_link_leads_to_single_positions_with_the_digits_of_their_hashes(self, long: AuditStore) -> None:
        opened = chain(zoom="50-99", position="71")
        said = words(opened)
        assert "Positions 50 to 99, a block each" in said
        assert "Position 71 as it stands now" in said
        assert {"trail 0", "← Position before", "← Earlier", "Later →"} <= keys(opened)
        assert long.engine == "embedded"

    def test_each_step_has_its_address_and_the_way_back_up(self, long: AuditStore) -> None:
        opened = chain()
        opened.button(key="mark First bad stretch").click().run()
        assert address(opened)["zoom"] == "45-94"
        opened.button(key="Later →").click().run()
        assert address(opened)["zoom"] == "80-129"
        opened.number_input(key="go to position").set_value(3).run()
        assert address(opened)["zoom"] == "0-49"
        assert address(opened)["position"] == "3"
        opened.button(key="Position after →").click().run()
        assert "Position 4 as it stands now" in words(opened)
        opened.button(key="trail 0").click().run()
        assert {"zoom", "position"}.isdisjoint(address(opened))
        assert long.engine == "embedded"

    @pytest.mark.parametrize("zoom", ["x", "99-50", "-1-5", "500-600", "1-2-3"])
    def test_an_address_that_makes_no_sense_shows_the_whole(self, long: AuditStore, zoom: str) -> None:
        opened = chain(zoom=zoom, position="x")
        assert "Positions 0 to 129 in order." in words(opened)
        assert not opened.exception
        assert long.engine == "embedded"

    def test_a_finding_is_shown_in_it(self, long: AuditStore) -> None:
        opened = chain(finding="0")
        opened.button(key="in_strip").click().run()
        assert address(opened)["zoom"] == "45-94"
        assert address(opened)["finding"] == "0"
        assert long.engine == "embedded"


class TestFinding:
    def test_all_of_them_are_gone_through_by_keys(self, own_table: AuditStore) -> None:
        edited = recent(own_table).ours(9).edit(2, outcome={"S": "x"}).edit(6, outcome={"S": "y"})
        put(own_table, *edited.items())
        opened = chain()
        opened.button(key="first_finding").click().run()
        assert "Finding 1 of" in words(opened)
        assert "← Previous finding" not in keys(opened)
        opened.button(key="Next finding →").click().run()
        assert address(opened)["finding"] == "1"
        opened.button(key="close_finding").click().run()
        assert "finding" not in address(opened)

    def test_what_differs_is_marked(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(5).edit(2, caller_id={"S": "mallory"}).items())
        opened = chain(finding="0")
        assert "of 64 characters differ, marked ^" in words(opened)
        assert any("^" in part.value for part in opened.code)

    def test_an_edit_shows_stored_beside_recomputed_and_both_neighbours(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(5).edit(2, caller_id={"S": "mallory"}).items())
        opened = chain(finding="0")
        said = words(opened)
        assert "Read a second time before it was reported" in said
        assert "✕ content_hash differs" in said
        assert "**The neighbour before: position 1**" in said
        assert "**The neighbour after: position 3**" in said
        assert "mallory" in [part.value for part in opened.text]

    def test_it_is_shown_as_it_was_read_whatever_stands_there_now(self, own_table: AuditStore) -> None:
        whole = recent(own_table).ours(5).edit(2, caller_id={"S": "mallory"})
        put(own_table, *whole.items())
        opened = chain(finding="0")
        put(own_table, whole.edit(2, caller_id={"S": "eve"}).record(2))
        texts = [part.value for part in opened.run().text]
        assert "mallory" in texts
        assert "eve" not in texts

    def test_a_missing_record_shows_its_fence_and_leads_to_its_gap(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(5, lifetime=LIFETIME).remove(2).items())
        opened = chain(finding="0")
        said = words(opened)
        assert "No record stands here." in said
        assert "Full. By it the record may expire:" in said
        assert any("See the gap" in link and "gap=2" in link for link in ways(opened))

    def test_a_finding_at_the_start_leads_to_position_0(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(3, lifetime=LIFETIME).remove(0).items())
        opened = chain(finding="0")
        assert any("See the gap" in link and "gap=0" in link for link in ways(opened))
        assert "There is none: the chain starts here." in words(opened)

    @pytest.mark.usefixtures("demo")
    def test_what_is_no_break_is_read_now_and_says_so(self) -> None:
        opened = finished(visit("chain", namespace="notifications", tenant="globex", verify="1", finding="0"))
        said = words(opened)
        assert "Expired, proven, positions 0 to 124" in said
        assert "What stands there now" in said
        assert "the verification keeps evidence of breaks only" in said
        assert "**The neighbour after: position 125**" in said

    def test_a_record_at_no_position_is_shown_by_its_id(self, own_table: AuditStore) -> None:
        put(own_table, *recent(own_table).ours(3).items())
        now = own_table.table.clock.now()
        put(own_table, builders.item(id="intruder", dispatched_at=now, completed_at=now, caller_id="mallory"))
        opened = chain(thorough="1", finding="0")
        row = table(opened)[0]
        assert (row["Finding"], row["Position"]) == (FINDINGS[FindingKind.UNCHAINED_RECORD].name, "–")
        said = words(opened)
        assert "Record outside the chain, no position" in said
        assert "mallory" in [part.value for part in opened.text]
        assert any("Open the record" in link and "record=intruder" in link for link in ways(opened))
        assert "around" not in keys(opened)

    def test_a_record_between_two_positions_has_no_neighbours(self, own_table: AuditStore) -> None:
        whole = recent(own_table).ours(3)
        put(own_table, *whole.items())
        put(own_table, {**whole.record(1), "id": {"S": "between"}, "sequence_number": {"N": "1.5"}})
        opened = chain(finding="0")
        assert "position 1.5" in words(opened)
        assert "The neighbour before" not in words(opened)
        assert not opened.exception

    def test_hostile_text_in_its_evidence_is_never_rendered(self, own_table: AuditStore) -> None:
        hostile = dict.fromkeys(("provider", "action_type", "outcome", "caller_id", "id"), HOSTILE)
        whole = recent(own_table).ours(1, **hostile).ours(2).edit(0, extra_field={"S": HOSTILE})
        put(own_table, *whole.edit_fence(0, record_hash={"S": HOSTILE}).items())
        for number in range(3):
            opened = chain(thorough="1", finding=str(number))
            assert "script" not in rendered(opened)
            assert not opened.exception


class TestReportFiles:
    @pytest.fixture
    def store(self, own_table: AuditStore) -> AuditStore:
        put(own_table, *recent(own_table).ours(5, lifetime=LIFETIME).remove(2).items())
        return own_table

    def test_both_forms_are_offered_beside_what_they_hold(self, store: AuditStore) -> None:
        opened = chain()
        labels = [button.proto.label for button in opened.get("download_button")]
        assert labels == ["HTML, to read and print", "JSON, for programs"]
        assert "1 finding with the evidence" in words(opened)
        assert store.engine == "embedded"

    def test_the_files_hold_the_finding_and_where_it_was_read(self, store: AuditStore) -> None:
        report = store.verify(*NAMES)
        statement = report_parts.statement_of(context.open_context(), report, None)
        page = html_document(statement, store.table.clock.now())
        form = json.loads(report_parts.json_document(statement))
        assert "Record missing, position 2" in page
        assert store.table.name in page
        assert (DEMO in page) is form["demo"] is store.settings.demo
        assert form["chains"][0]["findings"][0]["sequence_number"] == 2

    def test_a_file_is_named_after_chain_verdict_and_time(self, store: AuditStore) -> None:
        report: ChainReport = store.verify("notifications", "acme")
        name = report_parts.file_name(report, "html")
        assert name.startswith("audit-notifications-acme-broken-2")
        assert name.endswith("Z.html")

    @pytest.mark.parametrize("tenant", ["../../etc", "a\r\nb", "ü" * 300, '"; x="', "\u202e"])
    def test_no_name_of_a_tenant_makes_another_path_of_it(self, store: AuditStore, tenant: str) -> None:
        name = report_parts.file_name(store.verify("notifications", tenant), "json")
        assert name.isascii()
        assert set(name).isdisjoint('/\\"\r\n; ')
        assert ".." not in name
        assert len(name) < 120

    def test_a_stopped_verification_can_be_taken_away_as_well(self, store: AuditStore) -> None:
        walk = store.walk(*NAMES)
        walk.stop()
        statement = report_parts.statement_of(context.open_context(), walk.report, "positions 1 to 3")
        assert "it was stopped" in html_document(statement, store.table.clock.now())
