"""The file beside an export that says what it is: where from, which records, how many, when, and its SHA-256.

Values and their JSON form only. Whoever gets both files can tell that they belong together; that nobody changed both is
for a signature to say. How the exported file is made is in `extracts` and `exchange`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import IO, TYPE_CHECKING, Any

from audit_core.errors import ImportFileError
from audit_core.items import is_count
from audit_core.names import visible
from audit_core.retention import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from _typeshed import SupportsWrite

    from audit_core.items import Item
    from audit_core.timestamps import Timestamp

__all__ = ["MANIFEST_ENDING", "Counted", "Manifest", "Positions", "Tally", "check_beside", "manifest_name"]

VERSION = 1
MANIFEST_ENDING = ".manifest.json"
MAX_MANIFEST_BYTES = 1024 * 1024
_CHUNK = 1024 * 1024


def manifest_name(name: str) -> str:
    """Return the name of the manifest beside an exported file."""
    return f"{name}{MANIFEST_ENDING}"


class Counted:
    """A file being written: `size` (bytes) and `sha256` (lower-case hex) of what went through so far."""

    def __init__(self, target: SupportsWrite[bytes]) -> None:
        self.size = 0
        self._target = target
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write on, and count."""
        self._target.write(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """The digest so far."""
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Tally:
    """Positions and records counted as they were written, not as they were judged.

    `present` (int) are positions with a record; `first_dispatched` and `last_dispatched` (None: no time could be read)
    are the earliest and the latest of their records.
    """

    present: int = 0
    first_dispatched: Timestamp | None = None
    last_dispatched: Timestamp | None = None

    def with_records(self, records: Sequence[Item]) -> Tally:
        """Count one more position, with the records that stand there."""
        known = (moment_of(record, "dispatched_at") for record in records)
        times = [when for when in (*known, self.first_dispatched, self.last_dispatched) if when is not None]
        return Tally(self.present + bool(records), min(times, default=None), max(times, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """What became of the positions of a chain that were asked for.

    `first` and `last` (None: there is none) are the chain's positions within what was asked, `past_the_end` those asked
    for that the chain does not reach. `present` counts what the file holds; `expired`, `unproven` and `missing` are the
    verification's (FORMAT 9).
    """

    first: int | None
    last: int | None
    past_the_end: int
    present: int
    expired: int
    unproven: int
    missing: int

    @property
    def asked_for(self) -> int:
        """How many positions of the chain were asked for."""
        return 0 if self.first is None or self.last is None else self.last - self.first + 1

    @property
    def reconcile(self) -> bool:
        """Whether each position asked for is accounted for, once."""
        return self.asked_for == self.present + self.expired + self.unproven + self.missing

    def __str__(self) -> str:
        """Return the sum in words."""
        parts = " + ".join(f"{getattr(self, name):,} {name}" for name in ("present", "expired", "unproven", "missing"))
        return f"{self.asked_for:,} positions asked for {'=' if self.reconcile else '≠'} {parts}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an exported file is.

    `kind` is `records` (those that a filter matches) or `chain`; `filter` is what was asked for, as given, `since` and
    `until` its range of dispatch times, while `first_dispatched` and `last_dispatched` are the file's own. `began_at`
    and `ended_at` are the engine's clock at the first and the last answer. `reason` says why it is not complete (None:
    it is). `fences`, `positions` and `verdict` are None unless it is a chain.
    """

    kind: str
    format: str
    file: str
    table: str
    engine: str
    filter: Mapping[str, str | int]
    order: str
    since: Timestamp | None
    until: Timestamp | None
    first_dispatched: Timestamp | None
    last_dispatched: Timestamp | None
    records: int
    fences: int | None = None
    size: int
    sha256: str
    began_at: Timestamp
    ended_at: Timestamp
    reason: str | None = None
    positions: Positions | None = None
    verdict: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; times in UTC, sizes in bytes."""
        return {
            "audit_manifest": VERSION,
            "kind": self.kind,
            "format": self.format,
            "file": self.file,
            "bytes": self.size,
            "sha256": self.sha256,
            "complete": self.reason is None,
            "reason": self.reason,
            "table": self.table,
            "engine": self.engine,
            "filter": dict(self.filter),
            "order": self.order,
            "window": {
                name: None if (moment := getattr(self, name)) is None else moment.normalised
                for name in ("since", "until", "first_dispatched", "last_dispatched")
            },
            "began_at": self.began_at.normalised,
            "ended_at": self.ended_at.normalised,
            "records": self.records,
            "fences": self.fences,
            "positions": _positions_json(self.positions),
            "verdict": self.verdict,
        }

    def content(self) -> bytes:
        """Return the file to put beside the exported one; all beyond ASCII is escaped."""
        return json.dumps(self.as_json(), indent=2).encode() + b"\n"


def _positions_json(positions: Positions | None) -> dict[str, Any] | None:
    if positions is None:
        return None
    counts = {entry.name: getattr(positions, entry.name) for entry in fields(positions)}
    return {"asked_for": positions.asked_for, **counts, "reconcile": positions.reconcile}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a manifest says of the file that it lies beside, and what was found to be so."""

    kind: str
    records: int
    complete: bool


def check_beside(path: Path) -> Claim | None:
    """Compare a file with the manifest beside it, and return what that says; None: there is no manifest.

    Raises `ImportFileError` where the two do not belong together, or the manifest cannot be read as one.
    """
    beside = path.with_name(manifest_name(path.name))
    if not beside.is_file():
        return None
    named = visible(str(beside))
    with beside.open("rb") as file:
        said = _said(file.read(MAX_MANIFEST_BYTES), named)
    with path.open("rb") as file:
        size, sha256 = _measured(file)
    if (size, sha256) != (said["bytes"], said["sha256"]):
        message = (
            f"{visible(str(path))} is not the file that {named} was written for: it has {size:,} bytes and SHA-256 "
            f"{sha256}, the manifest says {said['bytes']:,} and {said['sha256']}. One of the two was changed; get both "
            "anew from where they come from."
        )
        raise ImportFileError(message)
    return Claim(said["kind"], said["records"], said["complete"])


def _said(content: bytes, named: str) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    sound = (
        isinstance(said, dict)
        and said.get("audit_manifest") == VERSION
        and said.get("kind") in {"records", "chain"}
        and isinstance(said.get("sha256"), str)
        and isinstance(said.get("complete"), bool)
        and all(is_count(said.get(name), 0) for name in ("bytes", "records"))
    )
    if not sound:
        message = f"{named} is no manifest of version {VERSION}, or it is damaged; export anew, or take it away."
        raise ImportFileError(message)
    return dict(said)


def _measured(file: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()
