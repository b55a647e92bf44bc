"""Files of audit records as one stream, and records into a store.

What is given is read whole, in order, and what cannot be taken in becomes a list of problems, so that all of it is
known before anything is written. Which files are meant is told in `importfiles`, what they hold in `importkinds`;
chains, hashes and retries are the store's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from audit_core.append import BATCH_LIMIT, MIN_LIFETIME_SECONDS
from audit_core.errors import ConflictError, ImportFileError, RecordError, WriteRefusedError
from audit_core.importentries import ImportOptions, LeftOut, Problem
from audit_core.importfiles import files_meant, read_bounded, refuse_file
from audit_core.importkinds import read_content
from audit_core.linking import same_content
from audit_core.timestamps import NANOS_PER_SECOND, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from audit_core.append import Appended
    from audit_core.plainrecords import ReadRecord
    from audit_core.records import AuditRecord
    from audit_core.timestamps import Timestamp

__all__ = [
    "Conflict",
    "FilesRead",
    "ImportOptions",
    "ImportOutcome",
    "Importable",
    "import_records",
    "read_files",
    "split_expired",
]

MAX_PROBLEMS = 1000
"""How many problems are kept to be listed; the others are counted."""


class Importable(Protocol):
    """What an import needs of a store."""

    @property
    def engine(self) -> str:
        """Which engine it is, `embedded` for the one in memory."""

    def append_many(self, records: Sequence[AuditRecord]) -> tuple[Appended, ...]:
        """Append up to 50 records of one chain; raises `ConflictError` after the others went in."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two deliveries of one id that differ.

    `kept` (Path) is the file whose record counts, the first in order; `refused` (Path) holds the other one.
    """

    id: str
    kept: Path
    refused: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRead:
    """What files hold, as one stream.

    `records` are in the order in which they are appended: those that had a sequence number by it, then the others by
    (`dispatched_at`, `id`). `duplicates` (int) counts records that were delivered again with the same content
    (FORMAT 6.5). `skipped` are the digest files and symbolic links that a walk through a directory passed by.
    `files`, `entries` (records and events) and `kinds` (files of each kind) count what was read; `left_out` counts
    items of exports by `LeftOut`. Of the records, `placed` (int) had a place in a chain, which they lost, and `altered`
    (int) did not agree with the hashes or derived attributes that they came with.

    `problems` are the first 20 of `problem_count`, in order; where there is one, nothing must be written.
    """

    records: tuple[AuditRecord, ...]
    duplicates: int
    conflicts: tuple[Conflict, ...]
    skipped: tuple[Path, ...]
    files: int
    entries: int
    kinds: Mapping[str, int]
    left_out: Mapping[str, int]
    placed: int
    altered: int
    problems: tuple[Problem, ...]
    problem_count: int

    def check_sound(self) -> None:
        """Raise `ImportFileError` with the first problem, where there is any."""
        if not self.problems:
            return
        more = self.problem_count - 1
        others = f" There are {more:,} more problems like that." if more else ""
        message = f"{self.problems[0].message}{others} Nothing was written."
        raise ImportFileError(message)


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did: records `added`, those `present` before (int), and the ids held by other content."""

    added: int
    present: int
    conflicts: tuple[str, ...]


@dataclass(slots=True)
class _Stream:
    """What was read so far."""

    max_records: int
    kept: dict[str, tuple[ReadRecord, Path]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    duplicates: int = 0
    entries: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def take(self, entry: ReadRecord | LeftOut | Problem, path: Path) -> None:
        """Take in what the next line or event of a file came to."""
        if isinstance(entry, Problem):
            self.problem_count += 1
            if len(self.problems) < MAX_PROBLEMS:
                self.problems.append(entry)
        elif isinstance(entry, LeftOut):
            self.left_out[entry.value] += 1
        else:
            self.take_record(entry, path)

    def take_record(self, read: ReadRecord, path: Path) -> None:
        """Keep a record, unless its id was there before; raises `ImportFileError` when there are too many."""
        self.entries += 1
        if self.entries > self.max_records:
            refuse_file(path, f"with it come more than {self.max_records:,} records; import the files in several runs")
        first, kept = self.kept.setdefault(read.record.id, (read, path))
        if first is read:
            return
        if _same(first, read):
            self.duplicates += 1
        else:
            self.conflicts.append(Conflict(read.record.id, kept=kept, refused=path))


def read_files(paths: Iterable[Path], options: ImportOptions | None = None) -> FilesRead:
    """Read files of any kind, plain or gzip, and directories of them.

    Of a record that is delivered twice the first counts, in the order of the files. What cannot be read or stored
    (CASES 1 to 12, 52) is told in `problems`, with its file and line.

    Raises `ImportFileError` for a directory that holds nothing to import, and for more records than one run takes.
    """
    options = options or ImportOptions()
    skipped: list[Path] = []
    stream = _Stream(options.max_records)
    kinds: Counter[str] = Counter()
    files = 0
    for path in files_meant(paths, skipped):
        files += 1
        try:
            kind, entries = read_content(read_bounded(path, options.max_file_bytes), path, options)
        except ImportFileError as error:
            stream.take(Problem(path, None, str(error)), path)
            continue
        kinds[kind.value] += 1
        for entry in entries:
            stream.take(entry, path)
    kept = sorted((read for read, _path in stream.kept.values()), key=_order)
    return FilesRead(
        records=tuple(read.record for read in kept),
        duplicates=stream.duplicates,
        conflicts=tuple(stream.conflicts),
        skipped=tuple(skipped),
        files=files,
        entries=stream.entries,
        kinds=MappingProxyType(dict(kinds)),
        left_out=MappingProxyType({one.value: stream.left_out[one.value] for one in LeftOut}),
        placed=sum(read.placed for read in kept),
        altered=sum(read.altered for read in kept),
        problems=tuple(stream.problems),
        problem_count=stream.problem_count,
    )


def split_expired(
    records: Iterable[AuditRecord], moment: Timestamp
) -> tuple[tuple[AuditRecord, ...], tuple[AuditRecord, ...]]:
    """Return the records that can be appended at `moment`, and those that cannot any more.

    The latter's expiry is past, or less than two seconds ahead (FORMAT 6.1).
    """
    soonest = moment.epoch_nanos + MIN_LIFETIME_SECONDS * NANOS_PER_SECOND
    live: list[AuditRecord] = []
    expired: list[AuditRecord] = []
    for record in records:
        expiry = record.expires_at_ttl
        (live if expiry is None or expiry * NANOS_PER_SECOND >= soonest else expired).append(record)
    return tuple(live), tuple(expired)


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
    _live, late = split_expired(records, (clock or Clock()).now())
    if late:
        message = (
            f"{len(late):,} of {len(records):,} records would have expired already, or within two seconds; nothing was "
            "written. Leave them out, or give a longer lifetime, or none."
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
    from audit_core.embedded import EMBEDDED_ITEM_LIMIT, WAY_OUT  # noqa: PLC0415 - only that engine needs it

    if count > EMBEDDED_ITEM_LIMIT:
        message = (
            f"{count:,} records are more than the embedded engine is for ({EMBEDDED_ITEM_LIMIT:,}); nothing was "
            f"written. {WAY_OUT}"
        )
        raise WriteRefusedError(message)


def _same(one: ReadRecord, other: ReadRecord) -> bool:
    """Whether two deliveries are of one event, or of one record (FORMAT 6.5)."""
    if one.digest is not None and one.digest == other.digest:
        return True
    return same_content(one.record.to_item(), other.record.to_item())


def _order(read: ReadRecord) -> tuple[bool, int, Timestamp, str]:
    """Order by sequence number where there was one: clocks do not order a chain, and a backlog keeps its order."""
    return (read.position is None, read.position or 0, read.record.dispatched_at, read.record.id)
