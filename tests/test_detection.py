"""What is detected and what is not: the committed document is what comes out, and a second opinion says the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from audit_core.tamper.attacks import ATTACKS, CLAUSES
from audit_core.tamper.scenes import SCENES
from docs import detection
from docs.detection import DOCUMENT, in_memory
from tests.agreement import disagreement
from tests.judging import MATRICES, MemoryBench, cells_of, matrix_chain
from tests.tampering import applied, by_id

if TYPE_CHECKING:
    from tests.chains import Chain
    from tests.judging import Reports
    from tests.second_opinion import Finding
    from tests.tampering import Change


@dataclass(slots=True)
class TwoOpinions(MemoryBench):
    """A bench that asks the second opinion as well, and keeps what the two do not agree on."""

    differing: list[tuple[Change, set[Finding], set[Finding]]] = field(default_factory=list)

    def judge(self, chain: Chain, change: Change, *, default: bool = True) -> Reports | None:
        reports = MemoryBench.judge(self, chain, change, default=default)
        items = None if reports is None else applied(by_id(chain), change)
        for report in reports or ():
            if items is not None and report is not None:
                apart = disagreement(chain, items, self.now, self.lifetimes, report)
                if apart is not None:
                    self.differing.append((change, *apart))
        return reports


@pytest.fixture(scope="module")
def written() -> str:
    return in_memory(MemoryBench())


@pytest.mark.timeout(600)
def test_the_document_says_what_comes_out(written: str) -> None:
    committed = DOCUMENT.read_text(encoding="utf-8").splitlines()
    came_out = written.splitlines()
    missing = [line for line in committed if line not in came_out]
    new = [line for line in came_out if line not in committed]
    assert (missing, new) == ([], []), "docs/detection.md is not what comes out; write it: python -m docs.detection"
    assert committed == came_out


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MATRICES)
def test_a_second_opinion_says_the_same_of_every_fifth_cell(name: str) -> None:
    bench = TwoOpinions()
    chain = matrix_chain(bench, name, f"acme-{name}")
    for cell in list(cells_of(name, chain))[::5]:
        bench.judge(chain, cell.change, default=False)
    assert [one for one in bench.differing if not is_a_hash_of_another_type(*one)] == []


def is_a_hash_of_another_type(change: Change, ours: set[Finding], theirs: set[Finding]) -> bool:
    """A `content_hash` that is no text: both call the record malformed, the package also says that the hash lacks."""
    typed = [item for item in change.values() if item is not None and "S" not in item.get("content_hash", {"S": ""})]
    return bool(typed) and not theirs and {kind for kind, _, _ in ours} == {"missing_hash"}


def test_whatever_raises_no_alarm_falls_under_a_clause_that_says_so(written: str) -> None:
    """Beside the scenes in which nothing is wrong."""
    attacks = written.partition("## Attacks on a chain")[2].partition("## Expiry")[0]
    silent = [part for line in attacks.splitlines() if line.startswith("| ") for part in line.split("**")[2::2]]
    assert silent
    named = [part.removeprefix(" → ").split("<br>")[0].split(" |")[0] for part in silent]
    assert {name for name in named if name not in CLAUSES} == set()


def test_every_clause_is_met_by_an_attack(written: str) -> None:
    assert {name for name in CLAUSES if f"→ {name}" not in written.partition("## Attacks on a chain")[2]} == set()


def test_the_rows_of_the_cases_are_all_attacked() -> None:
    named = {number for attack in (*ATTACKS, *SCENES) for number in rows(attack.cases)}
    # 60 turns the reader's clock, 63 is sealing beside writers: neither is an attack on a table
    assert {*range(31, 38), *range(54, 60), 61, 62} <= named


def rows(cases: str) -> set[int]:
    found: set[int] = set()
    for part in cases.split(", "):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_section_has_a_place_in_the_document(written: str) -> None:
    assert "{{" not in written
    assert all(f"{{{{{name}}}}}" in detection.TEXT for name in detection.SECTIONS)
