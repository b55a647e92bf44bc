"""Overview and Tenants in Chromium: search and drill-down, long work stopped and gone on with, a second start."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore
from tests import builders, tables
from tests.browser.launching import launched
from tests.browser.slow_engine import slow_engine
from tests.browser.test_pages import choose_first_row, heading, link, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard
    from tests.browser.slow_engine import SlowEngine

LARGE = "x" * 100_000


@pytest.fixture
def engine(dynamodb_local_url: str) -> Iterator[SlowEngine]:
    with slow_engine(dynamodb_local_url) as running:
        yield running


def test_a_tenant_is_found_while_one_types_then_opened(quiet_page: Page, dashboard: Dashboard) -> None:
    page = quiet_page
    page.goto(link(dashboard(), "tenants"))
    expect(page.get_by_text("7 tenants of 7 shown")).to_be_visible()
    page.get_by_role("searchbox", name="Search").press_sequentially("glob", delay=40)  # no Enter
    expect(page.get_by_text("1 tenant of 1 that match, out of 7 listed")).to_be_visible()
    expect(page).to_have_url(re.compile("q=glob"))
    choose_first_row(page)
    heading(page, "Tenant")
    expect(page).to_have_url(re.compile("tenant=globex"))
    for name in ("Records", "Gaps", "Retention", "Chain"):
        expect(page.get_by_role("link", name=f"{name} →")).to_be_visible()
    page.get_by_role("button", name="Back to the list").click()
    expect(page.get_by_text("1 tenant of 1 that match")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("glob")
    choose_first_row(page)
    page.get_by_role("link", name="Chain →").click()
    heading(page, "Chain")
    expect(page).to_have_url(re.compile("tenant=globex"))


@pytest.mark.matrix
def test_the_scan_shows_its_progress_and_is_stopped_and_gone_on_with(
    quiet_page: Page, engine: SlowEngine, dynamodb_local_url: str
) -> None:
    page, name = quiet_page, "audit_scanned"
    store = AuditStore.open(settings_of(dynamodb_local_url, name))
    # pages end at a megabyte, so these are some six pages of each part of the table
    tables.put(
        store,
        *(builders.item(id=f"r{number}", tenant=f"t{number:03}", action_payload={"S": LARGE}) for number in range(240)),
    )
    store.close()
    engine.operations, engine.seconds = frozenset({"Scan"}), 1.0
    with launched({"AUDIT__URL": engine.url, "AUDIT__TABLE_NAME": name}) as url:
        page.goto(link(url, "tenants"))
        page.get_by_role("button", name="Search the whole table").click()
        expect(page.get_by_text(re.compile(r"Searching the whole table: \d+ tenants found"))).to_be_visible()
        page.get_by_role("button", name="Stop the search").click()
        expect(page.get_by_text("was stopped before its end")).to_be_visible()
        expect(page.get_by_text(re.compile(r"a scan of this visit, which found \d+ more"))).to_be_visible()
        page.get_by_role("button", name="Go on with the search").click()
        expect(page.get_by_text("went through the whole table: 240 tenants found")).to_be_visible()
        expect(page.get_by_text("25 tenants of 240 shown")).to_be_visible()


@pytest.mark.matrix
def test_verify_all_is_stopped_and_gone_on_with_and_a_second_start_knows_the_verdicts(
    quiet_page: Page, engine: SlowEngine, tmp_path: Path
) -> None:
    page = quiet_page
    store = AuditStore.open(settings_of(engine.url, "audit_kept"))
    store.seed()
    environ = {
        "AUDIT__URL": engine.url,
        "AUDIT__TABLE_NAME": "audit_kept",
        "DASHBOARD__STATE_DIR": str(tmp_path / "state"),
    }
    with launched(environ) as url:
        page.goto(link(url, "overview"))
        verify = page.get_by_role("button", name="Verify these 7 tenants")
        expect(verify).to_be_visible()
        engine.operations, engine.seconds = frozenset({"Query", "BatchGetItem"}), 0.3
        verify.click()
        expect(page.get_by_text(re.compile(r"Verifying \d of 7 tenants"))).to_be_visible()
        page.get_by_test_id("stMain").get_by_role(
            "button", name="Stop", exact=True
        ).click()  # Streamlit has one as well
        expect(page.get_by_text(re.compile(r"Stopped after \d of 7 tenants"))).to_be_visible()
        engine.seconds = 0.0
        page.get_by_role("button", name="Go on from where it stopped").click()
        expect(page.get_by_text("· Not verified yet")).to_have_count(0)
        expect(page.get_by_text("✓ Intact", exact=True).nth(1)).to_be_visible()  # the first is the figure's name
    store.append(
        store.draft(
            namespace="notifications", tenant="acme", provider="p", action_type="a", verdict="allow", outcome="executed"
        )
    )
    store.close()
    with launched(environ) as url:
        page.goto(link(url, "overview"))
        expect(page.get_by_role("link", name="Findings →")).to_have_count(3)  # of the broken ones
        expect(page.get_by_text("1 new position since, not verified").first).to_be_visible()
        expect(page.get_by_text("· Not verified yet")).to_have_count(0)
        page.goto(link(url, "tenants", namespace="notifications", tenant="acme"))
        expect(page.get_by_text("1 new position since, not verified").first).to_be_visible()
