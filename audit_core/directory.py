"""The tenant directory of FORMAT 7: the entry that an append carries, the query that lists all, and the scan.

Listing tenants must not scan the table, so the directory is one query of the action index. What was filled by another
writer may lack there; the scan finds it, and says what it went through.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from audit_core.errors import RecordError, TimestampError
from audit_core.fences import parse_fence_id
from audit_core.items import text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.schema import INDEX_ACTION
from audit_core.table import KeyRange, Reading, pages
from audit_core.timestamps import NANOS_PER_MILLI, Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.items import Item
    from audit_core.records import AuditRecord
    from audit_core.table import Answer, Table

__all__ = ["Directory", "TenantEntry", "TenantScan", "list_tenants", "read_entry", "register_update"]

SCAN_SEGMENTS = 4


@dataclass(frozen=True, slots=True, order=True)
class TenantEntry:
    """A tenant; `first_seen` (Timestamp or None) and `demo` are the directory's, empty where a scan found it."""

    namespace: str
    tenant: str
    first_seen: Timestamp | None = None
    demo: bool = False

    @property
    def chain(self) -> str:
        """`{namespace}#{tenant}`."""
        return ns_tenant(self.namespace, self.tenant)


@dataclass(frozen=True, slots=True)
class Directory:
    """Tenants sorted by name, how many entries were not believed (FORMAT 7), and what reading them took.

    `source` is "directory" or "scan".
    """

    entries: tuple[TenantEntry, ...]
    ignored: int
    reading: Reading
    source: str


def register_update(
    prefix: str, table: str, record: AuditRecord, now: Timestamp, *, demo: bool = False
) -> dict[str, Any]:
    """Return the `Update` of the record's tenant entry, without a condition, so that it never fails an append."""
    values: dict[str, dict[str, Any]] = {
        "_fence": {"BOOL": True},
        "action_id": {"S": f"{prefix}TENANTS"},
        "dispatched_at_ms": {"N": str(now.epoch_ms)},
        "namespace": {"S": record.namespace},
        "tenant": {"S": record.tenant},
    }
    if demo:
        values["demo"] = {"BOOL": True}
    names = tuple(values)
    return {
        "TableName": table,
        "Key": {"id": {"S": _entry_id(prefix, record.namespace, record.tenant)}},
        "UpdateExpression": "SET " + ", ".join(f"#n{n} = if_not_exists(#n{n}, :v{n})" for n in range(len(names))),
        "ExpressionAttributeNames": {f"#n{n}": name for n, name in enumerate(names)},
        "ExpressionAttributeValues": {f":v{n}": values[name] for n, name in enumerate(names)},
    }


def list_tenants(table: Table, prefix: str) -> Directory:
    """Read the whole directory. Raises `EngineError`."""
    keys = KeyRange(INDEX_ACTION, "action_id", f"{prefix}TENANTS", "dispatched_at_ms")
    entries: list[TenantEntry] = []
    ignored, reading = 0, Reading()
    for page in pages(table, keys):
        reading += page.reading
        for item in page.items:
            entry = _entry(prefix, item)
            if entry is None:
                ignored += 1
            else:
                entries.append(entry)
    return Directory(tuple(sorted(entries, key=_by_name)), ignored, reading, "directory")


def read_entry(table: Table, prefix: str, namespace: str, tenant: str) -> TenantEntry | None:
    """Read one tenant's entry consistently; None where there is none that counts. Raises `EngineError`."""
    found = table.get(_entry_id(prefix, namespace, tenant)).items
    return _entry(prefix, found[0]) if found else None


class TenantScan:
    """Finds the tenants of every record and fence by a parallel, projected scan of the whole table, step by step.

    Iterating yields what was read so far after each step, which is a page of each part of the table, and can be left
    and taken up again at any step. `found` is what was found so far, all there is once `complete`. A step raises
    `EngineError`, and is done again when the scan is taken up.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._starts: dict[int, Item | None] = dict.fromkeys(range(SCAN_SEGMENTS))
        self._names: set[tuple[str, str]] = set()
        self.reading = Reading()

    def __iter__(self) -> Iterator[Reading]:
        """Go on from where it is."""
        return self

    def __next__(self) -> Reading:
        """Read one page of each part that is not at its end."""
        if self.complete:
            raise StopIteration
        asked = [self._table.submit(self._page, place) for place in self._starts.items()]
        pages = [future.result() for future in asked]
        self._starts = {
            segment: page.last_key for segment, page in zip(self._starts, pages, strict=True) if page.last_key
        }
        self.reading = sum((page.reading for page in pages), self.reading)
        self._names.update(chain.from_iterable(map(_tenants_of, pages)))
        return self.reading

    @property
    def complete(self) -> bool:
        """Whether it came to the end of the table."""
        return not self._starts

    @property
    def tenants(self) -> int:
        """How many tenants it found so far."""
        return len(self._names)

    @property
    def found(self) -> Directory:
        """The tenants that it found so far."""
        entries = [TenantEntry(*names) for names in self._names if _can_be_a_chain(*names)]
        return Directory(tuple(sorted(entries, key=_by_name)), len(self._names) - len(entries), self.reading, "scan")

    def _page(self, place: tuple[int, Item | None]) -> Answer:
        segment, start = place
        return self._table.scan(segment=segment, segments=SCAN_SEGMENTS, projection=("id", "ns_tenant"), start=start)


def _tenants_of(page: Answer) -> Iterator[tuple[str, str]]:
    for item in page.items:
        namespace, separator, tenant = (text_of(item, "ns_tenant") or "").partition("#")
        if separator and namespace and tenant:
            yield namespace, tenant
        parsed = parse_fence_id(text_of(item, "id") or "")
        if parsed is not None:
            yield parsed[0], parsed[1]


def _entry(prefix: str, item: Item) -> TenantEntry | None:
    """Return an entry, or None when its id and `_fence` do not agree with what it says (FORMAT 7, CASES 64)."""
    namespace, tenant = text_of(item, "namespace"), text_of(item, "tenant")
    if namespace is None or tenant is None or not _can_be_a_chain(namespace, tenant):
        return None
    if item.get("_fence") != {"BOOL": True} or text_of(item, "id") != _entry_id(prefix, namespace, tenant):
        return None
    seen = whole_number(item.get("dispatched_at_ms", {}).get("N"))
    try:
        first_seen = None if seen is None else Timestamp.from_nanos(seen * NANOS_PER_MILLI)
    except TimestampError:
        return None
    return TenantEntry(namespace, tenant, first_seen, item.get("demo") == {"BOOL": True})


def _can_be_a_chain(namespace: str, tenant: str) -> bool:
    """Whether FORMAT 1 allows the pair: one that it does not could be read by nobody, and must not stop the others."""
    try:
        ns_tenant(namespace, tenant)
    except RecordError:
        return False
    return True


def _entry_id(prefix: str, namespace: str, tenant: str) -> str:
    return f"{prefix}TENANT#{namespace}#{tenant}"


def _by_name(entry: TenantEntry) -> tuple[str, str]:
    return entry.namespace, entry.tenant
