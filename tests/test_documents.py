"""Documents about a verification: complete, well-formed whatever the records hold, and never more than the report."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import ChainReport, Evidence, Exhibit, FindingKind, Verdict
from audit_core.chain.statements import ChainStatement, Statement
from audit_core.chain.words import BEYOND, DEMO, FINDINGS
from audit_core.documents import MOST_LISTED, MOST_OPENED, PROGRAM, html_document, junit_document, statement_json
from audit_core.table import Reading
from tests.builders import DISPATCHED
from tests.chains import Chain
from tests.reports import finding, report

if TYPE_CHECKING:
    from audit_core.chain.findings import Finding
    from audit_core.timestamps import Timestamp

NASTY = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202e\ufffe"


def statement(*reports: ChainReport, asked: str | None = None) -> Statement:
    chains = tuple(ChainStatement(one, asked) for one in reports)
    return Statement(chains, "table audit", "as it was named", Reading(1, 1, 0.5))


def edited(**overrides: Any) -> Finding:
    """A finding of an edited record, with its evidence."""
    chain = Chain().ours(3).edit(1, caller_id={"S": NASTY}, blob={"B": b"\x00\xff"})
    place = [Exhibit(number, (chain.record(number),), chain.fence(number), fence_read=True) for number in range(3)]
    evidence = Evidence(DISPATCHED, place[1], place[0], place[2])
    return finding(FindingKind.CONTENT_MODIFIED, 1, evidence=evidence, **overrides)


def shown(at: Timestamp) -> str:
    return f"{at.normalised[:19].replace('T', ' ')} UTC"


class Text(HTMLParser):
    """The text of a page, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


# -- JUnit ------------------------------------------------------------------------------------------------------------

OUTCOMES = {
    Verdict.INTACT: None,
    Verdict.INTACT_WITH_EXPIRY: None,
    Verdict.UNPROVEN: "failure",
    Verdict.BROKEN: "failure",
    Verdict.INCOMPLETE: "error",
    Verdict.UNCHAINED: "skipped",
}


def cases(document: str) -> list[ET.Element]:
    return list(ET.fromstring(document).iter("testcase"))  # noqa: S314 - our own document


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_the_outcome_of_a_test_case(verdict: Verdict) -> None:
    case, *_ = cases(junit_document(statement(report(3, verdict=verdict, reason="it was stopped"))))
    found = [child.tag for child in case if child.tag != "system-out"]
    assert found == ([OUTCOMES[verdict]] if OUTCOMES[verdict] else [])


def test_unproven_passes_where_it_is_allowed_and_the_word_stays() -> None:
    document = junit_document(statement(report(3, verdict=Verdict.UNPROVEN)), allow_unproven=True)
    (case,) = cases(document)
    assert case.find("failure") is None
    assert "Verdict: unproven" in str(case.findtext("system-out"))


def test_the_numbers_of_a_suite_are_those_of_its_cases() -> None:
    document = junit_document(statement(*(report(3, verdict=verdict) for verdict in Verdict)))
    (suite,) = ET.fromstring(document).iter("testsuite")  # noqa: S314 - our own document
    numbers = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert numbers == {"tests": 6, "failures": 2, "errors": 1, "skipped": 1}


def test_a_list_without_a_chain_does_not_pass() -> None:
    for looked_at in ((), (report(0, verdict=Verdict.UNCHAINED),)):
        document = junit_document(statement(*looked_at))
        assert cases(document)[-1].find("error") is not None
        assert len(cases(document)) == len(looked_at) + 1


def test_every_finding_is_a_line_and_what_was_not_covered_stands_beside_it() -> None:
    document = junit_document(statement(report(9, finding(FindingKind.MISSING_RECORD, 4, 6), edited()), asked="1 to 8"))
    (case,) = cases(document)
    lines = str(case.findtext("failure")).splitlines()
    assert [line.split(" at ")[0] for line in lines] == ["break missing_record", "break content_modified"]
    assert "Positions outside 1 to 8 were not judged." in str(case.findtext("system-out"))
    assert BEYOND in document


@given(st.text(max_size=40))
def test_junit_stays_well_formed_whatever_a_record_holds(text: str) -> None:
    document = junit_document(statement(report(3, edited(record_id=text, found=text), tenant=text or "x", reason=text)))
    assert len(cases(document)) == 1


# -- HTML -------------------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_found_what_it_means_and_what_it_rests_on() -> None:
    page = Text(html_document(statement(report(3, edited(expected="content_hash ab"))), DISPATCHED))
    said = FINDINGS[FindingKind.CONTENT_MODIFIED]
    for part in (said.means, said.causes, said.next_step, BEYOND, "position 1", "The neighbour before: position 0"):
        assert part in page.text
    assert "content_hash ≠" in page.text
    assert "AP8=" in page.text  # binary as base64
    assert "position 2, the end: only a checkpoint vouches for it" in page.text


def test_the_page_names_when_it_was_verified_before_when_and_by_what_it_was_made() -> None:
    later, made = DISPATCHED.plus_seconds(90), DISPATCHED.plus_seconds(7200)
    for reports, as_of in (
        ((report(3),), shown(DISPATCHED)),
        ((report(3, at=later), report(3, tenant="other")), f"{shown(DISPATCHED)} to {shown(later)}"),
    ):
        text = Text(html_document(statement(*reports), made)).text
        verified = text.index(f"as of {as_of}, by the engine's clock")
        assert verified < text.index(f"{shown(made)}, by the clock of the computer that made it, with {PROGRAM}")
        assert f"as of {shown(DISPATCHED)} by the engine's clock" in text[verified + 1 :]


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"{project['name']} {project['version']}" == PROGRAM
    assert statement_json(statement())["program"] == PROGRAM


def test_what_no_verification_can_show_is_said_once() -> None:
    page = Text(html_document(statement(report(3)), DISPATCHED))
    assert page.text.count(BEYOND) == 1
    assert "annot show" not in page.text.replace(BEYOND, "")


def test_a_page_of_demo_data_says_so_on_every_sheet_of_paper() -> None:
    real = statement(report(3))
    assert "Demo data" not in html_document(real, DISPATCHED)
    page = Text(html_document(replace(real, demo=True), DISPATCHED))
    assert DEMO in page.text
    assert "Demo data: Audit verification" in page.text  # the title, which a browser takes as the name of a file
    assert 'content: "Demo data, no evidence. Audit verification as of' in page.text


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = Text(html_document(statement(report(3, edited()), report(2, tenant="other")), DISPATCHED))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert all(link.startswith("#chain-") for link in page.links)


def test_text_of_records_stays_text_and_hidden_characters_show() -> None:
    page = html_document(statement(report(3, edited(record_id=NASTY, found=NASTY), tenant=NASTY)), DISPATCHED)
    assert "<script" not in page
    assert not re.search("[\x00\x1b\u202e]", page)
    assert "\\u{202E}" in Text(page).text


def test_kinds_that_were_not_read_again_are_explained_too() -> None:
    page = Text(html_document(statement(report(9, finding(FindingKind.EXPIRED, 0, 4))), DISPATCHED))
    assert FINDINGS[FindingKind.EXPIRED].means in page.text


def test_a_page_of_very_many_findings_says_how_many_it_shows() -> None:
    many = [finding(FindingKind.CONTENT_MODIFIED, number) for number in range(MOST_LISTED + 1)]
    opened = [edited() for _ in range(MOST_OPENED + 1)]
    page = Text(html_document(statement(report(9000, *opened, *many)), DISPATCHED))
    assert f"{MOST_LISTED:,} of {len(many) + len(opened):,} findings are listed." in page.text
    assert page.tags.count("article") == MOST_OPENED
    assert f"{MOST_OPENED:,} of {len(opened):,} findings that were read again" in page.text


def test_a_page_without_chains_says_so() -> None:
    for looked_at in ((), (report(0, verdict=Verdict.UNCHAINED),)):
        page = Text(html_document(statement(*looked_at), DISPATCHED))
        assert "There was no chain to verify." in page.text
