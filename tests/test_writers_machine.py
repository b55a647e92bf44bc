"""Several writers of one chain in random steps, with deadlines, expiry and faults; many short lives in memory."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.writers_machine import FAULTS, MET, OTHERS, PASSING, RIVALS, WRITERS, Trouble, WritersMachine

FEW = settings(max_examples=50, stateful_step_count=40, phases=[Phase.generate])
"""For the suite; what fails here is made small by exploring, which takes minutes."""

MANY = settings(max_examples=1000, stateful_step_count=50)


@pytest.mark.timeout(1800)
def test_whatever_happens_to_writers_what_they_were_told_is_true() -> None:
    seen: Counter[str] = Counter()
    lives = MANY if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else FEW
    run_state_machine_as_test(partial(WritersMachine, seen), settings=lives)  # type: ignore[arg-type] # any maker
    assert {name for name, times in seen.items() if times} >= MET, seen


@pytest.mark.parametrize("first", FAULTS)
@pytest.mark.parametrize("grouped", [False, True], ids=["batch", "group"])
def test_each_fault_for_a_while_and_before_each_other(first: str, grouped: bool) -> None:
    """What random lives meet sooner or later, so that none is missed."""
    pairs = [Trouble(4.0, (first, second)) for second in ("", *OTHERS, *RIVALS)]
    lasting = [Trouble(4.0, (), first), Trouble(30.0, (), first)] if first in PASSING else []
    for trouble in (*pairs, *lasting):
        life = WritersMachine(Counter())
        life.begin(lag=None)
        life.append(number=0, count=2, lifetime=None, trouble=Trouble())
        if grouped:
            life.hand_to_the_group(sizes=[2, 1], lifetime=None, again=1, first=0, trouble=trouble)
        else:
            life.append(number=0, count=2, lifetime=None, trouble=trouble)
        life.what_was_said_is_true()
        life.late_requests_arrive(most=5)
        life.what_was_said_is_true()
        life.crash(number=WRITERS if grouped else 0)
        life.append_again(number=0, first=0, count=4, more=1, trouble=Trouble())
        life.teardown()
