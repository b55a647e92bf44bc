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

    from audit_core.directory import Directory, TenantListing
    from audit_ui.context import Context

__all__ = [
    "PAGE",
    "choose_chain",
    "forget_directories",
    "listed",
    "named_chain",
    "offered_chains",
    "read_directory",
    "read_on",
    "resembling",
]

PAGE = 25
"""Tenants on a screen; reading one more tells whether there are more."""

KEPT_SECONDS = 60
KEPT_DIRECTORIES = 4

_KEY = "chain"
_LAST = "chain looked at last"
_lock = threading.Lock()
_kept: dict[str, tuple[float, TenantListing]] = {}


def read_directory(context: Context, least: int | None = PAGE + 1) -> Directory:
    """Read the tenant directory until it has so many tenants (None: all). Raises `EngineError`.

    What takes more than one request is kept for a minute.
    """
    with _lock:
        return _listing(context).read(least)


def read_on(context: Context) -> Directory:
    """Read the directory on by one request, for somebody who shows how far it is. Raises `EngineError`."""
    with _lock:
        listing = _listing(context)
        listing.step()
        return listing.found


def _listing(context: Context) -> TenantListing:
    """Return the listing that is kept, or a new one; who asks holds the lock, so that nobody reads the same twice."""
    key = context.table_key
    read_at, listing = _kept.pop(key, (0.0, None))
    small = listing is not None and listing.complete and listing.reading.requests <= 1
    if listing is None or small or time.monotonic() - read_at >= KEPT_SECONDS:
        read_at, listing = time.monotonic(), context.listing()
    _kept[key] = (read_at, listing)
    while len(_kept) > KEPT_DIRECTORIES:
        del _kept[next(iter(_kept))]
    return listing


def forget_directories() -> None:
    """Read anew from now on."""
    with _lock:
        _kept.clear()


def listed(context: Context, directory: Directory) -> tuple[TenantEntry, ...]:
    """Return the tenants of the directory, as far as it was read, and those that a scan of this visit found.

    By name where all of the directory was read, else those first that it had first.
    """
    entries = {(entry.namespace, entry.tenant): entry for entry in directory.entries}
    entries |= {name: entry for entry in context.scanned() if (name := (entry.namespace, entry.tenant)) not in entries}
    return tuple(entries[name] for name in (sorted(entries) if directory.complete else entries))


def offered_chains(context: Context) -> tuple[tuple[TenantEntry, ...], bool]:
    """Return the tenants to choose from, and whether they are all: of a large directory its start.

    Raises `EngineError`.
    """
    directory = read_directory(context)
    return listed(context, directory), directory.complete


def resembling(entries: Iterable[TenantEntry]) -> frozenset[str]:
    """Return the chains (`namespace#tenant`) that another one of the list could be taken for (CASES 5)."""
    return frozenset(look_alikes(entry.chain for entry in entries))


def named_chain(context: Context) -> tuple[str, str]:
    """Return the chain that the address names, else the one that was looked at last; empty names for none."""
    named = (st.query_params.get("namespace", ""), st.query_params.get("tenant", ""))
    last: dict[str, tuple[str, str]] = st.session_state.get(_LAST, {})
    return named if all(named) else last.get(context.table_key, ("", ""))


def choose_chain(context: Context) -> TenantEntry | None:
    """Let the visitor choose a chain, which the address then names; None where there is none to choose.

    The chain that was looked at last is chosen where the address names none. One that nobody lists can be looked at as
    well. Of a large directory only the start is read here, and the way to the others is shown. Raises `EngineError`.
    """
    directory = read_directory(context)
    entries = list(listed(context, directory))
    named = named_chain(context)
    names = {(entry.namespace, entry.tenant) for entry in entries}
    if all(named) and named not in names:
        entries.append(TenantEntry(*named))
    if not entries:
        return None
    alike = resembling(entries)
    labels = [
        chain_name(entry.namespace, entry.tenant)
        + (" (looks like another)" if entry.chain in alike else "")
        + ("" if (entry.namespace, entry.tenant) in names or not directory.complete else " (not listed)")
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
    if not directory.complete:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{len(places):,} are offered here; the directory has more.", width="content")
            elements.way(links.TENANTS, "Find another tenant", {})
    chosen = entries[place]
    if directory.complete and places[place] not in names:
        st.markdown(
            ":orange[**⚠ The directory lists no tenant of this name.**] It may be mistyped, or another program fills "
            "it: verifying its chain says whether anything stands under it."
        )
    st.session_state[_LAST] = {context.table_key: (chosen.namespace, chosen.tenant)}
    if (chosen.namespace, chosen.tenant) != (st.query_params.get("namespace"), st.query_params.get("tenant")):
        st.query_params.update({"namespace": chosen.namespace, "tenant": chosen.tenant})
    return chosen


def _go_to(places: Sequence[tuple[str, str]]) -> None:
    namespace, tenant = places[st.session_state[_KEY]]
    st.query_params.from_dict({"namespace": namespace, "tenant": tenant})
