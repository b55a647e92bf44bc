from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.launching import launched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Page

    from tests.browser.launching import Dashboard

# Two processes of tests, each with a browser, dashboards and an engine, share what may be two cores: what is late there
# is not missing.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def dashboard() -> Iterator[Dashboard]:
    """Gives the URL of a dashboard for an engine's settings (`AUDIT__URL=…`; none: the demo), one process for each."""
    running: dict[frozenset[tuple[str, str]], str] = {}
    with ExitStack() as stack:

        def url(config_env: Mapping[str, str] | None = None) -> str:
            key = frozenset((config_env or {}).items())
            if key not in running:
                running[key] = stack.enter_context(launched(config_env))
            return running[key]

        yield url


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page that fails the test when it asks for anything from elsewhere, or opens a dialog."""
    away: list[str] = []
    page.on("request", lambda request: away.append(request.url) if is_elsewhere(request.url) else None)
    page.on("dialog", lambda dialog: away.append(f"dialog: {dialog.message}"))
    yield page
    assert not away


def is_elsewhere(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
