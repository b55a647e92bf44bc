"""Two-phase records on the Inject page as AppTest runs it: both phases, an intent alone, and what fails in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from audit_core.errors import (
    AuditError,
    ConflictError,
    EngineUnreachableError,
    NotWrittenError,
    OutcomeUnknownError,
)
from audit_core.items import INTENT
from audit_core.store import AuditStore
from audit_ui.inject_outcome import lone_intents
from audit_ui.record_draft import problem_of_outcome
from tests import builders
from tests.ui.test_inject import buttons, click, filled, records, typed
from tests.ui.visits import HOSTILE, address, finished, go, rendered, visit, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.testing.v1 import AppTest

CHAIN = ("lab", "bench")


def findings(store: AuditStore) -> list[str]:
    return [finding.kind.value for finding in store.verify(*CHAIN).findings]


def outcomes(store: AuditStore) -> list[str]:
    return [record.text("outcome") for record in records(store)]


def refusing(error: AuditError, *, the: str, lands: bool = False) -> Callable[..., Any]:
    """An append that refuses `the` intent or the outcome; `lands` says that it goes in, and only its answer is lost."""
    append = AuditStore.append

    def appended(store: AuditStore, record: Any, **options: Any) -> Any:
        if (record.outcome == INTENT) is not (the == "intent"):
            return append(store, record, **options)
        if lands:
            append(store, record, **options)
        raise error

    return appended


def test_an_intent_and_its_outcome_are_both_shown_with_their_places(lab: AuditStore) -> None:
    opened = click(filled("both", outcome_details='{"status":201}'), "at_once")
    said = words(opened)
    intent, outcome = records(lab)
    assert "Intent appended, at position 0" in said
    assert "Outcome appended, at position 1" in said
    assert (intent.text("outcome"), intent.text("outcome_details")) == ("pending", "null")
    assert (outcome.text("outcome"), outcome.text("outcome_details")) == ("executed", '{"status":201}')
    assert intent.text("action_id") == outcome.text("action_id") in said
    assert {intent.text("record_hash"), outcome.text("content_hash")} <= {part.value for part in opened.code}
    assert findings(lab) == []
    opened.run()
    assert len(records(lab)) == 2


def test_the_preview_is_of_the_intent_and_says_that_the_outcome_follows(lab: AuditStore) -> None:
    opened = click(filled("both"), "preview")
    said = words(opened)
    assert "What would be written first: the intent" in said
    assert "Its outcome follows behind it" in said
    assert not records(lab)
    click(opened, "append")
    intent, _outcome = records(lab)
    assert intent.text("record_hash") in said
    assert intent.text("content_hash") in said


def test_an_intent_alone_is_what_the_next_verification_names_until_its_outcome_is_written(lab: AuditStore) -> None:
    opened = click(filled("intent"), "at_once")
    said = words(opened)
    assert "Intent appended, at position 0" in said
    assert "every verification names position 0: “Intent without outcome” (lone_intent)" in said
    assert findings(lab) == ["lone_intent"]
    shown = finished(go(visit(), "chain", namespace="lab", tenant="bench", verify="1", finding="0"))
    assert "Intent without outcome" in words(shown)

    opened = click(opened, "complete")
    (intent,) = records(lab)
    assert address(opened) == {"as": "outcome", "action": intent.text("action_id")}
    assert "An intent stands alone" in words(opened)
    opened = click(typed(opened, outcome="failed"), "preview")
    said = words(opened)
    assert "Position 1 of lab / bench" in said
    assert "Outcome appended, at position 1" in words(click(opened, "append"))
    assert outcomes(lab) == ["pending", "failed"]
    assert records(lab)[1].text("content_hash") in said
    assert findings(lab) == []

    assert "No intent of this action stands alone" in words(click(opened, "another"))


def test_the_form_of_an_intent_asks_for_no_outcome(lab: AuditStore) -> None:
    opened = visit("inject", **{"as": "intent"})
    said = words(opened)
    assert "To be mended first: Namespace, Tenant, Provider, Action type, Verdict" in said
    assert not [box for box in opened.selectbox if box.label.startswith("Outcome")]
    assert not records(lab)


@pytest.mark.parametrize("phase", ["both", "intent"])
@pytest.mark.parametrize(
    "error",
    [NotWrittenError("no time", ("x",)), ConflictError("it is taken", ("x",)), EngineUnreachableError("it is away")],
    ids=["not written", "conflict", "away"],
)
def test_without_its_intent_an_action_does_not_begin(
    lab: AuditStore, monkeypatch: pytest.MonkeyPatch, phase: str, error: AuditError
) -> None:
    opened = filled(phase)
    with monkeypatch.context() as patch:
        patch.setattr(AuditStore, "append", refusing(error, the="intent"))
        said = words(click(opened, "at_once"))
    assert str(error) in said
    assert ("Without an acknowledged intent the action does not begin" in said) is (phase == "both")
    assert not opened.exception
    assert not records(lab)


def test_an_intent_in_doubt_is_sent_again_as_the_same_one(lab: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = filled("both")
    with monkeypatch.context() as patch:
        lost = refusing(OutcomeUnknownError("nobody answered", ("x",)), the="intent", lands=True)
        patch.setattr(AuditStore, "append", lost)
        assert "It is not known whether it was written" in words(click(opened, "at_once"))
        assert outcomes(lab) == ["pending"]
    assert "Outcome appended, at position 1" in words(click(opened, "at_once"))
    assert outcomes(lab) == ["pending", "executed"]


@pytest.mark.parametrize(
    ("error", "lands", "headline"),
    [
        (NotWrittenError("no time", ("x",)), False, "✕ The intent stands, its outcome does not"),
        (ConflictError("it is taken", ("x",)), False, "✕ The intent stands, its outcome does not"),
        (EngineUnreachableError("it is away"), False, "✕ The intent stands, its outcome does not"),
        (
            OutcomeUnknownError("nobody answered", ("x",)),
            False,
            "? The intent stands, it is not known whether its outcome does",
        ),
        (
            OutcomeUnknownError("nobody answered", ("x",)),
            True,
            "? The intent stands, it is not known whether its outcome does",
        ),
    ],
    ids=["not written", "conflict", "away", "lost request", "lost answer"],
)
def test_what_fails_between_intent_and_outcome_is_told_and_sent_again_once(
    lab: AuditStore, monkeypatch: pytest.MonkeyPatch, error: AuditError, lands: bool, headline: str
) -> None:
    opened = filled("both")
    with monkeypatch.context() as patch:
        patch.setattr(AuditStore, "append", refusing(error, the="outcome", lands=lands))
        said = words(click(opened, "at_once"))
        assert words(click(opened, "again")).count(headline) == 1
    assert headline in said
    assert str(error) in said
    assert "Intent appended, at position 0" in said
    assert "(lone_intent)" in said
    assert not opened.exception
    assert outcomes(lab) == ["pending", "executed"][: 1 + lands]

    said = words(click(opened, "again"))
    assert ("Outcome was there already, and was not written again" in said) is lands
    assert outcomes(lab) == ["pending", "executed"]
    assert findings(lab) == []


def test_an_intent_can_be_left_alone(lab: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = filled("both")
    with monkeypatch.context() as patch:
        patch.setattr(AuditStore, "append", refusing(NotWrittenError("no time", ("x",)), the="outcome"))
        click(opened, "at_once")
    click(opened, "leave")
    assert findings(lab) == ["lone_intent"]
    assert "at_once" in buttons(opened)


def test_an_outcome_that_is_too_large_is_refused_before_the_intent_is_written(lab: AuditStore) -> None:
    opened = click(filled("both", outcome_details=f'"{"x" * 410_000}"'), "at_once")
    assert "409,600" in words(opened)
    assert not opened.exception
    assert not records(lab)


@pytest.mark.usefixtures("lab")
def test_an_action_that_nobody_knows_is_told() -> None:
    opened = visit("inject", **{"as": "outcome", "action": HOSTILE})
    assert "No action has this id" in words(opened)
    assert "script" not in rendered(opened)
    assert "at_once" not in buttons(opened)


def test_an_intent_is_found_by_the_id_of_its_record_and_shown_as_text(lab: AuditStore) -> None:
    lab.append(builders.record(id="rec-1", action_id=HOSTILE, outcome=INTENT, caller_id=HOSTILE))
    opened = visit("inject", **{"as": "outcome", "action": "rec-1"})
    said = words(opened)
    assert "An intent stands alone" in said
    assert HOSTILE in said
    assert "script" not in rendered(opened)
    click(typed(opened, outcome="executed"), "at_once")
    (outcome,) = [row.stored for row in lab.action(HOSTILE).rows if row.stored.text("outcome") != INTENT]
    assert outcome.text("sequence_number") == "1"


def test_an_action_with_its_outcome_is_not_completed_again(lab: AuditStore) -> None:
    with lab.two_phase(lab.draft(**plain())) as action:
        pass
    assert action.intent is not None
    opened = visit("inject", **{"as": "outcome", "action": action.intent.action_id})
    said = words(opened)
    assert "No intent of this action stands alone" in said
    assert "2 records shown." in said
    assert "at_once" not in buttons(opened)


def plain() -> dict[str, Any]:
    names = {"namespace": "lab", "tenant": "bench", "provider": "p", "action_type": "t"}
    return {**names, "verdict": "allow", "outcome": ""}


def test_an_outcome_in_another_chain_settles_nothing() -> None:
    intents = [builders.record(id=tenant, tenant=tenant, outcome=INTENT) for tenant in ("acme", "globex")]
    outcome = builders.record(id="done", tenant="globex")
    assert lone_intents([*intents, outcome, None]) == intents[:1]
    assert lone_intents(intents) == intents


@pytest.mark.parametrize(("text", "fits"), [("pending", False), (" pending ", False), ("", False), ("executed", True)])
def test_an_action_does_not_end_with_its_intent(text: str, fits: bool) -> None:
    assert (problem_of_outcome(text) is None) is fits


def test_an_unknown_way_of_writing_is_a_single_record(lab: AuditStore) -> None:
    opened: AppTest = visit("inject", **{"as": "hovering"})
    assert opened.radio(key="phase").value == "single"
    assert not records(lab)
