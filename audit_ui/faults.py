"""One message for whatever goes wrong on a page: what happened and what to do, never a traceback.

An `AuditError` carries its own words. Anything else is a mistake of the program: the page says so with a number, and
the log has the rest under that number. What an error quotes may come from a record, so it is shown as plain text.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.errors import AuditError, EngineError, InputError, SettingsError
from audit_core.names import visible
from audit_ui.context import LOST_STORE, forget_store

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_message", "show_error"]

_LOGGER = logging.getLogger("audit_ui")


@contextmanager
def one_message() -> Iterator[None]:
    """Show one message for an error inside the block. Stops and reruns of the page pass through."""
    try:
        yield
    except AuditError as error:
        if isinstance(error, LOST_STORE):
            forget_store()
        show_error(error)
    except Exception:
        number = secrets.token_hex(4)
        _LOGGER.exception("A page failed; reference %s", number)
        _show(
            "Something in this program failed",
            f"Nothing was changed. Try again; if it persists, give the reference {number} to whoever runs the "
            "dashboard: its log says under that number what happened.",
        )


def show_error(error: AuditError) -> None:
    """Show an error's own words; what was asked for wrongly is not worth another attempt."""
    _show(_headline(error), visible(str(error)), again=not isinstance(error, InputError))


def _headline(error: AuditError) -> str:
    if isinstance(error, SettingsError):
        return "The configuration cannot be used"
    if isinstance(error, InputError):
        return "This cannot be shown"
    if isinstance(error, EngineError):
        return "The table cannot be read at the moment"
    return "This did not work"


def _show(headline: str, text: str, *, again: bool = True) -> None:
    with st.container(border=True, key="fault"):
        st.markdown(f":red[**✕ {headline}**]")
        st.text(text)
        if again:
            st.button("Try again", key="fault_again", on_click=_again)


def _again() -> None:
    """Do nothing: a click runs the page once more, and that is the attempt."""
