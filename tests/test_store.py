"""Writing through the store, on both engines: what stands in the table afterwards, and what is refused."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.chain.findings import Verdict
from audit_core.client import build_client
from audit_core.errors import AuditError, ConflictError, EngineUnreachableError, RecordError, WriteRefusedError
from audit_core.items import item_size
from audit_core.linking import link_record
from audit_core.retention import Expiry
from audit_core.settings import AuditSettings, ComplianceSettings, Settings
from audit_core.store import AuditStore
from audit_core.tip import EMPTY
from tests import tables
from tests.builders import item, record, records
from tests.engines import Feature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit_core.records import AuditRecord

    OpenStore = Callable[..., AuditStore]

NAMES = ("notifications", "acme")
DIRECTORY_ID = "acteon_TENANT#notifications#acme"


def record_items(store: AuditStore) -> list[tables.Item]:
    """The records of the table in the order of their sequence numbers."""
    found = [stored for stored in tables.everything(store).values() if "_fence" not in stored]
    return sorted(found, key=lambda stored: int(stored.get("sequence_number", {"N": "-1"})["N"]))


def sized(kilobytes: int) -> AuditRecord:
    """A record whose item, as the first of its chain, takes so many KB, names counted."""
    empty = item_size(link_record(EMPTY, record(action_payload='""')).to_item())
    return record(action_payload=f'"{"x" * (kilobytes * 1024 - empty)}"')


class TestAppending:
    @pytest.mark.parametrize("count", [1, 49, 50])
    def test_a_batch_stands_in_order_from_zero(self, store: AuditStore, count: int) -> None:
        appended = store.append_many(records(count))

        assert [entry.record.sequence_number for entry in appended] == list(range(count))
        assert [entry.record.id for entry in appended] == [entry.id for entry in records(count)]

    def test_a_second_batch_of_fifty_goes_in_by_one_request(self, store: AuditStore) -> None:
        store.append(record(id="first"))
        requests = tables.asked(store)

        store.append_many(records(50))

        assert requests == {"TransactWriteItems": 1}

    def test_the_first_batch_carries_the_directory_entry(self, store: AuditStore) -> None:
        requests = tables.asked(store)

        store.append_many(records(49))

        assert requests["TransactWriteItems"] == 1
        entry = tables.everything(store)[DIRECTORY_ID]
        seen = entry.pop("dispatched_at_ms")
        assert abs(int(seen["N"]) - store.table.clock.now().epoch_ms) < 60_000
        assert entry == {
            "id": {"S": DIRECTORY_ID},
            "_fence": {"BOOL": True},
            "action_id": {"S": "acteon_TENANTS"},
            "namespace": {"S": "notifications"},
            "tenant": {"S": "acme"},
        }

    def test_each_record_carries_hashes_and_links_as_the_format_defines_them(self, store: AuditStore) -> None:
        store.append_many(records(3))

        previous: tables.Item | None = None
        for position, stored in enumerate(record_items(store)):
            plain = records(3)[position].to_item()
            chain = {"sequence_number": {"N": str(position)}, "record_hash": {"S": tables.record_hash_of(stored)}}
            if previous is not None:
                chain["previous_hash"] = previous["record_hash"]
                chain["previous_chain_hash"] = tables.fence(store, position - 1)["chain_hash"]
            expected = {**plain, **chain}
            expected["content_hash"] = {"S": tables.sha256_of(expected, "content_hash")}
            assert stored == expected
            previous = stored

    def test_each_fence_is_the_full_one_of_its_record(self, store: AuditStore) -> None:
        expires = store.table.clock.now().plus_seconds(3600)
        store.append_many(records(2, expires_at=expires))

        for position, stored in enumerate(record_items(store)):
            copies = ("record_hash", "previous_hash", "content_hash", "previous_chain_hash")
            expected = {
                "id": {"S": f"SEQ#notifications#acme#{position}"},
                "_fence": {"BOOL": True},
                "record_id": stored["id"],
                "record_expires_at": {"N": str(expires.epoch_seconds)},
                **{name: stored[name] for name in copies if name in stored},
            }
            expected["chain_hash"] = {"S": tables.sha256_of(expected, "chain_hash")}
            assert tables.fence(store, position) == expected

    def test_a_record_is_read_back_as_it_was_appended(self, store: AuditStore) -> None:
        full = record(
            chain_id="c", matched_rule="r", signature="s", signer_id="i", kid="k", canonical_hash="h",
            attachment_metadata="[]", metadata='{"a":1.0}', expires_at=store.table.clock.now().plus_seconds(3600),
            extra={"trace": {"S": "t"}, "n": {"N": "1.5"}, "deep": {"M": {"l": {"L": [{"BOOL": True}, {"B": b"x"}]}}}},
        )  # fmt: skip

        appended = store.append(full)

        row = store.get(full.id)
        assert row is not None
        assert row.stored.record == appended.record
        assert row.stored.problems == ()

    def test_a_batch_past_four_megabytes_takes_several_transactions(self, store: AuditStore) -> None:
        requests = tables.asked(store)

        store.append_many(records(14, action_payload=f'"{"x" * 350_000}"'))

        assert requests["TransactWriteItems"] == 2
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT

    def test_chains_of_composed_and_decomposed_names_are_distinct(self, store: AuditStore) -> None:
        tenants = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]

        numbers = [
            store.append(record(id=f"r{n}", tenant=name)).record.sequence_number for n, name in enumerate(tenants)
        ]

        assert numbers == [0, 0]

    def test_chains_never_mix_whatever_number_signs_their_tenants_hold(self, store: AuditStore) -> None:
        tenants = ("a", "a#1", "a#", "#a", "a#1#1")
        for number, tenant in enumerate(tenants):
            store.append_many(records(2, start=2 * number, tenant=tenant))

        for tenant in tenants:
            report = store.verify("notifications", tenant, thorough=True)
            assert (report.verdict, report.records_checked) == (Verdict.INTACT, 2)

    def test_a_record_read_from_another_chain_place_is_linked_anew(self, store: AuditStore) -> None:
        placed = link_record(link_tip := replace(EMPTY, sequence_number=41, record_hash="a" * 64), record())
        assert placed.sequence_number == link_tip.sequence_number + 1

        appended = store.append(placed)

        assert appended.record == link_record(EMPTY, record())


class TestAppendingAgain:
    def test_the_same_content_keeps_its_first_sequence_number(self, open_store: OpenStore) -> None:
        open_store().append_many(records(5))

        again = open_store().append_many(records(3, start=1))

        assert [(entry.record.sequence_number, entry.duplicate) for entry in again] == [(1, True), (2, True), (3, True)]

    def test_nothing_changes_in_the_table(self, open_store: OpenStore) -> None:
        store = open_store()
        store.append_many(records(3))
        before = tables.everything(store)

        open_store().append_many(records(3))

        assert tables.everything(store) == before

    def test_another_expiry_is_the_same_content(self, store: AuditStore) -> None:
        store.append(record())

        again = store.append(record(expires_at=store.table.clock.now().plus_seconds(60)))

        assert (again.duplicate, again.record.expires_at) == (True, None)

    def test_members_of_a_set_have_no_order(self, store: AuditStore) -> None:
        store.append(record(extra={"tags": {"SS": ["b", "a", "c"]}}))

        assert store.append(record(extra={"tags": {"SS": ["c", "b", "a"]}})).duplicate

    def test_new_records_of_a_batch_go_in_behind_those_that_stand(self, store: AuditStore) -> None:
        store.append_many(records(3))

        appended = store.append_many(records(5))

        assert [(entry.record.sequence_number, entry.duplicate) for entry in appended] == [
            (0, True), (1, True), (2, True), (3, False), (4, False),
        ]  # fmt: skip

    def test_a_known_duplicate_costs_no_search_for_the_tip(self, open_store: OpenStore) -> None:
        open_store().append_many(records(2))
        store = open_store()
        store.append(records(1)[0])
        requests = tables.asked(store)

        store.append(records(1)[0])

        assert requests["Query"] == 0


class TestConflicts:
    @pytest.mark.parametrize(
        "change",
        [{"outcome": "failed"}, {"action_payload": None}, {"extra": {"x": {"S": "y"}}}, {"duration_ms": 43}],
        ids=lambda change: next(iter(change)),
    )
    def test_other_content_under_a_taken_id(self, store: AuditStore, change: dict[str, Any]) -> None:
        store.append(record())
        before = tables.everything(store)

        with pytest.raises(ConflictError) as caught:
            store.append(record(**change))

        assert caught.value.ids == (record().id,)
        assert tables.everything(store) == before

    def test_the_others_of_a_batch_go_in(self, store: AuditStore) -> None:
        store.append(records(3)[1])

        with pytest.raises(ConflictError) as caught:
            store.append_many([records(3)[0], replace(records(3)[1], verdict="deny"), records(3)[2]])

        assert caught.value.ids == (records(3)[1].id,)
        assert [(entry.record.id, entry.record.sequence_number) for entry in caught.value.appended] == [
            (records(3)[0].id, 1),
            (records(3)[2].id, 2),
        ]
        assert store.verify(*NAMES, thorough=True).verdict is Verdict.INTACT

    def test_the_id_of_an_unchained_record(self, store: AuditStore) -> None:
        tables.put(store, item())

        with pytest.raises(ConflictError, match="taken by other content"):
            store.append(record())

    @pytest.mark.parametrize("place", ["1", "0.5", "-1", "1000000"])
    def test_the_same_content_at_a_place_that_no_fence_gives_it(self, store: AuditStore, place: str) -> None:
        store.append(record(id="other"))
        tables.put(store, item(sequence_number={"N": place}))

        with pytest.raises(ConflictError):
            store.append(record())

    def test_the_same_content_behind_a_fence_that_names_another(self, store: AuditStore) -> None:
        store.append(record(id="other"))
        tables.put(store, item(sequence_number={"N": "0"}))

        with pytest.raises(ConflictError):
            store.append(record())

    def test_the_same_id_in_another_chain(self, store: AuditStore) -> None:
        store.append(record())

        with pytest.raises(ConflictError):
            store.append(record(tenant="globex"))

    def test_an_id_twice_in_a_batch_is_refused_before_anything_is_sent(self, store: AuditStore) -> None:
        requests = tables.asked(store)

        with pytest.raises(RecordError, match="one id twice"):
            store.append_many([record(), record()])

        assert not requests


def _expiring(seconds: float) -> Callable[[AuditStore], list[AuditRecord]]:
    return lambda store: [record(expires_at=store.table.clock.now().plus_seconds(seconds))]


@pytest.fixture(scope="module")
def unreachable() -> Iterator[dict[str, AuditStore]]:
    """Stores by compliance mode that no engine stands behind: whatever they sent would fail in another way."""
    nowhere = Settings(audit=AuditSettings(url="http://127.0.0.1:9"))
    client = build_client(nowhere)
    modes = {mode: replace(nowhere, compliance=ComplianceSettings.for_mode(mode)) for mode in ("soc2", "none")}
    yield {mode: AuditStore(settings, client) for mode, settings in modes.items()}
    client.close()


class TestRefusedBeforeAnythingIsSent:
    def test_what_is_not_refused_is_sent(self, unreachable: dict[str, AuditStore]) -> None:
        with pytest.raises(EngineUnreachableError):
            unreachable["soc2"].append(record())

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            (_expiring(-1), "expiry is past"),
            (_expiring(0.9), "less than 2 seconds"),
            (lambda _: [record(tenant="ac\u200bme")], "tenant holds U\\+200B"),
            (lambda _: [record(namespace="a\u202eb")], "namespace holds U\\+202E"),
            (lambda _: [record(provider="a\x00b")], "provider holds U\\+0000"),
            (lambda _: [record(action_type="a\nb")], "action_type holds U\\+000A"),
            (lambda _: [record(caller_id="a\u2066b")], "caller_id holds U\\+2066"),
            (lambda _: [record(id="acteon_x")], "must not start with 'acteon_'"),
            (lambda _: [record(id="r1"), sized(401)], "at most 409,600"),
            (lambda _: [record(metadata="{ }")], "white space"),
            (lambda _: [record(metadata="{")], "should be JSON"),
            (lambda _: [], "1 to 50 records, not 0"),
            (lambda _: list(records(51)), "1 to 50 records, not 51"),
            (lambda _: [record(id="a"), record(id="b", tenant="globex")], "one namespace and tenant"),
        ],
    )
    @pytest.mark.parametrize("mode", ["soc2", "none"])
    def test_bad_input(
        self,
        unreachable: dict[str, AuditStore],
        mode: str,
        bad: Callable[[AuditStore], list[AuditRecord]],
        words: str,
    ) -> None:
        with pytest.raises(RecordError, match=words):
            unreachable[mode].append_many(bad(unreachable[mode]))

    @pytest.mark.parametrize("field", ["id", "namespace", "tenant", "action_id"])
    def test_an_empty_name_is_no_record_at_all(self, field: str) -> None:
        with pytest.raises(RecordError, match=field):
            record(**{field: ""})

    def test_an_id_that_starts_like_a_fence_is_no_record_at_all(self) -> None:
        with pytest.raises(RecordError, match="SEQ#"):
            record(id="SEQ#a#b#0")

    def test_a_record_that_only_its_links_make_too_large(self, store: AuditStore) -> None:
        largest = sized(400)
        store.append(record(id="first"))
        before = tables.everything(store)

        with pytest.raises(RecordError, match="at most 409,600"):
            store.append(largest)

        assert tables.everything(store) == before


@pytest.mark.needs(Feature.LARGE_ITEMS)
@pytest.mark.parametrize("kilobytes", [399, 400])
def test_the_largest_items_are_stored(store: AuditStore, kilobytes: int) -> None:
    store.append(sized(kilobytes))

    assert item_size(record_items(store)[0]) == kilobytes * 1024


class TestSettings:
    def test_payloads_are_left_out_where_the_settings_say_so(self, open_store: OpenStore) -> None:
        store = open_store(AUDIT__STORE_PAYLOAD="false")

        store.append(record())

        assert "action_payload" not in record_items(store)[0]

    def test_a_payload_left_out_is_not_a_conflict_when_it_comes_again(self, open_store: OpenStore) -> None:
        store = open_store(AUDIT__STORE_PAYLOAD="false")
        store.append(record())

        assert store.append(record()).duplicate

    def test_nothing_is_written_where_auditing_is_off(self, open_store: OpenStore) -> None:
        store = open_store(AUDIT__ENABLED="false")
        requests = tables.asked(store)

        with pytest.raises(WriteRefusedError, match="switched off"):
            store.append(record())

        assert not requests

    def test_a_draft_lives_as_long_as_configured(self, open_store: OpenStore) -> None:
        store = open_store(AUDIT__TTL_SECONDS="60")

        stored = store.append(draft(store)).record.to_item()

        dispatched = int(stored["dispatched_at_ms"]["N"]) // 1000
        assert int(stored["expires_at_ttl"]["N"]) == dispatched + 60

    def test_a_draft_never_expires_where_the_lifetime_is_zero(self, open_store: OpenStore) -> None:
        store = open_store(AUDIT__TTL_SECONDS="0")

        assert store.append(draft(store)).record.expires_at is None

    def test_a_given_expiry_goes_before_the_configured_lifetime(self, store: AuditStore) -> None:
        assert draft(store, expires_at=None).expires_at is None

    @pytest.mark.parametrize(("mode", "chained"), [("none", False), ("soc2", True), ("hipaa", True)])
    def test_the_mode_decides_whether_records_are_chained(
        self, open_store: OpenStore, mode: str, chained: bool
    ) -> None:
        store = open_store(COMPLIANCE__MODE=mode)

        store.append(record())

        assert ("sequence_number" in record_items(store)[0]) is chained

    def test_there_is_nothing_to_clean(self, store: AuditStore) -> None:
        tables.put(store, item(expires_at_ttl={"N": "1700000000"}, expires_at={"S": "2023-11-14T22:13:20Z"}))

        assert store.cleanup_expired() == 0
        row = store.get(record().id)
        assert row is not None
        assert row.expiry is Expiry.EXPIRED


class TestWithoutChain:
    @pytest.fixture
    def store(self, open_store: OpenStore) -> AuditStore:
        return open_store(COMPLIANCE__HASH_CHAIN="false")

    def test_a_record_is_its_plain_item(self, store: AuditStore) -> None:
        store.append(record())

        assert record_items(store) == [record().to_item()]

    def test_no_fence_is_written_and_the_tenant_is_listed(self, store: AuditStore) -> None:
        store.append(record())

        assert tables.everything(store).keys() == {record().id, DIRECTORY_ID}

    def test_the_same_content_again_is_a_duplicate(self, store: AuditStore) -> None:
        first, again = store.append(record()), store.append(record())

        assert (first.duplicate, again.duplicate) == (False, True)

    def test_other_content_is_a_conflict_and_the_others_go_in(self, store: AuditStore) -> None:
        store.append(records(3)[1])

        with pytest.raises(ConflictError) as caught:
            store.append_many([records(3)[0], replace(records(3)[1], verdict="deny"), records(3)[2]])

        assert caught.value.ids == (records(3)[1].id,)
        assert {entry.record.id for entry in caught.value.appended} == {records(3)[0].id, records(3)[2].id}

    def test_a_record_that_was_chained_elsewhere_leaves_its_place_behind(self, store: AuditStore) -> None:
        store.append(link_record(EMPTY, record()))

        assert record_items(store) == [record().to_item()]

    def test_the_id_of_a_chained_record_is_a_conflict(self, store: AuditStore, open_store: OpenStore) -> None:
        open_store().append(record())

        with pytest.raises(ConflictError):
            store.append(record())


def draft(store: AuditStore, **others: object) -> AuditRecord:
    return store.draft(
        namespace="notifications", tenant="acme", provider="email", action_type="send", verdict="allow",
        outcome="executed", **others,
    )  # fmt: skip


def test_every_error_of_a_conflict_is_one_paragraph_that_names_no_secret(store: AuditStore) -> None:
    store.append(record())

    with pytest.raises(AuditError) as caught:
        store.append(record(action_payload='{"password":"hunter2"}'))

    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
