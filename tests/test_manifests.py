"""The manifest beside a file: it belongs to that file and no other, and its sums say when they do not add up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core.errors import ImportFileError
from audit_core.manifests import Counted, Manifest, Positions, check_beside, manifest_name
from tests.builders import DISPATCHED

if TYPE_CHECKING:
    from pathlib import Path

POSITIONS = Positions(first=2, last=9, past_the_end=0, present=4, expired=2, unproven=1, missing=1)


def written(folder: Path, content: bytes = b"one\ntwo\n") -> Path:
    target = folder / "x.jsonl"
    with target.open("wb") as file:
        counted = Counted(file)
        counted.write(content)
    manifest = Manifest(
        kind="chain",
        format="jsonl",
        file=target.name,
        table="t",
        engine="an engine",
        filter={"namespace": "n", "tenant": "ten\u202eant"},
        order="sequence",
        since=None,
        until=None,
        first_dispatched=None,
        last_dispatched=None,
        records=2,
        size=counted.size,
        sha256=counted.sha256,
        began_at=DISPATCHED,
        ended_at=DISPATCHED,
        positions=POSITIONS,
    )
    (folder / manifest_name(target.name)).write_bytes(manifest.content())
    return target


def test_a_file_fits_the_manifest_that_was_written_with_it(tmp_path: Path) -> None:
    claim = check_beside(written(tmp_path))
    assert claim is not None
    assert (claim.kind, claim.records, claim.complete) == ("chain", 2, True)


def test_a_file_without_a_manifest_claims_nothing(tmp_path: Path) -> None:
    target = written(tmp_path)
    (tmp_path / manifest_name(target.name)).unlink()
    assert check_beside(target) is None


@pytest.mark.parametrize("content", [b"one\ntwo\nthree\n", b"one\ntwO\n", b""])
def test_a_file_that_was_changed_does_not_fit(tmp_path: Path, content: bytes) -> None:
    target = written(tmp_path)
    target.write_bytes(content)
    with pytest.raises(ImportFileError, match=r"is not the file that .*x\.jsonl\.manifest\.json was written for"):
        check_beside(target)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"audit_manifest": 2}', b'{"audit_manifest": 1, "kind": "chain"}']
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    target = written(tmp_path)
    (tmp_path / manifest_name(target.name)).write_bytes(content)
    with pytest.raises(ImportFileError, match="is no manifest of version 1, or it is damaged"):
        check_beside(target)


def test_a_manifest_is_plain_ascii_whatever_it_names(tmp_path: Path) -> None:
    target = written(tmp_path)
    content = (tmp_path / manifest_name(target.name)).read_bytes()
    assert content.isascii()
    assert json.loads(content)["filter"]["tenant"] == "ten\u202eant"


def test_positions_add_up_or_say_that_they_do_not() -> None:
    assert POSITIONS.reconcile
    assert str(POSITIONS) == "8 positions asked for = 4 present + 2 expired + 1 unproven + 1 missing"
    short = replace(POSITIONS, present=3)
    assert not short.reconcile
    assert "8 positions asked for ≠ 3 present" in str(short)


def test_no_position_is_asked_for_where_there_is_none() -> None:
    nowhere = Positions(first=None, last=None, past_the_end=3, present=0, expired=0, unproven=0, missing=0)
    assert (nowhere.asked_for, nowhere.reconcile) == (0, True)
