"""Chains as lists of positions, built by the code that appends, to be damaged by tests and then verified.

`Chain.positions` maps a sequence number to its record's item and its fence, either of them None when it is gone.
`verify` feeds them to the verifier as a walk over a table would, so that a test needs no engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from audit_core.chain.verifier import ChainVerifier
from audit_core.fences import Fence, bare_fence, full_fence
from audit_core.hashing import chain_hash, content_hash, record_hash
from audit_core.items import text_of
from audit_core.linking import link_record
from audit_core.retention import Lifetimes
from audit_core.tip import EMPTY, Tip
from tests.builders import DISPATCHED, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.chain.findings import Finding, Verdict
    from audit_core.records import AuditRecord
    from audit_core.timestamps import Timestamp

Item = dict[str, dict[str, Any]]
LIFETIME = 30 * 86_400
NAMES = ("notifications", "acme")
SOON = DISPATCHED.plus_seconds(3600)
"""A moment at which nothing has expired."""


@dataclass(slots=True)
class Chain:
    """A chain that a test may damage; `tip` is where the next record goes on.

    `names` are namespace and tenant, `began` is when position 0 is dispatched, one a second follows. Chains that share
    a table need a `label` each, which makes their ids and action ids their own.
    """

    positions: dict[int, tuple[Item | None, Item | None]] = field(default_factory=dict)
    tip: Tip = EMPTY
    names: tuple[str, str] = NAMES
    began: Timestamp = DISPATCHED
    label: str = ""

    def ours(self, count: int, *, lifetime: int | None = None, **overrides: object) -> Chain:
        """Append records as this package does: linked, hashed, with full fences."""
        for number, linked in self._linked(count, lifetime, overrides):
            item = linked.to_item()
            fence = full_fence(item, *self.names, number)
            self.positions[number] = (item, fence)
            self.tip = Tip(number, linked.record_hash, (number, fence["chain_hash"]["S"]))
        return self

    def elsewhere(self, count: int, *, lifetime: int | None = None, **overrides: object) -> Chain:
        """Append records as an Acteon server does: `record_hash` only, with bare fences."""
        for number, linked in self._linked(count, lifetime, overrides):
            plain = replace(linked, content_hash=None, previous_chain_hash=None, previous_chain_sequence=None)
            self.positions[number] = (plain.to_item(), bare_fence(*self.names, number))
            self.tip = Tip(number, linked.record_hash, self.tip.link)
        return self

    def seal(self, first: int, last: int) -> Chain:
        """Make bare fences full, as sealing does (FORMAT 5)."""
        for number in range(first, last + 1):
            item = self.record(number)
            earlier = [
                place for place in self.positions if place < number and "chain_hash" in (self.fence(place) or {})
            ]
            fence = {**bare_fence(*self.names, number), "record_id": item["id"], "record_hash": item["record_hash"]}
            fence["content_hash"] = {"S": content_hash(item)}
            if "previous_hash" in item:
                fence["previous_hash"] = item["previous_hash"]
            if earlier:
                fence["previous_chain_hash"] = (self.fence(max(earlier)) or {})["chain_hash"]
                if max(earlier) != number - 1:
                    fence["previous_chain_sequence"] = {"N": str(max(earlier))}
            if "expires_at_ttl" in item:
                fence["record_expires_at"] = item["expires_at_ttl"]
            fence["sealed_at"] = {"S": "2026-01-16T02:00:00+00:00"}
            fence["chain_hash"] = {"S": chain_hash(fence)}
            self.positions[number] = (item, fence)
        return self

    def record(self, number: int) -> Item:
        item = self.positions[number][0]
        assert item is not None
        return item

    def fence(self, number: int) -> Item | None:
        return self.positions[number][1]

    def remove(self, *numbers: int, record: bool = True, fence: bool = False) -> Chain:
        """Delete records, fences, or both."""
        for number in numbers:
            item, kept = self.positions[number]
            self.positions[number] = (None if record else item, None if fence else kept)
        return self

    def edit(self, number: int, **attributes: Any) -> Chain:
        """Set attributes of a record; None takes one away."""
        return self._change(number, 0, attributes)

    def edit_fence(self, number: int, **attributes: Any) -> Chain:
        """Set attributes of a fence; None takes one away."""
        return self._change(number, 1, attributes)

    def rehash(self, number: int, *, fence: bool = False) -> Chain:
        """Recompute the hashes of a record, and of its fence, as an attacker would."""
        item = dict(self.record(number))
        item["record_hash"] = {"S": record_hash(item)}
        if "content_hash" in item:
            item["content_hash"] = {"S": content_hash(item)}
        kept = full_fence(item, *self.names, number) if fence else self.fence(number)
        self.positions[number] = (item, kept)
        return self

    def rehash_fence(self, number: int) -> Chain:
        """Recompute the `chain_hash` of a fence as it stands."""
        fence = dict(self.fence(number) or {})
        return self.edit_fence(number, chain_hash={"S": chain_hash(fence)})

    def items(self) -> list[Item]:
        """All items that are there, for a table."""
        return [item for pair in self.positions.values() for item in pair if item is not None]

    def _change(self, number: int, part: int, attributes: dict[str, Any]) -> Chain:
        pair = list(self.positions[number])
        changed = {**(pair[part] or {}), **attributes}
        pair[part] = {name: value for name, value in changed.items() if value is not None}
        self.positions[number] = (pair[0], pair[1])
        return self

    def _linked(self, count: int, lifetime: int | None, overrides: dict[str, object]) -> Any:
        start = self.tip.sequence_number + 1
        for number, plain in enumerate(records(count, start=start, **overrides), start=start):
            own = self._own(plain, number, overrides)
            expires = None if lifetime is None else own.dispatched_at.plus_seconds(lifetime)
            yield number, link_record(self.tip, replace(own, expires_at=expires))

    def _own(self, plain: AuditRecord, number: int, overrides: dict[str, object]) -> AuditRecord:
        """Give a record this chain's names, times and ids, as far as the test did not say them."""
        moment = self.began.plus_seconds(number)
        values: dict[str, Any] = {
            "namespace": self.names[0],
            "tenant": self.names[1],
            "dispatched_at": moment,
            "completed_at": moment.plus_seconds(0.042),
        }
        values = {name: value for name, value in values.items() if name not in overrides}
        if self.label:
            values |= {"id": f"{self.label}-{plain.id}", "action_id": f"{self.label}-{plain.action_id}"}
        return replace(plain, **values)


@dataclass(frozen=True, slots=True)
class Result:
    """What a verification said: its verdict, and kind and positions of each finding that is more than information."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    verifier: ChainVerifier

    @property
    def kinds(self) -> set[tuple[str, int, int]]:
        return {
            (finding.kind.value, int(finding.sequence_number), int(finding.last_sequence_number))
            for finding in self.findings
        }


def verify(
    chain: Chain,
    now: Timestamp = SOON,
    *,
    thorough: bool = False,
    lifetimes: Lifetimes | None = None,
    extra: Callable[[ChainVerifier], None] = lambda _verifier: None,
) -> Result:
    """Feed a chain to the verifier as a walk does, and return what it says."""
    verifier = ChainVerifier(chain.names, lifetimes or Lifetimes(LIFETIME))
    extra(verifier)
    known = {number: pair for number, pair in chain.positions.items() if pair != (None, None)}
    standing = [number for number, pair in known.items() if pair[0] is not None]
    fed = -1
    for number in sorted(known):
        item, fence_item = known[number]
        if number > fed + 1:
            verifier.empty(fed + 1, number - 1, now)
        fence = None if fence_item is None else Fence.read(number, fence_item)
        if item is not None:
            read = thorough or text_of(item, "content_hash") is None or number == max(standing)
            verifier.standing(number, (item,), fence, fence_read=read)
        elif fence is not None:
            verifier.gone(number, fence, now)
        fed = number
    verifier.finish()
    return Result(verifier.verdict(complete=True), verifier.findings, verifier)
