"""Verifications that were not finished, kept in a folder and found again by whoever asks for the very same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core import keptruns
from audit_core.chain.saved import SavedRun
from audit_core.keptform import TableIdentity
from audit_core.keptruns import KeptRuns
from tests.chains import NAMES
from tests.test_saved import saved_midway

if TYPE_CHECKING:
    from pathlib import Path

TABLE = TableIdentity("local", "http://localhost:8000", "us-east-1", "memory", "2026-01-15T10:00:00+00:00")
WHOLE = (*NAMES, None, None, False)
CONTENT = saved_midway()[0]


@pytest.fixture
def runs(tmp_path: Path) -> KeptRuns:
    return KeptRuns(tmp_path / "state", TABLE)


def the_file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "state" / "runs" / TABLE.digest).iterdir()
    return path


def test_another_process_finds_what_was_kept(runs: KeptRuns, tmp_path: Path) -> None:
    runs.keep(WHOLE, CONTENT)
    assert KeptRuns(tmp_path / "state", TABLE).last(WHOLE) == SavedRun.from_json(CONTENT)
    assert the_file(tmp_path).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "asked",
    [("n", "other", None, None, False), (*NAMES, 3, None, False), (*NAMES, None, 9, False), (*NAMES, None, None, True)],
)
def test_nothing_is_known_of_another_question(runs: KeptRuns, asked: keptruns.Asked, tmp_path: Path) -> None:
    runs.keep(WHOLE, CONTENT)
    assert runs.last(asked) is None
    the_file(tmp_path).rename(the_file(tmp_path).with_name(keptruns._file_name(asked)))  # noqa: SLF001 - as somebody may
    assert runs.last(asked) is None


def test_nothing_is_known_of_another_table(runs: KeptRuns, tmp_path: Path) -> None:
    runs.keep(WHOLE, CONTENT)
    assert KeptRuns(tmp_path / "state", replace(TABLE, made="2026-02-01T00:00:00+00:00")).last(WHOLE) is None


def test_what_is_dropped_is_gone(runs: KeptRuns) -> None:
    runs.keep(WHOLE, CONTENT)
    runs.drop(WHOLE)
    runs.drop(WHOLE)
    assert runs.last(WHOLE) is None


@pytest.mark.parametrize("content", [b"", b"{}", CONTENT[:-20], b"\xff" * 9])
def test_a_damaged_file_is_not_believed(runs: KeptRuns, tmp_path: Path, content: bytes) -> None:
    runs.keep(WHOLE, CONTENT)
    the_file(tmp_path).write_bytes(content)
    assert runs.last(WHOLE) is None


def test_those_written_longest_ago_go_first(runs: KeptRuns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(keptruns, "MOST_RUNS", 2)
    runs.keep((*NAMES, 1, None, False), CONTENT)
    runs.keep((*NAMES, 2, None, False), CONTENT)
    runs.keep(WHOLE, CONTENT)
    assert len(list((tmp_path / "state" / "runs" / TABLE.digest).iterdir())) == 2
    assert runs.last(WHOLE) is not None


def test_without_a_folder_that_can_be_used_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (None, tmp_path / "file"):
        runs = KeptRuns(folder, TABLE)
        runs.keep(WHOLE, CONTENT)
        runs.drop(WHOLE)
        assert runs.last(WHOLE) is None
