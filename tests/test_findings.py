from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import Finding, FindingKind, Told
from tests.reports import finding


@st.composite
def findings(draw: Any) -> Finding:
    first = draw(st.integers(0, 12))
    kind = draw(st.sampled_from([FindingKind.MISSING_RECORD, FindingKind.EXPIRED]))
    return finding(kind, first, first + draw(st.integers(0, 6)))


@given(st.lists(findings(), max_size=8), findings())
def test_a_finding_is_covered_where_one_of_its_kind_spans_all_of_it(told: list[Finding], asked: Finding) -> None:
    spans = [
        range(int(one.sequence_number or 0), int(one.last_sequence_number or 0) + 1)
        for one in told
        if one.kind is asked.kind
    ]
    expected = any(asked.sequence_number in span and asked.last_sequence_number in span for span in spans)
    assert Told(told).covers(asked) is expected


def test_what_has_no_position_is_covered_by_nothing() -> None:
    unplaced = Finding(kind=FindingKind.UNCHAINED_RECORD, sequence_number=None, last_sequence_number=None)
    assert not Told([unplaced]).covers(unplaced)
