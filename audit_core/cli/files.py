"""Files that commands write: each comes into being whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from audit_core.errors import InputError
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_target", "written_whole"]


def check_target(target: Path, *, replace: bool) -> None:
    """Raise `InputError` where a file cannot be written, before any work is done for it."""
    if target.exists() and not (replace and target.is_file()):
        message = f"{visible(str(target))} exists; choose another name, or replace a file with --force."
        raise InputError(message)
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        message = f"{visible(str(target.parent))} is no folder that can be written to; choose another."
        raise InputError(message)


@contextmanager
def written_whole(target: Path) -> Iterator[IO[bytes]]:
    """Open a file beside the target; it takes the target's place when the block ends, and vanishes when it fails.

    Raises `InputError` when it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _refused(target, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(_mode())
        Path(name).replace(target)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _mode() -> int:
    """Return the permissions that a new file has here: a temporary one is for its owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _refused(target: Path, error: OSError) -> InputError:
    return InputError(f"{visible(str(target))} cannot be written ({error.strerror or error}); choose another place.")
