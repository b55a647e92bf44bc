"""The command line `python -m audit_core`: its options for all commands, and the commands by name.

What each does is in the file of its job; how a failure becomes a message and an exit status is in `session`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit_core.cli.exporting import export
from audit_core.cli.hashes import hash_items
from audit_core.cli.importing import import_files
from audit_core.cli.passing import pass_over
from audit_core.cli.reading import get_record, list_tenants, query_records
from audit_core.cli.sealing import seal as seal_chains
from audit_core.cli.session import Commands, Session
from audit_core.cli.tables import check, init, seed
from audit_core.cli.tampering import tamper
from audit_core.cli.verifying import verify

__all__ = ["app", "main"]

PROGRAM = "python -m audit_core"

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Audit records in DynamoDB: import, query, verify, seal and export them.",
    epilog="Exit status: 0 done; 1 a negative result; 2 could not run; for verify also 3: incomplete or unproven.",
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="PATH", help="Settings, instead of $AUDIT_CONFIG or ./acteon.toml."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Use the embedded engine with demo data, whatever is configured.")
    ] = False,
) -> None:
    """Keep what was given before the command for the command."""
    context.obj = Session(config, demo)


for name, command in (
    ("init-table", init),
    ("check-table", check),
    ("seed", seed),
    ("import", import_files),
    ("tenants", list_tenants),
    ("query", query_records),
    ("get", get_record),
    ("verify", verify),
    ("seal", seal_chains),
    ("pass-over", pass_over),
    ("export", export),
    ("hash", hash_items),
    ("tamper", tamper),
):
    app.command(name)(command)


def main() -> None:
    """Run the command line and end the process with its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that cannot show a character gets its escape, not a failure
        sys.stdout.reconfigure(errors="backslashreplace")
    app(prog_name=PROGRAM)
