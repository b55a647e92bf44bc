"""What can be said of one position, of its records and its fence, without looking at its neighbours (FORMAT 9).

Pure functions over typed items, so that positions can be judged in any order, and by other processes. What those
before and after call for is judged by `verifier`, which needs no more of a position than its `Standing`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from audit_core.chain.findings import Finding, FindingKind, Position
from audit_core.errors import RecordError, TimestampError
from audit_core.fences import COPIED_ATTRIBUTES, Fence, FenceState, link_of, rebuilt_chain_hash
from audit_core.hashing import content_hash, record_hash
from audit_core.items import HASH_FIELDS, INTENT, shape_problems, source_problems, text_of, whole_number
from audit_core.retention import Lived, lived, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audit_core.items import Item

__all__ = ["Judgement", "Standing", "judge_record", "judge_standing", "judge_unchained"]

_SEALED_COPIES = ("record_hash", "previous_hash")
"""What a sealed fence copies; its link is its own (FORMAT 5)."""


class Judgement(NamedTuple):
    """A standing record as its own evidence shows it; a tuple, since a verification makes one of every record.

    `record_hash` is the stored one, or the recomputed where none is stored. `chain_hash` is that of its full fence,
    rebuilt or read; None when the position is not full. `link` is what the position links back to; `sealed` says that
    its fence was made full later; `hashed` that a `record_hash` vouches for the record; `sound` that the link is
    written as FORMAT 2 calls for.
    """

    findings: tuple[Finding, ...]
    record_hash: str | None
    chain_hash: str | None
    link: tuple[int, str] | None
    sealed: bool
    hashed: bool
    sound: bool


class Standing(NamedTuple):
    """A position that records stand at, as far as those before and after it depend on it.

    `record_id`, `previous_hash`, `lived` and what follows `link` are those of the record that the fence names, else of
    the first; fields as in `Judgement`. `hashes` are the `record_hash`es that the next position may name; `by_fence`
    says that the record alone could not rebuild the fence, `bare` whether the fence is bare (None: it was not read).
    `actions` are action id, whether it is an intent, and record id, of each record; `began_ms` is the earliest
    dispatch; `placed` are the ids of records that only a fence led to.
    """

    position: int
    records: int
    first_id: str | None
    last_id: str | None
    record_id: str | None
    findings: tuple[Finding, ...]
    previous_hash: str | None
    hashes: tuple[str, ...]
    chain_hash: str | None
    link: tuple[int, str] | None
    sealed: bool
    hashed: bool
    sound: bool
    by_fence: bool
    bare: bool | None
    lived: Lived
    began_ms: int | None
    actions: tuple[tuple[str, bool, str | None], ...]
    placed: tuple[str | None, ...]


def judge_standing(
    position: int, records: Sequence[Item], chain: tuple[str, str], fence: Fence | None, *, fence_read: bool
) -> Standing:
    """Judge a position of `chain` (namespace, tenant) that one record stands at, or several.

    `fence` (None: there is none) counts only if it was read.
    """
    judged = [judge_record(item, position, chain, fence, fence_read=fence_read) for item in records]
    number = 0 if len(records) == 1 else _chosen(records, fence)
    chosen, own = records[number], judged[number]
    record_id = text_of(chosen, "id")
    if len(records) == 1:
        findings, first_id, last_id = own.findings, record_id, record_id
    else:
        ids = [text_of(item, "id") for item in records]
        first_id, last_id = ids[0], ids[-1]
        expected = (None if fence is None else fence.text("record_id")) or "one record"
        found = ", ".join(one or "?" for one in ids)
        fork = _finding(position, record_id, FindingKind.DUPLICATE_SEQUENCE, expected, found)
        findings = (*(finding for judgement in judged for finding in judgement.findings), fork)
    return Standing(
        position,
        len(records),
        first_id,
        last_id,
        record_id,
        findings,
        text_of(chosen, "previous_hash"),
        tuple(judgement.record_hash for judgement in judged if judgement.record_hash),
        own.chain_hash,
        own.link,
        own.sealed,
        own.hashed,
        own.sound,
        "content_hash" not in chosen,
        None if not fence_read else fence is not None and fence.state is FenceState.BARE,
        lived(chosen),
        min((moment for item in records if (moment := _dispatched_ms(item)) is not None), default=None),
        tuple(
            (text_of(item, "action_id") or "", text_of(item, "outcome") == INTENT, text_of(item, "id"))
            for item in records
        ),
        tuple(text_of(item, "id") for item in records if "sequence_number" not in item),
    )


def judge_record(
    item: Item, position: Position, chain: tuple[str, str], fence: Fence | None, *, fence_read: bool
) -> Judgement:
    """Judge a record at `position` of `chain` (namespace, tenant); `fence` counts only if it was read.

    Every finding is reported, so that one never hides another.
    """
    recomputed = _record_hash(item)
    stored = text_of(item, "record_hash")
    findings = _of_record(item, position, stored, recomputed)
    linked, link, chain_hash, sealed = item, None, None, False
    if isinstance(position, int) and text_of(item, "content_hash") is not None and "id" in item:
        chain_hash, link = rebuilt_chain_hash(item, *chain, position), link_of(item, position)
    if fence_read:
        findings.extend(_of_fence(item, position, fence, chain_hash))
    if chain_hash is None and fence is not None and fence.holds:
        linked, link, chain_hash, sealed = fence.item, fence.link, fence.chain_hash, fence.sealed
    sound = _is_sound(linked, link, position)
    return Judgement(tuple(findings), stored or recomputed, chain_hash, link, sealed, stored is not None, sound)


def judge_unchained(item: Item, began_ms: int | None) -> Finding:
    """Judge a record of a chain's tenant that has no sequence number (FORMAT 9, `unchained_record`).

    One dispatched after the chain began is an alarm, an older one information, unless it carries a hash that only a
    record of a chain has: then its number was taken from it. `began_ms` is the earliest dispatch of a record that
    stands in the chain, epoch milliseconds; None where none stands, and nobody can tell.
    """
    written = moment_of(item, "dispatched_at")
    said = [_dispatched_ms(item), None if written is None else written.epoch_ms]
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


def _chosen(records: Sequence[Item], fence: Fence | None) -> int:
    """Return which of several records at one position the fence names; the first where it names none."""
    named = fence.text("record_id") if fence is not None else None
    return next((number for number, item in enumerate(records) if text_of(item, "id") == named), 0)


def _dispatched_ms(item: Item) -> int | None:
    return whole_number(item.get("dispatched_at_ms", {}).get("N"))


def _is_sound(item: Item, link: tuple[int, str] | None, position: Position) -> bool:
    """Whether `previous_chain_sequence` is absent where it would name the position before, or nothing (FORMAT 2)."""
    return "previous_chain_sequence" not in item or (link is not None and link[0] != position - 1)


def _of_record(item: Item, position: Position, stored: str | None, recomputed: str | None) -> list[Finding]:
    findings: list[Finding] = []

    def find(kind: FindingKind, expected: str | None, found: str | None) -> None:
        findings.append(_finding(position, text_of(item, "id"), kind, expected, found))

    shape = shape_problems(item)
    # a record that fences lead to has lost its place in the index; one without a chain never comes here
    if shape or "sequence_number" not in item:
        lost = () if "sequence_number" in item else ("sequence_number is missing",)
        find(FindingKind.MALFORMED_RECORD, "a record as FORMAT 2 describes it", "; ".join((*shape, *lost)))
    for problem in source_problems(item):
        find(FindingKind.FIELD_MISMATCH, "the value that its source gives", problem)
    if stored is None:
        find(FindingKind.MISSING_HASH, _named("record_hash", recomputed), "no record_hash")
    elif recomputed is not None and recomputed != stored:
        find(FindingKind.CONTENT_MODIFIED, _named("record_hash", stored), _named("record_hash", recomputed))
    content = text_of(item, "content_hash")
    if content is not None and (now := _content_hash(item)) != content:
        find(FindingKind.CONTENT_MODIFIED, _named("content_hash", content), _named("content_hash", now))
    return findings


def _of_fence(item: Item, position: Position, fence: Fence | None, rebuilt: str | None) -> Iterator[Finding]:
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


def _of_full_fence(item: Item, position: Position, fence: Fence, rebuilt: str | None) -> Iterator[Finding]:
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
