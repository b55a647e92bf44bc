"""A verification that was stopped, kept as a small JSON file and gone on from (`ChainWalk.save`).

It says what it is of: table, chain, range, and the version of its form; how far it came: the chain's last position as
it was at the start, the position reached, what the next link must be, and the findings so far. Whoever can write the
file can write findings out of it, so it is kept as the report is; a state of something else is refused.
"""

from __future__ import annotations

import msgspec

from audit_core.chain.findings import FindingState  # noqa: TC001 - msgspec reads annotations while it runs
from audit_core.chain.reader import ReaderState  # noqa: TC001 - as above
from audit_core.errors import SavedRunError
from audit_core.names import visible

__all__ = ["VERSION", "SavedRun"]

VERSION = 1


class _Form(msgspec.Struct):
    """What tells whether the rest can be read."""

    audit_verification: int


class SavedRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of one verification.

    `first`, `last` and `thorough` are as in `ChainWalk`, `passage` counts how often the chain was read, `earlier` are
    the findings of the passage before, `upper` binds it from the second passage on; `items`, `requests` and `units` are
    what reading took so far, `at` is when it began, by the engine's clock. `reader` is how far the passage is, None
    where it has to begin anew.
    """

    audit_verification: int
    table: str
    namespace: str
    tenant: str
    first: int
    last: int | None
    thorough: bool
    passage: int
    upper: int | None
    earlier: list[FindingState]
    items: int
    requests: int
    units: float
    at: str | None
    reader: ReaderState | None

    def to_json(self) -> bytes:
        """Return the file's content."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> SavedRun:
        """Read a file's content. Raises `SavedRunError` for one that is damaged or of another version."""
        try:
            version = msgspec.json.decode(content, type=_Form).audit_verification
        except msgspec.DecodeError as error:
            raise _damaged(error) from error
        if version != VERSION:
            message = (
                f"The saved verification has the form of version {version}, and this program reads {VERSION}; "
                "verify the chain from its beginning."
            )
            raise SavedRunError(message)
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.DecodeError as error:
            raise _damaged(error) from error

    def check(self, table: str, chain: tuple[str, str], first: int, last: int | None, *, thorough: bool) -> None:
        """Raise `SavedRunError` unless it is of this table, chain (namespace, tenant), range and depth."""
        for what, own, asked in (
            ("table", self.table, table),
            ("chain", f"{self.namespace}#{self.tenant}", "#".join(chain)),
            ("range", (self.first, self.last), (first, last)),
            ("depth (thorough or not)", self.thorough, thorough),
        ):
            if own != asked:
                message = (
                    f"The saved verification is of another {what}: {visible(str(own))}, not {visible(str(asked))}; "
                    "give its own file, or verify from the beginning."
                )
                raise SavedRunError(message)


def _damaged(error: Exception) -> SavedRunError:
    return SavedRunError(
        f"The saved verification is damaged ({visible(str(error))}); verify the chain from its beginning."
    )
