from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.builders import item
from tests.cli.commands import CHAINS

REPOSITORY = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "audit_core", *arguments]


def surroundings() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def test_json_is_alone_on_stdout_while_progress_goes_to_the_terminal() -> None:
    terminal, its_end = pty.openpty()
    drawn = bytearray()

    def drain() -> None:
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                return
            if not piece:
                return
            drawn.extend(piece)

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        answer = subprocess.run(
            command("--demo", "verify", "--json"),
            stdout=subprocess.PIPE,
            stderr=its_end,
            stdin=subprocess.DEVNULL,
            env={**surroundings(), "TERM": "xterm"},
            check=False,
            timeout=60,
        )
    finally:
        os.close(its_end)
        reader.join(timeout=10)
        os.close(terminal)
    assert answer.returncode == 1
    assert len(json.loads(answer.stdout)["chains"]) == len(CHAINS)
    assert answer.stdout.count(b"\n") == 1
    assert b"notifications#acme" in drawn


def test_output_that_cannot_be_written_is_no_success() -> None:
    line = json.dumps(item()).encode()
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run(
            command("hash"),
            input=line,
            stdout=full,
            stderr=subprocess.PIPE,
            env=surroundings(),
            check=False,
            timeout=60,
        )
    assert answer.returncode == 2
    assert answer.stderr.startswith(b"Error: reading or writing failed: No space left on device.")
    assert answer.stderr.count(b"\n") == 1


def test_a_reader_that_leaves_is_no_traceback() -> None:
    process = subprocess.Popen(
        command("hash"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(json.dumps(item()).encode(), timeout=60)
    assert process.returncode == 2
    assert b"Traceback" not in errors


def test_an_interrupt_ends_the_process_with_130_and_one_line() -> None:
    process = subprocess.Popen(
        command("hash"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=surroundings()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # enough lines to fill the output's buffer: once something comes out, the command is at work
    process.stdin.write((json.dumps(item()).encode() + b"\n") * 100)
    process.stdin.flush()
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    errors = process.stderr.read() if process.stderr is not None else b""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    assert process.returncode == 130
    assert errors == b"Stopped.\n"
