from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.gaps import GapKind, find_gaps, gap_at, gap_totals
from audit_core.chain.verifier import Covered
from audit_core.table import Reading
from tests.builders import DISPATCHED
from tests.chains import LIFETIME, Chain, verify

if TYPE_CHECKING:
    from audit_core.timestamps import Timestamp

EARLY = DISPATCHED.plus_seconds(3600)
LATER = DISPATCHED.plus_seconds(LIFETIME + 7200)


def test_each_fate_is_named() -> None:
    chain = Chain().ours(4, lifetime=60).ours(4, lifetime=LIFETIME)
    chain.tip = chain.tip.__class__(9, chain.tip.record_hash, chain.tip.link)
    chain.ours(6, lifetime=LIFETIME).remove(1, 2, 5, 14, 15)
    gaps = find_gaps(verify(chain, EARLY).findings)
    assert [(gap.first, gap.last, [part.kind for part in gap.parts]) for gap in gaps] == [
        (1, 2, [GapKind.EXPIRED]),
        (5, 5, [GapKind.DELETED_EARLY]),
        (8, 9, [GapKind.NEVER_WRITTEN]),
        (14, 15, [GapKind.TRUNCATED]),
    ]


def test_a_hole_of_several_fates_is_one_gap_with_its_parts() -> None:
    chain = Chain().ours(2, lifetime=60).ours(2, lifetime=LIFETIME).ours(2, lifetime=LIFETIME).remove(1, 2, 3)
    (gap,) = find_gaps(verify(chain, EARLY).findings)
    assert [(part.kind, part.positions) for part in gap.parts] == [(GapKind.EXPIRED, 1), (GapKind.DELETED_EARLY, 2)]
    assert (gap.before, gap.after, gap.positions) == (0, 4, 3)


def test_a_gap_at_the_start_has_nothing_before_it() -> None:
    (gap,) = find_gaps(verify(Chain().elsewhere(4, lifetime=LIFETIME).remove(0, 1), LATER).findings)
    assert (gap.before, [part.kind for part in gap.parts]) == (None, [GapKind.UNPROVEN])


@given(st.sets(st.integers(0, 11)))
def test_gaps_hold_exactly_the_positions_that_are_gone(gone: set[int]) -> None:
    result = verify(Chain().ours(12, lifetime=LIFETIME).remove(*gone), LATER)
    gaps = find_gaps(result.findings)
    assert {number for gap in gaps for number in range(gap.first, gap.last + 1)} == gone
    assert all(earlier.last + 1 < later.first for earlier, later in itertools.pairwise(gaps))


@given(st.sets(st.integers(0, 13)), st.sampled_from([EARLY, LATER]))
def test_totals_add_up_and_agree_with_what_the_report_covers(gone: set[int], now: Timestamp) -> None:
    chain = Chain().elsewhere(4, lifetime=LIFETIME).ours(4, lifetime=60)
    chain.tip = replace(chain.tip, sequence_number=9)
    chain.ours(4, lifetime=LIFETIME)
    chain.remove(*(gone & chain.positions.keys()))
    verifier = verify(chain, now).verifier
    covered = Covered(thorough=False, upper_bound=None, reading=Reading(), at=now)
    report = verifier.report(covered, reason=None)
    totals = gap_totals(report)
    standing = sum(record is not None for record, _fence in chain.positions.values())
    assert totals.present == standing
    assert totals.gone[GapKind.EXPIRED] == report.coverage.expired
    assert totals.gone[GapKind.UNPROVEN] == report.coverage.unproven
    assert totals.missing == report.coverage.missing
    judged = 0 if report.first_sequence is None else report.last_sequence - report.first_sequence + 1
    assert totals.positions == judged


def test_a_gap_is_found_by_any_of_its_positions() -> None:
    gaps = find_gaps(verify(Chain().ours(9, lifetime=LIFETIME).remove(2, 3, 6), EARLY).findings)
    found = [gap_at(gaps, number) for number in range(9)]
    assert [None if gap is None else gap.first for gap in found] == [None, None, 2, 2, None, None, 6, None, None]
