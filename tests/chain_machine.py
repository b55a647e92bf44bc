"""A chain's life in random steps: written by us and by others, sealed, expired, and now and then tampered with.

After each step it is verified, and what is said is held against a ledger of what truly happened. Where it stands, in
memory or in a store, is the business of `grounds`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audit_core.chain.findings import FindingKind, Severity, Verdict
from audit_core.errors import ChainBlockedError
from audit_core.fences import bare_fence, fence_id, full_fence
from audit_core.hashing import chain_hash, content_hash, record_hash
from audit_core.retention import Lifetimes
from audit_core.tip import Tip
from tests.builders import record
from tests.chains import Chain
from tests.grounds import carried
from tests.innocence import SILENT, as_told, innocent, places, spanned
from tests.ledger import Ledger
from tests.second_opinion import runs, second_opinion

if TYPE_CHECKING:
    from collections import Counter

    from audit_core.chain.findings import ChainReport, Finding
    from audit_core.timestamps import Timestamp
    from tests.grounds import Ground

Item = dict[str, dict[str, Any]]

DAY = 86_400
PAST, RECENT = 40 * DAY, 3600
"""How long ago the chain begins, and when the recent ones are dispatched, in seconds."""

SHORT, LONG = 10 * DAY, 400 * DAY
DECLARED = Lifetimes(SHORT, (LONG,))
ORDER = tuple(Verdict)
ATTACKS_PER_CHAIN = 4

MET = frozenset(
    (
        *("untouched, intact", "untouched, intact_with_expiry", "untouched, unproven", "touched, broken"),
        *("sealed", "fork", "owed", "cut: True"),
    )
)
"""What every run of many lives has to have met, by the names under which `ChainMachine.seen` counts it."""

numbers = st.integers(0, 63)
lifetimes = st.sampled_from([SHORT, SHORT, LONG, None])
extras = st.sampled_from([{}, {}, {"outcome": "pending"}, {"outcome": "answer"}, {"provider": "é🔒", "caller_id": ""}])
edits = st.sampled_from([("outcome", {"S": "denied"}), ("action_payload", {"S": "{}"}), ("caller_id", None)])


class ChainMachine(RuleBasedStateMachine):
    """One chain's life; `seen` counts what was met, so that a test can tell whether it met enough."""

    ground: Ground
    present: Timestamp

    def __init__(self, seen: Counter[str]) -> None:
        super().__init__()
        self.seen = seen

    def place(self) -> tuple[Ground, Timestamp]:
        """Return an empty chain's place, and the present by its clock."""
        raise NotImplementedError

    @initialize(
        honest=st.sampled_from([True, False, False]),
        start=st.lists(st.tuples(st.booleans(), lifetimes, extras), min_size=3, max_size=9),
        sealed=st.booleans(),
        expired=st.integers(0, 4),
        old=st.integers(2, 9),
    )
    def begin(
        self, honest: bool, start: list[tuple[bool, int | None, dict[str, Any]]], sealed: bool, expired: int, old: int
    ) -> None:
        self.ground, self.present = self.place()
        now = self.present.epoch_seconds
        self.ledger = Ledger(self.ground.names, now, now - SHORT)
        self.attacks_left = 0 if honest else ATTACKS_PER_CHAIN
        self.recent = False
        self.made = self.intents = 0
        for place, (ours, lifetime, extra) in enumerate(start):
            # some go on after a pause: what is gone then cannot have lived its time
            self.recent = place >= old
            if ours:
                self.we_append(lifetime, extra, fresh=False, count=1)
            else:
                self.another_writer_appends(lifetime, extra, count=1)
        if sealed:
            self.seal()
        self.ttl_removes(first=0, count=expired)

    # -- what writers, sealing and time do ----------------------------------------------------------------------------

    def next_values(self, lifetime: int | None, extra: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        moment = self.present.plus_seconds(self.made - (RECENT if self.recent else PAST))
        label = "#".join(self.ground.names)
        self.intents += extra.get("outcome") == "pending"
        action = f"intent{self.intents}" if "outcome" in extra else f"a{self.made}"
        values = {"id": f"{label}-r{self.made}", "action_id": f"{label}-{action}", **extra}
        if extra.get("outcome") == "answer":
            values["outcome"] = "executed"
        expires = None if lifetime is None else moment.plus_seconds(lifetime)
        times = {"dispatched_at": moment, "completed_at": moment, "expires_at": expires}
        return {**values, **times, "namespace": self.ground.names[0], "tenant": self.ground.names[1]}

    @rule(lifetime=lifetimes, extra=extras, fresh=st.booleans(), count=st.integers(1, 3))
    def we_append(self, lifetime: int | None, extra: dict[str, Any], fresh: bool, count: int) -> None:
        for _ in range(count):
            try:
                values = self.next_values(lifetime, extra)
                number = self.ground.append(record(**values), fresh=fresh)
            except ChainBlockedError:
                assert not self.ledger.untouched, "an innocent chain could not be continued"
                self.seen["blocked"] += 1
                return
            fence, made = self.read_pair(number, values["id"])
            self.ledger.write(number, made, fence)

    def read_pair(self, number: int, record_id: str) -> tuple[Item, Item]:
        found = {item["id"]["S"]: item for item in self.ground.read((fence_id(*self.ground.names, number), record_id))}
        return found[fence_id(*self.ground.names, number)], found[record_id]

    @rule(lifetime=lifetimes, extra=extras, count=st.integers(1, 3))
    def another_writer_appends(self, lifetime: int | None, extra: dict[str, Any], count: int) -> None:
        """One that knows the tip: the last that was written."""
        for _ in range(count):
            last = self.ledger.last
            named = None if last < 0 else self.ledger.records[last]["record_hash"]["S"]
            values = self.next_values(lifetime, extra)
            expires = values.pop("expires_at")
            chain = Chain(names=self.ground.names, tip=Tip(last, named, None)).elsewhere(1, **values)
            made = chain.record(last + 1)
            if expires is not None:
                made["expires_at"] = {"S": expires.normalised}
                made["expires_at_ttl"] = {"N": str(expires.epoch_seconds)}
            fence = bare_fence(*self.ground.names, last + 1)
            self.ground.put(made, fence)
            self.ledger.write(last + 1, made, fence)

    @precondition(lambda self: not self.recent)
    @rule()
    def time_passes(self) -> None:
        self.recent = True

    @rule(first=numbers, count=st.integers(1, 8))
    def ttl_removes(self, first: int, count: int) -> None:
        """Take away some of what has expired."""
        standing = self.ledger.all_standing()
        expired = [number for number in sorted(standing) if self.is_expired(standing[number][0])]
        for number in expired[first % (len(expired) + 1) :][:count]:
            self.remove(*standing[number])

    def is_expired(self, item: Item) -> bool:
        ttl = item.get("expires_at_ttl")
        return ttl is not None and int(ttl["N"]) < self.present.epoch_seconds

    @rule()
    def seal(self) -> None:
        before = self.ground.verify(thorough=True)
        report = self.ground.seal()
        doubtful = [finding for finding in before.findings if finding.severity is not Severity.INFORMATION]
        flawed = {number for finding in doubtful for number in spanned(finding)}
        ids = [fence_id(*self.ground.names, number) for number in self.ledger.fences]
        sealed = set()
        for item in self.ground.read(ids):
            number = int(item["id"]["S"].rpartition("#")[2])
            if item != self.ledger.fence(number):
                assert self.ledger.fence(number) == bare_fence(*self.ground.names, number)
                assert "sealed_at" in item
                sealed.add(number)
                # what was altered before stays altered, and is vouched for from now on
                self.ledger.records[number] = self.ledger.standing(number)[0]
                self.ledger.fences[number] = item
                self.ledger.put(item)
        assert report.sealed == len(sealed)
        assert not sealed & flawed
        self.seen["sealed"] += bool(sealed)
        if self.ledger.untouched and before.verdict is not Verdict.UNCHAINED:
            bare = {
                number
                for number, pair in self.ledger.positions().items()
                if pair[0] and "chain_hash" not in (pair[1] or {})
            }
            assert not bare, "an innocent chain was not sealed throughout"

    # -- what nobody should do ----------------------------------------------------------------------------------------

    @property
    def may_attack(self) -> bool:
        return self.attacks_left > 0 and self.ledger.last >= 2

    def choose(self, which: int) -> int:
        return sorted(self.ledger.fences)[which % len(self.ledger.fences)]

    def remove(self, *items: Item | None) -> None:
        for item in items:
            if item is not None:
                self.ground.delete(item["id"]["S"])
                self.ledger.table.pop(item["id"]["S"], None)

    def put(self, item: Item) -> None:
        self.ground.put(item)
        self.ledger.put(item)

    @precondition(lambda self: self.may_attack)
    @rule(which=numbers, edit=edits, how=st.sampled_from(["plainly", "rehashed", "with its fence"]))
    def edit(self, which: int, edit: tuple[str, Item | None], how: str) -> None:
        number = self.choose(which)
        for found in self.ledger.standing(number)[:1]:
            self.attacks_left -= 1
            item = deepcopy(found)
            item.pop(edit[0], None)
            if edit[1] is not None:
                item[edit[0]] = edit[1]
            if how != "plainly":
                item["record_hash"] = {"S": record_hash(item)}
                if "content_hash" in item:
                    item["content_hash"] = {"S": content_hash(item)}
            self.put(item)
            fence = self.ledger.fence(number) or {}
            if how == "with its fence" and "content_hash" in item:
                self.put(full_fence(item, *self.ground.names, number))
            elif how == "with its fence" and "chain_hash" in fence:
                forged = {**fence, "record_hash": item["record_hash"], "content_hash": {"S": content_hash(item)}}
                self.put({**forged, "chain_hash": {"S": chain_hash(forged)}})

    @precondition(lambda self: self.may_attack)
    @rule(
        which=numbers, count=st.integers(1, 3), what=st.sampled_from(["record", "fence", "both"]), at_tail=st.booleans()
    )
    def delete(self, which: int, count: int, what: str, at_tail: bool) -> None:
        self.attacks_left -= 1
        number = self.ledger.last + 1 - count if at_tail else self.choose(which)
        for place in range(max(0, number), number + count):
            if what != "fence":
                self.remove(*self.ledger.standing(place))
            if what != "record":
                self.remove(self.ledger.fence(place))

    @precondition(lambda self: self.may_attack)
    @rule(which=numbers, to=numbers, rehashed=st.booleans())
    def copy(self, which: int, to: int, rehashed: bool) -> None:
        """Slip in a copy of a record, at its own position or another."""
        for found in self.ledger.standing(self.choose(which))[:1]:
            self.attacks_left -= 1
            twin = {**deepcopy(found), "id": {"S": f"{found['id']['S']}-twin"}}
            twin["sequence_number"] = {"N": str(self.choose(to))}
            if rehashed:
                twin["record_hash"] = {"S": record_hash(twin)}
                if "content_hash" in twin:
                    twin["content_hash"] = {"S": content_hash(twin)}
            self.put(twin)

    @precondition(lambda self: self.may_attack)
    @rule(which=numbers)
    def slip_in_without_a_number(self, which: int) -> None:
        for found in self.ledger.standing(self.choose(which))[:1]:
            self.attacks_left -= 1
            loose = {name: value for name, value in found.items() if "hash" not in name and "sequence" not in name}
            self.put({**loose, "id": {"S": f"{found['id']['S']}-loose"}})

    @precondition(lambda self: self.may_attack)
    @rule(which=numbers, rehashed=st.booleans(), deleted=st.booleans())
    def forge_expiry(self, which: int, rehashed: bool, deleted: bool) -> None:
        number = self.choose(which)
        fence = self.ledger.fence(number)
        if fence is None or "chain_hash" not in fence:
            return
        self.attacks_left -= 1
        forged = {**fence, "record_expires_at": {"N": str(self.ledger.now - 5)}}
        self.put({**forged, "chain_hash": {"S": chain_hash(forged)}} if rehashed else forged)
        if deleted:
            self.remove(*self.ledger.standing(number))

    @precondition(lambda self: self.may_attack)
    @rule(which=numbers, to_end=st.booleans(), deleted=st.booleans())
    def strip(self, which: int, to_end: bool, deleted: bool) -> None:
        """Let a position, or all from it on, look as if written elsewhere."""
        self.attacks_left -= 1
        first = self.choose(which)
        for place in range(first, (self.ledger.last if to_end else first) + 1):
            for item in self.ledger.standing(place):
                bare = ("content_hash", "previous_chain_hash", "previous_chain_sequence")
                self.put({name: value for name, value in item.items() if name not in bare})
                if deleted:
                    self.remove(item)
            if self.ledger.fence(place) is not None:
                self.put(bare_fence(*self.ground.names, place))

    # -- what has to be said ------------------------------------------------------------------------------------------

    @invariant()
    def what_is_said_is_true(self) -> None:
        if self.ledger.last < 0:
            return
        default, thorough = self.ground.verify(thorough=False), self.ground.verify(thorough=True)
        state = "untouched" if self.ledger.untouched else "touched"
        self.seen.update((f"{state}, {thorough.verdict.value}", f"cut: {self.ledger.cut}"))
        for report in (default, thorough):
            self.check_innocence(report)
            self.check_debts(report)
            self.check_claims(report)
            self.check_second_opinion(report)
        assert breaks(default) <= breaks(thorough)
        assert ORDER.index(default.verdict) <= ORDER.index(thorough.verdict)
        self.check_file(thorough)

    def check_innocence(self, report: ChainReport) -> None:
        """Of what nobody touched, or cut at its end, it says exactly what is true."""
        if self.ledger.untouched and self.ledger.positions():
            assert as_told(report) == innocent(self.ledger.positions())
            assert {finding.kind.value for finding in report.findings} <= SILENT

    def check_debts(self, report: ChainReport) -> None:
        """What the difference between truth and table shows is found, where it is."""
        debts = self.ledger.debts(thorough=report.thorough)
        self.seen["owed"] += len(debts)
        for debt in debts:
            owed_at = range(debt.first, debt.last + 1)
            near = [finding for finding in report.findings if set(owed_at) & set(spanned(finding))]
            if debt.kinds:
                assert any(finding.kind.value in debt.kinds for finding in near), debt
            else:
                assert any(finding.severity is Severity.BREAK for finding in near), debt
        best = Verdict.INTACT
        if debts:
            best = Verdict.UNPROVEN if all("expired_unproven" in debt.kinds for debt in debts) else Verdict.BROKEN
        assert ORDER.index(report.verdict) >= ORDER.index(best)
        if report.thorough and self.ledger.unchained() and self.ledger.all_standing():
            began = min(
                int(item["dispatched_at_ms"]["N"]) for found in self.ledger.all_standing().values() for item in found
            )
            if any(int(item["dispatched_at_ms"]["N"]) > began for item in self.ledger.unchained()):
                assert report.verdict is Verdict.BROKEN
                assert any(is_loose(finding) for finding in report.findings)

    def check_claims(self, report: ChainReport) -> None:
        """It calls expired, missing and covered only what is; the numbers add up; every end is named."""
        standing = self.ledger.all_standing()
        assert places(report, "expired") <= self.ledger.may_be_called_expired()
        for kind in ("expired", "expired_unproven", "missing_record", "truncated_tail", "skipped_sequence"):
            assert not places(report, kind) & standing.keys(), kind
        if report.first_sequence is None or report.last_sequence is None:
            return
        cover = report.coverage
        counted = cover.full + cover.record_hash_only + cover.expired + cover.unproven + cover.missing
        assert counted == report.last_sequence - report.first_sequence + 1
        assert report.last_sequence in report.unvouched_ends
        assert report.verdict is not Verdict.INTACT or len(standing) == counted

    def check_second_opinion(self, report: ChainReport) -> None:
        opinion = second_opinion(
            self.ledger.table,
            *self.ground.names,
            now=report.at.epoch_seconds,
            ttl_seconds=DECLARED.current,
            past_ttl_seconds=DECLARED.past,
            thorough=report.thorough,
        )
        if any(len(found) > 1 for found in self.ledger.all_standing().values()):
            self.seen["fork"] += 1
            # which of two records a fork's neighbours and its fence are held against is nobody's rule
            assert report.verdict.value == opinion.verdict == "broken"
            return
        apart = {one for one in opinion.apart if one[0] != "unchained_record"}
        assert said(report) == set(runs([*opinion.findings, *apart]))
        assert bool(opinion.unchained) == any(is_loose(finding) for finding in report.findings)
        assert {Verdict.UNCHAINED: "incomplete"}.get(report.verdict, report.verdict.value) == opinion.verdict

    def check_file(self, thorough: ChainReport) -> None:
        """A chain carried away says the same without its table."""
        if not self.ledger.positions() or thorough.verdict is Verdict.UNCHAINED:
            return
        report = carried(self.ground)
        # a file knows of no outcome that stands before its intent, which only somebody who moves records brings about
        kinds = set() if self.ledger.untouched else {"lone_intent"}
        told = [{one for one in said(each) if one[0] not in kinds} for each in (report, thorough)]
        assert told[0] == told[1]
        assert report.verdict == thorough.verdict
        assert (report.coverage, report.unvouched_ends) == (thorough.coverage, thorough.unvouched_ends)


def is_loose(finding: Finding) -> bool:
    """Whether it is of a record that was slipped in without a sequence number after the chain began."""
    return finding.kind is FindingKind.UNCHAINED_RECORD and finding.severity is Severity.BREAK


def said(report: ChainReport) -> set[Any]:
    """Findings as runs, but those of unchained records, which have no place."""
    placed = [one for one in report.findings if one.kind is not FindingKind.UNCHAINED_RECORD]
    return set(runs([(one.kind.value, one.sequence_number, one.last_sequence_number) for one in placed]))


def breaks(report: ChainReport) -> set[tuple[str, int]]:
    """What breaks the chain, by position."""
    broken = [finding for finding in report.findings if finding.severity is Severity.BREAK]
    return {(finding.kind.value, number) for finding in broken for number in spanned(finding)}
