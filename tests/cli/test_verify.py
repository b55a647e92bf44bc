from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from audit_core.chain.words import DEMO
from audit_core.errors import EngineUnreachableError
from audit_core.timestamps import Timestamp
from tests.builders import item
from tests.cli.commands import ACME, CHAINS, demo, failing, printed, put, remove, run, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from audit_core import AuditStore


def verified(*arguments: str) -> dict[str, Any]:
    (chain,) = printed(demo("verify", "--json", *arguments))["chains"]
    return dict(chain)


def shifted(text: str, nanos: int) -> str:
    return Timestamp.from_nanos(Timestamp.parse(text).epoch_nanos + nanos).normalised


def test_an_intact_chain_is_told_in_the_agreed_form_and_exits_0() -> None:
    first, last = (
        printed(demo("query", *ACME, "--order", order, "--limit", "1", "--json"))["records"][0]["id"]
        for order in ("sequence", "sequence_descending")
    )
    result = demo("verify", *ACME, "--json")
    assert result.exit_code == 0
    report = printed(result)
    (chain,) = report.pop("chains")
    assert (
        chain.items()
        >= {
            "namespace": "notifications",
            "tenant": "acme",
            "verdict": "intact",
            "records_checked": 400,
            "first_sequence": 0,
            "last_sequence": 399,
            "coverage": {"full": 400, "record_hash_only": 0, "expired": 0, "unproven": 0, "missing": 0},
            "findings": [],
            "summary": {
                "valid": True,
                "records_checked": 400,
                "first_broken_at": None,
                "first_record_id": first,
                "last_record_id": last,
            },
            "thorough": False,
            "reason": None,
            "unvouched_ends": [399],
        }.items()
    )
    assert "The fences of records that carry a content_hash were not read." in chain["not_covered"][0]
    assert chain["reading"]["requests"] > 0
    assert report["verdict"] == "intact"
    assert report["origin"] == "as it was named"
    assert "Only a checkpoint" in report["not_shown"]


def test_a_finding_is_told_in_the_agreed_form_and_exits_1() -> None:
    result = demo("verify", "--namespace", "payments", "--tenant", "umbrella", "--json")
    assert result.exit_code == 1
    (chain,) = printed(result)["chains"]
    (finding,) = chain["findings"]
    edited = printed(demo("get", finding["record_id"], "--json"))["records"][0]
    assert finding.pop("expected").startswith("content_hash ")
    assert finding.pop("found").startswith("content_hash ")
    evidence = finding.pop("evidence")
    assert finding == {
        "kind": "content_modified",
        "sequence_number": 146,
        "last_sequence_number": 146,
        "record_id": edited["id"],
        "severity": "break",
        "inferred": False,
    }
    (stored,) = evidence["position"]["records"]
    assert stored["id"] == {"S": edited["id"]}
    hashes = evidence["position"]["hashes"][0]["content_hash"]
    assert hashes["stored"] == stored["content_hash"]["S"] != hashes["recomputed"]
    assert [evidence[side]["sequence_number"] for side in ("before", "after")] == [145, 147]
    assert set(printed(result)["explanations"]) == {"content_modified"}
    assert edited["sequence_number"] == 146
    assert chain["summary"]["valid"] is False
    assert chain["summary"]["first_broken_at"] == 146


@pytest.mark.parametrize(
    ("tenant", "verdict", "status"),
    [
        ("acme", "intact", 0),
        ("globex", "intact_with_expiry", 0),
        ("hooli", "broken", 1),
        ("vandelay", "broken", 1),
        ("initech", "unproven", 3),
        ("sandbox", "incomplete", 3),  # no chain at all
    ],
)
def test_the_exit_status_is_the_verdicts(tenant: str, verdict: str, status: int) -> None:
    result = demo("verify", "--tenant", tenant, "--json")
    assert printed(result)["verdict"] == verdict
    assert result.exit_code == status


def test_a_tenant_without_a_chain_is_told_without_contradiction() -> None:
    text = demo("verify", "--tenant", "sandbox").stdout
    assert "not looked for" not in text
    assert "Verdict: incomplete (there was no chain to verify)" in text
    chain = verified("--tenant", "sandbox", "--thorough")
    assert (chain["verdict"], chain["records_checked"], chain["unchained"]) == ("unchained", 0, 100)


def test_unproven_may_be_allowed_but_keeps_its_word() -> None:
    result = demo("verify", "--tenant", "initech", "--allow-unproven", "--json")
    assert result.exit_code == 0
    assert printed(result)["verdict"] == "unproven"


def test_allowing_unproven_allows_nothing_else() -> None:
    assert demo("verify", "--tenant", "sandbox", "--allow-unproven").exit_code == 3
    assert demo("verify", "--tenant", "hooli", "--allow-unproven").exit_code == 1


def test_without_a_tenant_every_listed_chain_is_verified() -> None:
    result = demo("verify", "--json")
    report = printed(result)
    assert {f"{chain['namespace']}#{chain['tenant']}": chain["verdict"] for chain in report["chains"]} == CHAINS
    assert report["verdict"] == "broken"
    assert result.exit_code == 1


def test_a_namespace_alone_means_all_of_its_tenants() -> None:
    report = printed(demo("verify", "--namespace", "payments", "--json"))
    assert [(chain["namespace"], chain["tenant"]) for chain in report["chains"]] == [
        ("payments", "hooli"),
        ("payments", "umbrella"),
    ]


@pytest.mark.parametrize("scan", [(), ("--scan",)])
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("--tenant", "nobody"), "none of the 7 there has the tenant nobody"),
        (("--namespace", "nowhere"), "none of the 7 there has the namespace nowhere"),
    ],
)
def test_a_name_that_nothing_has_could_not_be_verified(
    names: tuple[str, ...], said: str, scan: tuple[str, ...]
) -> None:
    result = demo("verify", *names, *scan, "--json")
    report = printed(result)
    assert report.items() >= {"verdict": "incomplete", "chains": []}.items()
    assert said in report["origin"]
    assert result.exit_code == 2
    assert "--scan" in result.stderr


@pytest.mark.parametrize("bounds", [(), ("--from", "3"), ("--to", "2999-01-01T00:00:00Z"), ("--thorough",)])
def test_a_tenant_of_which_nothing_is_known_is_told_as_that(bounds: tuple[str, ...], tmp_path: Path) -> None:
    page, junit = tmp_path / "audit.html", tmp_path / "audit.xml"
    nobody = ("--namespace", "notifications", "--tenant", "nobody", *bounds)
    result = demo("verify", *nobody, "--html", str(page), "--junit", str(junit))
    assert result.exit_code == 2
    assert "notifications#nobody: incomplete" in result.stdout
    assert "not looked for" not in result.stdout
    for text in (result.stdout, page.read_text(encoding="utf-8"), junit.read_text(encoding="utf-8")):
        assert "the directory lists no such tenant, and neither a record nor a fence of it was found" in text
        assert "python -m audit_core tenants" in text


def test_a_chain_that_is_listed_and_empty_is_incomplete(demo_store: AuditStore) -> None:
    entry = {
        "id": {"S": "acteon_TENANT#notifications#new"},
        "_fence": {"BOOL": True},
        "action_id": {"S": "acteon_TENANTS"},
        "dispatched_at_ms": {"N": "1790000000000"},
        "namespace": {"S": "notifications"},
        "tenant": {"S": "new"},
    }
    put(demo_store, entry)
    try:
        by_both = demo("verify", "--namespace", "notifications", "--tenant", "new")
        by_tenant = demo("verify", "--tenant", "new")
    finally:
        remove(demo_store, entry["id"]["S"])
    for result in (by_both, by_tenant):
        assert result.exit_code == 3
        assert "there was neither a record nor a full fence to check" in result.stdout


@pytest.mark.parametrize("bounds", [(), ("--from", "3")])
def test_a_tenant_that_is_named_whole_is_looked_at_though_nothing_lists_it(
    demo_store: AuditStore, bounds: tuple[str, ...]
) -> None:
    put(demo_store, item(namespace="elsewhere", tenant="unlisted", id="unlisted-1"))
    try:
        result = demo("verify", "--namespace", "elsewhere", "--tenant", "unlisted", *bounds)
    finally:
        remove(demo_store, "unlisted-1")
    assert result.exit_code == 3
    assert "no such tenant" not in result.stdout


def test_a_scan_finds_what_the_directory_lacks(demo_store: AuditStore) -> None:
    put(demo_store, item(namespace="elsewhere", tenant="unlisted", id="unlisted-1"))
    try:
        listed = printed(demo("verify", "--namespace", "elsewhere", "--json"))
        scanned = printed(demo("verify", "--namespace", "elsewhere", "--scan", "--json"))
        tenants = printed(demo("tenants", "--scan", "--json"))
    finally:
        remove(demo_store, "unlisted-1")
    assert listed["chains"] == []
    assert [(chain["tenant"], chain["verdict"]) for chain in scanned["chains"]] == [("unlisted", "unchained")]
    assert tenants["source"] == "directory and scan"
    assert [one["tenant"] for one in tenants["tenants"] if not one["in_directory"]] == ["unlisted"]


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [
        (("--from", "10"), 10, 399),
        (("--to", "9"), 0, 9),
        (("--from", "10", "--to", "19"), 10, 19),
        (("--from", "7", "--to", "7"), 7, 7),
    ],
)
def test_a_range_of_sequence_numbers(options: tuple[str, ...], first: int, last: int) -> None:
    chain = verified(*ACME, *options)
    assert (chain["verdict"], chain["first_sequence"], chain["last_sequence"]) == ("intact", first, last)
    assert chain["coverage"]["full"] == last - first + 1


def test_times_become_the_sequence_numbers_that_they_span() -> None:
    rows = printed(demo("query", *ACME, "--order", "sequence", "--limit", "20", "--json"))["records"]
    times = {row["sequence_number"]: row["dispatched_at"] for row in rows}
    between = verified(*ACME, "--from", times[5], "--to", times[15])
    mixed = verified(*ACME, "--from", "3", "--to", times[15])
    upwards = verified(*ACME, "--from", times[5])
    assert (between["first_sequence"], between["last_sequence"]) == (5, 15)
    assert (mixed["first_sequence"], mixed["last_sequence"]) == (3, 15)
    assert (upwards["first_sequence"], upwards["last_sequence"]) == (5, 399)


def test_a_time_in_which_a_chain_was_silent_is_judged_by_what_stands_around_it() -> None:
    rows = printed(demo("query", *ACME, "--order", "sequence", "--limit", "2", "--json"))["records"]
    silence = (f"{rows[0]['dispatched_at'][:29]}+00:00", rows[1]["dispatched_at"])
    result = demo("verify", *ACME, "--from", shifted(silence[0], 1), "--to", shifted(silence[1], -1), "--json")
    (chain,) = printed(result)["chains"]
    assert (chain["verdict"], chain["first_sequence"], chain["last_sequence"]) == ("intact", 0, 1)


def test_a_time_before_or_after_everything_reaches_to_the_chains_own_end() -> None:
    before = verified(*ACME, "--to", "2001-01-01T00:00:00Z")
    after = verified(*ACME, "--from", "2999-01-01T00:00:00Z")
    assert (before["first_sequence"], before["last_sequence"]) == (0, 0)
    assert (after["first_sequence"], after["last_sequence"]) == (399, 399)


def test_a_range_that_one_of_several_chains_does_not_reach_leaves_the_others_alone() -> None:
    result = demo("verify", "--namespace", "payments", "--from", "200", "--json")
    by_tenant = {chain["tenant"]: chain["verdict"] for chain in printed(result)["chains"]}
    assert by_tenant == {"hooli": "incomplete", "umbrella": "intact"}
    assert result.exit_code == 3


def test_an_empty_range_of_mixed_kinds_is_incomplete_and_says_why() -> None:
    result = demo("verify", *ACME, "--from", "300", "--to", "2001-01-01T00:00:00Z")
    assert result.exit_code == 3
    assert "the range is empty there: it starts at 300 and ends at 0" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "9", "--to", "3"), "swap the two"),
        (("--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), "swap the two"),
        (("--from", "-1"), "sequence numbers start at 0"),
        (("--from", "499.5"), "neither a whole sequence number nor a time"),
        (("--to", "2026-01-02"), "neither a whole sequence number nor a time"),
        (("--to", "2026-01-02T00:00:00"), "with an offset"),
        (("--namespace", ""), "namespace is empty"),
        (("--namespace", "a#b", "--tenant", "c"), "without '#'"),
    ],
)
def test_a_range_or_name_that_makes_no_sense_cannot_run(options: tuple[str, ...], words: str) -> None:
    assert words in told(demo("verify", "--json", *options))


def test_the_words_claim_no_more_than_the_evidence_holds() -> None:
    text = demo("verify", *ACME).stdout
    assert "notifications#acme: intact\n" in text
    assert "no finding in what was checked" in text
    assert "400 records, positions 0 to 399" in text
    assert "The fences of records that carry a content_hash were not read" in text
    assert "Records without a sequence number were not looked for" in text
    assert "Nothing in the table links back to position 399, the end: only a checkpoint vouches for it" in text
    assert "What none of this can show" in text
    assert "read units" in text


def test_the_words_name_each_finding_and_where_the_list_came_from() -> None:
    text = demo("verify").stdout
    assert "from the tenant directory, which may lack some" in text
    assert "missing_record" in text
    assert "expired (information)" in text
    assert "146 to 149" in text
    assert "may be behind it: Someone deleted the newest records." in text


def test_a_thorough_verification_reads_more_and_says_less_was_left_out() -> None:
    text = demo("verify", *ACME, "--thorough").stdout
    assert "not read" not in text
    assert "not looked for" not in text


def test_a_verification_whose_later_page_fails_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_core.chain.ahead.PAGE", 100)
    failing(monkeypatch, "query_unread", EngineUnreachableError("The engine went away."), after=1)
    result = demo("verify", *ACME, "--json")
    (chain,) = printed(result)["chains"]
    assert chain["verdict"] == "incomplete"
    assert 0 < chain["records_checked"] <= 100
    assert result.exit_code == 3


def test_a_break_that_was_found_before_a_failure_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_core.chain.ahead.PAGE", 100)
    failing(monkeypatch, "query_unread", EngineUnreachableError("The engine went away."), after=2)
    result = demo("verify", "--namespace", "payments", "--tenant", "umbrella")
    assert result.exit_code == 1
    assert "not complete  The engine went away; its alarms were not read a second time" in result.stdout


def test_a_verification_whose_first_read_fails_could_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "query", EngineUnreachableError("The engine went away."))
    assert "Nothing could be read. The engine went away." in told(demo("verify", *ACME, "--json"))
    assert "The engine went away." in told(demo("verify", "--json"))


def test_a_verification_that_is_stopped_is_incomplete_with_the_chains_it_did_not_come_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, "get_many", KeyboardInterrupt())
    result = demo("verify", "--namespace", "notifications", "--json")
    report = printed(result)
    assert [chain["verdict"] for chain in report["chains"]] == ["incomplete"] * 3
    assert result.exit_code == 3
    assert result.stderr == "Stopped: what was not verified counts as incomplete.\n"


# -- a run that is kept ----------------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_is_kept_and_the_same_command_goes_on_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "run.json"
    arguments = ("verify", "--namespace", "payments", "--tenant", "hooli", "--state", str(state), "--json")
    with monkeypatch.context() as patch:
        patch.setattr("audit_core.chain.ahead.PAGE", 60)
        failing(patch, "query_unread", KeyboardInterrupt(), after=2)
        stopped = demo(*arguments)
    assert printed(stopped)["verdict"] in {"broken", "incomplete"}
    assert "The same command goes on from where it came to." in stopped.stderr
    assert json.loads(state.read_bytes())["reader"]["position"] > 50
    resumed, whole = printed(demo(*arguments)), printed(demo(*arguments))
    for report in (resumed, whole):
        (chain,) = report["chains"]
        for told_later in ("reading", "at"):
            chain.pop(told_later)
        for finding in chain["findings"]:
            finding["evidence"].pop("read_at")
    assert resumed["chains"] == whole["chains"]
    assert resumed["verdict"] == "broken"
    assert not state.exists()


def test_a_kept_run_of_another_chain_is_refused_and_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = tmp_path / "run.json"
    with monkeypatch.context() as patch:
        patch.setattr("audit_core.chain.ahead.PAGE", 60)
        failing(patch, "query_unread", KeyboardInterrupt(), after=2)
        demo("verify", *ACME, "--state", str(state))
    before = state.read_bytes()
    message = told(demo("verify", "--namespace", "payments", "--tenant", "hooli", "--state", str(state)))
    assert "another chain" in message
    assert state.read_bytes() == before
    state.write_bytes(before[:100])
    assert "damaged" in told(demo("verify", *ACME, "--state", str(state)))


def test_a_run_is_kept_of_one_chain_alone(tmp_path: Path) -> None:
    message = told(demo("verify", "--namespace", "payments", "--state", str(tmp_path / "run.json")))
    assert "--tenant" in message


# -- documents --------------------------------------------------------------------------------------------------------


def test_documents_are_written_beside_what_is_printed(tmp_path: Path) -> None:
    junit, html = tmp_path / "audit.xml", tmp_path / "audit.html"
    junit.write_text("an older one")
    result = demo("verify", "--namespace", "payments", "--junit", str(junit), "--html", str(html))
    assert result.exit_code == 1
    assert "payments#umbrella: broken" in result.stdout
    suite = ET.parse(junit).getroot()[0]  # noqa: S314 - our own document
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    page = html.read_text(encoding="utf-8")
    assert "payments#umbrella" in page
    assert "on the embedded engine" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.html", "audit.xml"]
    assert html.stat().st_mode & 0o600 == 0o600


@pytest.mark.parametrize("start", [run, demo], ids=["nothing configured", "--demo"])
def test_every_form_of_a_result_on_demo_data_says_that_it_is(start: Callable[..., Result], tmp_path: Path) -> None:
    junit, html = tmp_path / "audit.xml", tmp_path / "audit.html"
    text = start("verify", *ACME, "--junit", str(junit), "--html", str(html)).stdout
    assert text.startswith(DEMO)
    assert "on the embedded engine (in memory, demo data)." in text
    assert DEMO in html.read_text(encoding="utf-8")
    assert DEMO in junit.read_text(encoding="utf-8")
    form = printed(start("verify", *ACME, "--json"))
    assert form["demo"] is True
    assert form["source"].endswith("on the embedded engine (in memory, demo data)")


def test_where_a_document_cannot_be_written_nothing_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "query", AssertionError("it was read"))
    for target in (tmp_path / "missing" / "audit.html", tmp_path):
        assert "choose another" in told(demo("verify", "--html", str(target)))
