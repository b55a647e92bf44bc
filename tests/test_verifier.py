"""The verifier on chains in memory: what it finds, names and leaves alone (FORMAT 9, CASES 31 to 38, 54, 58 to 62)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.chain.findings import FindingKind, Verdict
from audit_core.fences import bare_fence
from audit_core.retention import Lifetimes
from tests.builders import DISPATCHED
from tests.chains import LIFETIME, NAMES, SOON, Chain, verify

LATER = DISPATCHED.plus_seconds(LIFETIME + 7200)
"""A moment at which every record with the default lifetime has expired."""


def test_a_chain_of_ours_is_intact_and_fully_covered() -> None:
    result = verify(Chain().ours(5), thorough=True)
    assert (result.verdict, result.findings) == (Verdict.INTACT, ())
    assert result.verifier.coverage.full == 5


def test_a_chain_written_elsewhere_is_intact_and_covered_by_record_hash_only() -> None:
    result = verify(Chain().elsewhere(5), thorough=True)
    assert (result.verdict, result.findings) == (Verdict.INTACT, ())
    assert (result.verifier.coverage.full, result.verifier.coverage.record_hash_only) == (0, 5)


def test_two_writers_in_turn_are_intact() -> None:
    chain = Chain().elsewhere(3).ours(2).elsewhere(2).ours(1).elsewhere(1)
    assert verify(chain, thorough=True).verdict is Verdict.INTACT


def test_links_past_fences_that_were_sealed_later_are_intact() -> None:
    chain = Chain().elsewhere(4).ours(3).elsewhere(3).ours(2).seal(0, 3).seal(7, 9)
    result = verify(chain, thorough=True)
    assert (result.verdict, result.findings) == (Verdict.INTACT, ())
    assert result.verifier.coverage.full == 12


def test_a_chain_may_start_at_one_with_genesis() -> None:
    chain = Chain()
    chain.tip = chain.tip.__class__(0, "genesis", None)
    assert verify(chain.ours(3), thorough=True).verdict is Verdict.INTACT


def test_a_chain_that_starts_at_one_may_have_lost_its_bare_head_to_expiry() -> None:
    chain = Chain()
    chain.tip = chain.tip.__class__(0, "genesis", None)
    chain.elsewhere(3, lifetime=LIFETIME).remove(1)
    result = verify(chain, LATER)
    assert (result.verdict, result.kinds) == (Verdict.UNPROVEN, {("expired_unproven", 1, 1)})


def test_a_record_may_lack_previous_hash_after_a_bare_fence_whose_record_is_gone() -> None:
    chain = Chain().elsewhere(2, lifetime=LIFETIME)
    chain.tip = chain.tip.__class__(1, None, None)
    chain.elsewhere(2, lifetime=LIFETIME).remove(0, 1)
    assert verify(chain, LATER).kinds == {("expired_unproven", 0, 1)}


# -- records edited ---------------------------------------------------------------------------------------------------

HASHED = ("action_id", "action_type", "outcome", "provider", "verdict")
COVERED = ("action_payload", "caller_id", "metadata", "outcome_details", "auth_method", "completed_at")


@pytest.mark.parametrize("name", HASHED)
@pytest.mark.parametrize("number", [0, 2, 4])
def test_an_edit_of_a_hashed_field_is_found_by_both_hashes(name: str, number: int) -> None:
    result = verify(Chain().ours(5).edit(number, **{name: {"S": "changed"}}))
    assert result.verdict is Verdict.BROKEN
    assert [(finding.kind, finding.sequence_number) for finding in result.findings] == [
        (FindingKind.CONTENT_MODIFIED, number)
    ] * 2
    assert [(finding.expected or "").split()[0] for finding in result.findings] == ["record_hash", "content_hash"]


@pytest.mark.parametrize("name", COVERED)
@pytest.mark.parametrize("number", [0, 2, 4])
def test_an_edit_of_any_other_field_is_found_by_content_hash(name: str, number: int) -> None:
    value = {"S": "2026-01-15T10:00:09+00:00"} if name == "completed_at" else {"S": "changed"}
    result = verify(Chain().ours(5).edit(number, **{name: value}))
    assert result.kinds == {("content_modified", number, number)}


def test_an_edit_outside_the_ten_fields_of_a_record_written_elsewhere_cannot_be_seen() -> None:
    assert verify(Chain().elsewhere(3).edit(1, caller_id={"S": "x"}), thorough=True).verdict is Verdict.INTACT


def test_a_seal_makes_such_an_edit_visible() -> None:
    chain = Chain().elsewhere(3).seal(0, 2).edit(1, caller_id={"S": "x"})
    assert verify(chain).kinds == {("content_modified", 1, 1)}


def test_an_edit_with_recomputed_hashes_breaks_the_next_links() -> None:
    result = verify(Chain().ours(5).edit(2, outcome={"S": "failed"}).rehash(2))
    assert result.kinds == {("broken_link", 3, 3)}


def test_a_recomputed_edit_of_the_last_record_is_found_by_its_fence() -> None:
    result = verify(Chain().ours(5).edit(4, outcome={"S": "failed"}).rehash(4))
    assert {kind for kind, *_ in result.kinds} == {"content_modified", "fence_mismatch"}


def test_every_break_is_named_and_none_hides_the_next() -> None:
    chain = Chain().ours(12)
    chain.edit(2, caller_id={"S": "x"}).remove(5).edit(8, verdict={"S": "deny"}).remove(9, record=False, fence=True)
    assert verify(chain, thorough=True).kinds == {
        ("content_modified", 2, 2),
        ("missing_record", 5, 5),
        ("content_modified", 8, 8),
        ("missing_fence", 9, 9),
    }


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("dispatched_at_ms", {"N": "1"}, "field_mismatch"),
        ("expires_at_ttl", {"N": "1799999999"}, "field_mismatch"),
        ("expires_at_ttl", {"N": "1771063200000"}, "field_mismatch"),
        ("expires_at_ttl", {"S": "1771063200"}, "malformed_record"),
        ("expires_at_ttl", None, "field_mismatch"),
        ("tenant", {"S": "other"}, "field_mismatch"),
        ("caller_id", None, "malformed_record"),
        ("metadata", {"NULL": True}, "malformed_record"),
        ("dispatched_at", {"S": "yesterday"}, "malformed_record"),
        ("_fence", {"BOOL": True}, "malformed_record"),
        ("record_hash", None, "missing_hash"),
        ("previous_hash", {"S": ""}, "malformed_record"),
    ],
)
def test_a_damaged_attribute_is_named(name: str, value: dict[str, Any] | None, kind: str) -> None:
    result = verify(Chain().ours(4, lifetime=LIFETIME).edit(2, **{name: value}))
    assert (kind, 2, 2) in result.kinds


# -- records and fences gone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2])
def test_a_deleted_record_is_missing(number: int) -> None:
    result = verify(Chain().ours(5, lifetime=LIFETIME).remove(number))
    assert (result.verdict, result.kinds) == (Verdict.BROKEN, {("missing_record", number, number)})


@pytest.mark.parametrize("number", [0, 2])
def test_a_record_deleted_with_its_fence_is_missing(number: int) -> None:
    assert verify(Chain().ours(5).remove(number, fence=True)).kinds == {("missing_record", number, number)}


def test_a_cut_tail_is_truncated() -> None:
    assert verify(Chain().ours(6, lifetime=LIFETIME).remove(4, 5)).kinds == {("truncated_tail", 4, 5)}


def test_a_hole_before_the_last_fence_is_part_of_the_cut_tail() -> None:
    chain = Chain().ours(6).remove(4, fence=True).remove(5)
    assert verify(chain).kinds == {("truncated_tail", 4, 5)}


def test_a_tail_cut_with_its_fences_cannot_be_seen() -> None:
    assert verify(Chain().ours(6).remove(4, 5, fence=True)).verdict is Verdict.INTACT


def test_a_number_that_was_never_used_is_skipped() -> None:
    chain = Chain().ours(3)
    chain.tip = chain.tip.__class__(4, chain.tip.record_hash, chain.tip.link)
    assert verify(chain.ours(2)).kinds == {("skipped_sequence", 3, 4)}


def test_a_fence_deleted_is_missing_when_fences_are_read() -> None:
    chain = Chain().ours(4).remove(1, record=False, fence=True)
    assert verify(chain).verdict is Verdict.INTACT
    assert verify(chain, thorough=True).kinds == {("missing_fence", 1, 1)}


def test_a_chain_of_which_nothing_full_is_left_was_not_checked() -> None:
    result = verify(Chain().elsewhere(3, lifetime=LIFETIME).remove(0, 1, 2), LATER)
    assert (result.verdict, result.kinds) == (Verdict.INCOMPLETE, {("expired_unproven", 0, 2)})


# -- expired, unproven, deleted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [(0, 1), (2,), (1, 3), (0, 1, 2, 3, 4)])
def test_what_full_fences_prove_has_expired(gone: tuple[int, ...]) -> None:
    result = verify(Chain().ours(5, lifetime=LIFETIME).remove(*gone), LATER)
    assert result.verdict is Verdict.INTACT_WITH_EXPIRY
    assert {kind for kind, *_ in result.kinds} == {"expired"}
    assert result.verifier.coverage.expired == len(gone)


def test_sealed_fences_prove_an_expiry() -> None:
    chain = Chain().elsewhere(5, lifetime=LIFETIME).seal(0, 4).remove(0, 1)
    assert verify(chain, LATER).kinds == {("expired", 0, 1)}


def test_a_sealed_run_that_leads_to_an_end_of_its_own_proves_nothing() -> None:
    chain = Chain().elsewhere(3, lifetime=LIFETIME).ours(2, lifetime=LIFETIME).seal(0, 2).remove(0, 1)
    result = verify(chain, LATER)
    assert (result.verdict, result.kinds) == (Verdict.UNPROVEN, {("expired_unproven", 0, 1)})
    assert result.verifier.unvouched_ends == (2, 4)


def test_a_bare_head_is_unproven() -> None:
    result = verify(Chain().elsewhere(5, lifetime=LIFETIME).remove(0, 1), LATER)
    assert (result.verdict, result.kinds) == (Verdict.UNPROVEN, {("expired_unproven", 0, 1)})


def test_a_bare_middle_is_missing_while_its_lifetime_runs_and_said_to_be_inferred() -> None:
    result = verify(Chain().elsewhere(5, lifetime=LIFETIME).remove(2))
    assert result.kinds == {("missing_record", 2, 2)}
    assert [finding.inferred for finding in result.findings] == [True]


def test_a_declared_lifetime_turns_that_into_unproven() -> None:
    chain = Chain().elsewhere(5, lifetime=LIFETIME).remove(2)
    assert verify(chain, SOON, lifetimes=Lifetimes(LIFETIME, (60,))).kinds == {("expired_unproven", 2, 2)}


def test_a_bare_tail_is_truncated_while_its_lifetime_runs() -> None:
    result = verify(Chain().elsewhere(5, lifetime=LIFETIME).remove(3, 4))
    assert result.kinds == {("truncated_tail", 3, 4)}
    assert result.findings[0].inferred


def test_a_bare_record_that_never_expires_is_missing_however_old() -> None:
    chain = Chain().elsewhere(5).remove(2)
    assert verify(chain, LATER, lifetimes=Lifetimes(None)).kinds == {("missing_record", 2, 2)}


@pytest.mark.parametrize("recomputed", [False, True])
def test_an_expiry_moved_into_the_past_is_never_believed(recomputed: bool) -> None:
    chain = Chain().ours(5, lifetime=LIFETIME).remove(2)
    chain.edit_fence(2, record_expires_at={"N": "1768471300"})
    if recomputed:
        chain.rehash_fence(2)
    assert verify(chain).kinds == {("fence_mismatch", 2, 2), ("missing_record", 2, 2)}


def test_an_expiry_forged_at_the_very_end_only_a_checkpoint_could_show() -> None:
    chain = Chain().ours(5, lifetime=LIFETIME).remove(4)
    chain.edit_fence(4, record_expires_at={"N": "1768471300"}).rehash_fence(4)
    result = verify(chain)
    assert result.verdict is Verdict.INTACT_WITH_EXPIRY
    assert result.verifier.unvouched_ends == (4,)


def test_expiries_before_a_forged_fence_have_lost_their_proof() -> None:
    chain = Chain().ours(6, lifetime=LIFETIME).remove(0, 1, 3)
    chain.edit_fence(3, record_id={"S": "somebody-else"}).rehash_fence(3)
    result = verify(chain, LATER)
    assert ("expired_unproven", 0, 1) in result.kinds
    assert {("fence_mismatch", 3, 3), ("missing_record", 3, 3)} <= result.kinds


# -- hashes stripped --------------------------------------------------------------------------------------------------


def test_hashes_stripped_from_one_record_are_missing() -> None:
    chain = Chain().ours(5).edit(2, content_hash=None, previous_chain_hash=None)
    assert ("missing_hash", 2, 2) in verify(chain).kinds


def test_hashes_stripped_from_a_record_and_its_fence_are_missing() -> None:
    chain = Chain().ours(5).edit(2, content_hash=None, previous_chain_hash=None)
    chain.positions[2] = (chain.record(2), bare_fence(*NAMES, 2))
    assert ("missing_hash", 2, 2) in verify(chain).kinds


def test_a_stripped_fence_whose_record_is_gone_is_no_expiry_however_old() -> None:
    chain = Chain().ours(5, lifetime=LIFETIME).remove(2)
    chain.positions[2] = (None, bare_fence(*NAMES, 2))
    assert verify(chain, LATER).kinds == {("fence_mismatch", 2, 2), ("missing_record", 2, 2)}


def test_stripping_a_run_names_every_position_of_it() -> None:
    chain = Chain().ours(6, lifetime=LIFETIME)
    for number in (2, 3):
        chain.positions[number] = (None, bare_fence(*NAMES, number))
    assert ("missing_record", 2, 3) in verify(chain, LATER).kinds


# -- records moved ----------------------------------------------------------------------------------------------------


def test_two_records_that_changed_places_are_found() -> None:
    chain = Chain().ours(6)
    second, fourth = chain.record(2), chain.record(4)
    chain.positions[2] = ({**fourth, "sequence_number": {"N": "2"}}, chain.fence(2))
    chain.positions[4] = ({**second, "sequence_number": {"N": "4"}}, chain.fence(4))
    found = verify(chain).kinds
    assert {("content_modified", 2, 2), ("content_modified", 4, 4)} <= found
    assert {("broken_link", 2, 2), ("broken_link", 4, 4)} <= found


def test_a_record_copied_from_another_chain_is_found() -> None:
    chain = Chain().ours(4)
    foreign = Chain().ours(4, tenant="globex").record(2)
    chain.positions[2] = ({**foreign, "ns_tenant": {"S": "notifications#acme"}}, chain.fence(2))
    kinds = {kind for kind, *_ in verify(chain).kinds}
    assert {"content_modified", "field_mismatch", "broken_link"} <= kinds


def test_a_lone_intent_is_information_and_its_outcome_ends_it() -> None:
    chain = Chain().ours(1, outcome="pending", action_id="a").ours(1).ours(1, action_id="a")
    chain.ours(1, outcome="pending", action_id="b").ours(1)
    verifier = verify(chain).verifier
    assert list(verifier.open_intents) == ["b"]
    verifier.lone_intent("b")
    assert [(finding.kind.value, finding.sequence_number) for finding in verifier.findings] == [("lone_intent", 3)]
    assert verifier.verdict(complete=True) is Verdict.INTACT


# -- properties -------------------------------------------------------------------------------------------------------

segments = st.lists(st.tuples(st.sampled_from(["ours", "elsewhere"]), st.integers(1, 4)), min_size=1, max_size=6)


@st.composite
def clean_chains(draw: st.DrawFn) -> tuple[Chain, set[int]]:
    """A chain of random writers and seals, and the positions whose records TTL has removed by LATER."""
    chain = Chain()
    for writer, count in draw(segments):
        getattr(chain, writer)(count, lifetime=draw(st.sampled_from([LIFETIME, None])))
    last = chain.tip.sequence_number
    sealed_to = draw(st.integers(-1, last))
    for number in range(sealed_to + 1):
        if "chain_hash" not in (chain.fence(number) or {}):
            chain.seal(number, number)
    expiring = {number for number in chain.positions if "expires_at_ttl" in chain.record(number)}
    gone = draw(st.sets(st.sampled_from(sorted(expiring)))) if expiring else set()
    return chain, gone


@given(clean_chains(), st.booleans())
def test_a_clean_chain_raises_no_alarm(drawn: tuple[Chain, set[int]], thorough: bool) -> None:
    chain, gone = drawn
    result = verify(chain.remove(*gone), LATER, thorough=thorough)
    assert {finding.kind.value for finding in result.findings} <= {"expired", "expired_unproven", "coverage_lost"}
    coverage = result.verifier.coverage
    assert coverage.expired + coverage.unproven == len(gone)
    total = coverage.full + coverage.record_hash_only + coverage.expired + coverage.unproven + coverage.missing
    assert total == len(chain.positions)


@given(st.integers(3, 12), st.data())
def test_a_deletion_before_its_time_is_always_found(length: int, data: st.DataObject) -> None:
    chain = Chain().ours(length, lifetime=LIFETIME)
    gone = data.draw(st.sets(st.integers(0, length - 1), min_size=1))
    result = verify(chain.remove(*gone))
    named = {
        number
        for finding in result.findings
        if finding.kind.value in {"missing_record", "truncated_tail"}
        for number in range(int(finding.sequence_number), int(finding.last_sequence_number) + 1)
    }
    assert named == gone
    assert result.verifier.coverage.missing == len(gone)


@given(st.integers(2, 8), st.data())
def test_any_change_of_any_attribute_is_found_where_fences_are_read(length: int, data: st.DataObject) -> None:
    chain = Chain().ours(length, lifetime=LIFETIME)
    number = data.draw(st.integers(0, length - 1))
    part = data.draw(st.sampled_from(["record", "fence"]))
    item = chain.record(number) if part == "record" else chain.fence(number)
    name = data.draw(st.sampled_from(sorted((item or {}).keys() - {"id", "sequence_number", "ns_tenant"})))
    value = data.draw(st.sampled_from([None, {"S": ""}, {"NULL": True}, {"S": "other"}, {"N": "7"}]))
    (chain.edit if part == "record" else chain.edit_fence)(number, **{name: value})
    result = verify(chain, thorough=True)
    assert result.verdict is Verdict.BROKEN
    assert number in {int(finding.sequence_number) for finding in result.findings}


def test_the_last_full_position_before_bare_ones_is_an_end() -> None:
    assert verify(Chain().ours(3).elsewhere(1)).verifier.unvouched_ends == (2, 3)
    assert verify(Chain().ours(3)).verifier.unvouched_ends == (2,)
    assert verify(Chain().elsewhere(3)).verifier.unvouched_ends == (2,)
