"""The command `import`: CloudTrail files, exports and JSON Lines of records into the configured table.

Reading the files, and what becomes of an entry, is in `importers` and below it; here is what is asked and told.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, print_table, progress_bar, say
from audit_core.errors import AuditError, ImportFileError, RecordError
from audit_core.importentries import ImportOptions, LeftOut
from audit_core.importers import import_records, read_files, split_expired
from audit_core.importkinds import Kind
from audit_core.names import visible
from audit_core.timestamps import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.importers import FilesRead, ImportOutcome
    from audit_core.records import AuditRecord
    from audit_core.settings import Settings
    from audit_core.store import AuditStore

__all__ = ["import_files"]


@dataclass(frozen=True, slots=True)
class _Import:
    """What was read, and what of it is to be written or was; `expired` (int) counts what was left out for its age."""

    read: FilesRead
    records: tuple[AuditRecord, ...]
    expired: int
    settings: Settings
    dry_run: bool
    outcome: ImportOutcome | None = None


def import_files(
    context: typer.Context,
    *,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="CloudTrail files, exports, JSON Lines of records, plain or gzip, or folders of them.",
        ),
    ],
    tenant_field: Annotated[
        str,
        typer.Option(
            "--tenant-field", help="Field of a CloudTrail event that names the tenant; a dotted path reaches inside."
        ),
    ] = "recipientAccountId",
    extra: Annotated[
        list[str] | None,
        typer.Option("--extra", metavar="NAME", help="Keep a further field of plain records; may be repeated."),
    ] = None,
    ttl: Annotated[
        int | None,
        typer.Option("--ttl", metavar="SECONDS", help="Lifetime, from its time, of what has none; default: no expiry."),
    ] = None,
    skip_expired: Annotated[
        bool, typer.Option("--skip-expired", help="Leave out what has expired, instead of refusing the import.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check the files, and write nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import CloudTrail files, exports and JSON Lines of records; what is there already is not written again.

    What a file is, its content tells. A record's place in another chain is dropped: it gets a new one. Exit status 1:
    there were conflicts; 2: something could not be taken in, and nothing was written.
    """
    session = Session.of(context)
    options = ImportOptions(tenant_field=tenant_field, ttl_seconds=ttl, extra=tuple(extra or ()))
    how = {"skip_expired": skip_expired, "dry_run": dry_run, "as_json": as_json}
    if dry_run:
        done = _read(paths, options, session.settings(), **how)
    else:
        with closing(session.open_for_writing()) as store:
            planned = _read(paths, options, store.settings, **how)
            done = replace(planned, outcome=_write(store, planned.records))
    compliance = done.settings.compliance
    if not compliance.hash_chain:
        say(
            f"Note: hash chaining is off (compliance mode {compliance.mode}), so nothing vouches for these "
            "records; set COMPLIANCE__MODE=soc2, or `mode` in [compliance], to chain them."
        )
    if as_json:
        print_json(_as_json(done))
    else:
        _print(done)
    if done.read.conflicts or (done.outcome is not None and done.outcome.conflicts):
        raise typer.Exit(NEGATIVE)


def _read(
    paths: Sequence[Path],
    options: ImportOptions,
    settings: Settings,
    *,
    skip_expired: bool,
    dry_run: bool,
    as_json: bool,
) -> _Import:
    """Read the files; whatever would stop the import is asked here, so that nothing is half imported."""
    with progress_bar() as progress:
        progress.add_task("reading files", total=None)
        read = read_files(paths, options)
    if read.problems:
        if as_json:
            print_json(_as_json(_Import(read, (), 0, settings, dry_run)))
        _refuse(read)
    taken = next((record.id for record in read.records if record.id.startswith(settings.audit.prefix)), None)
    if taken is not None:
        message = (
            f"A record's id, {visible(taken[:40])}, starts with {settings.audit.prefix!r}, which names bookkeeping "
            "items; nothing was written. Set another `prefix` in [audit] for this table, or leave the record out."
        )
        raise RecordError(message)
    live, expired = split_expired(read.records, Clock().now())
    if expired and not skip_expired:
        message = (
            f"{len(expired):,} of {len(read.records):,} records would have expired already, or within two seconds; "
            "nothing was written. Leave them out with --skip-expired, or give those that have no lifetime of their "
            "own a longer --ttl, or none."
        )
        raise RecordError(message)
    return _Import(read, live, len(expired), settings, dry_run)


def _refuse(read: FilesRead) -> None:
    """Raise `ImportFileError`, after listing the problems where there are several."""
    if read.problem_count > 1:
        for problem in read.problems:
            say(problem.message)
        more = read.problem_count - len(read.problems)
        listed = f"listed above but for {more:,}" if more else "listed above"
        message = f"{read.problem_count:,} problems, {listed}. Nothing was written; mend the files, and import again."
        raise ImportFileError(message)
    read.check_sound()


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


def _as_json(done: _Import) -> dict[str, Any]:
    read, outcome = done.read, done.outcome
    in_files = [
        {"id": one.id, "kept": str(one.kept), "refused": str(one.refused), "with": "file"} for one in read.conflicts
    ]
    taken = () if outcome is None else outcome.conflicts
    in_table = [{"id": record_id, "kept": None, "refused": None, "with": "table"} for record_id in taken]
    return {
        "dry_run": done.dry_run,
        "chained": done.settings.compliance.hash_chain,
        "files": read.files,
        "kinds": {kind.value: read.kinds.get(kind.value, 0) for kind in Kind},
        "events": read.entries,
        "added": 0 if outcome is None else outcome.added,
        "present": 0 if outcome is None else outcome.present,
        "duplicates": read.duplicates,
        "expired": done.expired,
        "chain_attributes_dropped": read.placed,
        "altered": read.altered,
        "left_out": dict(read.left_out),
        "conflicts": in_files + in_table,
        "skipped": [str(path) for path in read.skipped],
        "chains": [
            {"namespace": namespace, "tenant": tenant, "records": count}
            for namespace, tenant, count in _chains(done.records)
        ],
        "problems": [{"file": str(one.path), "line": one.line, "problem": one.message} for one in read.problems],
        "problem_count": read.problem_count,
    }


def _print(done: _Import) -> None:
    read, outcome = done.read, done.outcome
    events, others = Kind.CLOUDTRAIL.value in read.kinds, read.kinds.keys() - {Kind.CLOUDTRAIL.value}
    named = " and ".join([*(["records"] if others else []), *(["events"] if events else [])])
    print_line(f"{read.entries:,} {named} read from {read.files:,} files, {read.duplicates:,} of them delivered again.")
    if outcome is None:
        print_line(f"Dry run: {len(done.records):,} records would be written, nothing was.")
    else:
        print_line(f"{outcome.added:,} records added, {outcome.present:,} were present already.")
    rows = [(namespace, tenant, f"{count:,}") for namespace, tenant, count in _chains(done.records)]
    if rows:
        print_table(("namespace", "tenant", "records"), rows, indent=2)
    for line in _losses(done):
        print_line(line)
    _print_conflicts(read, () if outcome is None else outcome.conflicts)


def _losses(done: _Import) -> list[str]:
    """Say what of the files did not come along, and what of it was not as it should be."""
    read = done.read
    bookkeeping, context, gone = (read.left_out[kind.value] for kind in LeftOut)
    lines = []
    if read.placed:
        new = "the import gives them new ones" if done.settings.compliance.hash_chain else "they get no new ones"
        lines.append(f"{read.placed:,} records had sequence numbers and hashes, which were dropped; {new}.")
    if read.altered:
        lines.append(
            f"{read.altered:,} records do not agree with the hashes that they came with: they were altered before, and "
            "a new chain vouches only for what they say now. `verify` tells more, of the table or with --file."
        )
    if bookkeeping:
        lines.append(f"{bookkeeping:,} fences and bookkeeping items were left out.")
    if context:
        lines.append(f"{context:,} records from outside the range of an export were left out.")
    if gone:
        lines.append(
            f"{gone:,} positions of exported chains had no record any more, expired or removed, and the new chain does "
            "not show that; `verify --file` tells which, and why."
        )
    if done.expired:
        lines.append(f"{done.expired:,} records that have expired were left out.")
    if read.skipped:
        lines.append(f"{len(read.skipped):,} digests, manifests and links were passed by.")
    return lines


def _print_conflicts(read: FilesRead, taken: Sequence[str]) -> None:
    conflicts = len(read.conflicts) + len(taken)
    print_line(f"{conflicts:,} conflicts{':' if conflicts else '.'}")
    rows = [(one.id, f"kept from {one.kept}", f"refused from {one.refused}") for one in read.conflicts]
    rows += [(record_id, "kept in the table", "refused: other content") for record_id in taken]
    if rows:
        print_table(("id", "kept", "refused"), rows, indent=2)
