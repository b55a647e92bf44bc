from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from audit_core.cli.plainitems import plain_item
from tests.builders import item
from tests.cli.commands import ACME, CHAINS, demo, printed, put, remove, told
from tests.typed_values import extras

if TYPE_CHECKING:
    from audit_core import AuditStore


def test_tenants_are_listed_with_where_the_list_came_from() -> None:
    report = printed(demo("tenants", "--json"))
    assert report["source"] == "directory"
    assert report["ignored"] == 0
    assert [f"{one['namespace']}#{one['tenant']}" for one in report["tenants"]] == sorted(CHAINS)
    assert all(one["demo"] and one["in_directory"] for one in report["tenants"])
    assert report["read"]["items"] == len(CHAINS)
    assert "may lack some" in demo("tenants").stdout


def test_tenants_that_look_alike_are_marked(demo_store: AuditStore) -> None:
    put(demo_store, item(namespace="notifications", tenant="аcme", id="alike-1"))  # noqa: RUF001 - a Cyrillic a
    try:
        result = demo("tenants", "--scan", "--json")
    finally:
        remove(demo_store, "alike-1")
    alike = {one["tenant"]: one["looks_like"] for one in printed(result)["tenants"] if one["looks_like"]}
    assert alike == {"acme": ["notifications#аcme"], "аcme": ["notifications#acme"]}  # noqa: RUF001 - as above


def test_query_pages_lead_through_all_records_both_ways() -> None:
    first = printed(demo("query", *ACME, "--limit", "3", "--json"))
    second = printed(demo("query", *ACME, "--limit", "3", "--json", "--cursor", first["next"]))
    back = printed(demo("query", *ACME, "--limit", "3", "--json", "--cursor", second["previous"]))
    assert [row["sequence_number"] for row in first["records"]] == [399, 398, 397]
    assert [row["sequence_number"] for row in second["records"]] == [396, 395, 394]
    assert back["records"] == first["records"]
    assert first["previous"] is None
    assert first["read"]["complete"] is True


def test_query_prints_attributes_as_they_are_stored() -> None:
    (row,) = printed(demo("query", *ACME, "--limit", "1", "--json"))["records"]
    assert row["sequence_number"] == 399
    assert isinstance(row["duration_ms"], int)
    assert isinstance(row["action_payload"], str)
    assert json.loads(row["action_payload"])["n"] == 399
    assert row["ns_tenant"] == "notifications#acme"
    assert "expires_at" not in row


def test_every_filter_of_query_reaches_the_records() -> None:
    filters = {"provider": "email", "action_type": "send_email", "outcome": "executed", "verdict": "allow"}
    options = [text for name, value in filters.items() for text in (f"--{name.replace('_', '-')}", value)]
    rows = printed(demo("query", *ACME, *options, "--caller", "user:ada", "--limit", "5", "--json"))["records"]
    assert rows
    assert all(filters.items() <= row.items() and row["caller_id"] == "user:ada" for row in rows)
    denied = printed(demo("query", *ACME, "--rule", "quiet-hours", "--limit", "1", "--json"))["records"]
    assert denied[0]["verdict"] == "deny"
    for option in ("--chain-id", "--signer", "--kid"):
        assert printed(demo("query", *ACME, option, "nothing has it", "--json"))["records"] == []


def test_query_bounds_are_inclusive() -> None:
    (row,) = printed(demo("query", *ACME, "--limit", "1", "--json"))["records"]
    moment = row["dispatched_at"]
    found = printed(demo("query", *ACME, "--since", moment, "--until", moment, "--json"))["records"]
    assert found == [row]


def test_a_page_says_what_it_is_of_the_whole() -> None:
    page = demo("query", *ACME, "--limit", "2").stdout
    assert "2 records shown; more to come with --cursor " in page
    assert "Read: 3 items in 1 requests" in page
    assert "these are the last" in demo("query", *ACME, "--limit", "1000").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--limit", "0"), "limit is 0"),
        (("--limit", "-5"), "limit is -5"),
        (("--since", "yesterday"), "not a time that can be read"),
        (("--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"), "swap the two"),
        (("--cursor", "no cursor"), ""),
    ],
)
def test_a_query_that_makes_no_sense_cannot_run(options: tuple[str, ...], words: str) -> None:
    assert words in told(demo("query", *ACME, *options))


def test_get_shows_a_record_whole() -> None:
    (row,) = printed(demo("query", *ACME, "--limit", "1", "--json"))["records"]
    answer = printed(demo("get", row["id"], "--json"))
    assert answer == {"records": [row], "expired": [], "problems": {}, "complete": True}
    by_action = printed(demo("get", "--action", row["action_id"], "--json"))
    assert by_action["records"] == [row]
    text = demo("get", row["id"]).stdout
    assert all(name in text for name in row)
    assert row["content_hash"] in text


@pytest.mark.parametrize("wanted", [("nothing",), ("SEQ#notifications#acme#0",), ("--action", "nothing")])
def test_get_exits_1_where_there_is_no_record(wanted: tuple[str, ...]) -> None:
    result = demo("get", *wanted, "--json")
    assert result.exit_code == 1
    assert printed(result)["records"] == []


@pytest.mark.parametrize("wanted", [(), ("an-id", "--action", "an-action")])
def test_get_wants_one_of_the_two(wanted: tuple[str, ...]) -> None:
    assert demo("get", *wanted).exit_code == 2


def test_expired_and_faulty_records_are_marked(demo_store: AuditStore) -> None:
    put(demo_store, item(id="faulty-1", tenant="marked", expires_at_ttl={"N": "1700000000"}))
    answer = printed(demo("get", "faulty-1", "--json"))
    text = demo("query", "--namespace", "notifications", "--tenant", "marked").stdout
    remove(demo_store, "faulty-1")
    assert answer["expired"] == ["faulty-1"]
    assert answer["problems"] == {"faulty-1": ["expires_at is absent though the other of the two is there"]}
    assert "expired, still present; unchained: nothing vouches for it; expires_at is absent" in text


def test_text_of_a_record_is_shown_inert(demo_store: AuditStore) -> None:
    hostile = "[bold red]x[/] :smile: \x1b[31mred\r\n\x9b2J\u202eabc <script>"
    put(demo_store, {**item(id="hostile-1", tenant="hostile"), "provider": {"S": hostile}})
    shown = [
        demo("get", "hostile-1").stdout,
        demo("query", "--namespace", "notifications", "--tenant", "hostile").stdout,
    ]
    as_json = demo("get", "hostile-1", "--json")
    remove(demo_store, "hostile-1")
    for text in shown:
        assert "[bold red]x[/] :smile: \\u{001B}[31mred\\u{000D}\\u{000A}\\u{009B}2J\\u{202E}abc <script>" in text
    assert printed(as_json)["records"][0]["provider"] == hostile
    assert as_json.stdout.isascii()


@given(extras)
def test_plain_items_lose_and_round_nothing(attributes: dict[str, Any]) -> None:
    plain = json.loads(json.dumps(plain_item(attributes)), parse_float=Decimal)
    assert plain.keys() == attributes.keys()
    for name, typed in attributes.items():
        ((kind, held),) = typed.items()
        if kind == "N":
            assert Decimal(plain[name]) == Decimal(held)
        elif kind in {"S", "BOOL"}:
            assert plain[name] == held
        elif kind == "NULL":
            assert plain[name] is None
        else:
            assert plain[name].keys() == {kind}


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("9007199254740993", "9007199254740993"),
        ("499.5", "499.5"),
        ("0.1", "0.1"),
        ("-12", "-12"),
        ("12345678901234567890.123456789", '"12345678901234567890.123456789"'),
    ],
)
def test_numbers_are_printed_as_they_are_stored(stored: str, text: str) -> None:
    assert json.dumps(plain_item({"n": {"N": stored}})) == f'{{"n": {text}}}'
