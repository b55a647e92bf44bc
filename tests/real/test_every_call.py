"""A fault at every single request of a write, on DynamoDB Local: what is said of each record afterwards is true.

Each scenario names the requests that it makes when nothing fails; each of them is then broken in every way in turn.
The suite tries some of it, `-m matrix` all (FORMAT 6.4 to 6.7, CASES 41 to 45, 66).
"""

from __future__ import annotations

import ssl
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions as sdk

from audit_core.append import BATCH_LIMIT
from audit_core.chain.findings import Verdict
from audit_core.errors import (
    AuditError,
    ChainBlockedError,
    ConflictError,
    EngineError,
    NotWrittenError,
    OutcomeUnknownError,
)
from audit_core.fences import fence_id
from audit_core.store import AuditStore
from audit_core.table import pages
from audit_core.tip import Tip, sequence_range
from tests import engines, tables
from tests.builders import records
from tests.chains import Chain
from tests.real import wire as faults
from tests.real.wire import Wire
from tests.tables import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from audit_core.append import Appended
    from audit_core.records import AuditRecord
    from tests.real.wire import Fault

NAMESPACE = "notifications"
TENANTS = count()
SECONDS = 2.0
PATIENCE = 30.0
Q, B, W = "Query", "BatchGetItem", "TransactWriteItems"
FIND = (Q, B, B, Q, B)
"""How a process that knows nothing finds the tip: hint, its fences, those behind it, its record, and the look-back."""


def break_encryption(wire: Wire, request: Any) -> Any:
    """It breaks off while the answer is on its way."""
    wire.forward(request)
    raise sdk.SSLError(endpoint_url=request.url, error=ssl.SSLError("EOF occurred in violation of protocol"))


def be_in_progress(wire: Wire, request: Any) -> Any:
    """It is being carried out, and is done soon."""
    wire.held.append(request)
    return faults.code("TransactionInProgressException")(wire, request)


def distrust(_wire: Wire, request: Any) -> Any:
    raise sdk.SSLError(endpoint_url=request.url, error=ssl.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] verify failed"))


def lose_the_proxy(_wire: Wire, _request: Any) -> Any:
    raise sdk.ProxyConnectionError(proxy_url="http://127.0.0.1:1", error="refused")


AMBIGUOUS: dict[str, Fault] = {
    "request-lost": faults.lose_request,
    "answer-lost": faults.lose_answer,
    "overtaken": faults.hold,
    "error-before": faults.break_before,
    "error-after": faults.break_after,
    "in-progress": be_in_progress,
    "encryption-broken": break_encryption,
}
CERTAIN: dict[str, Fault] = {
    "doubled": faults.double,
    "no-connection": faults.refuse_connection,
    "no-proxy": lose_the_proxy,
    "throttled": faults.code("ThrottlingException"),
    "exceeded": faults.code("ProvisionedThroughputExceededException"),
    "limited": faults.code("RequestLimitExceeded"),
    "conflict": faults.cancel("TransactionConflict", "None"),
    "cancelled-for-load": faults.cancel("None", "ThrottlingError"),
    "cancelled-for-throughput": faults.cancel("ProvisionedThroughputExceeded", "TransactionConflict", "None"),
}
FATAL: dict[str, Fault] = {
    "invalid": faults.cancel("None", "ValidationError"),
    "denied-in-part": faults.cancel("AccessDenied", "None"),
    "collection-full": faults.cancel("TransactionConflict", "ItemCollectionSizeLimitExceeded"),
    "duplicate-item": faults.cancel("DuplicateItem", "None"),
    "denied": faults.code("AccessDeniedException"),
    "refused": faults.code("ValidationException"),
    "not-trusted": distrust,
}
WRITE_FAULTS = AMBIGUOUS | CERTAIN | FATAL
READ_FAULTS: dict[str, Fault] = {
    name: WRITE_FAULTS[name]
    for name in (
        *("request-lost", "answer-lost", "overtaken", "error-before", "error-after", "doubled"),
        *("no-connection", "throttled", "exceeded", "denied", "encryption-broken"),
    )
}
ALWAYS = 1000
"""A fault that stays until the deadline; one that stays for three attempts outlasts the client's reading."""


class Script:
    """Counts requests by operation, breaks some of one, and lets a rival win the first races; each takes a while."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.calls: list[str] = []
        self.hits = 0
        self.breaks: tuple[str, int, int, Fault] | None = None
        self.rivals: list[Callable[[], object]] = []
        self._tokens: set[str] = set()

    def __call__(self, wire: Wire, request: Any) -> Any:
        operation, body = wire.sent[-1]
        self.calls.append(operation)
        self._clock.slept += 0.005
        if operation == W and body["ClientRequestToken"] not in self._tokens:
            self._tokens.add(body["ClientRequestToken"])
            if self.rivals:
                self.rivals.pop()()
        if self.breaks is None or operation != self.breaks[0]:
            return None
        _, first, times, fault = self.breaks
        if not first <= self.calls.count(operation) < first + times:
            return None
        self.hits += 1
        return fault(wire, request)


class SerialWire(Wire):
    """One request at a time, so that several threads can be counted."""

    def __init__(self, client: Any) -> None:
        self._one = threading.RLock()
        super().__init__(client)

    def _handle(self, request: Any, **more: object) -> Any:
        with self._one:
            return super()._handle(request, **more)


@dataclass(slots=True)
class Run:
    """One tenant's chain, a process that has just started and writes to it through the wire, and what it was told."""

    tenant: str
    store: AuditStore
    plain: AuditStore
    script: Script
    handed: dict[str, AuditRecord] = field(default_factory=dict)
    told: dict[str, Appended | AuditError] = field(default_factory=dict)
    stood: dict[str, int] = field(default_factory=dict)
    """Where records that were there before are."""

    def records(self, how_many: int, start: int = 0, tenant: str = "") -> tuple[AuditRecord, ...]:
        made: list[AuditRecord] = []
        for number in range(start, start + how_many):
            label = f"{tenant or self.tenant}-{number}"
            made += records(1, start=number, id=label, action_id=label, tenant=tenant or self.tenant)
        return tuple(made)

    def begin(self, tenant: str = "") -> None:
        name = tenant or self.tenant
        tables.put(self.plain, *Chain(names=(NAMESPACE, name), label=name).ours(3).items())

    def hand(self, batch: Sequence[AuditRecord], write: Callable[[], Iterable[Appended]]) -> AuditError | None:
        """Note what is said of each record; who is named by no error in doubt was not written."""
        self.handed |= {one.id: one for one in batch}
        try:
            entries, error = write(), None
        except AuditError as failure:
            entries, error = failure.appended, failure
        self.told |= {entry.record.id: entry for entry in entries}
        if error is None:
            new = [entry.record.sequence_number or 0 for entry in entries if not entry.duplicate]
            assert new == sorted(new), "not in the order of the batch"
            return None
        unknown = error.ids if isinstance(error, OutcomeUnknownError) else None
        for one in batch:
            if one.id not in self.told:
                named = unknown is None or one.id in unknown
                self.told[one.id] = error if named else NotWrittenError("not named", (one.id,))
        return error

    def chain(self, tenant: str = "") -> list[str]:
        """The ids of the chain's records by position, which has to be theirs."""
        keys = sequence_range(f"{NAMESPACE}#{tenant or self.tenant}", None, None)
        items = [item for page in pages(self.plain.table, keys) for item in page.items]
        return [item["id"]["S"] for item in items]

    def standing(self) -> dict[str, int]:
        """The position of each record that was handed in and stands, read consistently."""
        found = self.plain.table.get_many(self.told).items
        return {item["id"]["S"]: int(item["sequence_number"]["N"]) for item in found}


# -- what is written --------------------------------------------------------------------------------------------------


def single(run: Run) -> None:
    (one,) = run.records(1)
    run.hand([one], lambda: (run.store.append(one, seconds=SECONDS),))


def single_that_keeps_losing(run: Run) -> None:
    rivals = run.records(2, start=800)
    run.script.rivals = [partial(run.plain.append, one) for one in rivals]
    single(run)


def batch_that_loses(run: Run) -> None:
    """First to a process of ours, then to a server that leaves a bare fence."""
    batch = run.records(BATCH_LIMIT)
    rivals = run.records(4, start=800)

    def server_appends() -> None:
        last = run.plain.append(rivals[3]).record
        tip = Tip(last.sequence_number or 0, last.record_hash, None)
        chain = Chain(names=(NAMESPACE, run.tenant), label=f"{run.tenant}-server", tip=tip).elsewhere(1)
        tables.put(run.plain, *chain.items())

    run.script.rivals = [server_appends, partial(run.plain.append_many, rivals[:3])]
    run.hand(batch, lambda: run.store.append_many(batch, seconds=SECONDS))


def batch_that_partly_stands(run: Run) -> None:
    batch = run.records(4)
    run.stood[batch[1].id] = 3
    run.plain.append(batch[1])
    run.hand(batch, lambda: run.store.append_many(batch, seconds=SECONDS))


def batch_with_a_conflict(run: Run) -> None:
    batch = run.records(4)
    run.stood[batch[1].id] = 3
    run.plain.append(replace(batch[1], verdict="another"))
    run.hand(batch, lambda: run.store.append_many(batch, seconds=SECONDS))
    run.handed[batch[1].id] = replace(batch[1], verdict="another")


def group(run: Run) -> None:
    """Four threads, each with records of both chains."""
    tenants = (run.tenant, second_tenant(run))
    parts = [[one for tenant in tenants for one in run.records(2, start=10 * part, tenant=tenant)] for part in range(4)]
    with run.store.group_writer() as writer, ThreadPoolExecutor(len(parts)) as pool:
        handed = pool.map(lambda part: [(one, writer.submit(one, seconds=SECONDS)) for one in part], parts)
        futures = [pair for part in handed for pair in part]
        for one, future in futures:
            run.hand([one], lambda future=future: (future.result(PATIENCE),))  # type: ignore[misc]


def second_tenant(run: Run) -> str:
    return f"{run.tenant}-b"


def two_phase(run: Run) -> None:
    """What is handed to the store is noted, the outcome too, which the block's end makes."""
    append = run.store.append

    def noted(one: AuditRecord) -> Appended:
        error = run.hand([one], lambda: (append(one, seconds=SECONDS),))
        if error is not None:
            raise error
        entry = run.told[one.id]
        assert not isinstance(entry, AuditError)
        return entry

    run.store.append = noted  # type: ignore[method-assign,assignment]
    try:
        with run.store.two_phase(run.records(1)[0]):
            pass
    except AuditError as error:
        assert error in run.told.values()  # noqa: PT017 - success is as good
    finally:
        run.store.append = append  # type: ignore[method-assign]


def pass_over(run: Run) -> None:
    """Behind an item that is no fence; the record that says so is the store's own."""
    tables.put(run.plain, {"id": {"S": fence_id(NAMESPACE, run.tenant, 3)}, "_fence": {"BOOL": True}, "x": {"S": "y"}})
    try:
        entry = run.store.pass_over(NAMESPACE, run.tenant, reason="it was looked into")
    except AuditError as error:
        run.told["the order"] = error
    else:
        run.told[entry.record.id] = entry


SCENARIOS: dict[Callable[[Run], None], tuple[str, ...]] = {
    single: (*FIND, W),
    single_that_keeps_losing: (*FIND, W, W, B, W),
    batch_that_loses: (*FIND, W, W, B, B, Q, W, W),
    batch_that_partly_stands: (*FIND, W, B, W),
    batch_with_a_conflict: (*FIND, W, W),
    group: (*FIND, *FIND, W, W),
    two_phase: (*FIND, W, W),
    pass_over: (Q, B, B, B, Q, B, B, B, W),
}
"""The requests of each when nothing fails; of the group's there may be more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario, the request that is broken (the `number`-th of its operation), how, and for how many attempts."""

    scenario: Callable[[Run], None]
    operation: str
    number: int
    fault: str
    times: int

    def __str__(self) -> str:
        return f"{self.scenario.__name__}-{self.operation}{self.number}-{self.fault}-{self.times}"

    @property
    def doubtful(self) -> bool:
        return self.operation == W and self.fault in AMBIGUOUS

    @property
    def must_end_well(self) -> bool:
        """Whether it is a fault that passes."""
        passing = AMBIGUOUS | CERTAIN if self.operation == W else READ_FAULTS.keys() - {"denied"}
        return self.times == 1 and self.fault in passing

    @property
    def representative(self) -> bool:
        """Each request in some ways, one transaction in all; the tip is found in the same way everywhere."""
        if self.operation == W:
            some = {("overtaken", 1), ("invalid", 1), ("error-before", ALWAYS)}
            return (self.fault, self.times) in some or (
                self.scenario is single and (self.times == 1 or self.fault in AMBIGUOUS)
            )
        finding = SCENARIOS[self.scenario][: len(FIND)].count(self.operation) >= self.number
        some = {("request-lost", 1), ("error-after", 3), ("denied", 1)}
        return (self.scenario is single or not finding) and (self.fault, self.times) in some


def cases() -> Iterator[Any]:
    for scenario, calls in SCENARIOS.items():
        numbered: Counter[str] = Counter()
        for operation in calls:
            numbered[operation] += 1
            ways, lasting = (WRITE_FAULTS, ALWAYS) if operation == W else (READ_FAULTS, 3)
            for fault in ways:
                for times in (1, lasting):
                    case = Case(scenario, operation, numbered[operation], fault, times)
                    yield pytest.param(case, id=str(case), marks=() if case.representative else pytest.mark.matrix)


# -- the place --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A table for all cases, with a tenant for each."""

    plain: AuditStore
    wired: AuditStore
    wire: Wire

    def run(self) -> Run:
        clock = ManualClock()
        script = Script(clock)
        self.wire.faults.clear()
        self.wire.sent.clear()
        self.wire.held.clear()
        self.wire.always = dict.fromkeys((Q, B, W, "GetItem"), script)
        store = AuditStore(self.wired.settings, self.wired.table.client, clock=clock)
        return Run(f"t{next(TENANTS)}", store, self.plain, script)

    def calm(self) -> None:
        """Nothing fails any more, and what is under way arrives."""
        self.wire.always = {}
        for request in self.wire.held:
            self.wire.forward(request)
        self.wire.held.clear()


@pytest.fixture(scope="module")
def place(dynamodb_local_url: str) -> Iterator[Place]:
    engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
    table = f"audit_{uuid.uuid4().hex[:12]}"
    with pytest.MonkeyPatch.context() as patch:
        # the two stores race like those of two machines: writers of one machine take turns
        patch.setattr("audit_core.store.meeting_place", lambda _table: None)
        plain, wired = (engines.open_store(engine, table, {}) for _ in range(2))
        # the client waits between its attempts to read, by the real clock
        patch.setattr("audit_core.client.random", SimpleNamespace(uniform=lambda *_: 0.0))
        opened = Place(plain, wired, SerialWire(wired.table.client))
        yield opened
    plain.close()
    wired.close()
    opened.wire.close()


# -- what has to hold -------------------------------------------------------------------------------------------------


def begun(place: Place, scenario: Callable[[Run], None]) -> Run:
    run = place.run()
    run.begin()
    if scenario is group:
        run.begin(second_tenant(run))
    return run


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_what_is_asked_when_nothing_fails(place: Place, scenario: Callable[[Run], None]) -> None:
    run = begun(place, scenario)
    scenario(run)
    made = run.script.calls
    if scenario is group:
        assert Counter(made) >= Counter(SCENARIOS[scenario])
    else:
        assert tuple(made) == SCENARIOS[scenario]
    assert [*map(type, failures(run))] == [ConflictError] * (scenario is batch_with_a_conflict)


@pytest.mark.parametrize("case", [*cases()])
def test_whatever_fails_what_is_said_is_true(place: Place, case: Case) -> None:
    run = begun(place, case.scenario)
    run.script.breaks = (case.operation, case.number, case.times, WRITE_FAULTS[case.fault])

    case.scenario(run)
    place.calm()

    assert run.script.hits, "the fault was never met"
    tokens_are_kept_for_one_body_alone(place.wire, repeated=case.scenario is group)
    errors = failures(run)
    if case.must_end_well:
        assert all(isinstance(error, ConflictError) and run.stood.keys() == set(error.ids) for error in errors), errors
        assert len(errors) == (case.scenario is batch_with_a_conflict)
    assert case.doubtful or not any(isinstance(error, OutcomeUnknownError) for error in errors)
    if case.scenario is pass_over:
        the_position_is_passed_over_by_order_alone(run)
    else:
        each_record_is_where_it_was_said_to_be(run)
        the_same_again_completes_it(run)


def failures(run: Run) -> list[AuditError]:
    return [told for told in run.told.values() if isinstance(told, AuditError)]


def tokens_are_kept_for_one_body_alone(wire: Wire, *, repeated: bool) -> None:
    """And a body for its token, unless a later call wrote the same again."""
    bodies = {(body["ClientRequestToken"], str(body["TransactItems"])) for body in wire.bodies(W)}
    assert len({token for token, _ in bodies}) == len(bodies)
    assert repeated or len({items for _, items in bodies}) == len(bodies)


def each_record_is_where_it_was_said_to_be(run: Run) -> None:
    assert run.told.keys() == run.handed.keys()
    standing = run.standing()
    for record_id, told in run.told.items():
        stands = standing.get(record_id)
        if not isinstance(told, AuditError):
            assert stands == told.record.sequence_number, record_id
        elif record_id in run.stood:
            assert stands == run.stood[record_id], record_id
        elif not isinstance(told, OutcomeUnknownError):
            assert isinstance(told, NotWrittenError | EngineError), told
            assert stands is None, (record_id, told)


def the_same_again_completes_it(run: Run) -> None:
    """By the very process that met the fault."""
    for tenant in dict.fromkeys(one.tenant for one in run.handed.values()):
        batch = [one for one in run.handed.values() if one.tenant == tenant]
        before = run.chain(tenant)
        for entry in run.store.append_many(batch):
            told = run.told[entry.record.id]
            assert entry.duplicate is (entry.record.id in before)
            if not isinstance(told, AuditError):
                assert entry.record.sequence_number == told.record.sequence_number
        chain = run.chain(tenant)
        assert chain[: len(before)] == before
        assert sorted(chain[len(before) :]) == sorted({one.id for one in batch} - set(before))
        report = run.plain.verify(NAMESPACE, tenant, thorough=True)
        assert report.verdict is Verdict.INTACT, report.findings
        assert {finding.kind.value for finding in report.findings} <= {"lone_intent", "coverage_lost"}
        assert report.records_checked == len(chain) == len(set(chain))


def the_position_is_passed_over_by_order_alone(run: Run) -> None:
    (told,) = run.told.values()
    later = run.records(2, start=20)
    passed = len(run.chain()) == 4
    if not isinstance(told, AuditError):
        assert run.standing() == {told.record.id: 4}
        assert told.record.sequence_number == 4
    elif not isinstance(told, OutcomeUnknownError):
        assert not passed
    if not passed:
        with pytest.raises(ChainBlockedError):
            run.store.append(later[0])
        run.store.pass_over(NAMESPACE, run.tenant, reason="once more")
    assert [run.store.append(one).record.sequence_number for one in later] == [5, 6]
    report = run.plain.verify(NAMESPACE, run.tenant, thorough=True)
    assert {(finding.kind.value, finding.sequence_number) for finding in report.findings} == {
        ("fence_mismatch", 3),
        ("missing_record", 3),
        ("broken_link", 4),
    }
