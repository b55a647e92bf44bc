"""Sealing: bare fences made full while their records still stand, so that they vouch for them later (FORMAT 5).

A chain is verified first, and what it left without a finding is sealed in order, each fence linked to the nearest full
one before it. That is safe beside writers and other sealers, since a fence is only sealed as long as it is bare, and
resumable, since what is sealed already is passed by. It needs no key: what was altered before stays altered.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from audit_core.chain.findings import Severity, Verdict
from audit_core.chain.judge import judge_record
from audit_core.client import translate
from audit_core.fences import Fence, FenceState, fences_at, sealed_fence
from audit_core.items import text_of, whole_number
from audit_core.names import ns_tenant
from audit_core.table import pages
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.chain.findings import ChainReport, Finding
    from audit_core.chain.walk import ChainWalk
    from audit_core.items import Item
    from audit_core.table import Table

__all__ = ["ChainSealing", "SealProgress", "SealReport"]

WINDOW = 100
"""Positions that are looked at together."""

_COPIES = (
    "record_id",
    "record_hash",
    "previous_hash",
    "content_hash",
    "previous_chain_hash",
    "previous_chain_sequence",
    "record_expires_at",
    "chain_hash",
    "sealed_at",
)
_STILL_BARE = " AND ".join(
    ("attribute_exists(id)", "#fence = :true", *(f"attribute_not_exists({name})" for name in _COPIES))
)


@dataclass(frozen=True, slots=True)
class SealProgress:
    """How far a sealing is: the phase (`verifying`, `sealing`), positions passed of `total`, fences sealed so far."""

    phase: str
    position: int
    total: int
    sealed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What a sealing did.

    `verification` (ChainReport) is what was found before. `sealed`, `already`, `gone` count positions: made full now
    (or, in a dry run, to be made so), full before, and bare without a record. `left` are those that were not sealed
    though their record stands, each with the reason. `finished` says that it went through the whole chain.
    """

    verification: ChainReport
    sealed: int
    already: int
    gone: int
    left: tuple[tuple[int, str], ...]
    dry_run: bool
    finished: bool


class ChainSealing:
    """One sealing of one chain; iterate it to the end, or stop, then ask for the `report`.

    `walk` is a fresh verification of the same chain, whole. Iterating yields `SealProgress` and raises `EngineError`.
    """

    def __init__(self, table: Table, namespace: str, tenant: str, walk: ChainWalk, *, dry_run: bool = False) -> None:
        self._table = table
        self._chain = ns_tenant(namespace, tenant)
        self._names = (namespace, tenant)
        self._walk = walk
        self._dry_run = dry_run
        self._sealed = self._already = self._gone = 0
        self._left: list[tuple[int, str]] = []
        self._finished = False

    def __iter__(self) -> Iterator[SealProgress]:
        """Verify, then seal, step by step."""
        for step in self._walk:
            yield SealProgress("verifying", step.position, step.total, 0)
        report = self._walk.report
        if report.reason is not None or report.last_sequence is None or report.verdict is Verdict.UNCHAINED:
            return
        flawed = _Flawed(report)
        link: tuple[int, str] | None = None
        position, total = 0, report.last_sequence + 1
        while position < total:
            found = self._fences(range(position, min(total, position + WINDOW)))
            bare = [number for number, fence in found.items() if fence.state is FenceState.BARE]
            records = self._records(bare)
            for number in sorted(found):
                fence = found[number]
                if fence.state is FenceState.BARE:
                    fence = self._seal(fence, records.get(number, []), link, flawed) or fence
                elif fence.holds:
                    self._already += 1
                if fence.holds:
                    link = (number, str(fence.chain_hash))
            position = min(total, position + WINDOW) if found else self._next_record(position + WINDOW, total)
            yield SealProgress("sealing", position, total, self._sealed)
        self._finished = True

    @property
    def report(self) -> SealReport:
        """What was done so far."""
        return SealReport(
            verification=self._walk.report,
            sealed=self._sealed,
            already=self._already,
            gone=self._gone,
            left=tuple(self._left),
            dry_run=self._dry_run,
            finished=self._finished,
        )

    def _seal(self, bare: Fence, records: list[Item], link: tuple[int, str] | None, flawed: _Flawed) -> Fence | None:
        """Seal one position, if nothing speaks against it; returns its full fence."""
        number = bare.sequence_number
        if not records:
            self._gone += 1
            return None
        reason = "two records claim it" if len(records) > 1 else flawed.reason(number)
        if reason is None and judge_record(records[0], number, self._names, None, fence_read=False).findings:
            reason = "it changed since it was verified"
        if reason is not None:
            self._left.append((number, reason))
            return None
        made = sealed_fence(records[0], bare.item, number, link=link, sealed_at=self._table.clock.now().normalised)
        if not self._dry_run and not self._put(made):
            # another sealer, or somebody else, was faster: go on from what stands there now
            found = self._fences([number]).get(number)
            if found is None or not found.holds:
                self._left.append((number, "its fence changed meanwhile"))
                return None
            self._already += 1
            return found
        self._sealed += 1
        return Fence.read(number, made)

    def _put(self, fence: Item) -> bool:
        """Make the fence full, as long as it is bare; False when it no longer is. Raises `EngineError`."""
        names = [name for name in _COPIES if name in fence]
        values: dict[str, Any] = {f":{name}": fence[name] for name in names}
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key={"id": fence["id"]},
                UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in names),
                ConditionExpression=_STILL_BARE,
                ExpressionAttributeNames={"#fence": "_fence"},
                ExpressionAttributeValues={**values, ":true": {"BOOL": True}},
            )
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise translate(error, self._table.place) from error
        return True

    def _records(self, positions: list[int]) -> dict[int, list[Item]]:
        """Read the records of bare positions: where they are by the index, what they hold consistently."""
        if not positions:
            return {}
        ids: list[str] = []
        for page in pages(self._table, sequence_range(self._chain, min(positions), max(positions))):
            ids += [record_id for item in page.items if (record_id := text_of(item, "id")) is not None]
        found: dict[int, list[Item]] = {}
        for item in self._table.get_many(ids).items:
            number = whole_number(item.get("sequence_number", {}).get("N"))
            if number is not None and text_of(item, "ns_tenant") == self._chain:
                found.setdefault(number, []).append(item)
        return found

    def _fences(self, positions: range | list[int]) -> dict[int, Fence]:
        return fences_at(self._table, *self._names, positions)[0]

    def _next_record(self, position: int, total: int) -> int:
        """Return where to go on behind a hundred positions without a fence: at the next record, or at the end."""
        if position >= total:
            return total
        page = self._table.query(sequence_range(self._chain, position, None), limit=1)
        number = whole_number(page.items[0]["sequence_number"].get("N")) if page.items else None
        return total if number is None else min(total, max(position, number))


class _Flawed:
    """Positions with a finding that is more than information, asked for in ascending order."""

    def __init__(self, report: ChainReport) -> None:
        self._ahead = deque(
            finding
            for finding in report.findings
            if finding.severity is not Severity.INFORMATION and finding.sequence_number is not None
        )
        self._near: list[Finding] = []

    def reason(self, number: int) -> str | None:
        """Return the kind of the finding at a position, or None."""
        while self._ahead and (self._ahead[0].sequence_number or 0) <= number:
            self._near.append(self._ahead.popleft())
        self._near = [finding for finding in self._near if (finding.last_sequence_number or 0) >= number]
        return self._near[0].kind.value if self._near else None
