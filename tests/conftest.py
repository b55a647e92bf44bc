"""Fixtures for every folder of tests: engines, table names, the browser. `requirements_gate` judges what skips."""

from __future__ import annotations

import functools
import os
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import botocore.loaders
import hypothesis
import pytest

from tests import engines
from tests.requirements_gate import pytest_configure, pytest_make_collect_report, pytest_runtest_makereport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.store import AuditStore

__all__ = ["pytest_configure", "pytest_make_collect_report", "pytest_runtest_makereport"]

# Time is shared with other work on the machine: an example that takes long is not wrong.
# The suite tries the same examples each time, so that it says the same of the same code; new ones are tried by
# HYPOTHESIS_PROFILE=explore.
hypothesis.settings.register_profile("suite", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

_DESELECTED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session", autouse=True)
def service_descriptions() -> Iterator[None]:
    """Has botocore read its descriptions of the services once, not for each client, where it takes most of the time."""
    patch = pytest.MonkeyPatch()
    patch.setattr("botocore.session.create_loader", functools.cache(botocore.loaders.create_loader))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """The embedded engine, empty, for as long as the tests run."""
    from audit_core.embedded import start_embedded  # noqa: PLC0415 - only the tests that use it wait for it

    running = start_embedded()
    yield running.endpoint_url
    running.close()


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    """DynamoDB Local: the one that AUDIT_TEST_DYNAMODB_URL names, else one that is started and stopped here."""
    configured = os.environ.get("AUDIT_TEST_DYNAMODB_URL")
    if configured:
        yield configured
        return
    missing = engines.missing_for_dynamodb_local()
    if missing:
        pytest.skip(missing)
    with engines.dynamodb_local() as url:
        yield url


@pytest.fixture(scope="session")
def expiring_url() -> Iterator[str]:
    """A DynamoDB Local for tests that wait for TTL: it removes twenty items at a time, whatever table they are in."""
    missing = engines.missing_for_dynamodb_local()
    if missing:
        pytest.skip(missing)
    with engines.dynamodb_local() as url:
        yield url


@pytest.fixture(scope="session", params=engines.ENGINE_NAMES)
def engine(request: pytest.FixtureRequest) -> engines.Engine:
    """Each engine in turn; a test that needs what one of them lacks says so by `@pytest.mark.needs(...)`."""
    name: str = request.param
    fixture = {engines.EMBEDDED: "embedded_url", engines.DYNAMODB_LOCAL: "dynamodb_local_url"}[name]
    return engines.Engine(name, request.getfixturevalue(fixture), engines.LACKS[name])


@pytest.fixture
def plain_client(engine: engines.Engine) -> Iterator[DynamoDBClient]:
    """The plain AWS API of the engine, without anything of `audit_core`."""
    client = engines.plain_client(engine.endpoint_url)
    yield client
    client.close()


@pytest.fixture
def unique_table() -> str:
    """A table name that no other test uses."""
    return f"audit_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def open_store(engine: engines.Engine, unique_table: str) -> Iterator[Callable[..., AuditStore]]:
    """Opens stores of this test's table on the engine, as environment variables say over soc2; closed afterwards."""
    opened: list[AuditStore] = []

    def open_one(**environ: str) -> AuditStore:
        store = engines.open_store(engine, unique_table, environ)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., AuditStore]) -> AuditStore:
    """An empty store on each engine in turn."""
    return open_store()


@pytest.fixture
def lasting_store(store: AuditStore) -> AuditStore:
    """An empty store whose table has TTL switched off, for chains that expired long ago: nothing goes by itself."""
    specification: Any = {"Enabled": False, "AttributeName": "expires_at_ttl"}
    store.table.client.update_time_to_live(TableName=store.table.name, TimeToLiveSpecification=specification)
    return store


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = engines.browser_executable()
    if path is None:
        pytest.skip("There is no Chromium on the PATH: install one, or name it by AUDIT_TEST_CHROMIUM.")
    return path


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium_path: str) -> dict[str, Any]:
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    return {
        **browser_type_launch_args,
        "executable_path": chromium_path,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desktop window in which nothing moves and nothing depends on where the machine stands."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "timezone_id": "Pacific/Auckland",  # far from UTC: a page that showed local times would be caught
        "color_scheme": "light",
        "reduced_motion": "reduce",
    }


@pytest.hookimpl(trylast=True)  # after -m and -k, so that only what was asked for is counted
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes out what an engine cannot do, and puts the browser last.

    Playwright's loop stays in the main thread once it has started, and `asyncio.run` refuses to work beside it.
    """
    reasons = {item: _lacking(item) for item in items}
    lacking = [item for item in items if reasons[item]]
    if lacking:
        config.hook.pytest_deselected(items=lacking)
    config.stash[_DESELECTED] = Counter(reason for reason in reasons.values() if reason)
    items[:] = sorted((item for item in items if not reasons[item]), key=_drives_a_browser)


def _lacking(item: pytest.Item) -> str | None:
    """Why this test cannot run on its engine; None where it can."""
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("engine", "") if callspec else ""
    lacks = engines.LACKS.get(name, {})
    needed = [feature for marker in item.iter_markers("needs") for feature in marker.args]
    return next((f"{name}: {lacks[feature]}" for feature in needed if feature in lacks), None)


def _drives_a_browser(item: pytest.Item) -> bool:
    return "playwright" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    deselected = config.stash.get(_DESELECTED, Counter())
    if deselected:
        terminalreporter.section("not on every engine")
        for reason, tests in sorted(deselected.items()):
            terminalreporter.write_line(f"{tests} deselected on {reason}")
