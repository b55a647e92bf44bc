"""Records appended batch by batch, so that whoever watches can show how far it is, stop it, and take it up again.

What is appended comes from a generator or from files; chains, hashes and retries are the store's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audit_core.append import BATCH_LIMIT
from audit_core.errors import AuditError, ChainBlockedError, InputError
from audit_core.importers import import_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from audit_core.importers import Importable
    from audit_core.records import AuditRecord

__all__ = ["AppendRun", "in_batches"]

MOST_REFUSALS = 20
"""How many reasons for which batches were refused are kept."""


class AppendRun:
    """An append of many records under way; each is sent under its own id, so that nothing goes in twice (FORMAT 6.5).

    `total` (int) is how many there are. Of them `added` went in, `present` stood there before with the same content,
    `failed` were refused, and `conflicts` (list of str) are ids that other content holds. `refusals` (list of str) say
    why some were refused. `error` is what stopped it, where something did: `go_on` then sends the same batch again.
    """

    def __init__(self, store: Importable, batches: Iterable[Sequence[AuditRecord]], total: int) -> None:
        self.total = total
        self.added = self.present = self.failed = 0
        self.conflicts: list[str] = []
        self.refusals: list[str] = []
        self.error: AuditError | None = None
        self.running = total > 0
        self._store = store
        self._batches: Iterator[Sequence[AuditRecord]] = iter(batches)
        self._pending: Sequence[AuditRecord] = ()

    @property
    def done(self) -> int:
        """How many records were seen to."""
        return self.added + self.present + self.failed + len(self.conflicts)

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return not self.running and self.done < self.total

    def advance(self, seconds: float) -> None:
        """Go on for about so many seconds, one batch at least, or until nothing is due for the moment."""
        give_up = time.monotonic() + seconds
        while self.running and self._step() and time.monotonic() < give_up:
            pass

    def stop(self) -> None:
        """Go no further; what was appended stays."""
        self.running = False

    def go_on(self) -> None:
        """Take up a run that was stopped, at the batch at which it was."""
        if self.stopped:
            self.running, self.error = True, None

    def _step(self) -> bool:
        """Append the next batch; False when none is due, or it is over."""
        batch = self._pending or next(self._batches, ())
        if not batch:
            return False
        self._pending = batch
        try:
            outcome = import_records(self._store, batch)
        except (InputError, ChainBlockedError) as error:  # of this batch; others may go in
            self.failed += len(batch)
            if len(self.refusals) < MOST_REFUSALS:
                self.refusals.append(str(error))
        except AuditError as error:
            self.running, self.error = False, error
            return False
        else:
            self.added += outcome.added
            self.present += outcome.present
            self.conflicts.extend(outcome.conflicts)
        self._pending = ()
        self.running = self.done < self.total
        return True


def in_batches(records: Iterable[AuditRecord]) -> Iterator[Sequence[AuditRecord]]:
    """Yield records chain by chain, each chain's in the order given, in batches of at most 50 (FORMAT 6.3)."""
    chains: dict[str, list[AuditRecord]] = {}
    for record in records:
        chains.setdefault(record.chain, []).append(record)
    for chain in chains.values():
        for start in range(0, len(chain), BATCH_LIMIT):
            yield chain[start : start + BATCH_LIMIT]
