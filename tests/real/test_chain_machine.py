"""A chain's life in random steps on DynamoDB Local: written by stores, sealed by one, verified and exported."""

from __future__ import annotations

import uuid
from collections import Counter
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import engines
from tests.chain_machine import DECLARED, MET, PAST, ChainMachine
from tests.grounds import StoreGround
from tests.tables import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.store import AuditStore
    from audit_core.timestamps import Timestamp
    from tests.grounds import Ground

TENANTS = count()


class StoreMachine(ChainMachine):
    """Each life is a tenant's of one table; its stores believe in the past, the engine judges by the present."""

    def __init__(self, store: AuditStore, seen: Counter[str]) -> None:
        super().__init__(seen)
        self.store = store

    def place(self) -> tuple[Ground, Timestamp]:
        present = self.store.table.get("nothing").at
        clock = ManualClock(present.plus_seconds(-PAST))
        return StoreGround(self.store, ("machine", f"life {next(TENANTS)}"), clock), present

    def teardown(self) -> None:
        """The ledger's table was the engine's, to the last item."""
        if self.ledger.table:
            stored = self.ground.read(self.ledger.table)
            assert {item["id"]["S"]: item for item in stored} == self.ledger.table


@pytest.fixture
def store(dynamodb_local_url: str) -> Iterator[AuditStore]:
    """A store that knows every lifetime in use, on a table that loses nothing by itself."""
    declared = {"AUDIT__TTL_SECONDS": str(DECLARED.current), "DASHBOARD__PAST_TTL_SECONDS": str(DECLARED.past[0])}
    engine = engines.Engine(engines.DYNAMODB_LOCAL, dynamodb_local_url)
    opened = engines.open_store(engine, f"audit_{uuid.uuid4().hex[:12]}", declared)
    switched_off: Any = {"Enabled": False, "AttributeName": "expires_at_ttl"}
    opened.table.client.update_time_to_live(TableName=opened.table.name, TimeToLiveSpecification=switched_off)
    yield opened
    opened.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)  # under a minute by itself, longer beside other work
def test_whatever_happens_to_a_chain_is_said_as_it_is(store: AuditStore) -> None:
    seen: Counter[str] = Counter()
    # what fails here is better made small in memory, where it takes no minutes
    lives = settings(max_examples=12, stateful_step_count=10, phases=[Phase.generate])
    run_state_machine_as_test(partial(StoreMachine, store, seen), settings=lives)  # type: ignore[arg-type] # any maker
    assert seen.keys() >= MET, seen
