"""Sixteen writers in four processes on one chain, killed at random, with verifiers reading along (CASES 46, 47)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from tests import engines, tables
from tests.chains import NAMES
from tests.real.hammering import Hammer

if TYPE_CHECKING:
    from audit_core.store import AuditStore


def hammered(hammer: Hammer) -> str:
    """Run it, hold what stands against what was acknowledged, and say what happened."""
    store = engines.open_local(hammer.url, hammer.table)
    started = time.monotonic()
    hammer.run()
    seconds = time.monotonic() - started
    standing = positions(store)
    report = store.verify(*NAMES, thorough=True)
    store.close()
    assert (report.verdict, report.findings, report.records_checked) == (Verdict.INTACT, (), len(standing))
    assert sorted(standing.values()) == list(range(len(standing)))
    assert hammer.acknowledged == {record_id: {position} for record_id, position in standing.items()}
    assert len(standing) == hammer.wanted
    assert hammer.verdicts.keys() <= {("intact",), ("incomplete",)}, hammer.verdicts  # the latter: of no record yet
    assert hammer.verdicts["intact",] > 0
    return (
        f"{hammer.killed} kills in {seconds:.0f} s: {len(standing)} records acknowledged, each there once at the place "
        f"it was told, no gap; {hammer.verdicts.total()} verifications meanwhile: {dict(hammer.verdicts)}"
    )


def positions(store: AuditStore) -> dict[str, int]:
    """Where each record of the table stands."""
    found = [item for item in tables.everything(store).values() if "_fence" not in item]
    return {item["id"]["S"]: int(item["sequence_number"]["N"]) for item in found}


def test_writers_in_processes_lose_nothing_when_some_are_killed(dynamodb_local_url: str, unique_table: str) -> None:
    hammer = Hammer(dynamodb_local_url, unique_table, each=15, kills=6, seed=1)
    hammered(hammer)
    assert hammer.killed == 6


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_writers_lose_nothing_in_five_hundred_kills(
    dynamodb_local_url: str, unique_table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = hammered(Hammer(dynamodb_local_url, unique_table, each=25, kills=500, seed=2))
    with capsys.disabled():
        print(told)  # noqa: T201 - a soak is run for its numbers
