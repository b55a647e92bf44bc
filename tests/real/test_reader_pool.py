"""Processes that read and judge say what threads say, wherever a finding lies, and a run can change over to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.chain import ahead
from audit_core.chain.pool import ReaderPool
from audit_core.chain.saved import SavedRun
from audit_core.errors import InputError
from audit_core.settings import load_settings
from tests import engines
from tests.chains import NAMES, Chain
from tests.cli.commands import printed, run
from tests.tables import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore

RECORDS = 640
BORDERS = (79, 80, 81, 160, 239)
"""Positions around those where one range ends and the next begins."""


@pytest.fixture(scope="module")
def store(dynamodb_local_url: str) -> Iterator[AuditStore]:
    opened = engines.open_local(dynamodb_local_url, "reader_pool")
    chain = Chain().ours(300).elsewhere(200).ours(RECORDS - 500)
    chain.remove(*BORDERS[:3]).edit(BORDERS[3], caller_id={"S": "somebody"}).edit(BORDERS[4], outcome={"S": "x"})
    chain.edit(410, outcome={"S": "failed"})
    intruder = {**chain.record(320), "id": {"S": "intruder"}, "sequence_number": {"N": "319.5"}}
    put(opened, *chain.items(), intruder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pool(store: AuditStore) -> Iterator[ReaderPool]:
    with store.reader_pool(2) as opened:
        yield opened


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "PAGE", 40)


def plain(report: ChainReport) -> ChainReport:
    bare = tuple(replace(finding, evidence=None) for finding in report.findings)
    return replace(report, reading=type(report.reading)(), at=report.at.from_nanos(0), findings=bare)


@pytest.mark.parametrize("options", [{}, {"thorough": True}, {"first": 80, "last": 330}], ids=str)
def test_the_report_is_that_of_threads(store: AuditStore, pool: ReaderPool, options: dict[str, Any]) -> None:
    by_threads, by_processes = store.verify(*NAMES, **options), store.verify(*NAMES, pool=pool, **options)
    assert plain(by_processes) == plain(by_threads)
    kinds = {(finding.kind.value, str(finding.sequence_number)) for finding in by_processes.findings}
    assert ("malformed_record", "319.5") in kinds
    assert ("content_modified", "160") in kinds


def test_a_finding_that_spans_a_border_is_found_once(store: AuditStore, pool: ReaderPool) -> None:
    missing = [one for one in store.verify(*NAMES, pool=pool).findings if one.kind.value == "missing_record"]
    assert [(one.sequence_number, one.last_sequence_number) for one in missing] == [(79, 81)]


def test_a_run_begun_by_processes_goes_on_with_threads(store: AuditStore, pool: ReaderPool) -> None:
    walk = store.walk(*NAMES, pool=pool)
    steps = iter(walk)
    for _ in range(9):
        next(steps)
    content = walk.save()
    assert content is not None
    saved = SavedRun.from_json(content)
    assert saved.reader is not None
    assert 0 < saved.reader.position < RECORDS
    resumed = store.walk(*NAMES, saved=saved)
    for _ in resumed:
        pass
    assert plain(resumed.report) == plain(store.verify(*NAMES))


def test_the_command_takes_processes(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__URL", str(store.settings.audit.url))
    monkeypatch.setenv("AUDIT__TABLE_NAME", store.table.name)
    of_chain = ("--namespace", NAMES[0], "--tenant", NAMES[1], "--json")
    result = run("verify", *of_chain, "--processes", "2")
    assert result.exit_code == 1
    assert printed(result)["chains"][0]["coverage"] == printed(run("verify", *of_chain))["chains"][0]["coverage"]


def test_what_makes_no_sense_is_refused(store: AuditStore) -> None:
    with pytest.raises(InputError, match="whole number from 1"):
        store.reader_pool(0)
    with pytest.raises(InputError, match="in this very process"):
        ReaderPool(load_settings(environ={}), 2)
