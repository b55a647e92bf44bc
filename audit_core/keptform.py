"""What is kept of a verification, as a value and as JSON: written as it is, and read back with a doubt about each part.

The text may come from another version of this program, from another table, or from somebody's editor. Where it is
kept, and when, is left to `kept`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from audit_core.chain.findings import Coverage, FindingKind, Severity, Verdict
from audit_core.errors import RecordError, TimestampError
from audit_core.names import ns_tenant
from audit_core.schema import made_when
from audit_core.table import Reading
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    import enum

    from audit_core.chain.findings import ChainReport
    from audit_core.store import AuditStore

__all__ = ["FindingCount", "KeptFileError", "KeptVerification", "TableIdentity", "from_json", "to_json"]

VERSION = 1
MOST_REASON = 500
_WHAT = "last verification of a chain"

_Word = TypeVar("_Word", bound="enum.Enum")


class KeptFileError(ValueError):
    """A file that is not what this program keeps, or not about this table."""


@dataclass(frozen=True, slots=True)
class TableIdentity:
    """What tells a table from any other: engine, endpoint, region, name, and when and by whose account it was made."""

    engine: str
    url: str
    region: str
    table_name: str
    made: str

    @classmethod
    def of(cls, store: AuditStore) -> TableIdentity:
        """Return which table a store found when it was opened, or else finds now. Raises `EngineError`."""
        return cls.read(store) if store.made is None else cls._of(store, store.made)

    @classmethod
    def read(cls, store: AuditStore) -> TableIdentity:
        """Ask the engine which table a store has open. Raises `EngineError`."""
        return cls._of(store, made_when(store.table.client, store.settings))

    @classmethod
    def _of(cls, store: AuditStore, made: str) -> TableIdentity:
        audit = store.settings.audit
        return cls(store.engine, audit.url or "", audit.region, audit.table_name, made)

    @property
    def digest(self) -> str:
        """A name for a folder."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class FindingCount:
    """How many findings there were of a kind and a weight."""

    kind: FindingKind
    severity: Severity
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVerification:
    """What a verification of a whole chain said, without its findings; the fields are `ChainReport`'s.

    `failed_at` is when a later attempt could not be finished (None: there was none), and `reason` then says why.
    """

    namespace: str
    tenant: str
    verdict: Verdict
    at: Timestamp
    thorough: bool
    records_checked: int
    first_sequence: int | None
    last_sequence: int | None
    upper_bound: int | None
    last_record_id: str | None
    coverage: Coverage
    findings: tuple[FindingCount, ...]
    reading: Reading
    reason: str | None = None
    failed_at: Timestamp | None = None

    @classmethod
    def of(cls, report: ChainReport) -> KeptVerification:
        """Return what of a report is kept."""
        counted = Counter((finding.kind, finding.severity) for finding in report.findings)
        return cls(
            namespace=report.namespace,
            tenant=report.tenant,
            verdict=report.verdict,
            at=report.at,
            thorough=report.thorough,
            records_checked=report.records_checked,
            first_sequence=report.first_sequence,
            last_sequence=report.last_sequence,
            upper_bound=report.upper_bound,
            last_record_id=report.last_record_id,
            coverage=report.coverage,
            findings=tuple(FindingCount(kind, severity, number) for (kind, severity), number in counted.items()),
            reading=report.reading,
            reason=None if report.reason is None else report.reason[:MOST_REASON],
        )

    @property
    def told_at(self) -> Timestamp:
        """When it was said last: by the verification, or by a later attempt that failed."""
        return self.at if self.failed_at is None else max(self.at, self.failed_at)

    @property
    def verified_to(self) -> int | None:
        """The last position that it speaks of; None where it speaks of none."""
        ends = [end for end in (self.last_sequence, self.upper_bound) if end is not None]
        return max(ends, default=None)


def to_json(kept: KeptVerification, table: TableIdentity) -> bytes:
    """Return the text of a file."""
    values = {entry.name: getattr(kept, entry.name) for entry in fields(kept)}
    values |= {
        "what": _WHAT,
        "version": VERSION,
        "table": asdict(table),
        "verdict": kept.verdict.value,
        "at": kept.at.normalised,
        "failed_at": None if kept.failed_at is None else kept.failed_at.normalised,
        "coverage": asdict(kept.coverage),
        "reading": asdict(kept.reading),
        "findings": [
            {"kind": one.kind.value, "severity": one.severity.value, "number": one.number} for one in kept.findings
        ],
    }
    return json.dumps(values, indent=1).encode() + b"\n"


def from_json(text: bytes, table: TableIdentity) -> KeptVerification:
    """Read the text of a file. Raises `KeptFileError` for what is damaged, of another version, or of another table."""
    try:
        given = _ours(json.loads(text), table)
        namespace, tenant = _text(given["namespace"]), _text(given["tenant"])
        ns_tenant(namespace, tenant)
        return KeptVerification(
            namespace=namespace,
            tenant=tenant,
            verdict=_word(Verdict, given["verdict"]),
            at=Timestamp.parse(_text(given["at"])),
            thorough=_flag(given["thorough"]),
            records_checked=_count(given["records_checked"]),
            first_sequence=_position(given["first_sequence"]),
            last_sequence=_position(given["last_sequence"]),
            upper_bound=_position(given["upper_bound"]),
            last_record_id=None if given["last_record_id"] is None else _text(given["last_record_id"]),
            coverage=Coverage(**{entry.name: _count(given["coverage"][entry.name]) for entry in fields(Coverage)}),
            findings=tuple(
                FindingCount(_word(FindingKind, one["kind"]), _word(Severity, one["severity"]), _count(one["number"]))
                for one in given["findings"]
            ),
            reading=_reading(given["reading"]),
            reason=None if given["reason"] is None else _text(given["reason"])[:MOST_REASON],
            failed_at=None if given["failed_at"] is None else Timestamp.parse(_text(given["failed_at"])),
        )
    except KeptFileError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError, RecordError, TimestampError) as error:
        message = "It is damaged."
        raise KeptFileError(message) from error


def _ours(given: Any, table: TableIdentity) -> Any:  # noqa: ANN401 - whatever a file may hold
    if given["what"] != _WHAT or _count(given["version"]) != VERSION or given["table"] != asdict(table):
        message = "It was kept by another version, or is about another table."
        raise KeptFileError(message)
    return given


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a file may hold
    if not isinstance(value, str):
        raise TypeError
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401 - whatever a file may hold
    if not isinstance(value, bool):
        raise TypeError
    return value


def _count(value: Any) -> int:  # noqa: ANN401 - whatever a file may hold
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _position(value: Any) -> int | None:  # noqa: ANN401 - whatever a file may hold
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError
    return value


def _reading(value: Any) -> Reading:  # noqa: ANN401 - whatever a file may hold
    units = value["units"]
    if not isinstance(units, int | float) or isinstance(units, bool) or not 0 <= units < float("inf"):
        raise TypeError
    return Reading(_count(value["items"]), _count(value["requests"]), float(units))


def _word(kind: type[_Word], value: Any) -> _Word:  # noqa: ANN401 - whatever a file may hold
    return kind(_text(value))
