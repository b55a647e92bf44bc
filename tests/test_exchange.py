"""Exports on both engines: what is carried away verifies without a table (FORMAT 9 on a file)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.chain.findings import Verdict
from audit_core.errors import ImportFileError
from audit_core.exchange import ExportHeader, verify_file
from audit_core.retention import Lifetimes
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import put

if TYPE_CHECKING:
    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore


@pytest.fixture
def store(lasting_store: AuditStore) -> AuditStore:
    return lasting_store


DISTANT = {"N": "1000000000000000000000000000000"}


def exported(store: AuditStore, **options: Any) -> tuple[bytes, ChainReport]:
    target = io.BytesIO()
    with store.export(*NAMES, **options) as export:
        for _step in export:
            pass
        export.write(target)
        return target.getvalue(), export.report


def offline(data: bytes) -> ChainReport:
    return verify_file(io.BytesIO(data), "chain.jsonl", Lifetimes(LIFETIME))[1]


CHAINS = {
    "ours": Chain().ours(7),
    "long": Chain().ours(120).edit(110, caller_id={"S": "x"}),
    "mixed": Chain().elsewhere(3).ours(2).elsewhere(2).seal(0, 2),
    "gone": Chain().ours(7, lifetime=60).remove(0, 1, 4),
    "tail": Chain().ours(7, lifetime=LIFETIME).remove(5, 6),
    "holes": Chain().ours(9).remove(2, fence=True).remove(5, record=False, fence=True).edit(7, caller_id={"S": "x"}),
    "bare": Chain().elsewhere(7, lifetime=60).remove(0, 1, 3),
    "hidden": Chain().ours(7).edit(2, ns_tenant=None).edit(4, sequence_number=None),
    "intent": Chain().ours(2).ours(1, outcome="pending", action_id="a").ours(2),
    "answered before": Chain().ours(1, action_id="a").ours(2, outcome="pending", action_id="a").ours(1),
    "binary": Chain().ours(2, extra={"note": {"B": b"\x00\xff"}}).ours(2),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_file_is_judged_as_its_table_is(store: AuditStore, name: str) -> None:
    put(store, *CHAINS[name].items())
    data, meanwhile = exported(store)
    live, file = store.verify(*NAMES, thorough=True), offline(data)
    assert file.findings == live.findings == meanwhile.findings
    assert (file.verdict, file.coverage) == (live.verdict, live.coverage)
    assert file.records_checked == live.records_checked


def test_intruders_are_carried_away_too(store: AuditStore) -> None:
    chain = Chain().ours(4)
    put(
        store,
        *chain.items(),
        {**chain.record(2), "id": {"S": "half"}, "sequence_number": {"N": "1.5"}},
        {**chain.record(2), "id": {"S": "twin"}},
        {**chain.record(2), "id": {"S": "far"}, "sequence_number": DISTANT},
    )
    data, _meanwhile = exported(store)
    assert offline(data).findings == store.verify(*NAMES, thorough=True).findings


@pytest.mark.parametrize("bounds", [(3, 6), (4, None), (None, 2)])
def test_a_range_verifies_by_what_it_links_to(store: AuditStore, bounds: tuple[int | None, int | None]) -> None:
    put(store, *Chain().elsewhere(2).ours(4, lifetime=60).ours(4).remove(4).items())
    data, _meanwhile = exported(store, first=bounds[0], last=bounds[1])
    live = store.verify(*NAMES, first=bounds[0], last=bounds[1], thorough=True)
    file = offline(data)
    assert (file.findings, file.coverage, file.verdict) == (live.findings, live.coverage, live.verdict)


def test_the_first_line_says_what_the_file_is(store: AuditStore) -> None:
    put(store, *Chain().ours(5, lifetime=60).remove(1).items())
    data, _meanwhile = exported(store)
    header = ExportHeader.read(data.splitlines()[0], "chain.jsonl")
    assert (header.table, header.namespace, header.tenant) == (store.table.name, *NAMES)
    assert (header.records, header.fences, header.upper_bound) == (4, 5, 4)
    assert len(data.splitlines()) == 1 + 4 + 5
    assert not header.demo


def test_a_first_line_from_before_demo_data_was_named_is_read(store: AuditStore) -> None:
    put(store, *Chain().ours(5).items())
    data, _meanwhile = exported(store)
    older = data.replace(b', "demo": false', b"", 1)
    assert older != data
    assert offline(older).verdict is Verdict.INTACT


@pytest.mark.parametrize("damage", ["last line", "a middle line", "a line twice"])
def test_a_file_that_was_cut_is_refused(store: AuditStore, damage: str) -> None:
    put(store, *Chain().ours(5).items())
    lines = exported(store)[0].splitlines(keepends=True)
    cut = {"last line": lines[:-1], "a middle line": lines[:4] + lines[5:], "a line twice": [*lines, lines[-1]]}[damage]
    with pytest.raises(ImportFileError, match="cut or changed"):
        offline(b"".join(cut))


def test_an_edit_in_the_file_is_found(store: AuditStore) -> None:
    put(store, *Chain().ours(5).items())
    data = exported(store)[0].replace(b"act-3", b"act-x", 1)
    assert offline(data).verdict is Verdict.BROKEN


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"not json\n", b'{"audit_export":2}\n', b'{"audit_export":1,"table":"t"}\n', b"[1]\n"]
)
def test_what_is_no_export_is_refused(data: bytes) -> None:
    with pytest.raises(ImportFileError):
        offline(data)


def test_nothing_to_export_is_said(store: AuditStore) -> None:
    with pytest.raises(ImportFileError, match="nothing to export"):
        exported(store)
