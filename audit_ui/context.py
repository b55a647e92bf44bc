"""Who looks, at which store, and which tenants they may see: the one door between a page and the records.

A page asks `current()` and gets a `Context`, or nothing at all where the router did not let it in. The store is opened
once for the whole process and shared; it is forgotten when the engine says that the table or the credentials are gone,
so that the next visit opens it anew. Without a sign-in only this machine may come in to a table on AWS.
"""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import AuditStore, Settings, load_settings
from audit_core.errors import CredentialsError, SettingsError, TableMismatchError, TableMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.directory import Directory, TenantEntry, TenantListing

__all__ = ["Context", "configure", "current", "entered", "open_context", "require_loopback"]

LOST_STORE = (CredentialsError, TableMissingError, TableMismatchError)
"""Errors after which the store is opened anew."""

_SCANNED = "tenants found by a scan"


@dataclass(frozen=True, slots=True)
class Context:
    """What one visitor works with: the open store, and the tenants that they may see."""

    store: AuditStore

    @property
    def table_key(self) -> str:
        """What tells this table from any other, for the keys of caches."""
        audit = self.store.settings.audit
        return f"{self.store.engine}|{audit.url or ''}|{audit.region}|{audit.table_name}"

    @property
    def write_refusal(self) -> str | None:
        """Why no page writes to this table; None where pages may.

        There is no sign-in, so nobody knows who asks: only local engines are written to, whatever `allow_inject` says.
        """
        settings = self.store.settings
        if not settings.is_local:
            return f"This table is on {settings.engine_label}, and without a sign-in no page writes there."
        if not settings.audit.enabled:
            return "Auditing is switched off (enabled = false in [audit]), so nothing is written; switch it on first."
        return None

    @property
    def removal(self) -> str:
        """What becomes of records that have expired, on this engine; in a sentence."""
        if self.store.engine == "embedded":
            return "This engine, in memory, never removes what has expired; DynamoDB does, within days."
        return "DynamoDB removes what has expired within days, not at once."

    def listing(self) -> TenantListing:
        """Return a reading of the tenant directory from its start."""
        return self.store.tenant_listing()

    def scanned(self) -> tuple[TenantEntry, ...]:
        """Return the tenants that a scan found in this visit; empty when there was none."""
        key, entries = st.session_state.get(_SCANNED, ("", ()))
        return entries if key == self.table_key else ()

    def keep_scan(self, found: Directory) -> None:
        """Remember what a scan found, for this visit."""
        st.session_state[_SCANNED] = (self.table_key, found.entries)


_current: ContextVar[Context | None] = ContextVar("audit_ui.context", default=None)
_configured: list[Settings] = []


def configure(settings: Settings) -> None:
    """Fix the settings of this process; the launcher does, once they are known to be good."""
    _configured[:] = [settings]


def open_context() -> Context:
    """Return the visitor's context, opening the store at the first visit.

    Raises `SettingsError`, and `EngineError` while the engine cannot be used: nothing is shown then.
    """
    settings = _configured[0] if _configured else load_settings()
    require_loopback(settings, st.get_option("server.address"))
    return Context(_open_store(settings))


def forget_store() -> None:
    """Let the next visit open the store anew."""
    _open_store.clear()


@contextmanager
def entered(context: Context) -> Iterator[None]:
    """Let the page inside the block have the context; the router's job."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Context:
    """Return the context that the router gave this page; stops a page that was not opened through it."""
    context = _current.get()
    if context is None:
        st.warning("This page opens only inside the dashboard. Start it with `python -m audit_ui`.")
        st.stop()
    return context


def require_loopback(settings: Settings, address: str | None) -> None:
    """Raise `SettingsError` where anybody on the network could read a table on AWS, since there is no sign-in."""
    if settings.is_local or _is_loopback(address):
        return
    message = (
        f"The dashboard has no sign-in, so a table on {settings.engine_label} is shown to this machine only, and it "
        f"was told to listen on {address or 'every address'}. Set server.address in .streamlit/config.toml (or "
        "STREAMLIT_SERVER_ADDRESS) to 127.0.0.1, and reach it from elsewhere through an SSH tunnel."
    )
    raise SettingsError(message)


def _is_loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@st.cache_resource(show_spinner=False, max_entries=4)
def _open_store(settings: Settings) -> AuditStore:
    return AuditStore.open(settings)
