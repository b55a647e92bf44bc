"""What may be tampered with: chains marked `demo`, on engines that are certainly local. Everything else is refused.

Each of `lab`, `race` and `expiry` asks here before every write, so that no page and no command can go around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_core.directory import read_tenant
from audit_core.errors import WriteRefusedError
from audit_core.names import ns_tenant, visible

if TYPE_CHECKING:
    from audit_core.settings import Settings
    from audit_core.store import AuditStore

__all__ = ["engine_refusal", "require_demo", "require_engine"]


def engine_refusal(settings: Settings) -> str | None:
    """Say why nothing is tampered with on the engine of these settings; None where it may be."""
    if not settings.is_local:
        return (
            f"This table is on {settings.engine_label}, and nothing is ever tampered with there. Use DynamoDB Local, "
            "or --demo for the embedded engine."
        )
    if not settings.audit.enabled:
        return "Auditing is switched off (enabled = false in [audit]), so nothing is written; switch it on first."
    return None


def require_engine(store: AuditStore) -> None:
    """Raise `WriteRefusedError` unless the store's engine may be tampered with."""
    refusal = engine_refusal(store.settings)
    if refusal is not None:
        raise WriteRefusedError(refusal)


def require_demo(store: AuditStore, namespace: str, tenant: str) -> None:
    """Raise `WriteRefusedError` unless the chain's directory entry, read consistently, says `demo`.

    Raises `EngineError`.
    """
    require_engine(store)
    entry = read_tenant(store.table, store.settings.audit.prefix, namespace, tenant)
    if entry is None or not entry.demo:
        message = (
            f"{visible(ns_tenant(namespace, tenant))} is not marked as demo data, so it is not tampered with. Choose "
            "one of the lab's chains, or one that `seed` made."
        )
        raise WriteRefusedError(message)
