"""Attacks on whole chains on DynamoDB Local: docs/detection.md says what comes out, and a second opinion agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.store import AuditStore
from audit_core.tamper.attacks import KINDS
from audit_core.tamper.scenes import SCENES
from audit_core.tamper.target import Target
from docs.detection import DOCUMENT, REWRITE, folded
from tests.agreement import disagreement
from tests.engines import Feature
from tests.judging import judged_attacks, judged_scenes
from tests.real.bench import EngineBench
from tests.tables import ManualClock, everything
from tests.tampering import DAY, by_id, written

if TYPE_CHECKING:
    from tests.chains import Chain
    from tests.judging import Reports, Told
    from tests.tampering import Change

pytestmark = [pytest.mark.needs(Feature.EXPIRY), pytest.mark.timeout(900)]


@dataclass(slots=True)
class TwoOpinions(EngineBench):
    """A bench that has a second opinion read the whole table, and keeps what the two do not agree on."""

    differing: list[tuple[Change, object]] = field(default_factory=list)

    def judge(self, chain: Chain, change: Change, *, default: bool = True) -> Reports | None:
        reports = EngineBench.judge(self, chain, change, default=default)
        items = everything(self.store)
        for report in reports or ():
            apart = report and disagreement(chain, items, self.now, self.lifetimes, report)
            if apart is not None:
                self.differing.append((change, apart))
        return reports


def committed(kind: str) -> dict[tuple[str, str], str]:
    """What the document says of a kind of chain, by words and rows of CASES."""
    rows = re.findall(r"^\| (.+?) \| ([0-9, -]+) \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {(words, cases): cells.split(" | ")[list(KINDS).index(kind)].strip() for words, cases, cells in rows}


def differing(said: Told, kind: str) -> list[str]:
    """What came out otherwise than the document says."""
    expected = committed(kind)
    return [
        f"{kind}, {key[0]}: {folded(by_kind[kind])}; the document says: {expected.get(key)}"
        for key, by_kind in said.items()
        if folded(by_kind[kind]) != expected.get(key)
    ]


@pytest.mark.parametrize(
    "kind", ["ours", *(pytest.param(one, marks=pytest.mark.matrix) for one in KINDS if one != "ours")]
)
def test_attacks_on_a_chain_come_out_as_the_document_says(lasting_store: AuditStore, kind: str) -> None:
    bench = TwoOpinions.on(lasting_store)
    assert differing(judged_attacks(bench, kind, f"acme-{kind}"), kind) == [], REWRITE
    assert bench.differing == []


@pytest.mark.parametrize("kind", KINDS)
def test_expiry_comes_out_as_the_document_says(lasting_store: AuditStore, kind: str) -> None:
    bench = TwoOpinions.on(lasting_store)
    assert differing(judged_scenes(bench, kind, f"aged-{kind}"), kind) == [], REWRITE
    assert bench.differing == []


@pytest.mark.parametrize("years", [-1, 1])
@pytest.mark.parametrize(("kind", "verdict"), [("sealed", Verdict.INTACT_WITH_EXPIRY), ("elsewhere", Verdict.UNPROVEN)])
def test_a_reader_whose_clock_is_a_year_off_says_the_same(
    lasting_store: AuditStore, kind: str, verdict: Verdict, years: int
) -> None:
    bench, scene = EngineBench.on(lasting_store), SCENES[0]
    began = bench.now.plus_seconds(-scene.days * DAY)
    chain = written(KINDS[kind][1], f"aged-{kind}", began, lifetimes=scene.lifetimes)
    target = Target(by_id(chain), chain.names, bench.now)
    reports = bench.judge(chain, scene.change(target))
    assert reports is not None
    clock = ManualClock(bench.now.plus_seconds(years * 365 * DAY))
    reader = AuditStore(lasting_store.settings, lasting_store.table.client, clock=clock)
    report = reader.verify(*chain.names, thorough=True)
    assert (report.verdict, report.findings) == (verdict, reports[1].findings)
