"""Where a chain goes on: finding its tip, and following it when another writer was faster (FORMAT 6.2, 6.4).

The sequence index is eventually consistent and open to intruders, so what it says is a hint that fences have to
confirm. Writing is done by `append`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.errors import ChainBlockedError, RecordError, TimestampError
from audit_core.fences import LOOK_BACK, Fence, FenceState, fences_at
from audit_core.hashing import record_hash
from audit_core.items import text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.retention import lived
from audit_core.schema import INDEX_SEQUENCE
from audit_core.table import KeyRange, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.items import Item
    from audit_core.retention import Lifetimes

__all__ = ["EMPTY", "Tip", "TipFinder", "sequence_range"]

MAX_SEQUENCE = 2**53
_HINTS_PER_PAGE = 10
_INDEX_WAIT_SECONDS = 60.0
_WINDOW = 100


@dataclass(frozen=True, slots=True)
class Tip:
    """The last position of a chain, and what the next record has to link to.

    `sequence_number` (int) is −1 for an empty chain. `record_hash` is None where the next record carries no
    `previous_hash`. `link` is position and `chain_hash` of the nearest full fence, or None (FORMAT 4).
    """

    sequence_number: int
    record_hash: str | None
    link: tuple[int, str] | None


EMPTY = Tip(-1, None, None)


class TipFinder:
    """Finds the tip of one chain.

    `local` tells an engine whose indexes never lag, so that nothing has to be waited for.
    """

    def __init__(self, table: Table, namespace: str, tenant: str, lifetimes: Lifetimes, *, local: bool) -> None:
        self._table = table
        self._namespace = namespace
        self._tenant = tenant
        self._chain = ns_tenant(namespace, tenant)
        self._lifetimes = lifetimes
        self._local = local

    def find(self) -> Tip:
        """Find the tip from the table alone (FORMAT 6.2). Raises `ChainBlockedError`, `EngineError`."""
        position = self._hinted()
        if position < 0:
            position = self._last_from_start()
        if position < 0:
            return EMPTY
        position = self._last_from(position)
        if len(self._records_at(position)) > 1:
            message = (
                f"Two records claim position {position} of {self._chain}, so nothing says which one the next has to "
                "link to; verify the chain, then order it on past the position by `pass-over`."
            )
            raise ChainBlockedError(message, position)
        return self._resolve(position, self._look_back(position), link=None)

    def past(self, position: int) -> Tip:
        """Return the tip behind a position that blocks the chain: what follows carries no `previous_hash` (FORMAT 6.4).

        Raises `EngineError`.
        """
        position = self._last_from(position)
        full = [fence for fence in self._look_back(position).values() if fence.holds]
        nearest = max(full, key=lambda fence: fence.sequence_number, default=None)
        link = None if nearest is None else (nearest.sequence_number, str(nearest.chain_hash))
        return Tip(position, None, link)

    def _last_from(self, position: int) -> int:
        """Return the last position with a fence from one on, behind which a hundred have none (FORMAT 6.2)."""
        while ahead := self.fences(_behind(position)):
            position = max(ahead)
        return position

    def _look_back(self, position: int) -> dict[int, Fence]:
        return self.fences(range(max(0, position - LOOK_BACK + 1), position + 1))

    def follow(self, tip: Tip, taken: Iterable[Fence], span: int = 0) -> Tip:
        """Go on from fences that were found taken behind `tip`, and from up to `span` positions more (FORMAT 6.4).

        The last fence decides; a full one costs no read. The engine need not name every fence that was in the way, so
        what lies before the last is read where it was not named. Raises `ChainBlockedError`, `EngineError`.
        """
        fences = {fence.sequence_number: fence for fence in taken}
        last = max(fences)
        unknown = set(range(tip.sequence_number + 1, last + 1 + span)) - fences.keys()
        if unknown:
            fences |= self.fences(sorted(unknown))
        # a fence that does not say what to link to matters only where nobody has gone on past it
        while not fences[max(fences)].holds and (ahead := self.fences(_behind(max(fences)))):
            fences |= ahead
        return self._resolve(max(fences), fences, link=tip.link)

    def ahead(self, tip: Tip, position: int) -> Tip:
        """Go on from a position further on, if a full fence there says what to link to. Raises `EngineError`."""
        if position <= tip.sequence_number:
            return tip
        fence = self.fences([position]).get(position)
        return tip if fence is None or not fence.holds else self._resolve(position, {position: fence}, link=None)

    def fences(self, positions: Iterable[int]) -> dict[int, Fence]:
        """Read the fences of positions, consistently; those that lack are left out."""
        return fences_at(self._table, self._namespace, self._tenant, positions)[0]

    def _resolve(self, position: int, fences: dict[int, Fence], link: tuple[int, str] | None) -> Tip:
        """Make the tip of the fence at `position`; `link` is what was known before the fences given."""
        last = fences[position]
        if last.state is FenceState.DAMAGED or (last.state is FenceState.FULL and not last.holds):
            message = (
                f"The item under the fence's id at position {position} of {self._chain} is no fence that can be "
                "trusted, so the chain cannot be continued from it; verify the chain, then order it on past the "
                "position by `pass-over`."
            )
            raise ChainBlockedError(message, position)
        full = [fence.sequence_number for fence in fences.values() if fence.holds]
        if full:
            nearest = fences[max(full)]
            link = (nearest.sequence_number, str(nearest.chain_hash))
        if last.state is FenceState.FULL:
            return Tip(position, last.text("record_hash"), link)
        return Tip(position, self._hash_of_bare(position), link)

    def _hash_of_bare(self, position: int) -> str | None:
        """Return the `record_hash` of a bare tip's record, or None where TTL explains that it is gone (FORMAT 6.4)."""
        clock = self._table.clock
        give_up = clock.monotonic() + (0.2 if self._local else _INDEX_WAIT_SECONDS)
        wait = 0.05
        while True:
            records = self._records_at(position)
            if records or clock.monotonic() >= give_up:
                break
            clock.sleep(wait)
            wait = min(2 * wait, 5.0)
        if len(records) == 1 and _hash_holds(records[0]):
            return text_of(records[0], "record_hash")
        if not records and self._gone_by_ttl(position):
            return None
        what = "the record there does not match its hash" if len(records) == 1 else "two records claim it"
        if not records:
            what = "its record cannot be found, and no lifetime explains that it is gone"
        message = (
            f"Position {position} of {self._chain} was taken by another writer, but {what}; verify the chain, "
            "then order it on past the position by `pass-over`."
        )
        raise ChainBlockedError(message, position)

    def _gone_by_ttl(self, position: int) -> bool:
        below = KeyRange(INDEX_SEQUENCE, "ns_tenant", self._chain, "sequence_number", last=str(position - 1))
        answer = self._table.query(below, limit=1, forward=False)
        if not answer.items:
            return True
        found = [lived(item) for item in answer.items]
        return self._lifetimes.explain(found[0], found, answer.at)

    def _hinted(self) -> int:
        """Return the highest position that the index names and fences confirm, or −1 (FORMAT 6.2)."""
        start: Item | None = None
        while True:
            page = self._table.query(
                KeyRange(INDEX_SEQUENCE, "ns_tenant", self._chain, "sequence_number"),
                limit=_HINTS_PER_PAGE,
                forward=False,
                start=start,
            )
            for item in page.items:
                position = whole_number(item.get("sequence_number", {}).get("N"))
                if position is not None and 0 <= position < MAX_SEQUENCE and self._confirmed(position, item):
                    return position
            start = page.last_key
            if start is None:
                return -1

    def _confirmed(self, position: int, item: Item) -> bool:
        if not _hash_holds(item):
            return False
        below = range(max(0, position - LOOK_BACK), position)
        fences = self.fences((*below, position))
        own = fences.pop(position, None)
        if own is None or own.state is FenceState.DAMAGED:
            return False
        named = own.state is FenceState.BARE or own.text("record_id") == text_of(item, "id")
        return named and (len(fences) * 2 > len(below) or not below)

    def _last_from_start(self) -> int:
        """Return the last position with a fence, galloping from the start in windows of a hundred, or −1."""
        known = self.fences(range(_WINDOW))
        if not known:
            return -1
        low, high = 0, 1
        while found := self.fences(_window(high)):
            known, low, high = found, high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            found = self.fences(_window(middle))
            if found:
                known, low = found, middle
            else:
                high = middle
        return max(known)

    def _records_at(self, position: int) -> tuple[Item, ...]:
        return self._table.query(sequence_range(self._chain, position, position), limit=2).items


def sequence_range(chain: str, first: int | None, last: int | None) -> KeyRange:
    """Return the part of the sequence index from `first` to `last`, inclusive, of a chain (`ns_tenant`)."""
    return KeyRange(
        INDEX_SEQUENCE,
        "ns_tenant",
        chain,
        "sequence_number",
        None if first is None else str(first),
        None if last is None else str(last),
    )


def _behind(position: int) -> range:
    return range(position + 1, position + 1 + LOOK_BACK)


def _window(number: int) -> range:
    return range(number * _WINDOW, (number + 1) * _WINDOW)


def _hash_holds(item: Item) -> bool:
    try:
        return record_hash(item) == text_of(item, "record_hash")
    except (RecordError, TimestampError):
        return False
