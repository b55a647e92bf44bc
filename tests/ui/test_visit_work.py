"""Verifications of a visit: stopped, taken up, and gone on with while another page is shown, without losing a step."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.runtime.context import ContextProxy

from audit_core import Timestamp, Verdict
from audit_core.chain.words import VERDICTS
from audit_core.errors import EngineUnreachableError
from audit_core.table import Table
from audit_ui import chooser, local_times
from audit_ui.context import open_context
from audit_ui.verification import Batch, Request, Verification
from tests.chains import Chain
from tests.cli.commands import failing
from tests.tables import put
from tests.test_directory import entry
from tests.ui.visits import go, visit, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore

LENGTH = 40
ONE, OTHER = ("n", "one"), ("n", "other")


@pytest.fixture
def chains(own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> AuditStore:
    """Two chains, read ten records a request, one step a slice."""
    monkeypatch.setattr("audit_core.chain.ahead.PAGE", 10)
    advance, all_of = Verification.advance, Batch.advance
    monkeypatch.setattr(Verification, "advance", lambda verification, _seconds=0.0: advance(verification, 0.0))
    monkeypatch.setattr(Batch, "advance", lambda batch, _seconds=0.0: all_of(batch, 0.0001))
    began = own_table.table.clock.now().plus_seconds(-3600)
    for names in (ONE, OTHER):
        put(own_table, entry(*names), *Chain(names=names, label=names[1], began=began).ours(LENGTH).items())
    return own_table


def chain(names: tuple[str, str], **query: str) -> dict[str, str]:
    return {"namespace": names[0], "tenant": names[1], **query}


def to_the_end(opened: AppTest) -> AppTest:
    for _slice in range(60):
        if not any(button.key == "stop" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the verification does not end")


def under_way(opened: AppTest, names: tuple[str, str]) -> Verification:
    """The visit's verification of a whole chain."""
    return opened.session_state["verifications"][1][Request(*names)]  # type: ignore[no-any-return]


class TestAVerification:
    def test_goes_on_where_it_was_stopped(self, chains: AuditStore) -> None:
        opened = visit("chain", **chain(ONE, verify="1"))
        before = under_way(opened, ONE)
        opened.button(key="stop").click().run()
        position = before.progress.position
        assert "Stopped at position" in words(opened)
        assert VERDICTS[Verdict.INCOMPLETE].headline in words(opened)
        opened.button(key="go_on").click().run()
        assert under_way(opened, ONE) is before
        assert before.progress.position >= position
        to_the_end(opened)
        assert VERDICTS[Verdict.INTACT].headline in words(opened)
        assert before.report.reading.items == chains.verify(*ONE).reading.items  # nothing was read a second time
        assert chains.engine == "embedded"

    def test_goes_on_where_the_engine_was_lost_once_it_is_back(
        self, chains: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            failing(patch, "query_unread", EngineUnreachableError("The engine went away."), after=2)
            opened = to_the_end(visit("chain", **chain(ONE, verify="1")))
        lost = under_way(opened, ONE)
        assert lost.failed
        assert "The engine went away." in words(opened)
        position = lost.progress.position
        assert position > 0
        opened.button(key="go_on").click().run()
        assert under_way(opened, ONE) is lost
        assert lost.progress.position >= position
        to_the_end(opened)
        assert VERDICTS[Verdict.INTACT].headline in words(opened)
        assert lost.report.records_checked == chains.verify(*ONE).records_checked

    def test_of_an_engine_that_does_not_answer_can_be_stopped(
        self, chains: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = threading.Event()
        query = Table.query_unread

        def late(table: Table, *arguments: Any, **named: Any) -> Any:
            assert answer.wait(60)
            return query(table, *arguments, **named)

        monkeypatch.setattr(Table, "query_unread", late)
        opened = visit("chain", **chain(ONE, verify="1"))
        opened.run().run()
        opened.button(key="stop").click().run()
        assert "Stopped at position 0" in words(opened)
        answer.set()
        to_the_end(opened.button(key="go_on").click().run())
        assert VERDICTS[Verdict.INTACT].headline in words(opened)
        assert under_way(opened, ONE).report.reading.items == chains.verify(*ONE).reading.items

    def test_goes_on_beside_another_page_and_is_there_when_one_comes_back(self, chains: AuditStore) -> None:
        opened = visit("chain", **chain(ONE, verify="1"))
        before = under_way(opened, ONE)
        requests = before.report.reading.requests
        go(opened, "tenants").run()
        assert "n / one" in [part.value for part in opened.sidebar.text]
        assert before.report.reading.requests > requests
        while before.running:
            opened.run()
        said = words(go(opened, "chain"))  # by the navigation, which names no chain
        assert VERDICTS[Verdict.INTACT].headline in said
        assert under_way(opened, ONE) is before
        assert not [part.value for part in opened.sidebar.text]
        assert chains.engine == "embedded"

    def test_that_was_stopped_waits_in_the_sidebar_with_the_way_back(self, chains: AuditStore) -> None:
        opened = visit("chain", **chain(ONE, verify="1"))
        opened.button(key="stop").click().run()
        go(opened, "records", **chain(ONE))
        assert any("Stopped at" in part.value for part in opened.sidebar.caption)
        (back,) = [link for link in opened.sidebar.get("page_link") if "Back to it" in link.label]
        assert "tenant=one" in back.proto.query_string
        assert chains.engine == "embedded"

    def test_is_stopped_from_any_page(self, chains: AuditStore) -> None:
        opened = visit("chain", **chain(ONE, verify="1"))
        go(opened, "tenants")
        opened.button(key="work_stop").click().run()
        assert under_way(opened, ONE).stopped
        assert any("Stopped at" in part.value for part in opened.sidebar.caption)
        assert chains.engine == "embedded"

    def test_of_another_chain_lets_the_first_one_wait(self, chains: AuditStore) -> None:
        opened = visit("chain", **chain(ONE, verify="1"))
        go(opened, "chain", **chain(OTHER, verify="1"))
        assert under_way(opened, ONE).stopped
        assert under_way(opened, OTHER).running
        go(opened, "chain", **chain(ONE, verify="1"))
        opened.button(key="go_on").click().run()
        assert under_way(opened, OTHER).stopped
        to_the_end(opened)
        assert VERDICTS[Verdict.INTACT].headline in words(opened)
        assert chains.engine == "embedded"

    def test_tells_how_fast_it_goes_and_how_long_it_will_take(self, chains: AuditStore) -> None:
        verification = Verification(open_context(), Request(*ONE))
        assert (verification.fraction, verification.rate, verification.seconds_left) == (0.0, 0.0, None)
        while not verification.progress.position:
            verification.advance()
        assert 0 < verification.fraction <= 1
        assert verification.rate > 0
        assert chains.engine == "embedded"


class TestAllOfThem:
    def test_go_on_beside_another_page(self, chains: AuditStore) -> None:
        opened = visit()
        opened.button(key="verify_all").click().run()
        batch = opened.session_state["verify all"][1]
        done = batch.fraction
        go(opened, "inject")
        for _slice in range(200):
            if not batch.running:
                break
            opened.run()
        assert batch.fraction > done
        assert (batch.done, batch.running) == (2, False)
        assert "2 tenants gone through; no earlier verification is known here" in words(go(opened, "overview"))
        assert chains.engine == "embedded"

    def test_are_compared_where_there_was_an_earlier_verification(self, chains: AuditStore) -> None:
        assert "2 tenants gone through; no earlier verification is known here to compare with." in words(
            verify(visit())
        )
        assert "2 tenants gone through; none says something else than its verification before." in words(
            verify(visit())
        )
        put(chains, entry("n", "third"))
        chooser.forget_directories()
        assert "3 tenants gone through; of the 2 verified before, none says something else now." in words(
            verify(visit())
        )

    @pytest.mark.usefixtures("chains")
    def test_that_cannot_be_read_are_not_compared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        verify(visit())
        batch = Batch(open_context(), [Request(*ONE)])
        failing(monkeypatch, "query_unread", EngineUnreachableError("The engine went away."))
        while batch.running:
            batch.advance()
        assert (batch.done, batch.compared) == (1, 0)

    def test_what_is_another_verdict_than_before_is_named(self, chains: AuditStore) -> None:
        verify(visit())
        damaged = Chain(names=ONE, label=ONE[1], began=chains.table.clock.now().plus_seconds(-3600)).ours(LENGTH)
        put(chains, damaged.edit(3, outcome={"S": "forged"}).record(3))
        opened = verify(visit())
        said = words(opened)
        assert "**1 tenant of 2 verified before says something else now**" in said
        assert "was ✓ Intact" in said
        assert ":red-badge[✕ Broken]" in said

    def test_the_directory_is_read_to_its_end_first(self, chains: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("audit_ui.chooser.PAGE", 1)
        monkeypatch.setattr("audit_ui.chooser.read_directory.__defaults__", (2,))
        put(chains, entry("n", "third"))
        opened = verify(visit())
        assert "3 tenants gone through" in words(opened)


def verify(opened: AppTest) -> AppTest:
    """Verifies all tenants, slice by slice."""
    opened.button(key="verify_all").click().run()
    for _slice in range(200):
        if not any(button.key == "stop_all" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the verification does not end")


class TestLocalTime:
    @pytest.mark.parametrize(
        ("zone", "offset", "said"),
        [
            ("Europe/Berlin", -60, "In your own time: 2026-01-15 11:00:00 (Europe/Berlin, UTC+0100)."),
            ("Nowhere/Atlantis", 210, "In your own time: 2026-01-15 06:30:00 (Nowhere/Atlantis, UTC-0330)."),
            ("UTC", 0, None),
            (None, None, None),
        ],
    )
    def test_is_at_hand_where_the_browser_tells_it(
        self, monkeypatch: pytest.MonkeyPatch, zone: str | None, offset: int | None, said: str | None
    ) -> None:
        monkeypatch.setattr(ContextProxy, "timezone", zone)
        monkeypatch.setattr(ContextProxy, "timezone_offset", offset)
        assert local_times.said(Timestamp.parse("2026-01-15T10:00:00Z")) == said
