"""The Overview: what another process verified and what came after it, records a day, expiry, a table that differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from audit_core import AuditStore, EngineError, RecordFilter, Settings, TenantEntry, Verdict
from audit_core.chain.words import VERDICTS
from audit_core.retention import Lifetimes
from audit_core.schema import Difference
from audit_core.settings import AuditSettings, ComplianceSettings, DashboardSettings
from audit_core.table import Table
from audit_core.timestamps import Clock, Timestamp
from audit_ui import activity, context, summaries, verification
from audit_ui.context import Context
from audit_ui.summaries import read_summaries
from audit_ui.verification import Batch, Request
from tests import builders, tables
from tests.ui.visits import finished, visit, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

DAY = 86_400
NOW = Timestamp.parse("2026-06-15T12:00:00Z")


@pytest.fixture
def start(embedded_url: str, unique_table: str, tmp_path: Path) -> Iterator[Callable[..., AuditStore]]:
    """Starts the dashboard anew on a local engine: of what it knew, only what is in `state_dir` is left."""
    opened: list[AuditStore] = []

    def new_start(state_dir: Path = tmp_path / "state") -> AuditStore:
        audit = AuditSettings(url=embedded_url, table_name=unique_table)
        mode = ComplianceSettings.for_mode("soc2")
        settings = Settings(audit=audit, compliance=mode, dashboard=DashboardSettings(state_dir=state_dir))
        context.forget_store()
        context.configure(settings)
        summaries.forget_summaries()
        activity.forget_activity()
        opened.append(context.open_context().store)
        return opened[-1]

    yield new_start
    for store in opened:
        store.close()
    context.forget_store()


def append(store: AuditStore, number: int, tenant: str = "acme") -> None:
    for _record in range(number):
        store.append(
            store.draft(
                namespace="n", tenant=tenant, provider="p", action_type="a", verdict="allow", outcome="executed"
            )
        )


def verified(opened: AppTest) -> AppTest:
    """Verifies all that is on the screen, slice by slice."""
    opened.button(key="verify_all").click().run()
    for _slice in range(60):
        if not any(button.key == "stop_all" for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("the verification does not end")


class TestAnotherStart:
    def test_goes_on_with_a_verification_that_was_stopped(
        self, start: Callable[..., AuditStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("audit_core.chain.ahead.PAGE", 5)
        advance = verification.Verification.advance
        monkeypatch.setattr(verification.Verification, "advance", lambda one, _seconds=0.0: advance(one, 0.0))
        append(start(), 30)
        link = {"namespace": "n", "tenant": "acme", "verify": "1"}
        opened = visit("chain", **link).run().run()
        opened.button(key="stop").click().run()
        told = next(part.value for part in opened.caption if part.value.startswith("Stopped at position"))

        store = start()
        opened = visit("chain", **link)
        assert told in [part.value for part in opened.caption]
        assert VERDICTS[Verdict.INCOMPLETE].headline in words(opened)
        opened = finished(opened.button(key="go_on").click().run())
        assert VERDICTS[Verdict.INTACT].headline in words(opened)
        taken_up = opened.session_state["verifications"][1][Request("n", "acme")]
        assert taken_up.report.records_checked == 30
        assert taken_up.report.reading.items <= store.verify("n", "acme").reading.items + 5

        start()
        assert "Stopped at position" not in words(visit("chain", namespace="n", tenant="acme"))

    def test_knows_the_last_verification_and_what_it_does_not_cover(self, start: Callable[..., AuditStore]) -> None:
        store = start()
        append(store, 2)
        assert "· Not verified yet" in words(visit())
        verified(visit())

        store = start()
        append(store, 3)
        said = words(visit())

        assert "✓ Intact" in said
        assert re.search(r"Verified 20\d\d-\d\d-\d\d \d\d:\d\d UTC", said)
        assert "3 new positions since, not verified" in said

    def test_sees_that_the_newest_record_is_another_one(self, start: Callable[..., AuditStore]) -> None:
        store = start()
        append(store, 3)
        verified(visit())
        (newest,) = store.query(RecordFilter(namespace="n", tenant="acme"), order="sequence_descending", limit=1).rows
        tables.delete(store, newest.stored.text("id"))

        start()

        assert "the newest record is another one now" in words(visit())

    def test_is_told_of_an_attempt_without_a_verdict(
        self, start: Callable[..., AuditStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = start()
        append(store, 2)
        verified(visit())
        monkeypatch.setattr(Table, "get_many", failing)
        verification.Verification(Context(store), Request("n", "acme")).advance(60)
        monkeypatch.undo()
        start()

        said = words(visit())

        assert "✓ Intact" in said
        assert "without a verdict" in said
        assert "The engine went away" in said

    def test_leaves_out_a_file_that_is_damaged_and_says_so(
        self, start: Callable[..., AuditStore], tmp_path: Path
    ) -> None:
        append(start(), 1)
        verified(visit())
        (path,) = tmp_path.rglob("*.json")
        path.write_text("{")
        start()

        said = words(visit())

        assert "1 kept verification in state_dir could not be used" in said
        assert "Not verified yet" in said


def test_a_state_dir_that_cannot_be_used_is_said_once_and_the_process_remembers(
    start: Callable[..., AuditStore], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    append(start(tmp_path / "file"), 1)
    said = words(verified(visit()))
    assert said.count("Verifications are not kept beyond this process") == 1
    assert "✓ Intact" in said
    assert "✓ Intact" in words(visit())


def test_the_embedded_engine_keeps_nothing_on_disk(
    own_table: AuditStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    append(own_table, 1)
    said = words(verified(visit()))
    assert "✓ Intact" in said
    assert "not kept" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("demo")
class TestDemo:
    def test_the_worst_chains_come_first(self) -> None:
        said = words(verified(visit()))
        names = ["payments / umbrella", "notifications / initech", "notifications / globex", "notifications / acme"]
        assert sorted(names, key=said.index) == names

    def test_says_what_was_counted_for_records_a_day(self) -> None:
        said = words(visit())
        assert "Records a day" in said
        assert re.search(r"\d+ records of the last 14 days read from the 7 tenants on the screen, at most 100", said)

    def test_says_what_expires_within_a_week_and_how_that_was_found_out(self) -> None:
        said = words(visit())
        assert re.search(r"2\d expire within 7 days", said)
        assert "under the lifetimes in the settings" in said
        assert "Retention reads a chain whole" in said

    def test_says_the_compliance_mode_and_its_flags_in_words(self) -> None:
        said = words(visit())
        assert "Compliance mode: SOC 2" in said
        assert "an append returns when its record is committed" in said
        assert "✓ **As it should be**" in said

    def test_a_table_that_differs_is_shown_with_its_mend(self, monkeypatch: pytest.MonkeyPatch) -> None:
        differences = (
            Difference("TTL", "on", "off", "Switch it on."),
            Difference("point-in-time recovery", "on", "not known here", "Ask AWS.", information=True),
        )
        monkeypatch.setattr(context.open_context().store, "warnings", differences)
        said = words(visit())
        assert "The table differs from what it should be in 1 point" in said
        assert "TTL: expected on, found off. Switch it on." in said
        assert "point-in-time recovery: expected on, found not known here" in said


class TestABatch:
    def test_stops_and_goes_on_in_the_middle_of_a_chain(self, own_table: AuditStore) -> None:
        for tenant in ("one", "two"):
            append(own_table, 2, tenant)
        batch = Batch(Context(own_table), [Request("n", "one"), Request("n", "two")])
        batch.advance(0.0001)
        batch.stop()
        batch.advance()
        assert (batch.running, batch.stopped) == (False, True)
        batch.go_on()
        while batch.running:
            batch.advance()
        assert (batch.done, batch.broken, batch.stopped) == (2, 0, False)

    def test_stops_by_itself_when_chain_after_chain_cannot_be_read(
        self, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = Batch(Context(own_table), [Request("n", f"t{number}") for number in range(9)])
        assert verification.kept(Context(own_table)).everything() == {}
        monkeypatch.setattr(Table, "query", failing)
        monkeypatch.setattr(Table, "get_many", failing)
        while batch.running:
            batch.advance()
        assert batch.done == verification.MOST_FAILURES
        assert batch.trouble == "The engine went away; start it again."

    def test_goes_on_past_tenants_of_which_nothing_is_left(self, own_table: AuditStore) -> None:
        batch = Batch(Context(own_table), [Request("n", f"t{number}") for number in range(5)])
        while batch.running:
            batch.advance()
        assert (batch.done, batch.trouble) == (5, None)


class TestActivity:
    @pytest.fixture
    def visitor(self, own_table: AuditStore) -> Context:
        return Context(own_table)

    def test_a_day_that_is_not_read_to_its_end_is_a_lower_bound(self, visitor: Context) -> None:
        now = Clock().now()
        put_at(visitor.store, "busy", [now.plus_seconds(-60 * number) for number in range(130)])
        put_at(visitor.store, "calm", [now.plus_seconds(-5 * DAY)] * 3)

        shown = activity.read_activity(visitor, [TenantEntry("notifications", name) for name in ("busy", "calm")])

        assert (shown.read, shown.chains, shown.cut) == (activity.READ_RECORDS + 3, 2, 1)
        assert sum(day.number for day in shown.days) == shown.read
        assert not next(day for day in shown.days if day.number == 3).whole
        assert len(shown.days) == activity.DAYS
        assert shown.reading.items <= 2 * 2 * (activity.READ_RECORDS + 1)

    def test_what_expires_within_a_week_is_found_by_the_declared_lifetime(self, visitor: Context) -> None:
        now, lifetime = Clock().now(), 30 * DAY
        for days, name in ((29, "soon"), (24, "soon"), (20, "later"), (31, "gone")):
            put_at(visitor.store, name, [now.plus_seconds(-days * DAY)], lifetime)
        put_at(visitor.store, "forever", [now.plus_seconds(-29 * DAY)])
        entries = [TenantEntry("notifications", name) for name in ("soon", "later", "gone", "forever")]

        shown = activity.read_activity(visitor, entries)

        assert (shown.expiring, shown.expiring_more) == (2, False)
        assert shown.by_chain["notifications", "soon"].expiring == 2

    def test_a_tenant_that_cannot_be_asked_for_is_left_out(self, visitor: Context) -> None:
        assert activity.read_activity(visitor, [TenantEntry("a#b", "c")]).chains == 0

    @pytest.mark.parametrize(
        ("lifetimes", "days"),
        [
            (Lifetimes(30 * DAY), [(-30, -22.5)]),
            (Lifetimes(None), []),
            (Lifetimes(3 * DAY), [(-3, 0)]),
            (Lifetimes(30 * DAY, (365 * DAY,)), [(-30, -22.5), (-365, -357.5)]),
            (Lifetimes(30 * DAY, (28 * DAY, 30 * DAY)), [(-30, -20.5)]),
        ],
        ids=["one", "endless", "short", "two", "meeting"],
    )
    def test_a_lifetime_says_when_it_began(self, lifetimes: Lifetimes, days: list[tuple[float, float]]) -> None:
        """It ends with a day, as Retention looks ahead; the moment is a noon."""
        windows = activity.expiry_windows(lifetimes, NOW)
        assert [(first, last) for first, last in windows] == [
            (NOW.plus_seconds(int(first * DAY)), NOW.plus_seconds(int(last * DAY))) for first, last in days
        ]


def test_chains_are_read_once_a_minute(own_table: AuditStore) -> None:
    append(own_table, 2)
    asked = tables.asked(own_table)
    entries = [TenantEntry("n", "acme"), TenantEntry("a#b", "c")]
    for _visit in range(3):
        known, refused = read_summaries(Context(own_table), entries)
    assert asked == {"Query": 2}
    assert isinstance(known, summaries.ChainSummary)
    assert known.last_position == 1
    assert "another" in str(refused)


def failing(*_: object, **__: object) -> None:
    raise EngineError("The engine went away; start it again.")


def put_at(store: AuditStore, tenant: str, moments: list[Timestamp], lifetime: int | None = None) -> None:
    records = [
        builders.record(
            id=f"{tenant}-{number}-{moment.epoch_ms}",
            tenant=tenant,
            dispatched_at=moment,
            completed_at=moment,
            expires_at=None if lifetime is None else moment.plus_seconds(lifetime),
        )
        for number, moment in enumerate(moments)
    ]
    tables.put(store, *(record.to_item() for record in records))
