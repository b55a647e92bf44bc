"""The launcher: `python -m audit_ui` checks the settings, then starts the server and opens the browser.

It is one process, so that nothing is left behind however it ends. Streamlit is loaded only when the folder and the
environment are as it must find them; what is done with it is in `server`.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audit_core import SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8501
EXIT_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard until it is stopped; returns the exit status, 2 for settings that cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.config, demo=options.demo)
        os.chdir(ROOT)  # where Streamlit looks for .streamlit/config.toml
        os.environ.setdefault("STREAMLIT_SERVER_COOKIE_SECRET", secrets.token_hex(32))  # one, however often it is read
        from audit_ui import server  # noqa: PLC0415 - Streamlit reads its configuration when it is loaded

        server.prepare(settings, options.port)
    except SettingsError as error:
        sys.stderr.write(f"audit_ui: {error}\n")
        return EXIT_SETTINGS
    return server.serve(ROOT / "dashboard.py", settings, browser=options.browser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audit_ui", description="Start the audit dashboard.")
    parser.add_argument("--config", metavar="PATH", help="an acteon.toml; else AUDIT_CONFIG, else ./acteon.toml")
    parser.add_argument("--demo", action="store_true", help="the engine inside this process, with demo data")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"port to listen on, {DEFAULT_PORT} by default")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    return parser


if __name__ == "__main__":
    sys.exit(main())
