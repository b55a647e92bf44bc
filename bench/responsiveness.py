"""Whether the dashboard stays usable while a long chain is verified, in Chromium: how long it takes to answer a click.

A verification is stopped, gone on with, left for another page and come back to, again and again, until it has come to
its end. It fails where it loses a position on the way, or reads one twice.

Run: python -m bench.responsiveness [--records N] [--json FILE]
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from bench import filling, measure, subjects
from bench.measure import Figure
from tests import engines
from tests.browser.launching import launched

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

TABLE = "bench_responsiveness"
PATIENCE = 60_000
ASKED = 1.0
"""Seconds in which a click is to be answered."""

LOOK_SECONDS = 1.5
"""How long somebody looks at what a click led to, before the next."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000, help="the length of the chain")
    parser.add_argument("--json", type=Path, help="a file for the results as JSON")
    options = parser.parse_args()
    with measure.dynamodb_local("-Xmx4g") as url, sync_playwright() as playwright:
        store = engines.open_local(url, TABLE)
        tenant = subjects.new_tenant()
        filling.fill(url, TABLE, {tenant: options.records})
        browser = playwright.chromium.launch(executable_path=engines.browser_executable(), args=["--no-sandbox"])
        with launched({"AUDIT__URL": url, "AUDIT__TABLE_NAME": TABLE, "COMPLIANCE__MODE": "soc2"}) as site:
            page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
            page.set_default_timeout(PATIENCE)
            answers = watched(page, f"{site}/chain?namespace={subjects.NAMESPACE}&tenant={tenant}", options.records)
            told = page.get_by_text("items read in").first.inner_text()
        browser.close()
        read = store.verify(subjects.NAMESPACE, tenant).reading.items
        store.close()
    found = re.search(r"([\d,]+) items read", told)
    assert found is not None, told
    assert int(found.group(1).replace(",", "")) == read, f"{told} A verification without a pause read {read:,}."
    figures = [
        Figure(f"{name}: the slowest of {len(taken)}", "s", [max(taken)], None, ASKED, at_most=True)
        for name, taken in answers.items()
    ]
    measure.show(figures, options.json)


def watched(page: Page, address: str, records: int) -> dict[str, list[float]]:
    """Verify with pauses and other pages in between; return how long each kind of click took to be answered."""
    answers: dict[str, list[float]] = {"stop": [], "go on": [], "another page": [], "back": []}
    main, side = page.get_by_test_id("stMain"), page.get_by_test_id("stSidebar")
    end = f"{records:,} records checked."
    ended = main.get_by_text(end)
    page.goto(address)
    main.get_by_role("button", name="Verify", exact=True).click()
    under_way = main.get_by_text("Verifying: position")
    expect(under_way.or_(ended).first).to_be_visible(timeout=PATIENCE)
    reached = 0
    while not ended.is_visible():
        stop = main.get_by_role("button", name="Stop", exact=True)
        if not stop.is_visible():
            page.wait_for_timeout(50)
            continue
        answers["stop"].append(answered(stop.click, lambda: shown(page, "Stopped at position", end)))
        if ended.is_visible():
            break
        place = position(main.get_by_text("Stopped at position").inner_text())
        assert place >= reached, f"It was at {reached:,}, and stopped at {place:,}."
        reached = place
        page.wait_for_timeout(LOOK_SECONDS * 1000)
        go_on = main.get_by_role("button", name="Go on from where it stopped")
        answers["go on"].append(answered(go_on.click, lambda: shown(page, "Verifying: position", end)))
        page.wait_for_timeout(LOOK_SECONDS * 1000)
        tenants, chain = (side.get_by_role("link", name=name, exact=True) for name in ("Tenants", "Chain"))
        answers["another page"].append(answered(tenants.click, lambda: shown(page, "Tenants", within="h1")))
        page.wait_for_timeout(LOOK_SECONDS * 1000)
        answers["back"].append(answered(chain.click, lambda: shown(page, "Chain", within="h1")))
        expect(under_way.or_(ended).first).to_be_visible(timeout=PATIENCE)
        last = ", ".join(f"{name} {taken[-1]:.2f} s" for name, taken in answers.items())
        print(f"at position {reached:,} of {records:,}: {last}", flush=True)
    return answers


def shown(page: Page, *texts: str, within: str = "*") -> None:
    """Wait until the page shows one of the texts, looking at each frame; a locator looks twice a second at worst."""
    page.wait_for_function(
        "([within, texts]) => [...document.querySelectorAll(`[data-testid=stMain] ${within}`)]"
        ".some(one => texts.some(text => one.textContent.includes(text)))",
        arg=[within, texts],
    )


def answered(click: Callable[[], None], seen: Callable[[], None]) -> float:
    started = time.perf_counter()
    click()
    seen()
    return time.perf_counter() - started


def position(text: str) -> int:
    found = re.search(r"position ([\d,]+)", text)
    assert found is not None, text
    return int(found.group(1).replace(",", ""))


if __name__ == "__main__":
    main()
