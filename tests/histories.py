"""Chains with a past, and what an attacker does to them, both told as short scripts of numbers.

A script is a list of steps (name, a, b, c) whose numbers are taken modulo what there is to choose from, so that every
script means something, whoever makes it up, and stays meaningful when steps are taken away. `world` plays one out and
returns every item by its id, as a table would hold them.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from audit_core.errors import RecordError, TimestampError
from audit_core.fences import LOOK_BACK, bare_fence, fence_id, full_fence
from audit_core.hashing import chain_hash, content_hash, record_hash
from audit_core.retention import Lifetimes
from tests.builders import DISPATCHED
from tests.chains import NAMES, Chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.timestamps import Timestamp

Item = dict[str, dict[str, Any]]
Step = tuple[str, int, int, int]

DAY = 86_400
LIFETIMES = (None, 120, 5 * 3600, 30 * DAY, 60 * DAY)
MOMENTS = (600, 6 * 3600, 31 * DAY, 70 * DAY)
DECLARED = (Lifetimes(30 * DAY), Lifetimes(None), Lifetimes(60 * DAY, (120,)), Lifetimes(None, (20 * DAY, 5 * 3600)))
EXTRAS: tuple[dict[str, Any], ...] = (
    {},
    {"outcome": "pending", "action_id": "intent"},
    {"action_id": "intent"},
    {"caller_id": "", "action_payload": '"ENC[x]"'},
    {"provider": "é🔒\u2028", "metadata": '{"ü":1}'},
    {"extra": {"unknown": {"SS": ["b", "é", "a"]}, "blob": {"B": b"\x00\xff"}}},
    {"action_payload": None, "matched_rule": "r", "kid": "k", "canonical_hash": "00"},
)

HISTORY = ("ours", "elsewhere", "seal", "genesis", "expire", "pass_over")
INDEXED = {"ns_tenant": "S", "action_id": "S", "sequence_number": "N", "dispatched_at_ms": "N"}
OTHERS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"S": ""},
    {"NULL": True},
    {"S": "other"},
    {"N": "7"},
    {"N": "1"},
    {"S": "0" * 64},
    {"S": "F" * 64},
    {"S": "genesis"},
    {"BOOL": True},
    {"SS": ["b", "a"]},
    {"N": "1.5"},
    {"N": "-1"},
    {"S": "2020-01-01T00:00:00Z"},
    {"N": "1577836800"},
    {"S": "2016-12-31T23:59:60.5Z"},
)
RECORD_ATTRIBUTES = (
    *("action_id", "namespace", "tenant", "provider", "action_type", "verdict", "outcome", "ns_tenant"),
    *("dispatched_at", "completed_at", "dispatched_at_ms", "duration_ms", "caller_id", "auth_method"),
    *("verdict_details", "outcome_details", "metadata", "action_payload", "chain_id", "matched_rule", "signature"),
    *("signer_id", "kid", "canonical_hash", "attachment_metadata", "expires_at", "expires_at_ttl", "record_hash"),
    *("previous_hash", "sequence_number", "content_hash", "previous_chain_hash", "previous_chain_sequence"),
    *("_fence", "unknown"),
)
FENCE_ATTRIBUTES = (
    *("_fence", "record_id", "record_hash", "previous_hash", "content_hash", "previous_chain_hash"),
    *("previous_chain_sequence", "record_expires_at", "chain_hash", "sealed_at", "unknown", "expires_at_ttl"),
)


@dataclass(slots=True)
class World:
    """Items by id, and where the chain's positions are."""

    items: dict[str, Item] = field(default_factory=dict)
    now: Timestamp = DISPATCHED

    @property
    def numbers(self) -> list[int]:
        return sorted({number for number, _ in self.records()} | set(self.fences()))

    def records(self) -> list[tuple[int, str]]:
        found = []
        for item_id, item in self.items.items():
            number = item.get("sequence_number", {}).get("N", "")
            if not item_id.startswith("SEQ#") and number.isdigit() and len(number) < 9:
                found.append((int(number), item_id))
        return sorted(found)

    def fences(self) -> dict[int, str]:
        prefix = fence_id(*NAMES, 0)[:-1]
        return {int(item_id[len(prefix) :]): item_id for item_id in self.items if item_id.startswith(prefix)}

    def fence(self, number: int) -> Item | None:
        return self.items.get(fence_id(*NAMES, number))

    def record(self, number: int) -> Item | None:
        return next((self.items[item_id] for place, item_id in self.records() if place == number), None)

    def put(self, item: Item) -> None:
        self.items[item["id"]["S"]] = item

    def drop(self, item: Item | None) -> None:
        if item is not None:
            self.items.pop(item["id"]["S"], None)


def world(history: Sequence[Step], attacks: Sequence[Step], now: Timestamp) -> World:
    """Play a script out: a chain is written, sealed and expires until `now`, then it is attacked."""
    chain = written(history, now)
    made = World({item["id"]["S"]: deepcopy(item) for item in chain.items()}, now)
    for step in attacks:
        attack(made, step)
    return made


# -- history: nothing in it is anybody's fault ------------------------------------------------------------------------


def written(history: Sequence[Step], now: Timestamp, chain: Chain | None = None) -> Chain:
    """Write a chain as a script says, going on from `chain`; what it takes away has expired by `now`."""
    chain = chain or Chain()
    for name, a, b, c in history:
        last = chain.tip.sequence_number
        if name in {"ours", "elsewhere"}:
            extra = EXTRAS[c % len(EXTRAS)]
            getattr(chain, name)(1 + a % 4, lifetime=LIFETIMES[b % len(LIFETIMES)], **extra)
        elif name == "seal":
            for number in sorted(chain.positions)[: 1 + a % 12]:
                record, fence = chain.positions[number]
                if record is not None and fence is not None and "chain_hash" not in fence:
                    chain.seal(number, number)
        elif name == "genesis" and last < 0:
            chain.tip = replace(chain.tip, sequence_number=0, record_hash="genesis")
        elif name == "expire":
            expire(chain, now, a, b)
        else:
            go_on(chain, name, a, b)
    return chain


def go_on(chain: Chain, name: str, a: int, b: int) -> None:
    """Write past an expired tip, write at length, or forget the last full position."""
    last = chain.tip.sequence_number
    if name == "pass_over" and chain.positions.get(last, (1, 1))[0] is None and len(chain.fence(last) or {}) == 2:
        # the tip's record is gone and its fence is bare: what follows carries no previous_hash (FORMAT 6.4)
        chain.tip = replace(chain.tip, record_hash=None)
    elif name == "long":
        chain.elsewhere(90 + a % 30, lifetime=LIFETIMES[b % len(LIFETIMES)])
    elif name == "forget" and chain.tip.link is not None and last + 1 - chain.tip.link[0] > LOOK_BACK:
        # a writer that has not read the whole chain looks back a hundred positions for a full fence (FORMAT 4)
        chain.tip = replace(chain.tip, link=None)


def expire(chain: Chain, now: Timestamp, first: int, count: int) -> None:
    numbers = sorted(chain.positions)
    for number in numbers[first % (len(numbers) + 1) :][: 1 + count % 5]:
        record, _ = chain.positions[number]
        ttl = int((record or {}).get("expires_at_ttl", {}).get("N", now.epoch_seconds + 1))
        if ttl < now.epoch_seconds:
            chain.remove(number)


# -- attacks ----------------------------------------------------------------------------------------------------------


def attack(made: World, step: Step) -> None:
    """Do one thing to a table that nobody should do."""
    name, a, b, c = step
    numbers = made.numbers
    if numbers:
        ATTACKS[name](made, numbers[a % len(numbers)], b, c)


def edit_record(made: World, number: int, b: int, c: int) -> None:
    item = made.record(number)
    if item is None:
        return
    name = RECORD_ATTRIBUTES[b % len(RECORD_ATTRIBUTES)]
    change(made, item, name, c // 4)
    if c % 4:
        rehash(made, item, number, with_fence=c % 4 == 2, suffix=c % 4 == 3)


def edit_fence(made: World, number: int, b: int, c: int) -> None:
    fence = made.fence(number)
    if fence is None:
        return
    change(made, fence, FENCE_ATTRIBUTES[b % len(FENCE_ATTRIBUTES)], c // 2)
    if c % 2:
        fence["chain_hash"] = {"S": chain_hash(fence)}


def change(made: World, item: Item, name: str, choice: int) -> None:
    donors = [other[name] for other in made.items.values() if name in other and other is not item]
    values = [*OTHERS, *donors[:3]]
    value = values[choice % len(values)]
    if name in INDEXED and value is not None and not value.get(INDEXED[name]):
        value = None  # an index attribute of another type, or empty, is refused by the engine
    if value is None:
        item.pop(name, None)
    else:
        item[name] = deepcopy(value)


def rehash(made: World, item: Item, number: int, *, with_fence: bool = False, suffix: bool = False) -> None:
    try:
        if "record_hash" in item:
            item["record_hash"] = {"S": record_hash(item)}
        if "content_hash" in item:
            item["content_hash"] = {"S": content_hash(item)}
    except (RecordError, TimestampError):
        return
    fence = made.fence(number)
    if fence is not None and "chain_hash" in fence and (with_fence or suffix):
        made.put(full_fence(item, *NAMES, number))
    if suffix:
        follow = made.record(number + 1)
        fence = made.fence(number)
        if follow is not None and follow is not item:
            if "record_hash" in item:
                follow["previous_hash"] = dict(item["record_hash"])
            if "previous_chain_hash" in follow and fence is not None and "chain_hash" in fence:
                follow["previous_chain_hash"] = dict(fence["chain_hash"])
            rehash(made, follow, number + 1, suffix=True)


def delete(made: World, number: int, b: int, c: int) -> None:
    del c
    if b % 3 != 1:
        made.drop(made.record(number))
    if b % 3 != 0:
        made.drop(made.fence(number))


def delete_run(made: World, number: int, b: int, c: int) -> None:
    for place in range(number, number + 2 + b % 5):
        delete(made, place, c, 0)


def strip(made: World, number: int, b: int, c: int) -> None:
    last = number + (0 if c % 3 == 0 else 1000)
    for place in [place for place in made.numbers if number <= place <= last]:
        item = made.record(place)
        if item is not None and b % 3 != 1:
            for name in ("content_hash", "previous_chain_hash", "previous_chain_sequence")[: 3 - 2 * (c % 2)]:
                item.pop(name, None)
        if b % 3 != 0 and made.fence(place) is not None:
            made.put(bare_fence(*NAMES, place))


def strip_gone(made: World, number: int, b: int, c: int) -> None:
    for place in range(number, number + 1 + b % 3):
        if place in made.numbers:
            made.drop(made.record(place))
            made.put(bare_fence(*NAMES, place))
    if c % 4 == 0:
        made.drop(made.fence(number))


def swap(made: World, number: int, b: int, c: int) -> None:
    numbers = made.numbers
    other = numbers[b % len(numbers)]
    one, two = made.record(number), made.record(other)
    if one is None or two is None:
        return
    one["sequence_number"], two["sequence_number"] = two["sequence_number"], one["sequence_number"]
    if c % 3:
        rehash(made, one, other, with_fence=c % 3 == 2)
        rehash(made, two, number, with_fence=c % 3 == 2)


def swap_fences(made: World, number: int, b: int, c: int) -> None:
    del c
    numbers = made.numbers
    one, two = made.fence(number), made.fence(numbers[b % len(numbers)])
    if one is None or two is None:
        return
    first, second = dict(one), dict(two)
    made.put({**second, "id": first["id"]})
    made.put({**first, "id": second["id"]})


def duplicate(made: World, number: int, b: int, c: int) -> None:
    item = made.record(number)
    if item is None:
        return
    twin = {**deepcopy(item), "id": {"S": ("0twin", "ztwin")[b % 2] + str(number)}}
    made.put(twin)
    if c % 2:
        rehash(made, twin, number)


def intruder(made: World, number: int, b: int, c: int) -> None:
    item = made.record(number)
    if item is None:
        return
    last = made.numbers[-1]
    places = ("499.5", "-1", str(10**30), str(last + 1), str(last + 2), str(last + 150), f"{number}.5", "0.1")
    place = places[b % len(places)]
    twin = {**deepcopy(item), "id": {"S": f"intruder{place}"}, "sequence_number": {"N": place}}
    made.put(twin)
    if c % 2:
        rehash(made, twin, -5)
    if c // 2 % 3 and place.isdigit():
        full = c // 2 % 3 == 2 and "content_hash" in twin
        made.put(full_fence(twin, *NAMES, int(place)) if full else bare_fence(*NAMES, int(place)))


def forge_expiry(made: World, number: int, b: int, c: int) -> None:
    fence = made.fence(number)
    if fence is None or "chain_hash" not in fence:
        return
    fence["record_expires_at"] = {"N": str(made.now.epoch_seconds - 5)}
    if b % 2:
        fence["chain_hash"] = {"S": chain_hash(fence)}
    if c % 2:
        made.drop(made.record(number))


def junk(made: World, number: int, b: int, c: int) -> None:
    place = number if b % 2 else made.numbers[-1] + 1 + c % 5
    kinds: tuple[Item, ...] = (
        {"note": {"S": "junk"}},
        {"_fence": {"S": "true"}},
        {"_fence": {"BOOL": False}},
        {"_fence": {"BOOL": True}, "x": {"N": "1"}},
        {},
    )
    made.put({"id": {"S": fence_id(*NAMES, place)}, **kinds[c % len(kinds)]})


def plant(made: World, number: int, b: int, c: int) -> None:
    place = made.numbers[-1] + (1, 2, 50, 99, 400)[b % 5]
    fence = made.fence(number)
    if c % 2 == 0 or fence is None:
        made.put(bare_fence(*NAMES, place))
        return
    planted = {**deepcopy(fence), "id": {"S": fence_id(*NAMES, place)}}
    if "chain_hash" in planted:
        if "previous_chain_hash" in planted and c % 4 == 1:
            planted["previous_chain_hash"] = dict(fence["chain_hash"])
            planted["previous_chain_sequence"] = {"N": str(number)}
        planted["chain_hash"] = {"S": chain_hash(planted)}
    made.put(planted)


def forge_seal(made: World, number: int, b: int, c: int) -> None:
    item, fence = made.record(number), made.fence(number)
    if item is None or fence is None or (len(fence) != 2 and b % 4):
        return
    sealed = {name: value for name, value in fence.items() if name in {"id", "_fence"}}
    sealed["record_id"], sealed["sealed_at"] = item["id"], {"S": "2026-01-16T02:00:00Z"}
    sealed["content_hash"] = {"S": content_hash(item)}
    sealed.update({name: item[name] for name in ("record_hash", "previous_hash") if name in item})
    if "expires_at_ttl" in item:
        sealed["record_expires_at"] = item["expires_at_ttl"]
    if c % 3 == 1:
        sealed["record_expires_at"] = {"N": str(made.now.epoch_seconds - 5)}
    earlier = [place for place in made.fences() if place < number and "chain_hash" in (made.fence(place) or {})]
    if earlier and c % 5:
        sealed["previous_chain_hash"] = (made.fence(max(earlier)) or {})["chain_hash"]
        if max(earlier) != number - 1:
            sealed["previous_chain_sequence"] = {"N": str(max(earlier))}
    sealed["chain_hash"] = {"S": chain_hash(sealed)}
    made.put(sealed)
    if c % 2:
        made.drop(item)


def unchain(made: World, number: int, b: int, c: int) -> None:
    item = made.record(number)
    if item is None:
        return
    loose = {**deepcopy(item), "id": {"S": f"loose{c % 3}"}}
    for name in ("sequence_number", "record_hash", "previous_hash", "content_hash", "previous_chain_hash"):
        loose.pop(name, None)
    if b % 3 == 0:
        loose["action_id"] = {"S": "intent"}
    made.put(loose)


def hide(made: World, number: int, b: int, c: int) -> None:
    item = made.record(number)
    if item is None:
        return
    if b % 4 == 0:
        item.pop("ns_tenant", None)
    elif b % 4 == 1:
        item.pop("sequence_number", None)
    elif b % 4 == 2:
        item["ns_tenant"] = {"S": "elsewhere#acme"}
    else:
        item["sequence_number"] = {"N": ("0.25", str(number + 1), str(made.numbers[-1] + 1))[c % 3]}
    if c % 4 == 3:
        rehash(made, item, number, with_fence=True)


def index_fence(made: World, number: int, b: int, c: int) -> None:
    """Put index attributes on a fence, or make it expire."""
    fence = made.fence(number)
    if fence is None:
        return
    names = ("expires_at_ttl", "sequence_number", "ns_tenant")
    fence[names[b % 3]] = {"S": "#".join(NAMES)} if b % 3 == 2 else {"N": str(number + c % 2)}


def relink(made: World, number: int, b: int, c: int) -> None:
    """Let a position link somewhere else, with its hashes recomputed."""
    numbers = made.numbers
    target = numbers[b % len(numbers)]
    fence, item = made.fence(target), made.record(number)
    if item is None or fence is None or "chain_hash" not in fence or "content_hash" not in item:
        return
    item["previous_chain_hash"] = dict(fence["chain_hash"])
    item.pop("previous_chain_sequence", None)
    if target != number - 1 or c % 5 == 0:
        item["previous_chain_sequence"] = {"N": str(target)}
    rehash(made, item, number, with_fence=c % 3 > 0, suffix=c % 3 == 2)


ATTACKS = {
    "edit_record": edit_record,
    "edit_fence": edit_fence,
    "delete": delete,
    "delete_run": delete_run,
    "strip": strip,
    "strip_gone": strip_gone,
    "swap": swap,
    "swap_fences": swap_fences,
    "duplicate": duplicate,
    "intruder": intruder,
    "forge_expiry": forge_expiry,
    "junk": junk,
    "plant": plant,
    "forge_seal": forge_seal,
    "unchain": unchain,
    "hide": hide,
    "index_fence": index_fence,
    "relink": relink,
}
