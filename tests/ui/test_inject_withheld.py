"""What the configuration keeps out of records, as the Inject page tells it before and after they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_core.settings import RedactSettings
from tests import tables
from tests.ui import test_inject as page
from tests.ui.test_inject import click, filled, line, records
from tests.ui.visits import HOSTILE, rendered, visit, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.store import AuditStore

REDACT = RedactSettings(enabled=True, fields=("password", "card.number"))
TYPED = "hunter2"
PAYLOAD = '{"password":"hunter2","card":[{"number":4111},{"number":4222}],"n":1.0}'


@pytest.mark.parametrize("phase", ["", "both", "intent"])
def test_preview_and_result_name_what_is_replaced_and_hold_nothing_of_it(
    open_lab: Callable[..., AuditStore], phase: str
) -> None:
    lab = open_lab(redact=REDACT)
    opened = click(filled(phase, action_payload=PAYLOAD, metadata='{"a":{"Password":"hunter2"}}'), "preview")
    said = words(opened)
    assert "Redacted: 4 values of this record, replaced by [REDACTED]" in said
    assert "Payload: password\nPayload: card.number (2 times)" in said
    assert "Metadata: a.Password" in said
    assert "`[audit.redact]` in `acteon.toml`" in said
    assert TYPED not in said
    opened = click(opened, "append")
    told = words(opened)
    assert told.count("Redacted: 4 values of this record") == len(records(lab)) > 0
    assert TYPED not in told
    stored = records(lab)[0]
    assert stored.text("record_hash") in said
    assert stored.text("content_hash") in said
    assert TYPED not in str(tables.everything(lab))


def test_a_record_in_which_nothing_is_meant_is_told_so(open_lab: Callable[..., AuditStore]) -> None:
    open_lab(redact=REDACT)
    assert "Redacted: nothing" in words(click(filled(), "preview"))


def test_redaction_that_names_no_field_is_told(open_lab: Callable[..., AuditStore]) -> None:
    open_lab(redact=RedactSettings(enabled=True))
    said = words(click(filled(), "preview"))
    assert "Redaction is on and names no field" in said
    assert "Redacted:" not in said


@pytest.mark.usefixtures("lab")
def test_where_everything_is_stored_nothing_is_said() -> None:
    said = words(click(filled(), "preview"))
    assert "edact" not in said
    assert "Left out" not in said


def test_a_payload_that_is_not_stored_is_told(open_lab: Callable[..., AuditStore]) -> None:
    lab = open_lab(store_payload=False)
    opened = click(filled(action_payload=PAYLOAD), "preview")
    said = words(opened)
    assert "Payloads are not stored" in said
    assert "Left out: the payload as a whole" in said
    assert TYPED not in said
    assert "Left out: the payload as a whole" in words(click(opened, "append"))
    assert "action_payload" not in records(lab)[0].item


def test_hostile_names_of_fields_are_never_rendered(open_lab: Callable[..., AuditStore]) -> None:
    open_lab(redact=RedactSettings(enabled=True, fields=(HOSTILE,), placeholder=HOSTILE))
    opened = click(filled(action_payload=f'{{"{HOSTILE}":1}}'), "preview")
    assert f"Payload: {HOSTILE}" in words(opened)
    assert "script" not in rendered(opened)


def test_the_generator_says_what_is_kept_out(open_table: Callable[..., AuditStore]) -> None:
    store = open_table(redact=RedactSettings(enabled=True, fields=("to",)), store_payload=True)
    opened = page.TestGenerator.asked(["one"], Records=5)
    assert "Redaction is on: what stands under to is replaced" in words(opened)
    page.TestGenerator.finished(click(opened, "generate"))
    assert {record.text("action_payload").count("[REDACTED]") for record in records(store, "generated", "one")} == {1}


@pytest.mark.parametrize("kept", [True, False], ids=["redacted", "without payload"])
def test_a_dry_run_counts_what_is_kept_out(open_table: Callable[..., AuditStore], kept: bool) -> None:
    store = open_table(redact=REDACT, store_payload=kept)
    opened = page.TestFiles.uploaded(line(1, action_payload={"password": TYPED}), line(2))
    said = words(opened)
    assert ("1 hold values that redaction replaces" in said) is kept
    assert ("1 lose their payload" in said) is not kept
    page.TestGenerator.finished(click(opened, "import"))
    assert len(records(store, "upload", "acme")) == 2
    assert TYPED not in str(tables.everything(store))


def test_without_anything_kept_out_a_dry_run_says_nothing(own_table: AuditStore) -> None:
    said = words(page.TestFiles.uploaded(line(1, action_payload={"password": TYPED})))
    assert "redaction" not in said
    assert not tables.everything(own_table)
    assert visit("inject", way="files").exception == []
