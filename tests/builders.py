"""Small builders of records, items and CloudTrail events, so that a test says only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit_core.records import AuditRecord
from audit_core.timestamps import Timestamp

DISPATCHED = Timestamp.parse("2026-01-15T10:00:00.045678901+00:00")
"""When the default record was dispatched; the records of `records` follow it second by second."""


ACCOUNT = "123456789012"
"""The account of the default CloudTrail event."""


def record(**overrides: object) -> AuditRecord:
    """Make a complete, unchained record that never expires, with the fields given put in place of the defaults."""
    values: dict[str, Any] = {
        "id": "0197c1d2-0000-7000-8000-000000000001",
        "action_id": "act-1",
        "namespace": "notifications",
        "tenant": "acme",
        "provider": "email",
        "action_type": "send_email",
        "verdict": "allow",
        "outcome": "executed",
        "dispatched_at": DISPATCHED,
        "completed_at": DISPATCHED.plus_seconds(0.042),
        "duration_ms": 42,
        "caller_id": "svc",
        "auth_method": "api_key",
        "verdict_details": '{"rule":"default"}',
        "outcome_details": '{"status":200}',
        "action_payload": '{"to":"user@example.com","n":1.0}',
    }
    return AuditRecord(**{**values, **overrides})


def records(count: int, *, start: int = 0, **overrides: object) -> tuple[AuditRecord, ...]:
    """Make `count` records of one chain with ids, action ids and times of their own, numbered from `start`."""
    made = []
    for number in range(start, start + count):
        moment = DISPATCHED.plus_seconds(number)
        own = {
            "id": f"0197c1d2-0000-7000-8000-{number:012x}",
            "action_id": f"act-{number}",
            "dispatched_at": moment,
            "completed_at": moment.plus_seconds(0.042),
        }
        made.append(record(**{**own, **overrides}))
    return tuple(made)


def item(**overrides: object) -> dict[str, dict[str, Any]]:
    """Make the typed item of a record.

    A plain value is a field of the record, so that what derives from it follows; a typed value such as `{"N": "1"}` is
    put in as it is, and None takes the attribute away.
    """
    as_is = {name: value for name, value in overrides.items() if value is None or isinstance(value, Mapping)}
    as_is.pop("extra", None)
    built = record(**{name: value for name, value in overrides.items() if name not in as_is}).to_item()
    for name, value in as_is.items():
        if value is None:
            built.pop(name, None)
        else:
            built[name] = dict(value)
    return built


def event(**overrides: object) -> dict[str, Any]:
    """A CloudTrail event; None takes a field away."""
    made = {
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDA1", "arn": "arn:aws:iam::1:user/ann", "accountId": "1"},
        "eventTime": "2023-07-10T11:42:18Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "requestParameters": {"bucketName": "evidence"},
        "responseElements": None,
        "eventID": "875240ac-e821-4fc6-a311-8c352a1d20f5",
        "readOnly": True,
        "recipientAccountId": ACCOUNT,
        **overrides,
    }
    return {name: value for name, value in made.items() if value is not None}
