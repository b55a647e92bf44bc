"""Which defence a finding rests on, and what a checkpoint kept outside would have shown: pure functions.

A finding names its kind and its evidence (FORMAT 9); here the two become the names that a person knows the defences by.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from audit_core.chain.findings import FindingKind, Severity
from audit_core.fences import fence_id
from audit_core.items import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from audit_core.chain.findings import Finding
    from audit_core.tamper.target import TypedItem

__all__ = ["DEFENCES", "Defence", "caught_by", "changed_leaves"]


class Defence(enum.StrEnum):
    """What stands between an attack and its going unnoticed, by its name."""

    RECORD_HASH = "record hash"
    CONTENT_HASH = "content hash"
    LINK = "link"
    CHAIN_HASH = "chain hash"
    FENCE = "fence"
    LIFETIMES = "lifetimes"
    NUMBERING = "numbering"


DEFENCES: Mapping[Defence, str] = {
    Defence.RECORD_HASH: "The hash over ten fields of a record, as an Acteon server computes it too.",
    Defence.CONTENT_HASH: "The hash over every attribute of a record.",
    Defence.LINK: "Each record names the hash of the one before it.",
    Defence.CHAIN_HASH: "Each full fence's own hash, which the next record names: it covers everything before.",
    Defence.FENCE: "The item for each position that never expires, with copies of what its record said.",
    Defence.LIFETIMES: "Whether a lifetime can explain that a record is gone. Inferred, where nothing better is there.",
    Defence.NUMBERING: "Each whole number once, each record in the form that FORMAT 2 describes.",
}

_BY_KIND = {
    FindingKind.SKIPPED_SEQUENCE: Defence.NUMBERING,
    FindingKind.DUPLICATE_SEQUENCE: Defence.NUMBERING,
    FindingKind.FIELD_MISMATCH: Defence.NUMBERING,
    FindingKind.MALFORMED_RECORD: Defence.NUMBERING,
    FindingKind.UNCHAINED_RECORD: Defence.NUMBERING,
    FindingKind.MISSING_FENCE: Defence.FENCE,
}
_ABSENT = frozenset((FindingKind.MISSING_RECORD, FindingKind.TRUNCATED_TAIL))
_NO_FENCE = "a record and its fence"
"""What the verifier expects where both are gone (FORMAT 9)."""


def caught_by(findings: Iterable[Finding]) -> frozenset[Defence]:
    """Return the defences that raised an alarm; information and what is merely unproven are none."""
    caught: set[Defence] = set()
    for finding in findings:
        if finding.severity is Severity.BREAK:
            caught |= _of(finding)
    return frozenset(caught)


def _of(finding: Finding) -> set[Defence]:
    expected = finding.expected or ""
    if finding.kind in _BY_KIND:
        return {_BY_KIND[finding.kind]}
    if finding.kind in _ABSENT:
        by_fence = Defence.NUMBERING if expected == _NO_FENCE else Defence.FENCE
        return {Defence.LIFETIMES if finding.inferred else by_fence}
    if finding.kind is FindingKind.BROKEN_LINK:
        return {Defence.CHAIN_HASH if expected.startswith("previous_chain_hash") else Defence.LINK}
    if finding.kind is FindingKind.FENCE_MISMATCH:
        return {Defence.CHAIN_HASH if "chain_hash" in expected or "next link" in expected else Defence.FENCE}
    # content_modified and missing_hash: the evidence begins with the hash that it is about
    own = Defence.RECORD_HASH if expected.startswith("record_hash") else Defence.CONTENT_HASH
    if "next link" in expected:
        return {Defence.CHAIN_HASH}
    from_fence = "in the fence" in expected or (
        finding.kind is FindingKind.MISSING_HASH and own is Defence.CONTENT_HASH
    )
    return {own, Defence.FENCE} if from_fence else {own}


def changed_leaves(
    names: tuple[str, str], size: int, before: Mapping[str, TypedItem], after: Mapping[str, TypedItem]
) -> tuple[int, ...] | None:
    """Return the positions below `size` whose leaf of a checkpoint (FORMAT 8) is another one after an attack.

    `before` and `after` hold the chain's items by id; `names` are namespace and tenant. None where a position's fence
    was bare: making a checkpoint seals it first, so there is no leaf yet.
    """
    leaves = [[_leaf(items.get(fence_id(*names, number))) for number in range(size)] for items in (before, after)]
    if None in leaves[0]:
        return None
    return tuple(number for number, (old, new) in enumerate(zip(*leaves, strict=True)) if old != new)


def _leaf(fence: TypedItem | None) -> str | None:
    return None if fence is None else text_of(fence, "chain_hash")
