"""The figures of a race, and the proof at its end, from what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.errors import RecordError
from audit_core.race.course import Entry
from audit_core.race.figures import Lap, figures_of, prove
from tests.reports import report

if TYPE_CHECKING:
    from audit_core.race.figures import Proof


def lap(writer: int, number: int | None, *, began: float = 0.0, ended: float = 1.0, retries: int = 0) -> Lap:
    return Lap(writer, f"r{writer}-{number}", number, began, ended, retries, 0.25)


WON = (lap(0, 0), lap(1, 1, ended=2.0, retries=3), lap(0, 2, began=1.0, ended=4.0))


def test_figures_count_what_was_won_and_what_was_given_up() -> None:
    figures = figures_of((*WON, lap(1, None, began=2.0, ended=3.0, retries=5)), 2)
    assert figures is not None
    assert (figures.acknowledged, figures.failed, figures.retries) == (3, 1, 8)
    assert (figures.rate, figures.median, figures.slowest) == (0.75, 2.0, 3.0)
    assert (figures.waited, figures.fairness) == (1.0, 0.5)


def test_there_are_none_before_anybody_won() -> None:
    assert figures_of((lap(0, None),), 1) is None


def proof(*, laps: tuple[Lap, ...] = WON, verdict: Verdict = Verdict.INTACT, **standing: int) -> Proof:
    there = {one.record_id: one.sequence_number or 0 for one in WON}
    return prove(laps, {**there, **standing}, report(3, verdict=verdict))


def test_the_proof_holds_where_all_stands_once() -> None:
    assert proof().holds
    assert proof(stranger=9).unasked == ("stranger",)


def test_it_fails_for_a_lost_one_a_double_one_and_a_broken_chain() -> None:
    lost, twice = proof(laps=(*WON, lap(7, 3))), proof(laps=(*WON, lap(8, 2)), **{"r8-2": 2})
    assert (lost.lost, lost.holds) == (("r7-3",), False)
    assert (twice.twice, twice.holds) == (("position 2",), False)
    assert not proof(verdict=Verdict.BROKEN).holds


@pytest.mark.parametrize("entry", [(0, 1, 1), (33, 1, 1), (4, 5, 1), (16, 9, 1), (1, 1, 51), (True, 1, 1)])
def test_an_entry_that_makes_no_sense_is_refused(entry: tuple[int, int, int]) -> None:
    with pytest.raises(RecordError, match="give a whole number"):
        Entry(*entry)
