"""What was truly written to a chain beside what its table holds now, and what a verification owes to the difference.

The ledger knows each record and fence as its writer or a sealing left it, and whether its expiry has passed. From that
alone it tells what a verification must find (FORMAT 9), what it must not claim, and what only a checkpoint kept outside
can show. Where it cannot tell for certain it demands nothing: a second opinion judges the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audit_core.fences import fence_id
from tests.innocence import Positions, link
from tests.tables import record_hash_of, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = dict[str, dict[str, Any]]

GONE = frozenset(("missing_record", "truncated_tail", "skipped_sequence"))
UNPROVEN = frozenset(("expired_unproven",))


@dataclass(frozen=True, slots=True)
class Debt:
    """One of `kinds` (empty: any that breaks the chain) must be found at a position from `first` to `last`."""

    first: int
    last: int
    kinds: frozenset[str] = frozenset()


@dataclass(slots=True)
class Ledger:
    """`records` and `fences` are as they were written, `table` holds every item of the chain by its id.

    `now` and `old` are epoch seconds: the present, and when what stands next to a gap has to have been dispatched for
    lifetimes to explain the gap.
    """

    names: tuple[str, str]
    now: int
    old: int
    records: dict[int, Item] = field(default_factory=dict)
    fences: dict[int, Item] = field(default_factory=dict)
    table: dict[str, Item] = field(default_factory=dict)

    # -- what there is

    @property
    def last(self) -> int:
        """The last position that was written, −1 where there is none."""
        return max(self.fences, default=-1)

    def write(self, number: int, record: Item, fence: Item) -> None:
        """Note what a writer put; what was cut off behind it is forgotten."""
        for later in [place for place in self.fences if place > number and not self.seen(place)]:
            del self.fences[later], self.records[later]
        self.records[number], self.fences[number] = record, fence
        self.put(record, fence)

    def put(self, *items: Item) -> None:
        self.table |= {item["id"]["S"]: item for item in items}

    def fence(self, number: int) -> Item | None:
        return self.table.get(fence_id(*self.names, number))

    def standing(self, number: int) -> list[Item]:
        """The records that stand at a position."""
        return self.all_standing().get(number, [])

    def all_standing(self) -> dict[int, list[Item]]:
        found: dict[int, list[Item]] = {}
        for item in self.table.values():
            if "sequence_number" in item:
                found.setdefault(int(item["sequence_number"]["N"]), []).append(item)
        return found

    def unchained(self) -> list[Item]:
        return [item for item in self.table.values() if "_fence" not in item and "sequence_number" not in item]

    def seen(self, number: int) -> bool:
        return self.fence(number) is not None or bool(self.standing(number))

    def has_expired(self, number: int) -> bool:
        return int(self.records[number].get("expires_at_ttl", {"N": str(self.now)})["N"]) < self.now

    def positions(self) -> Positions:
        """The chain as its table shows it, for one that is innocent."""
        last = max((number for number in self.fences if self.seen(number)), default=-1)
        records = self.all_standing()
        return {number: (records.get(number, [None])[0], self.fence(number)) for number in range(last + 1)}

    @property
    def cut(self) -> bool:
        """Whether the last positions are gone with their fences."""
        return self.last >= 0 and not self.seen(self.last)

    # -- differences

    def differences(self) -> set[int]:
        """Positions that are not as they were written, nor expired; a cut tail is none that can be seen.

        What was written behind something forged, that a sealing made good since, does not fit either.
        """
        records = self.all_standing()
        last = max((number for number in self.fences if self.seen(number)), default=-1)
        differing = {number for number, found in records.items() if found != [self.records.get(number)]}
        for number in range(last + 1):
            unlike = self.fence(number) != self.fences[number]
            if unlike or not self.fits(number) or (number not in records and not self.has_expired(number)):
                differing.add(number)
        return differing

    def fits(self, number: int) -> bool:
        """Whether what was written names what was written before."""
        record, fence = self.records[number], self.fences[number]
        before = self.records.get(number - 1, {}).get("record_hash")
        named = link(number, fence) if "chain_hash" in fence else None
        links = named is None or fence["previous_chain_hash"] == self.fences.get(named, {}).get("chain_hash")
        return links and record.get("previous_hash", before) == before

    @property
    def untouched(self) -> bool:
        return not self.differences() and not self.unchained()

    def speaks_true(self, number: int, records: Mapping[int, list[Item]]) -> bool:
        """Whether what tells this position's links is as it was written."""
        record, fence = self.records[number], self.fences[number]
        if "content_hash" in record and number in records:
            return records[number] == [record]
        return self.fence(number) == fence and records.get(number, [record]) == [record]

    def vouched(self, records: Mapping[int, list[Item]]) -> dict[int, int]:
        """Positions that a full one as it was written links back to by their true `chain_hash`, and which one does."""
        by: dict[int, int] = {}
        for number, fence in self.fences.items():
            named = link(number, fence) if "chain_hash" in fence else None
            if named is None or not self.speaks_true(number, records):
                continue
            if self.fences.get(named, {}).get("chain_hash") == fence["previous_chain_hash"]:
                by[named] = number
        return by

    # -- what a verification owes

    def debts(self, *, thorough: bool) -> list[Debt]:
        """What must be found."""
        records = self.all_standing()
        vouched = self.vouched(records)
        last = max((number for number in self.fences if self.seen(number)), default=-1)
        owed = [debt for number in range(last + 1) for debt in self._owed_at(number, records, vouched)]
        for number, found in records.items():
            if len(found) > 1:
                owed.append(Debt(number, number, frozenset(("duplicate_sequence",))))
            elif not own_hashes_hold(found[0]):
                owed.append(Debt(number, number, frozenset(("content_modified",))))
            elif found == [self.records.get(number)]:
                owed.extend(self._owed_of_fence(number, found[0], read=thorough or number == max(records)))
        return owed

    def _owed_at(self, number: int, records: Mapping[int, list[Item]], vouched: Mapping[int, int]) -> list[Debt]:
        owed = []
        record, fence = self.records[number], self.fence(number)
        unlike = fence != self.fences[number]
        stands = number in records
        rebuilds = stands and "content_hash" in record
        if number in vouched and ((stands and records[number] != [record]) or (unlike and not rebuilds)):
            owed.append(Debt(number, vouched[number]))
        may_start_at_one = number == 0 and 1 not in records and set(self.fence(1) or {}) == {"id", "_fence"}
        if not stands and fence is None and not may_start_at_one:
            owed.append(Debt(number, number, GONE))
        elif not stands and fence is not None and not unlike and not self.has_expired(number):
            told = "chain_hash" in fence or not self.explained(number, records)
            owed.append(Debt(number, number, GONE if told else GONE | UNPROVEN))
        follow = self.records.get(number + 1, {})
        if (
            stands
            and len(records[number]) == 1
            and records.get(number + 1) == [follow]
            and follow.get("previous_hash") == record["record_hash"] != records[number][0].get("record_hash")
        ):
            owed.append(Debt(number, number + 1))
        return owed

    def _owed_of_fence(self, number: int, record: Item, *, read: bool) -> list[Debt]:
        fence = self.fence(number)
        if not (read or "content_hash" not in record) or fence == self.fences[number]:
            return []
        if fence is None:
            return [Debt(number, number, frozenset(("missing_fence",)))]
        return [Debt(number, number, frozenset(("fence_mismatch",)))] if "content_hash" in record else []

    def explained(self, number: int, records: Mapping[int, list[Item]]) -> bool:
        """Whether lifetimes explain that a record whose fence is bare is gone: the shortest is over by now."""
        before = max((place for place in records if place < number), default=None)
        return before is None or int(records[before][0]["dispatched_at_ms"]["N"]) < self.old * 1000

    # -- what a verification must not claim

    def may_be_called_expired(self) -> set[int]:
        """Positions whose expiry has passed, and those where only a checkpoint tells a forged one."""
        records = self.all_standing()
        vouched = self.vouched(records)
        return {
            number
            for number, fence in self.fences.items()
            if number not in records
            and (self.has_expired(number) or (self.fence(number) != fence and number not in vouched))
        }


def own_hashes_hold(item: Item) -> bool:
    if item.get("record_hash") != {"S": record_hash_of(item)}:
        return False
    return "content_hash" not in item or item["content_hash"] == {"S": sha256_of(item, "content_hash")}
