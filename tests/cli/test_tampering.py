"""The command `tamper`: each attack by name, its further tries, and the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core import AuditStore, load_settings
from audit_core.tamper.attacks import ATTACKS
from audit_core.tamper.scenes import CLOCKS, SCENES
from tests.cli.commands import DEMO_TABLE, demo, printed, run, told
from tests.tables import everything

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def demo_store() -> Iterator[AuditStore]:
    """A demo of its own: the chains of the lab would be counted by others."""
    settings = load_settings(environ={"AUDIT__TABLE_NAME": f"{DEMO_TABLE}_lab"}, demo=True)
    opened = AuditStore.open(settings)
    yield opened
    opened.close()


def test_without_a_name_every_attack_is_listed_and_nothing_is_opened() -> None:
    listed = printed(run("tamper", "--json"))
    assert [one["name"] for one in listed] == [one.name for one in (*ATTACKS, *SCENES, *CLOCKS)]
    assert "edit-payload" in run("tamper").stdout


def test_an_attack_is_done_told_and_taken_back(demo_store: AuditStore) -> None:
    result = demo("tamper", "delete", "--at", "last")
    assert result.exit_code == 0, result.output
    assert "DeleteItem lab-ours-6" in result.stdout
    assert "Caught: broken" in result.stdout
    assert "caught by: fence" in result.stdout
    assert result.stdout.endswith("lab#ours was made anew: intact.\n")
    assert demo_store.verify("lab", "ours").verdict.value == "intact"


def test_the_further_tries_go_down_to_what_only_a_checkpoint_shows() -> None:
    plays = printed(demo("tamper", "edit-outcome", "--tries", "--json"))["plays"]
    assert [(play["cover"], play["outcome"]) for play in plays] == [
        ("nothing", "caught"),
        ("own", "caught"),
        ("fence", "caught"),
        ("rest", "not_caught"),
    ]
    assert plays[-1]["checkpoint_differs_at"] == [3, 4, 5, 6]
    assert plays[0]["calls"][0]["Item"]["outcome"] == {"S": "denied"}


def test_a_chain_of_the_demo_is_taken_by_its_name(demo_store: AuditStore) -> None:
    named = ("--namespace", "notifications", "--tenant", "acme")
    play = printed(demo("tamper", "delete", *named, "--at", "7", "--json"))["plays"][0]
    assert (play["position"], play["caught_by"]) == (7, ["fence"])
    assert demo_store.verify("notifications", "acme").verdict.value == "intact"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "There is no attack"),
        (("delete", "--at", "7"), "give first, middle, last, or 0 to 6"),
        (("delete", "--cover", "rest"), "means nothing at this place"),
        (("edit-outcome", "--cover", "all"), "give nothing, own, fence, rest"),
        (("strip-record", "--tenant", "elsewhere"), "means nothing at this place"),
        (("delete", "--keep"), "embedded engine forgets"),
        (("--restore",), "embedded engine forgets"),
        (("delete", "--namespace", "payments", "--tenant", "hooli"), "no chain that the lab could make anew"),
        (("delete", "--namespace", "notifications", "--tenant", "nobody"), "not marked as demo data"),
    ],
)
def test_what_makes_no_sense_is_refused(demo_store: AuditStore, arguments: tuple[str, ...], words: str) -> None:
    before = everything(demo_store)
    assert words in told(demo("tamper", *arguments))
    after = everything(demo_store)
    assert {name: item for name, item in after.items() if not name.startswith(("lab-", "SEQ#lab#"))} == {
        name: item for name, item in before.items() if not name.startswith(("lab-", "SEQ#lab#"))
    }


def test_an_engine_that_counts_as_aws_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__URL", "http://10.0.0.1:8000")
    assert "nothing is ever tampered with there" in told(run("tamper", "delete"))
