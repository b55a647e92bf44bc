from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
PALETTE = ("blue", "gray", "violet", "yellow", "red", "green", "orange")
TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance of #RRGGBB."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def surfaces(theme: dict[str, Any]) -> set[str]:
    return {
        part[name] for part in (theme, theme["sidebar"]) for name in ("backgroundColor", "secondaryBackgroundColor")
    }


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = CONFIG["theme"][request.param]
    return found


def test_contrast_is_what_wcag_defines() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["textColor", "linkColor"])
def test_text_and_links_can_be_read_on_every_surface(theme: dict[str, Any], name: str) -> None:
    assert min(contrast(theme[name], surface) for surface in surfaces(theme)) >= TEXT


def test_a_primary_button_can_be_read_and_seen(theme: dict[str, Any]) -> None:
    assert contrast("#FFFFFF", theme["primaryColor"]) >= TEXT
    assert min(contrast(theme["primaryColor"], surface) for surface in surfaces(theme)) >= GRAPHICS


def test_an_input_field_can_be_told_from_what_is_around_it(theme: dict[str, Any]) -> None:
    assert min(contrast(theme["borderColor"], surface) for surface in surfaces(theme)) >= GRAPHICS


def test_table_headers_and_code_can_be_read(theme: dict[str, Any]) -> None:
    assert contrast(theme["dataframeHeaderTextColor"], theme["dataframeHeaderBackgroundColor"]) >= TEXT
    assert contrast(theme["codeTextColor"], theme["codeBackgroundColor"]) >= TEXT


@pytest.mark.parametrize("name", PALETTE)
def test_coloured_text_can_be_read_and_a_coloured_bar_seen(theme: dict[str, Any], name: str) -> None:
    on = {theme[f"{name}BackgroundColor"], *surfaces(theme)}
    assert min(contrast(theme[f"{name}TextColor"], surface) for surface in on) >= TEXT
    assert contrast(theme[f"{name}Color"], theme["backgroundColor"]) >= GRAPHICS


def test_chart_colours_can_be_seen(theme: dict[str, Any]) -> None:
    colors = theme["chartCategoricalColors"]
    assert len(set(colors)) == len(colors)
    assert min(contrast(color, theme["backgroundColor"]) for color in colors) >= GRAPHICS
    assert len(theme["chartSequentialColors"]) == 10


def test_streamlit_knows_every_option() -> None:
    """An option that Streamlit does not know is only warned of, and then has no effect."""
    command = [sys.executable, "-m", "streamlit", "config", "show"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "is not a valid config option" not in answer.stdout + answer.stderr
    assert 'address = "127.0.0.1"' in answer.stdout.splitlines()


def test_nothing_leaves_by_itself_and_nothing_technical_is_shown() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["client"]["showErrorDetails"] == "none"
    assert CONFIG["client"]["disableDataExport"] is True
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert "http" not in CONFIG["theme"]["font"] + CONFIG["theme"]["codeFont"]
