"""What of a record is not stored as it was given: values that redaction replaced, and a payload that is not kept.

Told from the two records alone, the one that was given and the one that is stored, so that it is what really happened
and not what the configuration meant. Values are compared and never returned.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_core.items import JSON_FIELDS, OPTIONAL_JSON_FIELDS
from audit_core.jsontext import exact_text, parse_exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.records import AuditRecord

__all__ = ["Replaced", "Withheld", "withheld"]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Values of one JSON field that the placeholder stands for: `times` of them at a dotted `path` through lists."""

    field: str
    path: str
    times: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is not stored as it was given: `replaced` values, and whether the `payload` is left out as a whole."""

    replaced: tuple[Replaced, ...]
    payload: bool

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.payload or bool(self.replaced)


def withheld(given: AuditRecord, stored: AuditRecord) -> Withheld:
    """Return what of `given` is not in `stored`, which is the same record as `AuditStore.prepared` returns it.

    Raises `RecordError` for JSON that cannot be read.
    """
    replaced: list[Replaced] = []
    for name in (*JSON_FIELDS, *OPTIONAL_JSON_FIELDS):
        before, after = getattr(given, name), getattr(stored, name)
        if before is not None and after is not None and before != after:
            paths = Counter(_changed(parse_exact(before), parse_exact(after), ""))
            replaced += [Replaced(name, path, times) for path, times in paths.items()]
    return Withheld(tuple(replaced), given.action_payload is not None and stored.action_payload is None)


def _changed(before: Any, after: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key, value in before.items():
            yield from _changed(value, after[key], f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _changed(one, other, path)
    elif exact_text(before) != exact_text(after):
        yield path
