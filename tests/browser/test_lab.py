"""The Tamper lab and the Race in Chromium: five minutes of demo, every attack by a click, expiry, sixteen writers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from audit_core import Verdict
from audit_core.chain.words import VERDICTS
from audit_core.tamper.attacks import KINDS, places
from audit_core.tamper.lab import Lab
from audit_core.tamper.practice import LAB
from audit_core.tamper.scenes import Scene
from audit_core.tamper.told import State
from audit_ui.lab_words import GROUPS, capital, group_of
from tests import engines
from tests.browser.launching import launched
from tests.browser.test_pages import choose_first_row, heading, link
from tests.real.test_tamper_lab import said_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

    from audit_core.tamper.plays import Play

ACME = {"namespace": "notifications", "tenant": "acme"}


@pytest.fixture(scope="module")
def own_demo() -> Iterator[str]:
    """A demo of its own, since it is broken."""
    with launched() as url:
        yield url


@pytest.fixture
def own_table(dynamodb_local_url: str, unique_table: str) -> Iterator[str]:
    """A dashboard on an empty table of DynamoDB Local."""
    place = {"AUDIT__URL": dynamodb_local_url, "AUDIT__TABLE_NAME": unique_table, "COMPLIANCE__MODE": "soc2"}
    with launched(place) as url:
        yield url


def card(page: Page, name: str) -> Locator:
    """The card of an attack, once the page has come to rest: until then its button may still be another card's."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return page.locator(f".st-key-card-{name}")


def outcome(page: Page, state: State, words: str) -> None:
    """The panel tells this outcome of this very play."""
    panel = page.locator(".st-key-lab_result")
    said = words.replace("`", "")  # which are shown as code
    expect(panel.get_by_role("heading", name=said, exact=True)).to_be_visible()
    expect(panel.get_by_text(f"{state.symbol} {state.words}", exact=True).first).to_be_visible()


@pytest.mark.timeout(300)
def test_the_demo_of_five_minutes_click_by_click(quiet_page: Page, own_demo: str) -> None:
    page = quiet_page
    page.goto(own_demo)
    heading(page, "Overview")

    page.get_by_role("link", name="Records →").nth(2).click()  # of notifications#acme
    heading(page, "Records")
    choose_first_row(page)
    heading(page, "Record")

    page.goto(link(own_demo, "chain", **ACME))
    heading(page, "Chain")
    page.get_by_role("button", name="Verify", exact=True).click()
    heading(page, "Nothing was found altered or missing.")

    page.get_by_role("link", name="Break it in the tamper lab").click()
    heading(page, "Tamper lab")
    card(page, "edit-payload").get_by_role("button", name="Do it").click()
    outcome(page, State.CAUGHT, "A field outside the ten edited (payload)")
    expect(page.get_by_text("✓ content hash", exact=True).first).to_be_visible()

    page.get_by_role("link", name="See why, on its Chain page").click()
    heading(page, "The chain does not hold: something was altered or is missing.")
    heading(page, "Content altered, position 200")
    expect(page.get_by_text("What it means", exact=True)).to_be_visible()

    page.get_by_role("link", name="Break it in the tamper lab").click()
    heading(page, "Tamper lab")
    for words, state in (
        ("own hashes recomputed", State.CAUGHT),
        ("own hashes recomputed and its fence forged", State.CAUGHT),
        ("everything from there on recomputed, fences too", State.UNSEEN),
    ):
        page.get_by_role("button", name=f"Try again as the attacker: {words}", exact=True).click()
        outcome(page, state, f"A field outside the ten edited (payload), {words}")
    expect(page.get_by_text("A checkpoint from before would not fit any more", exact=False)).to_be_visible()

    tried = card(page, "edit-payload")
    expect(tried.get_by_text("✕ Not caught")).to_have_count(1)
    expect(tried.get_by_text("✓ Caught")).to_have_count(3)
    page.get_by_role("link", name="What its Chain page says").click()
    heading(page, "Nothing was found altered or missing.")
    expect(page.get_by_text("The finding that the link names is not in this report")).to_have_count(0)
    page.get_by_role("link", name="Break it in the tamper lab").click()
    heading(page, "Tamper lab")

    page.get_by_role("button", name="Restore the chain").click()
    expect(page.get_by_text("The chain was made anew: 400 records checked, thoroughly.")).to_be_visible()
    page.get_by_role("link", name="Its Chain page →", exact=True).click()
    heading(page, "Nothing was found altered or missing.")


def state_said(kind: str, where: str, play: Play) -> State:
    """How the document says that a play ends."""
    is_whole = isinstance(play.what, Scene) or play.what.at is None
    said = said_of(kind, play.words, play.what.cases, "" if is_whole else where)
    if said.startswith(("**unproven", "**incomplete")):
        return State.UNPROVEN if said.startswith("**unproven") else State.INCOMPLETE
    if said.startswith("**"):
        return State.UNSEEN if "→" in said else State.RIGHT
    return State.THOROUGH if "only when thorough" in said or "(by default: unproven" in said else State.CAUGHT


@pytest.mark.matrix
@pytest.mark.timeout(900)
def test_every_attack_by_a_click_comes_out_as_the_document_says(
    quiet_page: Page, dynamodb_local_url: str, unique_table: str, own_table: str
) -> None:
    page, kind, where = quiet_page, "ours", "middle"
    store = engines.open_local(dynamodb_local_url, unique_table)
    lab = Lab(store, LAB, kind)
    offered = [play for play in lab.plays(places(kind)[where]) if not getattr(play.what, "reader_years", 0)]
    done = 0
    page.goto(link(own_table, "lab", at=places(kind)[where], group=next(iter(GROUPS))))
    for group, title in GROUPS.items():
        page.get_by_test_id("stRadio").get_by_text(title, exact=True).click()
        expect(page).to_have_url(re.compile(f"group={group}"))
        for play in (play for play in offered if group_of(play) == group):
            card(page, play.what.name).get_by_role("button", name="Do it").click()
            further: Play | None = play
            while further is not None:
                outcome(page, state_said(kind, where, further), capital(further.words))
                done += 1
                further = further.second_try
                if further is not None:
                    page.get_by_role("button", name=f"Try again as the attacker: {further.covered}", exact=True).click()
    assert done > len(offered) > 40
    page.get_by_role("button", name="Restore the chain").click()
    expect(page.get_by_text("The chain was made anew: 7 records checked, thoroughly.")).to_be_visible()
    assert store.verify(LAB, kind, thorough=True).findings == ()
    store.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_all_attacks_are_run_by_one_click_on_each_kind_of_chain(quiet_page: Page, own_table: str, kind: str) -> None:
    quiet_page.goto(link(own_table, "lab", tenant=kind))
    quiet_page.get_by_role("button", name="Run all").click()
    expect(quiet_page.get_by_text(re.compile(r"^(\d+) of \1 attacks tried"))).to_be_visible()


@pytest.mark.matrix
def test_a_chain_without_the_mark_is_left_alone(quiet_page: Page, own_demo: str) -> None:
    quiet_page.goto(link(own_demo, "lab", namespace="payments", tenant="hooli"))
    expect(quiet_page.get_by_text("no chain that the lab could make anew", exact=False)).to_be_visible()
    quiet_page.goto(link(own_demo, "lab", namespace="notifications", tenant="nobody"))
    expect(quiet_page.get_by_text("is not marked as demo data", exact=False)).to_be_visible()
    expect(quiet_page.get_by_role("button", name="Do it")).to_have_count(0)


@pytest.mark.matrix
@pytest.mark.timeout(180)
def test_records_expire_beside_others_that_were_deleted_early(quiet_page: Page, own_table: str) -> None:
    page = quiet_page
    page.goto(link(own_table, "lab", way="expiry"))
    page.get_by_role("button", name="Begin").click()
    early = page.locator(".st-key-expiry_early")
    expect(early.get_by_text("✕ Broken").first).to_be_visible()
    expect(page.get_by_text("Gone on both sides", exact=False)).to_be_visible()
    headline = VERDICTS[Verdict.INTACT_WITH_EXPIRY].headline
    expect(page.get_by_text(headline, exact=True)).to_have_count(2)
    expect(early.get_by_text("✕ Broken").first).to_be_visible()


@pytest.mark.matrix
@pytest.mark.timeout(180)
def test_sixteen_writers_race_and_nothing_is_lost(quiet_page: Page, own_table: str) -> None:
    page = quiet_page
    page.goto(f"{own_table}/race")
    page.get_by_role("button", name="Race", exact=True).click()
    expect(page.get_by_text(re.compile("This package: .* of 80 appends"))).to_be_visible()
    ours, plain = page.locator(".st-key-proof_ours"), page.locator(".st-key-proof_plain")
    for proof in (ours, plain):
        expect(proof.get_by_text("✓ Proven", exact=True)).to_be_visible()
        expect(proof.get_by_text("0 lost, 0 twice", exact=True)).to_be_visible()
    expect(ours.get_by_text("80 appends acknowledged, 80 records in the chain", exact=False)).to_be_visible()
    expect(ours.get_by_text("0 appends given up", exact=False)).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("^This package: 80 positions won, 0 appends"))).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("^Plain reference: "))).to_be_visible()
