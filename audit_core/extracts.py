"""Records taken away: all that a filter matches, page by page to a file, and the manifest that says what it is.

CSV is for reading (`spreadsheet`), Parquet for analysis (`parquet`), JSON Lines of typed items is what the hashes are
recomputed from. However many records match, a page or a group of rows of them is held at a time. A chain with its
fences is read by `exchange`; its manifest is made here too, and accounts for every position that was asked for.
"""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from audit_core.errors import EngineError
from audit_core.jsonlines import item_line
from audit_core.manifests import Counted, Manifest, Positions, Tally
from audit_core.parquet import Columns
from audit_core.spreadsheet import Sheet
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import SupportsWrite

    from audit_core.exchange import ChainExport, ExportHeader
    from audit_core.query import Order, RecordFilter, Row
    from audit_core.store import AuditStore
    from audit_core.table import Reading

__all__ = ["Form", "RecordExtract", "write_chain"]

PAGE_ROWS = 500
"""As many as one request of a filtered page goes through, so that none of them is read twice."""

ASCENDING = "sequence"
STOPPED = "it was stopped"


class Form(StrEnum):
    """How records are written down."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


class _Rows(Protocol):
    """A file of records under way."""

    def begin(self) -> None: ...
    def add(self, row: Row) -> None: ...
    def end(self) -> None: ...


class _Lines:
    """Typed items as JSON Lines."""

    def __init__(self, target: Counted) -> None:
        self._target = target

    def begin(self) -> None:
        """Do nothing: each line is whole by itself."""

    def add(self, row: Row) -> None:
        self._target.write(item_line(row.stored.item))

    def end(self) -> None:
        """Do nothing, as in `begin`."""


_WRITERS: Mapping[Form, Callable[[Counted], _Rows]] = {
    Form.CSV: Sheet,
    Form.JSON_LINES: _Lines,
    Form.PARQUET: Columns,
}


class RecordExtract:
    """The records that a filter matches, on their way to a file; iterate it to the end, or stop, then ask what it is.

    Iterating yields the number of records so far after each page, and never raises `EngineError`: what could not be
    read makes it incomplete. Raises `FilterError` for an order that is unknown.
    """

    def __init__(
        self,
        store: AuditStore,
        wanted: RecordFilter,
        form: Form,
        target: SupportsWrite[bytes],
        *,
        order: Order = "newest",
    ) -> None:
        self.records = 0
        self.reading: Reading | None = None
        self._store = store
        self._wanted = wanted
        self._form = form
        self._order = order
        self._target = Counted(target)
        self._rows = _WRITERS[form](self._target)
        self._tally = Tally()
        self._ended = False
        self._began_at: Timestamp | None = None
        self._ended_at: Timestamp | None = None
        self._reason: str | None = "it has not come to its end"

    def __iter__(self) -> Iterator[int]:
        """Go on page by page."""
        try:
            yield from self._pages()
        except EngineError as error:
            self._reason = str(error)
            self._end()

    def stop(self, reason: str = STOPPED) -> None:
        """Say why nobody will go on with it; what was written so far is a file all the same."""
        if self._reason is not None:
            self._reason = reason
            self._end()

    @property
    def reason(self) -> str | None:
        """Why it has not come to its end, or None when it has."""
        return self._reason

    @property
    def has_begun(self) -> bool:
        """Whether the engine has answered at all."""
        return self._began_at is not None

    def manifest(self, name: str) -> Manifest:
        """Return what was written so far, under the name of its file."""
        now = self._store.table.clock.now()
        return Manifest(
            kind="records",
            format=self._form.value,
            file=name,
            table=self._store.table.name,
            engine=self._store.settings.engine_label,
            filter=_as_given(self._wanted),
            order=self._order,
            since=self._wanted.since,
            until=self._wanted.until,
            first_dispatched=self._tally.first_dispatched,
            last_dispatched=self._tally.last_dispatched,
            records=self.records,
            size=self._target.size,
            sha256=self._target.sha256,
            began_at=self._began_at or now,
            ended_at=self._ended_at or now,
            reason=self._reason,
        )

    def _pages(self) -> Iterator[int]:
        cursor: str | None = None
        while True:
            page = self._store.query(self._wanted, order=self._order, limit=PAGE_ROWS, cursor=cursor)
            if self._began_at is None:
                self._began_at = page.at
                self._rows.begin()
            for row in page.rows:
                self._rows.add(row)
            self._tally = self._tally.with_records([row.stored.item for row in page.rows])
            self._ended_at = page.at
            self.reading = page.reading if self.reading is None else self.reading + page.reading
            self.records += len(page.rows)
            cursor = page.next
            if cursor is None:
                self._reason = None
                self._end()
            yield self.records
            if cursor is None:
                return

    def _end(self) -> None:
        if self.has_begun and not self._ended:
            self._ended = True
            self._rows.end()


def _as_given(wanted: RecordFilter) -> dict[str, str | int]:
    values = {entry.name: getattr(wanted, entry.name) for entry in fields(wanted)}
    return {
        name: value.text if isinstance(value, Timestamp) else value
        for name, value in values.items()
        if value is not None
    }


def write_chain(
    export: ChainExport, target: SupportsWrite[bytes], *, name: str, engine: str, asked: Mapping[str, str | int]
) -> tuple[ExportHeader, Manifest]:
    """Write an export that was read to its end, and return its first line and its manifest.

    `name` is the file's, `engine` the engine's label, `asked` the range as it was given, in numbers or times. Raises
    `ImportFileError` when not everything could be read.
    """
    written = Counted(target)
    header = export.write(written)
    report, tally = export.report, export.tally
    manifest = Manifest(
        kind="chain",
        format=Form.JSON_LINES.value,
        file=name,
        table=header.table,
        engine=engine,
        filter={"namespace": header.namespace, "tenant": header.tenant, **asked},
        order=ASCENDING,
        since=None,
        until=None,
        first_dispatched=tally.first_dispatched,
        last_dispatched=tally.last_dispatched,
        records=header.records,
        fences=header.fences,
        size=written.size,
        sha256=written.sha256,
        began_at=report.at,
        ended_at=header.exported_at,
        positions=_positions(export, header),
        verdict=report.verdict.value,
    )
    return header, manifest


def _positions(export: ChainExport, header: ExportHeader) -> Positions:
    """Account for the positions asked for: those of the chain up to its end as it was read, from 0 or genesis on."""
    report, coverage = export.report, export.report.coverage
    ends = [end for end in (report.upper_bound, report.last_sequence) if end is not None]
    end = max(ends, default=-1)
    first = 1 if header.first == 0 and report.first_sequence == 1 else header.first
    last = end if header.last is None else min(header.last, end)
    past = 0 if header.last is None else header.last - max(end, header.first - 1)
    return Positions(
        first=first if first <= last else None,
        last=last if first <= last else None,
        past_the_end=max(0, past),
        present=export.tally.present,
        expired=coverage.expired,
        unproven=coverage.unproven,
        missing=coverage.missing,
    )
