"""Records to measure with: 24 attributes in the table and some 1.4 KB, as the Acteon server writes them."""

from __future__ import annotations

import uuid

from audit_core.records import AuditRecord, new_id
from audit_core.timestamps import Clock

NAMESPACE = "bench"
PAYLOAD = '{"to":"user@example.com","subject":"Your order has been shipped","text":"%s"}' % ("0123456789" * 58)
LIFETIME_SECONDS = 30 * 86_400


def record(tenant: str, *, expires: bool = True) -> AuditRecord:
    now = Clock().now()
    return AuditRecord(
        id=new_id(),
        action_id=str(uuid.uuid4()),
        namespace=NAMESPACE,
        tenant=tenant,
        provider="email",
        action_type="send_email",
        verdict="allow",
        outcome="executed",
        dispatched_at=now,
        completed_at=now,
        duration_ms=42,
        caller_id="service:shipping",
        auth_method="api_key",
        verdict_details='{"rule":"default-allow","matched":[]}',
        outcome_details='{"status":200,"provider_id":"msg-0197c1d2"}',
        metadata='{"region":"eu-central-1","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}',
        action_payload=PAYLOAD,
        expires_at=now.plus_seconds(LIFETIME_SECONDS) if expires else None,
    )


def new_tenant() -> str:
    """A name that was not used before."""
    return f"t-{uuid.uuid4().hex[:12]}"
