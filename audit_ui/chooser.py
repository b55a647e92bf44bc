"""The choice of a chain: from the directory, from a scan of this visit, or from the address."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.directory import TenantEntry
from audit_core.names import look_alikes
from audit_ui import elements, links
from audit_ui.formats import chain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audit_core.directory import Directory
    from audit_ui.context import Context

__all__ = [
    "choose_chain",
    "forget_directories",
    "known_chains",
    "offered_chains",
    "read_directory",
    "resembling",
]

KEPT_SECONDS = 60
KEPT_DIRECTORIES = 4
MOST_OFFERED = 50
"""Tenants that a choice offers: a page costs what it shows, however long the directory is. Tenants searches all."""

_KEY = "chain"
_lock = threading.Lock()
_large: dict[str, tuple[float, Directory]] = {}


def read_directory(context: Context) -> Directory:
    """Read the tenant directory; one that takes more than one request is kept for a minute. Raises `EngineError`."""
    key = context.table_key
    with _lock:
        read_at, directory = _large.get(key, (0.0, None))
        if directory is not None and time.monotonic() - read_at < KEPT_SECONDS:
            return directory
    directory = context.tenants()
    with _lock:
        _large.pop(key, None)
        if directory.reading.requests > 1:
            _large[key] = (time.monotonic(), directory)
        while len(_large) > KEPT_DIRECTORIES:
            del _large[next(iter(_large))]
    return directory


def forget_directories() -> None:
    """Read anew from now on."""
    with _lock:
        _large.clear()


def known_chains(context: Context) -> tuple[TenantEntry, ...]:
    """Return the tenants of the directory and those that a scan of this visit found. Raises `EngineError`."""
    listed = {(entry.namespace, entry.tenant): entry for entry in context.scanned()}
    listed |= {(entry.namespace, entry.tenant): entry for entry in read_directory(context).entries}
    return tuple(listed[name] for name in sorted(listed))


def offered_chains(context: Context) -> tuple[tuple[TenantEntry, ...], bool]:
    """Return the tenants to choose from, and whether they are all. Raises `EngineError`.

    Of a long directory these are its first, and what a scan of this visit found.
    """
    listed = {(entry.namespace, entry.tenant): entry for entry in context.scanned()[:MOST_OFFERED]}
    directory = context.tenants(MOST_OFFERED)
    listed |= {(entry.namespace, entry.tenant): entry for entry in directory.entries}
    complete = directory.complete and len(context.scanned()) <= MOST_OFFERED
    return tuple(listed[name] for name in sorted(listed)), complete


def resembling(entries: Iterable[TenantEntry]) -> frozenset[str]:
    """Return the chains (`namespace#tenant`) that another one of the list could be taken for (CASES 5)."""
    return frozenset(look_alikes(entry.chain for entry in entries))


def choose_chain(context: Context) -> TenantEntry | None:
    """Let the visitor choose a chain, which the address then names; None where there is none to choose.

    A chain that the address names and nobody lists can be looked at as well. Raises `EngineError`.
    """
    offered, complete = offered_chains(context)
    entries = list(offered)
    named = (st.query_params.get("namespace", ""), st.query_params.get("tenant", ""))
    listed = {(entry.namespace, entry.tenant) for entry in entries}
    if all(named) and named not in listed:
        entries.append(TenantEntry(*named))
    if not entries:
        return None
    alike = resembling(entries)
    labels = [
        chain_name(entry.namespace, entry.tenant)
        + (" (looks like another)" if entry.chain in alike else "")
        + ("" if not complete or (entry.namespace, entry.tenant) in listed else " (not listed)")
        for entry in entries
    ]
    places = [(entry.namespace, entry.tenant) for entry in entries]
    place = places.index(named) if named in places else 0
    st.selectbox(
        "Chain",
        range(len(entries)),
        format_func=labels.__getitem__,
        key=elements.shown_as(_KEY, place),
        on_change=_go_to,
        args=(places,),
        help="Namespace and tenant. A chain holds the records of one tenant in one namespace.",
    )
    if not complete:
        elements.way(links.TENANTS, f"Search all tenants; these are {len(entries)} of them", {})
    chosen = entries[place]
    if not all(named):
        st.query_params.update({"namespace": chosen.namespace, "tenant": chosen.tenant})
    return chosen


def _go_to(places: Sequence[tuple[str, str]]) -> None:
    namespace, tenant = places[st.session_state[_KEY]]
    st.query_params.from_dict({"namespace": namespace, "tenant": tenant})
