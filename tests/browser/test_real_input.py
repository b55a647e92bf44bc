"""The CloudTrail events, imported into DynamoDB Local, as the pages show them: whole, then tampered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests import engines
from tests.browser.test_pages import choose_first_row, heading, link
from tests.real.test_evidence import ACCOUNT, CLOUDTRAIL, EVENTS, command

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard

TABLE = "audit_seen"
CHAIN = {"namespace": "aws", "tenant": ACCOUNT}


@pytest.fixture(scope="module")
def url(dynamodb_local_url: str, dashboard: Dashboard) -> str:
    if not CLOUDTRAIL.is_dir():
        pytest.skip("The CloudTrail sample lies beside the project, in ../shared/data/cloudtrail; it is not there.")
    answer = command(dynamodb_local_url, TABLE)("import", str(CLOUDTRAIL))
    assert answer.returncode == 0, answer.stderr
    return dashboard(
        {"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": TABLE, "COMPLIANCE__MODE": "soc2"}
    )  # fmt: skip


def test_the_pages_show_the_events_then_what_was_done_to_them(
    quiet_page: Page, url: str, dynamodb_local_url: str
) -> None:
    page = quiet_page
    page.goto(link(url, "overview"))
    heading(page, "Overview")
    expect(page.get_by_text(f"aws / {ACCOUNT}")).to_be_visible()
    expect(page.get_by_text(f"Last position {EVENTS - 1:,}")).to_be_visible()
    expect(page.get_by_text("In memory")).to_have_count(0)

    page.goto(link(url, "records", **CHAIN))
    heading(page, "Records")
    expect(page.get_by_text("50 records shown, more to come.")).to_be_visible()

    page.goto(link(url, "chain", **CHAIN, verify=1))
    expect(page.get_by_text(f"{EVENTS:,} records checked")).to_be_visible()
    expect(page.get_by_text("Intact", exact=False).first).to_be_visible()
    expect(page.get_by_text("Broken")).to_have_count(0)

    client = engines.plain_client(dynamodb_local_url)
    fence = client.get_item(TableName=TABLE, Key={"id": {"S": f"SEQ#aws#{ACCOUNT}#1234"}}, ConsistentRead=True)
    client.delete_item(TableName=TABLE, Key={"id": fence["Item"]["record_id"]})
    client.close()
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Broken", exact=False).first).to_be_visible()
    page.goto(link(url, "chain", **CHAIN, finding=0))
    heading(page, "Record missing, position 1,234")
    page.goto(link(url, "gaps", **CHAIN, verify=1, gap=1234, fence=1234))
    heading(page, "Gap at position 1,234")
    expect(page.get_by_text("Whoever deleted it did so")).to_be_visible()
    expect(page.get_by_text("The fence of position 1,234")).to_be_visible()
    page.goto(link(url, "records", **CHAIN))
    page.get_by_role("searchbox", name="Search").fill("1233")
    expect(page.get_by_text("1 record shown, which is all there is.")).to_be_visible()
    choose_first_row(page)
    heading(page, "Record")
    expect(page.get_by_text("No record stands here.")).to_be_visible()
    page.get_by_role("button", name="Next record").click()
    expect(page.get_by_text("Before: position 1,234")).to_be_visible()
    page.goto(link(url, "retention", **CHAIN))
    expect(page.get_by_text("records read, more to come.")).to_be_visible()
    page.get_by_role("button", name="Read the rest").click()
    expect(page.get_by_text(f"{EVENTS - 1:,} records read, which is all that stands.")).to_be_visible()
