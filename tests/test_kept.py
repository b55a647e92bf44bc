"""Kept verifications: what another process reads of them, and what is not believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit_core import kept
from audit_core.chain.findings import Coverage, FindingKind, Severity, Verdict
from audit_core.kept import KeptVerification, KeptVerifications, TableIdentity, state_folder
from audit_core.keptform import FindingCount
from audit_core.schema import ensure_table
from tests import tables
from tests.builders import DISPATCHED
from tests.reports import finding, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core import ChainReport
    from audit_core.store import AuditStore

TABLE = TableIdentity("local", "http://127.0.0.1:8000", "us-east-1", "acteon_audit", "made on a day")
ROOT = Path(__file__).parents[1]


def of_chain(tenant: str, length: int = 3, **changes: Any) -> ChainReport:
    return replace(report(length), tenant=tenant, **changes)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


@pytest.fixture
def here(tmp_path: Path) -> KeptVerifications:
    return KeptVerifications(tmp_path, TABLE)


@pytest.fixture
def anew(tmp_path: Path) -> Callable[[], KeptVerifications]:
    """What another process, or another start, knows."""
    return lambda: KeptVerifications(tmp_path, TABLE)


class TestAnotherStart:
    def test_knows_the_verdict_with_all_that_is_kept_of_it(
        self, here: KeptVerifications, anew: Callable[[], KeptVerifications]
    ) -> None:
        broken = report(
            9,
            finding(FindingKind.MISSING_RECORD, 3),
            finding(FindingKind.MISSING_RECORD, 5),
            finding(FindingKind.EXPIRED, 0),
            coverage=Coverage(full=6, expired=1, missing=2),
            thorough=True,
        )
        here.keep(broken)

        told = anew().last("notifications", "acme")

        assert told == KeptVerification.of(broken)
        assert told is not None
        assert set(told.findings) == {
            FindingCount(FindingKind.MISSING_RECORD, Severity.BREAK, 2),
            FindingCount(FindingKind.EXPIRED, Severity.INFORMATION, 1),
        }
        assert (told.verdict, told.verified_to, told.coverage.missing, told.thorough) == (Verdict.BROKEN, 8, 2, True)

    def test_sees_what_the_other_keeps_meanwhile(
        self, here: KeptVerifications, anew: Callable[[], KeptVerifications]
    ) -> None:
        other = anew()
        assert other.everything() == {}
        here.keep(of_chain("a"))
        assert [name for name, _kept in other.everything().items()] == [("notifications", "a")]
        here.keep(of_chain("a", verdict=Verdict.BROKEN, at=DISPATCHED.plus_seconds(60)))
        assert other.everything()["notifications", "a"].verdict is Verdict.BROKEN

    def test_takes_the_one_that_was_told_last(
        self, here: KeptVerifications, anew: Callable[[], KeptVerifications]
    ) -> None:
        here.keep(of_chain("a", at=DISPATCHED.plus_seconds(60)))
        anew().keep(of_chain("a", at=DISPATCHED.plus_seconds(120), verdict=Verdict.UNPROVEN))

        last = here.last("notifications", "a")

        assert last is not None
        assert last.verdict is Verdict.UNPROVEN

    @pytest.mark.parametrize(
        "tenant", ["../../etc/passwd", "a#b", "CON", "nul\x00", "x" * 1800, "line\nbreak", "\u202eß", "."]
    )
    def test_knows_a_tenant_of_any_name(
        self, here: KeptVerifications, anew: Callable[[], KeptVerifications], tmp_path: Path, tenant: str
    ) -> None:
        here.keep(of_chain(tenant))
        assert anew().last("notifications", tenant) is not None
        assert len(files(tmp_path)) == 1

    def test_knows_nothing_of_another_table(self, here: KeptVerifications, tmp_path: Path) -> None:
        here.keep(of_chain("a"))
        for field in ("engine", "url", "region", "table_name", "made"):
            other = KeptVerifications(tmp_path, replace(TABLE, **{field: "other"}))
            assert other.last("notifications", "a") is None
            assert other.everything() == {}


class TestAnAttemptThatFailed:
    def test_does_not_take_the_place_of_a_verdict(
        self, here: KeptVerifications, anew: Callable[[], KeptVerifications]
    ) -> None:
        here.keep(of_chain("a", verdict=Verdict.BROKEN))
        later = DISPATCHED.plus_seconds(60)
        here.keep(of_chain("a", verdict=Verdict.INCOMPLETE, reason="the engine is away", at=later))

        told = anew().last("notifications", "a")

        assert told is not None
        assert (told.verdict, told.at, told.failed_at) == (Verdict.BROKEN, DISPATCHED, later)
        assert told.reason == "the engine is away"

    def test_is_kept_where_there_was_nothing(self, here: KeptVerifications) -> None:
        told = here.keep(of_chain("a", verdict=Verdict.INCOMPLETE, reason="the engine is away"))
        assert (told.verdict, told.failed_at) == (Verdict.INCOMPLETE, None)

    def test_is_forgotten_with_the_next_verdict(self, here: KeptVerifications) -> None:
        for verdict in (Verdict.INTACT, Verdict.INCOMPLETE, Verdict.INTACT):
            told = here.keep(of_chain("a", verdict=verdict))
        assert told.failed_at is None


class TestWhatIsNotBelieved:
    @pytest.fixture
    def path(self, here: KeptVerifications, tmp_path: Path) -> Path:
        here.keep(of_chain("a"))
        (path,) = files(tmp_path)
        return path

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b"\xff\xfe",
            b'{"what": "last verification of a chain"}',
            b"[" * 60_000,
            b" " * 70_000,
            b"1" * 5000,
        ],
        ids=["empty", "cut", "null", "list", "no text", "no more", "deep", "large", "number"],
    )
    def test_a_damaged_file(self, path: Path, anew: Callable[[], KeptVerifications], text: bytes) -> None:
        path.write_bytes(text)
        other = anew()
        assert other.everything() == {}
        assert other.ignored == 1
        assert other.last("notifications", "a") is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("version", 2),
            ("version", True),
            ("what", "run"),
            ("table", {}),
            ("namespace", "a#b"),
            ("tenant", ""),
            ("tenant", "b"),
            ("tenant", 1),
            ("verdict", "fine"),
            ("at", "yesterday"),
            ("thorough", 1),
            ("records_checked", -1),
            ("records_checked", 1.5),
            ("upper_bound", "3"),
            ("coverage", {"full": 1}),
            ("coverage", None),
            ("findings", [{"kind": "x", "severity": "break", "number": 1}]),
            ("findings", 1),
            ("reading", {"items": 1, "requests": 1, "units": "many"}),
            ("reading", {"items": 1, "requests": 1, "units": float("nan")}),
            ("failed_at", 0),
        ],
        ids=str,
    )
    def test_a_part_that_cannot_be(
        self, path: Path, anew: Callable[[], KeptVerifications], name: str, value: object
    ) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
        other = anew()
        assert other.everything() == {}
        assert other.ignored == 1

    def test_a_file_that_was_copied_to_another_chains_place(
        self, path: Path, anew: Callable[[], KeptVerifications]
    ) -> None:
        path.rename(path.with_name("0" * 64 + ".json"))
        other = anew()
        assert other.everything() == {}
        assert other.ignored == 1

    def test_a_link_to_elsewhere(self, path: Path, anew: Callable[[], KeptVerifications], tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        assert anew().everything() == {}

    def test_the_others_are_believed(
        self, here: KeptVerifications, path: Path, anew: Callable[[], KeptVerifications]
    ) -> None:
        here.keep(of_chain("b"))
        path.write_text("{")
        (path.parent / "notes.txt").write_text("not of this program")
        other = anew()
        assert list(other.everything()) == [("notifications", "b")]
        assert other.ignored == 1


class TestTheFolder:
    def test_is_private(self, here: KeptVerifications, tmp_path: Path) -> None:
        here.keep(of_chain("a"))
        (path,) = files(tmp_path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.parent.parent.stat().st_mode & 0o777 == 0o700

    def test_is_made_private_where_it_was_not(self, here: KeptVerifications, tmp_path: Path) -> None:
        here.keep(of_chain("a"))
        folder = files(tmp_path)[0].parent
        folder.chmod(0o755)
        KeptVerifications(tmp_path, TABLE)
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_that_cannot_be_written_is_said_and_the_process_remembers(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        remembering = KeptVerifications(tmp_path / "file", TABLE)
        assert "cannot be kept" in str(remembering.problem)
        remembering.keep(of_chain("a"))
        assert list(remembering.everything()) == [("notifications", "a")]
        assert "state_dir" in str(remembering.problem)

    def test_that_can_be_written_again_is_used_again(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("in the way")
        remembering = KeptVerifications(tmp_path / "state", TABLE)
        (tmp_path / "state").unlink()
        remembering.keep(of_chain("a"))
        assert remembering.problem is None
        assert len(files(tmp_path)) == 1

    def test_that_is_a_link_is_not_used(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "verifications").symlink_to(tmp_path / "elsewhere")
        assert "a link" in str(KeptVerifications(tmp_path, TABLE).problem)

    def test_without_one_only_the_process_remembers(self) -> None:
        remembering = KeptVerifications(None, TABLE)
        remembering.keep(of_chain("a"))
        assert remembering.problem is None
        assert remembering.last("notifications", "a") is not None

    def test_is_bounded_and_the_oldest_go(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "_PRUNE_EVERY", 2)
        bounded = KeptVerifications(tmp_path, TABLE, most=3)
        for number in range(8):
            bounded.keep(of_chain(f"t{number}"))
            os.utime(max(files(tmp_path), key=lambda path: path.stat().st_ctime_ns), (number, number))
        bounded.keep(of_chain("last"))
        names = [tenant for _namespace, tenant in KeptVerifications(tmp_path, TABLE).everything()]
        assert len(names) == 3
        assert "last" in names
        assert "t0" not in names
        assert len(bounded.everything()) <= 6

    def test_holds_so_many_tables_and_no_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "MOST_TABLES", 2)
        for number in range(4):
            KeptVerifications(tmp_path, replace(TABLE, made=str(number))).keep(of_chain("a"))
        assert len(files(tmp_path)) == 2

    def test_is_as_configured_or_the_platforms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/somebody")
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        assert state_folder(Path("~/x")) == Path("/home/somebody/x")
        assert state_folder(None).name == "audit-dashboard"


WRITER = """
import sys
from pathlib import Path
from dataclasses import replace
from audit_core.kept import KeptVerifications, TableIdentity
from tests.reports import report
here = KeptVerifications(Path(sys.argv[1]), TableIdentity(*sys.argv[2:7]))
for number in range(150):
    here.keep(replace(report(3 + number), tenant=f"t{number % 3}"))
assert here.problem is None
"""


def test_two_processes_at_once_leave_only_whole_files(tmp_path: Path) -> None:
    who = (TABLE.engine, TABLE.url, TABLE.region, TABLE.table_name, TABLE.made)
    reader = KeptVerifications(tmp_path, TABLE)
    commands = [[sys.executable, "-c", WRITER, str(tmp_path), *who]] * 2
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for command in commands]
    while any(process.poll() is None for process in running):
        reader.everything()
        assert reader.ignored == 0
    assert [process.communicate()[1] for process in running] == ["", ""]
    assert [tenant for _namespace, tenant in sorted(reader.everything())] == ["t0", "t1", "t2"]


def test_threads_share_one(here: KeptVerifications) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: here.keep(of_chain(f"t{number}")), range(40)))
    assert len(here.everything()) == 40


def test_a_store_knows_from_its_opening_which_table_it_has(store: AuditStore) -> None:
    asked = tables.asked(store)
    known = TableIdentity.of(store)
    assert not asked
    assert known == TableIdentity.read(store)


def test_a_table_made_anew_is_another_one(store: AuditStore) -> None:
    before = TableIdentity.read(store)
    assert TableIdentity.read(store) == before
    store.table.client.delete_table(TableName=store.table.name)
    ensure_table(store.table.client, store.settings)
    after = TableIdentity.read(store)
    assert (after.table_name, after.made == before.made) == (before.table_name, False)
