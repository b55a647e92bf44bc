"""The facade: one table of audit records, opened from settings, with everything that can be asked of it.

It puts the parts together and holds none of their rules. A store has no operation that changes or deletes a record, in
any compliance mode; what is written twice is recognised, and what is written differently is refused.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from audit_core import demo, directory, query
from audit_core.append import DEADLINE_SECONDS, Appended, ChainWriter
from audit_core.chain.pool import ReaderPool
from audit_core.chain.reader import LAG_SECONDS
from audit_core.chain.walk import ChainWalk, sequence_span
from audit_core.client import build_client
from audit_core.embedded import start_embedded
from audit_core.errors import RecordError, WriteRefusedError
from audit_core.exchange import ChainExport
from audit_core.groupcommit import QUEUE_LIMIT, GroupWriter
from audit_core.jsontext import json_text
from audit_core.paging import READ_BUDGET, PageReading
from audit_core.records import AuditRecord, new_id
from audit_core.redaction import Redactor
from audit_core.retention import Lifetimes
from audit_core.schema import Difference, open_table
from audit_core.seal import ChainSealing
from audit_core.table import Table
from audit_core.timestamps import Clock, Timestamp
from audit_core.turns import meeting_place
from audit_core.twophase import TwoPhase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.chain.findings import ChainReport
    from audit_core.chain.saved import SavedRun
    from audit_core.chain.walk import Progress
    from audit_core.embedded import EmbeddedEngine
    from audit_core.query import Order, Page, RecordFilter, Row
    from audit_core.settings import Settings

__all__ = ["AuditStore", "Engine"]

Engine = Literal["embedded", "local", "aws"]
"""The engines of DESIGN: in this process, DynamoDB Local or alike, AWS."""


class AuditStore:
    """One table of audit records. Safe to share between threads.

    `settings` and `client` are injected, `embedded` is the engine in this process, if that is what the client talks to;
    `AuditStore.open` does all of it. `warnings` are differences of the table from FORMAT 1 that break nothing,
    and `made` is when and by whose account it was made (`schema.made_when`).
    """

    def __init__(  # noqa: PLR0913 - what `open` found, each of it for tests to replace
        self,
        settings: Settings,
        client: DynamoDBClient,
        *,
        embedded: EmbeddedEngine | None = None,
        clock: Clock | None = None,
        warnings: tuple[Difference, ...] = (),
        made: str | None = None,
    ) -> None:
        self.settings = settings
        self.warnings = warnings
        self.made = made
        self.table = Table(client, settings.audit.table_name, clock, settings)
        self.lifetimes = Lifetimes(settings.audit.ttl_seconds, settings.dashboard.past_ttl_seconds)
        redact = settings.audit.redact
        self._redactor = Redactor(redact.fields, redact.placeholder) if redact.enabled else None
        self._embedded = embedded
        self._writer = ChainWriter(
            self.table,
            settings.audit.prefix,
            self.lifetimes,
            local=settings.is_local,
            gate=nullcontext() if embedded is None else embedded.lock,
            meeting=None if embedded is not None else meeting_place(f"{client.meta.endpoint_url} {self.table.name}"),
        )

    @classmethod
    def open(cls, settings: Settings, *, clock: Clock | None = None) -> Self:
        """Connect, see to the table, and put in demo data where the settings ask for it.

        A local engine's table is made where it is missing; on AWS nothing is ever created (FORMAT 1). Raises
        `EngineError`, among them `TableMissingError` and `TableMismatchError`.
        """
        embedded = start_embedded() if settings.audit.backend == "memory" else None
        client = build_client(settings, endpoint_url=None if embedded is None else embedded.endpoint_url)
        made, warnings = open_table(client, settings)
        store = cls(settings, client, embedded=embedded, clock=clock, warnings=warnings, made=made)
        if settings.demo:
            store.seed()
        return store

    @property
    def engine(self) -> Engine:
        """Which engine it is."""
        if self._embedded is not None:
            return "embedded"
        return "local" if self.settings.is_local else "aws"

    def close(self) -> None:
        """Give back the connections. The embedded engine runs on, with what it holds, as long as the process."""
        self._writer.close()
        self.table.close()

    # -- writing --------------------------------------------------------------------------------------------------

    def draft(  # noqa: PLR0913 - the required fields of FORMAT 2
        self,
        *,
        namespace: str,
        tenant: str,
        provider: str,
        action_type: str,
        verdict: str,
        outcome: str,
        **others: object,
    ) -> AuditRecord:
        """Make a record of what happened now: id, times and the configured lifetime are filled in unless given.

        `others` are further fields of `AuditRecord`. Raises `RecordError`.
        """
        moment = self.table.clock.now()
        values: dict[str, object] = {"id": new_id(), "dispatched_at": moment, "completed_at": moment, **others}
        values.setdefault("action_id", values["id"])
        dispatched, lifetime = values["dispatched_at"], self.settings.audit.ttl_seconds
        if "expires_at" not in values and lifetime is not None and isinstance(dispatched, Timestamp):
            values["expires_at"] = dispatched.plus_seconds(lifetime)
        return AuditRecord(
            namespace=namespace,
            tenant=tenant,
            provider=provider,
            action_type=action_type,
            verdict=verdict,
            outcome=outcome,
            **values,  # type: ignore[arg-type] # AuditRecord checks every one
        )

    def prepared(self, record: AuditRecord) -> AuditRecord:
        """Return the record as it would be stored: redacted, and without a payload where none is kept.

        Every append does so first, before anything is hashed. Raises `RecordError` for JSON that cannot be redacted.
        """
        if not self.settings.audit.store_payload:
            record = replace(record, action_payload=None)
        return record if self._redactor is None else self._redactor.record(record)

    def append(self, record: AuditRecord, *, seconds: float = DEADLINE_SECONDS) -> Appended:
        """Write one record: chained, or alone where hash chaining is off. Raises as `append_many` does."""
        return self.append_many((record,), seconds=seconds)[0]

    def append_many(self, records: Sequence[AuditRecord], *, seconds: float = DEADLINE_SECONDS) -> tuple[Appended, ...]:
        """Write up to 50 records of one chain, in order, as one transaction where they fit (FORMAT 6).

        Where hash chaining is off each is a `PutItem` of its own. `seconds` is the time to try for. Raises
        `RecordError` and `WriteRefusedError` before anything is sent; `ConflictError`, `NotWrittenError`,
        `OutcomeUnknownError`, `ChainBlockedError` and `EngineError` later.
        """
        if not self.settings.audit.enabled:
            message = (
                "Auditing is switched off (enabled = false in [audit]), so nothing is written; switch it on first."
            )
            raise WriteRefusedError(message)
        records = [self.prepared(record) for record in records]
        if self.settings.compliance.hash_chain:
            return self._writer.append(records, seconds)
        return self._writer.put_unchained(records, seconds)

    def two_phase(self, intended: AuditRecord) -> TwoPhase:
        """Return a context manager that commits an intent before its block, and the outcome after it.

        `intended` is a record of the action as it is about to begin, as `draft` makes it; its outcome does not matter.
        """
        return TwoPhase(intended, self.append, self.table.clock)

    def group_writer(self, *, queue_limit: int = QUEUE_LIMIT) -> GroupWriter:
        """Return a writer that many threads hand records to, and that commits them in groups; close it.

        One for each process is right. `queue_limit` is how many records wait at most. Raises `WriteRefusedError` where
        auditing or hash chaining is switched off.
        """
        if not self.settings.audit.enabled or not self.settings.compliance.hash_chain:
            message = "Auditing or hash chaining is switched off, so nothing is committed in groups; switch it on."
            raise WriteRefusedError(message)
        return GroupWriter(self._writer, self.prepared, self.table.clock, queue_limit=queue_limit)

    def pass_over(self, namespace: str, tenant: str, *, reason: str, caller_id: str = "") -> Appended:
        """Order a chain on past the position that blocks it, by a record that says who did so and why (FORMAT 6.4).

        It carries no `previous_hash`, so every verification shows it for ever. Raises `WriteRefusedError` where nothing
        blocks the chain or it may not be written to; otherwise as `append`.
        """
        if not reason.strip():
            message = "Passing over a position needs a reason, which stays in the chain; give one."
            raise RecordError(message)
        if not self.settings.audit.enabled or not self.settings.compliance.hash_chain:
            message = "Auditing or hash chaining is switched off, so no chain goes on; switch it on first."
            raise WriteRefusedError(message)
        record = self.draft(
            namespace=namespace,
            tenant=tenant,
            provider="audit_core",
            action_type="pass_over",
            verdict="allow",
            outcome="executed",
            caller_id=caller_id,
            metadata=json_text({"reason": reason}),
        )
        return self._writer.pass_over(record)

    def cleanup_expired(self) -> int:
        """Return 0: the table's native TTL removes what has expired, there is nothing to clean."""
        return 0

    def seed(self) -> tuple[str, ...]:
        """Put in the demo chains that lack, and return their names; `WriteRefusedError` unless the engine is local."""
        if not self.settings.is_local:
            message = (
                f"Demo data is not written to {self.settings.engine_label}. Use DynamoDB Local, or --demo for the "
                "embedded engine."
            )
            raise WriteRefusedError(message)
        return demo.seed(self.table, self.settings.audit.prefix)

    # -- reading --------------------------------------------------------------------------------------------------

    def get(self, record_id: str) -> Row | None:
        """Read a record by its id, consistently. Raises `FilterError`, `EngineError`."""
        rows = self.look_up(record_id).rows
        return rows[0] if rows else None

    def look_up(self, record_id: str) -> Page:
        """Read a record by its id as `get` does, with what that took."""
        return query.get_record(self.table, record_id, self.settings.audit.prefix)

    def positions(  # noqa: PLR0913 - a part of a chain, from which end, and how much
        self, namespace: str, tenant: str, first: int | None, last: int | None, *, forward: bool = True, limit: int = 1
    ) -> Page:
        """Read the records that stand at some positions of a chain. Raises as `query.query_positions` does."""
        return query.query_positions(self.table, (namespace, tenant), first, last, forward=forward, limit=limit)

    def action(self, action_id: str) -> Page:
        """Read the records of an action, oldest first. Raises `FilterError`, `EngineError`."""
        return query.query_action(self.table, action_id)

    def query(
        self,
        record_filter: RecordFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
        cursor: str | None = None,
        budget: int = READ_BUDGET,
    ) -> Page:
        """Read one page of a tenant's records; `limit` defaults to `page_size`. Raises as `PageReading` does."""
        reading = self.page(record_filter, order=order, limit=limit, cursor=cursor, budget=budget)
        for _found in reading:
            pass
        return reading.page

    def page(
        self,
        record_filter: RecordFilter,
        *,
        order: Order = "newest",
        limit: int | None = None,
        cursor: str | None = None,
        budget: int = READ_BUDGET,
    ) -> PageReading:
        """Return the reading of one page that goes on request by request. Raises `FilterError`, `CursorError`."""
        size = self.settings.dashboard.page_size if limit is None else limit
        return PageReading(self.table, record_filter, order=order, limit=size, cursor=cursor, budget=budget)

    def tenants(self) -> directory.Directory:
        """Read the tenant directory (FORMAT 7). Raises `EngineError`."""
        return directory.list_tenants(self.table, self.settings.audit.prefix)

    def tenant_listing(self) -> directory.TenantListing:
        """Return a reading of the tenant directory that goes as far as it is wanted."""
        return directory.TenantListing(self.table, self.settings.audit.prefix)

    def tenant(self, namespace: str, tenant: str) -> directory.TenantEntry | None:
        """Read one tenant's entry in the directory; None where there is none. Raises `EngineError`."""
        return directory.read_tenant(self.table, self.settings.audit.prefix, namespace, tenant)

    def scan_tenants(self) -> directory.TenantScan:
        """Return a scan of the whole table for its tenants that goes on step by step."""
        return directory.TenantScan(self.table)

    # -- verifying ------------------------------------------------------------------------------------------------

    def walk(  # noqa: PLR0913 - what a verification is about
        self,
        namespace: str,
        tenant: str,
        *,
        first: int | None = None,
        last: int | None = None,
        thorough: bool = False,
        saved: SavedRun | None = None,
        pool: ReaderPool | None = None,
    ) -> ChainWalk:
        """Return a verification of one chain that goes on step by step (FORMAT 9), or goes on with a `saved` one.

        `pool` are processes that read its pages (`reader_pool`); without, it is this one's threads. Raises
        `FilterError`, `SavedRunError`.
        """
        return ChainWalk(
            self.table,
            namespace,
            tenant,
            self.lifetimes,
            first=first,
            last=last,
            thorough=thorough,
            lag_seconds=0.0 if self.settings.is_local else LAG_SECONDS,
            saved=saved,
            pool=pool,
        )

    def verify(  # noqa: PLR0913 - what a verification is about
        self,
        namespace: str,
        tenant: str,
        *,
        first: int | None = None,
        last: int | None = None,
        thorough: bool = False,
        progress: Callable[[Progress], None] | None = None,
        pool: ReaderPool | None = None,
    ) -> ChainReport:
        """Verify one chain, or a range of it (FORMAT 9). Raises `FilterError`; a failed read is told in the report."""
        walk = self.walk(namespace, tenant, first=first, last=last, thorough=thorough, pool=pool)
        for step in walk:
            if progress is not None:
                progress(step)
        return walk.report

    def reader_pool(self, processes: int) -> ReaderPool:
        """Return processes to verify with, to be closed when done. Raises `InputError` (`chain.pool.ReaderPool`)."""
        return ReaderPool(self.settings, processes)

    def export(self, namespace: str, tenant: str, *, first: int | None = None, last: int | None = None) -> ChainExport:
        """Return an export of one chain, or a range of it, that goes on step by step. Raises `FilterError`."""
        return ChainExport(
            self.table, namespace, tenant, self.lifetimes, first=first, last=last, demo=self.settings.demo
        )

    def seal(self, namespace: str, tenant: str, *, dry_run: bool = False) -> ChainSealing:
        """Return a sealing of one chain that goes on step by step (FORMAT 5). Raises `WriteRefusedError`."""
        if not self.settings.audit.enabled and not dry_run:
            message = "Auditing is switched off (enabled = false in [audit]), so nothing is sealed; switch it on first."
            raise WriteRefusedError(message)
        return ChainSealing(self.table, namespace, tenant, self.walk(namespace, tenant, thorough=True), dry_run=dry_run)

    def sequence_span(
        self, namespace: str, tenant: str, since: Timestamp | None, until: Timestamp | None
    ) -> tuple[int, int]:
        """Return the sequence numbers that a range of times spans. Raises `FilterError`, `EngineError`."""
        return sequence_span(self.table, namespace, tenant, since, until)
