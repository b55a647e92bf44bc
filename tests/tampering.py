"""The tamper matrix: every attribute of a record and of its fence, altered in every way, as pure changes of a table.

A table is a dictionary of typed items by id; a change says which items become what, None where one goes. How the
changes are put into a table and who judges them is left to tests; what came out is written down in docs/detection.md.
Attacks on more than one attribute are in `audit_core.tamper`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.items import plain_number
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp
from tests.chains import Chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = dict[str, dict[str, Any]]
Table = dict[str, Item]
Change = dict[str, Item | None]
"""What becomes of items, by their ids."""

DAY = 86_400
LIFETIME = 30 * DAY
LENGTH = 5
MATRIX_POSITIONS = {"first": 0, "middle": LENGTH // 2, "last": LENGTH - 1}

TEXTS = (
    *("id", "action_id", "namespace", "tenant", "ns_tenant", "provider", "action_type", "verdict", "outcome"),
    *("caller_id", "auth_method", "chain_id", "matched_rule", "signature", "signer_id", "kid", "canonical_hash"),
)
JSON_TEXTS = ("verdict_details", "outcome_details", "metadata", "action_payload", "attachment_metadata")
TIMES = ("dispatched_at", "completed_at", "expires_at", "sealed_at")
NUMBERS = (
    *("dispatched_at_ms", "duration_ms", "expires_at_ttl", "sequence_number"),
    *("previous_chain_sequence", "record_expires_at"),
)
HASHES = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash", "chain_hash")
EXTRA = "note"
"""An attribute that FORMAT 2 does not name."""

RECORD_ROWS = (
    *TEXTS,
    *("dispatched_at", "dispatched_at_ms", "completed_at", "duration_ms"),
    *JSON_TEXTS,
    *("expires_at", "expires_at_ttl", "sequence_number", "record_hash", "previous_hash", "content_hash"),
    *("previous_chain_hash", "previous_chain_sequence", EXTRA, "_fence"),
)
FENCE_ROWS = (
    *("id", "_fence", "record_id", "record_hash", "previous_hash", "content_hash", "previous_chain_hash"),
    *("previous_chain_sequence", "record_expires_at", "sealed_at", "chain_hash", EXTRA),
    *("ns_tenant", "sequence_number", "action_id", "expires_at_ttl"),
)
INDEXED = {"id": "S", "ns_tenant": "S", "action_id": "S", "sequence_number": "N", "dispatched_at_ms": "N"}
"""Attributes of the key and of the indexes, with their types: the engine refuses any other type, and empty text."""


# -- the chains under attack ------------------------------------------------------------------------------------------


def fields(number: int) -> dict[str, Any]:
    """Every optional field: a value of its own in each record, with a letter that Unicode writes in two ways."""
    return {
        "provider": f"é-mail {number}",
        "action_type": f"sénd {number}",
        "verdict": f"allowé {number}",
        "outcome": f"executedé {number}",
        "duration_ms": 40 + number,
        "caller_id": f"svc é {number}",
        "auth_method": f"api key é {number}",
        "verdict_details": f'{{"rule":"é","n":{number}}}',
        "outcome_details": f'{{"status":"é","n":{number}}}',
        "metadata": f'{{"é":{number}}}',
        "action_payload": f'{{"to":"é{number}@example.com","n":1.0}}',
        "chain_id": f"chain é {number}",
        "matched_rule": f"rule é {number}",
        "signature": f"sig é {number}",
        "signer_id": f"signer é {number}",
        "kid": f"kid é {number}",
        "canonical_hash": f"{number:064x}",
        "attachment_metadata": f'[{{"name":"é{number}.pdf"}}]',
        "extra": {EXTRA: {"S": f"note é {number}"}},
    }


def written(writers: str, tenant: str, began: Timestamp, *, lifetimes: tuple[int | None, ...] = (LIFETIME,)) -> Chain:
    """Write a chain, one record for each letter of `writers`: o by us, e elsewhere, s elsewhere and sealed at the end.

    `lifetimes` (seconds, None: endless) are those of the records, the last one goes on.
    """
    chain = Chain(names=("notifications", tenant), began=began, label=tenant)
    for number, writer in enumerate(writers):
        append = chain.ours if writer == "o" else chain.elsewhere
        append(1, lifetime=lifetimes[min(number, len(lifetimes) - 1)], **fields(number))
    for number, writer in enumerate(writers):
        if writer == "s":
            chain.seal(number, number)
    return chain


def by_id(chain: Chain) -> Table:
    return {item["id"]["S"]: item for item in chain.items()}


# -- the mutations ----------------------------------------------------------------------------------------------------


def _text(change: Callable[[str], str]) -> Callable[[str, dict[str, Any]], dict[str, Any] | None]:
    """Make a mutation of a text by a function; what comes out unchanged means nothing."""

    def mutate(_name: str, value: dict[str, Any]) -> dict[str, Any] | None:
        return {"S": change(value["S"])} if "S" in value else None

    return mutate


def _changed(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if "N" in value:
        return {"N": str(int(value["N"]) + 1000)}
    if "BOOL" in value:
        return {"BOOL": not value["BOOL"]}
    if name in TIMES:
        return {"S": Timestamp.parse(value["S"]).plus_seconds(1).text}
    if name in HASHES:
        return {"S": ("0" if value["S"][0] != "0" else "1") + value["S"][1:]}
    return {"S": '{"other":1}' if name in JSON_TEXTS else "other"}


def _look_alike(text: str) -> str:
    """Replace the first character that has a double: Cyrillic for letters, fullwidth for digits."""
    doubles = {**dict(zip("aceopx", "асеорх", strict=True)), **{str(digit): chr(0xFF10 + digit) for digit in range(10)}}  # noqa: RUF001 - Cyrillic on purpose
    place = next((place for place, character in enumerate(text) if character in doubles), None)
    return text if place is None else text[:place] + doubles[text[place]] + text[place + 1 :]


def _other_form(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return decomposed if decomposed != text else unicodedata.normalize("NFC", text)


def _other_type(_name: str, value: dict[str, Any]) -> dict[str, Any]:
    if "S" in value:
        return {"N": "7"}
    return {"S": value.get("N", "true")}


def _shortened(_name: str, value: dict[str, Any]) -> dict[str, Any] | None:
    kind = next(iter(value))
    return {kind: value[kind][:-1]} if kind in "SN" and len(value[kind]) > 1 else None


def _next(name: str, value: dict[str, Any]) -> dict[str, Any] | None:
    if "N" in value:
        return {"N": str(int(value["N"]) + 1)}
    if name in TIMES:
        return {"S": Timestamp.from_nanos(Timestamp.parse(value["S"]).epoch_nanos + 1).normalised}
    if name in HASHES:
        return {"S": value["S"][:-1] + format((int(value["S"][-1], 16) + 1) % 16, "x")}
    return None


def _rewritten(name: str, value: dict[str, Any]) -> dict[str, Any] | None:
    """The same number, instant or JSON, written in another way."""
    if "N" in value:
        return {"N": f"{value['N']}.0"}
    if name in TIMES:
        moment = Timestamp.parse(value["S"])
        local = Timestamp.from_nanos(moment.epoch_nanos + 3600 * NANOS_PER_SECOND).normalised
        return {"S": local.replace("+00:00", "+01:00")}
    return {"S": value["S"][:1] + " " + value["S"][1:]} if name in JSON_TEXTS else None


def _only_if(wanted: bool, value: dict[str, Any]) -> dict[str, Any] | None:
    return value if wanted else None


MUTATIONS: dict[str, tuple[str, Callable[[str, dict[str, Any]], dict[str, Any] | None]]] = {
    "changed": ("another value of the same kind", _changed),
    "next": ("a number one higher, a time one nanosecond later, a hash with its last digit changed", _next),
    "cut": ("the last character or digit cut off", _shortened),
    "empty": ("empty text", _text(lambda _: "")),
    "NULL": ("DynamoDB's NULL", lambda _name, _value: {"NULL": True}),
    "type": ("another type: a number for a text, a text for a number or a boolean", _other_type),
    "BOOL": ("a boolean", lambda _name, value: _only_if("BOOL" not in value, {"BOOL": True})),
    "list": ("a list that holds the value", lambda _name, value: {"L": [value]}),
    "double": ("a character replaced by its double (Cyrillic letter, fullwidth digit)", _text(_look_alike)),
    "hidden": ("a zero-width space added", _text(lambda text: text + "\u200b")),
    "form": ("Unicode's other normal form", _text(_other_form)),
    "case": ("upper and lower case exchanged", _text(str.swapcase)),
    "space": ("a space added", _text(lambda text: text + " ")),
    "same": ("the same number (1.0), instant (other offset) or JSON (a space), written otherwise", _rewritten),
}
"""Column, what it means, and the mutation of one value; None where it would mean nothing."""

COLUMNS = {
    **{name: words for name, (words, _) in MUTATIONS.items()},
    "gone": "the attribute removed",
    "swap": "exchanged with that of the record (or fence) beside it",
    "twin": "a second attribute added beside it: the same name in capitals",
    "added": "the attribute put in where there was none",
}
_ADDED: dict[str, dict[str, Any]] = {
    **{name: {"S": "ab" * 32} for name in HASHES},
    **{name: {"S": "other"} for name in (*TEXTS, "record_id", EXTRA)},
    **{name: {"S": "{}"} for name in JSON_TEXTS},
    **{name: {"S": "2026-01-16T02:00:00+00:00"} for name in TIMES},
    **{name: {"N": "1"} for name in NUMBERS},
    "_fence": {"BOOL": True},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix: an attribute of the record, or of the fence, at a position, altered in one way."""

    chain: str
    part: str
    attribute: str
    column: str
    where: str
    change: Change


def cells(kind: str, chain: Chain, part: str) -> Iterator[Cell]:
    """Every cell that means something for a chain; `part` is `record` or `fence`."""
    for where, position in MATRIX_POSITIONS.items():
        for attribute in RECORD_ROWS if part == "record" else FENCE_ROWS:
            for column in COLUMNS:
                change = altered(chain, part, attribute, column, position)
                if change is not None:
                    yield Cell(kind, part, attribute, column, where, change)


def altered(chain: Chain, part: str, attribute: str, column: str, position: int) -> Change | None:
    """The change that one cell stands for; None where it would mean nothing, or change nothing."""
    item, other = (_item(chain, part, number) for number in (position, position - 1 if position else 1))
    value, theirs = item.get(attribute), other.get(attribute)
    if (value is None) != (column == "added"):
        return None
    if column == "swap":
        if value is None or theirs is None or theirs == value:
            return None
        return _put((item, {**item, attribute: theirs}), (other, {**other, attribute: value}))
    if column in MUTATIONS:
        new = MUTATIONS[column][1](attribute, value or {})
        return None if new is None or new == value else _put((item, {**item, attribute: new}))
    changed = dict(item)
    if column == "twin":
        changed[attribute.upper()] = {"S": "other"}
    elif column == "added":
        changed[attribute] = _ADDED[attribute]
    else:
        del changed[attribute]
    return _put((item, changed))


def _item(chain: Chain, part: str, number: int) -> Item:
    return chain.record(number) if part == "record" else chain.fence(number) or {}


def _put(*changed: tuple[Item, Item]) -> Change:
    """Put items in the place of others; one whose id is another by now leaves its own place."""
    change: Change = {old["id"]["S"]: None for old, _ in changed}
    for old, new in changed:
        # an id that is no text cannot be a key: it is sent as it is, to be refused
        change[new.get("id", {}).get("S") or f"?{old['id']['S']}"] = new
    return change


# -- a table that says of a change what DynamoDB says -----------------------------------------------------------------


def is_refused(change: Change) -> bool:
    """Whether the engine refuses an item: a key or an index attribute of another type, or empty."""
    items = [item for item in change.values() if item is not None]
    wrong = any(name in item and not item[name].get(kind) for item in items for name, kind in INDEXED.items())
    return wrong or any("id" not in item for item in items)


def applied(table: Table, change: Change) -> Table:
    """The table after a change, numbers as the engine returns them."""
    after = {**table}
    for item_id, item in change.items():
        if item is None:
            after.pop(item_id, None)
        else:
            after[item_id] = {name: _kept(value) for name, value in item.items()}
    return after


def restored(table: Table, change: Change) -> Change:
    """The change that takes another one back."""
    return {item_id: table.get(item_id) for item_id in change}


def _kept(value: dict[str, Any]) -> dict[str, Any]:
    return {"N": plain_number(value["N"])} if "N" in value else value
