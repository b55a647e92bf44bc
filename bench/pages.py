"""How long each page takes to its first useful content, in Chromium, on a small table and on a large one.

Both tables are on one DynamoDB Local, each behind a dashboard of its own, started anew for each round so that nothing
is kept from the round before. The large one has many tenants, the small one as many as a screen shows.

Run: python -m bench.pages [--records N] [--tenants N] [--small N] [--rounds N] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from bench import filling, measure, subjects
from bench.measure import Figure
from tests import engines
from tests.browser.launching import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREEN = 25
"""Tenants that the small table has."""

ASKED = 3.0
GIGABYTES_A_MILLION = 14
PATIENCE = 60_000
FIRST = "tenant-00000"
ONE = f"?namespace={subjects.NAMESPACE}&tenant={FIRST}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its address, and what of it is of use, as a selector of Playwright."""

    path: str
    selector: str


PAGES = {
    "overview": Shown("overview", "text=/Last position \\d+/ >> nth=0"),
    "tenants": Shown("tenants", "[data-testid=stDataFrame] canvas >> nth=0"),
    "tenant": Shown(f"tenants{ONE}", "text=Newest record"),
    "records": Shown(f"records{ONE}", "[data-testid=stDataFrame] canvas >> nth=0"),
    "chain": Shown(f"chain{ONE}", "text=/Not verified yet|last verified/ >> nth=0"),
    "gaps": Shown(f"gaps{ONE}", "text=/Not verified yet/ >> nth=0"),
    "retention": Shown(f"retention{ONE}", "[data-testid=stMain] >> text=/\\d+ records? read/ >> nth=0"),
    "inject": Shown("inject", "text=/Provider/ >> nth=0"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="records of the large table")
    parser.add_argument("--tenants", type=int, default=1_000, help="tenants of the large table")
    parser.add_argument("--small", type=int, default=1_000, help=f"records of the small table, in {SCREEN} tenants")
    parser.add_argument("--rounds", type=int, default=measure.ROUNDS, help="rounds, both tables in each")
    parser.add_argument("--only", default="", help="a part of a page's name: only these are measured")
    parser.add_argument("--json", type=Path, help="a file for the results as JSON")
    options = parser.parse_args()
    pages = {name: page for name, page in PAGES.items() if options.only in name}
    heap = max(1, math.ceil(GIGABYTES_A_MILLION * options.records / 1_000_000))
    with measure.dynamodb_local(f"-Xmx{heap}g") as url, sync_playwright() as playwright:
        tables = [
            table_of(url, options.records, options.tenants),
            table_of(url, options.small, min(SCREEN, options.small)),
        ]
        browser = playwright.chromium.launch(executable_path=engines.browser_executable(), args=["--no-sandbox"])
        taken = measured(browser, url, tables, pages, options.rounds)
        browser.close()
    figures = [
        Figure(f"{name}, {options.records:,} records over {options.small:,}", "s", large, small, ASKED, at_most=True)
        for name, (large, small) in taken.items()
    ]
    measure.show(figures, options.json)


def table_of(url: str, records: int, tenants: int) -> str:
    """Return the name of a table with so many records in so many tenants, which is filled where it is not yet."""
    name = f"bench_pages_{records}_{tenants}"
    store = engines.open_local(url, name)
    filled = len(store.tenants().entries) >= tenants
    store.close()
    if not filled:
        started = time.perf_counter()
        share = max(1, records // tenants)
        chains = {f"tenant-{number:05}": share for number in range(tenants)}
        filling.fill(url, name, chains)
        print(f"{records:,} records put in, {time.perf_counter() - started:,.0f} s", flush=True)
    return name


def measured(
    browser: Browser, url: str, tables: list[str], pages: dict[str, Shown], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Return for each page the seconds to its first useful content, of both tables, round by round."""
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pages}
    names = list(pages)
    for number in range(rounds):
        # each page comes first once, so that none always has what another one read
        turn = number % len(names)
        for place in (0, 1) if number % 2 else (1, 0):
            with launched({"AUDIT__URL": url, "AUDIT__TABLE_NAME": tables[place], "COMPLIANCE__MODE": "soc2"}) as site:
                page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
                page.goto(f"{site}/inject")  # what the browser loads of the program once
                expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
                page.close()
                for name in (*names[turn:], *names[:turn]):
                    taken[name][place].append(seconds_to(browser, site, pages[name]))
        print(f"round {number + 1} of {rounds} done", flush=True)
    return taken


def seconds_to(browser: Browser, site: str, shown: Shown) -> float:
    """Return how long a page takes from its address to its first useful content, in a tab of its own."""
    page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    started = time.perf_counter()
    page.goto(f"{site}/{shown.path}", wait_until="commit")
    page.locator(shown.selector).first.wait_for(timeout=PATIENCE)
    taken = time.perf_counter() - started
    page.close()
    return taken


if __name__ == "__main__":
    main()
