"""The last verification of each whole chain, kept in small files so that another start, and another process, know it.

One JSON file a chain below `[dashboard] state_dir`, named by hashes, so that a namespace and a tenant may be called
anything; written beside its place and moved there, so that nobody reads half of one. What a file says is believed only
where it is whole and about this very table: made anew under its old name, a table is another one. Where nothing can be
written, the process remembers. Full reports with their findings are not kept: they hold what records hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from audit_core.chain.findings import Verdict
from audit_core.keptform import KeptFileError, KeptVerification, TableIdentity, from_json, to_json
from audit_core.privatefolder import LEFT_BEHIND, make_private, read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit_core.chain.findings import ChainReport

__all__ = ["KeptVerification", "KeptVerifications", "TableIdentity", "state_folder"]

MOST_CHAINS = 20_000
"""Verifications that are kept of one table; those kept longest ago go first."""

MOST_TABLES = 50
MOST_BYTES = 65_536
"""A larger file is none of ours."""

_PRUNE_EVERY = 256
_LEFT_BEHIND_SECONDS = 3600
_FILE_NAME = re.compile(r"[0-9a-f]{64}\.json")
_FOLDER_NAME = re.compile(r"[0-9a-f]{32}")


def state_folder(configured: Path | None) -> Path:
    """Return where state is kept: as configured, `~` being the user's folder, else the platform's place."""
    if configured is not None:
        return configured.expanduser()
    return platformdirs.user_state_path("audit-dashboard", appauthor=False)


class KeptVerifications:
    """The last verifications of one table's chains. Safe to share between threads, and its folder between processes.

    `folder` is the state folder (None: only this process remembers). Nothing here raises `OSError`: `problem` says, in
    words, why the folder cannot be used (None: it can), `ignored` how many of its files were not believed when it was
    read last.
    """

    def __init__(self, folder: Path | None, table: TableIdentity, *, most: int = MOST_CHAINS) -> None:
        self.problem: str | None = None
        self.ignored = 0
        self._table = table
        self._most = most
        self._lock = threading.Lock()
        self._own: OrderedDict[tuple[str, str], KeptVerification] = OrderedDict()
        self._read: dict[str, tuple[tuple[int, int, int], KeptVerification | None]] = {}
        self._writings = 0
        self._folder = None if folder is None else folder / "verifications" / table.digest
        if self._folder is not None:
            try:
                make_private(self._folder)
                _prune_tables(self._folder)
            except OSError as error:
                self._say(error)

    def keep(self, report: ChainReport) -> KeptVerification:
        """Keep what a verification of a whole chain said, in place of the one before, and return what is kept.

        One that could not be finished does not replace one that was: that one is kept, with the failed attempt.
        """
        kept = KeptVerification.of(report)
        name = (kept.namespace, kept.tenant)
        with self._lock:
            before = self._last(name)
            if before is not None and kept.verdict is Verdict.INCOMPLETE and before.verdict is not Verdict.INCOMPLETE:
                kept = replace(before, failed_at=kept.at, reason=kept.reason)
            self._own[name] = kept
            self._own.move_to_end(name)
            while len(self._own) > self._most:
                self._own.popitem(last=False)
            self._write(kept)
        return kept

    def last(self, namespace: str, tenant: str) -> KeptVerification | None:
        """Return the chain's last verification, None where none is kept."""
        with self._lock:
            return self._last((namespace, tenant))

    def everything(self) -> Mapping[tuple[str, str], KeptVerification]:
        """Return all that is kept, by namespace and tenant; files that did not change are not read again."""
        with self._lock:
            found = {(kept.namespace, kept.tenant): kept for kept in self._listed()}
            for name, own in self._own.items():
                found[name] = _later(own, found.get(name))
            return found

    def _last(self, name: tuple[str, str]) -> KeptVerification | None:
        stored = None
        if self._folder is not None:
            with suppress(OSError, ValueError):
                stored = self._load(self._folder / _file_name(*name))
        own = self._own.get(name)
        return stored if own is None else _later(own, stored)

    def _listed(self) -> Iterator[KeptVerification]:
        if self._folder is None:
            return
        self.ignored = 0
        try:
            with os.scandir(self._folder) as entries:
                present = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
        except FileNotFoundError:
            return
        except OSError as error:
            self._say(error)
            return
        files = {name: about for name, about in present.items() if _FILE_NAME.fullmatch(name)}
        self._read = {name: known for name, known in self._read.items() if name in files}
        for name, about in files.items():
            signature = (about.st_mtime_ns, about.st_size, about.st_ino)
            if name not in self._read or self._read[name][0] != signature:
                self._read[name] = (signature, self._believed(name))
            kept = self._read[name][1]
            if kept is None:
                self.ignored += 1
            else:
                yield kept

    def _believed(self, name: str) -> KeptVerification | None:
        assert self._folder is not None  # noqa: S101 - only a listing of it leads here
        try:
            return self._load(self._folder / name)
        except (OSError, ValueError):
            return None

    def _load(self, path: Path) -> KeptVerification:
        """Read one file. Raises `OSError`, `ValueError`."""
        kept = from_json(read_whole(path, MOST_BYTES), self._table)
        if path.name != _file_name(kept.namespace, kept.tenant):
            message = "It is about another chain than its name says."
            raise KeptFileError(message)
        return kept

    def _write(self, kept: KeptVerification) -> None:
        if self._folder is None:
            return
        try:
            make_private(self._folder)
            write_whole(self._folder / _file_name(kept.namespace, kept.tenant), to_json(kept, self._table))
            self._writings += 1
            if self._writings % _PRUNE_EVERY == 1:
                self._prune()
        except OSError as error:
            self._say(error)
        else:
            self.problem = None

    def _prune(self) -> None:
        """Remove files beyond the bound, those kept longest ago, and what was left behind by a process that ended."""
        assert self._folder is not None  # noqa: S101 - called after writing into it
        with os.scandir(self._folder) as entries:
            files = [
                (entry.stat(follow_symlinks=False).st_mtime, Path(entry.path))
                for entry in entries
                if _FILE_NAME.fullmatch(entry.name) or LEFT_BEHIND.fullmatch(entry.name)
            ]
        kept = sorted(file for file in files if _FILE_NAME.fullmatch(file[1].name))
        late = time.time() - _LEFT_BEHIND_SECONDS
        gone = [path for _at, path in kept[: max(0, len(kept) - self._most)]]
        gone += [path for at, path in files if at < late and LEFT_BEHIND.fullmatch(path.name)]
        for path in gone:
            path.unlink(missing_ok=True)

    def _say(self, error: OSError) -> None:
        self.problem = (
            f"The last verifications cannot be kept in {self._folder}: {error.strerror or error}. They are remembered "
            "until this process ends. Correct state_dir in [dashboard], or let this user write there."
        )


def _later(own: KeptVerification, stored: KeptVerification | None) -> KeptVerification:
    return own if stored is None or stored.told_at <= own.told_at else stored


def _file_name(namespace: str, tenant: str) -> str:
    return hashlib.sha256(json.dumps([namespace, tenant]).encode()).hexdigest() + ".json"


def _prune_tables(folder: Path) -> None:
    """Remove the folders of tables that nothing was kept of for longest, beyond the bound."""
    with os.scandir(folder.parent) as entries:
        others = sorted(
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if _FOLDER_NAME.fullmatch(entry.name) and entry.name != folder.name and entry.is_dir(follow_symlinks=False)
        )
    for _at, place in others[: max(0, len(others) - MOST_TABLES + 1)]:
        with suppress(OSError):  # another process may be at it as well; what stays is found the next time
            for path in Path(place).iterdir():
                if _FILE_NAME.fullmatch(path.name) or LEFT_BEHIND.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            Path(place).rmdir()
