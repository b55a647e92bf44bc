"""The errors that `audit_core` raises; every one says what to do.

    AuditError
    ├── InputError (ValueError)       what was passed in is wrong; nothing was sent
    │   ├── RecordError               a record, or one of its fields
    │   ├── TimestampError            not an RFC 3339 time with an offset
    │   ├── FilterError               a query's filter, limit or range
    │   ├── CursorError               a page cursor that is damaged or belongs elsewhere
    │   ├── ImportFileError           a file given to an importer
    │   └── SavedRunError             a saved verification that is damaged or belongs elsewhere
    ├── SettingsError                 acteon.toml or its environment overrides
    ├── EngineError                   DynamoDB, or the way to it
    │   ├── EngineUnreachableError    no answer from the endpoint
    │   ├── CredentialsError          none, expired or refused
    │   ├── TableMissingError         no such table
    │   ├── TableMismatchError        the table differs from the contract in a way that breaks reading
    │   └── ThrottledError            the engine refuses for load
    └── WriteError                    nothing was acknowledged
        ├── WriteRefusedError         configured read-only, immutable, or an engine that a page must not write to
        ├── ConflictError             the id is taken by other content
        ├── ChainBlockedError         the chain cannot be continued safely
        ├── NotWrittenError           the deadline passed and it is certain that nothing was written
        └── OutcomeUnknownError       the deadline passed in doubt: neither success nor failure

A message is one paragraph of plain words: what happened, then what to do. It never holds a secret or a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit_core.append import Appended

__all__ = [
    "AuditError",
    "ChainBlockedError",
    "ConflictError",
    "CredentialsError",
    "CursorError",
    "EngineError",
    "EngineUnreachableError",
    "FilterError",
    "ImportFileError",
    "InputError",
    "NotWrittenError",
    "OutcomeUnknownError",
    "RecordError",
    "SavedRunError",
    "SettingsError",
    "TableMismatchError",
    "TableMissingError",
    "ThrottledError",
    "TimestampError",
    "WriteError",
    "WriteRefusedError",
]


class AuditError(Exception):
    """Anything that this package raises on purpose.

    `appended` (tuple of `append.Appended`) is what did go in of an append that ended in it.
    """

    appended: tuple[Appended, ...] = ()


class InputError(AuditError, ValueError):
    """What was passed in is wrong; nothing was sent to the engine."""


class RecordError(InputError):
    """A record, or one of its fields, cannot be stored as it is."""


class TimestampError(InputError):
    """Not an RFC 3339 time with an offset."""


class FilterError(InputError):
    """A query's filter, limit or range makes no sense."""


class CursorError(InputError):
    """A page cursor is damaged, of another version, or belongs to another tenant or filter."""


class ImportFileError(InputError):
    """A file given to an importer cannot be read as what it should be."""


class SavedRunError(InputError):
    """A saved verification is damaged, of another version, or of another table, chain or range."""


class SettingsError(AuditError):
    """`acteon.toml` or an environment override is wrong; names file, key and line."""


class EngineError(AuditError):
    """DynamoDB answered with an error, or did not answer."""


class EngineUnreachableError(EngineError):
    """No answer from the endpoint."""


class CredentialsError(EngineError):
    """Credentials are missing, expired or refused."""


class TableMissingError(EngineError):
    """There is no such table."""


class TableMismatchError(EngineError):
    """The table differs from FORMAT 1 in a way that breaks reading."""


class ThrottledError(EngineError):
    """The engine refuses for load, after the retries."""


class WriteError(AuditError):
    """A write was not acknowledged."""


class WriteRefusedError(WriteError):
    """The configuration, or the engine's kind, forbids the write; nothing was sent."""


class ConflictError(WriteError):
    """The id is taken by other content.

    `ids` (tuple of str) names the records; the others of the batch went in.
    """

    def __init__(self, message: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.ids = ids


class ChainBlockedError(WriteError):
    """The chain's next position cannot be determined safely (FORMAT 6.4).

    `sequence_number` (int) is the position that blocks.
    """

    def __init__(self, message: str, sequence_number: int) -> None:
        super().__init__(message)
        self.sequence_number = sequence_number


class NotWrittenError(WriteError):
    """The deadline passed, and it is certain that the records `ids` were not written."""

    def __init__(self, message: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.ids = ids


class OutcomeUnknownError(WriteError):
    """The deadline passed in doubt: the records `ids` may or may not have been written (FORMAT 6.6)."""

    def __init__(self, message: str, ids: tuple[str, ...]) -> None:
        super().__init__(message)
        self.ids = ids
