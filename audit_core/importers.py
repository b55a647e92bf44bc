"""AWS CloudTrail files as one stream of audit records, and records into a store.

What is given is read whole, in order, or refused whole with an `ImportFileError` that names file and event, before
anything is written. How one event becomes a record is told in `cloudtrail`; chains, hashes and retries are the store's.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from audit_core.append import BATCH_LIMIT, MIN_LIFETIME_SECONDS
from audit_core.cloudtrail import check_options, event_record
from audit_core.errors import ConflictError, ImportFileError, RecordError, TimestampError, WriteRefusedError
from audit_core.items import MAX_ITEM_BYTES, item_size
from audit_core.jsontext import exact_text, parse_exact
from audit_core.names import visible
from audit_core.timestamps import NANOS_PER_SECOND, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from audit_core.append import Appended
    from audit_core.records import AuditRecord
    from audit_core.timestamps import Timestamp

__all__ = [
    "CloudTrailEvents",
    "Conflict",
    "ImportOutcome",
    "Importable",
    "count_past_expiry",
    "import_records",
    "read_cloudtrail",
]

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_EVENTS = 1_000_000
CHAIN_BYTES = 1024
"""Room for what an append adds to an item: hashes, links and numbers."""

_CHUNK_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_SUFFIXES = (".json", ".gz")
_DIGEST = "CloudTrail-Digest"


class Importable(Protocol):
    """What an import needs of a store."""

    @property
    def engine(self) -> str:
        """Which engine it is, `embedded` for the one in memory."""

    def append_many(self, records: Sequence[AuditRecord]) -> tuple[Appended, ...]:
        """Append up to 50 records of one chain; raises `ConflictError` after the others went in."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two deliveries of one event id that differ.

    `kept` (Path) is the file whose event counts, the first in order; `refused` (Path) holds the other one.
    """

    id: str
    kept: Path
    refused: Path


@dataclass(frozen=True, slots=True)
class CloudTrailEvents:
    """What CloudTrail files hold, as one stream.

    `records` are in order of (`eventTime`, `eventID`). `duplicates` (int) counts events that were delivered again with
    the same content. `skipped` are the digest files and symbolic links that a walk through a directory passed by.
    `files` and `events` (int) count what was read.
    """

    records: tuple[AuditRecord, ...]
    duplicates: int
    conflicts: tuple[Conflict, ...]
    skipped: tuple[Path, ...]
    files: int
    events: int


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did: records `added`, those `present` before (int), and the ids held by other content."""

    added: int
    present: int
    conflicts: tuple[str, ...]


def read_cloudtrail(
    paths: Iterable[Path],
    *,
    tenant_field: str = "recipientAccountId",
    ttl_seconds: int | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
    max_events: int = MAX_EVENTS,
) -> CloudTrailEvents:
    """Read CloudTrail files, plain or gzip, and directories of them.

    `tenant_field` is a field of the event, a dotted path reaches inside; where an event lacks it the tenant is
    `unknown`. `ttl_seconds` counts from `eventTime`; without it nothing expires. A file may hold `max_file_bytes` once
    it is unpacked. Of an event that is delivered twice the first counts, in the order of the files.

    Raises `ImportFileError`, which names the file and the event's number in it, for what cannot be read or stored
    (CASES 1 to 12, 52), and `RecordError` for options that make no sense.
    """
    check_options(tenant_field, ttl_seconds)
    skipped: list[Path] = []
    kept: dict[str, tuple[AuditRecord, bytes, Path]] = {}
    conflicts: list[Conflict] = []
    files = events = 0
    for path in _files(paths, skipped):
        files += 1
        for number, event in enumerate(_file_events(path, max_file_bytes), start=1):
            events += 1
            if events > max_events:
                _refuse(path, f"with it come more than {max_events:,} events; import the files in several runs")
            record, digest = _read_event(path, number, event, tenant_field, ttl_seconds)
            first = kept.setdefault(record.id, (record, digest, path))
            if first[1] != digest:
                conflicts.append(Conflict(record.id, kept=first[2], refused=path))
    in_order = sorted((record for record, _, _ in kept.values()), key=lambda held: (held.dispatched_at, held.id))
    duplicates = events - len(kept) - len(conflicts)
    return CloudTrailEvents(tuple(in_order), duplicates, tuple(conflicts), tuple(skipped), files, events)


def count_past_expiry(records: Iterable[AuditRecord], moment: Timestamp) -> int:
    """Count the records whose expiry is past at `moment`, or less than two seconds ahead (FORMAT 6.1)."""
    soonest = moment.epoch_nanos + MIN_LIFETIME_SECONDS * NANOS_PER_SECOND
    expiries = (record.expires_at_ttl for record in records)
    return sum(1 for expiry in expiries if expiry is not None and expiry * NANOS_PER_SECOND < soonest)


def import_records(
    store: Importable,
    records: Sequence[AuditRecord],
    *,
    progress: Callable[[int, int], None] | None = None,
    clock: Clock | None = None,
) -> ImportOutcome:
    """Append records chain by chain, each chain's in the order given; a second run adds nothing.

    `progress` is called with the numbers of records done and in all. An id that is taken by other content is listed,
    and the others go in. Raises `RecordError` when an expiry is past, and `WriteRefusedError` when there are more than
    the embedded engine is for; in both cases nothing was written. Otherwise raises what the store's append raises; a
    rerun then completes the import.
    """
    late = count_past_expiry(records, (clock or Clock()).now())
    if late:
        message = (
            f"{late:,} of {len(records):,} records would have expired already, or within two seconds; nothing was "
            "written. Give a longer lifetime, or none."
        )
        raise RecordError(message)
    _check_engine(store, len(records))
    chains: defaultdict[str, list[AuditRecord]] = defaultdict(list)
    for record in records:
        chains[record.chain].append(record)
    added = present = done = 0
    conflicts: list[str] = []
    for chain in chains.values():
        for start in range(0, len(chain), BATCH_LIMIT):
            batch = chain[start : start + BATCH_LIMIT]
            try:
                appended = store.append_many(batch)
            except ConflictError as error:
                appended = error.appended
                conflicts.extend(error.ids)
            repeated = sum(1 for one in appended if one.duplicate)
            present += repeated
            added += len(appended) - repeated
            done += len(batch)
            if progress is not None:
                progress(done, len(records))
    return ImportOutcome(added, present, tuple(conflicts))


def _check_engine(store: Importable, count: int) -> None:
    if store.engine != "embedded":
        return
    from audit_core.embedded import EMBEDDED_ITEM_LIMIT  # noqa: PLC0415 - only that engine needs it

    if count > EMBEDDED_ITEM_LIMIT:
        message = (
            f"{count:,} records are more than the embedded engine is for ({EMBEDDED_ITEM_LIMIT:,}); nothing was "
            "written. Start DynamoDB Local with `docker compose --profile dynamodb up` and set `url` in acteon.toml."
        )
        raise WriteRefusedError(message)


def _files(paths: Iterable[Path], skipped: list[Path]) -> Iterator[Path]:
    """Yield the files that are meant, a directory's sorted by path; note in `skipped` what a walk passes by."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(_walk(path, skipped))
        if not found:
            _refuse(path, "the directory holds no CloudTrail file; they end in .json or .json.gz")
        yield from found


def _walk(root: Path, skipped: list[Path]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=_refuse_folder):
        folders.sort()
        skipped.extend(Path(folder, name) for name in folders if Path(folder, name).is_symlink())
        for name in sorted(names):
            path = Path(folder, name)
            if not name.endswith(_SUFFIXES):
                continue
            if _DIGEST in name or path.is_symlink() or not path.is_file():
                skipped.append(path)
            else:
                yield path


def _refuse_folder(error: OSError) -> NoReturn:
    _refuse(Path(str(error.filename)), f"it cannot be read ({error.strerror})", error)


def _file_events(path: Path, max_file_bytes: int) -> list[Any]:
    content = _read_bounded(path, max_file_bytes)
    try:
        value = parse_exact(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        _refuse(path, "it is not UTF-8 text; give CloudTrail files as AWS delivers them", error)
    except RecordError as error:
        _refuse(path, f"it cannot be read as a CloudTrail file. {error}", error)
    events = value.get("Records") if isinstance(value, dict) else None
    if not isinstance(events, list):
        _refuse(path, "it holds no Records array; give CloudTrail log files as AWS delivers them")
    return events


def _read_bounded(path: Path, max_file_bytes: int) -> bytes:
    """Return a file's content, unpacked where its first bytes say gzip, and never hold more than the limit."""
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
                    _refuse(path, f"it holds more than {max_file_bytes:,} bytes unpacked; split it")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(path, f"its gzip data is damaged ({error}); fetch it again", error)
    except OSError as error:
        _refuse(path, f"it cannot be read ({error.strerror or error}); check the path and its permissions", error)
    return b"".join(pieces)


def _read_event(
    path: Path, number: int, event: object, tenant_field: str, ttl_seconds: int | None
) -> tuple[AuditRecord, bytes]:
    """Return an event's record, and a digest of the event that leaves the order of its keys aside."""
    try:
        record = event_record(event, tenant_field, ttl_seconds)
        record.check_writable()
        if item_size(record.to_item()) + CHAIN_BYTES > MAX_ITEM_BYTES:
            message = "It is larger than the 400 KB that DynamoDB keeps in one item."
            raise RecordError(message)  # noqa: TRY301 - told with the event's place, like the others
    except (RecordError, TimestampError) as error:
        _refuse(path, f"event {number} cannot be taken in. {error}", error)
    return record, hashlib.sha256(exact_text(event, sort_keys=True).encode()).digest()


def _refuse(path: Path, problem: str, cause: Exception | None = None) -> NoReturn:
    message = f"{visible(str(path))}: {problem.rstrip('.')}."
    raise ImportFileError(message) from cause
