"""Audit records in DynamoDB: written in hash chains, queried through the table's indexes, verified to the last link.

Quick start, on the engine that runs inside this process:

>>> from audit_core import AuditStore, RecordFilter, load_settings
>>> store = AuditStore.open(load_settings(environ={}))
>>> draft = store.draft(
...     namespace="billing",
...     tenant="acme",
...     provider="stripe",
...     action_type="issue_refund",
...     verdict="allow",
...     outcome="executed",
... )
>>> store.append(draft).record.sequence_number
0
>>> page = store.query(RecordFilter(namespace="billing", tenant="acme"))
>>> [row.stored.record.action_type for row in page.rows]
['issue_refund']
>>> store.verify("billing", "acme").verdict.value
'intact'
"""

from __future__ import annotations

from audit_core.append import Appended
from audit_core.chain.findings import ChainReport, Coverage, Finding, FindingKind, Severity, Summary, Verdict, worst
from audit_core.chain.saved import SavedRun
from audit_core.chain.walk import ChainWalk, Progress
from audit_core.directory import Directory, TenantEntry
from audit_core.errors import AuditError, EngineError, InputError, SettingsError, WriteError
from audit_core.query import Page, RecordFilter, Row
from audit_core.records import AuditRecord, StoredRecord
from audit_core.settings import Settings, load_settings
from audit_core.store import AuditStore
from audit_core.timestamps import Clock, Timestamp

__version__ = "0.1.0"

__all__ = [
    "Appended",
    "AuditError",
    "AuditRecord",
    "AuditStore",
    "ChainReport",
    "ChainWalk",
    "Clock",
    "Coverage",
    "Directory",
    "EngineError",
    "Finding",
    "FindingKind",
    "InputError",
    "Page",
    "Progress",
    "RecordFilter",
    "Row",
    "SavedRun",
    "Settings",
    "SettingsError",
    "Severity",
    "StoredRecord",
    "Summary",
    "TenantEntry",
    "Timestamp",
    "Verdict",
    "WriteError",
    "load_settings",
    "worst",
]
