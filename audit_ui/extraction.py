"""Files to take away, made in slices of time: an export with its manifest, zipped on disk, never whole in memory.

What is exported and what the manifest says is in `audit_core.extracts`; what a visitor sees of it in `extract_parts`.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from audit_core.errors import AuditError, EngineError, FilterError
from audit_core.extracts import RecordExtract, write_chain
from audit_core.manifests import manifest_name
from audit_ui.verification import SLICE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterator

    from audit_core import AuditStore, RecordFilter, Timestamp
    from audit_core.extracts import Form
    from audit_core.manifests import Manifest
    from audit_core.query import Order
    from audit_ui.verification import Request

__all__ = ["MOST_BYTES", "Extraction", "Made", "Sofar", "chain_file", "records_file"]

MOST_BYTES = 200 * 1024 * 1024
"""The largest zip that a page hands out: a browser's download passes through this process's memory."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60
_FILE_MODE = 0o644 << 16


@dataclass(frozen=True, slots=True)
class Sofar:
    """How far a file is: its records so far, and of a chain the positions passed (`total` 0: not known)."""

    records: int
    position: int = 0
    total: int = 0


class Made:
    """A zip that is ready, in a file without a name, which goes when this does."""

    def __init__(self, file: IO[bytes], manifest: Manifest) -> None:
        self.manifest = manifest
        self.size = file.seek(0, 2)
        self._file = file
        self._lock = threading.Lock()
        weakref.finalize(self, file.close)

    @property
    def name(self) -> str:
        """What the zip is to be called."""
        return f"{self.manifest.file}.zip"

    def content(self) -> bytes:
        """Return the zip, for a download; it is read only then."""
        with self._lock:
            self._file.seek(0)
            return self._file.read()


class Wish:
    """Whether somebody wants a file under way to be stopped."""

    def __init__(self) -> None:
        self.stop = False


class Extraction:
    """One file under way; `key` tells what it is of. `made` is there once it has ended, else `failure` says why not."""

    def __init__(self, key: Hashable, begin: Callable[[Wish], Generator[Sofar, None, Made]]) -> None:
        self.key = key
        self.sofar = Sofar(0)
        self.made: Made | None = None
        self.failure: AuditError | None = None
        self._wish = Wish()
        self._steps = begin(self._wish)

    @property
    def running(self) -> bool:
        """Whether there is more to do."""
        return self.made is None and self.failure is None

    def advance(self, seconds: float = SLICE_SECONDS) -> None:
        """Go on for about so many seconds, one step at least."""
        started = time.monotonic()
        while self.running:
            try:
                self.sofar = next(self._steps)
            except StopIteration as ended:
                self.made = ended.value
            except AuditError as error:
                self.failure = error
            if time.monotonic() - started >= seconds:
                break

    def stop(self) -> None:
        """Read no further; what was read of records is made into a file that says that it is not complete."""
        self._wish.stop = True
        self.advance()


def records_file(
    store: AuditStore, wanted: RecordFilter, order: Order, form: Form
) -> Callable[[Wish], Generator[Sofar, None, Made]]:
    """Return the making of a file of all records that match, in the order asked for."""

    def steps(wish: Wish) -> Generator[Sofar, None, Made]:
        now = store.table.clock.now()
        name = _file_name("records", wanted.namespace, wanted.tenant, now, form.value)
        with _zip_file() as file:
            with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                with archive.open(_entry(name, now), "w", force_zip64=True) as member:
                    extract = RecordExtract(store, wanted, form, member, order=order)
                    for done in extract:
                        _check_size(file)
                        yield Sofar(done)
                        if wish.stop:
                            extract.stop()
                            break
                    if not extract.has_begun:
                        raise EngineError(extract.reason)
                manifest = extract.manifest(name)
                archive.writestr(_entry(manifest_name(name), now), manifest.content())
            return Made(file, manifest)

    return steps


def chain_file(store: AuditStore, request: Request) -> Callable[[Wish], Generator[Sofar, None, Made]]:
    """Return the making of a file of a chain, or the range of it that a request names, with its fences."""

    def steps(wish: Wish) -> Generator[Sofar, None, Made]:
        now = store.table.clock.now()
        name = _file_name("chain", request.namespace, request.tenant, now, "jsonl")
        asked = {label: bound for label, bound in (("from", request.first), ("to", request.last)) if bound is not None}
        with store.export(request.namespace, request.tenant, first=request.first, last=request.last) as export:
            for step in export:
                yield Sofar(step.records, step.position, step.total)
                if wish.stop:
                    message = "It was stopped, so there is no file: a chain is taken away whole or not at all."
                    raise FilterError(message)
            with _zip_file() as file:
                with ZipFile(file, "w", ZIP_DEFLATED) as archive:
                    with archive.open(_entry(name, now), "w", force_zip64=True) as member:
                        label = store.settings.engine_label
                        _header, manifest = write_chain(export, member, name=name, engine=label, asked=asked)
                    archive.writestr(_entry(manifest_name(name), now), manifest.content())
                _check_size(file)
                return Made(file, manifest)

    return steps


@contextmanager
def _zip_file() -> Iterator[IO[bytes]]:
    """Give a file without a name, and close it unless the block comes to its end."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - what is made of it closes it
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _check_size(file: IO[bytes]) -> None:
    if file.tell() > MOST_BYTES:
        message = (
            f"This is more than the {MOST_BYTES // 1024 // 1024} MB that a page hands out. Narrow it, or take it away "
            "by the command line: `python -m audit_core query` with `--csv`, `--jsonl` or `--parquet`, or `export` for "
            "a chain."
        )
        raise FilterError(message)


def _file_name(kind: str, namespace: str, tenant: str, now: Timestamp, ending: str) -> str:
    names = [_UNSAFE.sub("_", text)[:_LONGEST_NAME] for text in (namespace, tenant)]
    clock = now.normalised[:19].replace("-", "").replace(":", "")
    return f"{kind}-{names[0]}-{names[1]}-{clock}Z.{ending}"


def _entry(name: str, now: Timestamp) -> ZipInfo:
    text = now.normalised
    date, clock = text[:10].split("-"), text[11:19].split(":")
    year, month, day, hour, minute, second = (int(part) for part in (*date, *clock))
    entry = ZipInfo(name, (max(year, 1980), month, day, hour, minute, second))
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = _FILE_MODE
    return entry
