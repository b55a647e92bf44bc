"""Every attack by the lab on DynamoDB Local comes out as docs/detection.md says, and nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.tamper.attacks import ATTACKS, KINDS, LENGTH, places
from audit_core.tamper.lab import Lab
from audit_core.tamper.practice import LAB
from audit_core.tamper.scenes import CLOCKS, Scene
from tests.engines import Feature
from tests.judging import Case, told
from tests.real.test_structural_attacks import committed
from tests.tables import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.store import AuditStore
    from audit_core.tamper.plays import Outcome, Play

pytestmark = pytest.mark.needs(Feature.EXPIRY)


def said_of(kind: str, words: str, cases: str, where: str) -> str:
    """What the document says of an attack at one place."""
    cell = committed(kind)[words, cases]
    if "<br>" not in cell and ": " not in cell.partition("`")[0].partition("*")[0]:
        return cell
    for part in cell.split("<br>"):
        wheres, _, said = part.partition(": ")
        if where in wheres.split("; "):
            return said
    return cell


def plays_of(lab: Lab, kind: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, Play]]:
    """Every attack that means something, at the places wanted, covered up in every way, then the scenes."""
    for where, number in places(kind).items():
        if where not in wanted:
            continue
        for play in lab.plays(number):
            is_whole = isinstance(play.what, Scene) or play.what.at is None
            if is_whole and where != wanted[0]:
                continue
            further: Play | None = play
            while further is not None:
                yield "" if is_whole else where, further
                further = further.second_try


def told_of(kind: str, where: str, outcome: Outcome) -> str:
    """What came out, in the document's words."""
    play = outcome.play
    case = Case(play.words, play.what.cases, kind, where, play.number, {}, outcome.clause)
    return told(case, (outcome.default, outcome.thorough), outcome.before.findings)


def differing(store: AuditStore, kind: str, wanted: tuple[str, ...]) -> tuple[int, list[str]]:
    """How many were tried, and what came out otherwise than the document says."""
    lab, tried, apart = Lab(store, LAB, kind), 0, []
    for where, play in plays_of(lab, kind, wanted):
        if isinstance(play.what, Scene) and play.what.reader_years:
            continue
        said = told_of(kind, where, lab.play(play))
        expected = said_of(kind, play.words, play.what.cases, where)
        tried += 1
        if said != expected:
            apart.append(f"{kind}, {where}, {play.words}: {said}; the document says: {expected}")
    assert lab.restore().verdict is Verdict.INTACT
    assert len([name for name in everything(store) if "TENANT#" not in name]) == 2 * LENGTH
    return tried, apart


def test_every_attack_on_a_chain_of_ours_comes_out_as_the_document_says(store: AuditStore) -> None:
    tried, apart = differing(store, "ours", ("middle",))
    assert (apart, tried) == ([], sum(len(attack.covers) for attack in ATTACKS) + 8)


@pytest.mark.matrix
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_every_attack_at_every_place_comes_out_as_the_document_says(store: AuditStore, kind: str) -> None:
    assert differing(store, kind, tuple(places(kind)))[1] == []


@pytest.mark.parametrize("kind", ["sealed", "elsewhere"])
def test_the_reader_s_clock_makes_no_difference(store: AuditStore, kind: str) -> None:
    lab = Lab(store, LAB, kind)
    alike = {"head-expired", *(scene.name for scene in CLOCKS)}
    reports = [lab.play(play).thorough for play in lab.plays(0) if play.what.name in alike]
    assert len(reports) == 3
    assert len({report.verdict for report in reports}) == 1
    assert len({report.coverage for report in reports}) == 1
