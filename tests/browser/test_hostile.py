"""A hundred attempts on a browser and fifty on a spreadsheet, in every text of records, on the pages that show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from audit_core import AuditStore
from audit_core.names import visible
from audit_core.spreadsheet import original_text
from tests import hostile
from tests.browser.test_pages import heading, link, settings_of
from tests.chains import Chain
from tests.tables import put
from tests.test_directory import entry
from tests.test_spreadsheet import cells_of, is_formula, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard

TEXTS = ("provider", "action_type", "outcome", "verdict", "caller_id", "auth_method", "matched_rule", "chain_id", "kid")
OTHERS = ("signature", "signer_id", "canonical_hash", "verdict_details", "outcome_details", "metadata")
ALIVE = ("notifications", hostile.XSS[0])
SHEET = ("notifications", "sheet")
DAY = 86_400

RENDERED = r"""() => {
  const root = document.querySelector('[data-testid="stApp"]');
  const tags = 'script,iframe,object,embed,base,link,meta,marquee,portal,keygen,xmp,math,video,audio,style';
  const found = [...root.querySelectorAll(tags)].map(one => one.outerHTML.slice(0, 80));
  for (const one of root.querySelectorAll('*')) {
    for (const name of one.getAttributeNames()) {
      const value = one.getAttribute(name).trim();
      const leads = ['href', 'src', 'action', 'formaction', 'data', 'xlink:href'].includes(name);
      const bare = value.toLowerCase().replace(/[\s\0]/g, '');
      const away = leads && !/^(blob:|data:image)/.test(bare) && new URL(bare, location).host !== location.host;
      if (name.startsWith('on') || away) found.push(`${one.tagName} ${name}=${value.slice(0, 80)}`);
    }
  }
  return found;
}"""
"""What of a page could run, fetch or lead away, by tag, by handler and by address."""


def hostile_record(number: int, text: str) -> dict[str, Any]:
    """What of a record holds one attempt: each of its texts, and an attribute of its own by name and value."""
    held: dict[str, Any] = dict.fromkeys((*TEXTS, *OTHERS, "action_payload", "attachment_metadata"), text)
    own = {f"x {text}"[:200]: {"S": text}}
    return {**held, "id": f"{number:03d}-{text}"[:200], "action_id": text, "extra": own}


@pytest.fixture(scope="module")
def store(dynamodb_local_url: str) -> Iterator[AuditStore]:
    """Tenants named by attempts, and chains of records that hold one each; one is deleted, one has its expiry moved."""
    opened = AuditStore.open(settings_of(dynamodb_local_url, "audit_hostile_hundred"))
    now = opened.table.clock.now()
    put(opened, *(entry("notifications", text) for text in hostile.XSS), entry(*SHEET))
    chain = Chain(names=ALIVE, began=now.plus_seconds(-3600))
    for number, text in enumerate(hostile.XSS):
        chain.ours(1, lifetime=30 * DAY, **hostile_record(number, text))
    chain.remove(40).edit(60, expires_at_ttl={"S": hostile.XSS[60]})
    chain.edit_fence(40, record_id={"S": hostile.XSS[40]})
    put(opened, *chain.items())
    sheet = Chain(names=SHEET, began=now.plus_seconds(-3600))
    for number, text in enumerate(hostile.CSV):
        sheet.ours(1, **hostile_record(number, text))
    put(opened, *sheet.items())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(store: AuditStore, dynamodb_local_url: str, dashboard: Dashboard) -> str:
    return dashboard({"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": store.table.name})


def at_rest(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def inert(page: Page) -> None:
    assert page.evaluate(RENDERED) == []
    assert page.locator("main strong", has_text="bold").count() == 0
    assert page.locator("main em", has_text="em").count() == 0


def flat(text: str) -> str:
    return " ".join(text.split())


def ids(store: AuditStore) -> list[str]:
    page = store.positions(*ALIVE, 0, None, limit=100)
    return [row.stored.text("id") for row in page.rows]


def test_the_lists_hold_a_hundred_and_fifty_attempts() -> None:
    assert len(set(hostile.XSS)) == 100
    assert len(set(hostile.CSV)) == 50


def test_what_would_run_or_lead_away_is_seen(page: Page, url: str) -> None:
    harm = '<a href=" jAva\tscript:x">x</a><p onclick="x">y</p><script></script><img src="//example.com/x.png">'
    page.goto(url)
    page.set_content(f'<div data-testid="stApp">{harm}</div>')
    assert len(page.evaluate(RENDERED)) == 4


def test_a_hundred_attempts_are_inert_on_the_lists(quiet_page: Page, url: str) -> None:
    names = {"namespace": ALIVE[0], "tenant": ALIVE[1]}
    quiet_page.goto(link(url, "records", **names))
    at_rest(quiet_page, "Records")
    expect(quiet_page.get_by_text("50 records shown, more to come.")).to_be_visible()
    inert(quiet_page)
    quiet_page.get_by_role("combobox").click()  # tenants that are named by an attempt each
    expect(quiet_page.get_by_role("option").first).to_be_visible()
    inert(quiet_page)
    quiet_page.keyboard.press("Escape")
    quiet_page.get_by_role("button", name="Next page →").click()
    expect(quiet_page.get_by_text("49 records shown, more to come.")).to_be_visible()
    inert(quiet_page)
    quiet_page.goto(link(url, "records", **names, caller=hostile.XSS[14], outcome=hostile.XSS[14], id=hostile.XSS[20]))
    at_rest(quiet_page, "Records")
    expect(quiet_page.get_by_text("1 record shown, which is all there is.")).to_be_visible()
    inert(quiet_page)
    quiet_page.goto(link(url, "records", **names, caller=hostile.XSS[14], outcome=hostile.XSS[25]))
    at_rest(quiet_page, "Records")
    expect(quiet_page.get_by_text(hostile.XSS[14], exact=True)).to_be_visible()  # on its chip
    inert(quiet_page)
    quiet_page.goto(link(url, "gaps", **names, verify=1, gap=40, fence=40))
    heading(quiet_page, "Gap at position 40")
    at_rest(quiet_page, "Gaps")
    expect(quiet_page.get_by_text("The fence of position 40")).to_be_visible()
    inert(quiet_page)
    quiet_page.goto(link(url, "retention", **names))
    expect(quiet_page.get_by_text("1 record with an expiry that is not what was written")).to_be_visible()
    at_rest(quiet_page, "Retention")
    inert(quiet_page)
    quiet_page.goto(link(url, "retention", scope="all"))
    expect(quiet_page.get_by_text("26 tenants shown, there are more.", exact=False)).to_be_visible()
    at_rest(quiet_page, "Retention")
    inert(quiet_page)


def seen_whole(page: Page, url: str, record_id: str, text: str) -> None:
    page.goto(link(url, "records", record=record_id))
    expect(page.get_by_text("The item as it stands in the table")).to_be_visible()
    at_rest(page, "Record")
    inert(page)
    shown = flat(page.get_by_test_id("stMain").inner_text())
    assert shown.count(flat(text)) >= 12, text


def test_attempts_are_text_on_the_page_of_their_record(quiet_page: Page, url: str, store: AuditStore) -> None:
    for record_id in ids(store)[::50]:
        seen_whole(quiet_page, url, record_id, visible(hostile.XSS[int(record_id[:3])]))


@pytest.mark.matrix
@pytest.mark.timeout(600)
def test_each_attempt_is_text_on_the_page_of_its_record(quiet_page: Page, url: str, store: AuditStore) -> None:
    for record_id in ids(store):
        seen_whole(quiet_page, url, record_id, visible(hostile.XSS[int(record_id[:3])]))


def test_fifty_formulas_are_inert_in_what_is_taken_away(quiet_page: Page, url: str) -> None:
    quiet_page.goto(link(url, "records", namespace=SHEET[0], tenant=SHEET[1], order="sequence"))
    at_rest(quiet_page, "Records")
    inert(quiet_page)
    quiet_page.get_by_text("Take these records away").click()
    quiet_page.get_by_role("button", name="Make the file").click()
    download = quiet_page.get_by_role("button", name="Download the zip")
    expect(download).to_be_visible()
    with quiet_page.expect_download() as started:
        download.click()
    with ZipFile(started.value.path()) as archive:
        name, beside = archive.namelist()
        content, manifest = archive.read(name), json.loads(archive.read(beside))
    assert manifest["records"] == 50
    for delimiter in (",", ";", "\t"):
        cells = [cell for row in cells_of(content, delimiter) for cell in row]
        assert not [cell for cell in cells if is_formula(cell)]
    for row, text in zip(rows_of(content), hostile.CSV, strict=True):
        for column in (*TEXTS, *OTHERS, "action_id", "action_payload", "attachment_metadata"):
            assert original_text(row[column]) == text


def test_line_breaks_and_terminal_codes_are_escaped(quiet_page: Page, url: str, store: AuditStore) -> None:
    texts = {"caller_id": "a\nb\r\x1b[31mc", "metadata": '"\x1b[2J"'}
    odd = Chain(names=("notifications", "odd"), label="odd").ours(1, **texts)
    put(store, *odd.items())
    quiet_page.goto(link(url, "records", record=odd.record(0)["id"]["S"]))
    expect(quiet_page.get_by_text("It holds characters that cannot be seen")).to_be_visible()
    expect(quiet_page.get_by_text("a\\u{000A}b\\u{000D}\\u{001B}[31mc", exact=True)).to_be_visible()
    assert "\x1b" not in quiet_page.get_by_test_id("stMain").inner_text()
