"""The short way to judge a record that is in order, as nearly all are: a fourth of the time of `judge`, and no finding.

It looks for nothing but reasons to send a record the long way: whatever is not exactly as this package or an Acteon
server writes it goes there, and is judged there. So a rule stands here twice only where leaving it out would let
something pass. Pure; the tests hold what it says to what `judge` says.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, Struct, UnsetType

from audit_core.chain.judge import Standing
from audit_core.fences import FenceState, fence_id
from audit_core.items import INTENT, MAX_NUMBER_DIGITS
from audit_core.retention import Lived
from audit_core.timestamps import NANOS_PER_MILLI, NANOS_PER_SECOND, normalised_nanos

if TYPE_CHECKING:
    from audit_core.fences import Fence
    from audit_core.jsonwire import UnreadItem

__all__ = ["SoundItem", "read_sound", "sound_position", "sound_standing"]


class _S(Struct, forbid_unknown_fields=True, gc=False):
    """A text."""

    S: str


class _N(Struct, forbid_unknown_fields=True, gc=False):
    """A number, as its text."""

    N: str


class _True(Struct, gc=False):
    """The flag of a fence."""

    BOOL: bool = True


class SoundItem(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A record with the attributes of FORMAT 2 and no others, each of its type.

    They stand in the order of their names, so that it is written in its canonical form (FORMAT 4). A link that names
    its position is rare and has rules of its own, so `previous_chain_sequence` is none of them.
    """

    action_id: _S
    action_payload: _S | UnsetType = UNSET
    action_type: _S
    attachment_metadata: _S | UnsetType = UNSET
    auth_method: _S
    caller_id: _S
    canonical_hash: _S | UnsetType = UNSET
    chain_id: _S | UnsetType = UNSET
    completed_at: _S
    content_hash: _S | UnsetType = UNSET
    dispatched_at: _S
    dispatched_at_ms: _N
    duration_ms: _N
    expires_at: _S | UnsetType = UNSET
    expires_at_ttl: _N | UnsetType = UNSET
    id: _S
    kid: _S | UnsetType = UNSET
    matched_rule: _S | UnsetType = UNSET
    metadata: _S
    namespace: _S
    ns_tenant: _S
    outcome: _S
    outcome_details: _S
    previous_chain_hash: _S | UnsetType = UNSET
    previous_hash: _S | UnsetType = UNSET
    provider: _S
    record_hash: _S
    sequence_number: _N
    signature: _S | UnsetType = UNSET
    signer_id: _S | UnsetType = UNSET
    tenant: _S
    verdict: _S
    verdict_details: _S


class _Hashed(Struct, gc=False):
    """What is under a `record_hash`, in the order in which it is hashed (FORMAT 3)."""

    action_id: str
    action_type: str
    dispatched_at: str
    id: str
    namespace: str
    outcome: str
    previous_hash: str | None
    provider: str
    tenant: str
    verdict: str


class _FullFence(Struct, gc=False):
    """What is under a `chain_hash`, in the order in which it is hashed (FORMAT 4)."""

    fence: _True = msgspec.field(name="_fence")
    content_hash: _S
    id: _S
    previous_chain_hash: _S | UnsetType
    previous_hash: _S | UnsetType
    record_expires_at: _N | UnsetType
    record_hash: _S
    record_id: _S


_FENCE = _True()
_read = msgspec.json.Decoder(SoundItem).decode
_written = msgspec.json.Encoder().encode
"""Escapes as RFC 8785 does."""


def read_sound(unread: UnreadItem) -> SoundItem | None:
    """Read an item that may be in order; None for one that has to go the long way."""
    if isinstance(unread, dict):
        return None
    try:
        return _read(unread)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def sound_position(item: SoundItem) -> int | None:
    """Return a record's sequence number; None for one that has to go the long way."""
    text = item.sequence_number.N
    return int(text) if _is_whole(text) else None


def sound_standing(
    position: int, item: SoundItem, chain: tuple[str, str], fence: Fence | None, *, fence_read: bool
) -> Standing | None:
    """Return what `judge.judge_standing` says of a position with one record that is in order; None says nothing.

    `fence` counts only if it was read: then it has to be bare, and the record without a `content_hash`.
    """
    bare = fence is not None and fence.state is FenceState.BARE
    content = item.content_hash
    if (content is not UNSET) is fence_read or bare is not fence_read:
        return None
    record_id, dispatched_at = item.id.S, item.dispatched_at.S
    began = normalised_nanos(dispatched_at)
    lived = _lived(item, began)
    previous = None if item.previous_hash is UNSET else item.previous_hash.S
    linked = None if item.previous_chain_hash is UNSET else item.previous_chain_hash.S
    namespace, tenant, action_id, outcome = item.namespace.S, item.tenant.S, item.action_id.S, item.outcome.S
    if (
        began is None
        or lived is None
        or normalised_nanos(item.completed_at.S) is None
        or str(began_ms := began // NANOS_PER_MILLI) != item.dispatched_at_ms.N
        or f"{namespace}#{tenant}" != item.ns_tenant.S
        or not _is_whole(item.duration_ms.N)
        or previous == ""
        or linked == ""
    ):
        return None
    hashed = _Hashed(
        action_id,
        item.action_type.S,
        dispatched_at,
        record_id,
        namespace,
        outcome,
        previous,
        item.provider.S,
        tenant,
        item.verdict.S,
    )
    record_hash = item.record_hash.S
    if hashlib.sha256(_written(hashed)).hexdigest() != record_hash:
        return None
    chain_hash = link = None
    if content is not UNSET:
        item.content_hash = UNSET
        whole = _written(item)
        item.content_hash = content
        if hashlib.sha256(whole).hexdigest() != content.S:
            return None
        expires, own_id = item.expires_at_ttl, _S(fence_id(*chain, position))
        full = _FullFence(
            _FENCE, content, own_id, item.previous_chain_hash, item.previous_hash, expires, item.record_hash, item.id
        )
        chain_hash = hashlib.sha256(_written(full)).hexdigest()
        link = None if linked is None else (position - 1, linked)
    return Standing(
        position,
        records=1,
        first_id=record_id,
        last_id=record_id,
        record_id=record_id,
        findings=(),
        previous_hash=previous,
        hashes=(record_hash,),
        chain_hash=chain_hash,
        link=link,
        sealed=False,
        hashed=True,
        sound=True,
        by_fence=chain_hash is None,
        bare=True if chain_hash is None else None,
        lived=lived,
        began_ms=began_ms,
        actions=((action_id, outcome == INTENT, record_id),),
        placed=(),
    )


def _lived(item: SoundItem, began: int | None) -> Lived | None:
    """Return a record's lifetime, None where its times do not agree."""
    if item.expires_at is UNSET or item.expires_at_ttl is UNSET:
        return Lived(began, None) if item.expires_at is item.expires_at_ttl else None
    expires = normalised_nanos(item.expires_at.S)
    if began is None or expires is None or str(expires // NANOS_PER_SECOND) != item.expires_at_ttl.N:
        return None
    return Lived(began, max(0, expires - began))


def _is_whole(number: str) -> bool:
    return number.isdecimal() and number.isascii() and len(number) <= MAX_NUMBER_DIGITS
