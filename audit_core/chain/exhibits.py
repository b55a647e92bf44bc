"""Positions of a chain as they stand now: their records and fences, read by position (FORMAT 5).

A verification keeps the evidence of its alarms. For all else that somebody looks at closely, a page reads a few
positions here. It judges nothing: `verifier` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import Evidence, Exhibit
from audit_core.errors import FilterError
from audit_core.fences import fences_at
from audit_core.items import text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.table import Reading, pages
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from audit_core.chain.findings import Finding
    from audit_core.items import Item
    from audit_core.table import Table
    from audit_core.timestamps import Timestamp

__all__ = ["MOST_POSITIONS", "Exhibits", "read_evidence", "read_exhibits"]

MOST_POSITIONS = 100
"""Positions that are read at once at most."""


@dataclass(frozen=True, slots=True)
class Exhibits:
    """Each position that was asked for, as it stands at `at` (the engine's clock), and what reading it took."""

    by_position: Mapping[int, Exhibit]
    reading: Reading
    at: Timestamp


def read_exhibits(table: Table, chain: tuple[str, str], positions: Iterable[int]) -> Exhibits:
    """Read positions of a chain (namespace, tenant): where records are by the index, what is there consistently.

    Raises `FilterError` for more than `MOST_POSITIONS`, `RecordError` for a bad name, `EngineError`.
    """
    wanted = sorted(set(positions))
    if len(wanted) > MOST_POSITIONS:
        message = f"{len(wanted):,} positions were asked for; read {MOST_POSITIONS} at a time."
        raise FilterError(message)
    fences, answer = fences_at(table, *chain, wanted)
    named = {text: number for number, fence in fences.items() if (text := fence.text("record_id")) is not None}
    indexed, reading = _indexed(table, ns_tenant(*chain), wanted)
    stored = table.get_many((*named, *indexed))
    records = _placed(stored.items, ns_tenant(*chain), named)
    found = {
        number: Exhibit(
            number, tuple(records.get(number, ())), fences[number].item if number in fences else None, fence_read=True
        )
        for number in wanted
    }
    return Exhibits(found, answer.reading + reading + stored.reading, answer.at)


def read_evidence(table: Table, chain: tuple[str, str], finding: Finding) -> tuple[Evidence, Reading]:
    """Read what stands at a finding now: its position, a run's first, and the neighbours of the whole.

    A finding that is at no whole position has neither. Raises as `read_exhibits` does.
    """
    first, last = finding.sequence_number, finding.last_sequence_number
    if not isinstance(first, int) or not isinstance(last, int) or first < 0:
        return Evidence(table.clock.now(), None, None, None), Reading()
    read = read_exhibits(table, chain, (number for number in (first - 1, first, last + 1) if number >= 0))
    before, after = (read.by_position.get(number) for number in (first - 1, last + 1))
    evidence = Evidence(read.at, read.by_position[first], _unless_empty(before), _unless_empty(after))
    return evidence, read.reading


def _unless_empty(exhibit: Exhibit | None) -> Exhibit | None:
    return exhibit if exhibit is not None and (exhibit.records or exhibit.fence is not None) else None


def _indexed(table: Table, chain: str, wanted: Sequence[int]) -> tuple[list[str], Reading]:
    """Return the ids of the records that the index has at these positions."""
    ids: list[str] = []
    reading = Reading()
    for first, last in _runs(wanted):
        for page in pages(table, sequence_range(chain, first, last)):
            reading += page.reading
            ids += [record_id for item in page.items if (record_id := text_of(item, "id")) is not None]
    return ids, reading


def _placed(items: Iterable[Item], chain: str, named: Mapping[str, int]) -> dict[int, list[Item]]:
    """Put records to their positions; one that lost its place in the chain stands where its fence says."""
    found: dict[int, list[Item]] = {}
    for item in sorted(items, key=lambda stored: text_of(stored, "id") or ""):
        number = whole_number(item.get("sequence_number", {}).get("N"))
        if number is None or text_of(item, "ns_tenant") != chain:
            number = named.get(text_of(item, "id") or "")
        if number is not None:
            found.setdefault(number, []).append(item)
    return found


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first and last of each run of consecutive numbers, which are in order."""
    first = last = None
    for number in numbers:
        if last is not None and first is not None and number != last + 1:
            yield first, last
            first = number
        first = number if first is None else first
        last = number
    if first is not None and last is not None:
        yield first, last
