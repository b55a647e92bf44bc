"""The time around a gap: what frames it, and the span of a deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_core.chain.findings import Exhibit, FindingKind
from audit_ui.gap_timeline import deletion_span, events, table_rows
from tests.builders import DISPATCHED
from tests.chains import LIFETIME, Chain
from tests.ui.test_gap_view import gaps

if TYPE_CHECKING:
    from audit_core.chain.gaps import Gap

VERIFIED = DISPATCHED.plus_seconds(3600)


def around(chain: Chain, kind: FindingKind = FindingKind.MISSING_RECORD) -> tuple[Gap, dict[int, Exhibit]]:
    """The gap at positions 2 and 3 of a chain, and all its positions as they were read."""
    read = {
        number: Exhibit(number, () if record is None else (record,), fence, fence_read=True)
        for number, (record, fence) in chain.positions.items()
    }
    return gaps((kind, 2, 3))[0], read


def told(chain: Chain) -> list[str]:
    gap, read = around(chain)
    return [f"{row['What']} ({row['Later by']})" for row in table_rows(events(gap, read, (2, 3), VERIFIED))]


def test_a_gap_is_framed_by_its_neighbours_its_fences_and_its_finding() -> None:
    assert told(Chain().ours(6, lifetime=LIFETIME).remove(2, 3)) == [
        "Position 1, before the gap, was dispatched ()",
        "Position 4, after the gap, was dispatched (3 seconds)",
        "Verified: no record stands at these positions (59 minutes 56 seconds)",
        "The first record should have stood until here (29 days 23 hours)",
        "The last record should have stood until here (1 second)",
    ]


def test_each_time_is_told_by_the_visitors_clock_as_well() -> None:
    gap, read = around(Chain().ours(6).remove(2, 3))
    row = table_rows(events(gap, read, (2, 3), VERIFIED), "Pacific/Auckland")[0]
    assert (row["When (UTC)"], row["In Pacific/Auckland"]) == ("2026-01-15 10:00:01", "2026-01-15 23:00:01")


def test_bare_fences_and_forged_ones_tell_no_time() -> None:
    assert len(told(Chain().elsewhere(6, lifetime=LIFETIME).remove(2, 3))) == 3
    forged = Chain().ours(6, lifetime=LIFETIME).remove(2, 3)
    for number in (2, 3):
        forged.edit_fence(number, record_expires_at={"N": "1"})
    assert len(told(forged)) == 3


def test_a_seal_is_part_of_it() -> None:
    said = told(Chain().elsewhere(6).seal(0, 5).remove(2, 3))
    assert any("The first fence was sealed, while its record stood" in line for line in said)


def test_an_expiry_beyond_all_years_is_left_out() -> None:
    chain = Chain().ours(6, lifetime=LIFETIME).remove(2, 3)
    chain.edit_fence(2, record_expires_at={"N": "9" * 30}).rehash_fence(2)
    assert any(line.startswith("The record should have stood until here") for line in told(chain))


def test_a_deletion_lies_between_the_record_before_and_the_finding() -> None:
    gap, read = around(Chain().ours(6).remove(2, 3))
    assert deletion_span(gap, read, VERIFIED) == (DISPATCHED.plus_seconds(1), VERIFIED)


def test_what_expired_or_has_nothing_before_it_has_no_such_span() -> None:
    chain = Chain().ours(6, lifetime=60).remove(2, 3)
    assert deletion_span(*around(chain, FindingKind.EXPIRED), VERIFIED) is None
    assert deletion_span(*around(chain.remove(1)), VERIFIED) is None
    later = Chain(began=VERIFIED.plus_seconds(60)).ours(6).remove(2, 3)
    assert deletion_span(*around(later), VERIFIED) is None
