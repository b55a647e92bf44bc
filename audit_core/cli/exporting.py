"""The command `export`: one chain, or a range of it, to a file that verifies without the table."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from audit_core.chain.words import DEMO
from audit_core.cli.extracting import check_pair, print_manifest, write_manifest
from audit_core.cli.files import written_whole
from audit_core.cli.ranges import FromOption, ToOption, parse_range
from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, progress_bar, say
from audit_core.errors import FilterError
from audit_core.extracts import write_chain
from audit_core.names import visible

__all__ = ["export"]


def export(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; one that exists is left alone.")],
    *,
    namespace: Annotated[str, typer.Option("--namespace", help="The chain's namespace.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The chain's tenant.")],
    start: FromOption = None,
    end: ToOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a chain's records and fences as JSON Lines; `verify --file` checks them without the table.

    It is read consistently, and verified meanwhile; what it holds is written whole, findings or not. FILE.manifest.json
    beside it names range, counts and SHA-256. Exit status 1: the counts do not add up to the positions asked for.
    """
    check_pair(target, replace=force)
    bounds = parse_range(start, end)
    with closing(Session.of(context).open()) as store, progress_bar() as progress:
        span = bounds.span(store, namespace, tenant)
        if span.is_empty:
            message = f"The range is empty: it starts at {span.first} and ends at {span.last}; choose another."
            raise FilterError(message)
        task = progress.add_task(visible(f"{namespace}#{tenant}"), total=None)
        with store.export(namespace, tenant, first=span.first, last=span.last) as reading:
            for step in reading:
                progress.update(task, completed=step.position, total=step.total or None)
            with written_whole(target) as file:
                header, manifest = write_chain(
                    reading, file, name=target.name, engine=store.settings.engine_label, asked=_asked(start, end)
                )
    write_manifest(manifest, target)
    if as_json:
        told: dict[str, Any] = {
            "file": str(target),
            "table": header.table,
            "demo": header.demo,
            "namespace": header.namespace,
            "tenant": header.tenant,
            "first": header.first,
            "last": header.last,
            "records": header.records,
            "fences": header.fences,
            "exported_at": header.exported_at.normalised,
            "verdict": manifest.verdict,
            "manifest": manifest.as_json(),
        }
        print_json(told)
    else:
        if header.demo:
            print_line(DEMO)
        held = f"{header.records:,} records and {header.fences:,} fences, verified meanwhile: {manifest.verdict}"
        print_manifest(manifest, target, held=held)
        print_line(f"{manifest.positions}")
    if manifest.positions is not None and not manifest.positions.reconcile:
        say(f"The counts do not add up: {manifest.positions}. The file is kept, and its manifest says so.")
        raise typer.Exit(NEGATIVE)


def _asked(start: str | None, end: str | None) -> dict[str, str | int]:
    return {name: given for name, given in (("from", start), ("to", end)) if given is not None}
