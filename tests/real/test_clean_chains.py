"""No false alarm: a thousand chains that nobody touched, in one table of DynamoDB Local, each said to be what it is.

They are of every shape that writers, sealing and expiry leave behind; each script comes from a seed. Their table has
TTL switched off, and what is taken away has expired by the engine's own clock.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.timestamps import Clock
from tests import engines, histories, tables
from tests.chains import Chain
from tests.innocence import SILENT, Innocent, as_told, innocent
from tests.second_opinion import runs, second_opinion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore
    from tests.histories import Step

pytestmark = pytest.mark.timeout(300)  # under a minute by itself, longer beside other work

SOME, CHAINS = 150, 1000
WEIGHTS = {"ours": 6, "elsewhere": 5, "seal": 3, "expire": 5, "pass_over": 4}
NAMESPACES = ("notifications", "zahlungen-ü", "通知", "a b", "mañana", "N" * 200)
TENANTS = ("acme", "acme#eu", "ácme", "a\u0301cme", "株式会社", "🔒", "0", "SEQ#x", "%41", "<b>")
EVERY_LIFETIME = tuple(seconds for seconds in histories.LIFETIMES if seconds is not None)
THREADS = 2


@dataclass(frozen=True, slots=True)
class Clean:
    """A chain in the table, what is true of it, and whether it was written by us alone."""

    chain: Chain
    truth: Innocent
    ours_alone: bool
    script: tuple[Step, ...]

    @property
    def ingredients(self) -> Iterator[str]:
        """What it is made of, each named once."""
        positions = self.chain.positions
        gone = {number for number, (record, _fence) in positions.items() if record is None}
        first, last = min(positions), max(positions)
        fences = [fence or {} for _record, fence in positions.values()]
        records = [record for record, _fence in positions.values() if record is not None]
        made_of = {
            "starts at 1": first == 1,
            "all expired": len(gone) == len(positions),
            "head expired": first in gone and last not in gone,
            "tail expired": last in gone and first not in gone,
            "hole": any(first < number < last for number in gone) and not {first, last} & gone,
            "bare": any("chain_hash" not in fence for fence in fences),
            "sealed": any("sealed_at" in fence for fence in fences),
            "sealed and expired": any("sealed_at" in (positions[number][1] or {}) for number in gone),
            "mixed": len({"content_hash" in record for record in records}) == 2,
            "lifetimes": len({"expires_at" in record for record in records}) == 2,
            "passed over": any("previous_hash" not in record for record in records if position_of(record) > first),
            "lone intent": bool(self.truth.lone_intents),
            "intent with outcome": any(outcome_of(record) == "pending" for record in records)
            and not self.truth.lone_intents,
            "unicode": any(not (record["provider"]["S"]).isascii() for record in records),
            "side branch": len(self.truth.ends) > 1,
            "links over bare fences": any("previous_chain_sequence" in fence for fence in fences),
            "over a hundred long": len(positions) > 100,
            "no full fence at all": not any("chain_hash" in fence for fence in fences),
        }
        yield from (name for name, is_so in made_of.items() if is_so)


LEAST = {
    "starts at 1": 50,
    "all expired": 50,
    "head expired": 50,
    "tail expired": 30,
    "hole": 50,
    "bare": 300,
    "sealed": 150,
    "sealed and expired": 20,
    "mixed": 200,
    "lifetimes": 150,
    "passed over": 4,
    "lone intent": 100,
    "intent with outcome": 50,
    "unicode": 150,
    "side branch": 150,
    "links over bare fences": 50,
    "over a hundred long": 3,
    "no full fence at all": 100,
    "ours alone": 200,
    "ours alone, expired": 50,
    "intact": 300,
    "intact_with_expiry": 100,
    "unproven": 100,
    "incomplete": 10,
}


def position_of(record: dict[str, Any]) -> int:
    return int(record["sequence_number"]["N"])


def outcome_of(record: dict[str, Any]) -> str:
    return str(record["outcome"]["S"])


def script(chance: random.Random) -> tuple[Step, ...]:
    """Draw what happened to a chain; something is written at all events."""
    one_lifetime = chance.randrange(64) if chance.random() < 0.4 else None

    def step(name: str) -> Step:
        a, b, c = (chance.randrange(64) for _ in range(3))
        return (name, a, b if one_lifetime is None or name == "expire" else one_lifetime, c)

    writers = chance.choice((("ours",), ("elsewhere",), ("ours", "elsewhere"), ("ours", "elsewhere")))
    names = [name for name in WEIGHTS if name in writers or name not in {"ours", "elsewhere"}]
    weights = [WEIGHTS[name] for name in names]
    steps = [step(name) for name in chance.choices(names, weights, k=chance.randint(1, 6))]
    steps.insert(0, step(chance.choice(writers)))
    if chance.random() < 0.15:
        steps.insert(0, step("genesis"))
    if chance.random() < 0.012:
        steps[2:2] = [step("long"), step("forget")]
    if chance.random() < 0.2:
        steps += [("expire", first, 4, 0) for first in range(0, 30, 5)]
    return tuple(steps)


def make(seed: int, present: Any) -> Clean:
    """Write one chain, so long ago that what expires at `present` is what its script takes away."""
    chance = random.Random(seed)  # noqa: S311 - the same chains each time
    moment = chance.choice(histories.MOMENTS)
    names = (chance.choice(NAMESPACES), f"{chance.choice(TENANTS)}#{seed}")
    drawn = script(chance)
    chain = Chain(names=names, began=present.plus_seconds(-moment), label=f"c{seed}")
    histories.written(drawn, present, chain)
    ours_alone = all("chain_hash" in (fence or {}) and "sealed_at" not in (fence or {}) for _, fence in pairs(chain))
    return Clean(chain, innocent(chain.positions), ours_alone, drawn)


def pairs(chain: Chain) -> list[Any]:
    return list(chain.positions.values())


@dataclass(frozen=True, slots=True)
class Place:
    """The table with all chains: `declared` knows every lifetime that was in use, `undeclared` none."""

    declared: AuditStore
    undeclared: AuditStore
    chains: tuple[Clean, ...]

    def store(self, clean: Clean) -> AuditStore:
        """Lifetimes have to be declared where fences are bare; what we alone wrote is proven without."""
        return self.undeclared if clean.ours_alone else self.declared


@pytest.fixture(scope="module", params=[SOME, pytest.param(CHAINS, marks=pytest.mark.matrix)])
def place(request: pytest.FixtureRequest, dynamodb_local_url: str) -> Iterator[Place]:
    engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
    table = f"audit_{uuid.uuid4().hex[:12]}"
    past = ",".join(str(seconds) for seconds in EVERY_LIFETIME)
    declared = engines.open_store(engine, table, {"AUDIT__TTL_SECONDS": "0", "DASHBOARD__PAST_TTL_SECONDS": past})
    undeclared = engines.open_store(engine, table, {"AUDIT__TTL_SECONDS": "0"})
    switched_off: Any = {"Enabled": False, "AttributeName": "expires_at_ttl"}
    declared.table.client.update_time_to_live(TableName=table, TimeToLiveSpecification=switched_off)
    present = Clock().now()
    chains = tuple(make(seed, present) for seed in range(request.param))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda clean: tables.put(declared, *clean.chain.items()), chains))
    yield Place(declared, undeclared, chains)
    declared.close()
    undeclared.close()


def test_the_chains_are_of_every_shape(place: Place) -> None:
    counts = Counter(name for clean in place.chains for name in clean.ingredients)
    counts.update(clean.truth.verdict.value for clean in place.chains)
    counts["ours alone"] = sum(clean.ours_alone for clean in place.chains)
    counts["ours alone, expired"] = sum(clean.ours_alone and bool(clean.truth.expired) for clean in place.chains)
    share = len(place.chains) / CHAINS
    assert len({clean.chain.names for clean in place.chains}) == len(place.chains)
    # a few chains may lack what is rare among a thousand
    assert {name: counts[name] for name, least in LEAST.items() if counts[name] < int(least * share**2)} == {}
    proven = {clean.truth.verdict.value for clean in place.chains if clean.ours_alone}
    assert proven == {"intact", "intact_with_expiry"}


@pytest.mark.parametrize("thorough", [False, True], ids=["default", "thorough"])
def test_each_is_said_to_be_what_it_is(place: Place, thorough: bool) -> None:
    def verified(clean: Clean) -> ChainReport:
        return place.store(clean).verify(*clean.chain.names, thorough=thorough)

    with ThreadPoolExecutor(THREADS) as pool:
        reports = list(pool.map(verified, place.chains))
    wrong = [
        (seed, clean.script, clean.truth, report)
        for seed, (clean, report) in enumerate(zip(place.chains, reports, strict=True))
        if as_told(report) != clean.truth or not kinds(report) <= SILENT
    ]
    assert wrong[:1] == []
    differing = [
        (seed, clean.script, report)
        for seed, (clean, report) in enumerate(zip(place.chains, reports, strict=True))
        if not agree(clean, report, place.store(clean))
    ]
    assert differing[:1] == []


def kinds(report: ChainReport) -> set[str]:
    return {finding.kind.value for finding in report.findings}


def agree(clean: Clean, report: ChainReport, store: AuditStore) -> bool:
    """Whether the second opinion says the same."""
    opinion = second_opinion(
        {item["id"]["S"]: item for item in clean.chain.items()},
        *clean.chain.names,
        now=report.at.epoch_seconds,
        ttl_seconds=store.lifetimes.current,
        past_ttl_seconds=store.lifetimes.past,
        thorough=report.thorough,
    )
    told = [(one.kind.value, one.sequence_number, one.last_sequence_number) for one in report.findings]
    return (report.verdict.value, runs(told)) == (opinion.verdict, runs([*opinion.findings, *opinion.apart]))
