from __future__ import annotations

import pytest

from audit_core.chain.findings import Coverage, FindingKind, Verdict
from audit_core.chain.statements import altered_part, covered, limits, rung
from tests.reports import finding, report


def test_a_report_says_what_it_did_not_read() -> None:
    assert any("A thorough verification" in line for line in limits(report(10)))
    assert not any("A thorough verification" in line for line in limits(report(10, thorough=True)))


def test_a_tenant_without_a_chain_is_told_by_what_was_seen_and_nothing_of_it_as_checked() -> None:
    unchained = {"verdict": Verdict.UNCHAINED, "first_sequence": None, "last_sequence": None, "unvouched_ends": ()}
    seen = report(0, **unchained, unchained=1)
    counted = report(0, **unchained, unchained=1200, thorough=True)
    assert covered(seen) == (
        "No position: there are records without a sequence number, at least one. A thorough verification counts them.",
    )
    assert covered(counted) == ("No position: 1,200 records without a sequence number",)
    for one in (seen, counted):
        assert [line.partition(":")[0] for line in limits(one)] == ["No record was checked"]


@pytest.mark.parametrize(("unchained", "said"), [(None, True), (0, False), (3, False)])
def test_records_without_a_number_are_called_not_looked_for_only_where_nobody_looked(
    unchained: int | None, said: bool
) -> None:
    lines = limits(report(10, unchained=unchained))
    assert any("Records without a sequence number were not looked for" in line for line in lines) is said


def test_a_report_names_the_ends_that_only_a_checkpoint_vouches_for() -> None:
    assert any("position 9, the end" in line for line in limits(report(10)))
    assert any("1, 2, 3, 4, 5 and 1 more" in line for line in limits(report(10, unvouched_ends=(1, 2, 3, 4, 5, 6))))


def test_an_inferred_finding_says_how_to_declare_a_lifetime() -> None:
    inferred = finding(FindingKind.MISSING_RECORD, 3, inferred=True)
    assert any("past_ttl_seconds" in line for line in limits(report(10, inferred)))


def test_an_incomplete_report_says_why() -> None:
    assert "It is incomplete: it was stopped." in limits(report(10, reason="it was stopped"))


def test_a_claim_stands_no_higher_than_its_evidence() -> None:
    assert rung(report(3)).startswith("Whole: ")
    assert rung(report(3, coverage=Coverage(full=1, record_hash_only=2))).startswith("Whole in part")
    assert rung(report(3, coverage=Coverage(record_hash_only=3))).startswith("Linked")
    assert rung(report(3, coverage=Coverage(expired=3))).startswith("Fences only")


def test_an_edit_says_which_part_the_hash_can_tell() -> None:
    assert "ten fields" in altered_part(finding(FindingKind.CONTENT_MODIFIED, 1, expected="record_hash ab"))
    assert "payload" in altered_part(finding(FindingKind.CONTENT_MODIFIED, 1, expected="content_hash ab"))
    assert altered_part(finding(FindingKind.BROKEN_LINK, 1, expected="previous_hash ab")) == ""
