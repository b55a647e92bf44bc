"""A chain carried away: JSON Lines of typed items, records and fences, that verify without a table.

The first line says what the file is: table, chain, range, time and counts. The others are the items that a thorough
verification is fed, in that order, read consistently, binary as base64. `verify_file` feeds them to the same state
machine, judged by the engine's clock at the time of the export.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from typing import IO, TYPE_CHECKING, Any, Self

import orjson

from audit_core.chain.verifier import ChainVerifier, Covered
from audit_core.chain.walk import ChainWalk
from audit_core.errors import ImportFileError, TimestampError
from audit_core.fences import Fence, parse_fence_id
from audit_core.items import INTENT, is_count, text_of, whole_number
from audit_core.jsonlines import item_line
from audit_core.manifests import Tally
from audit_core.names import ns_tenant, visible
from audit_core.table import Reading
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from _typeshed import SupportsWrite

    from audit_core.chain.findings import ChainReport, Position
    from audit_core.chain.walk import Progress
    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Table

__all__ = ["ChainExport", "ExportHeader", "read_items", "verify_file"]

VERSION = 1
MAX_LINE_BYTES = 2 * 1024 * 1024
"""An item has at most 400 KB; its JSON form may escape and name every part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHeader:
    """The first line of an export.

    `first` and `last` are the range asked for (None: open), `anchors` the lines before its first position that it links
    to, `records` and `fences` the numbers of items, `exported_at` the engine's clock when the last item was read.
    `demo` says that it is the embedded engine's demo data.
    """

    table: str
    namespace: str
    tenant: str
    first: int
    last: int | None
    upper_bound: int | None
    exported_at: Timestamp
    anchors: int
    horizon: int
    records: int
    fences: int
    demo: bool = False

    def line(self) -> bytes:
        """Return the line, without its end."""
        values = {name: getattr(self, name) for name in self.__slots__}
        # a position may be larger than orjson takes: an intruder's is the chain's last
        return json.dumps({"audit_export": VERSION, **values, "exported_at": self.exported_at.normalised}).encode()

    @classmethod
    def read(cls, line: bytes, name: str) -> ExportHeader:
        """Read the first line of the file `name`; raises `ImportFileError`."""
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if not isinstance(values, dict) or values.get("audit_export") != VERSION:
            message = (
                f"{name} is no export of version {VERSION}: its first line does not say so. Export the chain anew."
            )
            raise ImportFileError(message)
        try:
            texts = {key: values[key] for key in ("table", "namespace", "tenant")}
            counts = {key: values[key] for key in ("first", "anchors", "horizon", "records", "fences")}
            bounds = {key: values[key] for key in ("last", "upper_bound")}
            moment = Timestamp.parse(values["exported_at"])
            demo = values.get("demo", False)  # a file from before it was said has none
        except (KeyError, TypeError, TimestampError) as error:
            message = f"The first line of {name} lacks something, or it is damaged; export the chain anew."
            raise ImportFileError(message) from error
        sound = (
            all(isinstance(text, str) and text for text in texts.values())
            and all(is_count(count, 0) for count in counts.values())
            and all(bound is None or is_count(bound, 0) for bound in bounds.values())
            and isinstance(demo, bool)
        )
        if not sound:
            message = f"The first line of {name} is damaged; export the chain anew."
            raise ImportFileError(message)
        return cls(**texts, **counts, **bounds, exported_at=moment, demo=demo)


class _Recorder(ChainVerifier):
    """A verifier that keeps what it is fed."""

    wants_items = True

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as the base class
        super().__init__(*args, **options)
        self.body: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the export that reads it
        self.anchors = self.records = self.fences = self.horizon = 0
        self.tally = Tally()
        self._range = (options["first"], options["last"])

    def anchor(self, record: Item | None, position: int | None, fences: dict[int, Fence], horizon: int) -> None:
        self._write([fences[number].item for number in sorted(fences)], [] if record is None else [record])
        self.anchors, self.horizon = self.fences + self.records, horizon
        super().anchor(record, position, fences, horizon)

    def intruder(self, item: Item, position: Position) -> None:
        self._write([], [item])
        super().intruder(item, position)

    def standing(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        self._write([] if fence is None else [fence.item], records)
        first, last = self._range
        if position >= first and (last is None or position <= last):
            self.tally = self.tally.with_records(records)
        super().standing(position, records, fence, fence_read=fence_read)

    def gone(self, position: int, fence: Fence, now: Timestamp) -> None:
        self._write([fence.item], [])
        super().gone(position, fence, now)

    def unchained(self, items: Iterable[Item]) -> None:
        super().unchained(self._kept(items))

    def _kept(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self._write([], [item])
            yield item

    def _write(self, fences: Sequence[Item], records: Sequence[Item]) -> None:
        for item in (*fences, *records):
            self.body.write(item_line(item))
        self.fences += len(fences)
        self.records += len(records)


class ChainExport:
    """One export of one chain or a range of it; iterate it to the end, then `write` it.

    It verifies as it reads: `report` is what a thorough verification found meanwhile. Use it as a context manager,
    which gives back the temporary file it collects in.
    """

    def __init__(  # noqa: PLR0913 - as a walk is made
        self,
        table: Table,
        namespace: str,
        tenant: str,
        lifetimes: Lifetimes,
        *,
        first: int | None = None,
        last: int | None = None,
        demo: bool = False,
    ) -> None:
        self._recorder: _Recorder | None = None
        self._table = table
        self._demo = demo
        self._range = (first or 0, last)
        self._walk = ChainWalk(
            table, namespace, tenant, lifetimes, first=first, last=last, thorough=True, verifier=self._make
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what was collected."""
        if self._recorder is not None:
            self._recorder.body.close()

    def __iter__(self) -> Iterator[Progress]:
        """Read step by step; never raises `EngineError`, a failed read is told in the report."""
        yield from self._walk

    @property
    def report(self) -> ChainReport:
        """What a thorough verification found in what was read."""
        return self._walk.report

    @property
    def tally(self) -> Tally:
        """What the last passage wrote down of the positions asked for."""
        return Tally() if self._recorder is None else self._recorder.tally

    def write(self, target: SupportsWrite[bytes]) -> ExportHeader:
        """Write header and items; raises `ImportFileError` when not everything could be read."""
        report, recorder = self.report, self._recorder
        if recorder is None or (report.reason is not None and not (recorder.records or recorder.fences)):
            message = f"There is nothing to export: {report.reason}."
            raise ImportFileError(message)
        if self._walk.reason is not None:
            message = f"The chain could not be read to its end, so it is not exported: {self._walk.reason}"
            raise ImportFileError(message)
        header = ExportHeader(
            table=self._table.name,
            namespace=report.namespace,
            tenant=report.tenant,
            first=self._range[0],
            last=self._range[1],
            upper_bound=report.upper_bound,
            exported_at=self._walk.read_at,
            anchors=recorder.anchors,
            horizon=recorder.horizon,
            records=recorder.records,
            fences=recorder.fences,
            demo=self._demo,
        )
        target.write(header.line() + b"\n")
        recorder.body.seek(0)
        shutil.copyfileobj(recorder.body, target)
        return header

    def _make(self, *args: Any, **options: Any) -> ChainVerifier:  # noqa: ANN401 - as the verifier is made
        """Record what a passage through the chain is fed, in place of what the one before it was."""
        if self._recorder is not None:
            self._recorder.body.close()
        self._recorder = _Recorder(*args, **options)
        return self._recorder


def verify_file(source: IO[bytes], name: str, lifetimes: Lifetimes) -> tuple[ExportHeader, ChainReport]:
    """Verify an export, line by line, without a table; `source` can be read anew, `name` is what errors call it.

    Return its first line and the report. Raises `ImportFileError` for a file that is damaged, cut, or no export.
    """
    header = ExportHeader.read(source.readline(MAX_LINE_BYTES), name)
    lines = read_items(source, name)
    verifier = ChainVerifier((header.namespace, header.tenant), lifetimes, first=header.first, last=header.last)
    items = _Counted(lines, name)
    if header.first:
        _feed_anchor(verifier, list(islice(items, header.anchors)), header)
    fed = header.first - 1
    unchained: list[Item] = []
    for position, group in groupby(
        _placed(items, ns_tenant(header.namespace, header.tenant)), key=lambda placed: placed[0]
    ):
        found = [item for _position, item in group]
        if position is None:
            unchained.extend(found)
            continue
        if not isinstance(position, int) or position < 0:
            for item in found:
                verifier.intruder(item, position)
            continue
        if position > fed + 1:
            verifier.empty(fed + 1, position - 1, header.exported_at)
        _feed_position(verifier, position, found, header.exported_at)
        fed = position
    if (items.records, items.fences) != (header.records, header.fences):
        message = (
            f"{name} holds {items.records:,} records and {items.fences:,} fences, but its first line says "
            f"{header.records:,} and {header.fences:,}; it was cut or changed. Export the chain anew."
        )
        raise ImportFileError(message)
    verifier.finish()
    verifier.unchained(unchained)
    for action_id in _unanswered(source, name, set(verifier.open_intents)):
        verifier.lone_intent(action_id)
    reading = Reading(items.records + items.fences)
    covered = Covered(thorough=True, upper_bound=header.upper_bound, reading=reading, at=header.exported_at)
    return header, verifier.report(covered, reason=None)


def _unanswered(source: IO[bytes], name: str, action_ids: set[str]) -> list[str]:
    """Return the actions of which no outcome stands anywhere in the file, as a table is asked by its action index."""
    if action_ids:
        source.seek(0)
        source.readline(MAX_LINE_BYTES)
    for item in read_items(source, name) if action_ids else ():
        if text_of(item, "outcome") != INTENT and "_fence" not in item:
            action_ids.discard(text_of(item, "action_id") or "")
    return sorted(action_ids)


def read_items(source: IO[bytes], name: str) -> Iterator[Any]:
    """Read JSON Lines behind the first, one value a line; raises `ImportFileError` that names the line."""
    for number, line in enumerate(iter(lambda: source.readline(MAX_LINE_BYTES + 1), b""), start=2):
        if len(line) > MAX_LINE_BYTES:
            message = f"Line {number} of {name} is longer than {MAX_LINE_BYTES:,} bytes; it is no item of a table."
            raise ImportFileError(message)
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            message = f"Line {number} of {name} is no JSON: {visible(str(error))}."
            raise ImportFileError(message) from error


class _Counted:
    """The typed items of an export, counted as they pass."""

    def __init__(self, lines: Iterator[Any], name: str) -> None:
        self.records = self.fences = 0
        self._lines = lines
        self._name = name

    def __iter__(self) -> Iterator[Item]:
        """Return itself."""
        return self

    def __next__(self) -> Item:
        """Return the next item; raises `ImportFileError` for a line that is none."""
        item = next(self._lines)
        if not isinstance(item, dict) or not all(
            isinstance(value, dict) and len(value) == 1 for value in item.values()
        ):
            message = f"A line of {self._name} is no typed item; export the chain anew."
            raise ImportFileError(message)
        if _fence_position(item) is None:
            self.records += 1
        else:
            self.fences += 1
        return item


def _placed(items: Iterator[Item], chain: str) -> Iterator[tuple[Position | None, Item]]:
    """Give each item its position: a fence's is in its id; a record that lost its own stands behind its fence.

    None is that of a record without a sequence number, which comes last in an export.
    """
    fence: Fence | None = None
    for item in items:
        number = _fence_position(item)
        if number is not None:
            fence = Fence.read(number, item)
            yield number, item
            continue
        text = item.get("sequence_number", {}).get("N")
        own = whole_number(text)
        lost = own is None or text_of(item, "ns_tenant") != chain
        if lost and fence is not None and fence.text("record_id") == text_of(item, "id"):
            yield fence.sequence_number, item
        elif text is None:
            yield None, item
        else:
            yield (Decimal(text) if own is None else own), item


def _feed_anchor(verifier: ChainVerifier, items: Sequence[Item], header: ExportHeader) -> None:
    fences = {number: Fence.read(number, item) for item in items if (number := _fence_position(item)) is not None}
    record = next((item for item in items if _fence_position(item) is None), None)
    position = None if record is None else whole_number(record.get("sequence_number", {}).get("N"))
    verifier.anchor(record, position, fences, header.horizon)


def _feed_position(verifier: ChainVerifier, position: int, items: Sequence[Item], now: Timestamp) -> None:
    fence_item = next((item for item in items if _fence_position(item) is not None), None)
    fence = None if fence_item is None else Fence.read(position, fence_item)
    records = [item for item in items if item is not fence_item]
    if records:
        verifier.standing(position, records, fence, fence_read=True)
    elif fence is not None:
        verifier.gone(position, fence, now)


def _fence_position(item: Item) -> int | None:
    parsed = parse_fence_id(text_of(item, "id") or "")
    return None if parsed is None else parsed[2]
