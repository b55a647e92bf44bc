"""One AWS CloudTrail event as an audit record.

Pure: files, order and duplicates are the business of `importers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from audit_core.errors import RecordError
from audit_core.jsontext import NO_JSON, exact_text
from audit_core.records import AuditRecord
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_tenant_field", "event_record"]

NAMESPACE = "aws"
UNKNOWN_TENANT = "unknown"
_OUTCOME_FIELDS = ("errorCode", "errorMessage", "responseElements")
_OWN_FIELDS = ("eventID", "eventTime", "eventSource", "eventName", "requestParameters", *_OUTCOME_FIELDS)
_CALLER_FIELDS = ("arn", "principalId", "invokedBy")
_DENIALS = ("accessdenied", "unauthorizedoperation")


def check_tenant_field(tenant_field: str) -> None:
    """Raise `RecordError` for a tenant field that cannot be one (CASES 22)."""
    if not all(tenant_field.split(".")):
        message = f"{tenant_field!r} is no field of an event; give its name, or a path such as userIdentity.accountId."
        raise RecordError(message)


def event_record(event: object, tenant_field: str) -> AuditRecord:
    """Return the record of an event that `jsontext.parse_exact` gave.

    The namespace is `aws`; the tenant is what `tenant_field` (a name, or a dotted path) holds, `unknown` where the
    event lacks it. Caller, times, verdict and outcome derive from the event; every field that no other attribute took
    stands whole in `metadata`. The record never expires.

    Raises `RecordError` or `TimestampError` for an event that cannot be stored (CASES 1 to 8).
    """
    if not isinstance(event, dict):
        message = "It is no JSON object."
        raise RecordError(message)
    event_id = _required_text(event, "eventID")
    moment = Timestamp.parse(_required_text(event, "eventTime"))
    error_code = event.get("errorCode")
    if not isinstance(error_code, str | None):
        message = "Its errorCode is not text."
        raise RecordError(message)
    parameters = event.get("requestParameters")
    tenant = _tenant(event, tenant_field)
    taken = {*_OWN_FIELDS, tenant_field} if event.get(tenant_field) == tenant else set(_OWN_FIELDS)
    return AuditRecord(
        id=event_id,
        action_id=event_id,
        namespace=NAMESPACE,
        tenant=tenant,
        provider=_required_text(event, "eventSource"),
        action_type=_required_text(event, "eventName"),
        verdict="deny" if _is_denial(error_code) else "allow",
        outcome="failed" if error_code else "executed",
        dispatched_at=moment,
        completed_at=moment,
        caller_id=_caller(event.get("userIdentity")),
        action_payload=None if parameters is None else exact_text(parameters),
        outcome_details=_object_text({name: event[name] for name in _OUTCOME_FIELDS if event.get(name) is not None}),
        metadata=_object_text({name: value for name, value in event.items() if name not in taken}),
    )


def _required_text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        message = f"It has no {name}."
        raise RecordError(message)
    return value


def _tenant(event: Mapping[str, Any], tenant_field: str) -> str:
    value: Any = event
    for name in tenant_field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict | list):
        message = f"Its {tenant_field} is no single value; name a field that holds text as the tenant's."
        raise RecordError(message)
    if isinstance(value, bool | orjson.Fragment):
        return exact_text(value)
    return value or UNKNOWN_TENANT


def _caller(identity: object) -> str:
    if isinstance(identity, dict):
        for name in _CALLER_FIELDS:
            if isinstance(identity.get(name), str) and identity[name]:
                return str(identity[name])
    return ""


def _is_denial(error_code: str | None) -> bool:
    """Tell `AccessDenied`, `Client.UnauthorizedOperation`, `AccessDeniedException` and the like from other failures."""
    letters = "".join(filter(str.isalpha, error_code or "")).lower()
    return any(denial in letters for denial in _DENIALS)


def _object_text(fields: Mapping[str, object]) -> str:
    return exact_text(fields) if fields else NO_JSON
