"""Small builders of reports and findings."""

from __future__ import annotations

from typing import Any

from audit_core.chain.findings import ChainReport, Coverage, Finding, FindingKind, Verdict
from audit_core.table import Reading
from tests.builders import DISPATCHED


def finding(kind: FindingKind, first: int, last: int | None = None, **overrides: Any) -> Finding:
    return Finding(kind=kind, sequence_number=first, last_sequence_number=first if last is None else last, **overrides)


def report(length: int, *findings: Finding, **overrides: Any) -> ChainReport:
    """A report of a whole chain of so many positions."""
    values: dict[str, Any] = {
        "namespace": "notifications",
        "tenant": "acme",
        "verdict": Verdict.BROKEN if findings else Verdict.INTACT,
        "records_checked": length,
        "first_sequence": 0,
        "last_sequence": length - 1,
        "coverage": Coverage(full=length),
        "findings": findings,
        "thorough": False,
        "upper_bound": length - 1,
        "unvouched_ends": (length - 1,),
        "first_record_id": "a",
        "last_record_id": "z",
        "reading": Reading(length, 1, 1.0),
        "at": DISPATCHED,
        "unchained": 0 if overrides.get("thorough") else None,
    }
    return ChainReport(**{**values, **overrides})
