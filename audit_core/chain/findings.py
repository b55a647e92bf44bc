"""What a verification says: findings, coverage, verdict and the report of one chain (FORMAT 9).

Values only. They are made by `verifier` and `walk`, and turned into words and JSON by the pages and the command line.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit_core.items import Item
    from audit_core.table import Reading
    from audit_core.timestamps import Timestamp

__all__ = [
    "ChainReport",
    "Coverage",
    "Evidence",
    "Exhibit",
    "Finding",
    "FindingKind",
    "FindingState",
    "Severity",
    "Summary",
    "Told",
    "Verdict",
    "json_number",
    "worst",
]

Position = int | Decimal
"""A sequence number as stored; whole ones are int, an intruder's may be 499.5."""


class Severity(enum.Enum):
    """How a finding bears on the verdict."""

    BREAK = "break"
    UNPROVEN = "unproven"
    INFORMATION = "information"


class FindingKind(enum.StrEnum):
    """The kinds of FORMAT 9, named as there."""

    CONTENT_MODIFIED = "content_modified"
    BROKEN_LINK = "broken_link"
    MISSING_HASH = "missing_hash"
    MISSING_RECORD = "missing_record"
    EXPIRED = "expired"
    EXPIRED_UNPROVEN = "expired_unproven"
    SKIPPED_SEQUENCE = "skipped_sequence"
    TRUNCATED_TAIL = "truncated_tail"
    DUPLICATE_SEQUENCE = "duplicate_sequence"
    MISSING_FENCE = "missing_fence"
    FENCE_MISMATCH = "fence_mismatch"
    FIELD_MISMATCH = "field_mismatch"
    MALFORMED_RECORD = "malformed_record"
    UNCHAINED_RECORD = "unchained_record"
    COVERAGE_LOST = "coverage_lost"
    CHECKPOINT_MISMATCH = "checkpoint_mismatch"
    LONE_INTENT = "lone_intent"


class Verdict(enum.StrEnum):
    """The verdicts of FORMAT 9, best first; `unchained` is a tenant without a chain and judges nothing."""

    UNCHAINED = "unchained"
    INTACT = "intact"
    INTACT_WITH_EXPIRY = "intact_with_expiry"
    UNPROVEN = "unproven"
    INCOMPLETE = "incomplete"
    BROKEN = "broken"


_SEVERITY = {
    FindingKind.EXPIRED: Severity.INFORMATION,
    FindingKind.COVERAGE_LOST: Severity.INFORMATION,
    FindingKind.LONE_INTENT: Severity.INFORMATION,
    FindingKind.EXPIRED_UNPROVEN: Severity.UNPROVEN,
}
_ORDER = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One position as it was read: its records (several where it is claimed twice, none where it is gone), its fence.

    `fence` is None where there is none; `fence_read` says whether it was asked for.
    """

    sequence_number: Position
    records: tuple[Item, ...]
    fence: Item | None
    fence_read: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding rests on, as it was read again: its position (a run's first), and the neighbours that were read.

    `at` is the engine's clock then.
    """

    at: Timestamp
    exhibit: Exhibit | None
    before: Exhibit | None
    after: Exhibit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding; a run of positions is one, from `sequence_number` to `last_sequence_number`.

    Both are None for a record that has no sequence number. `record_id` (None for what has none left), `expected` and
    `found` (texts, None where there is nothing to compare) name the evidence. `inferred` says that it rests on
    lifetimes alone, `information` that it is no alarm though its kind may be one (FORMAT 9). `evidence` is what stood
    there when it was confirmed; None where nothing was read again for it.
    """

    kind: FindingKind
    sequence_number: Position | None
    last_sequence_number: Position | None
    record_id: str | None = None
    expected: str | None = None
    found: str | None = None
    inferred: bool = False
    information: bool = False
    evidence: Evidence | None = field(default=None, compare=False, repr=False)

    @property
    def severity(self) -> Severity:
        """How it bears on the verdict."""
        return Severity.INFORMATION if self.information else _SEVERITY.get(self.kind, Severity.BREAK)

    @property
    def positions(self) -> int:
        """How many sequence numbers it spans; 0 for a record that has none."""
        if self.sequence_number is None or self.last_sequence_number is None:
            return 0
        return int(self.last_sequence_number - self.sequence_number) + 1


class FindingState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding as it is kept in a file, without its evidence; positions are texts, since 499.5 is no JSON integer."""

    kind: FindingKind
    sequence_number: str | None
    last_sequence_number: str | None
    record_id: str | None
    expected: str | None
    found: str | None
    inferred: bool
    information: bool

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return the form that is kept of a finding."""
        first, last = finding.sequence_number, finding.last_sequence_number
        return cls(
            finding.kind,
            None if first is None else str(first),
            None if last is None else str(last),
            finding.record_id,
            finding.expected,
            finding.found,
            finding.inferred,
            finding.information,
        )

    def finding(self) -> Finding:
        """Return the finding. Raises `ArithmeticError` where its positions are no numbers."""
        first, last = (
            None if one is None else position_from(one) for one in (self.sequence_number, self.last_sequence_number)
        )
        return Finding(
            kind=self.kind,
            sequence_number=first,
            last_sequence_number=last,
            record_id=self.record_id,
            expected=self.expected,
            found=self.found,
            inferred=self.inferred,
            information=self.information,
        )


def position_from(text: str) -> Position:
    """Return the sequence number that a text means. Raises `ArithmeticError` where it is no number."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


class Told:
    """What findings say of which positions, to be asked of very many others."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._firsts: defaultdict[FindingKind, list[Position]] = defaultdict(list)
        self._reach: defaultdict[FindingKind, list[Position]] = defaultdict(list)
        """By kind, the first positions in order, and how far what starts there or before goes."""
        placed = [
            (finding.sequence_number, finding.last_sequence_number, finding.kind)
            for finding in findings
            if finding.sequence_number is not None and finding.last_sequence_number is not None
        ]
        for first, last, kind in sorted(placed):
            self._firsts[kind].append(first)
            self._reach[kind].append(max((last, *self._reach[kind][-1:])))

    def covers(self, finding: Finding) -> bool:
        """Whether one of the findings says the same of every position that this one speaks of."""
        if finding.sequence_number is None or finding.last_sequence_number is None:
            return False
        before = bisect_right(self._firsts[finding.kind], finding.sequence_number)
        return before > 0 and self._reach[finding.kind][before - 1] >= finding.last_sequence_number


@dataclass(frozen=True, slots=True)
class Coverage:
    """Numbers of positions by what vouches for them (FORMAT 9).

    `full`: record present, covered by `content_hash`; `record_hash_only`: present, covered by `record_hash` alone;
    `expired`: gone, proven by fences; `unproven`: gone, and nothing can tell; `missing`: gone, and TTL cannot be why.
    """

    full: int = 0
    record_hash_only: int = 0
    expired: int = 0
    unproven: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """The compatible summary, as an Acteon server gives it (FORMAT 9)."""

    valid: bool
    records_checked: int
    first_broken_at: Position | None
    first_record_id: str | None
    last_record_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What one verification of one chain found, and what it covered.

    `first_sequence` and `last_sequence` are the first and last position that was judged, None where there was none.
    `upper_bound` is the chain's last position when it started; `unvouched_ends` are positions that nothing in the
    table links back to, so that only a checkpoint kept outside vouches for them. `reason` says why it is incomplete.
    `at` is the engine's clock when it began. `unchained` is how many records without a sequence number were seen in the
    tenant, None: they were not looked for; of a tenant without a chain, one is looked for unless `thorough`.
    """

    namespace: str
    tenant: str
    verdict: Verdict
    records_checked: int
    first_sequence: int | None
    last_sequence: int | None
    coverage: Coverage
    findings: tuple[Finding, ...]
    thorough: bool
    upper_bound: int | None
    unvouched_ends: tuple[int, ...]
    first_record_id: str | None
    last_record_id: str | None
    reading: Reading
    at: Timestamp
    reason: str | None = None
    unchained: int | None = None

    @property
    def breaks(self) -> tuple[Finding, ...]:
        """The findings that break the chain."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.BREAK)

    @property
    def summary(self) -> Summary:
        """The compatible summary; valid for `intact` and `intact_with_expiry` alone."""
        broken = [finding.sequence_number for finding in self.breaks if finding.sequence_number is not None]
        return Summary(
            self.verdict in {Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY},
            self.records_checked,
            min(broken, default=None),
            self.first_record_id,
            self.last_record_id,
        )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict; tenants without a chain leave it alone, and no chain at all is `incomplete`."""
    judged = [verdict for verdict in verdicts if verdict is not Verdict.UNCHAINED]
    return max(judged, key=_ORDER.index, default=Verdict.INCOMPLETE)


def json_number(number: Position | None) -> int | float | str | None:
    """Return a sequence number for JSON as stored; one that a double cannot hold exactly comes as text."""
    if number is None:
        return None
    if isinstance(number, int) or number == number.to_integral_value():
        return int(number)
    return float(number) if Decimal(float(number)) == number else str(number)
