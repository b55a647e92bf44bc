"""The command `import`: AWS CloudTrail files into the configured table.

Reading the files, and what becomes of an event, is in `importers` and `cloudtrail`; here is what is asked and told.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, print_table, progress_bar, say
from audit_core.errors import AuditError, RecordError
from audit_core.importers import count_past_expiry, import_records, read_cloudtrail
from audit_core.names import visible
from audit_core.timestamps import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.importers import CloudTrailEvents, ImportOutcome
    from audit_core.records import AuditRecord
    from audit_core.settings import Settings
    from audit_core.store import AuditStore

__all__ = ["import_files"]


def import_files(
    context: typer.Context,
    *,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="CloudTrail files, plain or gzip, or folders of them.")
    ],
    tenant_field: Annotated[
        str,
        typer.Option("--tenant-field", help="Field of the event that names the tenant; a dotted path reaches inside."),
    ] = "recipientAccountId",
    ttl: Annotated[
        int | None, typer.Option("--ttl", metavar="SECONDS", help="Lifetime from the event's time; default: no expiry.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check the files, and write nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import AWS CloudTrail files; what is there already is not written again. Exit status 1: there were conflicts."""
    session = Session.of(context)
    outcome: ImportOutcome | None = None
    if dry_run:
        settings = session.settings()
        events = _read(paths, tenant_field, ttl, settings)
        _check_expiries(events.records)
    else:
        with closing(session.open_for_writing()) as store:
            settings = store.settings
            events = _read(paths, tenant_field, ttl, settings)
            outcome = _write(store, events.records)
    chained = settings.compliance.hash_chain
    if not chained:
        say(
            f"Note: hash chaining is off (compliance mode {settings.compliance.mode}), so nothing vouches for these "
            "records; set COMPLIANCE__MODE=soc2, or `mode` in [compliance], to chain them."
        )
    if as_json:
        print_json(_as_json(events, outcome, chained=chained))
    else:
        _print(events, outcome)
    if events.conflicts or (outcome is not None and outcome.conflicts):
        raise typer.Exit(NEGATIVE)


def _read(paths: Sequence[Path], tenant_field: str, ttl: int | None, settings: Settings) -> CloudTrailEvents:
    with progress_bar() as progress:
        progress.add_task("reading files", total=None)
        events = read_cloudtrail(paths, tenant_field=tenant_field, ttl_seconds=ttl)
    # asked before the first write, so that nothing is half imported
    taken = next((record.id for record in events.records if record.id.startswith(settings.audit.prefix)), None)
    if taken is not None:
        message = (
            f"An event's id, {visible(taken[:40])}, starts with {settings.audit.prefix!r}, which names bookkeeping "
            "items; nothing was written. Set another `prefix` in [audit] for this table, or leave the event out."
        )
        raise RecordError(message)
    return events


def _check_expiries(records: Sequence[AuditRecord]) -> None:
    late = count_past_expiry(records, Clock().now())
    if late:
        message = (
            f"{late:,} of {len(records):,} records would have expired already, or within two seconds, so that an "
            "import would write nothing. Give a longer lifetime, or none."
        )
        raise RecordError(message)


def _write(store: AuditStore, records: Sequence[AuditRecord]) -> ImportOutcome:
    done = 0
    with progress_bar() as progress:
        task = progress.add_task("importing", total=len(records))

        def show(count: int, total: int) -> None:
            nonlocal done
            done = count
            progress.update(task, completed=count, total=total)

        try:
            return import_records(store, records, progress=show)
        except (AuditError, KeyboardInterrupt):
            if done:
                say(f"{done:,} of {len(records):,} records were seen to; run the same import again, and it goes on.")
            raise


def _chains(records: Sequence[AuditRecord]) -> list[tuple[str, str, int]]:
    counts = Counter((record.namespace, record.tenant) for record in records)
    return [(namespace, tenant, count) for (namespace, tenant), count in sorted(counts.items())]


def _as_json(events: CloudTrailEvents, outcome: ImportOutcome | None, *, chained: bool) -> dict[str, Any]:
    in_files = [
        {"id": one.id, "kept": str(one.kept), "refused": str(one.refused), "with": "file"} for one in events.conflicts
    ]
    taken = () if outcome is None else outcome.conflicts
    in_table = [{"id": record_id, "kept": None, "refused": None, "with": "table"} for record_id in taken]
    return {
        "dry_run": outcome is None,
        "chained": chained,
        "files": events.files,
        "events": events.events,
        "added": 0 if outcome is None else outcome.added,
        "present": 0 if outcome is None else outcome.present,
        "duplicates": events.duplicates,
        "conflicts": in_files + in_table,
        "skipped": [str(path) for path in events.skipped],
        "chains": [
            {"namespace": namespace, "tenant": tenant, "records": count}
            for namespace, tenant, count in _chains(events.records)
        ],
    }


def _print(events: CloudTrailEvents, outcome: ImportOutcome | None) -> None:
    print_line(
        f"{events.events:,} events read from {events.files:,} files, {events.duplicates:,} of them delivered again."
    )
    if outcome is None:
        print_line(f"Dry run: {len(events.records):,} records would be written, nothing was.")
    else:
        print_line(f"{outcome.added:,} records added, {outcome.present:,} were present already.")
    rows = [(namespace, tenant, f"{count:,}") for namespace, tenant, count in _chains(events.records)]
    if rows:
        print_table(("namespace", "tenant", "records"), rows, indent=2)
    if events.skipped:
        print_line(f"{len(events.skipped):,} digest files and links were passed by.")
    taken = () if outcome is None else outcome.conflicts
    conflicts = len(events.conflicts) + len(taken)
    print_line(f"{conflicts:,} conflicts{':' if conflicts else '.'}")
    rows = [(one.id, f"kept from {one.kept}", f"refused from {one.refused}") for one in events.conflicts]
    rows += [(record_id, "kept in the table", "refused: other content") for record_id in taken]
    if rows:
        print_table(("id", "kept", "refused"), rows, indent=2)
