"""The fence item of FORMAT 5: building one from its record, and telling bare, full and damaged apart.

Pure functions over typed items, and the one that reads fences. Whether a fence agrees with its record and neighbours is
judged by `chain.verifier`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.hashing import chain_hash, content_hash
from audit_core.items import MAX_NUMBER_DIGITS, text_of, whole_number
from audit_core.timestamps import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from audit_core.items import Item
    from audit_core.table import Answer, Table

__all__ = [
    "COPIED_ATTRIBUTES",
    "Fence",
    "FenceState",
    "bare_fence",
    "fence_id",
    "fences_at",
    "full_fence",
    "parse_fence_id",
    "rebuilt_chain_hash",
    "sealed_fence",
]

LOOK_BACK = 100
"""Positions that a writer looks back for a full fence, and ahead for one that makes the tip go on (FORMAT 4, 6.2)."""

FENCE_PREFIX = "SEQ#"
COPIED_ATTRIBUTES = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash", "previous_chain_sequence")
"""What a fence copies from its record under the same name (FORMAT 5)."""

_HASH = re.compile(r"[0-9a-f]{64}")
_HASHES = ("record_hash", "content_hash", "previous_chain_hash", "chain_hash")
GENESIS = "genesis"
"""The `previous_hash` of a chain that starts at 1 (FORMAT 9); a fence copies it."""
_REQUIRED = frozenset(("id", "_fence", "record_id", "record_hash", "content_hash", "chain_hash"))
_OPTIONAL = frozenset(
    ("previous_hash", "previous_chain_hash", "previous_chain_sequence", "record_expires_at", "sealed_at")
)


class FenceState(enum.Enum):
    """What an item under a fence's id is (FORMAT 5)."""

    BARE = "bare"
    FULL = "full"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence as it stands in the table, at `sequence_number` (int) of its chain."""

    sequence_number: int
    item: Item
    state: FenceState
    holds: bool
    """Whether it is full and its `chain_hash` recomputes."""

    @classmethod
    def read(cls, sequence_number: int, item: Item) -> Fence:
        """Classify an item that was read under a fence's id; never fails."""
        state = _state(sequence_number, item)
        holds = state is FenceState.FULL and chain_hash(item) == item["chain_hash"]["S"]
        return cls(sequence_number, item, state, holds)

    def text(self, name: str) -> str | None:
        """Return a text attribute, or None."""
        return text_of(self.item, name)

    def number(self, name: str) -> int | None:
        """Return a whole-number attribute, or None."""
        return whole_number(self.item.get(name, {}).get("N"))

    @property
    def sealed(self) -> bool:
        """Whether it was made full later (FORMAT 5)."""
        return "sealed_at" in self.item

    @property
    def chain_hash(self) -> str | None:
        """The stored `chain_hash`."""
        return self.text("chain_hash")

    @property
    def link(self) -> tuple[int, str] | None:
        """Position and `chain_hash` that it links back to, or None."""
        return link_of(self.item, self.sequence_number)


def fence_id(namespace: str, tenant: str, sequence_number: int) -> str:
    """Return the id of the fence at a position (FORMAT 5)."""
    return f"{FENCE_PREFIX}{namespace}#{tenant}#{sequence_number}"


def parse_fence_id(text: str) -> tuple[str, str, int] | None:
    """Return namespace, tenant and position of a fence's id, or None when it is none (FORMAT 1)."""
    if not text.startswith(FENCE_PREFIX):
        return None
    namespace, separator, rest = text[len(FENCE_PREFIX) :].partition("#")
    tenant, last_separator, number = rest.rpartition("#")
    sound = number.isascii() and number.isdigit() and len(number) <= MAX_NUMBER_DIGITS
    if not (separator and last_separator and namespace and tenant and sound):
        return None
    return namespace, tenant, int(number)


def bare_fence(namespace: str, tenant: str, sequence_number: int) -> dict[str, dict[str, Any]]:
    """Return the fence that other writers put beside a record (FORMAT 5)."""
    return {"id": {"S": fence_id(namespace, tenant, sequence_number)}, "_fence": {"BOOL": True}}


def fences_at(table: Table, namespace: str, tenant: str, positions: Iterable[int]) -> tuple[dict[int, Fence], Answer]:
    """Read the fences of positions, consistently; those that lack are left out. Raises `EngineError`."""
    asked = {fence_id(namespace, tenant, position): position for position in positions}
    answer = table.get_many(asked)
    found: dict[int, Fence] = {}
    for item in answer.items:
        position = asked.get(text_of(item, "id") or "")
        if position is not None:
            found[position] = Fence.read(position, item)
    return found, answer


def full_fence(record: Item, namespace: str, tenant: str, sequence_number: int) -> dict[str, dict[str, Any]]:
    """Return the full, unsealed fence of a typed record that carries its `content_hash` (FORMAT 4, 5)."""
    fence = _unhashed_fence(record, namespace, tenant, sequence_number)
    return {name: dict(value) for name, value in fence.items()} | {"chain_hash": {"S": chain_hash(fence)}}


def rebuilt_chain_hash(record: Item, namespace: str, tenant: str, sequence_number: int) -> str:
    """Return the `chain_hash` of the fence that `full_fence` makes of a record, without making it."""
    return chain_hash(_unhashed_fence(record, namespace, tenant, sequence_number))


def _unhashed_fence(record: Item, namespace: str, tenant: str, sequence_number: int) -> dict[str, Mapping[str, Any]]:
    """Return a full fence without its `chain_hash`; what it copies it shares with the record."""
    fence: dict[str, Mapping[str, Any]] = {
        **bare_fence(namespace, tenant, sequence_number),
        "record_id": record["id"],
    }
    for name in COPIED_ATTRIBUTES:
        if name in record:
            fence[name] = record[name]
    if "expires_at_ttl" in record:
        fence["record_expires_at"] = record["expires_at_ttl"]
    return fence


def sealed_fence(
    record: Item, bare: Item, sequence_number: int, *, link: tuple[int, str] | None, sealed_at: str
) -> dict[str, dict[str, Any]]:
    """Return the fence that sealing makes of a bare one: full, with a link of its own (FORMAT 5).

    `record` is the typed record as it stands, `bare` its fence, `link` position and `chain_hash` of the nearest full
    fence before, and `sealed_at` an RFC 3339 text.
    """
    fence = {
        **{name: dict(value) for name, value in bare.items()},
        "record_id": dict(record["id"]),
        "content_hash": {"S": content_hash(record)},
        "sealed_at": {"S": sealed_at},
    }
    for name in ("record_hash", "previous_hash"):
        if name in record:
            fence[name] = dict(record[name])
    if "expires_at_ttl" in record:
        fence["record_expires_at"] = dict(record["expires_at_ttl"])
    if link is not None:
        fence["previous_chain_hash"] = {"S": link[1]}
        if link[0] != sequence_number - 1:
            fence["previous_chain_sequence"] = {"N": str(link[0])}
    fence["chain_hash"] = {"S": chain_hash(fence)}
    return fence


def link_of(item: Item, sequence_number: int) -> tuple[int, str] | None:
    """Return position and `chain_hash` that a record or fence at `sequence_number` links back to (FORMAT 4)."""
    linked = text_of(item, "previous_chain_hash")
    if linked is None:
        return None
    named = item.get("previous_chain_sequence")
    position = sequence_number - 1 if named is None else whole_number(named.get("N"))
    return (-1 if position is None else position, linked)


def _state(sequence_number: int, item: Item) -> FenceState:
    names = item.keys()
    flagged = item.get("_fence") == {"BOOL": True}
    if flagged and names == {"id", "_fence"}:
        return FenceState.BARE
    shaped = (
        flagged
        and names >= _REQUIRED
        and names - _REQUIRED <= _OPTIONAL
        and bool(text_of(item, "record_id"))
        and all(_HASH.fullmatch(text_of(item, name) or "") for name in _HASHES if name in item)
        and ("previous_hash" not in item or _is_previous(text_of(item, "previous_hash")))
        and ("previous_chain_sequence" not in item or _names_a_position(item, sequence_number))
        and ("record_expires_at" not in item or whole_number(item["record_expires_at"].get("N")) is not None)
        and ("sealed_at" not in item or moment(text_of(item, "sealed_at") or "") is not None)
    )
    return FenceState.FULL if shaped else FenceState.DAMAGED


def _is_previous(text: str | None) -> bool:
    return text == GENESIS or _HASH.fullmatch(text or "") is not None


def _names_a_position(item: Item, sequence_number: int) -> bool:
    number = whole_number(item["previous_chain_sequence"].get("N"))
    return "previous_chain_hash" in item and number is not None and 0 <= number < sequence_number - 1
