"""A chain's life in random steps, without an engine: many short lives (the same on DynamoDB Local in `real`)."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from audit_core.timestamps import Clock
from tests.chain_machine import DECLARED, MET, ChainMachine
from tests.chains import NAMES
from tests.grounds import MemoryGround
from tests.ledger import GONE, Debt

if TYPE_CHECKING:
    from audit_core.timestamps import Timestamp
    from tests.grounds import Ground


class MemoryMachine(ChainMachine):
    def place(self) -> tuple[Ground, Timestamp]:
        now = Clock().now()
        return MemoryGround(NAMES, now, DECLARED), now


def test_whatever_happens_to_a_chain_is_said_as_it_is() -> None:
    seen: Counter[str] = Counter()
    lives = settings(max_examples=25, stateful_step_count=12)
    run_state_machine_as_test(partial(MemoryMachine, seen), settings=lives)  # type: ignore[arg-type] # any maker
    assert seen.keys() >= MET, seen


def test_a_record_taken_from_among_its_neighbours_is_demanded_and_found() -> None:
    """The rarest of what random lives meet: only lifetimes tell, and they do not explain it."""
    life = MemoryMachine(Counter())
    life.begin(honest=False, start=[(False, None, {})] * 5, sealed=False, expired=0, old=2)
    life.delete(which=3, count=1, what="record", at_tail=False)
    assert life.ledger.debts(thorough=False) == [Debt(3, 3, GONE)]
    life.what_is_said_is_true()
