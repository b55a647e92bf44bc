"""The verification of a live table: one passage, then everything that an alarm rests on read again (FORMAT 9).

While a chain is read others write, seal and tamper, and its index may lag. So what a passage finds broken is read
again, consistently, in its surroundings. If it is not found there again, something changed meanwhile, and the whole
chain is read anew. A walk goes on by steps, so that a page can show progress, and stop it, between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit_core.chain.ahead import PAGE
from audit_core.chain.findings import FindingState, Severity, Told, Verdict
from audit_core.chain.reader import ChainReader
from audit_core.chain.saved import VERSION, SavedRun
from audit_core.chain.verifier import ChainVerifier, Covered
from audit_core.chain.witness import Witness
from audit_core.errors import EngineError, FilterError, SavedRunError
from audit_core.items import is_count, whole_number
from audit_core.names import ns_tenant
from audit_core.schema import INDEX_TIME
from audit_core.table import KeyRange, Reading, pages
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from audit_core.chain.findings import ChainReport, Evidence, Finding
    from audit_core.chain.pool import ReaderPool
    from audit_core.chain.reader import ReaderState
    from audit_core.retention import Lifetimes
    from audit_core.table import Table

__all__ = ["ChainWalk", "Progress", "sequence_span"]

MOST_PASSAGES = 3
"""How often a chain is read that changes while it is read."""

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: positions passed of `total` (0: not known), records read, breaks found so far."""

    position: int
    total: int
    records: int
    breaks: int


class ChainWalk:
    """One verification of one chain; iterate it to the end, or stop, then ask for the `report`.

    `first` and `last` (inclusive sequence numbers, None: open) narrow it; `thorough` reads every fence, and of a whole
    chain also records without a sequence number. `lag_seconds` is how long the engine's indexes may lag. `verifier`
    makes the state machine that each passage feeds, another than `ChainVerifier`; records are then read consistently.
    `saved` is what another one had come to, that this one goes on from; `pool` are processes that read pages. Iterating
    yields `Progress` after each step and never raises `EngineError`: what could not be read makes the report
    incomplete. Raises `FilterError` when made, for a range that is empty, `SavedRunError` for what was saved of
    another.
    """

    def __init__(  # noqa: PLR0913 - what a verification is about
        self,
        table: Table,
        namespace: str,
        tenant: str,
        lifetimes: Lifetimes,
        *,
        first: int | None = None,
        last: int | None = None,
        thorough: bool = False,
        lag_seconds: float = 0.0,
        verifier: Callable[..., ChainVerifier] | None = None,
        saved: SavedRun | None = None,
        pool: ReaderPool | None = None,
    ) -> None:
        for name, bound in (("first", first), ("last", last)):
            if bound is not None and not is_count(bound, 0):
                message = f"The {name} sequence number is {bound!r}; give a whole number from 0."
                raise FilterError(message)
        if first is not None and last is not None and first > last:
            message = f"The range starts at {first}, after it ends at {last}; swap the two."
            raise FilterError(message)
        self._table = table
        self._names = (namespace, tenant)
        self._lifetimes = lifetimes
        self._first = 0 if first is None else first
        self._last = last
        self._thorough = thorough
        self._lag_seconds = lag_seconds
        self._pool = pool
        self._make = verifier or ChainVerifier
        # somebody who makes the verifier wants what it is fed, and that has to be what the table itself holds
        self._consistent = verifier is not None
        self._spent = Reading()
        self._at: Timestamp | None = None
        self._reason: str | None = "it has not come to its end"
        self._doubtful: tuple[Finding, ...] = ()
        self._evidence: dict[Finding, Evidence | None] = {}
        self._number = 1
        self._before: tuple[Finding, ...] = ()
        if saved is None:
            self._reader = self._passage(None)
        else:
            saved.check(table.name, self._names, self._first, last, thorough=thorough)
            self._reader = self._restored(saved)

    def __iter__(self) -> Iterator[Progress]:
        """Go on step by step."""
        try:
            yield from self._steps()
        except EngineError as error:
            self._reason = str(error)

    def stop(self, reason: str = "it was stopped") -> None:
        """Say why nobody will go on with it."""
        if self._reason is not None:
            self._reason = reason

    @property
    def progress(self) -> Progress:
        """How far it is."""
        bounds = [bound for bound in (self._last, self._reader.upper) if bound is not None]
        total = min(bounds) - self._first + 1 if bounds else 0
        position = max(0, self._reader.position - self._first)
        verifier = self._reader.verifier
        return Progress(position, max(total, 0), verifier.records_checked, verifier.breaks)

    @property
    def reason(self) -> str | None:
        """Why it has not come to its end, or None when it has."""
        return self._reason

    @property
    def read_at(self) -> Timestamp:
        """The engine's clock at the last answer of the last passage."""
        return self._reader.read_at or self._table.clock.now()

    @property
    def report(self) -> ChainReport:
        """What was found so far; `incomplete` (or broken) unless it came to its end."""
        reader = self._reader
        covered = Covered(
            thorough=self._thorough,
            upper_bound=reader.upper,
            reading=self._spent + reader.reading,
            at=self._at or reader.began_at or self._table.clock.now(),
        )
        reason = self._reason
        if reason is not None and reader.verifier.breaks and not (self._evidence or self._doubtful):
            reason = f"{reason.rstrip('.')}; its alarms were not read a second time"
        report = reader.verifier.report(covered, reason=reason)
        if reader.only_unchained:
            return replace(report, verdict=Verdict.UNCHAINED, reason=None)
        doubtful = Told(self._doubtful)
        findings = tuple(
            replace(finding, evidence=self._evidence.get(finding))
            for finding in report.findings
            if not doubtful.covers(finding)
        )
        verdict = report.verdict
        if self._doubtful and not any(finding.severity is Severity.BREAK for finding in findings):
            verdict = Verdict.INCOMPLETE
        return replace(report, findings=findings, verdict=verdict)

    def save(self) -> bytes | None:
        """Return, as JSON, where another one can go on; None when it has come to its end. Between two steps alone."""
        if self._reason is None:
            return None
        spent = self._spent + self._reader.reading
        return SavedRun(
            audit_verification=VERSION,
            table=self._table.name,
            namespace=self._names[0],
            tenant=self._names[1],
            first=self._first,
            last=self._last,
            thorough=self._thorough,
            passage=self._number,
            upper=None if self._number == 1 else self._reader.upper,
            earlier=[FindingState.of(finding) for finding in self._before],
            items=spent.items,
            requests=spent.requests,
            units=spent.units,
            at=None if self._at is None else self._at.normalised,
            reader=self._reader.state,
        ).to_json()

    def _restored(self, saved: SavedRun) -> ChainReader:
        try:
            self._number, self._before = saved.passage, tuple(finding.finding() for finding in saved.earlier)
            self._spent = Reading(saved.items, saved.requests, saved.units)
            self._at = None if saved.at is None else Timestamp.parse(saved.at)
            return self._passage(saved.upper, saved.reader)
        except (ArithmeticError, IndexError, ValueError) as error:
            message = f"The saved verification is damaged ({error}); verify the chain from its beginning."
            raise SavedRunError(message) from error

    def _steps(self) -> Iterator[Progress]:
        while True:
            for _ in self._reader:
                yield self.progress
            self._at = self._at or self._reader.began_at
            findings = self._reader.verifier.findings
            alarms = [finding for finding in findings if finding.severity is Severity.BREAK]
            yield from self._read_again(alarms)
            # what two passages found was read twice, whatever its surroundings say
            before = Told(self._before)
            changed = tuple(
                finding
                for finding in alarms
                if finding.sequence_number is not None and finding not in self._evidence and not before.covers(finding)
            )
            if not changed:
                break
            if self._number >= MOST_PASSAGES:
                self._doubtful = changed
                self._reason = f"{_places(changed)} changed each time while the chain was read; verify it again"
                return
            self._number, self._before = self._number + 1, findings
            self._spent += self._reader.reading
            self._reader = self._passage(self._reader.upper)
        self._reason = None
        yield self.progress

    def _passage(self, upper: int | None, state: ReaderState | None = None) -> ChainReader:
        """Return a reading of all that was asked for; one after the first is bound by what was there at the start."""
        return ChainReader(
            self._table,
            self._names,
            self._make(self._names, self._lifetimes, first=self._first, last=self._last),
            first=self._first,
            last=self._last,
            thorough=self._thorough,
            consistent=self._consistent or upper is not None,
            upper=upper,
            lag_seconds=self._lag_seconds if upper is None else 0.0,
            state=state,
            pool=self._pool,
        )

    def _read_again(self, alarms: Sequence[Finding]) -> Iterator[Progress]:
        """Verify the surroundings of alarms once more, consistently, and keep the evidence of those found again."""
        self._evidence = {}
        for first, last, findings in _clusters(alarms):
            witness = Witness(self._names, self._lifetimes, findings, first=first, last=last)
            reader = ChainReader(
                self._table,
                self._names,
                witness,
                first=first,
                last=last,
                thorough=self._thorough,
                consistent=True,
                upper=self._reader.upper,
            )
            try:
                for _ in reader:
                    yield self.progress
            finally:
                self._spent += reader.reading
            again = Told(witness.findings)
            for finding in findings:
                if again.covers(finding):
                    self._evidence[finding] = witness.evidence(finding, reader.read_at or self.read_at)


def _clusters(alarms: Sequence[Finding]) -> Iterator[tuple[int, int, list[Finding]]]:
    """Put alarms that lie near each other together, each group with the positions from its first to its last."""
    group: list[Finding] = []
    first = last = 0
    for finding in alarms:
        if finding.sequence_number is None or finding.last_sequence_number is None:
            continue
        low, high = max(0, int(finding.sequence_number)), max(0, int(finding.last_sequence_number))
        if group and low > last + PAGE:
            yield first, last, group
            group = []
        first = first if group else low
        last = max(last, high) if group else high
        group.append(finding)
    if group:
        yield first, last, group


def _places(findings: Sequence[Finding]) -> str:
    numbers = list(dict.fromkeys(str(finding.sequence_number) for finding in findings))
    named = ", ".join(numbers[:_NAMED]) + (" and others" if len(numbers) > _NAMED else "")
    return f"position {named}" if len(numbers) == 1 else f"positions {named}"


def sequence_span(
    table: Table, namespace: str, tenant: str, since: Timestamp | None, until: Timestamp | None
) -> tuple[int, int]:
    """Return the range of sequence numbers that a range of dispatch times spans (FORMAT 9), both inclusive.

    Raises `FilterError` when no record of the chain was dispatched then, `EngineError`.
    """
    bounds = (None if bound is None else str(bound.epoch_ms) for bound in (since, until))
    keys = KeyRange(INDEX_TIME, "ns_tenant", ns_tenant(namespace, tenant), "dispatched_at_ms", *bounds)
    lowest: int | None = None
    highest: int | None = None
    for page in pages(table, keys):
        for item in page.items:
            number = whole_number(item.get("sequence_number", {}).get("N"))
            if number is not None and number >= 0:
                lowest = number if lowest is None else min(lowest, number)
                highest = number if highest is None else max(highest, number)
    if lowest is None or highest is None:
        message = "No chained record of this tenant was dispatched in that time; choose another range."
        raise FilterError(message)
    return lowest, highest
