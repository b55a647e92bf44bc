"""A preview is exactly what the append then puts in, and writes nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.errors import RecordError
from audit_core.preview import preview_append, stored_fence
from tests import tables
from tests.builders import record, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.store import AuditStore


@pytest.mark.parametrize("standing", [0, 1, 3])
def test_it_is_the_item_and_the_fence_that_are_written(store: AuditStore, standing: int) -> None:
    for before in records(standing, start=100):
        store.append(before)
    previewed = preview_append(store, record())

    appended = store.append(record()).record

    assert previewed.record == appended
    assert previewed.item == tables.everything(store)[appended.id]
    assert previewed.fence == stored_fence(store, appended) == tables.fence(store, standing)
    assert previewed.fence is not None
    assert previewed.chain_hash == tables.sha256_of(dict(previewed.fence), "chain_hash")
    assert previewed.record.content_hash == tables.sha256_of(dict(previewed.item), "content_hash")
    assert previewed.record.record_hash == tables.record_hash_of(dict(previewed.item))


def test_it_writes_nothing(store: AuditStore) -> None:
    preview_append(store, record())

    assert not tables.everything(store)


def test_without_chaining_it_stands_alone(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(COMPLIANCE__HASH_CHAIN="false")

    previewed = preview_append(store, record())

    assert (previewed.fence, previewed.chain_hash, previewed.record.sequence_number) == (None, None, None)
    appended = store.append(record()).record
    assert stored_fence(store, appended) is None
    assert previewed.item == appended.to_item()


def test_a_payload_that_is_not_stored_is_not_previewed(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__STORE_PAYLOAD="false")

    assert "action_payload" not in preview_append(store, record()).item


def test_what_is_redacted_shows_in_no_preview(open_store: Callable[..., AuditStore]) -> None:
    store = open_store(AUDIT__REDACT__ENABLED="true", AUDIT__REDACT__FIELDS="password")
    secret = record(action_payload='{"password":"hunter2"}')

    previewed = preview_append(store, secret)

    assert "hunter2" not in str(previewed)
    assert previewed.record == store.append(secret).record


@pytest.mark.parametrize(
    "wrong", [{"caller_id": "a\u200bb"}, {"metadata": "{ }"}, {"provider": "x" * 410_000}], ids=[0, 1, 2]
)
def test_what_cannot_be_written_is_refused(store: AuditStore, wrong: dict[str, str]) -> None:
    with pytest.raises(RecordError):
        preview_append(store, record(**wrong))
