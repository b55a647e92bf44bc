"""The verification of FORMAT 9 as a pure state machine: positions go in, in order, findings come out.

It reads nothing. `walk` feeds it a live table; whatever else can give positions in order can feed it as well. What one
record says of itself is judged in `judge`, what became of those that are gone in `absences`; here are the links.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core.chain.absences import Absences, Run
from audit_core.chain.findings import ChainReport, Coverage, Finding, FindingKind, Severity, Verdict
from audit_core.chain.judge import Judgement, judge_record
from audit_core.errors import TimestampError
from audit_core.fences import GENESIS, Fence, FenceState
from audit_core.items import text_of
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.chain.findings import Position
    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Reading

__all__ = ["ChainVerifier", "Covered"]

LOOK_BACK = 100
"""Positions that a writer looks back for a full fence (FORMAT 4)."""

INTENT = "pending"
_SEALED_KEPT = 100_000
"""Sealed positions in a row that a link may skip; one that skips more is reported as broken."""
_BARE_KEPT = 2 * LOOK_BACK
_RUNS = frozenset(
    (
        FindingKind.EXPIRED,
        FindingKind.EXPIRED_UNPROVEN,
        FindingKind.MISSING_RECORD,
        FindingKind.SKIPPED_SEQUENCE,
        FindingKind.TRUNCATED_TAIL,
    )
)
_KIND_ORDER = {kind: number for number, kind in enumerate(FindingKind)}


@dataclass(frozen=True, slots=True)
class _Before:
    """What the next position has to link to: acceptable values of `record_hash`, None where nobody can tell them."""

    number: int
    hashes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Full:
    """A full position; its `chain_hash` is None where the fence was not believed. `stands`: its record does."""

    chain_hash: str | None
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What a report says of its source, and the verifier cannot know; fields as in `ChainReport`."""

    thorough: bool
    upper_bound: int | None
    reading: Reading
    at: Timestamp


class ChainVerifier:
    """Verifies one chain, fed with its positions in ascending order.

    `chain` is (namespace, tenant). Positions from `first` to `last` (inclusive, None: to the end) are judged and
    counted; those fed before or after are context. `open_intents` are intents without an outcome so far, as action id →
    (position, record id).
    """

    def __init__(
        self, chain: tuple[str, str], lifetimes: Lifetimes, *, first: int = 0, last: int | None = None
    ) -> None:
        self.open_intents: OrderedDict[str, tuple[int, str | None]] = OrderedDict()
        self.first_position: int | None = None
        self.last_position: int | None = None
        self.first_record_id: str | None = None
        self.last_record_id: str | None = None
        self.records_checked = 0
        self.breaks = 0
        self._chain = chain
        self._lifetimes = lifetimes
        self._first = first
        self._last = last
        self._findings: list[Finding] = []
        self._full = self._record_hash_only = 0
        self._counts = dict.fromkeys(_RUNS, 0)
        self._absences = Absences(self._settle)
        self._before: _Before | None = None
        self._hole: tuple[int, int] | None = None
        self._before_hole: _Before | None = None
        self._holes: list[tuple[int, int]] = []
        self._standing: Item | None = None
        self._gap_read_at: Timestamp | None = None
        # the nearest full position that was not sealed, and the sealed ones after it: what a link may name
        self._fulls: OrderedDict[int, _Full] = OrderedDict()
        self._unsealed: int | None = None
        self._bare_standing: OrderedDict[int, str | None] = OrderedDict()
        self._horizon = 0
        self._saw_full_fence = False
        self._ends: list[int] = []

    def anchor(self, record: Item | None, position: int | None, fences: dict[int, Fence], horizon: int) -> None:
        """Start in mid-chain.

        `record` is the last one that stands before `first`, at `position`; `fences` are those that were read before
        `first`, `horizon` the lowest position from which on all were.
        """
        self._horizon = horizon
        self._standing = record
        for number in sorted(fences):
            if fences[number].holds:
                self._add_full(number, _Full(fences[number].chain_hash, stands=True), sealed=fences[number].sealed)
        just_before = self._first - 1
        fence = fences.get(just_before)
        hashes: frozenset[str] | None = None
        if record is not None and position == just_before:
            judged = judge_record(record, position, self._chain, fence, fence_read=fence is not None)
            hashes = frozenset((judged.record_hash,)) if judged.record_hash else None
            if judged.chain_hash is not None:
                self._add_full(position, _Full(judged.chain_hash, stands=True), sealed=judged.sealed)
        elif fence is not None and fence.holds:
            hashes = frozenset((fence.text("record_hash") or "",))
        self._before = _Before(just_before, hashes)

    def intruder(self, item: Item, position: Position) -> None:
        """Take a record whose sequence number is no position: below 0 or not whole."""
        if self._first <= position or self._first == 0:
            self.records_checked += 1
            self._add(judge_record(item, position, self._chain, None, fence_read=False).findings)

    def standing(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        """Take a position that one record, or several, stand at; `fence` (None: there is none) if `fence_read`."""
        judged = [judge_record(item, position, self._chain, fence, fence_read=fence_read) for item in records]
        number = _chosen(records, fence)
        own, record_id = judged[number], text_of(records[number], "id")
        if self._inside(position):
            self._count(position, records, judged, own)
        if len(records) > 1:
            ids = ", ".join(text_of(item, "id") or "?" for item in records)
            named = fence.text("record_id") if fence is not None else None
            self._find(FindingKind.DUPLICATE_SEQUENCE, position, record_id, named or "one record", ids)
        previous = text_of(records[number], "previous_hash")
        if not self._previous_fits(position, previous):
            expected = "none" if self._before is None else " or ".join(sorted(self._before.hashes or ()))
            self._find(
                FindingKind.BROKEN_LINK, position, record_id, f"previous_hash {expected}", f"previous_hash {previous}"
            )
        self._close_gap(records[number])
        if own.chain_hash is not None:
            self._follow_link(position, own.link, record_id)
            self._add_full(position, _Full(own.chain_hash, stands=True), sealed=own.sealed)
        elif fence_read and fence is not None and fence.state is FenceState.BARE:
            self._bare_standing[position] = record_id
            if len(self._bare_standing) > _BARE_KEPT:
                self._bare_standing.popitem(last=False)
        self._before = _Before(position, frozenset(entry.record_hash for entry in judged if entry.record_hash) or None)
        self._standing = records[number]
        for item in records:
            self._note_intent(position, item)

    def gone(self, position: int, fence: Fence, now: Timestamp) -> None:
        """Take a position whose record is gone, with its fence, read at the engine's time `now`."""
        self._gap_read_at = now
        self._note(position)
        if fence.state is FenceState.BARE:
            self._previous_fits(position, None, bare=True)
            self._absences.bare(position)
            self._before = _Before(position, None)
            return
        record_id = fence.text("record_id")
        if not fence.holds:
            what = "a damaged item" if fence.state is FenceState.DAMAGED else "a chain_hash that does not recompute"
            self._previous_fits(position, None, bare=True)
            self._disbelieve(position, record_id, "a fence as FORMAT 5 describes it", what)
            return
        self._saw_full_fence |= self._inside(position)
        if not self._previous_fits(position, fence.text("previous_hash")):
            self._disbelieve(position, record_id, "the previous_hash of the record before", "another previous_hash")
            return
        if not self._follow_link(position, fence.link, record_id, in_fence=True):
            self._disbelieve(position, record_id, "a link to the nearest full fence before", "another link")
            return
        expires = fence.number("record_expires_at")
        if expires is not None and expires <= now.epoch_seconds:
            self._absences.proof(position, record_id, f"a record that expired at {_instant(expires)}")
        else:
            when = "never expires" if expires is None else f"expires at {_instant(expires)}"
            self._absences.missing(position, position, record_id, f"a record that {when}")
        self._add_full(position, _Full(fence.chain_hash, stands=False), sealed=fence.sealed)
        self._before = _Before(position, frozenset((fence.text("record_hash") or "",)))

    def empty(self, first: int, last: int, now: Timestamp) -> None:
        """Take positions that have neither fence nor record."""
        self._gap_read_at = now
        if self._hole is None:
            self._hole, self._before_hole = (first, last), self._before
        else:
            self._hole = (self._hole[0], last)
        self._before = _Before(last, None)

    def finish(self) -> None:
        """Decide everything that waited for the chain's end (FORMAT 9)."""
        self._hole = None
        self._close_gap(None)
        self._absences.finish()
        if self.last_position is not None:
            self._ends.append(self.last_position)

    def lone_intent(self, action_id: str) -> None:
        """Report an open intent, once it was made sure that no outcome stands."""
        position, record_id = self.open_intents.pop(action_id)
        self._find(
            FindingKind.LONE_INTENT, position, record_id, "an outcome with the same action_id", "an intent alone"
        )

    @property
    def unsettled(self) -> bool:
        """Whether what follows can still change what was said of positions fed so far."""
        waits = self._hole is not None or self._absences.waiting
        return waits or any(self._inside(position) for position in self._bare_standing)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, by position; a run of positions is one."""
        merged: list[Finding] = []
        key = lambda finding: (finding.sequence_number, _KIND_ORDER[finding.kind])  # noqa: E731
        for finding in sorted(self._findings, key=key):
            last = merged[-1] if merged else None
            if last is not None and finding.kind in _RUNS and _continues(last, finding):
                merged[-1] = replace(
                    last, last_sequence_number=finding.last_sequence_number, record_id=None, expected=None
                )
            else:
                merged.append(finding)
        return tuple(merged)

    @property
    def coverage(self) -> Coverage:
        """The positions judged so far, by what vouches for them."""
        counts = self._counts
        missing = (FindingKind.MISSING_RECORD, FindingKind.TRUNCATED_TAIL, FindingKind.SKIPPED_SEQUENCE)
        return Coverage(
            self._full,
            self._record_hash_only,
            counts[FindingKind.EXPIRED],
            counts[FindingKind.EXPIRED_UNPROVEN],
            sum(counts[kind] for kind in missing),
        )

    @property
    def unvouched_ends(self) -> tuple[int, ...]:
        """Positions that nothing in the table links back to (FORMAT 9)."""
        return tuple(dict.fromkeys(self._ends))

    def verdict(self, *, complete: bool) -> Verdict:
        """Return the worst verdict that applies; `complete` says that everything asked for was read and decided."""
        coverage = self.coverage
        if self.breaks:
            verdict = Verdict.BROKEN
        elif not complete or not (self.records_checked or self._saw_full_fence):
            verdict = Verdict.INCOMPLETE
        elif coverage.unproven:
            verdict = Verdict.UNPROVEN
        else:
            verdict = Verdict.INTACT_WITH_EXPIRY if coverage.expired else Verdict.INTACT
        return verdict

    def report(self, covered: Covered, *, reason: str | None) -> ChainReport:
        """Return the report of what was fed so far; `reason` says why that is not everything, None when it is."""
        verdict = self.verdict(complete=reason is None)
        if verdict is Verdict.INCOMPLETE and reason is None:
            reason = "there was neither a record nor a full fence to check"
        return ChainReport(
            namespace=self._chain[0],
            tenant=self._chain[1],
            verdict=verdict,
            records_checked=self.records_checked,
            first_sequence=self.first_position,
            last_sequence=self.last_position,
            coverage=self.coverage,
            findings=self.findings,
            thorough=covered.thorough,
            upper_bound=covered.upper_bound,
            unvouched_ends=self.unvouched_ends,
            first_record_id=self.first_record_id,
            last_record_id=self.last_record_id,
            reading=covered.reading,
            at=covered.at,
            reason=reason,
        )

    def _previous_fits(self, position: int, previous: str | None, *, bare: bool = False) -> bool:
        """Whether `previous_hash` is what the positions before call for; tells what a hole before was as well.

        `bare` is a position that does not say what it links to.
        """
        if self._hole is not None:
            hole, self._hole = self._hole, None
            from_one = hole == (0, 0) and position == 1 and (bare or previous == GENESIS)
            known = self._before_hole.hashes if self._before_hole is not None else None
            if from_one:
                return True
            self._note(hole[0])
            self._note(hole[1])
            self._holes.append(hole)
            if not bare and known is not None and previous in known:
                run = Run(*hole, decided=FindingKind.SKIPPED_SEQUENCE, explained=False)
                self._settle(run)
            else:
                self._absences.missing(*hole, expected="a record and its fence")
            return True
        if self._before is None:
            return previous is None or bare
        return bare or self._before.hashes is None or previous in self._before.hashes

    def _follow_link(
        self, position: int, link: tuple[int, str] | None, record_id: str | None, *, in_fence: bool = False
    ) -> bool:
        """Whether a full position's link is what the positions before call for; reports it unless `in_fence`."""
        fits, target = self._link_fits(position, link)
        self._absences.linked_to(target)
        last_full = next(reversed(self._fulls), None)
        if last_full is not None and target != last_full:
            self._ends.append(last_full)
        self._bare_standing.clear()
        self._holes.clear()
        if not fits and not in_fence:
            nearest = "none" if last_full is None else f"{self._fulls[last_full].chain_hash} at {last_full}"
            named = "none" if link is None else f"{link[1]} at {link[0]}"
            self._find(
                FindingKind.BROKEN_LINK,
                position,
                record_id,
                f"previous_chain_hash {nearest}",
                f"previous_chain_hash {named}",
            )
        return fits

    def _link_fits(self, position: int, link: tuple[int, str] | None) -> tuple[bool, int | None]:
        """Return whether the link fits, and the position that it leads to (None: to none that can be relied on)."""
        if link is None:
            near = self._unsealed is not None and position - self._unsealed <= LOOK_BACK
            return not near, None
        named, linked_hash = link
        last_full = next(reversed(self._fulls), -1)
        full = self._fulls.get(named)
        if not 0 <= named < position:
            fits, target = False, None
        elif full is None and named > last_full:
            self._stripped(named)
            fits, target = True, named
        elif full is None:
            fits, target = named < self._horizon, None
        elif full.chain_hash in {None, linked_hash}:
            fits, target = True, named if full.chain_hash is not None else None
        elif full.stands:
            fits, target = False, None
        else:
            self._absences.disbelieve(named)
            found = f"chain_hash {full.chain_hash}"
            self._find(FindingKind.FENCE_MISMATCH, named, None, f"chain_hash {linked_hash}", found)
            fits, target = True, None
        return fits, target

    def _stripped(self, named: int) -> None:
        """Report a position that a link names though its fence is bare (FORMAT 9)."""
        if any(first <= named <= last for first, last in self._holes):
            return
        record_id = self._bare_standing.get(named)
        if not self._absences.is_bare(named):
            self._find(FindingKind.MISSING_HASH, named, record_id, "the content_hash that the next link names", "none")
        self._find(FindingKind.FENCE_MISMATCH, named, record_id, "the full fence that the next link names", "none")

    def _disbelieve(self, position: int, record_id: str | None, expected: str, found: str) -> None:
        """Report a fence that does not hold: nothing that it says counts, and its record is missing."""
        self._find(FindingKind.FENCE_MISMATCH, position, record_id, expected, found)
        self._absences.linked_to(None)
        self._absences.missing(position, position, record_id, "a record, or a fence that proves its expiry")
        self._add_full(position, _Full(None, stands=False), sealed=False)
        self._before = _Before(position, None)

    def _add_full(self, position: int, full: _Full, *, sealed: bool) -> None:
        if not sealed:
            self._fulls.clear()
            self._unsealed = position
        self._fulls[position] = full
        if len(self._fulls) > _SEALED_KEPT:
            self._fulls.popitem(last=False)

    def _close_gap(self, after: Item | None) -> None:
        before, now = self._standing, self._gap_read_at
        if before is None or now is None:
            explained = True
        else:
            neighbours = [before] if after is None else [before, after]
            explained = self._lifetimes.explain(before, neighbours, now)
        at_tail = after is None and before is not None
        missing = FindingKind.TRUNCATED_TAIL if at_tail else FindingKind.MISSING_RECORD
        self._absences.close(explained=explained, missing=missing)

    def _settle(self, run: Run) -> None:
        """Count and report a run whose fate is known, as far as it lies in the range asked for."""
        first = max(run.first, self._first)
        last = run.last if self._last is None else min(run.last, self._last)
        if first > last or run.kind is None:
            return
        self._counts[run.kind] += last - first + 1
        self._add(
            (
                Finding(
                    kind=run.kind,
                    sequence_number=first,
                    last_sequence_number=last,
                    record_id=run.record_id,
                    expected=run.expected,
                    found=None if run.kind is FindingKind.SKIPPED_SEQUENCE else "no record",
                    inferred=run.inferred and run.kind is not FindingKind.EXPIRED_UNPROVEN,
                ),
            )
        )

    def _count(self, position: int, records: Sequence[Item], judged: Sequence[Judgement], own: Judgement) -> None:
        self._note(position)
        self.records_checked += len(records)
        self._full += own.covered
        self._record_hash_only += own.hashed and not own.covered
        self.last_record_id = text_of(records[-1], "id")
        self.first_record_id = self.first_record_id or text_of(records[0], "id")
        for judgement in judged:
            self._add(judgement.findings)

    def _note(self, position: int) -> None:
        if self._inside(position):
            self.first_position = position if self.first_position is None else min(self.first_position, position)
            self.last_position = position if self.last_position is None else max(self.last_position, position)

    def _note_intent(self, position: int, item: Item) -> None:
        action_id = text_of(item, "action_id")
        if action_id is None:
            return
        if text_of(item, "outcome") != INTENT:
            self.open_intents.pop(action_id, None)
        elif self._inside(position):
            self.open_intents[action_id] = (position, text_of(item, "id"))

    def _inside(self, position: int) -> bool:
        return self._first <= position and (self._last is None or position <= self._last)

    def _find(
        self, kind: FindingKind, position: int, record_id: str | None, expected: str | None, found: str | None
    ) -> None:
        if self._inside(position):
            finding = Finding(
                kind=kind,
                sequence_number=position,
                last_sequence_number=position,
                record_id=record_id,
                expected=expected,
                found=found,
            )
            self._add((finding,))

    def _add(self, findings: Sequence[Finding]) -> None:
        self._findings.extend(findings)
        self.breaks += sum(finding.severity is Severity.BREAK for finding in findings)


def _instant(epoch_seconds: int) -> str:
    try:
        return Timestamp.from_nanos(epoch_seconds * NANOS_PER_SECOND).normalised
    except TimestampError:
        return f"epoch second {epoch_seconds}"


def _chosen(records: Sequence[Item], fence: Fence | None) -> int:
    """Return which of several records at one position the fence names; the first where it names none."""
    named = fence.text("record_id") if fence is not None else None
    return next((number for number, item in enumerate(records) if text_of(item, "id") == named), 0)


def _continues(last: Finding, finding: Finding) -> bool:
    return (
        last.kind is finding.kind
        and last.inferred == finding.inferred
        and last.last_sequence_number + 1 == finding.sequence_number
    )
