"""Records brought in by the Inject page in Chromium, and one that is seen to expire on DynamoDB Local."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests import engines
from tests.browser.launching import launched
from tests.browser.test_pages import heading, link
from tests.real.test_evidence import wait_until_gone
from tests.ui.test_inject import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard

LIFETIME = 20
"""Seconds: long enough to look at the record while it lives, on a machine that has other things to do."""

CHAIN = {"namespace": "lab", "tenant": "bench"}


@pytest.fixture(scope="module")
def own_demo() -> Iterator[str]:
    """A demo of its own: elsewhere its tenants are counted."""
    with launched() as url:
        yield url


def choose(page: Page, label: str, value: str) -> None:
    """Types into a box that takes what is not in its list as well, once the page has come to rest."""
    settled = page.get_by_test_id("stApp")
    expect(settled).to_have_attribute("data-test-script-state", "notRunning")
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(value)
    box.press("Enter")
    expect(settled).to_have_attribute("data-test-script-state", "notRunning")
    expect(box).to_have_value(value)


def fill_in(page: Page, url: str, *, phase: str = "single", tenant: str = "bench", seconds: int | None = None) -> None:
    page.goto(f"{url}/inject" if phase == "single" else f"{url}/inject?as={phase}")
    heading(page, "Inject")
    given = {"Namespace *": "lab", "Tenant *": tenant, "Outcome *": "executed", "Verdict *": "allow"}
    for label, value in given.items():
        if label != "Outcome *" or phase != "intent":
            choose(page, label, value)
    page.get_by_label("Provider *").fill("email")
    page.get_by_label("Action type *").fill("send_email")
    if seconds is not None:
        page.get_by_text("For seconds").click()
        expect(page.get_by_label("Seconds from its dispatch")).to_be_enabled()
        page.get_by_label("Seconds from its dispatch").fill(str(seconds))
        page.get_by_label("Seconds from its dispatch").press("Enter")
    expect(page.get_by_role("button", name="Preview", exact=True)).to_be_enabled()


def metric(page: Page, label: str) -> Any:
    return page.get_by_test_id("stMetric").filter(has_text=re.compile(f"^{label}")).get_by_test_id("stMetricValue")


def test_a_record_is_checked_as_it_is_typed_previewed_and_appended_once(quiet_page: Page, own_demo: str) -> None:
    page = quiet_page
    fill_in(page, own_demo)
    page.get_by_label("Provider *").press_sequentially("\u200b")
    expect(page.get_by_text("ZERO WIDTH SPACE")).to_be_visible()
    expect(page.get_by_role("button", name="Preview", exact=True)).to_be_disabled()
    page.get_by_label("Provider *").fill("email")
    page.get_by_role("button", name="Preview", exact=True).dblclick()  # which appends nothing
    heading(page, "What would be written")
    expect(page.get_by_text("Position 0 of lab / bench")).to_be_visible()
    expect(page.get_by_role("button", name="Append without a preview")).to_have_count(0)
    page.get_by_role("button", name="Append this record").dblclick()
    heading(page, "✓ Appended, at position 0")
    page.get_by_role("link", name="Verify the chain").click()
    heading(page, "Chain")
    expect(page.get_by_text("1 record checked")).to_be_visible()


def test_an_intent_alone_is_named_by_the_next_verification_until_its_outcome_is_written(
    quiet_page: Page, own_demo: str
) -> None:
    page = quiet_page
    url = own_demo
    fill_in(page, url, phase="intent", tenant="crashed")
    page.get_by_role("button", name="Append without a preview").click()
    heading(page, "✓ Intent appended, at position 0")
    page.get_by_role("link", name="Verify the chain").click()
    heading(page, "Chain")
    expect(page.get_by_text("1 record checked")).to_be_visible()
    page.goto(link(url, "chain", namespace="lab", tenant="crashed", verify=1, finding=0))
    heading(page, "Intent without outcome, position 0")

    fill_in(page, url, phase="intent", tenant="completed")
    page.get_by_role("button", name="Append without a preview").click()
    page.get_by_role("button", name="Write its outcome").click()
    expect(page.get_by_text("An intent stands alone")).to_be_visible()
    choose(page, "Outcome *", "failed")
    page.get_by_role("button", name="Append without a preview").dblclick()
    heading(page, "✓ Outcome appended, at position 1")
    page.goto(link(url, "chain", namespace="lab", tenant="completed", verify=1, finding=0))
    expect(page.get_by_text("2 records checked")).to_be_visible()
    expect(page.get_by_text("Intent without outcome")).to_have_count(0)


@pytest.mark.matrix
def test_both_phases_hold_nothing_of_what_is_redacted(
    quiet_page: Page, dashboard: Dashboard, dynamodb_local_url: str, unique_table: str
) -> None:
    page = quiet_page
    engine = {"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": unique_table, "COMPLIANCE__MODE": "soc2"}
    url = dashboard({**engine, "AUDIT__REDACT__ENABLED": "true", "AUDIT__REDACT__FIELDS": "password"})
    fill_in(page, url, phase="both")
    page.get_by_label("Payload (JSON)").fill('{"password":"hunter2"}')
    page.get_by_label("Payload (JSON)").press("Control+Enter")
    page.get_by_role("button", name="Preview", exact=True).click()
    heading(page, "What would be written first: the intent")
    expect(page.get_by_text("Payload: password")).to_be_visible()
    page.get_by_role("button", name="Append the intent, then the outcome").dblclick()
    heading(page, "✓ Outcome appended, at position 1")
    expect(page.get_by_text("Payload: password")).to_have_count(2)
    expect(page.get_by_text("hunter2")).to_have_count(0)
    page.get_by_role("link", name="Open the outcome").click()
    heading(page, "Record")
    expect(page.get_by_text("send_email, pending").first).to_be_visible()
    expect(page.get_by_text("[REDACTED]").first).to_be_visible()
    expect(page.get_by_text("hunter2")).to_have_count(0)
    page.goto(link(url, "chain", **CHAIN, verify=1))
    expect(page.get_by_text("2 records checked")).to_be_visible()
    expect(page.get_by_text("Intact").first).to_be_visible()


@pytest.mark.matrix
def test_a_record_that_lives_for_seconds_is_expired_and_not_broken(
    quiet_page: Page, dashboard: Dashboard, expiring_url: str, unique_table: str
) -> None:
    page = quiet_page
    url = dashboard({"AUDIT__URL": expiring_url, "AUDIT__TABLE_NAME": unique_table, "COMPLIANCE__MODE": "soc2"})
    fill_in(page, url, seconds=LIFETIME)
    page.get_by_role("button", name="Append without a preview").click()
    heading(page, "✓ Appended, at position 0")
    record_id = page.get_by_test_id("stCode").first.inner_text().strip()
    page.get_by_role("link", name="Retention", exact=False).last.click()
    heading(page, "Retention")
    expect(page.get_by_text("1 record read, which is all that stands.")).to_be_visible()
    expect(metric(page, "Removed")).to_have_text("?")

    client = engines.plain_client(expiring_url)
    wait_until_gone(client, unique_table, [record_id])
    client.close()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("0 records read, which is all that stands.")).to_be_visible()

    page.get_by_role("link", name="Verify the chain").click()
    heading(page, "Chain")
    expect(page.get_by_text("Intact, with expiry").first).to_be_visible()
    expect(page.get_by_text("Broken")).to_have_count(0)
    page.goto(link(url, "gaps", **CHAIN, verify=1))
    expect(page.get_by_text("0 + 1 + 0 + 0 = 1", exact=False)).to_be_visible()
    page.goto(link(url, "retention", **CHAIN))
    expect(metric(page, "Removed")).to_have_text("1")
    expect(page.get_by_text("1 proven by fences, 0 unproven")).to_be_visible()


def upload(page: Page, *lines: str) -> None:
    content = {"name": "records.jsonl", "mimeType": "application/json", "buffer": "\n".join(lines).encode()}
    page.locator("input[type=file]").set_input_files([content])  # type: ignore[list-item] # Playwright's own form
    expect(page.get_by_role("button", name="Check the files")).to_be_enabled()
    page.get_by_role("button", name="Check the files").click()
    heading(page, "What these files hold")


@pytest.mark.matrix
def test_a_file_with_bad_lines_is_told_line_by_line_and_a_good_one_is_brought_in(
    quiet_page: Page, dashboard: Dashboard, dynamodb_local_url: str, unique_table: str
) -> None:
    page = quiet_page
    url = dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": unique_table, "COMPLIANCE__MODE": "soc2"})
    page.goto(f"{url}/inject?way=files")
    upload(page, line(1), "{broken", line(2, namespace="a#b"))
    expect(page.get_by_text("2 problems: nothing can be written until they are mended")).to_be_visible()
    for number in (2, 3):
        expect(page.get_by_text(f"records.jsonl: line {number} cannot be taken in")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Import"))).to_have_count(0)

    page.goto(f"{url}/inject?way=files")
    upload(page, *(line(number) for number in range(120)))
    page.get_by_role("button", name="Import 120 records").click()
    expect(page.get_by_text("120 + 0 + 0 + 0 = 120 seen to.")).to_be_visible()
    page.get_by_role("link", name="Records", exact=False).last.click()
    heading(page, "Records")
    expect(page.get_by_text("50 records shown, more to come.")).to_be_visible()
