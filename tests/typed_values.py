"""Hypothesis strategies for texts, typed values and whole items, as DynamoDB can hold them."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from audit_core.items import KNOWN_ATTRIBUTES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any Unicode text, without lone surrogates."""

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20).map(
        lambda number: format(number, "f").rstrip("0").rstrip(".").replace("-0", "0", number == 0)
    ),
)
"""Numbers in the engine's form: plain decimal, no needless zeros, no `-0`."""

binaries = st.binary(max_size=12)

scalars = st.one_of(
    st.builds(lambda text: {"S": text}, texts),
    st.builds(lambda number: {"N": number}, numbers),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
)
"""Typed values that have no members."""

sets = st.one_of(
    st.builds(lambda members: {"SS": members}, st.lists(texts, min_size=1, max_size=5, unique=True)),
    st.builds(lambda members: {"NS": members}, st.lists(numbers, min_size=1, max_size=5, unique=True)),
    st.builds(lambda members: {"BS": members}, st.lists(binaries, min_size=1, max_size=5, unique=True)),
)

values = st.recursive(
    st.one_of(scalars, sets, st.builds(lambda content: {"B": content}, binaries)),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=4)),
        st.builds(lambda members: {"M": members}, st.dictionaries(texts, inner, max_size=4)),
    ),
    max_leaves=8,
)
"""Any typed value, nested."""

ascii_names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)

extras = st.dictionaries(texts.filter(lambda name: name not in KNOWN_ATTRIBUTES | {"", "_fence"}), values, max_size=4)
"""Attributes that FORMAT 2 does not name."""
