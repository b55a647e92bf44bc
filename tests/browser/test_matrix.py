"""Every page at both widths and in both themes, on the demo, on real input, empty, and with the engine away.

Nothing is cut off, nothing is asked for from elsewhere, the console is quiet, and axe finds nothing serious.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import is_elsewhere
from tests.real.test_evidence import ACCOUNT, CLOUDTRAIL, command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from tests.browser.launching import Dashboard

pytestmark = pytest.mark.matrix

EDITED = "f6ea4b0b-e1c2-4a4a-b69b-e625d56a3de5"
"""The record at position 146 of payments / umbrella in the demo data, the same each time."""

PATHS = {
    "overview": "overview",
    "tenants": "tenants",
    "tenants, none found": "tenants?q=nobody&sort=seen",
    "tenants, by length": "tenants?sort=length",
    "tenant": "tenants?namespace=notifications&tenant=globex",
    "records": "records?namespace=notifications&tenant=acme",
    "records, filtered": "records?namespace=notifications&tenant=acme&outcome=failed&caller=user%3Aada&order=oldest",
    "records, none match": "records?namespace=notifications&tenant=acme&outcome=nothing",
    "records, found": "records?namespace=payments&tenant=umbrella&id=146",
    "records, not found": "records?namespace=payments&tenant=umbrella&id=nobody",
    "record, edited": f"records?record={EDITED}",
    "chain, not verified": "chain?namespace=notifications&tenant=acme&first=3",
    "chain, intact": "chain?namespace=notifications&tenant=acme&verify=1",
    "chain, expired": "chain?namespace=notifications&tenant=globex&verify=1&finding=0",
    "chain, unproven": "chain?namespace=notifications&tenant=initech&verify=1&finding=0",
    "chain, broken": "chain?namespace=payments&tenant=umbrella&verify=1&finding=0",
    "chain, closer": "chain?namespace=payments&tenant=umbrella&verify=1&zoom=120-169&position=146",
    "chain, blocks": "chain?namespace=infrastructure&tenant=vandelay&verify=1&first=110",
    "chain, to be sealed": "chain?namespace=notifications&tenant=initech&verify=1&seal=1",
    "gaps, not verified": "gaps?namespace=infrastructure&tenant=vandelay",
    "gaps, none": "gaps?namespace=notifications&tenant=acme&verify=1",
    "gaps, expired": "gaps?namespace=notifications&tenant=globex&verify=1&gap=0",
    "gaps, fences": "gaps?namespace=notifications&tenant=globex&verify=1&gap=0&fences=40",
    "gaps, unproven": "gaps?namespace=notifications&tenant=initech&verify=1&gap=0",
    "gaps, deleted": "gaps?namespace=payments&tenant=hooli&verify=1&gap=90",
    "gaps, one fence": "gaps?namespace=payments&tenant=hooli&verify=1&gap=90&fence=90&fate=missing",
    "gaps, none of a fate": "gaps?namespace=notifications&tenant=globex&verify=1&fate=missing",
    "gaps, no chain": "gaps?namespace=infrastructure&tenant=sandbox&verify=1",
    "retention, one tenant": "retention?namespace=notifications&tenant=globex",
    "retention, all tenants": "retention?scope=all&before=2030-01-01",
    "retention, nothing": "retention?namespace=nobody&tenant=nowhere",
    "inject, a record": "inject",
    "inject, intent and outcome": "inject?as=both",
    "inject, intent alone": "inject?as=intent",
    "inject, outcome of nothing": "inject?as=outcome&action=nobody",
    "inject, generator": "inject?way=generate",
    "inject, files": "inject?way=files",
    "lab": "lab",
    "lab, expired or deleted": "lab?tenant=sealed&group=past",
    "lab, refused": "lab?namespace=nobody&tenant=nowhere",
    "lab, expiry": "lab?way=expiry",
    "race, not here": "race",
    "no chain": "chain?namespace=infrastructure&tenant=sandbox&verify=1",
    "unknown tenant": "records?namespace=nobody&tenant=nowhere",
    "unknown record": "records?record=nobody",
}
WIDTHS = (390, 1280)
THEMES = ("light", "dark")
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 29)"}


WRITTEN = f"namespace=aws&tenant={ACCOUNT}"
OTHERS = {
    "real input, overview": ("cloudtrail", "overview"),
    "real input, tenants": ("cloudtrail", "tenants"),
    "real input, records": ("cloudtrail", f"records?{WRITTEN}"),
    "real input, chain": ("cloudtrail", f"chain?{WRITTEN}&verify=1"),
    "real input, gaps": ("cloudtrail", f"gaps?{WRITTEN}&verify=1"),
    "real input, retention": ("cloudtrail", f"retention?{WRITTEN}"),
    "real input, inject": ("cloudtrail", "inject"),
    "real input, race": ("cloudtrail", "race"),
    **{f"empty, {name}": ("empty", name) for name in ("overview", "tenants", "records", "chain", "gaps", "retention")},
    **{f"engine away, {name}": ("away", name) for name in ("overview", "chain", "inject")},
}
STATES = {name: ("demo", path) for name, path in PATHS.items()} | OTHERS
FADING_MS = 3_000
OWN_ERRORS = ("/_stcore/health", "/_stcore/host-config")
"""What Streamlit looks up beside a deep link before it finds the right place, and the console says was not there."""


@pytest.fixture(scope="module")
def url_of(dynamodb_local_url: str, dashboard: Dashboard) -> Callable[[str], str]:
    """Where a dashboard is, by what it shows."""
    imported = functools.cache(lambda: command(dynamodb_local_url, "audit_matrix")("import", str(CLOUDTRAIL)))

    def url(kind: str) -> str:
        if kind == "demo":
            return dashboard()
        if kind == "away":
            return dashboard({"AUDIT__URL": "http://127.0.0.1:9", "COMPLIANCE__MODE": "soc2"})
        if kind == "cloudtrail":
            assert imported().returncode == 0, imported().stderr
        table = "audit_matrix" if kind == "cloudtrail" else "audit_matrix_empty"
        return dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": table, "COMPLIANCE__MODE": "soc2"})

    return url


@pytest.fixture(
    params=[(width, theme) for width in WIDTHS for theme in THEMES], ids=lambda value: f"{value[0]} {value[1]}"
)
def window(request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Page]:
    width, theme = request.param
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
    context = browser.new_context(**{**browser_context_args, **look})
    page = context.new_page()
    away: list[str] = []
    said: list[str] = []
    page.on("request", lambda asked: away.append(asked.url) if is_elsewhere(asked.url) else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(told(message)) if message.type == "error" else None)
    yield page
    colour = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    context.close()
    assert colour == BACKGROUNDS[theme]
    assert not away
    assert [line for line in said if not line.endswith(OWN_ERRORS)] == []


def told(message: ConsoleMessage) -> str:
    return f"{message.text} {message.location.get('url', '')}"


def serious(page: Page) -> list[str]:
    """What axe holds against the page that would keep somebody from using it."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def test_what_keeps_somebody_from_using_a_page_is_seen(page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><button></button></main></html>")
    assert [line.split(":")[0] for line in serious(page)] == ["button-name"]


@pytest.mark.parametrize(("kind", "path"), STATES.values(), ids=STATES.keys())
def test_a_page_fits_its_window_and_its_theme(window: Page, url_of: Callable[[str], str], kind: str, path: str) -> None:
    window.goto(f"{url_of(kind)}/{path}")
    heading, again = window.get_by_role("heading", level=1), window.get_by_role("button", name="Try again")
    expect(again if kind == "away" else heading).to_be_visible()
    # a verification runs in slices, between which nothing does
    expect(window.locator(".st-key-stop")).to_have_count(0)
    expect(window.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(window.locator("[data-stale=true]")).to_have_count(0)
    main = window.get_by_test_id("stMain")
    hidden = main.evaluate("element => element.scrollWidth - element.clientWidth")
    assert hidden <= 0
    expect(window.get_by_text("Something in this program failed")).to_have_count(0)
    found = serious(window)
    if found:  # what is on its way out fades
        window.wait_for_timeout(FADING_MS)
        found = serious(window)
    assert found == []
