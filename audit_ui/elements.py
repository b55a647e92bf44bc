"""Small parts that several pages show: a list of fields, what reading cost, a control that reads anew, an empty state.

Text that comes out of a record goes only through `st.text`, `st.code` and `st.dataframe`, which render nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core import Verdict
from audit_core.chain.words import VERDICTS
from audit_core.names import visible
from audit_ui import local_times
from audit_ui.formats import cost, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from audit_core import Timestamp
    from audit_core.table import Reading

__all__ = [
    "ID_PIXELS",
    "VERDICT_COLOURS",
    "field_list",
    "is_dark",
    "marked_table",
    "nothing_here",
    "read_footer",
    "row_shown_as",
    "shown_as",
    "turn",
    "verdict_badge",
    "verdict_limits",
    "way",
]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_ ]*", re.ASCII)

ID_PIXELS = 84
"""A column of ids in a narrow table: the start of each, enough to tell one from another; the row opens the whole."""

VERDICT_COLOURS = {
    Verdict.UNCHAINED: "gray",
    Verdict.INTACT: "blue",
    Verdict.INTACT_WITH_EXPIRY: "blue",
    Verdict.UNPROVEN: "violet",
    Verdict.INCOMPLETE: "gray",
    Verdict.BROKEN: "red",
}
"""Names of the theme's colours."""


def is_dark() -> bool:
    """Whether the visitor's theme is dark; light until it is known."""
    return st.context.theme.type == "dark"


def verdict_badge(verdict: Verdict, *, explained: bool = False) -> None:
    """Show a verdict as symbol, word and colour, and beside it what it does not mean unless that is `explained`."""
    words = VERDICTS[verdict]
    colour = VERDICT_COLOURS[verdict]
    limits = None if explained else verdict_limits(verdict)
    st.badge(f"{words.symbol} {words.name}", color=colour, help=limits)  # type: ignore[arg-type] # one of the theme's names


def verdict_limits(verdict: Verdict) -> str:
    """Say what a verdict means in a sentence, and what it does not mean."""
    words = VERDICTS[verdict]
    return f"{words.headline} This does not mean:\n\n" + "\n".join(f"- {line}" for line in words.does_not_mean)


def field_list(fields: Iterable[tuple[str, str]], label_width: int = 150) -> None:
    """Show names with values, which are a record's, as text that nothing is made of.

    A name may be that of an attribute which somebody put there, so only a plain one is given to Markdown.
    """
    for name, value in fields:
        with st.container(horizontal=True, gap="small", vertical_alignment="top"):
            if _PLAIN_NAME.fullmatch(name):
                st.caption(name, width=label_width)
            else:
                st.text(visible(name), width=label_width)
            st.text(visible(value) if value else "–", width="stretch")


def read_footer(reading: Reading, at: Timestamp, refresh: Callable[[], None] | None = None) -> None:
    """Say as of when the page is, by the engine's clock, what it read and what that cost; a click reads anew."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="as_of"):
        st.button("Refresh", key="refresh", on_click=refresh)
        st.caption(f"As of {utc(at)}. {cost(reading)}.", width="stretch", help=local_times.said(at))


def way(page: str, label: str, query: Mapping[str, str]) -> None:
    """Show a link to a state of another page; `label` is our own words."""
    st.page_link(page, label=f":green[{label} →]", query_params=dict(query))


def turn(label: str, query: Mapping[str, str], *, key: str) -> None:
    """Show a button that leads to another state of this page; the address then names it."""
    st.button(label, key=key, on_click=_go, args=(dict(query),))


def shown_as(key: str, value: object) -> str:
    """Let the widget with this key show what the address says, and return the key.

    The address is where the state of a page is. A browser that goes back keeps what its widgets showed last, so each
    run says it anew; a callback, which comes before the run, has read by then what the visitor chose.
    """
    st.session_state[key] = value
    return key


def row_shown_as(key: str, row: int | None) -> str:
    """Let the table with this key show which row the address names (None: none), and return the key."""
    return shown_as(key, {"selection": {"rows": [] if row is None else [row], "columns": [], "cells": []}})


def marked_table(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Return rows as a table, without the column of marks where none has one, which would take room for nothing."""
    table = pd.DataFrame(rows)
    return table if table["Marks"].any() else table.drop(columns="Marks")


def _go(query: dict[str, str]) -> None:
    st.query_params.from_dict(query)


def nothing_here(headline: str, what_to_do: str) -> None:
    """Show that there is nothing, and what can be done about it; both are our own words."""
    with st.container(border=True):
        st.markdown(f"**{headline}**")
        st.markdown(what_to_do)
