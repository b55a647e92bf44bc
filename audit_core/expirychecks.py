"""Expiries that do not say what they said when the record was written: what one record, with its fence, tells of that.

Pure functions. A record's own two expiry attributes are compared, its content with its `content_hash`, and its expiry
with the copy in its fence (FORMAT 2, 4, 5). Somebody who rewrote record and fence together is for verification to find.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from audit_core.errors import RecordError, TimestampError
from audit_core.fences import FenceState
from audit_core.hashing import content_hash
from audit_core.items import text_of, whole_number
from audit_core.retention import moment_of

if TYPE_CHECKING:
    from audit_core.fences import Fence
    from audit_core.items import Item

__all__ = ["ExpiryDoubt", "doubt_with_fence", "expiry_doubt"]


class ExpiryDoubt(enum.Enum):
    """Why an expiry is not to be taken for what was written."""

    TTL_REMOVED = "the attribute that DynamoDB acts on is gone, so the record never goes"
    TIME_REMOVED = "the attribute that DynamoDB acts on stands alone: the expiry itself is gone"
    CHANGED = "the attribute that DynamoDB acts on is not the expiry"
    FENCE_SAYS_OTHERWISE = "the fence, written with it, says another expiry"
    CONTENT_CHANGED = "the record was changed after it was written; its expiry may be what was changed"


def expiry_doubt(item: Item) -> ExpiryDoubt | None:
    """Return what a typed record tells of its expiry by itself, None where nothing speaks against it."""
    time, ttl = "expires_at" in item, "expires_at_ttl" in item
    if time and not ttl:
        return ExpiryDoubt.TTL_REMOVED
    if ttl and not time:
        return ExpiryDoubt.TIME_REMOVED
    moment = moment_of(item, "expires_at")
    if time and (moment is None or whole_number(item["expires_at_ttl"].get("N")) != moment.epoch_seconds):
        return ExpiryDoubt.CHANGED
    stored = text_of(item, "content_hash")
    return ExpiryDoubt.CONTENT_CHANGED if stored is not None and stored != _content_hash(item) else None


def doubt_with_fence(doubt: ExpiryDoubt, item: Item, fence: Fence | None) -> ExpiryDoubt | None:
    """Return what is left of a doubt once the record's fence was read (None: the expiry is what it was).

    A fence that is bare, damaged or gone says nothing.
    """
    told = fence is not None and fence.state is FenceState.FULL and fence.holds
    if doubt is not ExpiryDoubt.CONTENT_CHANGED or fence is None or not told:
        return doubt
    same = fence.number("record_expires_at") == whole_number(item.get("expires_at_ttl", {}).get("N"))
    return None if same else ExpiryDoubt.FENCE_SAYS_OTHERWISE


def _content_hash(item: Item) -> str | None:
    try:
        return content_hash(item)
    except (RecordError, TimestampError):
        return None
