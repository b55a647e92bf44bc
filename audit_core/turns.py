"""Whose turn it is on a chain that several processes of one machine write.

A race that is lost costs the engine as much as one that is won, so the writers of one machine take turns: a lock on a
few bytes of a file of theirs, which also say how far the chain has come. It is a courtesy and no rule of the chain: who
does not get its turn in time, or sits on another machine, writes all the same, and the fences decide. What the file
says is checked against a fence before anything is built on it.
"""

from __future__ import annotations

import hashlib
import os
import random
import stat
import tempfile
import weakref
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks: there, writers race
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.timestamps import Clock

__all__ = ["Turns", "meeting_place"]

PATIENCE_SECONDS = 2.0
"""How long a writer waits for its turn: one that was stopped in the middle of a write must not stop the others."""

_REMEMBERED_SECONDS = 5.0
_POLL_SECONDS = 0.002
_NEVER = float("-inf")
_SLOTS = 4096
_SLOT_BYTES = 8


class Turns:
    """The turns of this process on the chains of one table; `place` is the file where its writers meet.

    One chain is to be used by one thread at a time. Without a place, or where it cannot be opened, every turn is there
    at once.
    """

    def __init__(self, clock: Clock, place: Path | None) -> None:
        self._clock = clock
        self._file = None if place is None else _opened(place)
        self._close = (lambda: None) if self._file is None else weakref.finalize(self, os.close, self._file)
        self._held: set[str] = set()
        self._met: dict[str, float] = {}
        """When another process of this machine was last seen to have the turn."""
        self._ended: dict[str, float] = {}
        self._kept: set[str] = set()
        """The chains whose turn somebody kept for too long: until that ends, nobody waits for it."""

    def close(self) -> None:
        """Let go of the file, and with it of every turn."""
        self._file = None
        self._close()

    @contextmanager
    def held(self, chain: str, give_up: float) -> Iterator[None]:
        """Hold the turn on a chain, or go on without it after a while, at `give_up` (by the clock) at the latest."""
        if self._file is None or chain in self._held:
            yield
            return
        start = _start(chain)
        got = self._wait(self._file, chain, start, give_up)
        self._held.add(chain)
        try:
            yield
        finally:
            self._held.discard(chain)
            if got and self._file is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT_BYTES, start)
            self._ended[chain] = self._clock.monotonic()

    def last(self, chain: str) -> int:
        """Return the position that a chain had come to, by whoever wrote it last on this machine; a hint, or −1."""
        found = b""
        if self._file is not None:
            with suppress(OSError):  # a file that cannot be read says nothing
                found = os.pread(self._file, _SLOT_BYTES, _start(chain))
        return int.from_bytes(found, "big") - 1

    def came_to(self, chain: str, position: int) -> None:
        """Tell the others how far the chain has come."""
        if self._file is not None:
            with suppress(OSError):  # on a full disk the others learn it from the fences
                os.pwrite(self._file, (position + 1).to_bytes(_SLOT_BYTES, "big"), _start(chain))

    def _wait(self, file: int, chain: str, start: int, give_up: float) -> bool:
        began = now = self._clock.monotonic()
        ends = now if chain in self._kept else min(now + PATIENCE_SECONDS, give_up)
        if now - self._met.get(chain, _NEVER) < _REMEMBERED_SECONDS:
            # those who wait look every few milliseconds: whoever had the last turn lets them look first
            self._sleep(min(self._ended.get(chain, _NEVER) + 2 * _POLL_SECONDS, ends))
        while not _locked(file, start):
            now = self._met[chain] = self._clock.monotonic()
            if now >= ends:
                if ends < give_up:
                    self._kept.add(chain)
                return False
            # who has waited for long looks more often, four times as often at most
            pause = _POLL_SECONDS / (1 + 10 * min(now - began, 0.3))
            self._sleep(min(now + pause * random.uniform(0.5, 1), ends))  # noqa: S311 - jitter, no secret
        self._kept.discard(chain)
        return True

    def _sleep(self, until: float) -> None:
        left = until - self._clock.monotonic()
        if left > 0:
            self._clock.sleep(left)


def meeting_place(table: str) -> Path | None:
    """Return the file where this user's processes on this machine meet for a table, or None where none is safe.

    `table` is a text that means the same table in all of them.
    """
    if fcntl is None:  # pragma: no cover - Windows
        return None
    folder = Path(tempfile.gettempdir()) / f"audit-core-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    # somebody else may have put a folder or a link there before
    own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return folder / hashlib.sha256(table.encode()).hexdigest()[:32] if own else None


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _start(chain: str) -> int:
    """Return where the chain's bytes are; that two chains share them now and then only costs time."""
    return zlib.crc32(chain.encode()) % _SLOTS * _SLOT_BYTES


def _locked(file: int, start: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SLOT_BYTES, start)
    except OSError:
        return False
    return True
