"""Two-phase records: an intent before the action, its outcome after it, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from audit_core.errors import NotWrittenError, RecordError
from audit_core.twophase import outcome_of
from tests.chains import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.append import Appended
    from audit_core.records import AuditRecord
    from audit_core.store import AuditStore

DRAFT: dict[str, Any] = {
    "namespace": NAMES[0],
    "tenant": NAMES[1],
    "provider": "stripe",
    "action_type": "refund",
    "verdict": "allow",
    "outcome": "",
}


def draft(store: AuditStore, **overrides: Any) -> AuditRecord:
    return store.draft(**{**DRAFT, "outcome": "executed", **overrides})


def outcomes(store: AuditStore, action_id: str) -> list[str]:
    """By sequence number."""
    rows = store.action(action_id).rows
    return [row.stored.text("outcome") for row in sorted(rows, key=lambda row: int(row.stored.text("sequence_number")))]


def findings(store: AuditStore) -> list[str]:
    return [finding.kind.value for finding in store.verify(*NAMES).findings]


def test_the_intent_is_committed_before_the_action_and_the_outcome_after_it(store: AuditStore) -> None:
    with store.two_phase(draft(store)) as action:
        assert action.intent is not None
        action_id = action.intent.action_id
        assert outcomes(store, action_id) == ["pending"]
        assert findings(store) == ["lone_intent"]
    assert outcomes(store, action_id) == ["pending", "executed"]
    assert findings(store) == []
    assert action.outcome is not None
    assert action.outcome.id != action.intent.id


def test_the_block_says_how_the_action_ended(store: AuditStore) -> None:
    with store.two_phase(draft(store)) as action:
        action.settle("denied", {"status": 403}, matched_rule="limit")
    assert action.outcome is not None
    told = (action.outcome.outcome, action.outcome.outcome_details, action.outcome.matched_rule)
    assert told == ("denied", '{"status":403}', "limit")


def test_an_action_that_raises_has_failed_and_its_text_is_not_kept(store: AuditStore) -> None:
    action = store.two_phase(draft(store))
    with pytest.raises(ValueError, match="hunter2"), action:
        int("hunter2")
    assert action.outcome is not None
    assert (action.outcome.outcome, action.outcome.outcome_details) == ("failed", '{"error":"ValueError"}')
    assert findings(store) == []


def test_an_outcome_expires_no_sooner_than_its_intent(store: AuditStore) -> None:
    with store.two_phase(draft(store)) as action:
        pass
    assert action.intent is not None
    assert action.outcome is not None
    assert action.intent.expires_at is not None
    assert action.outcome.expires_at is not None
    assert action.outcome.expires_at >= action.intent.expires_at
    assert action.outcome.duration_ms >= 0


def test_without_a_committed_intent_the_action_does_not_begin(store: AuditStore) -> None:
    begun = []
    with pytest.raises(RecordError), store.two_phase(draft(store, action_payload="{")):
        begun.append(1)
    assert begun == []


@pytest.mark.parametrize("wrong", ["pending", ""])
def test_an_outcome_that_is_none_is_refused_in_the_block_and_counts_as_a_failure(store: AuditStore, wrong: str) -> None:
    with pytest.raises(RecordError), store.two_phase(draft(store)) as action:
        action.settle(wrong)
    assert action.outcome is not None
    assert action.outcome.outcome == "failed"


def test_it_is_entered_once(store: AuditStore) -> None:
    action = store.two_phase(draft(store))
    with action:
        pass
    with pytest.raises(RecordError, match="entered once"), action:
        pass
    assert store.verify(*NAMES).records_checked == 2


def failing_second(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    append: Callable[[AuditRecord], Appended] = store.append
    done: list[int] = []

    def once(record: AuditRecord) -> Appended:
        if done:
            raise NotWrittenError("no time", (record.id,))
        done.append(1)
        return append(record)

    monkeypatch.setattr(store, "append", once)


def test_an_outcome_that_cannot_be_written_is_told(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_second(store, monkeypatch)
    with pytest.raises(NotWrittenError) as caught, store.two_phase(draft(store)):
        pass
    assert "its outcome could not be recorded" in caught.value.__notes__[0]
    assert findings(store) == ["lone_intent"]


def test_an_outcome_that_was_not_acknowledged_is_there_to_be_appended_again(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing_second(store, patch)
        action = store.two_phase(draft(store))
        with pytest.raises(NotWrittenError), action:
            action.settle("denied")
    assert action.unrecorded is not None
    appended = store.append(action.unrecorded)
    assert (appended.record.outcome, store.append(action.unrecorded).duplicate) == ("denied", True)
    assert findings(store) == []


def test_a_stored_intent_gets_its_outcome_later(store: AuditStore) -> None:
    intent = store.append(draft(store, outcome="pending")).record
    late = intent.dispatched_at.plus_seconds(90)
    outcome = outcome_of(intent, late, "failed", matched_rule="limit")
    assert outcome.id != intent.id
    assert (outcome.action_id, outcome.matched_rule, outcome.duration_ms) == (intent.action_id, "limit", 90_000)
    assert (outcome.sequence_number, outcome.record_hash, outcome.previous_chain_hash) == (None, None, None)
    assert intent.expires_at is not None
    assert outcome.expires_at == intent.expires_at.plus_seconds(90)
    store.append(outcome)
    assert findings(store) == []


@pytest.mark.parametrize("wrong", ["pending", ""])
def test_no_outcome_is_an_intent_again(store: AuditStore, wrong: str) -> None:
    intent = draft(store, outcome="pending")
    with pytest.raises(RecordError, match="is no outcome"):
        outcome_of(intent, intent.dispatched_at, wrong)


def test_the_actions_own_exception_is_not_hidden_by_a_failing_write(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_second(store, monkeypatch)
    with pytest.raises(ZeroDivisionError) as caught, store.two_phase(draft(store)):
        raise ZeroDivisionError
    assert "'failed'" in caught.value.__notes__[0]
