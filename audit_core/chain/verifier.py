"""The verification of FORMAT 9 as a pure state machine: positions go in, in order, findings come out.

It reads nothing. `walk` feeds it a live table; whatever else can give positions in order can feed it as well. What one
record says of itself is judged in `judge`, what became of those that are gone in `absences`; here are the links.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from audit_core.chain.absences import Absences, AbsencesState, Run
from audit_core.chain.cover import Cover, WeakRun
from audit_core.chain.findings import ChainReport, Coverage, Finding, FindingKind, FindingState, Severity, Verdict
from audit_core.chain.judge import judge_record, judge_standing, judge_unchained
from audit_core.chain.links import Full, Link, Links, LinksState
from audit_core.errors import TimestampError
from audit_core.fences import GENESIS, Fence, FenceState
from audit_core.items import text_of
from audit_core.retention import Lived, lived
from audit_core.timestamps import NANOS_PER_SECOND, Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audit_core.chain.findings import Position
    from audit_core.chain.judge import Standing
    from audit_core.chain.stretch import Stretch
    from audit_core.items import Item
    from audit_core.retention import Lifetimes
    from audit_core.table import Reading

__all__ = ["ChainVerifier", "Covered", "VerifierState"]

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


class _Before(NamedTuple):
    """What the next position has to link to: acceptable values of `record_hash`, None where nobody can tell them.

    `may_lack`: the next one may have no `previous_hash`, since the fence is bare and its record gone (FORMAT 6.4).
    """

    hashes: tuple[str, ...] | None
    may_lack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What a report says of its source, and the verifier cannot know; fields as in `ChainReport`."""

    thorough: bool
    upper_bound: int | None
    reading: Reading
    at: Timestamp


class VerifierState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a verifier remembers of what it was fed, to be kept in a file and gone on from.

    `before` says what the next link must be; the others are named as in `ChainVerifier`, times are RFC 3339 texts.
    """

    before: _Before | None
    links: LinksState
    absences: AbsencesState
    cover: tuple[int | None, WeakRun | None]
    hole: tuple[int, int] | None
    before_hole: _Before | None
    lived: Lived | None
    gap_read_at: str | None
    findings: list[FindingState]
    counts: dict[FindingKind, int]
    full: int
    record_hash_only: int
    records_checked: int
    first_position: int | None
    last_position: int | None
    first_record_id: str | None
    last_record_id: str | None
    saw_full_fence: bool
    ends: list[int]
    began_ms: int | None
    placed_by_fence: list[str | None]
    open_intents: list[tuple[str, list[tuple[int, str | None]]]]


class ChainVerifier:
    """Verifies one chain, fed with its positions in ascending order.

    `chain` is (namespace, tenant). Positions from `first` to `last` (inclusive, None: to the end) are judged and
    counted; those fed before or after are context. `open_intents` are the positions and record ids of intents without
    an outcome so far, by action id. `wants_items` says that positions have to come as they were read, by `standing`.
    """

    wants_items = False

    def __init__(
        self, chain: tuple[str, str], lifetimes: Lifetimes, *, first: int = 0, last: int | None = None
    ) -> None:
        self.open_intents: OrderedDict[str, list[tuple[int, str | None]]] = OrderedDict()
        self.first_position: int | None = None
        self.last_position: int | None = None
        self.first_record_id: str | None = None
        self.last_record_id: str | None = None
        self.records_checked = 0
        self.breaks = 0
        self.unchained_seen: int | None = None
        """Records without a sequence number that were seen in the chain's tenant; None: they were not looked for."""
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
        self._lived: Lived | None = None
        self._gap_read_at: Timestamp | None = None
        self._links = Links()
        self._saw_full_fence = False
        self._ends: list[int] = []
        self._cover = Cover()
        self._began_ms: int | None = None
        self._placed_by_fence: set[str | None] = set()

    def state(self) -> VerifierState:
        """Return a copy of all that is remembered; before `finish` alone."""
        return VerifierState(
            before=self._before,
            links=self._links.state(),
            absences=self._absences.state(),
            cover=self._cover.state(),
            hole=self._hole,
            before_hole=self._before_hole,
            lived=self._lived,
            gap_read_at=None if self._gap_read_at is None else self._gap_read_at.normalised,
            findings=[FindingState.of(finding) for finding in self._findings],
            counts=dict(self._counts),
            full=self._full,
            record_hash_only=self._record_hash_only,
            records_checked=self.records_checked,
            first_position=self.first_position,
            last_position=self.last_position,
            first_record_id=self.first_record_id,
            last_record_id=self.last_record_id,
            saw_full_fence=self._saw_full_fence,
            ends=list(self._ends),
            began_ms=self._began_ms,
            placed_by_fence=list(self._placed_by_fence),
            open_intents=[(action_id, list(places)) for action_id, places in self.open_intents.items()],
        )

    def restore(self, state: VerifierState) -> None:
        """Go on from what `state` gave. Raises `ValueError` or `IndexError` for one that was damaged."""
        self._before, self._hole, self._before_hole = state.before, state.hole, state.before_hole
        self._links = Links.from_state(state.links)
        self._absences.restore(state.absences)
        self._cover.restore(state.cover)
        self._lived = state.lived
        self._gap_read_at = None if state.gap_read_at is None else Timestamp.parse(state.gap_read_at)
        self._findings.clear()
        self.breaks = 0
        self._add([finding.finding() for finding in state.findings])
        self._counts.update(state.counts)
        self._full, self._record_hash_only = state.full, state.record_hash_only
        self.records_checked = state.records_checked
        self.first_position, self.last_position = state.first_position, state.last_position
        self.first_record_id, self.last_record_id = state.first_record_id, state.last_record_id
        self._saw_full_fence, self._ends, self._began_ms = state.saw_full_fence, list(state.ends), state.began_ms
        self._placed_by_fence = set(state.placed_by_fence)
        self.open_intents = OrderedDict((action_id, list(places)) for action_id, places in state.open_intents)

    def anchor(self, record: Item | None, position: int | None, fences: dict[int, Fence], horizon: int) -> None:
        """Start in mid-chain.

        `record` is the last one that stands before `first`, at `position`; `fences` are those that were read before
        `first`, `horizon` the lowest position from which on all were.
        """
        self._links.horizon = horizon
        self._lived = None if record is None else lived(record)
        for number in sorted(fences):
            fence = fences[number]
            if fence.holds:
                self._links.add(number, Full(fence.chain_hash, root=number), sealed=fence.sealed)
        just_before = self._first - 1
        before = fences.get(just_before)
        hashes: tuple[str, ...] | None = None
        if record is not None and position is not None and position == just_before:
            judged = judge_record(record, position, self._chain, before, fence_read=before is not None)
            hashes = (judged.record_hash,) if judged.record_hash else None
            if judged.chain_hash is not None:
                self._links.add(position, Full(judged.chain_hash, root=position), sealed=judged.sealed)
        elif before is not None and before.holds:
            hashes = (before.text("record_hash") or "",)
        self._before = _Before(hashes, may_lack=before is not None and before.state is FenceState.BARE)
        if self._links.last is not None:
            self._cover.full(self._links.last)

    def intruder(self, item: Item, position: Position) -> None:
        """Take a record whose sequence number is no position: below 0 or not whole."""
        if (self._first <= position or self._first == 0) and (self._last is None or position < self._last + 1):
            self.records_checked += 1
            self._add(judge_record(item, position, self._chain, None, fence_read=False).findings)

    def standing(self, position: int, records: Sequence[Item], fence: Fence | None, *, fence_read: bool) -> None:
        """Take a position that one record, or several, stand at; `fence` (None: there is none) if `fence_read`."""
        self.take(judge_standing(position, records, self._chain, fence, fence_read=fence_read))

    def take(self, found: Standing) -> None:
        """Take a position that was judged already."""
        position = found.position
        if self._inside(position):
            self._count(found)
        if not self._previous_fits(position, found.previous_hash, link=found.link):
            expected = "none" if self._before is None else " or ".join(sorted(self._before.hashes or ()))
            self._find(
                FindingKind.BROKEN_LINK,
                position,
                found.record_id,
                f"previous_hash {expected}",
                f"previous_hash {found.previous_hash}",
            )
        self._close_gap(found.lived)
        if found.chain_hash is not None:
            root = self._follow_link(position, found.link, found.record_id, sealed=found.sealed, sound=found.sound)
            full = Full(found.chain_hash, position if root is None else root, by_fence=found.by_fence)
            self._links.add(position, full, sealed=found.sealed)
            self._lose_cover(self._cover.full(position))
        else:
            self._cover.weak(position)
            if found.bare:
                self._links.add_bare(position, found.record_id, stands=True)
            elif found.bare is not None:
                self._links.add_otherwise(position, position)
        self._before = _Before(found.hashes or None)
        self._lived = found.lived
        for action in found.actions:
            self._note_action(position, action)
        self._note_began(found.began_ms)
        self._placed_by_fence.update(found.placed)

    def take_stretch(self, stretch: Stretch) -> None:
        """Take positions in order, all of which lie in the range asked for; what `take` of each would come to."""
        self.take(stretch.first)
        first, last = stretch.first.position, stretch.last
        self._note(last.position)
        self.records_checked += last.position - first
        self._full += last.position - first
        self.last_record_id = last.last_id
        before = self._links.full(first)
        # unbroken links lead from its last position to where they lead from its first
        root = first if before is None else before.root
        self._links.add(last.position, Full(last.chain_hash, root), sealed=False)
        self._lose_cover(self._cover.full(last.position))
        self._before = _Before(last.hashes)
        self._lived = last.lived
        for position, action in enumerate(stretch.actions, first + 1):
            self._note_action(position, action)
        self._note_began(stretch.began_ms)

    def gone(self, position: int, fence: Fence, now: Timestamp) -> None:
        """Take a position whose record is gone, with its fence, read at the engine's time `now`."""
        self._gap_read_at = now
        self._note(position)
        if fence.state is FenceState.BARE:
            self._previous_fits(position, None, bare=True)
            self._absences.bare(position)
            self._links.add_bare(position, None, stands=False)
            self._before = _Before(None, may_lack=True)
            return
        record_id = fence.text("record_id")
        if not fence.holds:
            what = "a damaged item" if fence.state is FenceState.DAMAGED else "a chain_hash that does not recompute"
            self._previous_fits(position, None, bare=True)
            self._disbelieve(position, record_id, "a fence as FORMAT 5 describes it", what)
            self._links.add_otherwise(position, position)
            return
        self._saw_full_fence |= self._inside(position)
        root = None
        if not self._previous_fits(position, fence.text("previous_hash"), link=fence.link):
            self._disbelieve(position, record_id, "the previous_hash of the record before", "another previous_hash")
            self._absences.linked_to(None)
        else:
            root = self._follow_link(position, fence.link, None, sealed=fence.sealed)
            if root is None:
                self._disbelieve(position, record_id, "a link to the nearest full fence before", "another link")
        if root is None:
            self._links.add(position, Full(None, position, stands=False), sealed=fence.sealed)
            return
        expires = fence.number("record_expires_at")
        if expires is not None and expires <= now.epoch_seconds:
            self._absences.proof(position, record_id, f"a record that expired at {_instant(expires)}")
        else:
            when = "never expires" if expires is None else f"expires at {_instant(expires)}"
            self._absences.missing(position, position, record_id, f"a record that {when}")
        self._links.add(position, Full(fence.chain_hash, root, stands=False), sealed=fence.sealed)
        self._lose_cover(self._cover.full(position))
        self._before = _Before((fence.text("record_hash") or "",))

    def empty(self, first: int, last: int, now: Timestamp) -> None:
        """Take positions that have neither fence nor record."""
        self._gap_read_at = now
        if self._hole is None:
            self._hole, self._before_hole = (first, last), self._before
        else:
            self._hole = (self._hole[0], last)
        self._before = _Before(None)

    def finish(self) -> None:
        """Decide everything that waited for the chain's end (FORMAT 9)."""
        self._hole = None
        self._close_gap(None)
        last_full = None if self._links.last is None else self._links.full(self._links.last)
        self._absences.finish(root=0 if last_full is None else last_full.root)
        self._lose_cover(self._cover.end())
        if self._links.last is not None and self._inside(self._links.last):
            self._ends.append(self._links.last)
        if self.last_position is not None:
            self._ends.append(self.last_position)

    def unchained(self, items: Iterable[Item]) -> None:
        """Take the records of the chain's tenant without a sequence number, once all positions were fed (FORMAT 9).

        Those that are older than the chain are information, and told together.
        """
        older: Finding | None = None
        self.unchained_seen = count = 0
        for item in items:
            if text_of(item, "id") in self._placed_by_fence:
                continue
            self.unchained_seen += 1
            finding = judge_unchained(item, self._began_ms)
            if finding.severity is Severity.BREAK:
                self._add((finding,))
            else:
                older, count = finding, count + 1
        if older is not None and count > 1:
            older = replace(older, record_id=None, found=f"none, in {count:,} records that are older than the chain")
        if older is not None:
            self._add((older,))

    def lone_intent(self, action_id: str) -> None:
        """Report an action's open intents, once it was made sure that no outcome stands."""
        for position, record_id in self.open_intents.pop(action_id):
            expected, found = "an outcome with the same action_id", "an intent alone"
            self._find(FindingKind.LONE_INTENT, position, record_id, expected, found)

    @property
    def unsettled(self) -> bool:
        """Whether what follows can still change what was said of positions fed so far."""
        waits = self._hole is not None or self._absences.waiting
        return waits or any(self._inside(position) for position in self._links.bare_standing)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, by position; a run of positions is one."""
        merged: list[Finding] = []
        for finding in sorted(self._findings, key=_by_position):
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
            unchained=self.unchained_seen,
        )

    def _previous_fits(self, position: int, previous: str | None, *, bare: bool = False, link: Link = None) -> bool:
        """Whether `previous_hash` is what the positions before call for; tells what a hole before was as well.

        `bare` is a position that does not say what it links to; `link` is its link to the nearest full fence.
        """
        if self._hole is not None:
            hole, self._hole = self._hole, None
            return self._fill_hole(hole, position, previous, bare=bare, link=link)
        if self._before is None:
            return previous is None or bare
        if self._before.hashes is not None:
            return bare or previous in self._before.hashes
        # nobody can tell what stood before, but only a bare fence excuses that nothing is named, and only 1 is first
        return bare or (self._before.may_lack if previous is None else previous != GENESIS)

    def _fill_hole(self, hole: tuple[int, int], position: int, previous: str | None, *, bare: bool, link: Link) -> bool:
        """Tell what positions without fence and record were, now that `position` is known, which follows them."""
        if hole == (0, 0) and position == 1 and (bare or previous == GENESIS):
            self._links.starts_at_one, self._links.start_unread = True, bare
            return True
        self._note(hole[0])
        self._note(hole[1])
        self._links.add_otherwise(*hole)
        known = self._before_hole.hashes if self._before_hole is not None else None
        named = link is not None and hole[0] <= link[0] <= hole[1]
        if not bare and known is not None and previous in known and not named:
            self._settle(Run(*hole, decided=FindingKind.SKIPPED_SEQUENCE, explained=False))
        else:
            self._absences.missing(*hole, expected="a record and its fence")
        return bare or previous not in {None, GENESIS}

    def _follow_link(
        self, position: int, link: Link, record_id: str | None, *, sealed: bool, sound: bool = True
    ) -> int | None:
        """Judge a full position's link, and return the root that it leads to; None when the link does not fit.

        A standing record's is reported here; `sound` is False where it is written as FORMAT 2 forbids.
        """
        verdict = self._links.judge(position, link)
        last_full = self._links.last
        for remark in verdict.remarks:
            self._find(remark.kind, remark.position, remark.record_id, remark.expected, remark.found)
        if verdict.disbelieved is not None:
            self._absences.disbelieve(verdict.disbelieved)
        if verdict.start_vanished:
            self._note(0)
            self._settle(Run(0, 0, decided=FindingKind.MISSING_RECORD, explained=False))
            self._links.starts_at_one = False
        led_to = self._links.full(verdict.target) if verdict.proves and verdict.target is not None else None
        root = position if led_to is None else led_to.root
        self._absences.linked_to(verdict.target, root=root, sealed=sealed)
        if last_full is not None and verdict.target != last_full:
            self._ends.append(last_full)
        fits = verdict.fits and sound
        if not fits and record_id is not None:
            nearest = None if last_full is None else self._links.full(last_full)
            expected = "none" if nearest is None else f"{nearest.chain_hash} at {last_full}"
            named = "none" if link is None else f"{link[1]} at {link[0]}"
            written = "" if sound else ", with a previous_chain_sequence that is not called for"
            self._find(
                FindingKind.BROKEN_LINK,
                position,
                record_id,
                f"previous_chain_hash {expected}",
                f"previous_chain_hash {named}{written}",
            )
        self._links.pass_full()
        return root if fits or record_id is not None else None

    def _disbelieve(self, position: int, record_id: str | None, expected: str, found: str) -> None:
        """Report a fence that does not hold: nothing that it says counts, and its record is missing."""
        self._find(FindingKind.FENCE_MISMATCH, position, record_id, expected, found)
        self._absences.missing(position, position, record_id, "a record, or a fence that proves its expiry")
        self._before = _Before(None)

    def _close_gap(self, after: Lived | None) -> None:
        if not self._absences.in_gap:
            return
        before, now = self._lived, self._gap_read_at
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

    def _count(self, found: Standing) -> None:
        self._note(found.position)
        self.records_checked += found.records
        if found.chain_hash is not None:
            self._full += 1
        elif found.hashed:
            self._record_hash_only += 1
        self.last_record_id = found.last_id
        self.first_record_id = self.first_record_id or found.first_id
        if found.findings:
            self._add(found.findings)

    def _note(self, position: int) -> None:
        if self._inside(position):
            self.first_position = position if self.first_position is None else min(self.first_position, position)
            self.last_position = position if self.last_position is None else max(self.last_position, position)

    def _lose_cover(self, run: WeakRun | None) -> None:
        if run is None:
            return
        first, last = max(run.first, self._first), run.last if self._last is None else min(run.last, self._last)
        if first <= last:
            finding = Finding(
                kind=FindingKind.COVERAGE_LOST,
                sequence_number=first,
                last_sequence_number=last,
                expected=f"a content_hash, as up to position {run.full}",
                found="record_hash alone",
            )
            self._add((finding,))

    def _note_action(self, position: int, action: tuple[str, bool, str | None]) -> None:
        action_id, intent, record_id = action
        if intent and self._inside(position):
            self.open_intents.setdefault(action_id, []).append((position, record_id))
        elif not intent and action_id:  # where it cannot be read, no outcome can name it
            self.open_intents.pop(action_id, None)

    def _note_began(self, began_ms: int | None) -> None:
        if began_ms is not None and (self._began_ms is None or began_ms < self._began_ms):
            self._began_ms = began_ms

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


def _by_position(finding: Finding) -> tuple[bool, Position, int]:
    """Order findings by position; a record without one comes last."""
    number = finding.sequence_number
    return number is None, 0 if number is None else number, _KIND_ORDER[finding.kind]


def _instant(epoch_seconds: int) -> str:
    try:
        return Timestamp.from_nanos(epoch_seconds * NANOS_PER_SECOND).normalised
    except TimestampError:
        return f"epoch second {epoch_seconds}"


def _continues(last: Finding, finding: Finding) -> bool:
    return (
        last.kind is finding.kind
        and last.inferred == finding.inferred
        and last.last_sequence_number is not None
        and last.last_sequence_number + 1 == finding.sequence_number
    )
