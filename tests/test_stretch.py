"""Positions that are taken as a stretch leave a verifier where taking them one by one leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from audit_core.chain.judge import Standing, judge_standing
from audit_core.chain.stretch import Stretch, joined
from audit_core.chain.verifier import ChainVerifier, VerifierState
from audit_core.fences import Fence
from audit_core.retention import Lifetimes
from tests.chains import LIFETIME, NAMES, SOON, Chain

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTH = 16
PLACES = st.integers(0, LENGTH - 1)
EDITS = st.sampled_from(
    [
        {"previous_hash": {"S": "0" * 64}},
        {"previous_chain_hash": {"S": "0" * 64}},
        {"previous_chain_hash": None},
        {"previous_chain_sequence": {"N": "2"}},
        {"provider": {"S": "other"}},
        {"outcome": {"S": "pending"}, "action_id": {"S": "action-9"}},
        {"content_hash": None},
        {"record_hash": None},
        {"dispatched_at_ms": {"N": "1"}},
        {"sequence_number": {"N": "3"}},
        {"dispatched_at": {"S": "2020-01-01T00:00:00+00:00"}, "dispatched_at_ms": {"N": "1577836800000"}},
    ]
)


def chain_of(mixed: bool, edits: Iterable[tuple[int, dict[str, Any], bool]], gone: Iterable[int]) -> Chain:
    chain = Chain().ours(6, lifetime=LIFETIME)
    chain = chain.elsewhere(3).ours(LENGTH - 9) if mixed else chain.ours(LENGTH - 6)
    for place, edit, rehashed in edits:
        chain.edit(place, **edit)
        if rehashed and "record_hash" in chain.record(place):
            chain.rehash(place, fence=True)
    return chain.remove(*gone)


def standings(chain: Chain) -> list[int | Standing]:
    """What stands, judged as a page of the index is; the number of a position where nothing does."""
    found: list[int | Standing] = []
    for position, (item, fence_item) in chain.positions.items():
        if item is None:
            found.append(position)
            continue
        fence = None if fence_item is None else Fence.read(position, fence_item)
        read = "content_hash" not in item or position == LENGTH - 1
        found.append(judge_standing(position, (item,), NAMES, fence, fence_read=read))
    return found


def fed(chain: Chain, found: Iterable[Any]) -> VerifierState:
    verifier = ChainVerifier(NAMES, Lifetimes(LIFETIME))
    for one in found:
        if isinstance(one, Stretch):
            verifier.take_stretch(one)
        elif isinstance(one, Standing):
            verifier.take(one)
        else:
            verifier.gone(one, Fence.read(one, chain.fence(one) or {}), SOON)
    return verifier.state()


def test_a_chain_in_order_is_one_stretch() -> None:
    chain = chain_of(mixed=False, edits=(), gone=())
    found = list(joined(standings(chain)))  # type: ignore[arg-type]
    assert [(type(one), one.position, one.last.position) for one in found[:1]] == [(Stretch, 0, LENGTH - 1)]  # type: ignore[union-attr]
    assert len(found) == 1


@given(
    st.booleans(),
    st.lists(st.tuples(PLACES, EDITS, st.booleans()), max_size=3),
    st.sets(PLACES, max_size=3),
)
@example(mixed=False, edits=[(4, {"outcome": {"S": "pending"}, "action_id": {"S": "action-9"}}, True)], gone=set())
@example(mixed=False, edits=[(3, {"previous_chain_sequence": {"N": "2"}}, True)], gone=set())
@example(
    mixed=False,
    edits=[(5, {"dispatched_at": {"S": "2020-01-01T00:00:00Z"}, "dispatched_at_ms": {"N": "1577836800000"}}, True)],
    gone=set(),
)
def test_a_verifier_comes_to_the_same(
    mixed: bool,
    edits: list[tuple[int, dict[str, Any], bool]],
    gone: set[int],
) -> None:
    chain = chain_of(mixed, edits, gone)
    found = standings(chain)
    assert fed(chain, joined(found)) == fed(chain, found)  # type: ignore[arg-type]
