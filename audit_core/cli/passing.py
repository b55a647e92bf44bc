"""The command `pass-over`: an operator's order that a blocked chain goes on (FORMAT 6.4)."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import Annotated

import typer

from audit_core.cli.session import NEGATIVE, Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, say
from audit_core.names import visible

__all__ = ["pass_over"]


def pass_over(
    context: typer.Context,
    *,
    namespace: Annotated[str, typer.Option("--namespace", help="The chain's namespace.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The chain's tenant.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the chain.")],
    caller: Annotated[str | None, typer.Option("--caller", help="Who orders it; default: your user name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Order a blocked chain on past the position that blocks it.

    Only where an append says that the chain is blocked. It appends a record that says who ordered it and why, without a
    link to the record before: every verification shows that for ever. Exit status 1: it was not confirmed.
    """
    with closing(Session.of(context).open_for_writing()) as store:
        chain = visible(f"{namespace}#{tenant}")
        if not yes:
            say(f"{chain} would go on without a link to what stands before, and every verification will show it.")
            if not typer.confirm("Pass over?", err=True):
                raise typer.Exit(NEGATIVE)
        record = store.pass_over(namespace, tenant, reason=reason, caller_id=caller or getpass.getuser()).record
    if as_json:
        print_json({"id": record.id, "sequence_number": record.sequence_number})
    else:
        print_line(f"{chain} goes on: record {record.id} stands at position {record.sequence_number:,}.")
