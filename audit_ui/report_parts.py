"""A verification to take away: the HTML document and the JSON form, made when somebody asks for them.

What they say is decided in `audit_core.documents` and in the command line's own JSON form, which is the same here.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import Clock
from audit_core.chain.statements import ChainStatement, Statement
from audit_core.documents import MOST_LISTED, html_document, statement_json
from audit_core.table import Reading
from audit_ui.formats import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core import ChainReport
    from audit_ui.context import Context

__all__ = ["file_name", "json_document", "statement_of", "take_away"]

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 60


def take_away(context: Context, report: ChainReport, asked: str | None) -> None:
    """Offer the report as files; `asked` is the range that was asked for in words, None for the whole chain."""
    statement = statement_of(context, report, asked)
    st.subheader("Take the report away", anchor=False)
    forms: tuple[tuple[str, str, str, Callable[[Statement], str]], ...] = (
        ("HTML, to read and print", "html", "text/html", _html),
        ("JSON, for programs", "json", "application/json", json_document),
    )
    with st.container(horizontal=True, gap="small"):
        for label, ending, kind, form in forms:
            st.download_button(
                label,
                functools.partial(form, statement),
                file_name=file_name(report, ending),
                mime=kind,
                on_click="ignore",
                key=f"take {ending}",
            )
    listed = min(len(report.findings), MOST_LISTED)
    more = f" The HTML file lists {listed:,} of them." if listed < len(report.findings) else ""
    st.caption(
        f"One file with this verdict, what was checked and what not, and {count(len(report.findings), 'finding')} with "
        f"the evidence.{more} It holds records as they are stored: treat it like them."
    )


def statement_of(context: Context, report: ChainReport, asked: str | None) -> Statement:
    """Return what the documents are made of: one chain, as it was verified on a page."""
    store = context.store
    source = f"table {store.table.name} on {store.settings.engine_label}"
    chosen, demo = "as it was chosen on the Chain page", store.settings.demo
    return Statement((ChainStatement(report, asked),), source, chosen, Reading(), demo)


def file_name(report: ChainReport, ending: str) -> str:
    """Return a file name in plain ASCII: chain, verdict and time of the verification."""
    chain = _UNSAFE.sub("-", f"{report.namespace}-{report.tenant}")[:_LONGEST_NAME].strip("-.") or "chain"
    when = re.sub(r"[-:]", "", report.at.normalised[:19])
    return f"audit-{chain}-{report.verdict.value}-{when}Z.{ending}"


def _html(statement: Statement) -> str:
    return html_document(statement, Clock().now())


def json_document(statement: Statement) -> str:
    """Return the JSON form of a verification, indented."""
    return json.dumps(statement_json(statement), allow_nan=False, indent=2) + "\n"
