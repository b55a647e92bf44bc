"""Fences as values: built from a record, told apart as bare, full or damaged (FORMAT 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.fences import Fence, FenceState, bare_fence, fence_id, full_fence, parse_fence_id
from audit_core.hashing import chain_hash
from tests import tables
from tests.chains import LIFETIME, NAMES, Chain

namespaces = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="#"), min_size=1, max_size=20)
tenants = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CHAIN = Chain().ours(3, lifetime=LIFETIME).elsewhere(1).ours(1, lifetime=LIFETIME)


@given(namespace=namespaces, tenant=tenants, number=st.integers(0, 2**53))
def test_an_id_is_read_back_without_doubt(namespace: str, tenant: str, number: int) -> None:
    assert parse_fence_id(fence_id(namespace, tenant, number)) == (namespace, tenant, number)


@pytest.mark.parametrize(
    "text",
    ["", "SEQ#", "SEQ#a#1", "SEQ#a#b#", "SEQ#a#b#-1", "SEQ#a#b#x", "SEQ#a#b#1.5", "SEQ#a#b#²", "SEQ##b#1", "SEQ#a##1",
     "seq#a#b#1", "xSEQ#a#b#1"],
)  # fmt: skip
def test_another_id_is_no_fence_s(text: str) -> None:
    assert parse_fence_id(text) is None


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_full_fence_copies_its_record_and_hashes_the_copy(number: int) -> None:
    item = CHAIN.record(number)
    expected = {
        "id": {"S": f"SEQ#notifications#acme#{number}"},
        "_fence": {"BOOL": True},
        "record_id": item["id"],
        "record_expires_at": item["expires_at_ttl"],
    }
    for name in ("record_hash", "previous_hash", "content_hash", "previous_chain_hash", "previous_chain_sequence"):
        if name in item:
            expected[name] = item[name]
    expected["chain_hash"] = {"S": tables.sha256_of(expected, "chain_hash")}

    assert full_fence(item, *NAMES, number) == expected


def test_what_a_fence_must_never_carry_is_not_copied() -> None:
    forbidden = {"ns_tenant", "sequence_number", "action_id", "expires_at_ttl"}

    assert not forbidden & full_fence(CHAIN.record(4), *NAMES, 4).keys()


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_full_fence_is_full_and_holds(number: int) -> None:
    fence = Fence.read(number, CHAIN.fence(number) or {})

    assert (fence.state, fence.holds) == (FenceState.FULL, True)


def test_a_sealed_fence_is_full_and_holds() -> None:
    sealed = Chain().elsewhere(2).seal(0, 1)

    fence = Fence.read(1, sealed.fence(1) or {})

    assert (fence.state, fence.holds, fence.sealed) == (FenceState.FULL, True, True)


def test_a_bare_fence_is_bare_and_holds_nothing() -> None:
    fence = Fence.read(3, bare_fence(*NAMES, 3))

    assert (fence.state, fence.holds, fence.link) == (FenceState.BARE, False, None)


@pytest.mark.parametrize(("number", "link"), [(0, None), (1, 0), (4, 2)])
def test_a_fence_names_the_position_that_it_links_to(number: int, link: int | None) -> None:
    fence = Fence.read(number, CHAIN.fence(number) or {})

    assert fence.link == (None if link is None else (link, (CHAIN.fence(link) or {})["chain_hash"]["S"]))


@pytest.mark.parametrize(
    "change",
    [
        {"_fence": None},
        {"_fence": {"BOOL": False}},
        {"_fence": {"S": "true"}},
        {"record_id": None},
        {"record_id": {"S": ""}},
        {"record_id": {"N": "1"}},
        {"record_hash": None},
        {"record_hash": {"S": "A" * 64}},
        {"record_hash": {"S": "a" * 63}},
        {"content_hash": None},
        {"chain_hash": None},
        {"chain_hash": {"S": ""}},
        {"previous_hash": {"NULL": True}},
        {"previous_chain_hash": {"S": ""}},
        {"previous_chain_hash": None},
        {"previous_chain_sequence": {"N": "3"}},
        {"previous_chain_sequence": {"N": "4"}},
        {"previous_chain_sequence": {"N": "-1"}},
        {"previous_chain_sequence": {"N": "1.5"}},
        {"previous_chain_sequence": {"S": "2"}},
        {"record_expires_at": {"S": "1"}},
        {"record_expires_at": {"N": "1.5"}},
        {"sealed_at": {"S": "yesterday"}},
        {"sealed_at": {"N": "1"}},
        {"note": {"S": "mine"}},
        {"ns_tenant": {"S": "notifications#acme"}},
        {"expires_at_ttl": {"N": "1"}},
    ],
    ids=str,
)
def test_any_other_shape_is_damaged(change: dict[str, Any]) -> None:
    damaged = {**(CHAIN.fence(4) or {}), **change}
    item = {name: value for name, value in damaged.items() if value is not None}
    if "chain_hash" not in change:
        item["chain_hash"] = {"S": chain_hash(item)}

    assert Fence.read(4, item).state is FenceState.DAMAGED


@pytest.mark.parametrize("name", ["record_id", "record_hash", "content_hash", "previous_chain_hash", "previous_hash"])
def test_a_changed_value_does_not_hold(name: str) -> None:
    fence = Fence.read(4, {**(CHAIN.fence(4) or {}), name: {"S": "f" * 64}})

    assert (fence.state, fence.holds) == (FenceState.FULL, False)
