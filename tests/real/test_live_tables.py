"""Verification while the table changes under it: lagging indexes, sealers and writers at work (FORMAT 9)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.chain.findings import Verdict
from audit_core.chain.reader import LAG_SECONDS
from audit_core.chain.walk import ChainWalk
from audit_core.retention import Lifetimes
from audit_core.table import Table
from tests import engines
from tests.chains import LIFETIME, NAMES, Chain
from tests.real.wire import Wire, changed_answer
from tests.tables import ManualClock, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore
    from tests.real.wire import Fault

DECLARED = Lifetimes(LIFETIME, (2,))


@pytest.fixture
def open_one(dynamodb_local_url: str, unique_table: str) -> Iterator[Callable[[], AuditStore]]:
    opened: list[AuditStore] = []

    def one() -> AuditStore:
        engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
        opened.append(engines.open_store(engine, unique_table, {}))
        return opened[-1]

    yield one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_one: Callable[[], AuditStore]) -> AuditStore:
    return open_one()


@pytest.fixture
def wire(store: AuditStore) -> Iterator[Wire]:
    wire = Wire(store.table.client)
    yield wire
    wire.close()


def walked(store: AuditStore, clock: ManualClock, lag_seconds: float = LAG_SECONDS) -> ChainReport:
    """A verification as it is on AWS, where indexes lag."""
    table = Table(store.table.client, store.table.name, clock)
    walk = ChainWalk(table, *NAMES, DECLARED, lag_seconds=lag_seconds)
    for _ in walk:
        pass
    return walk.report


def without_newest(chain: Chain, last: int) -> Fault:
    """The index answers as it was when `last` was the newest record; -1: when there was none."""

    def older(answer: dict[str, Any]) -> None:
        shown = [item for item in answer["Items"] if int(item["sequence_number"]["N"]) <= last]
        if answer["Items"] and not shown and last >= 0:
            shown = [chain.record(last)]  # it was asked for the newest one alone
        answer.update(Items=shown, Count=len(shown))

    return changed_answer(older)


@pytest.mark.parametrize("last", [-1, 0, 3, 8])
def test_records_that_an_index_does_not_show_yet_are_found_by_the_fences_that_name_them(
    store: AuditStore, wire: Wire, last: int
) -> None:
    chain = Chain().ours(10)
    put(store, *chain.items())
    wire.always["Query"] = without_newest(chain, last)
    report = walked(store, ManualClock())
    assert (report.verdict, report.findings, report.records_checked) == (Verdict.INTACT, (), 10)


@pytest.mark.parametrize("last", [-1, 6])
def test_for_bare_fences_the_index_is_asked_again_until_it_shows_their_records(
    store: AuditStore, wire: Wire, last: int
) -> None:
    chain = Chain().elsewhere(10)
    put(store, *chain.items())
    wire.fail("Query", *[without_newest(chain, last)] * 5)
    clock = ManualClock()
    report = walked(store, clock)
    assert (report.verdict, report.findings, report.records_checked) == (Verdict.INTACT, (), 10)
    assert 0 < clock.slept < LAG_SECONDS


def test_the_index_is_waited_for_once_and_then_what_it_does_not_show_counts_as_gone(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(10).remove(3, 7, 9).items())
    clock = ManualClock()
    report = walked(store, clock)
    assert clock.slept == LAG_SECONDS
    gone = {(finding.kind.value, finding.sequence_number) for finding in report.findings}
    assert gone == {("expired_unproven", 3), ("expired_unproven", 7), ("expired_unproven", 9)}


def test_an_engine_without_lag_is_not_waited_for(store: AuditStore) -> None:
    put(store, *Chain().elsewhere(10).remove(3, 9).items())
    clock = ManualClock()
    walked(store, clock, lag_seconds=0)
    assert clock.slept == 0


def test_a_record_that_the_index_shows_otherwise_than_the_table_raises_no_alarm(store: AuditStore, wire: Wire) -> None:
    put(store, *Chain().ours(10).items())

    def stale(answer: dict[str, Any]) -> None:
        for item in answer["Items"]:
            if item["sequence_number"] == {"N": "4"}:
                item["caller_id"] = {"S": "somebody else"}

    wire.always["Query"] = changed_answer(stale)
    report = walked(store, ManualClock())
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())


def test_sealing_while_a_chain_is_read_raises_no_alarm(
    store: AuditStore, open_one: Callable[[], AuditStore], wire: Wire
) -> None:
    """The first page was read with bare fences; the second links to them as sealed ones."""
    put(store, *Chain().elsewhere(520).items())
    sealer = open_one()

    def seal_first(_wire: Wire, _request: Any) -> None:
        for _ in sealing:
            pass

    sealing = sealer.seal(*NAMES)
    wire.fail("Query", None, None, seal_first)
    report = walked(store, ManualClock())
    assert sealing.report.sealed == 520
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())
    pages = [body for body in wire.bodies("Query") if "ExclusiveStartKey" in body]
    assert len(pages) > 1, "it was not read anew"


def test_writers_append_while_verifiers_read(store: AuditStore, open_one: Callable[[], AuditStore]) -> None:
    stop = threading.Event()

    def write(writer: AuditStore, name: str) -> None:
        for number in range(40):
            writer.append_many([writer.draft(**_draft(name, number, part)) for part in range(3)])

    def verify(reader: AuditStore, *, thorough: bool) -> list[ChainReport]:
        reports = []
        while not stop.is_set():
            reports.append(reader.verify(*NAMES, thorough=thorough))
        return reports

    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(write, open_one(), f"w{number}") for number in range(3)]
        reading = [pool.submit(verify, open_one(), thorough=way) for way in (False, True)]
        for one in writing:
            one.result()
        stop.set()
        reports = [report for one in reading for report in one.result() if report.last_sequence is not None]
    assert {report.verdict for report in reports} == {Verdict.INTACT}
    assert {report.findings for report in reports} == {()}
    assert all(report.last_sequence == report.upper_bound for report in reports)
    assert len({report.records_checked for report in reports}) > 3, "nobody read while the chain grew"
    report = store.verify(*NAMES, thorough=True)
    assert (report.verdict, report.records_checked) == (Verdict.INTACT, 360)


def _draft(name: str, number: int, part: int) -> dict[str, Any]:
    return {
        "namespace": NAMES[0],
        "tenant": NAMES[1],
        "provider": name,
        "action_type": f"{number}.{part}",
        "verdict": "allow",
        "outcome": "executed",
    }
