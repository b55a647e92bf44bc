"""Every page at both widths and in both themes: nothing is cut off, nothing is asked for from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.launching import Dashboard

pytestmark = pytest.mark.matrix

PATHS = {
    "overview": "overview",
    "tenants": "tenants",
    "tenants, none found": "tenants?q=nobody&sort=seen",
    "tenant": "tenants?namespace=notifications&tenant=globex",
    "records": "records?namespace=notifications&tenant=acme",
    "chain, not verified": "chain?namespace=notifications&tenant=acme&first=3",
    "chain, intact": "chain?namespace=notifications&tenant=acme&verify=1",
    "chain, expired": "chain?namespace=notifications&tenant=globex&verify=1&finding=0",
    "chain, unproven": "chain?namespace=notifications&tenant=initech&verify=1&finding=0",
    "chain, broken": "chain?namespace=payments&tenant=umbrella&verify=1&finding=0",
    "chain, blocks": "chain?namespace=infrastructure&tenant=vandelay&verify=1&first=110",
    "chain, to be sealed": "chain?namespace=notifications&tenant=initech&verify=1&seal=1",
    "gaps, not verified": "gaps?namespace=infrastructure&tenant=vandelay",
    "gaps, none": "gaps?namespace=notifications&tenant=acme&verify=1",
    "gaps, expired": "gaps?namespace=notifications&tenant=globex&verify=1&gap=0",
    "gaps, fences": "gaps?namespace=notifications&tenant=globex&verify=1&gap=0&fences=40",
    "gaps, unproven": "gaps?namespace=notifications&tenant=initech&verify=1&gap=0",
    "gaps, deleted": "gaps?namespace=payments&tenant=hooli&verify=1&gap=90",
    "gaps, no chain": "gaps?namespace=infrastructure&tenant=sandbox&verify=1",
    "retention, one tenant": "retention?namespace=notifications&tenant=globex",
    "retention, all tenants": "retention?scope=all&before=2030-01-01",
    "retention, nothing": "retention?namespace=nobody&tenant=nowhere",
    "inject, a record": "inject",
    "inject, generator": "inject?way=generate",
    "inject, files": "inject?way=files",
    "no chain": "chain?namespace=infrastructure&tenant=sandbox&verify=1",
    "unknown tenant": "records?namespace=nobody&tenant=nowhere",
    "unknown record": "records?record=nobody",
}
WIDTHS = (390, 1280)
THEMES = ("light", "dark")
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 29)"}


@pytest.fixture(
    params=[(width, theme) for width in WIDTHS for theme in THEMES], ids=lambda value: f"{value[0]} {value[1]}"
)
def window(request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Page]:
    width, theme = request.param
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
    context = browser.new_context(**{**browser_context_args, **look})
    page = context.new_page()
    away: list[str] = []
    page.on("request", lambda asked: away.append(asked.url) if is_elsewhere(asked.url) else None)
    yield page
    colour = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    context.close()
    assert colour == BACKGROUNDS[theme]
    assert not away


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_a_page_fits_its_window_and_its_theme(window: Page, dashboard: Dashboard, path: str) -> None:
    window.goto(f"{dashboard()}/{path}")
    expect(window.get_by_role("heading", level=1)).to_be_visible(timeout=20_000)
    expect(window.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=20_000)
    main = window.get_by_test_id("stMain")
    hidden = main.evaluate("element => element.scrollWidth - element.clientWidth")
    assert hidden <= 0
    expect(window.get_by_text("Something in this program failed")).to_have_count(0)
