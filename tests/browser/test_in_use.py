"""What may happen while somebody works: the table goes, a file bites, two people look at two tenants at once."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore
from tests.browser.test_pages import heading, link, settings_of
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from tests.browser.launching import Dashboard

HERE = {"namespace": NAMES[0], "tenant": NAMES[1]}
THERE = ("payments", "hooli")


@pytest.fixture
def filled(dynamodb_local_url: str, unique_table: str) -> Callable[[], AuditStore]:
    """Puts two chains, one with a record deleted, into the test's table, which is made where it is not there."""

    def fill() -> AuditStore:
        store = AuditStore.open(settings_of(dynamodb_local_url, unique_table))
        began = store.table.clock.now().plus_seconds(-3600)
        put(store, *Chain(began=began).ours(12, lifetime=LIFETIME).remove(5).items())
        put(store, *Chain(began=began, names=THERE, label="there").ours(7, lifetime=2 * LIFETIME).items())
        return store

    return fill


@pytest.fixture
def url(filled: Callable[[], AuditStore], unique_table: str, dynamodb_local_url: str, dashboard: Dashboard) -> str:
    filled().close()
    return dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": unique_table, "COMPLIANCE__MODE": "soc2"})


@pytest.mark.matrix
def test_a_table_that_goes_in_use_is_a_message_and_the_page_recovers(
    quiet_page: Page, url: str, filled: Callable[[], AuditStore]
) -> None:
    page = quiet_page
    for path, query, name in (
        ("records", {}, "Records"),
        ("gaps", {"verify": 1, "gap": 5}, "Gaps"),
        ("retention", {}, "Retention"),
    ):
        page.goto(link(url, path, **HERE, **query))
        heading(page, name)
        refresh = page.get_by_role("button", name="Refresh")
        expect(refresh).to_be_visible()
        store = filled()
        store.table.client.delete_table(TableName=store.table.name)
        store.close()
        refresh.click()
        expect(page.get_by_text("There is no table")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
        filled().close()
        page.get_by_role("button", name="Try again").click()
        heading(page, name)
        expect(page.get_by_text("There is no table")).to_have_count(0)
        expect(refresh).to_be_visible()


@pytest.mark.matrix
def test_a_file_that_would_unpack_to_too_much_is_refused_by_its_own_name_alone(quiet_page: Page, url: str) -> None:
    bomb = gzip.compress(b"\n" * (65 * 1024 * 1024))
    quiet_page.goto(f"{url}/inject?way=files")
    content = {"name": "../../etc/bomb.json.gz", "mimeType": "application/gzip", "buffer": bomb}
    quiet_page.locator("input[type=file]").set_input_files([content])  # type: ignore[list-item] # Playwright's own form
    check = quiet_page.get_by_role("button", name="Check the files")
    expect(check).to_be_enabled()
    check.click()
    expect(quiet_page.get_by_text("bomb.json.gz", exact=False).last).to_be_visible()
    expect(quiet_page.get_by_text("nothing can be written until", exact=False)).to_be_visible()
    expect(quiet_page.get_by_text("../../etc")).to_have_count(0)
    expect(quiet_page.get_by_role("button", name="Import")).to_have_count(0)


@pytest.mark.matrix
def test_two_people_see_their_own_tenants(browser: Browser, url: str) -> None:
    here, there = browser.new_context(), browser.new_context()
    one, other = here.new_page(), there.new_page()
    for path, query, mine, theirs in (
        ("records", {}, "11 records shown, which is all there is.", "7 records shown, which is all there is."),
        ("gaps", {"verify": 1}, "Positions 0 to 11: 11 + 0 + 0 + 1 = 12.", "Positions 0 to 6: 7 + 0 + 0 + 0 = 7."),
        ("retention", {}, "11 records read, which is all that stands.", "7 records read, which is all that stands."),
    ):
        one.goto(link(url, path, **HERE, **query))
        other.goto(link(url, path, namespace=THERE[0], tenant=THERE[1], **query))
        for _turn in range(2):
            expect(one.get_by_text(mine)).to_be_visible()
            expect(other.get_by_text(theirs)).to_be_visible()
            assert one.get_by_text(theirs).count() == 0
            assert other.get_by_text(mine).count() == 0
            one.reload()
    here.close()
    there.close()


def test_a_search_finds_while_one_types_and_the_keys_lead_along_the_chain(quiet_page: Page, url: str) -> None:
    page = quiet_page
    page.goto(link(url, "records", **HERE))
    page.get_by_role("searchbox", name="Search").press_sequentially("act-4", delay=40)  # no Enter
    expect(page.get_by_text("1 record shown, which is all there is.")).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("")
    expect(page.get_by_text("11 records shown, which is all there is.")).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill(f"0197c1d2-0000-7000-8000-{4:012x}")
    heading(page, "Record")
    expect(page.get_by_text("Before: position 3")).to_be_visible()
    page.keyboard.press("ArrowRight")  # position 5 is gone
    expect(page.get_by_text("Before: position 5")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Before: position 3")).to_be_visible()
    page.get_by_role("button", name="Link").click()
    expect(page.get_by_text(f"{url}/records?namespace=")).to_be_visible()
    expect(page.get_by_text("in Pacific/Auckland").first).to_be_visible()
