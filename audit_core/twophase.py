"""Two-phase records: an intent before the action, its outcome after it, under one action id (FORMAT 2).

The intent is committed before the action may begin, so a crash in between leaves evidence: a `lone_intent`. The outcome
is written when the block ends, however it ends; nobody has to remember it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from audit_core.errors import AuditError, RecordError
from audit_core.items import INTENT
from audit_core.jsontext import json_text
from audit_core.linking import unlinked
from audit_core.records import AuditRecord, new_id
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from audit_core.append import Appended
    from audit_core.timestamps import Clock

__all__ = ["TwoPhase", "outcome_of"]

_NANOS_PER_MILLI = 1_000_000


def outcome_of(intent: AuditRecord, moment: Timestamp, outcome: str, **fields: Any) -> AuditRecord:  # noqa: ANN401 - of AuditRecord
    """Return the outcome of an intent as a record of `moment`, under an id of its own; a stored intent will do.

    Its lifetime is the intent's, counted from `moment`, so that it never expires before it. `fields` are fields of
    `AuditRecord` put in place of those. Raises `RecordError` for an outcome that is an intent again, and for what no
    record can hold.
    """
    if outcome in {INTENT, ""}:
        message = f"{outcome!r} is no outcome; say how the action ended."
        raise RecordError(message)
    took = max(0, moment.epoch_nanos - intent.dispatched_at.epoch_nanos)
    lifetime = None if intent.expires_at is None else intent.expires_at.epoch_nanos
    own: dict[str, Any] = {
        "id": new_id(),
        "dispatched_at": moment,
        "completed_at": moment,
        "duration_ms": took // _NANOS_PER_MILLI,
        "expires_at": None if lifetime is None else Timestamp.from_nanos(lifetime + took),
    }
    return replace(unlinked(intent), **{**own, **fields, "outcome": outcome})


class TwoPhase:
    """An action between its intent and its outcome; a context manager, to be entered once.

    `intended` is a record of the action as it is about to begin, `append` writes one (`AuditStore.append`). Entering
    returns when the intent is committed, and raises what the append raises: then the action must not begin. A block
    that ends well records `executed`, or what `settle` said; one that ends with an exception records `failed` with the
    exception's type, and the exception goes on.
    """

    def __init__(self, intended: AuditRecord, append: Callable[[AuditRecord], Appended], clock: Clock) -> None:
        self._intended = replace(intended, outcome=INTENT)
        self._append = append
        self._clock = clock
        self._said: dict[str, Any] | None = None
        self._entered = False
        self.intent: AuditRecord | None = None
        """The intent as it stands in the table."""
        self.outcome: AuditRecord | None = None
        """The outcome as it stands in the table, once the block has ended."""
        self.unrecorded: AuditRecord | None = None
        """The outcome that was sent and not acknowledged; appended again as it is, it goes in once (FORMAT 6.5)."""

    def __enter__(self) -> Self:
        """Commit the intent. Raises `RecordError` when entered twice, and as an append does."""
        if self._entered:
            message = "A two-phase record is entered once; make another for another action."
            raise RecordError(message)
        self._entered = True
        self.intent = self._append(self._intended).record
        return self

    def settle(self, outcome: str, details: object = None, **fields: object) -> None:
        """Say how the action ended, in place of `executed`; it is written when the block ends.

        `details` becomes the record's `outcome_details` as JSON; `fields` are further fields of `AuditRecord`. The last
        word counts. Raises `RecordError` for what no record can hold, and for an outcome that is an intent again.
        """
        said = {**fields, "outcome": outcome}
        if details is not None:
            said["outcome_details"] = json_text(details)
        self._outcome_record(said).check_writable()
        self._said = said

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the outcome. Where that fails, says so: beside the block's own exception, or by raising."""
        if kind is None:
            said = self._said or {"outcome": "executed"}
        else:
            # its text may hold what must not be kept; its type says what went wrong
            said = {"outcome": "failed", "outcome_details": json_text({"error": kind.__name__})}
        try:
            self.unrecorded = self._outcome_record(said)
            self.outcome = self._append(self.unrecorded).record
            self.unrecorded = None
        except AuditError as failure:
            note = (
                f"The action {self._intended.action_id!r} ended as {said['outcome']!r}, and its outcome could not be "
                "recorded: its intent stands alone."
            )
            if error is None:
                failure.add_note(note)
                raise
            error.add_note(f"{note} {failure}")

    def _outcome_record(self, said: dict[str, Any]) -> AuditRecord:
        return outcome_of(self._intended, self._clock.now(), **said)
