"""A second opinion on one chain: FORMAT.md read aloud, for a sceptical auditor to hold beside it.

Slow and plain on purpose. Everything that a table holds is given as one dictionary of typed items and kept in memory;
each position is judged by asking the same few questions of it; no code of the package is used, so that a mistake there
is not repeated here. A finding is (kind, first, last), runs of neighbouring positions being one. Not here: the reading
of a live table, `checkpoint_mismatch`, and words for people.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from bisect import bisect_left
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Item = dict[str, Any]
Position = int | Decimal | None
Finding = tuple[str, Position, Position]

INFORMATION = {"expired", "coverage_lost", "lone_intent"}
REQUIRED = {
    **dict.fromkeys(("id", "action_id", "namespace", "tenant", "provider", "action_type", "verdict", "outcome"), "S"),
    **dict.fromkeys(("ns_tenant", "dispatched_at", "completed_at", "caller_id", "auth_method"), "S"),
    **dict.fromkeys(("verdict_details", "outcome_details", "metadata"), "S"),
    **dict.fromkeys(("dispatched_at_ms", "duration_ms", "sequence_number"), "N"),
}
OPTIONAL = {
    **dict.fromkeys(("action_payload", "chain_id", "matched_rule", "signature", "signer_id", "kid"), "S"),
    **dict.fromkeys(("canonical_hash", "attachment_metadata", "expires_at"), "S"),
    **dict.fromkeys(("record_hash", "previous_hash", "content_hash", "previous_chain_hash"), "S"),
    **dict.fromkeys(("expires_at_ttl", "previous_chain_sequence"), "N"),
}
HASHES = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash")
HASHED = ("action_id", "action_type", "dispatched_at", "id", "namespace", "outcome", "provider", "tenant", "verdict")
COPIES = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash", "previous_chain_sequence")
LOOK_BACK = 100  # FORMAT 4 and 9: a hundred positions
HEX = re.compile(r"[0-9a-f]{64}")
HEX_OR_GENESIS = re.compile(r"[0-9a-f]{64}|genesis")
RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


# ---- values of an item


def text(item: Item | None, name: str) -> str | None:
    value = (item or {}).get(name)
    return value["S"] if isinstance(value, dict) and set(value) == {"S"} else None


def number(item: Item | None, name: str) -> int | Decimal | None:
    value = (item or {}).get(name)
    if not isinstance(value, dict) or set(value) != {"N"}:
        return None
    exact = Decimal(value["N"])
    return int(exact) if exact == exact.to_integral_value() else exact


# ---- time, FORMAT 3.1


@dataclass(frozen=True)
class Moment:
    minute: int  # since 1970, UTC
    second: int  # 0 to 60
    nanosecond: int

    @property
    def nanoseconds(self) -> int:
        return (self.minute * 60 + self.second) * 10**9 + self.nanosecond

    @property
    def ttl(self) -> int:
        return self.minute * 60 + min(self.second, 59)

    def normal(self) -> str:
        days, minute = divmod(self.minute, 1440)
        year, month, day = civil(days)
        digits = f"{self.nanosecond:09d}"
        while digits.endswith("000"):
            digits = digits[:-3]
        clock = f"{minute // 60:02d}:{minute % 60:02d}:{self.second:02d}"
        return f"{year:04d}-{month:02d}-{day:02d}T{clock}{'.' if digits else ''}{digits}+00:00"


def month_lengths(year: int) -> list[int]:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def days_before_year(year: int) -> int:
    """Days from 0000-01-01 to the first of January of a year from 0 on."""
    past = year - 1
    return 365 * year + (past // 4 - past // 100 + past // 400 + 1)


def civil(days_since_1970: int) -> tuple[int, int, int]:
    days = days_since_1970 + days_before_year(1970)
    year = days // 366
    while days_before_year(year + 1) <= days:
        year += 1
    day = days - days_before_year(year)
    for month, length in enumerate(month_lengths(year), 1):
        if day < length:
            return year, month, day + 1
        day -= length
    raise AssertionError


def moment(written: str | None) -> Moment | None:
    match = RFC3339.fullmatch(written or "")
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, offset_hour, offset_minute = match.groups()[6:]
    offset = int(offset_hour or 0) * 60 + int(offset_minute or 0)
    if not (1 <= month <= 12 and 1 <= day <= month_lengths(year)[month - 1]):
        return None
    if hour > 23 or minute > 59 or second > 60 or int(offset_hour or 0) > 23 or int(offset_minute or 0) > 59:
        return None
    days = days_before_year(year) + sum(month_lengths(year)[: month - 1]) + day - 1 - days_before_year(1970)
    minutes = days * 1440 + hour * 60 + minute - (-offset if sign == "-" else offset)
    return Moment(minutes, second, int(((fraction or "") + "0" * 9)[:9]))


# ---- hashes, FORMAT 3 and 4


def record_hash(record: Item) -> str | None:
    fields: dict[str, str | None] = {name: text(record, name) for name in HASHED}
    when = moment(fields["dispatched_at"])
    unreadable = "previous_hash" in record and text(record, "previous_hash") is None
    if None in fields.values() or when is None or unreadable:
        return None
    fields["dispatched_at"] = when.normal()
    fields["previous_hash"] = text(record, "previous_hash")
    written = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def plain(value: Any) -> Any:
    """A typed value as JSON has it: binary as base64, members of sets in order, at any depth."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "M":
        return {kind: {name: plain(member) for name, member in inner.items()}}
    if kind == "L":
        return {kind: [plain(member) for member in inner]}
    if kind in {"SS", "NS", "BS"}:
        return {kind: sorted((plain(member) for member in inner), key=rfc8785.dumps)}
    return {kind: plain(inner)}


def hash_without(item: Item, left_out: str) -> str:
    typed = {name: plain(value) for name, value in item.items() if name != left_out}
    return hashlib.sha256(rfc8785.dumps(typed)).hexdigest()


def rebuilt_fence(record: Item, fence_id: str) -> Item:
    """The unsealed full fence that its record calls for, FORMAT 4 and 5."""
    fence: Item = {"id": {"S": fence_id}, "_fence": {"BOOL": True}, "record_id": record.get("id")}
    fence.update({name: record[name] for name in COPIES if name in record})
    if "expires_at_ttl" in record:
        fence["record_expires_at"] = record["expires_at_ttl"]
    fence["chain_hash"] = {"S": hash_without(fence, "chain_hash")}
    return fence


# ---- a fence, FORMAT 5


def fence_state(fence: Item | None, position: int) -> str:
    """`gone`, `bare`, `full` or `damaged`."""
    if fence is None:
        return "gone"
    if set(fence) == {"id", "_fence"} and fence["_fence"] == {"BOOL": True}:
        return "bare"
    needed = {"id", "_fence", "record_id", "record_hash", "content_hash", "chain_hash"}
    allowed = {"previous_hash", "previous_chain_hash", "previous_chain_sequence", "record_expires_at", "sealed_at"}
    names = set(fence)
    expiry, back, before = (
        number(fence, name) for name in ("record_expires_at", "previous_chain_sequence", "sequence_number")
    )
    right = (
        needed <= names <= needed | allowed
        and before is None
        and fence["_fence"] == {"BOOL": True}
        and bool(text(fence, "record_id"))
        and all(HEX.fullmatch(text(fence, name) or "") for name in ("record_hash", "content_hash", "chain_hash"))
        and ("previous_hash" not in names or bool(HEX_OR_GENESIS.fullmatch(text(fence, "previous_hash") or "")))
        and ("previous_chain_hash" not in names or bool(HEX.fullmatch(text(fence, "previous_chain_hash") or "")))
        and ("record_expires_at" not in names or isinstance(expiry, int))
        and ("sealed_at" not in names or moment(text(fence, "sealed_at")) is not None)
        and (
            "previous_chain_sequence" not in names
            or ("previous_chain_hash" in names and isinstance(back, int) and 0 <= back < position - 1)
        )
    )
    return "full" if right else "damaged"


@dataclass(frozen=True)
class Opinion:
    verdict: str
    findings: frozenset[Finding]
    apart: frozenset[Finding]  # `coverage_lost` and `unchained_record`: to be compared by themselves
    unchained: frozenset[str] = frozenset()  # ids dispatched after the chain began


@dataclass
class Chain:
    """One chain's world, its questions, and what was found."""

    items: Mapping[str, Item]
    namespace: str
    tenant: str
    now: float
    ttl_seconds: int | None = None
    past_ttl_seconds: Sequence[int] = ()
    thorough: bool = False
    records: dict[int, list[Item]] = field(default_factory=dict)
    strangers: list[tuple[Position, Item]] = field(default_factory=list)
    read: dict[int, Item] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)  # positions whose fence was read, there or not
    found: set[tuple[str, Position]] = field(default_factory=set)
    places: list[int] = field(default_factory=list)  # positions with a record or a fence
    standing: list[int] = field(default_factory=list)  # positions with a record
    before: dict[int, int | None] = field(default_factory=dict)  # the place before, skipped ones out; None: unknown
    skipped: list[tuple[int, int]] = field(default_factory=list)
    namers: dict[int, list[tuple[int, str]]] = field(default_factory=dict)  # who links to a position, by which hash
    unsealed: list[int] = field(default_factory=list)  # full positions that were full from the start
    full: list[int] = field(default_factory=list)
    unfit: set[int] = field(default_factory=set)  # fences whose link or `previous_hash` does not fit
    starts_at_1: bool = False
    ranges: set[tuple[str, int, int]] = field(default_factory=set)
    hashed: dict[tuple[int, str], str] = field(default_factory=dict)  # of items by identity: none changes meanwhile

    # -- what is read, FORMAT 9

    def gather(self) -> None:
        for item in self.items.values():
            place = number(item, "sequence_number")
            if text(item, "ns_tenant") != f"{self.namespace}#{self.tenant}" or place is None:
                continue
            if isinstance(place, int) and place >= 0:
                self.records.setdefault(place, []).append(item)
            else:
                self.strangers.append((place, item))
        standing = sorted(self.records)
        for position, records in self.records.items():
            # what a finding rests on is read: the fence says which of two records is its own
            if self.thorough or position == standing[-1] or len(records) > 1 or not self.covered(position):
                self.asked.add(position)
        for position in self.fences_in_reach(standing):
            if position not in self.records or position in self.asked:
                self.read[position] = self.items[self.fence_id(position)]
        self.gather_hidden()

    def gather_hidden(self) -> None:
        """An index attribute lost: its fence leads to it."""
        for position, fence in self.read.items():
            record = self.items.get(text(fence, "record_id") or "")
            if position in self.records or record is None:
                continue
            place = number(record, "sequence_number")
            if text(record, "ns_tenant") == f"{self.namespace}#{self.tenant}" and isinstance(place, int) and place >= 0:
                continue  # it stands, and is judged, at another position
            self.records[position] = [record]
            self.asked.add(position)

    def fence_id(self, position: int) -> str:
        return f"SEQ#{self.namespace}#{self.tenant}#{position}"

    def fences_in_reach(self, standing: list[int]) -> Iterator[int]:
        """Existing fences, up to a hundred consecutive positions without one; and those of records."""
        pattern = re.compile(re.escape(self.fence_id(0)[:-1]) + r"(0|[1-9][0-9]*)")
        there = {int(match[1]) for name in self.items if (match := pattern.fullmatch(name))}
        last = -1
        for position in sorted(there | set(standing)):
            if position in self.records or position - last <= LOOK_BACK:
                last = position
                if position in there:
                    yield position

    # -- questions

    def hash_without(self, item: Item, left_out: str) -> str:
        if (id(item), left_out) not in self.hashed:
            self.hashed[id(item), left_out] = hash_without(item, left_out)
        return self.hashed[id(item), left_out]

    def rebuilt(self, record: Item, fence_id: str) -> str:
        """The `chain_hash` of the fence that a record calls for."""
        if (id(record), fence_id) not in self.hashed:
            self.hashed[id(record), fence_id] = text(rebuilt_fence(record, fence_id), "chain_hash") or ""
        return self.hashed[id(record), fence_id]

    def report(self, kind: str, position: Position) -> None:
        self.found.add((kind, position))

    def fence_state(self, position: int) -> str:
        """`unread` is the fence of a record with `content_hash`, unless thorough."""
        if position in self.records and position not in self.asked:
            return "unread"
        return fence_state(self.read.get(position), position)

    def holds(self, position: int) -> bool:
        """Is there a full fence whose `chain_hash` recomputes?"""
        fence = self.read.get(position)
        return self.fence_state(position) == "full" and text(fence, "chain_hash") == self.hash_without(
            fence, "chain_hash"
        )

    def believed(self, position: int) -> bool:
        """Does it hold, and fit what stands before? Nothing that another says counts."""
        return self.holds(position) and position not in self.unfit

    def covered(self, position: int) -> list[Item]:
        return [record for record in self.records.get(position, []) if text(record, "content_hash") is not None]

    def links(self, position: int) -> list[tuple[str | None, int | Decimal | None]]:
        """(`previous_chain_hash`, position named) of this position: by its record, else by its fence that holds."""
        sources = self.own(position) or ([self.read[position]] if self.believed(position) else [])
        return [self.link_of(source, position) for source in sources]

    def own(self, position: int) -> list[Item]:
        """The records with a `content_hash`: of several only the one that the fence names, if it names one."""
        covered, named = self.covered(position), text(self.read.get(position), "record_id")
        if any(text(record, "id") == named for record in self.records.get(position, [])):
            covered = [record for record in covered if text(record, "id") == named]
        return covered

    def link_of(self, source: Item, position: int) -> tuple[str | None, int | Decimal | None]:
        named = number(source, "previous_chain_sequence") if "previous_chain_sequence" in source else position - 1
        return text(source, "previous_chain_hash"), named

    def chain_hashes(self, position: int) -> set[str]:
        """What the next link may name this position by: the fence that its record calls for, else the one there."""
        fence_id = self.fence_id(position)
        rebuilt = {self.rebuilt(record, fence_id) for record in self.own(position)}
        if not rebuilt and self.believed(position):
            return {text(self.read[position], "chain_hash") or ""}
        return rebuilt

    def record_hashes(self, position: int) -> set[str]:
        """What the next `previous_hash` may be: of what stands there, else of what its fence holds."""
        records = self.records.get(position, [])
        values = {text(record, "record_hash") or record_hash(record) for record in records}
        if not records and self.believed(position):
            values = {text(self.read[position], "record_hash")}
        return {value for value in values if value}

    def full_unsealed(self, position: int) -> bool:
        return bool(self.covered(position)) or (self.holds(position) and "sealed_at" not in self.read[position])

    def previous_hashes(self, position: int) -> list[str | None]:
        if position in self.records:
            return [text(record, "previous_hash") for record in self.records[position]]
        return [text(self.read[position], "previous_hash")] if self.believed(position) else []

    # -- the shape of the chain: positions with a record or a fence, and the holes between them

    def shape(self) -> None:
        self.places = sorted(set(self.records) | set(self.read))
        self.standing = sorted(self.records)
        self.starts_at_1 = self.begins_at_1()
        for earlier, place in zip([-1, *self.places], self.places, strict=False):
            self.before[place] = earlier
            if place - earlier > 1 and not (place == 1 and self.starts_at_1):
                self.judge_hole(earlier, place)
            if self.holds(place) and not self.says_what_fits(place):
                self.unfit.add(place)
            if self.full_unsealed(place):
                self.unsealed.append(place)
            for named_hash, named in self.links(place):
                if named_hash and self.may_name(place, named):
                    self.namers.setdefault(named, []).append((place, named_hash))
        self.full = [place for place in self.places if self.covered(place) or self.holds(place)]

    def judge_hole(self, earlier: int, place: int) -> None:
        """Neither fence nor record from `earlier` to `place`."""
        if self.links_straight(place, earlier):
            self.skipped.append((earlier + 1, place - 1))
            self.ranges.add(("skipped_sequence", earlier + 1, place - 1))
        else:
            self.before[place] = None
            self.ranges.add((self.missing_kind(earlier + 1), earlier + 1, place - 1))

    def says_what_fits(self, place: int) -> bool:
        """Do the link and the `previous_hash` of a full fence fit what stands before, where its record is gone?"""
        fence = self.read[place]
        return place in self.records or (
            self.previous_hash_fits(place, text(fence, "previous_hash")) and self.link_fits(place, fence)
        )

    def begins_at_1(self) -> bool:
        """With `genesis`; or its record is gone, its fence says nothing, and no link names position 0."""
        if not self.places or self.places[0] != 1:
            return False
        if 1 in self.records or self.holds(1):
            return "genesis" in self.previous_hashes(1)
        return not any(named == 0 for place in self.places for value, named in self.links(place) if value)

    def links_straight(self, place: int, earlier: int) -> bool:
        if earlier < 0 or not set(self.previous_hashes(place)) & self.record_hashes(earlier):
            return False
        return not any(
            value and isinstance(named, int) and earlier < named < place for value, named in self.links(place)
        )

    def missing_kind(self, position: int) -> str:
        past_the_last = bool(self.standing) and position > self.standing[-1]
        return "truncated_tail" if past_the_last else "missing_record"

    # -- judgement of one record by itself

    def judge_record(self, record: Item, place: Position) -> None:
        if shape_is_wrong(record):
            self.report("malformed_record", place)
        when, end = moment(text(record, "dispatched_at")), moment(text(record, "expires_at"))
        wrong = when is not None and number(record, "dispatched_at_ms") not in {None, when.nanoseconds // 10**6}
        wrong |= text(record, "expires_at") is not None and "expires_at_ttl" not in record
        wrong |= number(record, "expires_at_ttl") is not None and "expires_at" not in record
        wrong |= end is not None and number(record, "expires_at_ttl") not in {None, end.ttl}
        names = text(record, "namespace"), text(record, "tenant"), text(record, "ns_tenant")
        wrong |= None not in names and f"{names[0]}#{names[1]}" != names[2]
        if wrong:
            self.report("field_mismatch", place)
        if text(record, "record_hash") is None:
            self.report("missing_hash", place)
        recomputed = {"record_hash": record_hash(record), "content_hash": self.hash_without(record, "content_hash")}
        for name, value in recomputed.items():
            if value is not None and text(record, name) not in {None, value}:
                self.report("content_modified", place)

    # -- judgement of one position

    def judge_position(self, place: int) -> None:
        records = self.records.get(place, [])
        if len(records) > 1:
            self.report("duplicate_sequence", place)
        for record in records:
            self.judge_record(record, place)
        self.judge_fence(place, records)
        self.judge_what_it_links_to(place)
        if not records:
            self.judge_missing(place)

    def judge_fence(self, place: int, records: list[Item]) -> None:
        state, fence, named = self.fence_state(place), self.read.get(place), bool(self.namers.get(place))
        if state == "gone" and records:
            self.report("missing_fence", place)
        if state == "damaged" or (state == "full" and (not self.holds(place) or self.contradicted(place))):
            self.report("fence_mismatch", place)
        if state == "bare" and (named or self.covered(place)):
            self.report("fence_mismatch", place)
        for record in records:
            expected = (state == "full" and "sealed_at" not in fence) or (state == "bare" and named)
            if "content_hash" not in record and expected:
                self.report("missing_hash", place)
        if state == "full" and records:
            named_by_it = [record for record in records if text(record, "id") == text(fence, "record_id")]
            own = named_by_it or (records if len(records) == 1 else [])
            if not named_by_it or any(self.copies_differ(fence, record) for record in own):
                self.report("fence_mismatch", place)
            for record in own if self.holds(place) else []:
                recomputed = record_hash(record), self.hash_without(record, "content_hash")
                stored = text(fence, "record_hash"), text(fence, "content_hash")
                if any(mine and mine != theirs for mine, theirs in zip(recomputed, stored, strict=True)):
                    self.report("content_modified", place)

    def copies_differ(self, fence: Item, record: Item) -> bool:
        sealed, covered = "sealed_at" in fence, text(record, "content_hash") is not None
        names = COPIES[:2] if sealed else COPIES
        if not sealed and "content_hash" not in record:  # `missing_hash` says what was stripped
            names = tuple(name for name in COPIES if name in record)
        differ = any(fence.get(name) != record.get(name) for name in names)
        differ |= sealed and covered  # what was written with a `content_hash` was never bare
        return differ or fence.get("record_expires_at") != record.get("expires_at_ttl")

    def contradicted(self, place: int) -> bool:
        """Is a full fence's `chain_hash` not what the next link names? A record that rebuilds it decides instead."""
        if self.covered(place) or not self.believed(place):
            return False
        return any(value not in self.chain_hashes(place) for _, value in self.namers.get(place, []))

    def judge_what_it_links_to(self, place: int) -> None:
        """`broken_link` of a record; a fence alone that does not fit is `fence_mismatch`."""
        sources = self.own(place) or ([self.read[place]] if self.holds(place) else [])
        records = self.records.get(place, [])
        wrong = any(not self.previous_hash_fits(place, text(record, "previous_hash")) for record in records)
        if records and (wrong or any(not self.link_fits(place, source) for source in sources)):
            self.report("broken_link", place)
        if place in self.unfit:
            self.report("fence_mismatch", place)

    def previous_hash_fits(self, place: int, value: str | None) -> bool:
        if place == 0:
            return value is None
        if place == 1 and self.starts_at_1:
            return value == "genesis"
        earlier = self.before[place]
        if earlier is None or earlier < 0:
            return value is not None and value != "genesis"
        if value is None:
            return earlier not in self.records and self.fence_state(earlier) == "bare"
        called_for = self.record_hashes(earlier)
        return value in called_for if called_for else value != "genesis"

    def may_name(self, place: int, named: Any) -> bool:
        """May a link from here lead there: to an earlier position, past none that was full from the start?"""
        nearest = max((other for other in self.unsealed if other < place), default=0)
        return isinstance(named, int) and nearest <= named < place

    def link_fits(self, place: int, source: Item) -> bool:
        value, named = self.link_of(source, place)
        if value is None:
            near = any(place - LOOK_BACK <= other < place for other in self.unsealed)
            return number(source, "previous_chain_sequence") is None and not near
        wrong = "previous_chain_sequence" in source and named == place - 1
        wrong |= any(first <= named <= last for first, last in self.skipped) or (named == 0 and self.starts_at_1)
        if wrong or not self.may_name(place, named):
            return False
        called_for = self.chain_hashes(named)
        # a fence alone that the next link contradicts is `fence_mismatch` itself, and calls for nothing
        return not called_for or value in called_for or named not in self.records

    # -- a record that is gone

    def judge_missing(self, place: int) -> None:
        state = self.fence_state(place)
        if state == "full" and not self.contradicted(place):
            end = number(self.read[place], "record_expires_at")
            if self.believed(place) and end is not None and end <= self.now:
                if self.leads_to_the_last(place):
                    self.report("expired", place)
                    return
                if self.ttl_explains(place):  # judged like a bare one
                    self.report("expired_unproven", place)
                    return
        if state == "bare" and not self.stripped(place) and self.ttl_explains(place):
            self.report("expired_unproven", place)
            return
        self.report(self.missing_kind(place), place)

    def leads_to_the_last(self, place: int) -> bool:
        seen, todo = set(), [place]
        while todo:
            at = todo.pop()
            if at == self.full[-1]:
                return True
            hashes = self.chain_hashes(at)
            todo += [namer for namer, value in self.namers.get(at, []) if value in hashes and namer not in seen]
            seen.update(todo)
        return False

    def stripped(self, place: int) -> bool:
        """Does the next link name this position, or one whose record is gone too, with only bare ones between?"""
        next_full = next((full for full in self.full if full > place), None)
        return any(place <= named and (next_full is None or named < next_full) for named in self.namers)

    def ttl_explains(self, place: int) -> bool:
        after = bisect_left(self.standing, place)
        if after == 0:
            return True
        neighbours = [self.records[at][0] for at in self.standing[after - 1 : after + 1]]
        dispatched = moment(text(neighbours[0], "dispatched_at"))
        lifetimes = [seconds * 10**9 for seconds in (self.ttl_seconds, *self.past_ttl_seconds) if seconds is not None]
        for record in neighbours:
            start, end = moment(text(record, "dispatched_at")), moment(text(record, "expires_at"))
            if start is not None and end is not None:
                lifetimes.append(end.nanoseconds - start.nanoseconds)
        if dispatched is None or not lifetimes:
            return False
        shortest = min(life - min(3600 * 10**9, life // 10) for life in lifetimes)
        return dispatched.nanoseconds + shortest <= self.now * 10**9

    # -- information, and what the package may not report

    def judge_intents(self) -> None:
        chain = f"{self.namespace}#{self.tenant}"
        ours = [item for item in self.items.values() if text(item, "ns_tenant") == chain and "_fence" not in item]
        answered = {text(item, "action_id") for item in ours if text(item, "outcome") != "pending"}
        for place in self.standing:
            for record in self.records[place]:
                if text(record, "outcome") == "pending" and text(record, "action_id") not in answered:
                    self.report("lone_intent", place)

    def coverage_lost(self) -> set[Finding]:
        lost: set[Finding] = set()
        seen, first, last = False, None, None
        for place in self.places:
            if self.chain_hashes(place):
                if first is not None:
                    lost.add(("coverage_lost", first, last))
                seen, first, last = True, None, None
            elif seen and place in self.records:
                first, last = place if first is None else first, place
        return lost | ({("coverage_lost", first, last)} if first is not None else set())

    def unchained(self) -> set[str]:
        placed = [record for records in self.records.values() for record in records]
        began = [value for record in placed if (value := number(record, "dispatched_at_ms")) is not None]
        return {
            name
            for name, item in self.items.items()
            if self.thorough
            and text(item, "ns_tenant") == f"{self.namespace}#{self.tenant}"
            and number(item, "sequence_number") is None
            and number(item, "dispatched_at_ms") is not None  # else it is in no index of the tenant's
            and item not in placed
            and (any(name in item for name in HASHES) or (began and self.dispatched_ms(item) > min(began)))
        }

    def dispatched_ms(self, item: Item) -> int:
        """The later of what its two times say: neither is vouched for."""
        when, said = moment(text(item, "dispatched_at")), number(item, "dispatched_at_ms")
        assert isinstance(said, int)
        return said if when is None else max(said, when.nanoseconds // 10**6)

    def opinion(self) -> Opinion:
        self.gather()
        self.shape()
        for place, record in self.strangers:
            self.report("malformed_record", place)
            self.judge_record(record, place)
        for place in self.places:
            self.judge_position(place)
        self.judge_intents()
        findings = runs([*self.ranges, *((kind, place, place) for kind, place in self.found)])
        unchained = self.unchained()
        apart = self.coverage_lost() | ({("unchained_record", None, None)} if unchained else set())
        kinds = {kind for kind, _, _ in findings}
        checked = bool(self.records) or any(self.fence_state(place) == "full" for place in self.places)
        if (kinds - INFORMATION - {"expired_unproven"}) or unchained:
            verdict = "broken"
        elif not checked:
            verdict = "incomplete"
        elif "expired_unproven" in kinds:
            verdict = "unproven"
        else:
            verdict = "intact_with_expiry" if "expired" in kinds else "intact"
        return Opinion(verdict, findings, frozenset(apart), frozenset(unchained))


def shape_is_wrong(record: Item) -> bool:
    """FORMAT 2: an attribute missing or of the wrong type, `_fence` on it, an empty hash, an unreadable time."""
    kinds = [(name, kind, record.get(name)) for name, kind in REQUIRED.items()]
    kinds += [(name, kind, record[name]) for name, kind in OPTIONAL.items() if name in record]
    if any(not isinstance(value, dict) or set(value) != {kind} for _, kind, value in kinds):
        return True
    times = [name for name in ("dispatched_at", "completed_at", "expires_at") if name in record]
    whole = [name for name, kind, _ in kinds if kind == "N"]
    return (
        "_fence" in record
        or (text(record, "id") or "").startswith("SEQ#")
        or any(name in record and not text(record, name) for name in HASHES)
        or any(moment(text(record, name)) is None for name in times)
        or not all(isinstance(number(record, name), int) for name in whole)
        or (number(record, "sequence_number") or 0) < 0
    )


def runs(findings: Iterable[Finding]) -> frozenset[Finding]:
    """Findings of one kind at neighbouring positions as one."""
    merged: list[Finding] = []
    for kind, first, last in sorted(findings, key=lambda finding: (finding[0], finding[1])):
        before = merged[-1] if merged else None
        near = before is not None and before[0] == kind and (first == before[1] or first <= before[2] + 1)
        whole = isinstance(first, int) and before is not None and isinstance(before[1], int)
        if near and (whole or first == before[1]):
            merged[-1] = (kind, before[1], max(before[2], last))
        else:
            merged.append((kind, first, last))
    return frozenset(merged)


def second_opinion(  # noqa: PLR0913 - what a verification is about
    items: Mapping[str, Item],
    namespace: str,
    tenant: str,
    *,
    now: float,
    ttl_seconds: int | None = None,
    past_ttl_seconds: Sequence[int] = (),
    thorough: bool = False,
) -> Opinion:
    """The verdict and the findings of FORMAT 9 for one chain, from all items that its table holds."""
    return Chain(items, namespace, tenant, now, ttl_seconds, past_ttl_seconds, thorough).opinion()
