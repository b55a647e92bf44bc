"""What a verification says of itself: what was covered and how, what was not, which ends nothing vouches for.

The page, the command line and the documents all say it from here, so that none claims more than another (FORMAT 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import FindingKind, Verdict, worst
from audit_core.chain.words import FINDINGS
from audit_core.errors import RecordError, TimestampError
from audit_core.fences import rebuilt_chain_hash
from audit_core.hashing import content_hash, record_hash
from audit_core.items import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.chain.findings import ChainReport, Exhibit, Finding
    from audit_core.items import Item
    from audit_core.table import Reading
    from audit_core.timestamps import Timestamp

__all__ = [
    "ChainStatement",
    "HashCheck",
    "Statement",
    "altered_part",
    "covered",
    "ends",
    "first_break",
    "hash_checks",
    "limits",
    "not_covered",
    "rung",
    "where",
]

_ENDS_SHOWN = 5
_INFERRED = (
    "Some records are called missing because no lifetime in sight explains their absence. If a shorter lifetime was in "
    "use for a while, declare it as past_ttl_seconds in [dashboard] and verify again."
)


@dataclass(frozen=True, slots=True)
class ChainStatement:
    """A chain's report, and the range that was asked for, in words (None: the whole chain); `note` says more of it."""

    report: ChainReport
    asked: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A verification of several chains: `source` names the table or file, `origin` where the list of chains came from.

    `listing` (Reading) is what making that list took; `demo` says that it is the embedded engine's demo data.
    """

    chains: tuple[ChainStatement, ...]
    source: str
    origin: str
    listing: Reading
    demo: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst verdict."""
        return worst(chain.report.verdict for chain in self.chains)

    @property
    def reading(self) -> Reading:
        """What all of it took."""
        return sum((chain.report.reading for chain in self.chains), self.listing)

    @property
    def as_of(self) -> tuple[Timestamp, ...]:
        """The engine's clock as the first of its chains began to be read, and the last, where these differ."""
        times = sorted({chain.report.at for chain in self.chains})
        return tuple(times[:1] + times[1:][-1:])

    @property
    def has_chain(self) -> bool:
        """Whether there was any chain to verify; without one the verdict is `incomplete` (FORMAT 9)."""
        return any(chain.report.verdict is not Verdict.UNCHAINED for chain in self.chains)


@dataclass(frozen=True, slots=True)
class HashCheck:
    """A hash as it is stored (None: it is not there) and as the item gives it now (None: it cannot be computed)."""

    name: str
    stored: str | None
    recomputed: str | None

    @property
    def differs(self) -> bool:
        """Whether both are there and disagree."""
        return None not in {self.stored, self.recomputed} and self.stored != self.recomputed


def covered(report: ChainReport) -> tuple[str, ...]:
    """Say what was covered, and how."""
    if report.verdict is Verdict.UNCHAINED:
        return (_unchained(report),)
    if report.first_sequence is None or report.last_sequence is None:
        return (f"{report.records_checked:,} records, no position",)
    coverage = report.coverage
    by_what = (
        (coverage.full, "covered in full"),
        (coverage.record_hash_only, "by record_hash only (ten fields)"),
        (coverage.expired, "expired, proven by fences"),
        (coverage.unproven, "gone, unproven"),
        (coverage.missing, "missing"),
    )
    return (
        f"{report.records_checked:,} records, positions {report.first_sequence:,} to {report.last_sequence:,}",
        ", ".join(f"{count:,} {words}" for count, words in by_what if count) or "nothing covered",
    )


def not_covered(report: ChainReport, asked: str | None = None) -> tuple[str, ...]:
    """Say what was not looked at; `asked` is the range asked for in words, None for the whole chain."""
    if report.verdict is Verdict.UNCHAINED:
        return ("No record was checked: what these hold, and whether one is missing, is written down nowhere.",)
    said = []
    if asked is not None:
        said.append(f"Positions outside {asked} were not judged.")
    if not report.thorough and report.coverage.full:
        said.append(
            "The fences of records that carry a content_hash were not read. A thorough verification reads them."
        )
    if report.unchained is None:
        said.append(
            "Records without a sequence number were not looked for. A thorough verification of the whole chain does."
        )
    if report.coverage.record_hash_only:
        said.append(
            "Where only the record hash vouches for a record, ten fields are covered: not its payload, details, "
            "metadata, caller, times of completion and expiry."
        )
    return tuple(said)


def _unchained(report: ChainReport) -> str:
    """Say how many records a tenant without a chain has, as far as that is known."""
    if not report.thorough:
        return (
            "No position: there are records without a sequence number, at least one. A thorough verification counts "
            "them."
        )
    return f"No position: {report.unchained or 0:,} records without a sequence number"


def ends(report: ChainReport) -> str | None:
    """Say which ends only a checkpoint vouches for, None where there is none."""
    places = report.unvouched_ends
    if not places:
        return None
    if len(places) == 1:
        return f"Nothing in the table links back to position {places[0]:,}, the end: only a checkpoint vouches for it."
    named = ", ".join(f"{place:,}" for place in places[:_ENDS_SHOWN])
    more = f" and {len(places) - _ENDS_SHOWN:,} more" if len(places) > _ENDS_SHOWN else ""
    return f"Nothing in the table links back to positions {named}{more}: only a checkpoint vouches for those ends."


def limits(report: ChainReport, asked: str | None = None) -> tuple[str, ...]:
    """Say what a verification did not look at, or could not tell, all of it."""
    reason = () if report.reason is None else (f"It is incomplete: {report.reason.rstrip('.')}.",)
    inferred = (_INFERRED,) if any(finding.inferred for finding in report.findings) else ()
    last = ends(report)
    return (*reason, *not_covered(report, asked), *inferred, *(() if last is None else (last,)))


def rung(report: ChainReport) -> str:
    """Say on which rung of evidence a good verdict stands: linked, or whole (DESIGN, Pages)."""
    coverage = report.coverage
    if coverage.full and not coverage.record_hash_only:
        return "Whole: hashes of the whole content, and links"
    if coverage.full:
        return "Whole in part: some records are vouched for by ten fields only"
    if coverage.record_hash_only:
        return "Linked: ten fields of each record, and links; payload and details are not vouched for"
    return "Fences only: no record is left to check"


def first_break(report: ChainReport) -> str:
    """Say how many breaks were found, and what and where the first one is; empty where there is none."""
    breaks = report.breaks
    if not breaks:
        return ""
    number = "1 break:" if len(breaks) == 1 else f"{len(breaks):,} breaks, the first:"
    return f"{number} {FINDINGS[breaks[0].kind].name}, {where(breaks[0])}."


def where(finding: Finding) -> str:
    """Say where a finding is: "position 4", "positions 4 to 9", "no position"."""
    first, last = finding.sequence_number, finding.last_sequence_number
    if first is None:
        return "no position"
    return f"position {first}" if first == last else f"positions {first} to {last}"


def altered_part(finding: Finding) -> str:
    """Say which part of a record was altered, as far as the hash that no longer fits can tell; empty otherwise."""
    if finding.kind is not FindingKind.CONTENT_MODIFIED or finding.expected is None:
        return ""
    if finding.expected.startswith("record_hash"):
        return (
            "The hash that no longer fits covers ten fields: id, action id, namespace, tenant, provider, action type, "
            "outcome, verdict, time of dispatch, and the link to the record before. One of them was altered."
        )
    return (
        "The hash that no longer fits covers the whole record. Unless another finding names the record hash as well, "
        "the ten fields under that one are as written, and the alteration is elsewhere: payload, details, metadata, "
        "caller, time of completion or expiry."
    )


def hash_checks(exhibit: Exhibit, record: Item, chain: tuple[str, str]) -> tuple[HashCheck, ...]:
    """Return each hash of a record as stored beside what its content gives now (FORMAT 3, 4).

    `chain_hash` is that of the fence, beside the one of the fence that the record calls for; a sealed fence, or none,
    has nothing to be compared with.
    """
    position, rebuilt = exhibit.sequence_number, None
    if "content_hash" in record and isinstance(position, int):
        rebuilt = rebuilt_chain_hash(record, *chain, position)
    stored_fence = None if exhibit.fence is None else text_of(exhibit.fence, "chain_hash")
    return (
        HashCheck("record_hash", text_of(record, "record_hash"), _computed(record_hash, record)),
        HashCheck("content_hash", text_of(record, "content_hash"), _computed(content_hash, record)),
        HashCheck("chain_hash", stored_fence, rebuilt),
    )


def _computed(compute: Callable[[Item], str], record: Item) -> str | None:
    try:
        return compute(record)
    except (RecordError, TimestampError):
        return None
