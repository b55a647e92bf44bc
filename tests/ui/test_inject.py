"""The Inject page as AppTest runs it: a record by form, the generator, files; and who may not."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core import RecordFilter
from audit_core.errors import ChainBlockedError, ConflictError, EngineUnreachableError, OutcomeUnknownError
from audit_core.store import AuditStore
from audit_ui import context
from audit_ui.inject_files import shown_name
from tests import builders, tables
from tests.ui.visits import HOSTILE, finished, go, rendered, visit, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.testing.v1 import AppTest

PATIENCE_SECONDS = 30
TYPED = {
    "namespace": "lab",
    "tenant": "bench",
    "provider": "email",
    "action_type": "send_email",
    "outcome": "executed",
    "verdict": "allow",
    "action_payload": '{ "n" : 1.0 }',
}


def typed(opened: AppTest, **values: str) -> AppTest:
    for name, value in values.items():
        opened.get_by_key(f"field {name}").set_value(value)
    return opened.run()


def filled(phase: str = "", **values: str) -> AppTest:
    given = {**TYPED, **values}
    if phase == "intent":  # which has no outcome to be typed
        del given["outcome"]
    return typed(visit("inject", **{"as": phase} if phase else {}), **given)


def click(opened: AppTest, key: str) -> AppTest:
    opened.button(key=key).click().run()
    return opened


def buttons(opened: AppTest) -> set[str]:
    return {str(button.key) for button in opened.button if not button.disabled}


def records(store: AuditStore, namespace: str = "lab", tenant: str = "bench") -> list[Any]:
    return [row.stored for row in store.query(RecordFilter(namespace=namespace, tenant=tenant), order="sequence").rows]


class TestRecord:
    def test_nothing_is_offered_until_what_is_required_is_there(self, lab: AuditStore) -> None:
        opened = visit("inject")
        assert not {"preview", "at_once"} & buttons(opened)
        assert "To be mended first: Namespace, Tenant" in words(opened)
        assert {"preview", "at_once"} <= buttons(typed(opened, **TYPED))
        assert not records(lab)

    @pytest.mark.usefixtures("lab")
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("provider", "ema\u200bil", "ZERO WIDTH SPACE"),
            ("action_payload", '{"a":1,"a":2}', "stands twice"),
            ("metadata", "NaN", "should be JSON"),
            ("dispatched_at", "yesterday", "is not a time"),
        ],
    )
    def test_a_field_that_cannot_be_taken_says_why_as_it_is_typed(self, name: str, text: str, said: str) -> None:
        opened = filled(**{name: text})
        assert said in words(opened)
        assert not {"preview", "at_once"} & buttons(opened)
        assert not opened.exception

    def test_the_preview_is_exactly_what_is_written(self, lab: AuditStore) -> None:
        lab.append(builders.record(namespace="lab", tenant="bench"))
        opened = click(filled(), "preview")
        said = words(opened)
        assert "Position 1 of lab / bench" in said
        assert "If another writer is faster" in said
        assert len(records(lab)) == 1

        shown = [json.loads(part.value) for part in opened.code if part.value.startswith("{")]
        opened = click(opened, "append")
        stored = records(lab)[1]
        fence = tables.fence(lab, 1, "lab", "bench")
        assert shown == [stored.item, fence]
        assert stored.text("action_payload") == '{"n":1.0}'
        told = words(opened)
        assert "Appended, at position 1" in told
        for value in (stored.text("record_hash"), stored.text("content_hash"), fence["chain_hash"]["S"]):
            assert value in said
            assert value in told

    def test_it_can_be_appended_without_a_preview_and_nothing_goes_in_twice(self, lab: AuditStore) -> None:
        opened = filled()
        click(opened, "at_once")
        for _again in range(3):
            opened.run()
        assert len(records(lab)) == 1
        assert "at_once" not in buttons(opened)
        click(opened, "another")
        click(opened, "at_once")
        assert [record.text("sequence_number") for record in records(lab)] == ["0", "1"]

    def test_what_was_verified_before_is_verified_anew(self, lab: AuditStore) -> None:
        lab.append(builders.record(namespace="lab", tenant="bench"))
        chain = {"namespace": "lab", "tenant": "bench", "verify": "1"}
        opened = filled()
        assert "1 record checked" in words(finished(go(opened, "chain", **chain)))
        opened = click(typed(go(opened, "inject"), **TYPED), "at_once")
        assert "2 records checked" in words(finished(go(opened, "chain", **chain)))

    def test_a_faster_writer_changes_the_place_and_it_is_said(self, lab: AuditStore) -> None:
        opened = click(filled(), "preview")
        lab.append(builders.record(namespace="lab", tenant="bench"))
        said = words(click(opened, "append"))
        assert "Appended, at position 1" in said
        assert "The preview said position 0" in said

    def test_what_is_appended_beside_a_preview_is_what_it_shows(self, lab: AuditStore) -> None:
        opened = click(filled(), "preview")
        assert {"preview", "append"} <= buttons(opened)
        assert "at_once" not in buttons(opened)
        changed = typed(opened, provider="sms")
        assert "at_once" in buttons(changed)
        assert "append" not in buttons(changed)
        assert "append" in buttons(click(changed, "preview"))
        assert not records(lab)

    @pytest.mark.parametrize(("lives", "expires"), [("configured", True), ("seconds", True), ("never", False)])
    def test_the_lifetime_is_the_chosen_one(self, lab: AuditStore, lives: str, expires: bool) -> None:
        opened = filled()
        opened.radio(key="lives").set_value(lives).run()
        click(opened, "at_once")
        (stored,) = records(lab)
        assert ("expires_at" in stored.item) is expires
        if expires:
            lifetime = int(stored.text("expires_at_ttl")) - stored.record.dispatched_at.epoch_seconds
            assert lifetime == (lab.settings.audit.ttl_seconds if lives == "configured" else 30)

    @pytest.mark.parametrize(
        ("error", "headline"),
        [
            (ConflictError("the id is taken", ("x",)), "Not written: the id is held by other content"),
            (ChainBlockedError("position 3 blocks", 3), "Not written: the chain cannot go on"),
            (EngineUnreachableError("it is away"), "This did not work"),
        ],
        ids=["conflict", "blocked", "away"],
    )
    def test_what_was_not_acknowledged_is_one_message(
        self, lab: AuditStore, monkeypatch: pytest.MonkeyPatch, error: Exception, headline: str
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise error

        opened = filled()
        with monkeypatch.context() as patch:
            patch.setattr(AuditStore, "append", refuse)
            said = words(click(opened, "at_once"))
        assert headline in said
        assert str(error) in said
        assert not opened.exception
        assert not records(lab)

    def test_a_record_in_doubt_is_sent_again_as_the_same_one(
        self, lab: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        append = AuditStore.append

        def lose_the_answer(store: AuditStore, record: Any, **options: Any) -> None:
            append(store, record, **options)
            raise OutcomeUnknownError("nobody answered", (record.id,))

        opened = filled()
        with monkeypatch.context() as patch:
            patch.setattr(AuditStore, "append", lose_the_answer)
            assert "It is not known whether it was written" in words(click(opened, "at_once"))
        assert "It was there already, and was not written again, at position 0" in words(click(opened, "at_once"))
        assert len(records(lab)) == 1

    def test_hostile_text_is_never_rendered(self, lab: AuditStore) -> None:
        opened = click(filled(tenant=HOSTILE, provider=HOSTILE, caller_id=HOSTILE), "preview")
        assert "script" not in rendered(opened)
        opened = click(opened, "append")
        assert "script" not in rendered(opened)
        assert records(lab, tenant=HOSTILE)


class TestGenerator:
    @staticmethod
    def asked(tenants: Sequence[str] = ("one", "two"), **numbers: int) -> AppTest:
        opened = visit("inject", way="generate")
        opened.get_by_key("generate namespace").set_value("generated")
        opened.run()
        opened.get_by_key("generate tenants").set_value(list(tenants))
        for label, number in numbers.items():
            opened.get_by_key(f"generate {label.replace('_', ' ')}").set_value(number)
        return opened.run()

    @staticmethod
    def finished(opened: AppTest) -> AppTest:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            if "stop" not in buttons(opened):
                return opened
            time.sleep(0.05)  # until the next records are due
            opened.run()
        raise AssertionError("the run does not end")

    def test_as_many_go_in_as_were_asked_for(self, own_table: AuditStore) -> None:
        opened = self.finished(click(self.asked(Records=30), "generate"))
        said = words(opened)
        assert "Done: 30 of 30 records seen to" in said
        assert "30 + 0 + 0 + 0 = 30 seen to." in said
        assert [len(records(own_table, "generated", tenant)) for tenant in ("one", "two")] == [15, 15]
        assert own_table.verify("generated", "one").verdict.value == "intact"

    def test_it_can_be_stopped_and_taken_up_again(self, own_table: AuditStore) -> None:
        opened = click(self.asked(["one"], Records=60), "generate")
        click(opened, "stop")
        assert "Stopped: " in words(opened)
        before = len(records(own_table, "generated", "one"))
        opened.run()
        assert len(records(own_table, "generated", "one")) == before < 60
        assert "Done: 60 of 60" in words(self.finished(click(opened, "go_on")))

    @pytest.mark.usefixtures("own_table")
    def test_a_mix_of_nothing_is_told(self) -> None:
        weights = {f"{name.capitalize()} ({verdict})": 0 for name, verdict in (
            ("executed", "allow"), ("failed", "allow"), ("suppressed", "deny"), ("throttled", "allow")
        )}  # fmt: skip
        opened = self.asked(**weights)
        assert "The mix weighs" in words(opened)
        assert "generate" not in buttons(opened)

    def test_some_actions_are_written_in_two_phases_and_some_intents_stay_alone(self, own_table: AuditStore) -> None:
        opened = self.asked(["one"], Records=40, **{"Pending (allow)": 20, "In two phases, of 100": 60})
        self.finished(click(opened, "generate"))
        kinds = Counter(finding.kind.value for finding in own_table.verify("generated", "one").findings)
        actions = Counter(record.text("action_id") for record in records(own_table, "generated", "one"))
        assert kinds.keys() == {"lone_intent"}
        assert 2 in actions.values()
        assert kinds["lone_intent"] < len(actions)

    def test_nothing_is_written_without_a_click(self, own_table: AuditStore) -> None:
        self.asked().run()
        assert not tables.everything(own_table)


def line(number: int, **changes: Any) -> str:
    plain = {"id": f"up-{number}", "action_id": f"a{number}", "namespace": "upload", "tenant": "acme", "provider": "p"}
    plain |= {"action_type": "t", "verdict": "allow", "outcome": "executed"}
    plain |= dict.fromkeys(("dispatched_at", "completed_at"), f"2026-01-15T10:00:{number % 60:02d}Z")
    return json.dumps({name: value for name, value in {**plain, **changes}.items() if value is not None})


class TestFiles:
    @staticmethod
    def uploaded(*lines: str, name: str = "records.jsonl") -> AppTest:
        opened = visit("inject", way="files")
        opened.file_uploader[0].set_value([(name, "\n".join(lines).encode(), "application/json")]).run()
        return click(opened, "check")

    def test_each_bad_line_is_told_and_nothing_can_be_written(self, own_table: AuditStore) -> None:
        opened = self.uploaded(line(1), "{broken", line(2, namespace="a#b"), line(3, provider=None))
        said = words(opened)
        assert "3 problems: nothing can be written" in said
        for number in (2, 3, 4):
            assert f"records.jsonl: line {number} cannot be taken in" in said
        assert "import" not in buttons(opened)
        assert "/" not in "".join(part.value for part in opened.text if "cannot be taken in" in part.value)
        assert not tables.everything(own_table)

    def test_a_dry_run_says_what_would_be_written_and_an_import_writes_it_once(self, own_table: AuditStore) -> None:
        opened = self.uploaded(*(line(number) for number in range(60)), line(7))
        said = words(opened)
        assert "61 records in them, 1 of them delivered again" in said
        assert "60 records would be written to 1 chain" in said
        assert not tables.everything(own_table)

        said = words(TestGenerator.finished(click(opened, "import")))
        assert "Done: 60 of 60" in said
        assert len(records(own_table, "upload", "acme")) == 50  # a page of them
        again = TestGenerator.finished(click(self.uploaded(*(line(number) for number in range(60))), "import"))
        assert "0 + 60 + 0 + 0 = 60 seen to." in words(again)

    def test_what_is_left_out_is_said(self, own_table: AuditStore) -> None:
        own_table.append(builders.record(id="up-1", namespace="upload"))
        opened = self.uploaded(
            line(1), line(2, expires_at="2026-01-16T10:00:00Z"), line(3, sequence_number=4, record_hash="0" * 64)
        )
        said = words(opened)
        assert "1 have expired, or will within two seconds, and are left out" in said
        assert "1 had sequence numbers and hashes, which are dropped; they get new ones" in said
        assert "1 do not agree with the hashes that they came with" in said
        done = words(TestGenerator.finished(click(opened, "import")))
        assert "1 + 0 + 1 + 0 = 2 seen to." in done
        assert "up-1" in done

    def test_a_check_does_not_outlive_a_change_of_the_files(self, own_table: AuditStore) -> None:
        opened = self.uploaded(line(1))
        assert "import" in buttons(opened)
        opened.file_uploader[0].set_value([("other.jsonl", line(2).encode(), "application/json")]).run()
        assert "import" not in buttons(opened)
        assert not tables.everything(own_table)

    @pytest.mark.usefixtures("own_table")
    def test_a_file_of_no_kind_is_told_under_its_own_name(self) -> None:
        said = words(self.uploaded("hello", name="../../etc/pass\u202ewd.json"))
        assert "pass\\u{202E}wd.json: " in said
        assert "etc" not in said

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("a.json", "a.json"),
            ("../../a.json", "a.json"),
            ("C:\\x\\a.json", "a.json"),
            ("", "unnamed"),
            ("/", "unnamed"),
        ],
    )
    def test_a_name_is_shown_by_its_last_part(self, name: str, shown: str) -> None:
        assert shown_name(name) == shown


@pytest.mark.parametrize("way", ["record", "generate", "files"])
def test_where_nothing_may_be_written_only_the_reason_is_shown(own_table: AuditStore, way: str) -> None:
    settings = own_table.settings
    context.configure(replace(settings, audit=replace(settings.audit, enabled=False)))
    opened = visit("inject", way=way)
    assert "Auditing is switched off" in words(opened)
    assert not opened.text_input
    assert not opened.file_uploader
    assert not opened.number_input
