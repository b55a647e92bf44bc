from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.errors import RecordError
from audit_core.names import hidden_characters, look_alikes, ns_tenant, require_text, visible

any_text = st.text(max_size=30)
namespaces = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="#"), min_size=1, max_size=50)
tenants = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)

HIDDEN = {
    "bidi override": "\u202e",
    "bidi isolate": "\u2066",
    "bidi mark": "\u200f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "byte-order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "combining grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "variation selector": "\ufe0f",
    "tag": "\U000e0041",
    "NUL": "\0",
    "line feed": "\n",
    "escape": "\x1b",
    "C1 control": "\x85",
    "line separator": "\u2028",
    "lone surrogate": "\ud800",
}


@given(namespaces, tenants, namespaces, tenants)
def test_two_chains_never_share_a_name(one: str, its: str, other: str, theirs: str) -> None:
    assert (ns_tenant(one, its) == ns_tenant(other, theirs)) == ((one, its) == (other, theirs))


@given(namespaces, tenants)
def test_the_pair_can_be_read_back_from_the_left(namespace: str, tenant: str) -> None:
    assert tuple(ns_tenant(namespace, tenant).split("#", 1)) == (namespace, tenant)


@pytest.mark.parametrize(
    ("namespace", "tenant", "match"),
    [
        ("", "acme", "namespace is empty"),
        ("prod", "", "tenant is empty"),
        ("a#b", "c", "without '#'"),
        ("n" * 256, "acme", "1 to 255 characters"),
        ("prod", "t" * 1900, "1900 bytes"),
        ("é" * 255, "t" * 1390, "1900 bytes"),
        ("prod\ud800", "acme", "lone surrogate"),
        ("prod", "\udfff", "lone surrogate"),
    ],
)
def test_a_pair_that_would_be_ambiguous_or_too_long_is_refused(namespace: str, tenant: str, match: str) -> None:
    with pytest.raises(RecordError, match=match):
        ns_tenant(namespace, tenant)


def test_the_longest_pair_is_accepted() -> None:
    assert len(ns_tenant("n" * 255, "t" * 1644).encode()) == 1900


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_character_that_cannot_be_seen_is_named_and_escaped(character: str) -> None:
    (named,) = hidden_characters(f"ac{character}me")
    assert named.startswith(f"U+{ord(character):04X} ")
    assert visible(f"ac{character}me") == f"ac\\u{{{ord(character):04X}}}me"


@pytest.mark.parametrize("text", ["acme", "Ünïcode", "日本語", "a b", "עברית", "🙂", "acme#eu"])
def test_what_can_be_seen_is_left_alone(text: str) -> None:
    assert hidden_characters(text) == ()
    assert visible(text) == text


@given(any_text)
def test_nothing_hidden_is_left_once_a_text_is_made_visible(text: str) -> None:
    shown = visible(text)
    assert hidden_characters(shown) == ()
    assert (shown == text) == (hidden_characters(text) == ())


@given(any_text)
def test_what_is_made_visible_stays_on_its_line_and_holds_no_control(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in shown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("acme", "\u0430cme"),
        ("acme", "ACME"),
        ("paypal", "paypa1"),
        ("paypal", "paypaI"),
        ("0range", "Orange"),
        ("modern", "rnodern"),
        ("acme", "acme\u200b"),
        ("acme", "\U0001d41a\U0001d41c\U0001d426\U0001d41e"),
    ],
)
def test_names_that_look_alike_point_at_each_other(one: str, other: str) -> None:
    assert look_alikes([one, "zzz", other]) == {one: (other,), other: (one,)}


def test_names_of_one_look_all_point_at_each_other() -> None:
    assert look_alikes(["acme", "Acme", "\u0430cme"])["acme"] == ("Acme", "\u0430cme")


def test_different_names_do_not_look_alike_and_neither_does_a_name_to_itself() -> None:
    assert look_alikes(["acme", "globex", "initech", "acme"]) == {}


@pytest.mark.parametrize("value", [None, 7, b"acme", ["acme"]])
def test_what_is_no_text_is_refused_by_name(value: object) -> None:
    with pytest.raises(RecordError, match=r"tenant is .* must be text"):
        require_text("tenant", value)
