"""The list of chains that commands work on, and where it comes from: the directory, a scan, or both.

A list is never more than its sources hold, so it carries how to say that (FORMAT 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.cli.terminal import progress_bar
from audit_core.names import ns_tenant
from audit_core.table import Reading

if TYPE_CHECKING:
    from audit_core.directory import TenantEntry
    from audit_core.store import AuditStore

__all__ = ["Chains", "Listing", "chosen_chains", "listed_tenants"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Tenants sorted by name.

    `only_scanned` are the names (`namespace#tenant`) of those that the directory lacks, `scanned` says whether there
    was a scan, `ignored` how many entries were not believed, `reading` what it took.
    """

    entries: tuple[TenantEntry, ...]
    only_scanned: frozenset[str]
    scanned: bool
    ignored: int
    reading: Reading

    @property
    def source(self) -> str:
        """Where the list comes from, in one word or two."""
        return "directory and scan" if self.scanned else "directory"

    @property
    def origin(self) -> str:
        """Where the list comes from, in words, with what it may lack."""
        text = (
            f"from the tenant directory and a scan of the whole table, which found {len(self.only_scanned):,} that the "
            "directory lacks"
            if self.scanned
            else "from the tenant directory, which may lack some that were written elsewhere; --scan finds them"
        )
        if self.ignored:
            text += f"; {self.ignored:,} entries were not believed, since they do not agree with their ids"
        return text


def listed_tenants(store: AuditStore, *, scan: bool, scan_if_empty: bool = False) -> Listing:
    """Read the directory, and scan the table where asked for, with progress on stderr. Raises `EngineError`."""
    directory = store.tenants()
    if not scan and not (scan_if_empty and not directory.entries):
        return Listing(
            directory.entries, frozenset(), scanned=False, ignored=directory.ignored, reading=directory.reading
        )
    with progress_bar() as progress:
        task = progress.add_task("scanning the table", total=None)
        searched = store.scan_tenants()
        for read in searched:
            progress.update(task, completed=read.items)
    found = searched.found
    known = {entry.chain for entry in directory.entries}
    others = [entry for entry in found.entries if entry.chain not in known]
    return Listing(
        tuple(sorted((*directory.entries, *others), key=lambda entry: (entry.namespace, entry.tenant))),
        frozenset(entry.chain for entry in others),
        scanned=True,
        ignored=directory.ignored + found.ignored,
        reading=directory.reading + found.reading,
    )


@dataclass(frozen=True, slots=True)
class Chains:
    """The chains that are meant, where their list comes from in words, and what reading it took."""

    names: tuple[tuple[str, str], ...]
    origin: str
    reading: Reading


def chosen_chains(store: AuditStore, namespace: str | None, tenant: str | None, *, scan: bool) -> Chains:
    """Return the chains that are meant; one that is named whole is meant whether it is listed or not.

    Without a scan asked for, an empty directory leads to one. Raises `RecordError` for a name that no chain can have,
    `EngineError`.
    """
    ns_tenant("any" if namespace is None else namespace, "any" if tenant is None else tenant)
    if namespace is not None and tenant is not None:
        return Chains(((namespace, tenant),), "as it was named", Reading())
    listing = listed_tenants(store, scan=scan, scan_if_empty=True)
    names = tuple(
        (entry.namespace, entry.tenant)
        for entry in listing.entries
        if namespace in {None, entry.namespace} and tenant in {None, entry.tenant}
    )
    origin = listing.origin
    named = " ".join(
        f"{what} {name}" for what, name in (("namespace", namespace), ("tenant", tenant)) if name is not None
    )
    if named and not names:
        origin += f"; none of the {len(listing.entries):,} there has the {named}"
    return Chains(names, origin, listing.reading)
