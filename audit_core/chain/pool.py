"""Processes that read a chain's pages and judge what is on them, several ranges of it at once.

Each process has a client of its own and hands back little of a page: the ends of what is in order (`stretch.Stretch`),
and the few records that it could not judge alone. The verifier puts pages together in order, as it does those that
threads read, so borders are stitched by what it does anyway, and a finding that spans one is found once.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Self

from audit_core.chain.fetch import Question, Source
from audit_core.client import build_client
from audit_core.errors import InputError
from audit_core.items import is_count
from audit_core.table import Table

if TYPE_CHECKING:
    from concurrent.futures import Future

    from audit_core.chain.fetch import IndexPage
    from audit_core.settings import Settings

__all__ = ["ReaderPool"]

_EACH = 2
"""Pages that a process is given at once, so that it need not wait for the next."""

_tables: list[Table] = []
"""The table that this process reads."""


class ReaderPool:
    """So many processes on the table of `settings`, beside this one; a context manager, which gives them back.

    They start when they are first asked, and take most of a second to. Raises `InputError` for a number that is none,
    and for the embedded engine, which is in the process that started it.
    """

    def __init__(self, settings: Settings, processes: int) -> None:
        if not is_count(processes, 1):
            message = f"The number of processes is {processes!r}; give a whole number from 1."
            raise InputError(message)
        if settings.audit.backend == "memory":
            message = (
                "The embedded engine is in this very process, so that other processes cannot read from it; use one."
            )
            raise InputError(message)
        self.at_once = _EACH * processes
        """Pages that they take at most."""
        # forked processes would share locks of threads that they do not have
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, context, initializer=_open, initargs=(settings,))
        self._room = threading.Semaphore(self.at_once)

    def page(self, source: Source, question: Question) -> Future[IndexPage] | None:
        """Have a page read that `source` is asked for; the answer raises `EngineError` as `Source.page` does.

        None when they have enough to do, and whoever asks reads the page itself.
        """
        if not self._room.acquire(blocking=False):
            return None
        names = (source.namespace, source.tenant)
        try:
            page = self._pool.submit(_page, names, question, thorough=source.thorough, consistent=source.consistent)
        except BaseException:
            self._room.release()
            raise
        page.add_done_callback(lambda _: self._room.release())
        return page

    def close(self) -> None:
        """End the processes, once what they are at is done."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _open(settings: Settings) -> None:
    # who is in front of the terminal interrupts the process that asked, which closes this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _tables.append(Table(build_client(settings), settings.audit.table_name, place=settings))
    gc.freeze()  # what was loaded stays: no need to go through it again and again


def _page(names: tuple[str, str], question: Question, *, thorough: bool, consistent: bool) -> IndexPage:
    return Source(_tables[0], *names, thorough=thorough, consistent=consistent).page(question)
