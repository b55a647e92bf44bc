"""Taking records away as a visitor does: made by one click, downloaded by another, and what comes is what was said."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING
from zipfile import ZipFile

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard


def test_records_are_downloaded_with_their_manifest(quiet_page: Page, dashboard: Dashboard) -> None:
    quiet_page.goto(f"{dashboard()}/records?namespace=notifications&tenant=acme&outcome=executed")
    quiet_page.get_by_text("Take these records away").click()
    quiet_page.get_by_role("button", name="Make the file").click()
    download = quiet_page.get_by_role("button", name="Download the zip")
    expect(download).to_be_visible()
    with quiet_page.expect_download() as started:
        download.click()
    with ZipFile(started.value.path()) as archive:
        name, beside = archive.namelist()
        content, manifest = archive.read(name), json.loads(archive.read(beside))
    assert started.value.suggested_filename == f"{name}.zip"
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert {row["outcome"] for row in rows} == {"executed"}
    assert (manifest["records"], manifest["sha256"]) == (len(rows), hashlib.sha256(content).hexdigest())
    expect(quiet_page.get_by_text(manifest["sha256"])).to_be_visible()
