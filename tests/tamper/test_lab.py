"""The lab on each engine: who may be attacked, what comes out, what it sends, and that nothing stays of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Severity, Verdict
from audit_core.errors import WriteRefusedError
from audit_core.settings import AuditSettings
from audit_core.store import AuditStore
from audit_core.tamper.attacks import ATTACKS, KINDS, attack_named
from audit_core.tamper.defences import Defence
from audit_core.tamper.lab import Lab
from audit_core.tamper.plays import Play
from audit_core.tamper.practice import LAB, PRACTICE
from audit_core.tamper.scenes import SCENES, scene_named
from audit_core.tamper.target import Cover
from tests import builders, tables
from tests.engines import Feature

if TYPE_CHECKING:
    from audit_core.tamper.attacks import Attack
    from audit_core.tamper.scenes import Scene


def attack(name: str) -> Attack:
    found = attack_named(name)
    assert found is not None
    return found


def scene(name: str) -> Scene:
    found = scene_named(name)
    assert found is not None
    return found


def own_items(store: AuditStore) -> dict[str, tables.Item]:
    """What stands in the table beside the directory."""
    return {name: item for name, item in tables.everything(store).items() if "TENANT#" not in name}


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_of_the_lab_is_whole_and_marked(store: AuditStore, kind: str) -> None:
    report = Lab(store, LAB, kind).restore()
    alarms = [finding for finding in report.findings if finding.severity is not Severity.INFORMATION]
    assert (report.verdict, report.records_checked, alarms) == (Verdict.INTACT, 7, [])
    assert [(entry.chain, entry.demo) for entry in store.tenants().entries] == [(f"{LAB}#{kind}", True)]


def test_an_edit_is_caught_and_each_further_try_by_less(store: AuditStore) -> None:
    lab, play, seen = Lab(store, LAB, "ours"), Play(attack("edit-payload"), 3), []
    while play is not None:
        outcome = lab.play(play)
        seen.append((play.cover, outcome.is_caught, outcome.caught, outcome.leaves))
        play = play.second_try  # type: ignore[assignment] # None ends it
    assert seen == [
        (Cover.NOTHING, True, {Defence.CONTENT_HASH}, ()),
        (Cover.OWN, True, {Defence.CONTENT_HASH, Defence.FENCE, Defence.CHAIN_HASH}, ()),
        (Cover.FENCE, True, {Defence.CHAIN_HASH}, (3,)),
        (Cover.REST, False, set(), (3, 4, 5, 6)),
    ]


def test_the_calls_told_are_the_calls_sent(store: AuditStore) -> None:
    lab = Lab(store, LAB, "ours")
    lab.restore()
    sent = []
    store.table.client.meta.events.register(
        "provide-client-params.dynamodb",
        lambda params, model, **_: sent.append((model.name, dict(params))),  # type: ignore[arg-type,misc]
    )
    outcome = lab.play(Play(attack("delete-and-strip"), 3))
    writes = [one for one in sent if one[0] in {"PutItem", "DeleteItem"}]
    assert [(call.operation, call.arguments) for call in outcome.calls] == writes
    assert [name for name, _ in writes] == ["DeleteItem", "PutItem"] or [name for name, _ in writes] == [
        "PutItem",
        "DeleteItem",
    ]


def test_an_attack_begins_where_the_one_before_was_taken_back(store: AuditStore) -> None:
    lab = Lab(store, LAB, "ours")
    lab.restore()
    untouched = own_items(store)
    for name in ("delete-all-with-fences", "insert-and-renumber", "slip-in-far-with-fence", "hide-from-tenant"):
        lab.play(Play(attack(name), 3, attack(name).covers[0]))
        assert own_items(store) != untouched
    edited = lab.play(Play(attack("edit-outcome"), 3))
    assert {name for name, item in own_items(store).items() if item != untouched.get(name)} == {"lab-ours-3"}
    assert edited.before.verdict is Verdict.INTACT


@pytest.mark.parametrize("name", ["hide-from-tenant", "slip-in-far-with-fence"])
def test_restoring_leaves_nothing_of_an_attack_of_another_process(store: AuditStore, name: str) -> None:
    Lab(store, LAB, "ours").play(Play(attack(name), 3, attack(name).covers[-1]))
    report = Lab(store, LAB, "ours").restore()
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())
    assert len(own_items(store)) == 14


@pytest.mark.needs(Feature.EXPIRY)  # any engine would do; moto takes its time over hundreds of records
def test_a_chain_of_the_demo_is_attacked_and_made_anew(store: AuditStore) -> None:
    store.seed()
    others = {name: item for name, item in own_items(store).items() if item.get("tenant") != {"S": "acme"}}
    lab = Lab(store, "notifications", "acme")
    assert lab.play(Play(attack("delete"), 200)).thorough.verdict is Verdict.BROKEN
    report = lab.restore()
    assert (report.verdict, report.records_checked) == (Verdict.INTACT, 400)
    after = own_items(store)
    assert {name: after[name] for name in others if not name.startswith("SEQ#notifications#acme#")} == {
        name: item for name, item in others.items() if not name.startswith("SEQ#notifications#acme#")
    }


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("head-expired", Verdict.INTACT_WITH_EXPIRY),
        ("head-expired-without-fences", Verdict.BROKEN),
        ("expired-undeclared", Verdict.INTACT_WITH_EXPIRY),
    ],
)
def test_a_scene_gives_the_chain_its_past(store: AuditStore, name: str, verdict: Verdict) -> None:
    lab = Lab(store, LAB, "sealed")
    assert lab.play(Play(scene(name))).thorough.verdict is verdict
    assert lab.play(Play(attack("edit-outcome"), 3)).before.coverage.full == 7


def test_a_declared_lifetime_makes_an_alarm_a_doubt(store: AuditStore) -> None:
    lab = Lab(store, LAB, "elsewhere")
    undeclared, declared = (lab.play(Play(scene(name))) for name in ("expired-undeclared", "expired-declared"))
    assert undeclared.caught == {Defence.LIFETIMES}
    assert (declared.is_caught, declared.thorough.verdict) == (False, Verdict.UNPROVEN)


class TestGuard:
    def test_a_chain_without_the_mark_is_refused(self, store: AuditStore) -> None:
        store.append(builders.record(namespace="notifications", tenant="acme"))
        before = tables.everything(store)
        with pytest.raises(WriteRefusedError, match="not marked as demo data"):
            Lab(store, "notifications", "acme")
        assert tables.everything(store) == before

    def test_a_chain_that_has_the_lab_s_name_and_no_mark_is_refused(self, store: AuditStore) -> None:
        store.append(builders.record(namespace=LAB, tenant="ours"))
        before = tables.everything(store)
        for act in (Lab(store, LAB, "ours").restore, lambda: Lab(store, LAB, "ours").play(Play(ATTACKS[0], 3))):
            with pytest.raises(WriteRefusedError, match="not marked as demo data"):
                act()
        assert tables.everything(store) == before

    def test_records_that_no_directory_lists_are_not_taken_for_the_lab_s(self, store: AuditStore) -> None:
        tables.put(store, builders.item(id="mine", namespace=LAB, tenant="ours"))
        with pytest.raises(WriteRefusedError, match="not marked as demo data"):
            Lab(store, LAB, "ours").restore()
        assert list(tables.everything(store)) == ["mine"]

    def test_a_mark_that_is_taken_away_counts_at_once(self, store: AuditStore) -> None:
        lab = Lab(store, LAB, "ours")
        lab.restore()
        tables.delete(store, *(name for name in tables.everything(store) if "TENANT#" in name))
        before = tables.everything(store)
        for act in (lab.restore, lambda: lab.play(Play(ATTACKS[0], 3))):
            with pytest.raises(WriteRefusedError, match="not marked as demo data"):
                act()
        assert tables.everything(store) == before

    def test_an_engine_that_counts_as_aws_is_refused(self, store: AuditStore) -> None:
        Lab(store, LAB, "ours").restore()
        on_aws = replace(store.settings, audit=AuditSettings(url="http://10.0.0.1:8000"))
        requests = tables.asked(store)
        for names in ((practice.namespace, practice.tenant) for practice in PRACTICE):
            with pytest.raises(WriteRefusedError, match="nothing is ever tampered with there"):
                Lab(AuditStore(on_aws, store.table.client), *names)
        assert not requests

    def test_what_stands_under_an_id_that_an_attack_would_take_is_left_alone(self, store: AuditStore) -> None:
        lab = Lab(store, LAB, "ours")
        lab.restore()
        mine = builders.item(id="ours-intruder", namespace="notifications", tenant="acme")
        tables.put(store, mine)
        with pytest.raises(WriteRefusedError, match="none of this chain's"):
            lab.play(Play(attack("duplicate"), 3))
        lab.restore()
        assert tables.everything(store)["ours-intruder"] == mine

    @pytest.mark.needs(Feature.EXPIRY)  # as above
    def test_a_damaged_demo_chain_cannot_be_chosen(self, store: AuditStore) -> None:
        store.seed()
        with pytest.raises(WriteRefusedError, match="no chain that the lab could make anew"):
            Lab(store, "payments", "hooli")


def test_every_attack_and_scene_has_a_name_of_its_own() -> None:
    names = [one.name for one in (*ATTACKS, *SCENES)]
    assert len(set(names)) == len(names)


def test_a_chain_that_another_process_made_anew_is_made_anew_here_too(store: AuditStore) -> None:
    lab = Lab(store, LAB, "ours")
    lab.play(Play(attack("edit-outcome"), 3))
    Lab(store, LAB, "ours").play(Play(scene("head-expired")))
    outcome = lab.play(Play(attack("delete"), 3))
    assert (outcome.before.verdict, outcome.caught) == (Verdict.INTACT, {Defence.FENCE})
