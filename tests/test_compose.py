"""docker-compose.yml without Docker: valid by the specification's schema, and its commands do what they are for."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from audit_core import load_settings
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]
SCHEMA = Path(__file__).parent / "compose" / "compose-spec.json"
ANY_BUT_THE_USUAL = "127.0.0.2"
"""An address of this machine that only a server on all addresses answers at."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def dynamodb(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["dynamodb"]
    return service


@pytest.fixture(scope="module")
def dashboard(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["dashboard"]
    return service


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_file_is_valid_by_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft201909Validator(schema).validate(compose)


def test_the_schema_would_notice(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    service = {**compose["services"]["dynamodb"], "depends": []}
    assert not jsonschema.Draft201909Validator(schema).is_valid({"services": {"dynamodb": service}})


def test_the_engine_comes_by_either_profile_and_the_dashboard_by_demo_alone(compose: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items()}
    assert profiles == {"dynamodb": ["dynamodb", "demo"], "dashboard": ["demo"]}


def test_both_are_published_on_loopback_alone(dynamodb: dict[str, Any], dashboard: dict[str, Any]) -> None:
    assert dynamodb["ports"] == ["127.0.0.1:8000:8000"]
    assert dashboard["ports"] == ["127.0.0.1:8501:8501"]


def test_data_is_written_to_the_volume_by_a_user_who_may(dynamodb: dict[str, Any]) -> None:
    command = dynamodb["command"]
    assert dynamodb["volumes"] == [f"dynamodb-data:{command[command.index('-dbPath') + 1]}"]
    assert dynamodb["user"] == "root"
    assert "-inMemory" not in command


def test_every_named_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {entry.partition(":")[0] for service in compose["services"].values() for entry in service["volumes"]}
    assert used - {"."} == set(compose["volumes"])


def test_the_image_is_the_release_that_the_tests_run_on(dynamodb: dict[str, Any]) -> None:
    pom = ET.parse(ROOT / "tests" / "real" / "pom.xml")  # noqa: S314 - a file of our own
    version = pom.findtext(".//{*}dependency/{*}version")
    assert dynamodb["image"] == f"amazon/dynamodb-local:{version}"


def test_the_dashboard_waits_for_the_engine_and_cannot_change_the_tree(dashboard: dict[str, Any]) -> None:
    assert dashboard["depends_on"] == {"dynamodb": {"condition": "service_healthy"}}
    assert ".:/app:ro" in dashboard["volumes"]
    assert dashboard["image"].startswith("python:3.13")


def test_the_dashboard_takes_the_engine_for_a_local_one(dashboard: dict[str, Any]) -> None:
    settings = load_settings(environ=dashboard["environment"])
    assert settings.is_local
    assert (settings.audit.backend, settings.compliance.mode) == ("dynamodb", "soc2")
    assert str(settings.dashboard.state_dir) == "/state"


# -- its commands ------------------------------------------------------------------------------------------------------


@contextmanager
def engine_of_the_file(service: Mapping[str, Any], data: Path, port: int) -> Iterator[None]:
    """Runs the engine with the options of the file: only where it lies, its data and its port are this machine's."""
    options = list(service["command"])
    own = {"-dbPath": str(data), "-port": str(port)}
    for name, value in own.items():
        options[options.index(name) + 1] = value
    place = [f"-Djava.library.path={engines.JARS}", "-cp", str(engines.JARS / "*")]
    main = options.index("-jar")
    assert options[:main] == ["-Djava.library.path=./DynamoDBLocal_lib"]
    server = "software.amazon.dynamodb.services.local.main.ServerRunner"
    command = [shutil.which("java") or "java", *place, server, *options[main + 2 :]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield
    finally:
        end(process)


def wait_for(url: str, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + engines.START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - a URL of our own
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            time.sleep(0.1)
            continue
        return
    pytest.fail(f"{url} did not answer")


def end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def health(service: Mapping[str, Any], port: int) -> int:
    """The exit status of the health check; a client of the same kind takes the place of a curl that is not here."""
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    command[-1] = command[-1].replace("8000", str(port)).replace("8501", str(port))
    if command[0] == "/venv/bin/python":
        command[0] = sys.executable
    return subprocess.run(command, check=False, timeout=30, stderr=subprocess.DEVNULL).returncode


@pytest.fixture(scope="module")
def java() -> None:
    missing = engines.missing_for_dynamodb_local()
    if missing:
        pytest.skip(missing)


@pytest.mark.usefixtures("java")
def test_what_the_engine_was_given_is_there_after_a_restart(dynamodb: dict[str, Any], tmp_path: Path) -> None:
    port = engines.free_port()
    engine = engines.Engine(engines.DYNAMODB_LOCAL, f"http://127.0.0.1:{port}")
    curl = shutil.which("curl")
    with engine_of_the_file(dynamodb, tmp_path, port):
        assert curl is None or health(dynamodb, port) == 0
        store = engines.open_store(engine, "kept", {})
        store.append(
            store.draft(
                namespace="n", tenant="t", provider="p", action_type="a", verdict="allow", outcome="executed", id="one"
            )
        )
        store.close()
    assert curl is None or health(dynamodb, port) != 0
    with engine_of_the_file(dynamodb, tmp_path, port):
        store = engines.open_store(engine, "kept", {})
        assert store.get("one") is not None
        store.close()


def test_the_dashboard_answers_at_every_address_of_its_container(
    dashboard: dict[str, Any], dynamodb_local_url: str, tmp_path: Path
) -> None:
    port = engines.free_port()
    lines = [shlex.split(line) for line in dashboard["command"][-1].splitlines()]
    seed, start = lines[-2], lines[-1][1:]
    assert seed == ["/venv/bin/python", "-m", "audit_core", "seed"]
    assert start[0] == "/venv/bin/python"
    start[start.index("--port") + 1] = str(port)
    own = {"AUDIT__URL": dynamodb_local_url, "DASHBOARD__STATE_DIR": str(tmp_path), "AUDIT__TABLE_NAME": f"c{port}"}
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AUDIT_", "STREAMLIT_"))}
    environ = {**known, **dashboard["environment"], **own}
    process = subprocess.Popen(
        [sys.executable, *start[1:]], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        assert health(dashboard, port) == 0
        connection = http.client.HTTPConnection(ANY_BUT_THE_USUAL, port, timeout=10)
        connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        end(process)
