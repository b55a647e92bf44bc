"""Starting the launcher as a user does: a process of its own, in another folder, its settings in the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class Dashboard(Protocol):
    def __call__(self, config_env: Mapping[str, str] | None = None) -> str: ...


@contextmanager
def launched(config_env: Mapping[str, str] | None = None, folder: Path = ROOT.parent) -> Iterator[str]:
    """Runs `python -m audit_ui` on a free port with the settings given by the environment, and yields its URL.

    It is started in another folder than the program's; without settings it is the demo. What it keeps is gone with it,
    unless the settings say where.
    """
    with tempfile.TemporaryDirectory() as state:
        yield from _serve(config_env or {}, folder, state)


def _serve(config_env: Mapping[str, str], folder: Path, state: str) -> Iterator[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIT_", "STREAMLIT_"))}
    port = engines.free_port()
    command = [sys.executable, "-m", "audit_ui", "--no-browser", "--port", str(port)]
    if not config_env:
        command.append("--demo")
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT), "DASHBOARD__STATE_DIR": state, **config_env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed: list[str] = []
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, printed, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(START_SECONDS) or process.poll() is not None:
            raise RuntimeError("The dashboard did not start; it printed:\n" + "".join(printed))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


def _read(process: subprocess.Popen[str], printed: list[str], ready: threading.Event) -> None:
    for line in process.stdout or ():
        printed.append(line)
        if line.startswith("Audit dashboard on"):
            ready.set()
    ready.set()  # it has ended: whoever waits need not wait longer
