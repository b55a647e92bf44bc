"""The tamper matrix on DynamoDB Local: each cell comes out there as in memory, which is what docs/detection.md says."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.engines import Feature
from tests.judging import MATRICES, MemoryBench, cells_of, matrix_chain, outcome_of
from tests.real.bench import EngineBench
from tests.tampering import COLUMNS, FENCE_ROWS, MATRIX_POSITIONS, RECORD_ROWS

if TYPE_CHECKING:
    from audit_core.store import AuditStore
    from tests.judging import Outcome
    from tests.tampering import Cell

pytestmark = [pytest.mark.needs(Feature.EXPIRY), pytest.mark.timeout(900)]

WHERES = tuple(MATRIX_POSITIONS)
PLACES = tuple(product(MATRICES, WHERES))
ROWS = (*RECORD_ROWS, *FENCE_ROWS)


def in_turn(cells: list[Cell]) -> list[Cell]:
    """Each cell at one of the places where it means something, in turn."""
    places: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.part, cell.attribute, cell.column), []).append(cell)
    turns = ((ROWS.index(row) + list(COLUMNS).index(column), there) for (_, row, column), there in places.items())
    return [there[turn % len(there)] for turn, there in turns]


def differing(store: AuditStore, name: str, where: str, *, every: bool) -> tuple[int, list[str]]:
    """How many cells were tried, and those that come out otherwise on the engine than in memory."""
    engine, memory = EngineBench.on(store), MemoryBench()
    on_engine, in_memory = (matrix_chain(bench, name, f"acme-{name}") for bench in (engine, memory))
    mine, others = ([*cells_of(name, chain)] for chain in (on_engine, in_memory))
    if not every:
        mine, others = in_turn(mine), in_turn(others)
    # where no fence is left out by default, the two modes read the same of these cells
    both = every or name in {"ours", "mixed"}
    tried, different = 0, []
    for cell, other in zip(mine, others, strict=True):
        if cell.where != where:
            continue
        tried += 1
        came_out = outcome_of(engine, on_engine, cell, default=both)
        expected = outcome_of(memory, in_memory, other, default=both)
        if came_out != expected:
            different.append(f"{told(cell)}: {shown(came_out)}, not {shown(expected)}")
    return tried, different


def told(cell: Cell) -> str:
    return f"{cell.chain}, {cell.part}, {cell.attribute}, {cell.column}, {cell.where}"


def shown(outcome: Outcome) -> str:
    return f"{outcome.default} by default, {outcome.thorough} when thorough ({', '.join(sorted(outcome.kinds))})"


@pytest.mark.parametrize(
    ("name", "where"),
    [place if place == ("mixed", "middle") else pytest.param(*place, marks=pytest.mark.matrix) for place in PLACES],
)
def test_the_engine_and_the_memory_give_the_same_cells(lasting_store: AuditStore, name: str, where: str) -> None:
    """Each at one of the three places in turn."""
    tried, different = differing(lasting_store, name, where, every=False)
    assert (tried > 0 or name == "mixed", different) == (True, [])


@pytest.mark.soak
@pytest.mark.parametrize(("name", "where"), PLACES)
def test_every_cell_at_every_place_in_both_modes(lasting_store: AuditStore, name: str, where: str) -> None:
    assert differing(lasting_store, name, where, every=True)[1] == []
