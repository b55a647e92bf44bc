"""Visits to the pages by AppTest, always through dashboard.py, and what a visitor can read on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]

HOSTILE = "<script>alert(1)</script> **bold** :red[red]"
"""Text that no page may render (CASES 49)."""


def visit(page: str = "overview", /, **query: str) -> AppTest:
    """Opens a page by a link, as a first visit."""
    opened = AppTest.from_file(ROOT / "dashboard.py", default_timeout=60).run()
    return go(opened, page, **query)


def go(opened: AppTest, page: str, /, **query: str) -> AppTest:
    """Follows a link within a visit."""
    opened.switch_page(f"pages/audit/{page}.py")
    opened.query_params.clear()
    for name, value in query.items():
        opened.query_params[name] = value
    return opened.run()


def finished(opened: AppTest, stop: str = "stop") -> AppTest:
    """Lets what is under way come to its end, slice by slice; `stop` is the key of the button that would stop it."""
    for _slice in range(60):
        if not any(button.key == stop for button in opened.button):
            return opened
        opened.run()
    raise AssertionError("what is under way does not end")


def address(opened: AppTest) -> dict[str, str]:
    """The parameters of the address, as a link would carry them."""
    given = opened.query_params.items()
    return {name: value if isinstance(value, str) else value[-1] for name, value in given}


def words(opened: AppTest) -> str:
    """All that the page says, tables left out."""
    kinds = (opened.title, opened.subheader, opened.markdown, opened.text, opened.caption, opened.code)
    return "\n".join(str(part.value) for kind in kinds for part in kind)


def rendered(opened: AppTest) -> str:
    """What of it is rendered as Markdown or HTML: no text of a record may be among it."""
    kinds = (opened.title, opened.subheader, opened.markdown, opened.caption)
    labels = [widget.label for widget in opened.button] + [link.label for link in opened.get("page_link")]
    return "\n".join([*(str(part.value) for kind in kinds for part in kind), *labels])


def table(opened: AppTest, number: int = 0) -> list[dict[str, Any]]:
    """The rows of a table on the page."""
    rows: list[dict[str, Any]] = opened.dataframe[number].value.to_dict("records")
    return rows


def ways(opened: AppTest) -> list[str]:
    """The links to other pages, each with what is behind the question mark of its address."""
    return [f"{link.label} {link.proto.query_string}" for link in opened.get("page_link")]
