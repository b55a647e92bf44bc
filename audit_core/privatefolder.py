"""Folders that are this user's alone, and files in them of which nobody ever reads half of one.

A file is written beside its place and moved there. What is read is a plain file of this folder, of a bounded size.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path

__all__ = ["LEFT_BEHIND", "make_private", "read_whole", "write_whole"]

LEFT_BEHIND = re.compile(r"\.kept-.*\.tmp")
"""What a process that ended while it wrote leaves."""

_PRIVATE_FOLDER, _OTHERS = 0o700, 0o077


def make_private(folder: Path) -> None:
    """Make a folder and the one around it, for this user alone. Raises `OSError`, also for a stranger's."""
    folder.parent.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    for place in (folder.parent, folder):
        place.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        about = place.lstat()
        if not stat.S_ISDIR(about.st_mode):
            raise NotADirectoryError(20, "it is a link or a file, not a folder", str(place))
        if hasattr(os, "getuid") and about.st_uid != os.getuid():
            raise PermissionError(1, "the folder belongs to somebody else", str(place))
        if about.st_mode & _OTHERS:
            place.chmod(_PRIVATE_FOLDER)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(folder))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in a private folder, in place of the one of that name. Raises `OSError`."""
    descriptor, beside = tempfile.mkstemp(prefix=".kept-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise


def read_whole(path: Path, most: int) -> bytes:
    """Read a plain file of at most so many bytes. Raises `OSError`, `ValueError` for what is none."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > most:
            message = "It is no file of this program."
            raise ValueError(message)
        return file.read(most)
