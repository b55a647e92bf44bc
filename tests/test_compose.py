from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def dynamodb() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    service: dict[str, Any] = compose["services"]["dynamodb"]
    return service


def test_dynamodb_starts_only_by_its_profile(dynamodb: dict[str, Any]) -> None:
    assert dynamodb["profiles"] == ["dynamodb"]


def test_dynamodb_is_published_on_loopback_alone(dynamodb: dict[str, Any]) -> None:
    assert dynamodb["ports"] == ["127.0.0.1:8000:8000"]


def test_data_is_written_to_the_volume_by_a_user_who_may(dynamodb: dict[str, Any]) -> None:
    command = dynamodb["command"]
    assert dynamodb["volumes"] == [f"dynamodb-data:{command[command.index('-dbPath') + 1]}"]
    assert dynamodb["user"] == "root"
    assert "-inMemory" not in command


def test_the_image_is_the_release_that_the_tests_run_on(dynamodb: dict[str, Any]) -> None:
    pom = ET.parse(ROOT / "tests" / "real" / "pom.xml")  # noqa: S314 - a file of our own
    version = pom.findtext(".//{*}dependency/{*}version")
    assert dynamodb["image"] == f"amazon/dynamodb-local:{version}"
