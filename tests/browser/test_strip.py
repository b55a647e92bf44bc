"""The strip and the findings of a chain in Chromium, by pointer and by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore
from tests.browser.test_pages import heading, link, settings_of
from tests.chains import NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.launching import Dashboard

LENGTH, BAD = 3000, 400
CHAIN = {"namespace": NAMES[0], "tenant": NAMES[1]}


@pytest.fixture(scope="module")
def url(dynamodb_local_url: str, dashboard: Dashboard) -> str:
    """A chain of 3,000 positions of which one was edited."""
    store = AuditStore.open(settings_of(dynamodb_local_url, "audit_strip"))
    began = store.table.clock.now().plus_seconds(-3600)
    put(store, *Chain(began=began).ours(LENGTH).edit(BAD, outcome={"S": "forged"}).items())
    store.close()
    return dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": "audit_strip"})


def at_rest(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def press(page: Page, place: Locator) -> None:
    """Clicks as a hand does, by a pointer that moves there, presses and lets go: figures take nothing else.

    A figure is drawn some time after the page has come to rest, and listens after that: a hand is slower.
    """
    at_rest(page)
    drawn = place.element_handle()
    listens = "mark => mark.closest('.js-plotly-plot')._ev.listenerCount('plotly_selected') > 0"
    page.wait_for_function(listens, arg=drawn)
    drawn.wait_for_element_state("stable")
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.up()


def strip(page: Page) -> Locator:
    return page.get_by_role("figure", name=re.compile("The chain does not hold"))


def test_a_click_leads_closer_and_the_browser_leads_back(quiet_page: Page, url: str) -> None:
    page = quiet_page
    page.goto(link(url, "chain", **CHAIN, verify=1))
    expect(page.get_by_text(f"Positions 0 to {LENGTH - 1:,} in order.")).to_be_visible()
    mark = strip(page).locator(".scatterlayer .point").first
    expect(mark).to_be_visible()
    box = mark.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 11
    press(page, mark)
    expect(page.get_by_text("Positions 375 to 424, a block each")).to_be_visible()
    expect(page).to_have_url(re.compile("zoom=375-424"))
    expect(strip(page).locator(".barlayer .point")).to_have_count(50)
    press(page, strip(page).locator(".barlayer .point").last)
    expect(page.get_by_role("heading", name=re.compile(r"Position \d+ as it stands now"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"position=\d+"))
    page.go_back()
    expect(page.get_by_role("heading", name=re.compile("as it stands now"))).to_be_hidden()
    expect(page.get_by_text("Positions 375 to 424, a block each")).to_be_visible()
    page.go_back()
    expect(page.get_by_text(f"Positions 0 to {LENGTH - 1:,} in order.")).to_be_visible()


def test_a_finding_and_the_strip_are_reached_by_keys_alone(quiet_page: Page, url: str) -> None:
    page = quiet_page
    page.goto(link(url, "chain", **CHAIN, verify=1))
    for name, leads_to in (("First bad stretch", "zoom=375-424"), ("Open the first finding", "finding=0")):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        at_rest(page)
        button.focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(leads_to))
    heading(page, f"Content altered, position {BAD}")
    expect(page).to_have_url(re.compile("zoom=375-424"))
    expect(page.get_by_text("characters differ, marked ^").first).to_be_visible()
