"""Several writers of one chain in random steps, with deadlines, expiry and faults: what each was told stays true.

A model knows of each record whether it is in, and where; is not in; or is in doubt. The table is `memory_engine`'s.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from audit_core.append import BATCH_LIMIT, ChainWriter
from audit_core.chain.findings import Severity
from audit_core.chain.walk import ChainWalk
from audit_core.errors import (
    AuditError,
    ConflictError,
    EngineError,
    EngineUnreachableError,
    NotWrittenError,
    OutcomeUnknownError,
    RecordError,
    ThrottledError,
)
from audit_core.fences import bare_fence, fence_id
from audit_core.groupcommit import GroupWriter
from audit_core.retention import Lifetimes
from audit_core.tip import Tip
from tests import memory_engine as faults
from tests.builders import record
from tests.chain_machine import said
from tests.chains import NAMES, Chain
from tests.innocence import SILENT, as_told, innocent
from tests.memory_engine import MemoryEngine, Way
from tests.memory_table import MemoryTable
from tests.second_opinion import runs, second_opinion
from tests.tables import ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from audit_core.append import Appended
    from audit_core.chain.findings import ChainReport
    from audit_core.records import AuditRecord
    from audit_core.table import Table
    from tests.innocence import Positions

Item = dict[str, dict[str, Any]]

WRITERS = 3
SHORT, LONG = 60, 3600
DECLARED = Lifetimes(LONG, (SHORT,))
PATIENCE = 60.0
LONGEST_CHAIN = 400
INTRUDERS = ("-1", "0.5", "499.5", "700", str(2**53 - 1), str(2**53), "1" + "0" * 30)


@dataclass(slots=True)
class Known:
    """What is known of a record: `number` where it is in, and whether it may be in though nobody was told."""

    record: AuditRecord
    number: int | None = None
    doubt: bool = False


class Gate:
    """Around a group's transactions: the first waits until a test has handed in the others."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()

    def __enter__(self) -> None:
        self.reached.set()
        assert self.open.wait(PATIENCE)

    def __exit__(self, *_: object) -> None:
        return


def pause(seconds: float) -> faults.Fault:
    """The process stands still before it hears the answer, while TTL may come by."""

    def stand_still(way: Way, request: faults.Request) -> None:
        try:
            request()
        finally:
            way.clock.sleep(seconds)
            way.engine.expire(2)

    return stand_still


def pause_unheard(way: Way, request: faults.Request) -> None:
    pause(faults.TOKEN_SECONDS + 1)(way, lambda: faults.lose_answer(way, request))


PASSING: dict[str, faults.Fault] = {
    "request lost": faults.lose_request,
    "answer lost": faults.lose_answer,
    "held": faults.hold,
    "overtaken": faults.be_overtaken,
    "error before": faults.break_before,
    "error after": faults.break_after,
    "in progress": faults.be_in_progress,
    "no connection": faults.refuse_connection,
    "throttled": faults.throttle,
    "conflict": faults.conflict,
    "load": faults.load,
}
OTHERS: dict[str, faults.Fault] = {
    "forbidden": faults.forbid,
    "invalid": faults.invalidate,
    "pause": pause(20.0),
    "long pause": pause(faults.TOKEN_SECONDS + 1),
    "long pause, answer lost": pause_unheard,
}
FAULTS = PASSING | OTHERS
RIVALS = ("a store", "a server", "the same", "many")

which = st.integers(0, WRITERS - 1)
some = st.sampled_from([1, 1, 1, 2, 3, 5, BATCH_LIMIT])
lifetimes = st.sampled_from([None, None, SHORT, LONG])
deadlines = st.sampled_from([30.0, 30.0, 30.0, 4.0, 0.5, 1500.0])
ONE = ("", *FAULTS, *RIVALS)
happenings = st.one_of(
    st.just(()),
    st.sampled_from(ONE).map(lambda one: (one,)),
    st.tuples(st.sampled_from([*PASSING]), st.sampled_from([*OTHERS])),
    st.tuples(st.sampled_from(ONE), st.sampled_from(ONE)),
    st.lists(st.sampled_from(ONE), max_size=4).map(tuple),
)
broken_reads: st.SearchStrategy[list[bool]] = st.one_of(st.just([]), st.just([]), st.lists(st.booleans(), max_size=6))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a call meets: how long it may take, what happens to its writes, one of which stays; which reads fail."""

    seconds: float = 30.0
    writes: tuple[str, ...] = ()
    stays: str = ""
    reads: tuple[bool, ...] = ()

    @property
    def passing(self) -> bool:
        """Whether whoever keeps at it still gets everything in."""
        return not (self.stays or any(self.reads) or self.seconds < 30 or OTHERS.keys() & set(self.writes))


troubles = st.builds(Trouble, deadlines, happenings, st.sampled_from([*[""] * 40, *PASSING]), broken_reads.map(tuple))

MET = frozenset(
    (
        *("NotWrittenError", "OutcomeUnknownError", "CredentialsError", "ThrottledError", "RecordError"),
        *("intact", "intact_with_expiry", "unproven", "expired", "late", "group", "conflict"),
        *(f"rival: {kind}" for kind in RIVALS),
    )
)
"""What a run of many lives has to have met, by the names under which `WritersMachine.seen` counts it."""


class WritersMachine(RuleBasedStateMachine):
    """One chain; `seen` counts what was met, so that a test can tell whether it met enough."""

    def __init__(self, seen: Counter[str]) -> None:
        super().__init__()
        self.seen = seen
        self.clock = ManualClock()
        self.engine = MemoryEngine(self.clock)
        self.known: dict[str, Known] = {}
        self.order: defaultdict[str, list[int]] = defaultdict(list)
        self.hashes: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.intruders: set[str] = set()
        self.made = self.foreign = 0
        self.rivalled: set[str] = set()
        self.local = True
        self.tip_was_bare = False

    @initialize(lag=st.sampled_from([None, 0.0, 0.5, 5.0]))
    def begin(self, lag: float | None) -> None:
        """On an engine whose indexes never lag, or on one where they may."""
        self.local, self.engine.lag = lag is None, lag or 0.0
        self.ways = [Way(self.engine) for _ in range(WRITERS + 1)]
        self.rival = self.writer(Way(self.engine))
        self.writers = [self.writer(way) for way in self.ways]
        self.gate = Gate()
        self.group = self.group_writer()

    def writer(self, way: Way, gate: Any = None) -> ChainWriter:
        table = cast("Table", way)
        return ChainWriter(table, "acteon_", DECLARED, local=self.local, gate=gate or threading.Lock())

    def group_writer(self) -> GroupWriter:
        return GroupWriter(self.writer(self.ways[WRITERS], self.gate), lambda one: one, self.clock)

    def teardown(self) -> None:
        if not hasattr(self, "group"):
            return
        self.gate.open.set()
        self.group.close()
        self.late_requests_arrive(len(self.engine.held))
        self.what_was_said_is_true()
        self.everything_goes_in_in_the_end()
        self.what_was_said_is_true()
        self.verification_and_the_second_opinion_agree()

    # -- records ------------------------------------------------------------------------------------------------------

    def new(self, count: int, lifetime: int | None) -> list[AuditRecord]:
        now = self.clock.now()
        expires = None if lifetime is None else now.plus_seconds(lifetime)
        batch = []
        for _ in range(count):
            self.made += 1
            values = {"id": f"r{self.made}", "action_id": f"a{self.made}", "expires_at": expires}
            batch.append(record(**values, dispatched_at=now, completed_at=now))
        return batch

    def lasting(self) -> list[Known]:
        """Those that have not expired, so that they can be appended again."""
        now = self.clock.now().epoch_seconds
        return [
            known
            for known in self.known.values()
            if known.record.expires_at is None or known.record.expires_at.epoch_seconds > now + 3
        ]

    def old(self, number: int, count: int) -> list[Known]:
        lasting = self.lasting()
        first = number % len(lasting) if lasting else 0
        return lasting[first : first + count]

    def fences(self) -> dict[int, Item]:
        prefix = fence_id(*NAMES, 0)[:-1]
        return {
            int(item_id.removeprefix(prefix)): item
            for item_id, item in self.engine.items.items()
            if item_id.startswith(prefix)
        }

    def standing(self) -> dict[int, list[Item]]:
        found: defaultdict[int, list[Item]] = defaultdict(list)
        for item_id, item in self.engine.items.items():
            if "sequence_number" in item and item_id not in self.intruders:
                found[int(item["sequence_number"]["N"])].append(item)
        return found

    # -- what happens to a call ---------------------------------------------------------------------------------------

    def prepare(self, way: Way, batch: Sequence[AuditRecord], trouble: Trouble) -> None:
        way.calm()
        self.rivalled.clear()
        self.tip_was_bare = self.is_tip_bare() or bool({"a server", "many"} & set(trouble.writes))
        stay = [trouble.stays] * 1000 if trouble.stays else []
        way.faults.extend(
            self.rival_wins(one, batch) if one in RIVALS else FAULTS.get(one) for one in (*trouble.writes, *stay)
        )
        kinds = (EngineUnreachableError, ThrottledError)
        way.broken.extend(kinds[number % 2]("no") if broken else None for number, broken in enumerate(trouble.reads))

    def rival_wins(self, kind: str, batch: Sequence[AuditRecord]) -> faults.Fault:
        """Another writer comes first."""

        def come_first(_way: Way, request: faults.Request) -> None:
            self.seen[f"rival: {kind}"] += 1
            if kind == "a server":
                self.server_appends(2, SHORT)
            elif kind == "many" and len(self.fences()) < LONGEST_CHAIN:
                self.server_appends(1, None)
                for size in (BATCH_LIMIT, BATCH_LIMIT, 20):
                    self.rival_appends(self.new(size, None))
                self.server_appends(1, None)
            elif kind == "the same":
                self.rivalled |= {one.id for one in batch}
                self.rival_appends(batch)
            else:
                self.rival_appends(self.new(2, LONG))
            request()

        return come_first

    def rival_appends(self, batch: Sequence[AuditRecord]) -> None:
        try:
            entries = self.rival.append(batch, 3000.0)
        except RecordError:  # the clock has gone past the expiry of what it was to write as well
            return
        for entry in entries:
            known = self.known.setdefault(entry.record.id, Known(entry.record))
            if known.number is None and not known.doubt:
                assert not entry.duplicate or entry.record.id in self.rivalled
            self.acknowledge(known, entry)

    def server_appends(self, count: int, lifetime: int | None) -> None:
        """A server that knows the tip and writes bare fences."""
        self.remember()
        for _ in range(count):
            last = max(self.fences(), default=-1)
            now, self.foreign = self.clock.now(), self.foreign + 1
            own = f"s{self.foreign}"
            values: dict[str, Any] = {"id": own, "action_id": own, "dispatched_at": now}
            chain = Chain(tip=Tip(last, self.hashes.get(last), None)).elsewhere(1, completed_at=now, **values)
            item = dict(chain.record(last + 1))
            if lifetime is not None:
                expires = now.plus_seconds(lifetime)
                item["expires_at"] = {"S": expires.normalised}
                item["expires_at_ttl"] = {"N": str(expires.epoch_seconds)}
            self.engine.put(item, bare_fence(*NAMES, last + 1))
            self.remember()

    def remember(self) -> None:
        for number, fence in self.fences().items():
            if "record_id" in fence:
                self.hashes[number] = fence["record_hash"]["S"]
                self.names[number] = fence["record_id"]["S"]
        for number, (item, *_) in self.standing().items():
            self.hashes[number] = item["record_hash"]["S"]
            self.names[number] = item["id"]["S"]

    # -- what is said of it -------------------------------------------------------------------------------------------

    def acknowledge(self, known: Known, entry: Appended) -> None:
        number = entry.record.sequence_number
        assert number is not None
        assert known.number in {None, number}, "acknowledged at two positions"
        known.number, known.doubt = number, False

    def hear(self, who: str, entry: Appended, *, doubts: int) -> None:
        """A record is said to be in: new, or there already; after a doubt, what is there may be taken for one's own."""
        known = self.known[entry.record.id]
        stood, in_doubt = known.number is not None, known.doubt
        if known.record.id not in self.rivalled and not known.doubt and not (stood and doubts):
            assert entry.duplicate is stood
        self.acknowledge(known, entry)
        if not (entry.duplicate or stood or in_doubt) and known.number is not None:
            self.order[who].append(known.number)

    def hear_error(self, way: Way, error: AuditError, batch: Sequence[AuditRecord], trouble: Trouble) -> None:
        self.seen[type(error).__name__] += 1
        if isinstance(error, OutcomeUnknownError):
            for record_id in error.ids:
                known = self.known[record_id]
                assert way.doubts or known.doubt, "nothing was in doubt"
                known.doubt = known.number is None
        elif isinstance(error, RecordError):
            now = self.clock.now().epoch_seconds
            assert any(one.expires_at and one.expires_at.epoch_seconds < now + 3 for one in batch), error
        else:
            assert isinstance(error, NotWrittenError | EngineError), error
            assert self.tip_was_bare or not trouble.passing, error

    def is_tip_bare(self) -> bool:
        """Whether a writer may have to wait for the last record to show in the index, for a minute where it is gone."""
        fences = self.fences()
        return bool(fences) and fences[max(fences)].keys() == {"id", "_fence"}

    def enter(self, batch: Sequence[AuditRecord]) -> None:
        for one in batch:
            self.known.setdefault(one.id, Known(one))

    def call(self, number: int, batch: list[AuditRecord], trouble: Trouble) -> ConflictError | None:
        """Append, and note what was said."""
        way, writer = self.ways[number], self.writers[number]
        self.enter(batch)
        self.prepare(way, batch, trouble)
        try:
            entries, error = writer.append(batch, trouble.seconds), None
        except AuditError as failure:
            entries, error = failure.appended, failure
        self.check_tokens(way)
        for entry in entries:
            self.hear(f"writer {id(writer)}", entry, doubts=way.doubts)
        if isinstance(error, ConflictError):
            assert {entry.record.id for entry in entries} | set(error.ids) == {one.id for one in batch}
            return error
        if error is not None:
            self.hear_error(way, error, batch, trouble)
        return None

    def check_tokens(self, way: Way) -> None:
        """A token is for one body, and a body keeps its token for nine minutes."""
        bodies = set(way.bodies)
        assert len({token for token, _ in bodies}) == len(bodies)
        if way.took() < 500:
            assert len({body for _, body in bodies}) == len(bodies), "one body went out under two tokens"

    # -- steps --------------------------------------------------------------------------------------------------------

    @rule(number=which, count=some, lifetime=lifetimes, trouble=troubles)
    def append(self, number: int, count: int, lifetime: int | None, trouble: Trouble) -> None:
        assert self.call(number, self.new(count, lifetime), trouble) is None

    @rule(number=which, first=st.integers(0, 500), count=st.integers(1, 4), more=st.integers(0, 2), trouble=troubles)
    def append_again(self, number: int, first: int, count: int, more: int, trouble: Trouble) -> None:
        """What stands, what does not and what is in doubt, with new ones behind it."""
        batch = [known.record for known in self.old(first, count)] + self.new(more, None)
        if batch:
            assert self.call(number, batch, trouble) is None

    @rule(number=which, first=st.integers(0, 500), trouble=troubles)
    def append_other_content(self, number: int, first: int, trouble: Trouble) -> None:
        # an id is free again once its record has expired
        certain = [one for one in self.known.values() if one.number is not None and one.record.expires_at is None]
        if not certain:
            return
        taken = certain[first % len(certain)]
        before, after = self.new(2, None)
        # a rival would write the forgery as well
        trouble = replace(trouble, writes=tuple(one for one in trouble.writes if one != "the same"))
        conflict = self.call(number, [before, record(id=taken.record.id, verdict="forged"), after], trouble)
        if conflict is not None:
            self.seen["conflict"] += 1
            assert conflict.ids == (taken.record.id,)
        else:
            assert self.tip_was_bare or not trouble.passing, "other content was acknowledged"

    @rule(
        sizes=st.lists(st.sampled_from([1, 2, 7]), min_size=1, max_size=4),
        lifetime=lifetimes,
        again=st.integers(0, 2),
        first=st.integers(0, 500),
        trouble=troubles,
    )
    def hand_to_the_group(
        self, sizes: list[int], lifetime: int | None, again: int, first: int, trouble: Trouble
    ) -> None:
        """The first goes alone, the others gather behind it."""
        way = self.ways[WRITERS]
        fresh = self.new(sum(sizes), lifetime)
        batch = [*fresh[:2], *(known.record for known in self.old(first, again)), *fresh[2:]]
        self.enter(batch)
        self.prepare(way, batch, trouble)
        self.gate.open.clear()
        self.gate.reached.clear()
        futures = [self.group.submit(batch[0], seconds=trouble.seconds)]
        while not (self.gate.reached.wait(0.001) or futures[0].done()):
            pass
        futures += [self.group.submit(one, seconds=trouble.seconds) for one in batch[1:]]
        self.gate.open.set()
        assert self.group.flush(PATIENCE)
        for one, future in zip(batch, futures, strict=True):
            self.hear_future(way, one, future, trouble)

    def hear_future(self, way: Way, one: AuditRecord, future: Future[Appended], trouble: Trouble) -> None:
        error = future.exception(PATIENCE)
        if error is None:
            self.seen["group"] += 1
            self.hear(f"group {id(self.group)}", future.result(), doubts=way.doubts)
            return
        assert isinstance(error, AuditError), error
        if isinstance(error, OutcomeUnknownError):
            assert error.ids == (one.id,)
        self.hear_error(way, error, [one], trouble)

    @rule(count=st.integers(1, 3), lifetime=lifetimes)
    def server(self, count: int, lifetime: int | None) -> None:
        self.server_appends(count, lifetime)

    @rule(seconds=st.sampled_from([0.1, 5.0, 50.0, 100.0, 700.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule(most=st.sampled_from([1, 3, 1000]))
    def ttl_removes(self, most: int) -> None:
        self.remember()
        self.seen["expired"] += bool(self.engine.expire(most))

    @rule(most=st.integers(1, 5))
    def late_requests_arrive(self, most: int) -> None:
        self.seen["late"] += self.engine.arrive(most)

    @rule(number=st.integers(0, WRITERS))
    def crash(self, number: int) -> None:
        """Another process takes its place, which knows nothing."""
        if number == WRITERS:
            self.group.close()
            self.group = self.group_writer()
        else:
            self.writers[number] = self.writer(self.ways[number])

    @rule(place=st.sampled_from(INTRUDERS), sound=st.booleans())
    def an_intruder_claims_to_be_the_tip(self, place: str, sound: bool) -> None:
        """A record in the index at a number that no fence vouches for, with a valid hash or without."""
        made = f"intruder {place}"
        item = dict(Chain().elsewhere(1, id=made, action_id=made).record(0))
        item["sequence_number"] = {"N": place}
        if not sound:
            item["record_hash"] = {"S": "0" * 64}
        self.intruders.add(made)
        self.engine.put(item)

    @rule()
    def intruders_go(self) -> None:
        for item_id in self.intruders:
            self.engine.items.pop(item_id, None)
        self.intruders.clear()

    # -- what has to hold ---------------------------------------------------------------------------------------------

    @invariant()
    def what_was_said_is_true(self) -> None:
        self.remember()
        fences = self.fences()
        assert sorted(fences) == list(range(len(fences))), "a position lacks"
        assert all(len(items) == 1 for items in self.standing().values()), "two records at one position"
        named = Counter(fence["record_id"]["S"] for fence in fences.values() if "record_id" in fence)
        assert all(count == 1 for count in named.values()), "a record went in twice"
        for record_id, known in self.known.items():
            item = self.engine.items.get(record_id)
            if known.number is not None:
                assert self.names[known.number] == record_id, "acknowledged, and another is there"
                assert fences[known.number]["record_id"]["S"] == record_id
                assert item is not None or self.may_be_gone(known.record), "acknowledged, and not there"
                assert item is None or int(item["sequence_number"]["N"]) == known.number
            elif not known.doubt:
                assert item is None, "said not to be written, and it is there"
                assert not named[record_id]
        for numbers in self.order.values():
            assert numbers == sorted(numbers), "a writer's records are not in its order"

    def may_be_gone(self, one: AuditRecord) -> bool:
        return one.expires_at is not None and one.expires_at.epoch_seconds < self.clock.now().epoch_seconds

    def untouched(self) -> dict[str, Item]:
        return {item_id: item for item_id, item in self.engine.items.items() if item_id not in self.intruders}

    def report(self) -> ChainReport:
        table = cast("Table", MemoryTable(self.untouched(), self.clock.now()))
        walk = ChainWalk(table, *NAMES, DECLARED, thorough=True)
        for _ in walk:
            pass
        return walk.report

    @rule()
    def verification_finds_nothing(self) -> None:
        fences = self.fences()
        if fences:
            self.check(self.report(), fences)

    def check(self, report: ChainReport, fences: dict[int, Item]) -> None:
        assert {finding.kind.value for finding in report.findings} <= SILENT, report.findings
        assert not any(finding.severity is Severity.BREAK for finding in report.findings)
        standing = self.standing()
        positions: Positions = {number: (standing.get(number, [None])[0], fence) for number, fence in fences.items()}
        assert as_told(report) == innocent(positions)
        self.seen[report.verdict.value] += 1

    def verification_and_the_second_opinion_agree(self) -> None:
        fences = self.fences()
        if not fences:
            return
        report, now = self.report(), self.clock.now().epoch_seconds
        self.check(report, fences)
        times: dict[str, Any] = {"ttl_seconds": DECLARED.current, "past_ttl_seconds": DECLARED.past}
        opinion = second_opinion(self.untouched(), *NAMES, now=now, thorough=True, **times)
        assert said(report) == set(runs([*opinion.findings, *opinion.apart]))
        assert report.verdict.value == opinion.verdict

    def everything_goes_in_in_the_end(self) -> None:
        """By a process that has just started, though intruders may stand about."""
        self.rivalled.clear()
        self.ways[0].calm()
        writer = self.writer(self.ways[0])
        unsure = [known.record for known in self.lasting()]
        for start in range(0, len(unsure), BATCH_LIMIT):
            for entry in writer.append(unsure[start : start + BATCH_LIMIT], 3000.0):
                self.hear("the last", entry, doubts=0)
