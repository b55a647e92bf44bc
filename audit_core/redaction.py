"""Redaction: values that must not be kept are replaced before a record is hashed, queued or written.

What is meant is told by `[audit.redact]`, as an Acteon server reads it: a name is meant wherever it stands, a dotted
path from the top, both without regard to case, and lists are passed through. An Acteon server redacts the payload
alone; here the details and the metadata are redacted as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audit_core.errors import RecordError
from audit_core.items import JSON_FIELDS, OPTIONAL_JSON_FIELDS
from audit_core.jsontext import exact_text, parse_exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.records import AuditRecord

__all__ = ["Redactor"]

_FIELDS = (*JSON_FIELDS, *OPTIONAL_JSON_FIELDS)


class Redactor:
    """Replaces the values of `fields` (names or dotted paths) by the text `placeholder`."""

    def __init__(self, fields: Iterable[str], placeholder: str) -> None:
        self._fields = frozenset(field.lower() for field in fields)
        self._placeholder = placeholder

    def record(self, record: AuditRecord) -> AuditRecord:
        """Return the record with its JSON texts redacted; a text in which nothing is meant stays as it is.

        Raises `RecordError` for JSON that cannot be read, or gives one object a key twice: what is in it could not be
        told, and it might be just what is to be left out.
        """
        changed: dict[str, str] = {}
        for name in _FIELDS:
            text = getattr(record, name)
            if text is None:
                continue
            redacted = self.text(name, text)
            if redacted != text:
                changed[name] = redacted
        return replace(record, **changed) if changed else record  # type: ignore[arg-type] # JSON texts, all of them

    def text(self, name: str, text: str) -> str:
        """Return a JSON text redacted; `name` is what errors call it. Raises `RecordError`."""
        try:
            value = parse_exact(text)
        except RecordError as error:
            message = f"{name} cannot be redacted, so it is not stored. {error}"
            raise RecordError(message) from error
        return exact_text(self._redacted(value, "")) if self._means_any(value, "") else text

    def _means(self, key: str, path: str) -> bool:
        return key in self._fields or path in self._fields

    def _means_any(self, value: object, path: str) -> bool:
        if isinstance(value, list):
            return any(self._means_any(member, path) for member in value)
        if not isinstance(value, dict):
            return False
        return any(
            self._means(key.lower(), _below(path, key)) or self._means_any(held, _below(path, key))
            for key, held in value.items()
        )

    def _redacted(self, value: object, path: str) -> object:
        if isinstance(value, list):
            return [self._redacted(member, path) for member in value]
        if not isinstance(value, dict):
            return value
        return {
            key: self._placeholder
            if self._means(key.lower(), _below(path, key))
            else self._redacted(held, _below(path, key))
            for key, held in value.items()
        }


def _below(path: str, key: str) -> str:
    return f"{path}.{key.lower()}" if path else key.lower()
