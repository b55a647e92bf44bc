"""What can be said of one record, and of one record with its fence, without looking at their neighbours (FORMAT 9).

Pure functions over typed items. What the positions before and after call for is judged by `verifier`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from audit_core.chain.findings import Finding, FindingKind, Position
from audit_core.errors import RecordError, TimestampError
from audit_core.fences import COPIED_ATTRIBUTES, Fence, FenceState, full_fence, link_of
from audit_core.hashing import content_hash, record_hash
from audit_core.items import HASH_FIELDS, shape_problems, source_problems, text_of, whole_number
from audit_core.retention import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.items import Item

__all__ = ["Judgement", "dispatched_ms", "judge_record", "judge_unchained"]

_SEALED_COPIES = ("record_hash", "previous_hash")
"""What a sealed fence copies; its link is its own (FORMAT 5)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A standing record as its own evidence shows it.

    `record_hash` is the stored one, or the recomputed where none is stored. `chain_hash` is that of its full fence,
    rebuilt or read; None when the position is not full. `link` is what the position links back to; `sealed` says that
    its fence was made full later; `covered` that a `content_hash` vouches for the record, `hashed` that a
    `record_hash` does; `link_is_sound` that the link is written as FORMAT 2 calls for.
    """

    findings: tuple[Finding, ...]
    record_hash: str | None
    chain_hash: str | None
    link: tuple[int, str] | None
    sealed: bool
    covered: bool
    hashed: bool
    link_is_sound: bool


def judge_record(
    item: Item, position: Position, chain: tuple[str, str], fence: Fence | None, *, fence_read: bool
) -> Judgement:
    """Judge a record at `position` of `chain` (namespace, tenant); `fence` counts only if it was read.

    Every finding is reported, so that one never hides another.
    """
    recomputed = _record_hash(item)
    findings = list(_of_record(item, position, recomputed))
    stored = text_of(item, "record_hash")
    rebuilt = None
    if text_of(item, "content_hash") is not None and isinstance(position, int):
        rebuilt = full_fence(item, *chain, position)
    if fence_read:
        findings.extend(_of_fence(item, position, fence, rebuilt))
    trusted = fence if fence is not None and fence.holds and (rebuilt is None or fence.sealed) else None
    if rebuilt is not None and isinstance(position, int):
        chain_hash, link, sealed = rebuilt["chain_hash"]["S"], link_of(item, position), False
    elif trusted is not None:
        chain_hash, link, sealed = trusted.chain_hash, trusted.link, trusted.sealed
    else:
        chain_hash, link, sealed = None, None, False
    return Judgement(
        tuple(findings),
        stored or recomputed,
        chain_hash,
        link,
        sealed,
        covered=chain_hash is not None,
        hashed=stored is not None,
        link_is_sound=_is_sound(item if rebuilt is not None or trusted is None else trusted.item, link, position),
    )


def judge_unchained(item: Item, began_ms: int | None) -> Finding:
    """Judge a record of a chain's tenant that has no sequence number (FORMAT 9, `unchained_record`).

    One dispatched after the chain began is an alarm, an older one information, unless it carries a hash that only a
    record of a chain has: then its number was taken from it. `began_ms` is the earliest dispatch of a record that
    stands in the chain, epoch milliseconds; None where none stands, and nobody can tell.
    """
    written = moment_of(item, "dispatched_at")
    said = [dispatched_ms(item), None if written is None else written.epoch_ms]
    # where its two times disagree, the later one counts: neither is vouched for
    dispatched = max((moment for moment in said if moment is not None), default=None)
    return Finding(
        kind=FindingKind.UNCHAINED_RECORD,
        sequence_number=None,
        last_sequence_number=None,
        record_id=text_of(item, "id"),
        expected="a sequence number, as the records of the chain have",
        found=f"none, in a record dispatched at {text_of(item, 'dispatched_at')}",
        information=not any(name in item for name in HASH_FIELDS)
        and (began_ms is None or (dispatched is not None and dispatched <= began_ms)),
    )


def dispatched_ms(item: Item) -> int | None:
    """Return `dispatched_at_ms` as a whole number, or None."""
    return whole_number(item.get("dispatched_at_ms", {}).get("N"))


def _is_sound(item: Item, link: tuple[int, str] | None, position: Position) -> bool:
    """Whether `previous_chain_sequence` is absent where it would name the position before, or nothing (FORMAT 2)."""
    return "previous_chain_sequence" not in item or (link is not None and link[0] != position - 1)


def _of_record(item: Item, position: Position, recomputed: str | None) -> Iterator[Finding]:
    finding = partial(_finding, position, text_of(item, "id"))
    # a record that fences lead to has lost its place in the index; one without a chain never comes here
    lost = () if "sequence_number" in item else ("sequence_number is missing",)
    shape = (*shape_problems(item), *lost)
    if shape:
        yield finding(FindingKind.MALFORMED_RECORD, "a record as FORMAT 2 describes it", "; ".join(shape))
    for problem in source_problems(item):
        yield finding(FindingKind.FIELD_MISMATCH, "the value that its source gives", problem)
    stored = text_of(item, "record_hash")
    if stored is None:
        yield finding(FindingKind.MISSING_HASH, _named("record_hash", recomputed), "no record_hash")
    elif recomputed is not None and recomputed != stored:
        yield finding(FindingKind.CONTENT_MODIFIED, _named("record_hash", stored), _named("record_hash", recomputed))
    content = text_of(item, "content_hash")
    if content is not None and (now := _content_hash(item)) != content:
        yield finding(FindingKind.CONTENT_MODIFIED, _named("content_hash", content), _named("content_hash", now))


def _of_fence(item: Item, position: Position, fence: Fence | None, rebuilt: Item | None) -> Iterator[Finding]:
    finding = partial(_finding, position, text_of(item, "id"))
    if fence is None:
        yield finding(FindingKind.MISSING_FENCE, "the fence that was written with the record", "no fence")
    elif fence.state is FenceState.DAMAGED:
        yield finding(FindingKind.FENCE_MISMATCH, "a fence as FORMAT 5 describes it", "a damaged item")
    elif fence.state is FenceState.BARE:
        if rebuilt is not None:
            yield finding(FindingKind.FENCE_MISMATCH, "the full fence of a record with a content_hash", "a bare fence")
    else:
        if rebuilt is None and not fence.sealed:
            expected = _named("content_hash", fence.text("content_hash"))
            yield finding(FindingKind.MISSING_HASH, expected, "no content_hash")
        yield from _of_full_fence(item, position, fence, rebuilt)


def _of_full_fence(item: Item, position: Position, fence: Fence, rebuilt: Item | None) -> Iterator[Finding]:
    finding = partial(_finding, position, text_of(item, "id"))
    differing = _differing_copies(item, fence)
    if differing:
        yield finding(FindingKind.FENCE_MISMATCH, "copies of what the record says", f"other values: {differing}")
    if rebuilt is not None and fence.sealed:
        yield finding(FindingKind.FENCE_MISMATCH, "the fence that was written with the record", "one sealed later")
    if not fence.holds:
        found = _named("chain_hash", fence.chain_hash)
        yield finding(FindingKind.FENCE_MISMATCH, "the chain_hash of what the fence says", found)
        return
    for name, now in (("record_hash", _record_hash(item)), ("content_hash", _content_hash(item))):
        copied, own = fence.text(name), text_of(item, name)
        # where the record's own hash differs from its content, that was said already
        if now is not None and copied != now and own in {None, now}:
            expected, found = _named(f"{name} in the fence", copied), _named(f"{name} of the record", now)
            yield finding(FindingKind.CONTENT_MODIFIED, expected, found)


def _finding(
    position: Position, record_id: str | None, kind: FindingKind, expected: str | None, found: str | None
) -> Finding:
    return Finding(
        kind=kind,
        sequence_number=position,
        last_sequence_number=position,
        record_id=record_id,
        expected=expected,
        found=found,
    )


def _differing_copies(item: Item, fence: Fence) -> str:
    """Name what of a full fence differs from its record; hashes stripped from a record have their own finding."""
    names = _SEALED_COPIES if fence.sealed else COPIED_ATTRIBUTES
    differing = [name for name in names if fence.item.get(name) != item.get(name)]
    if not fence.sealed and "content_hash" not in item:
        differing = [name for name in differing if name in item]
    if fence.text("record_id") != text_of(item, "id"):
        differing.insert(0, "record_id")
    if fence.item.get("record_expires_at") != item.get("expires_at_ttl"):
        differing.append("record_expires_at")
    return ", ".join(differing)


def _record_hash(item: Item) -> str | None:
    try:
        return record_hash(item)
    except (RecordError, TimestampError):
        return None


def _content_hash(item: Item) -> str | None:
    try:
        return content_hash(item)
    except RecordError:
        return None


def _named(name: str, value: str | None) -> str | None:
    return None if value is None else f"{name} {value}"
