"""Runs of records that less vouches for than for what came before them (FORMAT 9, `coverage_lost`). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Cover", "WeakRun"]


@dataclass(slots=True)
class WeakRun:
    """Records from `first` to `last` that only a `record_hash` covers; `full` is the last position before with more."""

    full: int
    first: int
    last: int


class Cover:
    """The state of one chain's cover; runs are returned when they have ended."""

    def __init__(self) -> None:
        self._full: int | None = None
        self._run: WeakRun | None = None

    def state(self) -> tuple[int | None, WeakRun | None]:
        """Return a copy of all that is remembered, to be kept in a file."""
        return self._full, None if self._run is None else replace(self._run)

    def restore(self, state: tuple[int | None, WeakRun | None]) -> None:
        """Go on from what `state` gave."""
        self._full, self._run = state

    def full(self, position: int) -> WeakRun | None:
        """Take a position that a `content_hash` covers, in the record or in its fence."""
        self._full = position
        return self.end()

    def weak(self, position: int) -> None:
        """Take a record that none covers."""
        if self._run is not None:
            self._run.last = position
        elif self._full is not None:
            self._run = WeakRun(self._full, position, position)

    def end(self) -> WeakRun | None:
        """Return the run that has ended, if there is one."""
        run, self._run = self._run, None
        return run
