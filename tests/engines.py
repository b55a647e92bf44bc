"""The engines that tests run on, and the starting of DynamoDB Local.

An `Engine` says where it answers and what it lacks against DynamoDB; a test that needs such a feature names it by
`@pytest.mark.needs(...)` and then runs only where it is. Fixtures, and the skipping where an engine is not installed,
are in `conftest.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.store import AuditStore

JARS = Path(__file__).parent / "real" / "target" / "dependency"
FETCH = "mvn -q -B -f tests/real/pom.xml dependency:copy-dependencies -DincludeScope=runtime"
OLDEST_JAVA = 17
START_SECONDS = 60


class Feature(Enum):
    """What DynamoDB has and an engine may lack."""

    CONCURRENT_WRITERS = "transactions from several threads at once"
    EXPIRY = "deletes items whose lifetime has passed"
    FOREIGN_CURSORS = "refuses a start key that belongs to no item of the query"
    LARGE_ITEMS = "takes items of exactly 400 KiB"
    REQUEST_TOKENS = "honours ClientRequestToken"


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: its name, where it answers, and what it lacks with the reason."""

    name: str
    endpoint_url: str
    lacks: Mapping[Feature, str] = field(default_factory=dict)

    def supports(self, feature: Feature) -> bool:
        return feature not in self.lacks


EMBEDDED = "embedded"
DYNAMODB_LOCAL = "dynamodb-local"
ENGINE_NAMES = (EMBEDDED, DYNAMODB_LOCAL)

LACKS: Mapping[str, Mapping[Feature, str]] = {
    EMBEDDED: {
        Feature.CONCURRENT_WRITERS: "moto's transactions are not thread-safe",
        Feature.EXPIRY: "moto never deletes what has expired",
        Feature.FOREIGN_CURSORS: "moto starts again at the first item",
        Feature.LARGE_ITEMS: "moto refuses items that DynamoDB takes",
        Feature.REQUEST_TOKENS: "moto ignores the token",
    },
    DYNAMODB_LOCAL: {},
}


def plain_client(endpoint_url: str) -> DynamoDBClient:
    """The AWS API with nothing of ours in between: what somebody else's tool would see and do."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - no engine of the tests checks it
        config=Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 2}),
    )


def open_store(engine: Engine, table: str, environ: Mapping[str, str]) -> AuditStore:
    """A store of the package on a running engine, chained unless the environment variables say otherwise."""
    from audit_core.settings import load_settings  # noqa: PLC0415 - only the tests that use it wait for it
    from audit_core.store import AuditStore  # noqa: PLC0415

    place = {"AUDIT__BACKEND": "memory"} if engine.name == EMBEDDED else {"AUDIT__URL": engine.endpoint_url}
    settings = load_settings(environ={"AUDIT__TABLE_NAME": table, "COMPLIANCE__MODE": "soc2", **place, **environ})
    return AuditStore.open(replace(settings, demo=False))


def open_local(url: str, table: str) -> AuditStore:
    """A chained store on the DynamoDB Local at a URL."""
    return open_store(Engine(DYNAMODB_LOCAL, url), table, {})


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing_for_dynamodb_local() -> str | None:
    """Why DynamoDB Local cannot be started here, with what to do; None where it can."""
    java = shutil.which("java")
    if java is None:
        return f"DynamoDB Local needs Java {OLDEST_JAVA} or newer, and there is no java on the PATH."
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    version = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if version is None or int(version[1]) < OLDEST_JAVA:
        found = version[1] if version else "an unknown version"
        return f"DynamoDB Local needs Java {OLDEST_JAVA} or newer; the java on the PATH is {found}."
    if not any(JARS.glob("DynamoDBLocal-*.jar")):
        return f"DynamoDB Local is not installed: run {FETCH}"
    return None


@contextmanager
def dynamodb_local(*options: str) -> Iterator[str]:
    """Runs DynamoDB Local on a free port of its own and yields its URL.

    Args:
        options: further options of the Java machine, such as `-Xmx4g`.

    Raises:
        RuntimeError: it ended, or did not answer within a minute; with what it printed.
    """
    port = free_port()
    command = [
        shutil.which("java") or "java",
        *options,
        f"-Djava.library.path={JARS}",
        "-cp",
        str(JARS / "*"),
        "software.amazon.dynamodb.services.local.main.ServerRunner",
        "-inMemory",
        "-sharedDb",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile(prefix="dynamodb-local-") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not _answers(url, process):
                log.seek(0)
                printed = log.read().decode(errors="replace")
                status = process.poll()
                raise RuntimeError(f"DynamoDB Local did not answer (exit status {status}); it printed:\n{printed}")
            yield url
        finally:
            _stop(process)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - a URL of our own
                return True
        except urllib.error.HTTPError as refusal:
            # A request without credentials is refused: the server is there.
            refusal.close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def browser_executable() -> str | None:
    """The Chromium to drive: AUDIT_TEST_CHROMIUM, or one on the PATH; None where there is none."""
    configured = os.environ.get("AUDIT_TEST_CHROMIUM")
    if configured:
        return configured
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
