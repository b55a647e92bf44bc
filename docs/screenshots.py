"""Make the pictures of the README from the demo data: `python -m docs.screenshots`.

It needs the packages of `requirements.txt` and a Chromium on the PATH, or named by AUDIT_TEST_CHROMIUM.
"""  # noqa: INP001 - a folder of documents, no package

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from tests import engines
from tests.browser.launching import launched

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
WIDTH = 1280
PATIENCE = 60_000


def main() -> None:
    """Take a picture of every page from one fresh dashboard."""
    with launched() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=engines.browser_executable(), args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 1000}, color_scheme="light", reduced_motion="reduce"
        )
        page.goto(f"{url}/overview")
        page.get_by_role("button", name="Verify these 7 tenants").click(timeout=PATIENCE)
        expect(page.get_by_text("· Not verified yet")).to_have_count(0, timeout=PATIENCE)
        _take(page, "overview", 1250)
        page.goto(f"{url}/tenants")
        _seen(page, "Tenants")
        _take(page, "tenants", 900)
        page.goto(f"{url}/records?namespace=notifications&tenant=acme")
        _seen(page, "Records")
        _take(page, "records", 1000)
        page.goto(f"{url}/chain?namespace=payments&tenant=hooli&verify=1&finding=0")
        expect(page.get_by_role("heading", name="Record missing, position 90")).to_be_visible(timeout=PATIENCE)
        page.locator(".js-plotly-plot .barlayer").wait_for(timeout=PATIENCE)
        _take(page, "chain", 1560)
        page.goto(f"{url}/gaps?namespace=notifications&tenant=globex&verify=1&gap=0")
        _seen(page, "Gaps")
        _take(page, "gaps", 1300)
        page.goto(f"{url}/retention?namespace=notifications&tenant=globex")
        _seen(page, "Retention")
        page.locator(".js-plotly-plot .barlayer").first.wait_for(timeout=PATIENCE)
        _take(page, "retention", 1300)
        page.goto(f"{url}/inject")
        _seen(page, "Inject")
        _take(page, "inject", 1000)
        _take_the_lab(page, url)
        browser.close()
    _take_the_race()


def _take_the_lab(page: Page, url: str) -> None:
    page.goto(f"{url}/lab")
    page.locator(".st-key-card-edit-payload").get_by_role("button", name="Do it").click(timeout=PATIENCE)
    for _ in range(2):
        again = page.get_by_role("button", name=re.compile("^Try again as the attacker"))
        words = again.inner_text(timeout=PATIENCE)
        again.click()
        expect(page.get_by_role("button", name=words, exact=True)).to_have_count(0, timeout=PATIENCE)
        expect(again).to_be_visible(timeout=PATIENCE)
    page.locator(".js-plotly-plot .barlayer").nth(1).wait_for(timeout=PATIENCE)
    _take(page, "lab", 1560)


def _take_the_race() -> None:
    """Race on a DynamoDB Local of its own, the only engine for it."""
    with engines.dynamodb_local() as engine:
        place = {"AUDIT__URL": engine, "COMPLIANCE__MODE": "soc2"}
        with launched(place) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=engines.browser_executable(), args=["--no-sandbox"])
            page = browser.new_page(
                viewport={"width": WIDTH, "height": 1000}, color_scheme="light", reduced_motion="reduce"
            )
            page.goto(f"{url}/race")
            page.get_by_role("button", name="Race", exact=True).click(timeout=PATIENCE)
            expect(page.get_by_text("✓ Proven", exact=True)).to_have_count(2, timeout=PATIENCE)
            _take(page, "race", 1560)
            browser.close()


def _seen(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)


def _take(page: Page, name: str, height: int) -> None:
    page.set_viewport_size({"width": WIDTH, "height": height})
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    page.mouse.move(WIDTH - 1, height - 1)
    page.wait_for_timeout(1500)  # tables are drawn after the script has ended
    page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main()
