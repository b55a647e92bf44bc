"""A record in words: what happened, which half of an action it is, how long it has to live, and what of it is hidden.

Pure functions. Every sentence that holds a record's own text comes back as plain text with what cannot be seen escaped;
the page shows it as text and nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audit_core.items import INTENT
from audit_core.names import hidden_characters, visible
from audit_core.retention import Expiry, ttl_seconds
from audit_ui.formats import count, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import Row, Timestamp
    from audit_core.items import Item

__all__ = ["happened", "hidden_in", "lifetime_words", "phase_words", "roughly"]

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_MILLISECONDS = 1000
_INTENT_ENDED = "This is an intent, written before the action ran; its outcome is recorded below."
_INTENT_UNKNOWN = "This is an intent. Its action has more records than are shown, so its outcome may be among them."
_INTENT_ALONE = (
    "This is an intent without an outcome: the action is still under way, or whoever ran it stopped in between and "
    "nobody recorded how it ended."
)
_OUTCOME = "This is the outcome of an action whose intent was recorded before it ran; it is below."
_OTHERS = "The action has other records as well; none of them is an intent."
_ALONE = "It stands alone: the action was recorded once, when it had ended."


def happened(row: Row) -> str:
    """Say in a sentence or two who asked for what, what was decided, and how it ended."""
    text = row.stored.text
    who = text("caller_id") or "Somebody whom the record does not name"
    how = f" (signed in by {text('auth_method')})" if text("auth_method") else ""
    what = f"{text('action_type') or 'an action without a type'} by {text('provider') or 'a provider without a name'}"
    rule = f", by the rule {text('matched_rule')}" if text("matched_rule") else ""
    when = f"{moment(text('dispatched_at'))} UTC" if text("dispatched_at") else "a time that it does not give"
    asked = f"{who}{how} asked for {what} on {when}."
    decided = f"The verdict was {text('verdict') or 'not given'}{rule}."
    return visible(f"{asked} {decided} {_ended(row)}")


def _ended(row: Row) -> str:
    text = row.stored.text
    if text("outcome") == INTENT:
        return "This was written before it was done."
    took = f" after {_took(text('duration_ms'))}" if text("duration_ms").isdecimal() else ""
    return f"It ended{took} as {text('outcome') or 'something that the record does not say'}."


def _took(milliseconds: str) -> str:
    number = int(milliseconds)
    return f"{number:,} ms" if number < _MILLISECONDS else roughly(number // _MILLISECONDS)


def phase_words(row: Row, others: Sequence[Row], *, complete: bool) -> tuple[str, bool]:
    """Say whether a record is an intent or an outcome, and whether the other half is there; True: it deserves a look.

    `others` are the other records of its action, `complete` says that these are all.
    """
    outcomes = {other.stored.text("outcome") for other in others}
    if row.stored.text("outcome") == INTENT:
        if outcomes - {INTENT}:
            return _INTENT_ENDED, False
        return _INTENT_ALONE if complete else _INTENT_UNKNOWN, True
    if INTENT in outcomes:
        return _OUTCOME, False
    return _OTHERS if outcomes else _ALONE, False


def lifetime_words(row: Row, at: Timestamp, removal: str) -> str:
    """Say how long a record has to live as of `at`, the engine's clock, as TTL has it.

    `removal` is the sentence on what its engine does with records that have expired.
    """
    expires = ttl_seconds(row.stored.item)
    if row.expiry is Expiry.NEVER:
        return "It never expires: it has no expiry."
    if row.expiry is Expiry.UNREADABLE or expires is None:
        return "Its expiry is not a number of seconds, so DynamoDB will never remove it."
    away = expires - at.epoch_seconds
    if away > 0:
        return f"It expires in {roughly(away)}. {removal}"
    if row.expiry is Expiry.NOT_REMOVABLE:
        return f"It expired {roughly(-away)} ago: more than five years, so DynamoDB will never remove it."
    return f"It expired {roughly(-away)} ago and is still here. {removal}"


def roughly(seconds: int) -> str:
    """Return a span of time by its two largest units: "29 days 20 hours"."""
    parts = []
    for size, name in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(count(number, name))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def hidden_in(item: Item) -> list[tuple[str, str]]:
    """Return which attributes of a typed item hold characters that cannot be seen, and which those are."""
    found = []
    for name in sorted(item):
        text = item[name].get("S")
        hidden = Counter((*hidden_characters(name), *(hidden_characters(text) if isinstance(text, str) else ())))
        if hidden:
            said = ", ".join(one if number == 1 else f"{one} ({number:,} times)" for one, number in hidden.items())
            found.append((visible(name), said))
    return found
