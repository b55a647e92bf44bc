"""Files that pages hand out: made in slices, zipped with their manifest, and never less than they say."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from streamlit.testing.v1 import AppTest

from audit_core import RecordFilter, extracts
from audit_core.errors import EngineUnreachableError
from audit_core.extracts import Form
from audit_ui import extraction
from audit_ui.extraction import Extraction, chain_file, records_file
from audit_ui.verification import Request
from tests.chains import NAMES, Chain
from tests.tables import put
from tests.ui.visits import go, visit, words

if TYPE_CHECKING:
    from audit_core import AuditStore
    from audit_ui.extraction import Made

ALL = RecordFilter(namespace=NAMES[0], tenant=NAMES[1])
WHOLE = Request(*NAMES)


@pytest.fixture
def filled(own_table: AuditStore, monkeypatch: pytest.MonkeyPatch) -> AuditStore:
    """Nine records, one of them gone and two expired, read four at a time."""
    monkeypatch.setattr(extracts, "PAGE_ROWS", 4)
    put(own_table, *Chain().ours(5, lifetime=60).ours(5).remove(1, 2, 7).items())
    return own_table


def ended(under_way: Extraction) -> Extraction:
    while under_way.running:
        under_way.advance(0)
    return under_way


def made(under_way: Extraction) -> Made:
    done = ended(under_way).made
    assert done is not None
    return done


def unzipped(done: Made) -> tuple[bytes, dict[str, Any]]:
    with ZipFile(io.BytesIO(done.content())) as archive:
        assert archive.testzip() is None
        name, beside = archive.namelist()
        assert beside == f"{name}.manifest.json"
        return archive.read(name), json.loads(archive.read(beside))


def ended_on_page(opened: AppTest) -> AppTest:
    for _slice in range(60):
        if not any(button.key and button.key.endswith("_stop") for button in opened.button):
            return opened
        opened.run()
    return opened


@pytest.mark.parametrize("form", list(Form))
def test_a_zip_holds_the_file_and_its_manifest(filled: AuditStore, form: Form) -> None:
    done = made(Extraction("key", records_file(filled, ALL, "newest", form)))
    content, manifest = unzipped(done)
    assert (manifest["records"], manifest["format"], manifest["complete"]) == (7, form.value, True)
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert done.name == f"{manifest['file']}.zip"
    assert done.size == len(done.content())


def test_a_file_is_made_step_by_step(filled: AuditStore) -> None:
    under_way = Extraction("key", records_file(filled, ALL, "newest", Form.CSV))
    under_way.advance(0)
    assert (under_way.running, under_way.sofar.records) == (True, 4)
    assert made(under_way).manifest.records == 7


def test_records_that_were_stopped_are_a_file_that_says_so(filled: AuditStore) -> None:
    under_way = Extraction("key", records_file(filled, ALL, "newest", Form.JSON_LINES))
    under_way.advance(0)
    under_way.stop()
    content, manifest = unzipped(made(under_way))
    assert (manifest["complete"], manifest["reason"]) == (False, "it was stopped")
    assert len(content.splitlines()) == manifest["records"] == 4


def test_a_chain_accounts_for_its_positions(filled: AuditStore) -> None:
    content, manifest = unzipped(made(Extraction("key", chain_file(filled, Request(*NAMES, 1, 8)))))
    positions = manifest["positions"]
    assert (positions["asked_for"], positions["present"], positions["expired"], positions["missing"]) == (8, 5, 2, 1)
    assert manifest["filter"] == {"namespace": NAMES[0], "tenant": NAMES[1], "from": 1, "to": 8}
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_chain_that_was_stopped_is_no_file(filled: AuditStore) -> None:
    under_way = Extraction("key", chain_file(filled, WHOLE))
    under_way.advance(0)
    under_way.stop()
    assert "whole or not at all" in str(ended(under_way).failure)


@pytest.mark.parametrize("begin", ["records", "chain"])
def test_what_is_too_large_for_a_browser_is_left_to_the_command_line(
    filled: AuditStore, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    monkeypatch.setattr(extraction, "MOST_BYTES", 10)
    steps = chain_file(filled, WHOLE) if begin == "chain" else records_file(filled, ALL, "newest", Form.CSV)
    assert "command line" in str(ended(Extraction("key", steps)).failure)


def test_an_engine_that_is_gone_is_told(filled: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def query(*_: object, **__: object) -> None:
        raise EngineUnreachableError("Nobody answers.")

    monkeypatch.setattr(type(filled.table), "query", query)
    failure = ended(Extraction("key", records_file(filled, ALL, "newest", Form.CSV))).failure
    assert str(failure) == "Nobody answers."


def test_a_name_from_a_record_never_names_a_path(own_table: AuditStore) -> None:
    wanted = RecordFilter(namespace="../../etc", tenant="a/b\\c\u202e d")
    done = made(Extraction("key", records_file(own_table, wanted, "newest", Form.CSV)))
    assert done.manifest.file.startswith("records-.._.._etc-a_b_c_d-")


class TestPages:
    def test_the_records_page_hands_out_all_that_match(self, filled: AuditStore) -> None:
        assert filled.settings.demo is False
        opened = visit("records", namespace=NAMES[0], tenant=NAMES[1])
        assert not opened.get("download_button")
        opened = ended_on_page(opened.button(key="make_records").click().run())
        said = words(opened)
        assert "7 records" in said
        assert "SHA-256 of the file" in said
        assert len(opened.get("download_button")) == 1

    def test_another_filter_is_another_file(self, filled: AuditStore) -> None:
        assert filled.settings.demo is False
        opened = visit("records", namespace=NAMES[0], tenant=NAMES[1])
        opened = ended_on_page(opened.button(key="make_records").click().run())
        opened = go(opened, "records", namespace=NAMES[0], tenant=NAMES[1], outcome="executed")
        assert not opened.get("download_button")

    def test_nothing_is_offered_where_nothing_matches(self, filled: AuditStore) -> None:
        assert filled.settings.demo is False
        opened = visit("records", namespace=NAMES[0], tenant=NAMES[1], outcome="nothing")
        assert not [button for button in opened.button if button.key == "make_records"]

    def test_a_chain_can_be_taken_away(self, filled: AuditStore) -> None:
        def page() -> None:
            from audit_ui import context, extract_parts  # noqa: PLC0415 - AppTest runs the body alone
            from audit_ui.verification import Request  # noqa: PLC0415

            extract_parts.offer_chain_export(context.open_context(), Request("notifications", "acme"))

        assert filled.settings.demo is False
        opened = AppTest.from_function(page, default_timeout=60).run()
        opened = ended_on_page(opened.button(key="make_chain").click().run())
        said = words(opened)
        assert "10 positions asked for = 7 present + 2 expired + 0 unproven + 1 missing" in said
        assert "7 records and 10 fences" in said
        assert "Broken" in said
        assert len(opened.get("download_button")) == 1
