"""What every command shares: the store it works on, and how a failure becomes one message and an exit status.

Exit status 2 says that a command could not run, whatever the cause: bad input, settings, the engine, or a defect of
this program. Nothing here reads or writes records.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from audit_core.cli.terminal import say
from audit_core.embedded import WAY_OUT
from audit_core.errors import AuditError, WriteRefusedError
from audit_core.settings import load_settings
from audit_core.store import AuditStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.settings import Settings

__all__ = ["COULD_NOT_RUN", "NEGATIVE", "Commands", "Session"]

NEGATIVE = 1
"""Exit status of a command that ran and whose answer is no: broken, not found, conflicts."""

COULD_NOT_RUN = 2
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Session:
    """What was given before the command: a configuration file (Path or None), and whether to use demo data."""

    config: Path | None
    demo: bool

    @classmethod
    def of(cls, context: typer.Context) -> Session:
        """Return the session of a command's context."""
        session: Session = context.obj
        return session

    def settings(self) -> Settings:
        """Read the settings. Raises `SettingsError`."""
        return load_settings(self.config, demo=self.demo)

    def open(self) -> AuditStore:
        """Open the store for reading, and say on stderr what to know of it. Raises as `AuditStore.open`."""
        settings = self.settings()
        if settings.demo and not self.demo:
            say("Note: nothing is configured, so this is demo data in memory; --config or AUDIT__REGION name a table.")
        elif settings.audit.backend == "memory" and not settings.demo:
            say('Note: the embedded engine (backend = "memory") starts empty each time; --demo has demo data.')
        return self._opened(settings)

    def open_for_writing(self) -> AuditStore:
        """Open the store for a command that writes records. Raises `WriteRefusedError`, and as `AuditStore.open`."""
        settings = self.settings()
        refuse_embedded(settings)
        if not settings.audit.enabled:
            message = (
                "Auditing is switched off (enabled = false in [audit]), so nothing is written; switch it on first."
            )
            raise WriteRefusedError(message)
        return self._opened(settings)

    def _opened(self, settings: Settings) -> AuditStore:
        store = AuditStore.open(settings)
        for difference in store.warnings:
            say(f"Warning: {difference}")
        return store


def refuse_embedded(settings: Settings) -> None:
    """Raise `WriteRefusedError` on the embedded engine, which forgets everything when the command ends."""
    if settings.audit.backend == "memory":
        message = f"What a command writes on the embedded engine is gone when it ends, so nothing was done. {WAY_OUT}"
        raise WriteRefusedError(message)


class Commands(TyperGroup):
    """The group of all commands, which lets none of them end in a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as in the base class
        """Run a command; what it could not do becomes a message on stderr and exit status 2."""
        with _failures_reported():
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # output that is lost must not end in exit status 0


@contextmanager
def _failures_reported() -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort, typer.TyperException):
        raise
    except AuditError as error:
        say(f"Error: {error}")
        raise typer.Exit(COULD_NOT_RUN) from error
    except KeyboardInterrupt as error:
        say("Stopped.")
        raise typer.Exit(INTERRUPTED) from error
    except OSError as error:
        _give_up_stdout()
        reason = error.strerror or type(error).__name__
        say(f"Error: reading or writing failed: {reason}. The output is not complete.")
        raise typer.Exit(COULD_NOT_RUN) from error
    except Exception as error:
        # 1 would say that a chain is broken
        say(f"Error: a defect of this program stopped it: {type(error).__name__} in {_place(error)}. Please report it.")
        raise typer.Exit(COULD_NOT_RUN) from error


def _give_up_stdout() -> None:
    """Let what is still buffered go nowhere, or the interpreter would fail on it once more when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _place(error: Exception) -> str:
    """Name where in the code it happened, without the values that a traceback or message could hold."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "unknown" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
