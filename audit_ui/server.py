"""The Streamlit server of the launcher: prepared, warmed up, and announced once it answers.

Streamlit 1.67 takes a folder `pages` for its own until the first visit has called `st.navigation`: it serves that visit
itself, and shows "Page not found" over a deep link. So it is told before that the folder is none of its own. The store
is opened before as well; an engine that is down is no reason not to start, since the page says so, and recovers.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.request
import webbrowser
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap, cli

from audit_core import AuditError
from audit_ui import context

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core import Settings

__all__ = ["prepare", "serve"]

ADDRESS_VARIABLE = "STREAMLIT_SERVER_ADDRESS"
START_SECONDS = 60
_EVERYWHERE = frozenset((None, "", "0.0.0.0", "::"))  # noqa: S104 - what the operator may have configured


def prepare(settings: Settings, port: int) -> None:
    """Fix where the server listens, and do before the first visit what it would wait for.

    Raises `SettingsError` for an address that a visitor would be refused at (`context.require_loopback`).
    """
    os.environ |= {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true"}
    # Streamlit looks at its variables only when it runs a script, and the address is wanted before
    bootstrap.load_config_options({"server_port": port, "server_address": os.environ.get(ADDRESS_VARIABLE)})
    context.require_loopback(settings, st.get_option("server.address"))
    PagesManager.uses_pages_directory = False
    go.Figure()  # loads what Plotly leaves for its first figure
    context.configure(settings)
    try:
        context.open_context()
    except AuditError as error:
        sys.stderr.write(f"audit_ui: {error}\naudit_ui: starting anyway; the page tries again at each visit.\n")


def serve(script: Path, settings: Settings, *, browser: bool) -> int:
    """Serve until a signal ends it; returns the exit status."""
    url = f"http://{_host()}:{st.get_option('server.port')}"
    threading.Thread(target=_announce, args=(url, settings), kwargs={"browser": browser}, daemon=True).start()
    try:
        cli.main(["run", str(script)], standalone_mode=False)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    return 0


def _host() -> str:
    address: str | None = st.get_option("server.address")
    if address is None or address in _EVERYWHERE:
        return "localhost"
    return f"[{address}]" if ":" in address else address


def _announce(url: str, settings: Settings, *, browser: bool) -> None:
    """Say where it is, and open a browser, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310 - our own address
                break
        except OSError:
            time.sleep(0.05)
    else:
        sys.stderr.write("audit_ui: the server does not answer.\n")
        return
    sys.stdout.write(f"Audit dashboard on {settings.engine_label}: {url}\nStop it with Ctrl-C.\n")
    sys.stdout.flush()
    if browser:
        webbrowser.open(url)
