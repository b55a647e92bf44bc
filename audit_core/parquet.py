"""Records as Parquet for analysis: a row each, in groups of rows, so that one group of them is held at a time.

Text and times stand as they are stored, to the last digit; beside each time is one that can be computed with, in UTC
and to the microsecond. A number that is not whole, or of another type than FORMAT 2 says, is left out of its column.
Nothing is lost by that: `item` holds the typed item, one line of JSON as in JSON Lines, and the hashes are recomputed
from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from audit_core.items import ATTRIBUTE_TYPES, KNOWN_ATTRIBUTES, text_of, whole_number
from audit_core.jsonlines import item_line
from audit_core.retention import moment_of
from audit_core.spreadsheet import ATTRIBUTE_ORDER, further_attributes, remarks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audit_core.manifests import Counted
    from audit_core.query import Row

__all__ = ["Columns"]

GROUP_ROWS = 5_000
GROUP_BYTES = 16 * 1024 * 1024
"""A group of rows is written when it reaches either of the two."""

_LARGEST = 2**63 - 1
_TIMES = {"dispatched_at": "dispatched_utc", "completed_at": "completed_utc", "expires_at": "expires_utc"}


class Columns:
    """A Parquet file under way; `begin` it, `add` rows, and `end` it: without its end it cannot be read."""

    def __init__(self, target: Counted) -> None:
        self._sink = _Sink(target)
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._writer: Any = None

    def begin(self) -> None:
        """Write the beginning."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {"S": pa.string(), "N": pa.int64()}
        fields = []
        for name in ATTRIBUTE_ORDER:
            fields.append((name, types[ATTRIBUTE_TYPES[name]]))
            if name in _TIMES:
                fields.append((_TIMES[name], pa.timestamp("us", "UTC")))
        fields += [(name, pa.string()) for name in ("further_attributes", "remarks", "item")]
        with self._sink:
            self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), pa.schema(fields), compression="zstd")

    def add(self, row: Row) -> None:
        """Take one record."""
        line = item_line(row.stored.item).decode().removesuffix("\n")
        self._rows.append({**_values(row), "item": line})
        self._bytes += len(line)
        if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write_group()

    def end(self) -> None:
        """Write what is left, and the end."""
        if self._rows:
            self._write_group()
        with self._sink:
            self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        group = pa.Table.from_pylist(self._rows, schema=self._writer.schema)
        with self._sink:
            self._writer.write_table(group, row_group_size=len(self._rows))
        self._rows, self._bytes = [], 0


class _Sink:
    """The file as Arrow wants it: one that is written to from its start to its end, and that others close.

    It takes only what comes inside a `with`: a writer that nobody ended writes an end by itself when it goes, and by
    then the file is closed.
    """

    closed = False

    def __init__(self, target: Counted) -> None:
        self._target = target
        self._taking = False

    def __enter__(self) -> Self:
        self._taking = True
        return self

    def __exit__(self, *_: object) -> None:
        self._taking = False

    def write(self, data: bytes) -> int:
        return self._target.write(bytes(data)) if self._taking else len(data)

    def tell(self) -> int:
        return self._target.size

    def flush(self) -> None:
        """Do nothing: whoever opened the file sees to it."""

    def close(self) -> None:
        """Do nothing, as in `flush`."""


def _values(row: Row) -> dict[str, Any]:
    item = row.stored.item
    values: dict[str, Any] = {name: _READ[ATTRIBUTE_TYPES[name]](item, name) for name in KNOWN_ATTRIBUTES}
    for name, typed in _TIMES.items():
        moment = moment_of(item, name)
        values[typed] = None if moment is None else moment.epoch_nanos // 1000
    return {**values, "further_attributes": further_attributes(item) or None, "remarks": remarks(row) or None}


def _number_of(item: Mapping[str, Mapping[str, Any]], name: str) -> int | None:
    number = whole_number(item.get(name, {}).get("N"))
    return number if number is not None and abs(number) <= _LARGEST else None


_READ: Mapping[str, Callable[[Mapping[str, Mapping[str, Any]], str], str | int | None]] = {
    "S": text_of,
    "N": _number_of,
}
