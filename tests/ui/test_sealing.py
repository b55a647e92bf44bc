"""A sealing in slices: it goes on step by step, stops, is taken up, and survives an engine that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.errors import EngineError, EngineUnreachableError
from audit_ui.context import Context
from audit_ui.sealing import Sealing
from tests.chains import NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from audit_core import AuditStore


@pytest.fixture
def sealing(own_table: AuditStore) -> Sealing:
    put(own_table, *Chain().elsewhere(250).items())
    return Sealing(Context(own_table), *NAMES, dry_run=False)


def finish(sealing: Sealing) -> None:
    while sealing.running:
        sealing.advance(0)


def sealed_some(sealing: Sealing) -> None:
    while sealing.running and not sealing.report.sealed:
        sealing.advance(0)


def test_it_goes_on_by_slices_to_its_end(sealing: Sealing, own_table: AuditStore) -> None:
    sealing.advance(0)
    assert sealing.running
    assert sealing.progress is not None
    assert sealing.progress.phase == "verifying"
    finish(sealing)
    assert (sealing.report.sealed, sealing.report.finished) == (250, True)
    assert own_table.verify(*NAMES).coverage.full == 250


def test_a_stopped_one_is_taken_up_where_it_was(sealing: Sealing) -> None:
    sealed_some(sealing)
    sealing.stop()
    before = sealing.report.sealed
    sealing.advance(0)
    assert sealing.report.sealed == before
    sealing.go_on()
    finish(sealing)
    assert sealing.report.sealed == 250


def test_one_that_failed_passes_by_what_it_sealed(
    sealing: Sealing, own_table: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise EngineUnreachableError("away")

    sealed_some(sealing)
    before = sealing.report.sealed
    with monkeypatch.context() as broken:
        broken.setattr(own_table.table, "get_many", away)
        with pytest.raises(EngineError):
            sealing.advance(0)
    assert (sealing.running, sealing.stopped) == (False, True)
    sealing.go_on()
    finish(sealing)
    assert (sealing.report.already, sealing.report.sealed) == (before, 250 - before)
    assert own_table.verify(*NAMES, thorough=True).verdict is Verdict.INTACT
