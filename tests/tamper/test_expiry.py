"""Expiry, live: what has expired is told from what was deleted a little early, and only as long as that can be told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import FindingKind, Verdict
from audit_core.errors import WriteRefusedError
from audit_core.tamper.expiry import LEFT, LENGTH, SHORT, TAKEN, Expiry, Phase
from tests import builders, tables
from tests.engines import Feature

if TYPE_CHECKING:
    from audit_core.store import AuditStore

PATIENCE = 90
ALL = frozenset(range(LENGTH))
LONG = frozenset(range(SHORT, LENGTH))


def go_on(showing: Expiry, phase: Phase) -> None:
    deadline = time.monotonic() + PATIENCE
    while showing.phase is not phase:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        showing.advance()


def shown(store: AuditStore) -> None:
    showing = Expiry(store, lifetime=6)
    assert (showing.left.verdict, showing.taken.verdict) == (Verdict.INTACT, Verdict.INTACT)
    assert {standing.records for standing in showing.standing.values()} == {ALL}

    go_on(showing, Phase.DELETED)
    assert showing.early is not None
    assert showing.early_in_time
    missing = [(one.kind, one.sequence_number, one.last_sequence_number) for one in showing.early.findings]
    assert (showing.early.verdict, missing) == (Verdict.BROKEN, [(FindingKind.MISSING_RECORD, 0, SHORT - 1)])
    assert showing.standing[LEFT].records == ALL

    go_on(showing, Phase.GONE)
    assert showing.standing[LEFT] == showing.standing[TAKEN]
    assert (showing.standing[LEFT].records, showing.standing[LEFT].fences) == (LONG, ALL)
    # once its time has come, nothing tells the one from the other
    assert (showing.left.verdict, showing.taken.verdict) == (Verdict.INTACT_WITH_EXPIRY, Verdict.INTACT_WITH_EXPIRY)


def test_the_embedded_engine_removes_nothing_so_it_is_done_for_it(store: AuditStore) -> None:
    if store.engine == "embedded":
        shown(store)
    else:
        assert Expiry(store).removes_itself


@pytest.mark.matrix
@pytest.mark.needs(Feature.EXPIRY)
def test_dynamodb_local_removes_what_has_expired_by_itself(store: AuditStore) -> None:
    shown(store)


def test_a_chain_without_the_mark_is_refused(store: AuditStore) -> None:
    store.append(builders.record(namespace=TAKEN[0], tenant=TAKEN[1]))
    before = tables.everything(store)
    with pytest.raises(WriteRefusedError, match="not marked as demo data"):
        Expiry(store)
    assert {name: item for name, item in tables.everything(store).items() if TAKEN[1] in name} == {
        name: item for name, item in before.items() if TAKEN[1] in name
    }
