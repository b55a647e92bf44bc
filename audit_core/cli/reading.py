"""The commands that show what a table holds: `tenants`, `query` and `get`.

Which records a filter means, and what a page costs, is in `query`; whether records are sound is for `verify`.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit_core.cli.extracting import chosen_form, write_records
from audit_core.cli.listing import listed_tenants
from audit_core.cli.plainitems import plain_item, plain_text
from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, print_table, say
from audit_core.names import look_alikes, visible
from audit_core.query import Order, RecordFilter
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.query import Page, Row

__all__ = ["get_record", "list_tenants", "query_records"]

_COLUMNS = ("dispatched_at", "sequence_number", "outcome", "verdict", "provider", "action_type", "caller_id", "id")


def list_tenants(
    context: typer.Context,
    *,
    scan: Annotated[
        bool, typer.Option("--scan", help="Go through the whole table as well, for tenants that the directory lacks.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the tenants of the table."""
    with closing(Session.of(context).open()) as store:
        listing = listed_tenants(store, scan=scan)
    alike = look_alikes(entry.chain for entry in listing.entries)
    if as_json:
        tenants = [
            {
                "namespace": entry.namespace,
                "tenant": entry.tenant,
                "first_seen": entry.first_seen and str(entry.first_seen),
                "demo": entry.demo,
                "in_directory": entry.chain not in listing.only_scanned,
                "looks_like": list(alike.get(entry.chain, ())),
            }
            for entry in listing.entries
        ]
        read = asdict(listing.reading)
        print_json({"source": listing.source, "tenants": tenants, "ignored": listing.ignored, "read": read})
        return
    rows = []
    for entry in listing.entries:
        marks = ["demo"] if entry.demo else []
        marks += ["not in the directory"] if entry.chain in listing.only_scanned else []
        marks += [f"looks like {other}" for other in alike.get(entry.chain, ())]
        rows.append((entry.namespace, entry.tenant, str(entry.first_seen or "not known"), ", ".join(marks)))
    if rows:
        print_table(("namespace", "tenant", "first seen", ""), rows)
    print_line(f"{len(rows):,} tenants, {listing.origin}.")
    print_line(f"Read: {listing.reading}.")


def query_records(
    context: typer.Context,
    *,
    namespace: Annotated[str, typer.Option("--namespace")],
    tenant: Annotated[str, typer.Option("--tenant")],
    provider: Annotated[str | None, typer.Option("--provider")] = None,
    action_type: Annotated[str | None, typer.Option("--action-type")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome")] = None,
    verdict: Annotated[str | None, typer.Option("--verdict")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Matched rule.")] = None,
    caller: Annotated[str | None, typer.Option("--caller", help="Caller id.")] = None,
    chain_id: Annotated[str | None, typer.Option("--chain-id")] = None,
    signer: Annotated[str | None, typer.Option("--signer", help="Signer id.")] = None,
    kid: Annotated[str | None, typer.Option("--kid", help="Key id.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="RFC 3339, inclusive.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="RFC 3339, inclusive.")] = None,
    order: Annotated[Order, typer.Option("--order", help="By time, or by sequence number either way.")] = "newest",
    limit: Annotated[int | None, typer.Option("--limit", help="Records on the page, 1 to 1,000.")] = None,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="Where another page begins, as it was printed.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write all that match instead, for a spreadsheet; each cell inert."),
    ] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option("--jsonl", metavar="FILE", help="Write all that match instead, as items that `hash` takes."),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="FILE", help="Write all that match instead, as columns for analysis."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one page of a tenant's records, each value that is given being equal to the record's.

    With --csv, --jsonl or --parquet all of them go to a file instead, and FILE.manifest.json beside it names filter,
    time, count and SHA-256. Exit status 3: not all could be read, which the manifest says.
    """
    file = chosen_form(csv, jsonl, parquet, force=force, paged=limit is not None or cursor is not None)
    wanted = RecordFilter(
        namespace=namespace,
        tenant=tenant,
        provider=provider,
        action_type=action_type,
        outcome=outcome,
        verdict=verdict,
        rule=rule,
        caller=caller,
        chain_id=chain_id,
        signer=signer,
        kid=kid,
        since=None if since is None else Timestamp.parse(since),
        until=None if until is None else Timestamp.parse(until),
    )
    with closing(Session.of(context).open()) as store:
        if file is not None:
            form, target = file
            write_records(store, wanted, order, form, target, as_json=as_json)
            return
        page = store.query(wanted, order=order, limit=limit, cursor=cursor)
    if as_json:
        read = {**asdict(page.reading), "complete": page.complete, "at": str(page.at)}
        print_json({**_rows_json(page.rows), "next": page.next, "previous": page.previous, "read": read})
        return
    if page.rows:
        print_table(
            ("dispatched at", "sequence", "outcome", "verdict", "provider", "action type", "caller", "id", ""),
            [(*(row.stored.text(name) for name in _COLUMNS), "; ".join(_marks(row))) for row in page.rows],
        )
    _print_page_end(page)


def get_record(
    context: typer.Context,
    *,
    record_id: Annotated[str | None, typer.Argument(metavar="ID", help="The record's id.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ID", help="All records of an action instead.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a record with everything in it. Exit status 1: there is none."""
    if (record_id is None) == (action is None):
        message = "Give either the id of a record, or the id of an action by --action."
        raise typer.BadParameter(message)
    with closing(Session.of(context).open()) as store:
        if record_id is not None:
            row = store.get(record_id)
            rows: tuple[Row, ...] = () if row is None else (row,)
            complete = True
        else:
            page = store.action(action or "")
            rows, complete = page.rows, page.complete
    if as_json:
        print_json({**_rows_json(rows), "complete": complete})
    else:
        for row in rows:
            _print_record(row)
    if not complete:
        say(f"Note: the action has more than these {len(rows)} records; they are found by `query`.")
    if not rows:
        wanted = f"record {record_id}" if record_id is not None else f"record of action {action}"
        say(f"There is no {wanted}; it may have expired, or never been written.")
        raise typer.Exit(NEGATIVE)


def _rows_json(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "records": [plain_item(row.stored.item) for row in rows],
        "expired": [row.stored.text("id") for row in rows if row.expired],
        "problems": {row.stored.text("id"): list(row.stored.problems) for row in rows if row.stored.problems},
    }


def _marks(row: Row) -> list[str]:
    marks = ["expired, still present"] if row.expired else []
    marks += [] if "sequence_number" in row.stored.item else ["unchained: nothing vouches for it"]
    return marks + list(row.stored.problems)


def _print_page_end(page: Page) -> None:
    """Say what the page is of the whole: never a count of what happened to be read as if it were all."""
    if page.next is None:
        print_line(f"{len(page.rows):,} records shown; these are the last.")
    elif page.complete:
        print_line(f"{len(page.rows):,} records shown; more to come with --cursor {page.next}")
    else:
        print_line(
            f"{len(page.rows):,} records shown; the page is not full, since {page.reading.items:,} items were gone "
            f"through for it. It goes on with --cursor {page.next}"
        )
    if page.previous is not None:
        print_line(f"The page before: --cursor {page.previous}")
    print_line(f"Read: {page.reading}, at {page.at}.")


def _print_record(row: Row) -> None:
    plain = plain_item(row.stored.item)
    width = max(map(len, plain))
    for name, value in plain.items():
        print_line(f"{visible(name):<{width}}  {visible(plain_text(value))}")
    for mark in _marks(row):
        print_line(f"! {visible(mark)}", style="bold")
    print_line()
