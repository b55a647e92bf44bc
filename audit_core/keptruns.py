"""Verifications that were not finished, kept so that a later start, or another visit, can go on with them.

One file a verification below `[dashboard] state_dir`: what `ChainWalk.save` returns. It is believed only where it is
whole and about this very table, chain, range and depth; the folder is this user's alone, since it holds findings.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from audit_core.chain.saved import SavedRun
from audit_core.errors import SavedRunError
from audit_core.privatefolder import make_private, read_whole, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core.keptform import TableIdentity

__all__ = ["KeptRuns"]

MOST_RUNS = 50
"""Runs that are kept of one table; those written longest ago go first."""

MOST_BYTES = 16 * 1024 * 1024

Asked = tuple[str, str, int | None, int | None, bool]
"""What a run is of: namespace, tenant, first and last position (None: open), and whether thorough."""


class KeptRuns:
    """The unfinished verifications of one table; `folder` is the state folder, None keeps nothing.

    Nothing here raises `OSError`: what cannot be written is not kept, and what cannot be read is not there.
    """

    def __init__(self, folder: Path | None, table: TableIdentity) -> None:
        self._folder = None if folder is None else folder / "runs" / table.digest

    def keep(self, asked: Asked, content: bytes) -> None:
        """Keep how far a verification came, in place of what was kept of it before."""
        if self._folder is None or len(content) > MOST_BYTES:
            return
        with suppress(OSError):
            make_private(self._folder)
            write_whole(self._folder / _file_name(asked), content)
            self._prune()

    def last(self, asked: Asked) -> SavedRun | None:
        """Return how far such a verification came; None where nothing is kept that can be gone on with."""
        if self._folder is None:
            return None
        try:
            run = SavedRun.from_json(read_whole(self._folder / _file_name(asked), MOST_BYTES))
        except (OSError, SavedRunError, ValueError):
            return None
        namespace, tenant, first, last, thorough = asked
        of = (run.namespace, run.tenant, run.first, run.last, run.thorough)
        return run if of == (namespace, tenant, first or 0, last, thorough) else None

    def drop(self, asked: Asked) -> None:
        """Forget it: it came to its end, or is begun anew."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / _file_name(asked)).unlink(missing_ok=True)

    def _prune(self) -> None:
        """Remove those beyond the bound, and what was left behind by processes that ended."""
        assert self._folder is not None  # noqa: S101 - called after writing into it
        files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[: max(0, len(files) - MOST_RUNS)]:
            path.unlink(missing_ok=True)


def _file_name(asked: Asked) -> str:
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest() + ".json"
