"""Figures as ratios: two sides measured in turn within one run, the median of their rounds, as a table and as JSON."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests import engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `ours` over `other` (or `ours` alone), round by round, and what is asked of the median."""

    name: str
    unit: str
    ours: Sequence[float]
    other: Sequence[float] | None
    asked: float
    at_most: bool = False

    @property
    def value(self) -> float:
        """The median of the rounds; of their ratios, each of one round, where there are two sides."""
        if self.other is None:
            return statistics.median(self.ours)
        return statistics.median(one / two for one, two in zip(self.ours, self.other, strict=True))

    @property
    def met(self) -> bool:
        return self.value <= self.asked if self.at_most else self.value >= self.asked

    def cells(self) -> tuple[str, ...]:
        sides = [f"{statistics.median(side):,.6g}" for side in (self.ours, self.other) if side is not None]
        sign = "≤" if self.at_most else "≥"
        over = " × " if self.other is not None else " "
        return (
            self.name,
            " : ".join(sides) + f" {self.unit}".rstrip(),
            f"{self.value:.3g}{over}".rstrip(),
            f"{sign} {self.asked:.3g}",
            "met" if self.met else "NOT MET",
        )


def show(figures: Sequence[Figure], json_path: Path | None) -> None:
    """Print the table, and write everything as JSON where asked."""
    rows = [("figure", "ours : other", "median", "asked", ""), *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if json_path is not None:
        machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
        found = [{**asdict(figure), "median": figure.value, "met": figure.met} for figure in figures]
        json_path.write_text(json.dumps({"machine": machine, "figures": found}, indent=2) + "\n", encoding="utf-8")


def run(description: str | None, benches: Mapping[str, Callable[[str, int], Sequence[Figure]]]) -> None:
    """Run the benches that the command line asks for on one DynamoDB Local, and show their figures."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds of each figure")
    parser.add_argument("--json", type=Path, help="a file for the results as JSON")
    parser.add_argument("--only", default="", help="a part of a bench's name: only these are run")
    options = parser.parse_args()
    with dynamodb_local() as url:
        chosen = [bench for name, bench in benches.items() if options.only in name]
        figures = [figure for bench in chosen for figure in bench(url, options.rounds)]
    show(figures, options.json)


@contextlib.contextmanager
def dynamodb_local(*options: str) -> Iterator[str]:
    """The address of a DynamoDB Local: the one that AUDIT_TEST_DYNAMODB_URL names, else one of this run's own."""
    gc.freeze()  # as the command line does before it verifies
    configured = os.environ.get("AUDIT_TEST_DYNAMODB_URL")
    if configured:
        yield configured
        return
    missing = engines.missing_for_dynamodb_local()
    if missing:
        sys.exit(missing)
    with engines.dynamodb_local(*options) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Spent:
    """What some work took: seconds by the clock, and of processors by the engine and by this process (Linux)."""

    elapsed: float
    engine: float
    own: float

    @property
    def engine_load(self) -> float:
        """How many cores the engine kept busy."""
        return self.engine / self.elapsed


def spent(work: Callable[[], object]) -> Spent:
    """Do some work, and return what it took of the engine that this process started, and of this process."""
    engine = next(
        stat.parent
        for stat in Path("/proc").glob("[0-9]*/stat")
        if (fields := _fields(stat))[0] == "java" and int(fields[2]) == os.getpid()
    )
    before, own, started = _processor_seconds(engine), time.process_time(), time.perf_counter()
    work()
    return Spent(time.perf_counter() - started, _processor_seconds(engine) - before, time.process_time() - own)


def _processor_seconds(process: Path) -> float:
    fields = _fields(process / "stat")
    return (int(fields[12]) + int(fields[13])) / os.sysconf("SC_CLK_TCK")


def _fields(stat: Path) -> list[str]:
    """The fields of a process's state behind its number: its name, its state, its parent, …"""
    try:
        name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
    except OSError:  # it has ended
        return ["", "", "0"]
    return [name, *rest.split()]
