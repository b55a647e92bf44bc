"""The commands about the table itself: `init-table`, `check-table` and `seed`.

What a table must look like, and how it is made, is in `schema`; the demo chains are in `demo`.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from audit_core.cli.session import NEGATIVE, Session, refuse_embedded
from audit_core.cli.terminal import JsonFlag, print_json, print_line, print_table, say
from audit_core.client import build_client
from audit_core.errors import TableMissingError
from audit_core.schema import check_table, cloudformation_template, create_table, ensure_table

if TYPE_CHECKING:
    from audit_core.schema import Difference

__all__ = ["check", "init", "seed"]


def init(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Make the table on a local engine; for AWS print a CloudFormation template and change nothing."""
    settings = Session.of(context).settings()
    refuse_embedded(settings)
    table, engine = settings.audit.table_name, settings.engine_label
    if not settings.is_local:
        # the template is JSON, so that it is the answer with --json too
        sys.stdout.write(cloudformation_template(settings))
        say(f"Nothing was changed on {engine}. Make the stack with `aws cloudformation deploy --template-file FILE`.")
        return
    with closing(build_client(settings)) as client:
        created = create_table(client, settings)
        ensure_table(client, settings)  # one that was there may differ
    if as_json:
        print_json({"table": table, "engine": engine, "created": created})
    else:
        print_line(f"Table {table} on {engine} {'was made' if created else 'was there already, and can be used'}.")


def check(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Say how the table differs from what it should be; exit status 1 where that breaks a query."""
    session = Session.of(context)
    settings = session.settings()
    differences = _differences(session)
    if as_json:
        print_json(
            {
                "table": settings.audit.table_name,
                "engine": settings.engine_label,
                "differences": [asdict(difference) for difference in differences],
            }
        )
    elif differences:
        differs = any(not difference.information for difference in differences)
        words = "differs from what it should be" if differs else "is as it should be; for information"
        print_line(f"Table {settings.audit.table_name} on {settings.engine_label} {words}:")
        rows = [(_weight(one), one.item, one.expected, one.found, one.mend) for one in differences]
        print_table(("", "what", "expected", "found", "mend"), rows)
    else:
        print_line(f"Table {settings.audit.table_name} on {settings.engine_label} is as it should be.")
    if any(difference.breaks_queries for difference in differences):
        raise typer.Exit(NEGATIVE)


def seed(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Put the demo chains that are not there yet into a local table."""
    with closing(Session.of(context).open_for_writing()) as store:
        made = store.seed()
    if as_json:
        print_json({"seeded": list(made)})
    elif made:
        print_line(f"{len(made)} demo chains were put in: {', '.join(made)}.")
    else:
        print_line("All demo chains are there already; nothing was written.")


def _differences(session: Session) -> tuple[Difference, ...]:
    """Look at the table without making it; the embedded engine's exists only once it is opened."""
    settings = session.settings()
    if settings.audit.backend == "memory":
        with closing(session.open()) as store:
            return check_table(store.table.client, settings)
    with closing(build_client(settings)) as client:
        try:
            return check_table(client, settings)
        except TableMissingError as error:
            if not settings.is_local:
                raise
            message = (
                f"There is no table {settings.audit.table_name} in {settings.engine_label}. Make it with "
                "`python -m audit_core init-table`, or correct `table_name` in [audit]."
            )
            raise TableMissingError(message) from error


def _weight(difference: Difference) -> str:
    if difference.breaks_queries:
        return "breaks queries"
    return "information" if difference.information else "warning"
