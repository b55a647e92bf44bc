"""The command `seal`: chain after chain, bare fences made full while their records stand (FORMAT 5).

What may be sealed is decided in `seal`. A chain with findings is sealed around them, and they are named.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit_core.chain.findings import Verdict
from audit_core.cli.listing import chosen_chains
from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, progress_bar
from audit_core.names import visible

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from audit_core.seal import SealReport
    from audit_core.store import AuditStore

__all__ = ["seal"]

_LEFT_SHOWN = 20


def seal(
    context: typer.Context,
    *,
    namespace: Annotated[str | None, typer.Option("--namespace", help="Chains of this namespace only.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Chains of this tenant only.")] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Go through the whole table as well, for chains that the directory lacks.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sealed, and write nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make bare fences full, so that they prove later what expired. Do it before records expire.

    A chain is verified first; what has a finding is left as it is. Exit status: 0 all sealed; 1 something was left;
    2 could not run.
    """
    session = Session.of(context)
    with closing(session.open() if dry_run else session.open_for_writing()) as store, progress_bar() as progress:
        chains = chosen_chains(store, namespace, tenant, scan=scan)
        reports = [_seal_one(store, *name, dry_run=dry_run, progress=progress) for name in chains.names]
    if as_json:
        print_json({"dry_run": dry_run, "chains": [_json(report) for report in reports]})
    for report in () if as_json else reports:
        _print(report)
    if not all(_whole(report) for report in reports):
        raise typer.Exit(NEGATIVE)


def _seal_one(store: AuditStore, namespace: str, tenant: str, *, dry_run: bool, progress: ProgressBar) -> SealReport:
    task = progress.add_task(visible(f"{namespace}#{tenant}"), total=None)
    sealing = store.seal(namespace, tenant, dry_run=dry_run)
    for step in sealing:
        description = f"{visible(f'{namespace}#{tenant}')}: {step.phase}"
        progress.update(task, description=description, completed=step.position, total=step.total or None)
    progress.remove_task(task)
    return sealing.report


def _whole(report: SealReport) -> bool:
    """Whether nothing was left that a seal could have helped; a tenant without a chain has nothing to seal."""
    return report.verification.verdict is Verdict.UNCHAINED or (report.finished and not report.left)


def _json(report: SealReport) -> dict[str, Any]:
    return {
        "namespace": report.verification.namespace,
        "tenant": report.verification.tenant,
        "verdict": report.verification.verdict.value,
        "sealed": report.sealed,
        "already": report.already,
        "gone": report.gone,
        "left": [{"sequence_number": number, "reason": reason} for number, reason in report.left],
        "finished": report.finished,
    }


def _print(report: SealReport) -> None:
    found = report.verification
    print_line(visible(f"{found.namespace}#{found.tenant}") + f": {found.verdict.value}", style="bold")
    if found.verdict is Verdict.UNCHAINED:
        print_line("  no chain, so nothing to seal")
        return
    if not report.finished:
        print_line(f"  not sealed: {visible(found.reason or 'the chain could not be verified to its end')}")
        return
    done = "would be sealed" if report.dry_run else "sealed"
    print_line(
        f"  {report.sealed:,} {done}, {report.already:,} were full before, {report.gone:,} bare without a record"
    )
    for number, reason in report.left[:_LEFT_SHOWN]:
        print_line(f"  left bare: {number:,} ({reason})")
    if len(report.left) > _LEFT_SHOWN:
        print_line(f"  left bare: {len(report.left) - _LEFT_SHOWN:,} more; --json lists them all")
