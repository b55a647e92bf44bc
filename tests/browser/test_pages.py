"""The pages in Chromium, served by the launcher: first visits, verdicts, hostile text, an engine that is away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore
from audit_core.settings import AuditSettings, ComplianceSettings, Settings
from audit_core.timestamps import Clock
from tests import builders, engines, tables
from tests.browser.launching import launched

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.launching import Dashboard

HOSTILE = '<img src=x onerror="alert(1)"> <script>alert(2)</script> ![x](http://example.com/x.png) **bold** :red[x] $y$'


def link(url: str, page: str, **query: object) -> str:
    return f"{url}/{page}?{urlencode(query)}"


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True).first).to_be_visible()  # a page may name a part alike


def choose_first_row(page: Page) -> None:
    """Clicks the box before the first row; tables are drawn on a canvas, so there is no element to click."""
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 52)
    page.mouse.move(0, 0)  # what opens may have help under a pointer that rests, and that covers the buttons below it


def settings_of(url: str, table: str) -> Settings:
    audit = AuditSettings(backend="dynamodb", url=url, table_name=table)
    return Settings(audit=audit, compliance=ComplianceSettings.for_mode("soc2"))


def test_the_very_first_visit_may_be_a_deep_link(page: Page, tmp_path: Path) -> None:
    with launched(folder=tmp_path) as url:
        for path, name in (("chain?namespace=payments&tenant=hooli&verify=1", "Chain"), ("overview", "Overview")):
            page.goto(f"{url}/{path}")
            heading(page, name)
            expect(page.get_by_text("In memory: gone when this process ends")).to_be_visible()
            expect(page.get_by_text("Page not found")).to_have_count(0)
            expect(page.get_by_role("dialog")).to_have_count(0)


class TestDemo:
    @pytest.fixture
    def url(self, dashboard: Dashboard) -> str:
        return dashboard()

    def test_the_root_leads_to_the_overview(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(url)
        heading(quiet_page, "Overview")
        expect(quiet_page).to_have_url(re.compile("/overview"))
        expect(quiet_page.get_by_text("7 tenants of 7 shown")).to_be_visible()

    def test_every_page_is_reached_from_the_overview(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(f"{url}/overview")
        quiet_page.get_by_role("link", name="Records →").nth(2).click()
        heading(quiet_page, "Records")
        expect(quiet_page).to_have_url(re.compile("tenant=acme"))
        expect(quiet_page.get_by_text("50 records shown, more to come.")).to_be_visible()
        quiet_page.get_by_role("link", name="Chain", exact=True).click()
        heading(quiet_page, "Chain")

    def test_verifying_all_tenants_gives_each_its_state(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(f"{url}/overview")
        quiet_page.get_by_role("button", name="Verify these 7 tenants").click()
        for state in ("✓ Intact, with expiry", "? Unproven", "– No chain"):
            expect(quiet_page.get_by_text(state, exact=True).first).to_be_visible()
        expect(quiet_page.get_by_role("link", name="Findings →")).to_have_count(3)  # the broken ones lead to theirs

    def test_a_broken_chain_shows_kind_and_place(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "chain", namespace="payments", tenant="umbrella", verify=1, finding=0))
        heading(quiet_page, "The chain does not hold: something was altered or is missing.")
        heading(quiet_page, "Content altered, position 146")
        expect(quiet_page.get_by_text("Positions 0 to 219: 220 + 0 + 0 + 0 + 0 = 220")).to_be_visible()
        bars = quiet_page.get_by_role("figure", name=re.compile("The chain does not hold"))
        expect(bars).to_be_visible()

    def test_pages_of_records_go_on_and_back(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "records", namespace="notifications", tenant="acme"))
        quiet_page.get_by_role("button", name="Next page →").click()
        expect(quiet_page).to_have_url(re.compile("cursor="))
        quiet_page.get_by_role("button", name="First page").click()
        expect(quiet_page).not_to_have_url(re.compile("cursor="))

    def test_what_is_typed_into_the_filters_is_applied(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "records", namespace="notifications", tenant="acme"))
        quiet_page.get_by_role("button", name="Add a filter").click()
        quiet_page.get_by_label("Outcome").fill("failed")
        quiet_page.get_by_role("button", name="Apply").click()
        expect(quiet_page).to_have_url(re.compile("outcome=failed"))
        expect(quiet_page.get_by_role("button", name="✕ Outcome")).to_be_visible()
        expect(quiet_page.get_by_text("which is all there is.")).to_be_visible()

    def test_a_chosen_row_opens_its_record_and_the_way_back_leads_to_the_list(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "records", namespace="notifications", tenant="acme"))
        choose_first_row(quiet_page)
        heading(quiet_page, "Record")
        expect(quiet_page).to_have_url(re.compile("record="))
        quiet_page.get_by_role("button", name="Back to the list").click()
        heading(quiet_page, "Records")
        expect(quiet_page.get_by_text("50 records shown, more to come.")).to_be_visible()
        expect(quiet_page).not_to_have_url(re.compile("record="))

    def test_a_chosen_row_opens_its_finding(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "chain", namespace="payments", tenant="hooli", verify=1))
        choose_first_row(quiet_page)
        heading(quiet_page, "Record missing, position 90")
        expect(quiet_page).to_have_url(re.compile("finding=0"))

    def test_the_browsers_way_back_leads_to_the_chain_before(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(link(url, "chain", namespace="payments", tenant="hooli", verify=1))
        expect(quiet_page.get_by_text("Positions 0 to 179:")).to_be_visible()
        quiet_page.get_by_role("combobox").click()
        quiet_page.keyboard.type("globex")
        quiet_page.keyboard.press("Enter")
        expect(quiet_page).to_have_url(re.compile("tenant=globex"))
        expect(quiet_page.get_by_text("Positions 0 to 179:")).to_have_count(0)
        quiet_page.go_back()
        expect(quiet_page.get_by_text("Positions 0 to 179:")).to_be_visible()
        quiet_page.wait_for_timeout(1000)
        expect(quiet_page).to_have_url(re.compile("tenant=hooli"))
        expect(quiet_page.get_by_role("combobox")).to_have_value("payments / hooli")

    def test_two_people_see_their_own_tenants(self, browser: Browser, url: str) -> None:
        acme, hooli = browser.new_context(), browser.new_context()
        seen = []
        for context, tenant in ((acme, ("notifications", "acme")), (hooli, ("payments", "hooli"))):
            opened = context.new_page()
            opened.goto(link(url, "chain", namespace=tenant[0], tenant=tenant[1], verify=1))
            seen.append(opened)
        expect(seen[0].get_by_text("Positions 0 to 399: 400")).to_be_visible()
        expect(seen[1].get_by_text("Positions 0 to 179: 179")).to_be_visible()
        for opened in seen:
            opened.get_by_role("button", name="Verify", exact=True).click()
        expect(seen[0].get_by_text("Positions 0 to 399: 400")).to_be_visible()
        expect(seen[1].get_by_text("Positions 0 to 399")).to_have_count(0)
        acme.close()
        hooli.close()

    def test_times_are_utc_wherever_the_browser_is(self, quiet_page: Page, url: str) -> None:
        quiet_page.goto(f"{url}/overview")
        expect(quiet_page.get_by_text(re.compile(r"As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))).to_be_visible()


class TestDynamoDBLocal:
    def test_hostile_text_is_inert_on_every_page(
        self, quiet_page: Page, dashboard: Dashboard, dynamodb_local_url: str
    ) -> None:
        name = "audit_hostile"
        store = AuditStore.open(settings_of(dynamodb_local_url, name))
        now = Clock().now()
        fields = dict.fromkeys(("provider", "action_type", "outcome", "verdict", "caller_id", "matched_rule"), HOSTILE)
        record = builders.record(**fields, tenant=HOSTILE, action_id=HOSTILE, dispatched_at=now, completed_at=now)
        number = store.append(record).record.sequence_number
        tables.put(store, builders.item(id="line\nbreak\x1b[31m", tenant=HOSTILE, caller_id=HOSTILE))
        store.close()
        assert number == 0
        url = dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": name})
        for path, name_of_page in (
            ("overview", "Overview"),
            (f"records?{urlencode({'namespace': 'notifications', 'tenant': HOSTILE})}", "Records"),
            (f"records?{urlencode({'record': record.id})}", "Record"),
            (f"records?{urlencode({'record': HOSTILE})}", "Record"),
            (f"records?{urlencode({'namespace': HOSTILE, 'tenant': HOSTILE, 'cursor': HOSTILE})}", "Records"),
            (f"chain?{urlencode({'namespace': 'notifications', 'tenant': HOSTILE, 'verify': 1})}", "Chain"),
            (f"tenants?{urlencode({'namespace': 'notifications', 'tenant': HOSTILE})}", "Tenant"),
            (f"gaps?{urlencode({'namespace': 'notifications', 'tenant': HOSTILE, 'verify': 1})}", "Gaps"),
            (f"retention?{urlencode({'namespace': 'notifications', 'tenant': HOSTILE})}", "Retention"),
            ("inject", "Inject"),
        ):
            quiet_page.goto(f"{url}/{path}")
            heading(quiet_page, name_of_page)
            expect(quiet_page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
            assert quiet_page.locator("img[src='x'], img[src*='example.com'], main script").count() == 0
            assert quiet_page.locator("main strong", has_text="bold").count() == 0

    def test_the_page_recovers_when_the_engine_was_away(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        missing = engines.missing_for_dynamodb_local()
        if missing:
            pytest.skip(missing)
        port = engines.free_port()
        settings = {"AUDIT__URL": f"http://127.0.0.1:{port}", "AUDIT__TABLE_NAME": "audit_away"}
        with launched(settings) as url:
            page.goto(f"{url}/overview")
            expect(page.get_by_text("cannot be reached")).to_be_visible()
            expect(page.get_by_text("docker compose --profile dynamodb up")).to_be_visible()
            expect(page.get_by_text("Traceback")).to_have_count(0)
            monkeypatch.setattr(engines, "free_port", lambda: port)
            with engines.dynamodb_local():
                page.get_by_role("button", name="Try again").click()
                expect(page.get_by_text("No tenant is listed")).to_be_visible()
            page.get_by_role("button", name="Refresh").click()
            expect(page.get_by_text("cannot be reached")).to_be_visible()
            with engines.dynamodb_local():  # in memory: the table is gone as well
                page.get_by_role("button", name="Try again").click()
                expect(page.get_by_text("There is no table audit_away")).to_be_visible()
                page.get_by_role("button", name="Try again").click()
                expect(page.get_by_text("No tenant is listed")).to_be_visible()
