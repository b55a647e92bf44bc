"""The file that `verify --state` keeps a verification in while it goes on, and goes on from after it was stopped."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from audit_core.chain.saved import SavedRun
from audit_core.cli.files import check_target, written_whole
from audit_core.errors import SavedRunError
from audit_core.names import visible

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core.chain.walk import ChainWalk

__all__ = ["RunFile"]

_SECONDS_BETWEEN = 10.0
"""How much of a run is done again at most when the process is killed."""


class RunFile:
    """One run's file. Raises `InputError` when made, where it cannot be written; `SavedRunError` for a damaged one."""

    def __init__(self, path: Path) -> None:
        check_target(path, replace=True)
        self._path = path
        self._kept_at = time.monotonic()
        self.saved: SavedRun | None = None
        """What the file held; None where there is none."""
        if path.exists():
            try:
                self.saved = SavedRun.from_json(path.read_bytes())
            except OSError as error:
                message = f"{visible(str(path))} cannot be read ({error.strerror or error}); give another file."
                raise SavedRunError(message) from error

    def step(self, walk: ChainWalk) -> None:
        """Keep how far a run is, now and then."""
        if time.monotonic() - self._kept_at >= _SECONDS_BETWEEN:
            self.keep(walk)

    def keep(self, walk: ChainWalk) -> None:
        """Keep how far a run is; one that has come to its end needs its file no more."""
        content = walk.save()
        if content is None:
            with suppress(FileNotFoundError):
                self._path.unlink()
            return
        with written_whole(self._path) as file:
            file.write(content)
        self._kept_at = time.monotonic()
