"""Processes that end in the middle of what they do, and what stands afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from audit_core.chain.findings import Verdict
from tests import engines
from tests.chains import NAMES

ROOT = Path(__file__).parents[2]
CRASH = """
import os, sys
from audit_core.settings import AuditSettings, Settings, ComplianceSettings
from audit_core.store import AuditStore
audit = AuditSettings(url=sys.argv[1], table_name=sys.argv[2])
store = AuditStore.open(Settings(audit=audit, compliance=ComplianceSettings.for_mode("soc2")))
names = {"namespace": "notifications", "tenant": "acme"}
draft = store.draft(**names, provider="p", action_type="a", verdict="allow", outcome="")
with store.two_phase(draft):
    os._exit(9)
"""


def test_a_crash_between_intent_and_outcome_leaves_the_intent_as_evidence(
    dynamodb_local_url: str, unique_table: str
) -> None:
    store = engines.open_local(dynamodb_local_url, unique_table)
    command = [sys.executable, "-c", CRASH, dynamodb_local_url, unique_table]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == 9
    report = store.verify(*NAMES, thorough=True)
    store.close()
    assert (report.verdict, [finding.kind.value for finding in report.findings]) == (Verdict.INTACT, ["lone_intent"])
