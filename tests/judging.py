"""Benches on which chains are attacked and verified, and what is told of what they find.

`MemoryBench` is a table in memory; one on an engine is in `real.bench`. What is told is put into tables by
`docs.detection`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from audit_core.chain.findings import Severity, Verdict
from audit_core.chain.walk import ChainWalk
from audit_core.retention import Lifetimes
from audit_core.tamper.attacks import ATTACKS, KINDS, places
from audit_core.tamper.scenes import SCENES
from audit_core.tamper.target import Target
from tests import tampering
from tests.builders import DISPATCHED
from tests.memory_table import MemoryTable
from tests.second_opinion import runs
from tests.tampering import DAY, LIFETIME, applied, by_id, cells, is_refused, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from audit_core.chain.findings import ChainReport, Finding, Position
    from audit_core.table import Table as AnyTable
    from audit_core.timestamps import Timestamp
    from tests.chains import Chain
    from tests.tampering import Cell, Change, Table

NOW = DISPATCHED.plus_seconds(3600)
_FAR: dict[Position, str] = {10**30: "10^30", 10**30 - 1: "10^30 − 1"}
REFUSED, KEPT, FOUND, ELSEWHERE, BLIND = "R", "=", "✓", "N", "✗"
"""What became of a cell: refused by the engine; the same value; found at its place, or only elsewhere; not found."""

MATRICES = {"ours": "ooooo", "elsewhere": "eeeee", "sealed": "sssss", "mixed": "oeoeo"}
"""The chains of the matrix; of the mixed one only what the others lack: a link that names its position."""


Reports = tuple["ChainReport | None", "ChainReport"]
"""By default (None: not asked for), and thorough."""


class Bench(Protocol):
    """Something that holds chains, does a change to one, has it verified in both modes, and takes it back."""

    lifetimes: Lifetimes

    @property
    def now(self) -> Timestamp:
        """The engine's clock."""

    def judge(self, chain: Chain, change: Change, *, default: bool = True) -> Reports | None:
        """Return the report of the default mode, if it is wanted, and of the thorough one.

        None where the engine refuses the change.
        """


@dataclass(slots=True)
class MemoryBench:
    """A table in memory at the moment `now`, nothing else in it than the chain."""

    now: Timestamp = NOW
    lifetimes: Lifetimes = field(default_factory=lambda: Lifetimes(LIFETIME))

    def judge(self, chain: Chain, change: Change, *, default: bool = True) -> Reports | None:
        """Verify the chain as it is after the change."""
        if is_refused(change):
            return None
        items = applied(by_id(chain), change)
        thorough = self.verify(chain, items, thorough=True)
        return (self.verify(chain, items, thorough=False) if default else None), thorough

    def verify(self, chain: Chain, items: Table, *, thorough: bool) -> ChainReport:
        """Verify a chain among these items."""
        walk = ChainWalk(
            cast("AnyTable", MemoryTable(items, self.now)), *chain.names, self.lifetimes, thorough=thorough
        )
        for _ in walk:
            pass
        return walk.report


# -- the matrix -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one cell: by default (None: not tried), when thorough, the kinds found at its position then."""

    default: str | None
    thorough: str
    kinds: frozenset[str] = frozenset()


Key = tuple[str, str, str, str]
"""Chain, part, attribute and column."""

Matrix = dict[Key, dict[str, Outcome]]
"""Outcomes by cell and place."""


def cells_of(name: str, chain: Chain) -> Iterator[Cell]:
    """Return the cells of one chain of the matrix."""
    for part in ("record", "fence"):
        for cell in cells(name, chain, part):
            if name != "mixed" or (cell.attribute == "previous_chain_sequence" and cell.column != "added"):
                yield cell


def outcome_of(bench: Bench, chain: Chain, cell: Cell, *, default: bool = True) -> Outcome:
    """Have one cell judged."""
    reports = bench.judge(chain, cell.change, default=default)
    if reports is None:
        return Outcome(REFUSED, REFUSED)
    table = by_id(chain)
    if applied(table, cell.change) == table:
        return Outcome(KEPT, KEPT) if reports[1].verdict is Verdict.INTACT else Outcome(ELSEWHERE, ELSEWHERE)
    position = tampering.MATRIX_POSITIONS[cell.where]
    by_default, thorough = (None if report is None else _found(report, position) for report in reports)
    return Outcome(by_default, thorough or "", frozenset(_kinds_at(reports[1], position)))


def judged_matrix(bench: Bench, name: str, tenant: str) -> Matrix:
    """Have every cell of one chain judged."""
    judged: Matrix = defaultdict(dict)
    chain = matrix_chain(bench, name, tenant)
    for cell in cells_of(name, chain):
        judged[name, cell.part, cell.attribute, cell.column][cell.where] = outcome_of(bench, chain, cell)
    return dict(judged)


def matrix_chain(bench: Bench, name: str, tenant: str) -> Chain:
    """Write one of the chains of the matrix, an hour before the bench's clock."""
    return written(MATRICES[name], tenant, bench.now.plus_seconds(-3600))


def _found(report: ChainReport, position: int) -> str:
    if report.verdict is not Verdict.BROKEN:
        return BLIND if report.verdict is Verdict.INTACT else report.verdict.value
    return FOUND if _kinds_at(report, position) else ELSEWHERE


def _kinds_at(report: ChainReport, position: int) -> set[str]:
    """Return the kinds of break whose positions include this one."""
    return {finding.kind.value for finding in report.findings if _is_break(finding) and _spans(finding, position)}


def _spans(finding: Finding, position: int) -> bool:
    first, last = finding.sequence_number, finding.last_sequence_number
    return first is not None and last is not None and first <= position <= last


def _is_break(finding: Finding) -> bool:
    return finding.severity is Severity.BREAK


def merged(matrices: Iterable[Matrix]) -> Matrix:
    """Put the matrices of the chains together; what only the mixed one has is shown with ours."""
    whole: Matrix = {}
    for judged in matrices:
        for (name, part, attribute, column), found in judged.items():
            whole.setdefault(("ours" if name == "mixed" else name, part, attribute, column), {}).update(found)
    return whole


# -- attacks on the chain as a whole ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One attack on one chain: in words, where, what it changes, and the clause it falls under if it is not found."""

    words: str
    cases: str
    kind: str
    where: str
    position: int
    change: Change
    clause: str | None


def cases_of(kind: str, chain: Chain, now: Timestamp) -> Iterator[Case]:
    """Return every attack that means something for a chain of a kind."""
    target = Target(by_id(chain), chain.names, now)
    for attack in ATTACKS:
        for cover in attack.covers:
            for where, position in places(kind).items() if attack.at else (("", 0),):
                if attack.fits(target, position):
                    change = attack.change(target, position, cover)
                    clause = attack.says_undetected(target, position)
                    yield Case(attack.words_of(cover), attack.cases, kind, where, position, change, clause)


def told(case: Case, reports: tuple[ChainReport, ChainReport], calm: Sequence[Finding] = ()) -> str:
    """Say what was found, positions counted from the attacked one (p) where the attack has a place.

    `calm` are the findings of the untouched chain, which are left out.
    """
    default, thorough = (_findings(report, case, calm) for report in reports)
    if default == thorough:
        said = thorough
    elif reports[0].verdict is Verdict.BROKEN:
        said = f"{thorough} †"
    elif reports[0].verdict is Verdict.INTACT:
        said = f"{thorough} (only when thorough)"
    else:
        said = f"{thorough} (by default: {default})"
    return said if reports[1].verdict is Verdict.BROKEN else f"**{said}**{_because(case)}"


def _because(case: Case) -> str:
    return "" if case.clause is None else f" → {case.clause}"


def _findings(report: ChainReport, case: Case, calm: Sequence[Finding]) -> str:
    """Put the findings of a report into words, those of one span together; of a broken chain the alarms alone."""
    alarm = report.verdict is Verdict.BROKEN
    found = [finding for finding in report.findings if _is_break(finding) or (not alarm and finding not in calm)]
    spans: dict[tuple[Position | None, Position | None], list[str]] = {}
    numbered = [(f.kind.value, f.sequence_number, f.last_sequence_number) for f in found]
    inferred = {(f.kind.value, f.sequence_number) for f in found if f.inferred}
    for kind, first, last in sorted(runs(numbered), key=lambda one: (one[1] is None, one[1] or 0, one[2] or 0, one[0])):
        words = f"`{kind}`" + (" (inferred)" if (kind, first) in inferred else "")
        spans.setdefault((first, last), []).append(words)
    listed = "; ".join(f"{', '.join(kinds)} {_span(*span, case)}".rstrip() for span, kinds in spans.items())
    if alarm:
        return listed
    said = {Verdict.INTACT: "not found", Verdict.INTACT_WITH_EXPIRY: "intact with expiry"}.get(
        report.verdict, report.verdict.value
    )
    return f"{said}: {listed}" if listed else said


def _span(first: Position | None, last: Position | None, case: Case) -> str:
    if first is None or last is None:
        return ""
    return _place(first, case) if first == last else f"{_place(first, case)} to {_place(last, case)}"


def _place(number: Position, case: Case) -> str:
    if not case.where:
        return _FAR.get(number) or str(number)
    away = int(number) - case.position
    return f"p{away:+}".replace("-", "−") if away else "p"


Told = dict[tuple[str, str], dict[str, dict[str, str]]]
"""What was told, by words and rows of CASES, chain and place."""


def judged_attacks(bench: Bench, kind: str, tenant: str) -> Told:
    """Have every attack on a chain of one kind judged."""
    said: Told = {}
    now = bench.now
    chain = written(KINDS[kind][1], tenant, now.plus_seconds(-3600))
    untouched = _require(bench.judge(chain, {}))[1].findings
    for case in cases_of(kind, chain, now):
        words = told(case, _require(bench.judge(chain, case.change)), untouched)
        said.setdefault((case.words, case.cases), {}).setdefault(kind, {})[case.where] = words
    return said


def judged_scenes(bench: Bench, kind: str, tenant: str) -> Told:
    """Have what becomes of chains of one kind with a past judged."""
    said: Told = {}
    now = bench.now
    for number, scene in enumerate(SCENES):
        began = now.plus_seconds(-scene.days * DAY)
        chain = written(KINDS[kind][1], f"{tenant}-{number}", began, lifetimes=scene.lifetimes)
        bench.lifetimes = Lifetimes(LIFETIME, scene.past)
        untouched = _require(bench.judge(chain, {}))[1].findings
        change = scene.change(Target(by_id(chain), chain.names, now))
        case = Case(scene.words, scene.cases, kind, "", 0, change, scene.clause)
        said[scene.words, scene.cases] = {kind: {"": told(case, _require(bench.judge(chain, change)), untouched)}}
    bench.lifetimes = Lifetimes(LIFETIME)
    return said


def together(parts: Iterable[Told]) -> Told:
    """Put what was told of several chains together."""
    whole: Told = {}
    for part in parts:
        for key, by_kind in part.items():
            whole.setdefault(key, {}).update(by_kind)
    return whole


def _require(reports: Reports | None) -> tuple[ChainReport, ChainReport]:
    if reports is None or reports[0] is None:
        message = "The engine refuses an item of an attack, or the default mode was not asked for."
        raise AssertionError(message)
    return reports[0], reports[1]
