"""The command `verify`: which chains are meant, a few verified at a time, and the exit status.

What a verification finds is decided in `chain`; how it is told is in `reports`. The exit status is the verdict's:
0 intact, also with proven expiry; 1 broken; 2 could not run, or nothing is known of what was named; 3 incomplete or
unproven. A scheduler may take 3 for a success, and a mistyped name must never be one.
"""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit_core.chain.findings import Verdict
from audit_core.chain.statements import ChainStatement, Statement
from audit_core.cli.files import check_target, written_whole
from audit_core.cli.listing import Chains, chosen_chains
from audit_core.cli.ranges import FromOption, Range, Span, ToOption, parse_range
from audit_core.cli.reports import print_statement
from audit_core.cli.runfile import RunFile
from audit_core.cli.session import COULD_NOT_RUN, NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, progress_bar, say
from audit_core.documents import html_document, junit_document, statement_json
from audit_core.errors import EngineError, FilterError, ImportFileError
from audit_core.exchange import verify_file
from audit_core.importfiles import refuse_unreadable
from audit_core.manifests import check_beside
from audit_core.names import visible
from audit_core.query import RecordFilter
from audit_core.retention import Lifetimes
from audit_core.table import Reading
from audit_core.timestamps import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import Progress as ProgressBar

    from audit_core.chain.findings import ChainReport
    from audit_core.chain.walk import ChainWalk
    from audit_core.exchange import ExportHeader
    from audit_core.store import AuditStore

__all__ = ["CHAINS_AT_ONCE", "exit_status", "verify"]

UNDECIDED = 3
"""Exit status of a verification that is incomplete, or that cannot tell."""

_STOPPED = "it was stopped"
_UNKNOWN = (
    "the directory lists no such tenant, and neither a record nor a fence of it was found. Its name may be mistyped, "
    "or everything of it was removed; `python -m audit_core tenants` lists those that are known"
)

CHAINS_AT_ONCE = 4
"""Chains that are verified at a time: a short one waits for the engine more than it reckons."""


def verify(
    context: typer.Context,
    *,
    namespace: Annotated[str | None, typer.Option("--namespace", help="Chains of this namespace only.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Chains of this tenant only.")] = None,
    start: FromOption = None,
    end: ToOption = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Read the fence of every record as well.")] = False,
    allow_unproven: Annotated[
        bool, typer.Option("--allow-unproven", help="Exit status 0 for the verdict unproven; the word stays.")
    ] = False,
    scan: Annotated[
        bool, typer.Option("--scan", help="Go through the whole table as well, for chains that the directory lacks.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="EXPORT", help="Verify a file that export wrote, without a table.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="XML", help="Also write a JUnit file, for a build server.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="HTML", help="Also write one HTML file, to read, print and keep.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="JSON", help="Keep how far it is in this file; once stopped, go on from it."),
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", help="Processes that read and judge beside this one; of use for long chains.")
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Verify one chain, or every chain that the directory lists, or a file that `export` wrote.

    Exit status: 0 intact, also with proven expiry; 1 broken; 2 could not run, or there is no such tenant; 3 incomplete
    or unproven.
    """
    bounds = parse_range(start, end)
    for target in (junit, html):
        if target is not None:
            check_target(target, replace=True)
    if file is not None and not (bounds.is_open and not scan and (namespace, tenant, state) == (None, None, None)):
        message = "A file holds one chain and its range, so --file goes with none of the options that choose them."
        raise FilterError(message)
    if file is not None:
        header, result = _verify_file(Session.of(context), file)
        source, demo = f"the file {file.name}, exported from table {header.table}", header.demo
        results, chains = [result], Chains((), f"from the file {file}", Reading())
    else:
        with closing(Session.of(context).open()) as store:
            source, demo = f"table {store.table.name} on {store.settings.engine_label}", store.settings.demo
            chains = chosen_chains(store, namespace, tenant, scan=scan)
            run_file = _run_file(state, namespace, tenant)
            with nullcontext() if not processes else store.reader_pool(processes) as pool:
                walk = partial(store.walk, thorough=thorough, pool=pool)
                results = _verify_all(store, chains.names, bounds, walk, run_file)
    if results and all(result.unreadable for result in results):
        message = f"Nothing could be read. {results[0].statement.report.reason}"
        raise EngineError(message)
    statement = Statement(tuple(result.statement for result in results), source, chains.origin, chains.reading, demo)
    if junit is not None:
        _write(junit, junit_document(statement, allow_unproven=allow_unproven))
    if html is not None:
        _write(html, html_document(statement, Clock().now()))
    if as_json:
        print_json(statement_json(statement))
    else:
        print_statement(statement)
    if not results:
        say("There is no chain to verify. `python -m audit_core tenants` lists what is known; --scan finds others.")
    unknown = (namespace, tenant) != (None, None) and all(result.unknown for result in results)
    raise typer.Exit(COULD_NOT_RUN if unknown else exit_status(statement.verdict, allow_unproven=allow_unproven))


@dataclass(frozen=True, slots=True)
class _Result:
    """A chain's report, whether not even the first read of it succeeded, and whether nothing is known of its tenant."""

    statement: ChainStatement
    unreadable: bool = False
    unknown: bool = False


def exit_status(verdict: Verdict, *, allow_unproven: bool) -> int:
    """Return the exit status for a verdict."""
    if verdict in {Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY} or (allow_unproven and verdict is Verdict.UNPROVEN):
        return 0
    return NEGATIVE if verdict is Verdict.BROKEN else UNDECIDED


def _run_file(state: Path | None, namespace: str | None, tenant: str | None) -> RunFile | None:
    if state is None:
        return None
    if namespace is None or tenant is None:
        message = "--state keeps the verification of one chain: give --namespace and --tenant with it."
        raise FilterError(message)
    return RunFile(state)


def _verify_all(
    store: AuditStore,
    chains: Sequence[tuple[str, str]],
    bounds: Range,
    walk: Callable[..., ChainWalk],
    run_file: RunFile | None,
) -> list[_Result]:
    """Verify chains, a few at a time; once interrupted, the rest is `incomplete`, which is still a result."""
    stop = threading.Event()
    with progress_bar() as progress, _loaded_for_good():
        verify_one = partial(
            _verify_one, store, bounds=bounds, make_walk=walk, progress=progress, stop=stop, run_file=run_file
        )
        if len(chains) == 1:
            results = [verify_one(chains[0])]
        else:
            every = progress.add_task("chains", total=len(chains))
            with ThreadPoolExecutor(CHAINS_AT_ONCE) as pool:
                futures = [pool.submit(verify_one, chain) for chain in chains]
                try:
                    for _ in as_completed(futures):
                        progress.advance(every)
                except KeyboardInterrupt:
                    stop.set()
                results = [future.result() for future in futures]
    if stop.is_set():
        kept = "" if run_file is None else " The same command goes on from where it came to."
        say(f"Stopped: what was not verified counts as incomplete.{kept}")
    return results


@contextmanager
def _loaded_for_good() -> Iterator[None]:
    """Spare the collector of cycles what was loaded to get here; it would go through it every few thousand records."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _verify_file(session: Session, file: Path) -> tuple[ExportHeader, _Result]:
    """Verify an export by the lifetimes of the settings; no engine is opened. A manifest beside it has to fit."""
    settings = session.settings()
    try:
        claim = check_beside(file)
        if claim is not None and claim.kind == "records":
            message = (
                f"{visible(str(file))} is what its manifest says, {claim.records:,} records that a filter chose, and "
                "no chain that could be verified. Recompute the hashes of JSON Lines by `hash`, or export the chain."
            )
            raise ImportFileError(message)
        with file.open("rb") as source:
            lifetimes = Lifetimes(settings.audit.ttl_seconds, settings.dashboard.past_ttl_seconds)
            header, report = verify_file(source, visible(str(file)), lifetimes)
    except OSError as error:
        refuse_unreadable(file, error)
    return header, _Result(ChainStatement(report))


def _verify_one(
    store: AuditStore,
    chain: tuple[str, str],
    *,
    bounds: Range,
    make_walk: Callable[..., ChainWalk],
    progress: ProgressBar,
    stop: threading.Event,
    run_file: RunFile | None,
) -> _Result:
    namespace, tenant = chain
    if stop.is_set():
        return _not_begun(store, namespace, tenant, _STOPPED)
    task = progress.add_task(visible(f"{namespace}#{tenant}"), total=None)
    try:
        span = bounds.span(store, namespace, tenant)
        if span.is_empty:
            reason = f"the range is empty there: it starts at {span.first} and ends at {span.last}"
            return _not_begun(store, namespace, tenant, reason, span=span)
        saved = None if run_file is None else run_file.saved
        walk = make_walk(namespace, tenant, first=span.first, last=span.last, saved=saved)
    except EngineError as error:
        return _not_begun(store, namespace, tenant, str(error), unreadable=True)
    except KeyboardInterrupt:
        stop.set()
        return _not_begun(store, namespace, tenant, _STOPPED)
    try:
        for step in walk:
            progress.update(task, completed=step.position, total=step.total or None)
            if run_file is not None:
                run_file.step(walk)
            if stop.is_set():
                walk.stop(_STOPPED)
                break
    except KeyboardInterrupt:
        stop.set()
        walk.stop(_STOPPED)
    finally:
        progress.remove_task(task)
    if run_file is not None:
        run_file.keep(walk)
    report = walk.report
    unreadable = not stop.is_set() and report.verdict is Verdict.INCOMPLETE and report.reading.requests == 0
    unknown = None if walk.reason is not None else _unknown(store, report)
    return _Result(_stated(unknown or report, None if bounds.is_open else span), unreadable, unknown is not None)


def _unknown(store: AuditStore, report: ChainReport) -> ChainReport | None:
    """Return what to say of a chain without any position that has no entry in the directory and no record either."""
    if report.upper_bound is not None:
        return None
    every = RecordFilter(namespace=report.namespace, tenant=report.tenant)
    try:
        known = store.tenant(every.namespace, every.tenant) is not None or store.query(every, limit=1).rows
    except EngineError:
        return None
    return None if known else replace(report, reason=_UNKNOWN, unchained=0)


def _not_begun(
    store: AuditStore,
    namespace: str,
    tenant: str,
    reason: str,
    *,
    span: Span | None = None,
    unreadable: bool = False,
) -> _Result:
    """Return the result of a chain that was not looked at: incomplete, with the reason."""
    walk = store.walk(namespace, tenant)
    walk.stop(reason)
    return _Result(_stated(walk.report, span), unreadable)


def _stated(report: ChainReport, span: Span | None) -> ChainStatement:
    if span is None:
        return ChainStatement(report)
    start = "the first" if span.first is None else f"{span.first:,}"
    end = "the last" if span.last is None else f"{span.last:,}"
    return ChainStatement(report, f"{start} to {end}", span.note)


def _write(target: Path, text: str) -> None:
    with written_whole(target) as file:
        file.write(text.encode())
