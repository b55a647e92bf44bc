from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import audit_core

SLOW_OR_ELSEWHERE = ("streamlit", "pandas", "moto", "flask", "werkzeug", "plotly", "pyarrow")

PROBE = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(*modules: str) -> set[str]:
    """The top-level names that a new interpreter has loaded once it has imported these modules."""
    probe = [sys.executable, "-c", PROBE, json.dumps(modules)]
    answer = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return set(json.loads(answer.stdout))


def modules_of_audit_core() -> list[str]:
    found = pkgutil.walk_packages(audit_core.__path__, "audit_core.")
    return ["audit_core", *(module.name for module in found if not module.name.endswith(".__main__"))]


def test_audit_core_loads_neither_streamlit_nor_what_is_slow_to_import() -> None:
    modules = modules_of_audit_core()
    assert "audit_core.errors" in modules
    loaded = loaded_by(*modules)
    assert "audit_core" in loaded
    assert loaded.isdisjoint(SLOW_OR_ELSEWHERE)


def test_the_probe_would_notice() -> None:
    assert "flask" in loaded_by("flask")
