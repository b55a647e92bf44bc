"""The files that an import is given: which they are, and their bytes, never more than a limit allows (CASES 52).

Nothing of their content is understood here; that is for `importkinds`.
"""

from __future__ import annotations

import gzip
import os
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from audit_core.errors import ImportFileError
from audit_core.manifests import MANIFEST_ENDING
from audit_core.names import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_FILE_BYTES", "files_meant", "read_bounded", "refuse_file", "refuse_unreadable"]

MAX_FILE_BYTES = 256 * 1024 * 1024
"""What one file may hold once it is unpacked."""

_CHUNK_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".gz")
_DIGEST = "CloudTrail-Digest"


def files_meant(paths: Iterable[Path], skipped: list[Path]) -> Iterator[Path]:
    """Yield the files that are meant, a directory's sorted by path; note in `skipped` what a walk passes by.

    Raises `ImportFileError` for a directory that cannot be read or holds no such file.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(_walk(path, skipped))
        if not found:
            refuse_file(path, "the directory holds no file to import; they end in .json, .jsonl, .ndjson, or .gz")
        yield from found


def read_bounded(path: Path, max_file_bytes: int) -> bytes:
    """Return a file's content, unpacked where its first bytes say gzip, and never hold more than the limit.

    Raises `ImportFileError` for what cannot be read, is damaged, or holds more.
    """
    pieces = []
    total = 0
    try:
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            source = gzip.GzipFile(fileobj=file) if packed else file
            while piece := source.read(_CHUNK_BYTES):
                pieces.append(piece)
                total += len(piece)
                if total > max_file_bytes:
                    refuse_file(
                        path, f"it holds more than {max_file_bytes:,} bytes unpacked; split it, or export ranges"
                    )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        refuse_file(path, f"its gzip data is damaged ({error}); fetch it again", error)
    except OSError as error:
        refuse_unreadable(path, error)
    return b"".join(pieces)


def refuse_file(path: Path, problem: str, cause: Exception | None = None) -> NoReturn:
    """Raise `ImportFileError` that names the file."""
    message = f"{visible(str(path))}: {problem.rstrip('.')}."
    raise ImportFileError(message) from cause


def refuse_unreadable(path: Path, error: OSError) -> NoReturn:
    """Raise `ImportFileError` that names the file, or the one that the error names, and why it cannot be read."""
    named = path if error.filename is None else Path(str(error.filename))
    refuse_file(named, f"it cannot be read ({error.strerror or error}); check the path and its permissions", error)


def _walk(root: Path, skipped: list[Path]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=partial(refuse_unreadable, root)):
        folders.sort()
        skipped.extend(Path(folder, name) for name in folders if Path(folder, name).is_symlink())
        for name in sorted(names):
            path = Path(folder, name)
            if not name.endswith(_SUFFIXES):
                continue
            if _DIGEST in name or name.endswith(MANIFEST_ENDING) or path.is_symlink() or not path.is_file():
                skipped.append(path)
            else:
                yield path
