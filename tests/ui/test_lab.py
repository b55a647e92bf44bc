"""The Tamper lab page: an attack by a click, the attacker's further tries, the table, restoring, and the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from audit_core.chain.findings import FindingKind, Verdict
from audit_core.chain.words import VERDICTS
from audit_core.settings import AuditSettings, ComplianceSettings, Settings
from audit_core.tamper.attacks import ATTACKS
from audit_ui import finding_view, lab_words
from audit_ui.context import Context
from audit_ui.lab_run import open_lab
from tests import builders, tables
from tests.reports import finding
from tests.ui.visits import address, finished, go, table, visit, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore


def click(opened: AppTest, key: str) -> AppTest:
    opened.button(key=key).click().run()
    return finished(opened)


def badges(opened: AppTest) -> str:
    return "\n".join(str(part.value) for part in opened.markdown)


def tries(opened: AppTest) -> list[tuple[str, str]]:
    """Of the attacker's tries: what came out, and what still caught it."""
    return [(row["Outcome"], row["What still catches it"]) for row in table(opened)]


def test_an_attack_is_done_by_a_click_and_told(own_table: AuditStore) -> None:
    opened = click(visit("lab"), "do edit-payload")
    assert not opened.exception
    said = words(opened)
    assert "A field outside the ten edited (payload)" in said
    assert "content hash" in badges(opened)
    assert tries(opened)[0] == ("✓ Caught", "content hash")
    assert '"Item": {' in said
    assert own_table.verify("lab", "ours").verdict is Verdict.BROKEN


def test_the_attacker_tries_again_until_nothing_in_the_table_shows_it(own_table: AuditStore) -> None:
    opened = click(visit("lab"), "do edit-payload")
    for _ in range(3):
        opened = click(opened, "try_again")
    assert [outcome for outcome, _caught in tries(opened)] == ["✓ Caught", "✓ Caught", "✓ Caught", "✕ Not caught"]
    assert tries(opened)[-1][1] == "nothing in the table"
    assert "A checkpoint from before would not fit any more" in words(opened)
    assert "Nothing in the table can show this" in words(opened)
    assert not [button for button in opened.button if button.key == "try_again"]
    assert own_table.verify("lab", "ours").verdict is Verdict.INTACT


def test_what_a_play_leads_to_on_its_chain_page_is_a_finding_where_there_is_one(own_table: AuditStore) -> None:
    opened = click(visit("lab"), "do edit-payload")
    assert chain_way(opened) == (":green[See why, on its Chain page →]", "0")
    for _ in range(3):
        opened = click(opened, "try_again")
    assert chain_way(opened) == (":green[What its Chain page says →]", None)
    assert own_table.verify("lab", "ours", thorough=True).findings == ()


@pytest.mark.parametrize(
    ("kinds", "place"),
    [
        (("expired", "expired_unproven", "missing_record", "missing_record"), 2),
        (("expired", "expired_unproven"), 1),
        (("expired",), None),
        ((), None),
    ],
)
def test_the_gravest_finding_is_the_first_break_or_else_the_first_doubt(
    kinds: tuple[str, ...], place: int | None
) -> None:
    assert finding_view.gravest([finding(FindingKind(kind), 3) for kind in kinds]) == place


@pytest.mark.usefixtures("own_table")
def test_the_chain_page_shows_the_chain_as_the_last_play_left_it() -> None:
    opened = click(visit("lab"), "do edit-payload")
    chain = {"namespace": "lab", "tenant": "ours", "thorough": "1", "verify": "1"}
    assert VERDICTS[Verdict.BROKEN].headline in words(finished(go(opened, "chain", **chain)))
    opened = go(opened, "lab")
    for _ in range(3):
        opened = click(opened, "try_again")
    assert VERDICTS[Verdict.INTACT].headline in words(finished(go(opened, "chain", **chain)))


@pytest.mark.usefixtures("own_table")
def test_a_card_says_of_each_try_how_it_ended() -> None:
    opened = click(visit("lab"), "do edit-payload")
    for _ in range(3):
        opened = click(opened, "try_again")
    said = badges(opened)
    assert ":blue-badge[✓ Caught] :small[nothing covered up]" in said
    assert ":red-badge[✕ Not caught] :small[everything from there on recomputed, fences too]" in said


def test_restoring_makes_the_chain_anew_and_says_so(own_table: AuditStore) -> None:
    opened = click(click(visit("lab"), "do edit-outcome"), "restore")
    assert "The chain was made anew: 7 records checked" in words(opened)
    assert own_table.verify("lab", "ours", thorough=True).findings == ()


@pytest.mark.usefixtures("own_table")
def test_what_was_found_is_known_to_the_other_pages() -> None:
    opened = click(visit("lab"), "do edit-outcome")
    opened.switch_page("pages/audit/overview.py").run()
    assert "Broken" in badges(opened)


def test_all_attacks_are_run_by_one_click(own_table: AuditStore) -> None:
    opened = click(visit("lab", tenant="sealed"), "run_all")
    rows = table(opened, len(opened.dataframe) - 1)
    lab = open_lab(Context(own_table), "lab", "sealed")
    assert len(rows) == len(lab_words.every_try(lab.plays(3)))
    assert not [row for row in rows if row["Outcome"] == "not tried yet"]
    by_words = {(row["Attack"], row["Covered up"]): row for row in rows}
    edited = by_words["A field outside the ten edited (payload)", "its fence too"]
    assert (edited["Content"], edited["Chain"], edited["Checkpoint"]) == ("–", "✓", "✓ would differ")


@pytest.mark.parametrize("group", lab_words.GROUPS)
def test_every_attack_has_a_card_in_its_group(own_table: AuditStore, group: str) -> None:
    opened = visit("lab", group=group)
    lab = open_lab(Context(own_table), "lab", "ours")
    wanted = {f"do {play.what.name}" for play in lab.plays(3) if lab_words.group_of(play) == group}
    assert wanted
    assert {button.key for button in opened.button if str(button.key).startswith("do ")} == wanted


def test_every_attack_is_in_a_group(own_table: AuditStore) -> None:
    lab = open_lab(Context(own_table), "lab", "ours")
    assert {play.what.name for play in lab.plays(3) if lab_words.group_of(play) in lab_words.GROUPS} >= {
        attack.name for attack in ATTACKS
    }


@pytest.mark.usefixtures("own_table")
def test_the_address_names_chain_position_and_group() -> None:
    opened = visit("lab", tenant="mixed", at="2", group="deletions")
    assert opened.number_input(key="lab position").value == 2
    opened.number_input(key="lab position").set_value(6).run()
    assert address(opened) == {"tenant": "mixed", "at": "6", "group": "deletions"}
    assert "DeleteItem lab-mixed-6" in words(opened)


@pytest.mark.parametrize("at", ["7", "x", "-1"])
def test_a_position_that_the_chain_lacks_is_told(own_table: AuditStore, at: str) -> None:
    assert "this chain has 0 to 6" in words(visit("lab", at=at))
    assert not tables.everything(own_table)


def test_a_chain_without_the_mark_is_refused(own_table: AuditStore) -> None:
    own_table.append(builders.record(namespace="notifications", tenant="acme"))
    before = tables.everything(own_table)
    opened = visit("lab", namespace="notifications", tenant="acme")
    assert "is not marked as demo data" in words(opened)
    assert not [button for button in opened.button if str(button.key).startswith("do ")]
    assert tables.everything(own_table) == before


def test_a_lab_s_name_without_the_mark_is_refused_at_the_click(own_table: AuditStore) -> None:
    own_table.append(builders.record(namespace="lab", tenant="ours"))
    before = tables.everything(own_table)
    opened = visit("lab")
    opened.button(key="do edit-outcome").click().run()
    assert "is not marked as demo data" in words(opened)
    assert tables.everything(own_table) == before


@pytest.mark.parametrize(("name", "title"), [("lab", "Nothing is tampered with here"), ("race", "Nobody races here")])
def test_an_engine_that_counts_as_aws_is_refused(
    own_table: AuditStore, monkeypatch: pytest.MonkeyPatch, name: str, title: str
) -> None:
    on_aws = Settings(audit=AuditSettings(url="http://10.0.0.1:8000"), compliance=ComplianceSettings.for_mode("soc2"))
    monkeypatch.setattr(own_table, "settings", on_aws)
    monkeypatch.setattr("audit_ui.context._open_store", lambda _settings: own_table)
    requests = tables.asked(own_table)
    opened = visit(name)
    assert title in words(opened)
    assert "nothing is ever tampered with there" in words(opened)
    assert set(requests) <= {"Query", "DescribeTable", "DescribeTimeToLive", "GetItem"}  # of the page before it


@pytest.mark.usefixtures("own_table")
def test_nobody_races_on_the_embedded_engine() -> None:
    opened = visit("race")
    said = words(opened)
    assert "one request at a time" in said
    assert "docker compose --profile dynamodb up, or by Java 17 and Maven (README.md tells how)" in said
    assert "`" not in "".join(part.value for part in opened.text)  # which shows it as it is
    assert not [button for button in opened.button if button.label == "Race"]


def test_expiry_begins_by_a_click_with_every_record_standing(own_table: AuditStore) -> None:
    opened = visit("lab", way="expiry")
    opened.button(key="expiry_begin").click().run()
    assert not opened.exception
    rows: list[dict[str, Any]] = [*table(opened, 0), *table(opened, 1)]
    assert {(row["Record"], row["Fence"]) for row in rows} == {("✓ stands", "✓ stands")}
    assert own_table.tenants().entries[0].demo


def test_a_demo_chain_leads_to_the_lab_and_another_does_not(own_table: AuditStore) -> None:
    open_lab(Context(own_table), "lab", "ours").restore()
    own_table.append(builders.record(namespace="lab", tenant="bench"))
    assert "Break it in the tamper lab" in ways(visit("chain", namespace="lab", tenant="ours", verify="1"))
    assert "Break it in the tamper lab" not in ways(visit("chain", namespace="lab", tenant="bench", verify="1"))


def chain_way(opened: AppTest) -> tuple[str, str | None]:
    """The label of the way to the Chain page from what a play came to, and the finding that it names."""
    (way,) = [link for link in opened.get("page_link") if "Chain page" in link.label]
    return way.label, parse_qs(way.proto.query_string).get("finding", [None])[0]


def ways(opened: AppTest) -> str:
    return "\n".join(str(link.label) for link in opened.get("page_link"))
