"""The short way of judging says what the long way says, or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.judge import judge_standing
from audit_core.chain.sound import SoundItem, read_sound, sound_position, sound_standing
from audit_core.fences import Fence, bare_fence
from audit_core.items import ATTRIBUTE_TYPES
from tests.chains import LIFETIME, NAMES, Chain

if TYPE_CHECKING:
    from audit_core.chain.judge import Standing

Item = dict[str, dict[str, Any]]
OURS, ELSEWHERE = Chain().ours(4, lifetime=LIFETIME), Chain().elsewhere(3, lifetime=LIFETIME)
VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            {"S": ""},
            {"S": "a"},
            {"S": 5},
            {"S": None},
            {"S": "\ud800"},
            {"N": ""},
            {"N": "1"},
            {"N": "1.5"},
            {"N": "-1"},
            {"N": "1E+2"},
            {"N": "²"},
            {"N": "9" * 39},
            {"NULL": True},
            {"BOOL": True},
            {"S": "a", "N": "1"},
            {},
            {"S": "2026-01-15T10:00:60+00:00"},
            {"S": "2026-01-15T10:00:00.500+00:00"},
            {"S": "genesis"},
            {"M": {"S": {"S": "x"}}},
            {"L": []},
        ]
    ),
    st.text(max_size=4).map(lambda text: {"S": text}),
    st.integers(0, 2**70).map(lambda number: {"N": str(number)}),
)


def changed(item: Item, changes: dict[str, Item | None]) -> Item:
    whole = {**item, **changes}
    return {name: value for name, value in whole.items() if value is not None}  # type: ignore[misc]


def short_way(position: int, item: Item, fence: Fence | None, *, fence_read: bool) -> Standing | None:
    read = read_sound(msgspec.Raw(json.dumps(item).encode()))
    if read is None or sound_position(read) is None:
        return None
    return sound_standing(position, read, NAMES, fence, fence_read=fence_read)


def both(position: int, item: Item, fence: Fence | None, *, fence_read: bool) -> tuple[Any, Any]:
    long = judge_standing(position, (item,), NAMES, fence, fence_read=fence_read)
    return short_way(position, item, fence, fence_read=fence_read), long


@pytest.mark.parametrize("number", range(4))
def test_a_record_of_ours_goes_the_short_way(number: int) -> None:
    short, long = both(number, OURS.record(number), None, fence_read=False)
    assert short == long
    assert type(short.link) is type(long.link)


@pytest.mark.parametrize("number", range(3))
def test_a_record_written_elsewhere_goes_the_short_way_beside_its_bare_fence(number: int) -> None:
    fence = Fence.read(number, bare_fence(*NAMES, number))
    short, long = both(number, ELSEWHERE.record(number), fence, fence_read=True)
    assert short == long


def test_what_a_fence_says_is_left_to_the_long_way() -> None:
    item, fence = OURS.record(1), Fence.read(1, OURS.fence(1))
    assert short_way(1, item, fence, fence_read=True) is None
    assert short_way(1, ELSEWHERE.record(1), None, fence_read=True) is None


NAMES_OF_ATTRIBUTES = st.sampled_from([*ATTRIBUTE_TYPES, "_fence", "region", "größe"])


@given(
    st.sampled_from([OURS.record(0), OURS.record(2), ELSEWHERE.record(1)]),
    st.dictionaries(NAMES_OF_ATTRIBUTES, VALUES, min_size=1, max_size=3),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_changed_record_is_judged_alike_or_sent_the_long_way(
    item: Item, changes: dict[str, Item | None], position: int, fence_read: bool
) -> None:
    item = changed(item, changes)
    fence = Fence.read(position, bare_fence(*NAMES, position)) if fence_read else None
    short = short_way(position, item, fence, fence_read=fence_read)
    if short is not None:
        assert short == judge_standing(position, (item,), NAMES, fence, fence_read=fence_read)
        assert short.findings == ()


@pytest.mark.parametrize("name", sorted(set(OURS.record(2)) - {"sequence_number"}))
def test_no_attribute_can_be_changed_and_go_the_short_way(name: str) -> None:
    item = OURS.record(2)
    (kind,) = item[name]
    other = {kind: item[name][kind] + ("1" if kind == "N" else "x")}
    assert short_way(2, {**item, name: other}, None, fence_read=False) is None


def test_the_attributes_are_those_of_a_record_in_the_order_of_their_names() -> None:
    assert list(SoundItem.__struct_fields__) == sorted(ATTRIBUTE_TYPES.keys() - {"previous_chain_sequence"})


@given(st.text(min_size=1), st.text())
def test_every_text_is_hashed_as_the_long_way_hashes_it(record_id: str, text: str) -> None:
    chain = Chain().ours(2, lifetime=LIFETIME).edit(1, id={"S": record_id}, provider={"S": text}, caller_id={"S": text})
    short, long = both(1, chain.rehash(1).record(1), None, fence_read=False)
    assert short == long


def test_a_text_that_has_no_canonical_form_goes_the_long_way() -> None:
    assert short_way(2, {**OURS.record(2), "caller_id": {"S": "\ud800"}}, None, fence_read=False) is None
    assert read_sound(OURS.record(2)) is None
