"""A sealing in slices of time, so that a page stays responsive, kept in the visit and stopped between two slices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audit_ui.verification import SLICE_SECONDS, reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.seal import ChainSealing, SealProgress, SealReport
    from audit_ui.context import Context

__all__ = ["Sealing"]


class Sealing:
    """One sealing of a chain, or a dry run of one, under way. Raises `WriteRefusedError` when made."""

    def __init__(self, context: Context, namespace: str, tenant: str, *, dry_run: bool) -> None:
        self.key = (context.table_key, namespace, tenant)
        self.dry_run = dry_run
        self.running = True
        self.stopped = False
        self.progress: SealProgress | None = None
        self._store = context.store
        self._begin()

    def _begin(self) -> None:
        self._failed = False
        self._sealing: ChainSealing = self._store.seal(*self.key[1:], dry_run=self.dry_run)
        self._steps: Iterator[SealProgress] = iter(self._sealing)

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one step at least. Raises `EngineError`; it can be taken up after that."""
        started = time.monotonic()
        while self.running:
            try:
                step = next(self._steps, None)
            except Exception:
                self.running, self.stopped, self._failed = False, True, True
                raise
            if step is None:
                self.running = False
                self._note()
                return
            self.progress = step
            if time.monotonic() - started >= seconds:
                return

    def stop(self) -> None:
        """Go no further; what is sealed stays sealed."""
        if self.running:
            self.running, self.stopped = False, True
            self._note()

    def _note(self) -> None:
        if self.report.sealed and not self.dry_run:
            reports().note_sealed(*self.key)

    def go_on(self) -> None:
        """Take up a sealing that was stopped; one that failed verifies first again, and passes by what is sealed."""
        if self.stopped:
            self.running, self.stopped = True, False
            if self._failed:
                self._begin()

    @property
    def report(self) -> SealReport:
        """What was done so far."""
        return self._sealing.report
