"""Sealing, the report as a file, and gaps, as somebody uses them in Chromium."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore, Verdict
from tests.browser.test_pages import choose_first_row, heading, link, settings_of
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard

SEALED = ("notifications", "elsewhere")


class Headings(HTMLParser):
    """The words of each third heading of a document, and every tag that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: set[str] = set()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs is not None
        self.opened.add(tag)
        self._inside = tag == "h3"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)
            self._inside = False


@pytest.fixture(scope="module")
def store(dynamodb_local_url: str) -> Iterator[AuditStore]:
    """Two chains on DynamoDB Local: one written elsewhere, one of ours in which a record was deleted."""
    opened = AuditStore.open(settings_of(dynamodb_local_url, "audit_sealed_by_page"))
    began = opened.table.clock.now().plus_seconds(-3600)
    put(opened, *Chain(names=SEALED, label="there", began=began).elsewhere(40).items())
    put(opened, *Chain(began=began).ours(8, lifetime=LIFETIME).remove(4).items())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def local(store: AuditStore, dynamodb_local_url: str, dashboard: Dashboard) -> str:
    return dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": store.table.name})


def test_a_chain_written_elsewhere_is_sealed_through_the_page(quiet_page: Page, local: str, store: AuditStore) -> None:
    quiet_page.goto(link(local, "chain", namespace=SEALED[0], tenant=SEALED[1], verify=1))
    quiet_page.get_by_role("button", name="Seal 40 bare fences …").click()
    assert store.verify(*SEALED).coverage.record_hash_only == 40
    quiet_page.get_by_role("button", name="Yes, seal them").click()
    expect(quiet_page.get_by_text("Done.", exact=True)).to_be_visible()
    report = store.verify(*SEALED, thorough=True)
    assert (report.verdict, report.coverage.full) == (Verdict.INTACT, 40)
    quiet_page.get_by_role("button", name="Verify again").click()
    expect(quiet_page.get_by_text("Positions 0 to 39: 40 + 0 + 0 + 0 + 0 = 40")).to_be_visible()
    expect(quiet_page.get_by_text("What sealing cannot do")).to_have_count(0)


def test_a_gap_is_opened_by_a_click_and_leads_to_its_finding_and_back(quiet_page: Page, local: str) -> None:
    quiet_page.goto(link(local, "gaps", namespace=NAMES[0], tenant=NAMES[1]))
    quiet_page.get_by_role("button", name="Verify the chain").click()
    expect(quiet_page.get_by_text("Positions 0 to 7: 7 + 0 + 0 + 1 = 8.")).to_be_visible()
    choose_first_row(quiet_page)
    heading(quiet_page, "Gap at position 4")
    expect(quiet_page).to_have_url(re.compile("gap=4"))
    expect(quiet_page.get_by_text("Before: position 3")).to_be_visible()
    quiet_page.get_by_role("link", name="The finding on Chain").click()
    heading(quiet_page, "Record missing, position 4")
    expect(quiet_page.locator("canvas tr[aria-selected=true]")).to_have_count(
        1
    )  # that of the finding which the link names
    choose_first_row(quiet_page)
    expect(quiet_page).not_to_have_url(re.compile("finding="))
    expect(quiet_page.get_by_text("Record missing, position 4", exact=True)).to_have_count(0)
    quiet_page.get_by_role("button", name="Open the first finding").click()
    expect(quiet_page.locator("canvas tr[aria-selected=true]")).to_have_count(1)
    quiet_page.get_by_role("link", name="See the gap").click()
    heading(quiet_page, "Gap at position 4")


@pytest.mark.matrix
class TestDemo:
    @pytest.fixture
    def url(self, dashboard: Dashboard) -> str:
        return dashboard()

    def test_the_report_is_taken_away_as_one_html_file(self, quiet_page: Page, url: str, tmp_path: Path) -> None:
        quiet_page.goto(link(url, "chain", namespace="payments", tenant="umbrella", verify=1))
        expect(quiet_page.get_by_text("Take the report away")).to_be_visible()
        button = quiet_page.get_by_role("button", name="HTML, to read and print")
        expect(button).to_be_visible()
        with quiet_page.expect_download() as taken:
            button.click()
        assert re.fullmatch(r"audit-payments-umbrella-broken-\d{8}T\d{6}Z\.html", taken.value.suggested_filename)
        target = tmp_path / "report.html"
        taken.value.save_as(target)
        document = Headings()
        document.feed(target.read_text(encoding="utf-8"))
        assert "Content altered, position 146" in document.found
        assert document.opened.isdisjoint({"script", "img", "link", "iframe"})

    def test_a_gap_of_the_demo_is_opened_by_a_click_and_read_on(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "gaps", namespace="notifications", tenant="globex", verify=1))
        expect(quiet_page.get_by_text("125 + 125 + 0 + 0 = 250.")).to_be_visible()
        choose_first_row(quiet_page)
        heading(quiet_page, "Gap at positions 0 to 124")
        quiet_page.get_by_role("button", name="Later positions →").click()
        expect(quiet_page.get_by_text("25 positions of 125 shown: 5 to 29.")).to_be_visible()
        quiet_page.go_back()
        expect(quiet_page.get_by_text("shown: 0 to 4 and 120 to 124.")).to_be_visible()

    def test_a_deleted_record_is_followed_from_the_overview_to_its_neighbours(self, quiet_page: Page, url: str) -> None:
        page = quiet_page
        page.goto(link(url, "overview"))
        page.get_by_role("button", name="Verify these 7 tenants").click()
        expect(page.get_by_text("1 missing", exact=False).first).to_be_visible()
        expect(page.get_by_text("· Not verified yet")).to_have_count(0)
        ways = page.get_by_role("link", name="Chain →")
        row = page.get_by_test_id("stVerticalBlock").filter(has_text="payments / hooli").filter(has=ways).last
        row.get_by_role("link", name="Chain →").click()
        heading(page, "Chain")
        choose_first_row(page)
        heading(page, "Record missing, position 90")
        page.get_by_role("link", name="See the gap").first.click()
        heading(page, "Gap at position 90")
        for neighbour in ("Before: position 89", "After: position 91"):
            expect(page.get_by_text(neighbour)).to_be_visible()
        page.get_by_role("link", name="Open the record").first.click()
        expect(page).to_have_url(re.compile("records.*record="))
