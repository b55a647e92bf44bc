"""The parts of the Tenants page: search and order, the table of those on the screen, and one tenant with its ways on.

The state of the page is in the address: `q`, `sort`, `page`, and the tenant that was chosen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from audit_core import InputError, Verdict
from audit_core.directory import TenantEntry
from audit_core.names import visible
from audit_ui import chooser, elements, links, live_search, tenant_parts
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, moment, position, utc
from audit_ui.verification import SLICE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core.directory import Directory
    from audit_core.kept import KeptVerification
    from audit_ui.context import Context
    from audit_ui.summaries import ChainSummary
    from audit_ui.tenant_parts import TenantLine

__all__ = [
    "ORDERS",
    "ListState",
    "chosen",
    "controls",
    "entry_of",
    "in_order",
    "list_query",
    "matching",
    "one_tenant",
    "pages",
    "read_all",
    "said_of_list",
    "table",
]

ORDERS: Mapping[str, str] = {
    "name": "Name",
    "seen": "First seen, newest first",
    "state": "State, worst first",
    "activity": "Last record, newest first",
    "length": "Length, longest first",
}
_ON_THE_SCREEN = {"activity": "their last records", "length": "their length"}
"""Orders by what is read of the tenants on the screen only."""

_ROW_PIXELS = 35
_OPENED = "tenant opened"
_PAGE = "page of tenants"
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address asks for: a part of a name, an order (`ORDERS`), a page from 1, and all of the directory.

    `default` is the order where it asks for none: by name where the directory was read whole, else as it is read.
    """

    text: str
    sort: str
    page: int
    everything: bool
    default: str = "name"

    @classmethod
    def read(cls) -> ListState:
        """Read the address; what makes no sense in it is as if it was not there."""
        sort, page = st.query_params.get("sort", ""), st.query_params.get("page", "")
        return cls(
            st.query_params.get("q", ""),
            sort if sort in ORDERS else "",
            int(page) if page.isdecimal() and page.isascii() and len(page) < 7 and int(page) else 1,  # noqa: PLR2004
            st.query_params.get("all") == "1",
        )

    def of(self, directory: Directory) -> ListState:
        """Return it with the order in which a directory is shown."""
        default = "name" if directory.complete else "seen"
        return replace(self, sort=self.sort or default, default=default)

    @property
    def needs_all(self) -> bool:
        """Whether the whole directory has to be read: nothing else can say who matches, or who comes first by name."""
        return bool(self.text.strip()) or self.everything or self.sort == "name"


def controls(state: ListState) -> None:
    """Let the visitor search and order; what is typed counts as it is typed."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.text_input(
            "Search",
            key=live_search.showing("q", state.text),
            type="search",
            live=True,
            placeholder="Part of a namespace or tenant",
            on_change=_keep,
            args=("q", ""),
            width=360,
        )
        st.selectbox(
            "Order",
            list(ORDERS),
            format_func=ORDERS.__getitem__,
            key=live_search.showing("sort", state.sort),
            on_change=_keep,
            args=("sort", state.default),
            width=260,
        )


def read_all(context: Context, directory: Directory) -> bool:
    """Read the directory to its end, and say how far it is; False while there is more, and the page waits."""
    if directory.complete:
        return True
    _reading(context)
    return False


@st.fragment(run_every=_PAUSE_SECONDS)
def _reading(context: Context) -> None:
    with one_message():
        deadline = time.monotonic() + SLICE_SECONDS
        directory = chooser.read_on(context)
        while not directory.complete and time.monotonic() < deadline:
            directory = chooser.read_on(context)
        if directory.complete:
            st.rerun()
        st.caption(f"Reading the directory: {count(len(directory.entries), 'tenant')} so far …")


def pages(state: ListState, number: int) -> int:
    """Show the pages, where there is more than one, and return the one to show."""
    last = max(1, -(-number // chooser.PAGE))
    page = min(state.page, last)
    if last > 1:
        if st.session_state.get(_PAGE, page) != page:
            del st.session_state[_PAGE]  # the address says another one, which is the default then
        st.pagination(last, default=page, key=_PAGE, on_change=_turn_page)
    return page


def matching(
    entries: Sequence[TenantEntry], state: ListState, kept: Mapping[tuple[str, str], KeptVerification]
) -> list[TenantEntry]:
    """Return the tenants whose name has the text in it, in whichever case, in the order asked for.

    An order by what is read of the tenants on the screen leaves them as they are: `in_order` sees to it.
    """
    text = state.text.strip().casefold()
    found = [entry for entry in entries if text in _searched(entry)] if text else list(entries)
    if state.sort == "seen":
        found.sort(key=lambda entry: entry.first_seen.epoch_nanos if entry.first_seen else -(2**63), reverse=True)
    if state.sort == "state":
        found = tenant_parts.worst_first(found, kept, complete=True)
    return found


def in_order(lines: Sequence[TenantLine], state: ListState) -> list[TenantLine]:
    """Return the tenants on the screen in an order by what was read of them; those that cannot be read come last."""
    if state.sort not in _ON_THE_SCREEN:
        return list(lines)

    def key(line: TenantLine) -> tuple[bool, int]:
        summary = line.summary
        if isinstance(summary, InputError):
            return False, 0
        if state.sort == "length":
            return True, tenant_parts.size(summary, line.kept)
        return True, tenant_parts.last_active(summary)

    return sorted(lines, key=key, reverse=True)


def said_of_list(state: ListState, directory: Directory, shown: int, found: int, listed: int) -> None:
    """Say how many of how many are shown, in which order, and how to see the others."""
    if directory.complete:
        among = "" if found == listed else f" that match, out of {listed:,} listed"
        said = f"{count(shown, 'tenant')} of {found:,}{among} shown."
    else:
        said = f"{count(shown, 'tenant')} shown, and the directory has more."
    if state.sort in _ON_THE_SCREEN and found > shown:
        what = _ON_THE_SCREEN[state.sort]
        said += f" Ordered by {what} among the {shown:,} on the screen: {what} was read of no others."
    elif state.sort == "state" and not directory.complete:
        said += f" Ordered by state among the {listed:,} that were read."
    st.caption(f"{said} Choose a row to open one.")
    if not directory.complete:
        elements.turn("Read the whole directory", {**st.query_params.to_dict(), "all": "1"}, key="read_all")


def chosen() -> tuple[str, str] | None:
    """Return the namespace and the tenant that the address names; None where it names none."""
    namespace, tenant = st.query_params.get("namespace", ""), st.query_params.get("tenant", "")
    return (namespace, tenant) if namespace and tenant else None


def entry_of(context: Context, directory: Directory, wanted: tuple[str, str]) -> tuple[TenantEntry, bool]:
    """Return a tenant's entry, and whether anything lists it. Raises `EngineError`."""
    for entry in chooser.listed(context, directory):
        if (entry.namespace, entry.tenant) == wanted:
            return entry, True
    entry_read = None if directory.complete else context.store.tenant(*wanted)
    return entry_read or TenantEntry(*wanted), entry_read is not None


def list_query() -> dict[str, str]:
    """Return the parameters of the list that the visitor came from."""
    return {name: text for name, text in st.query_params.to_dict().items() if name not in {"namespace", "tenant"}}


def table(context: Context, state: ListState, lines: Sequence[TenantLine]) -> None:
    """Show the tenants on the screen as a table; choosing a row opens the tenant."""
    names = [line.name for line in lines]
    key = f"tenants {state!r} {st.session_state.get(_OPENED, 0)}"
    st.dataframe(
        elements.marked_table([_row(line, state, demo=not context.store.settings.demo) for line in lines]),
        hide_index=True,
        height=_ROW_PIXELS * (len(lines) + 1) + 3,
        key=key,
        on_select=lambda: _open_chosen(key, names),
        selection_mode="single-row",
        column_config={
            "State": st.column_config.TextColumn(help=elements.verdict_limits(Verdict.INTACT)),
            "Length": st.column_config.TextColumn(help="Positions, also those whose records have expired."),
        },
        alt="Tenants, one a row. Choosing a row opens the tenant.",
    )


def one_tenant(context: Context, line: TenantLine, *, listed: bool) -> None:
    """Show a tenant with what is known of it, and the ways to its records, its chain, its gaps and its retention."""
    entry, summary = line.entry, line.summary
    with st.container(border=True, key="tenant"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.text(chain_name(entry.namespace, entry.tenant))
            tenant_parts.marks(entry, alike=line.alike, demo=entry.demo and not context.store.settings.demo)
        if isinstance(summary, InputError):
            st.text(visible(str(summary)))
            return
        tenant_parts.state(line.kept, summary)
        elements.field_list(_fields(line, summary, listed=listed))
        query = links.chain_query(entry.namespace, entry.tenant)
        with st.container(horizontal=True, gap="medium"):
            elements.way(links.RECORDS, "Records", links.records_query(entry.namespace, entry.tenant))
            for page, label in ((links.CHAIN, "Chain"), (links.GAPS, "Gaps"), (links.RETENTION, "Retention")):
                elements.way(page, label, query)


def _fields(line: TenantLine, summary: ChainSummary, *, listed: bool) -> list[tuple[str, str]]:
    entry, kept = line.entry, line.kept
    found = [
        ("Length" if summary.tip is not None else "Records", tenant_parts.length(summary, kept)),
        ("Newest record", "none stands" if summary.newest is None else f"{moment(summary.newest)} UTC"),
        ("First seen", utc(entry.first_seen) if entry.first_seen else "not known"),
        ("Listed by", _source(entry, listed=listed)),
    ]
    if summary.tip is not None:
        found.insert(1, ("Last record at", f"position {position(summary.tip)}"))
        past = tenant_parts.past_the_last_record(summary, kept)
        if past:
            found.insert(2, ("After it", f"{count(past, 'position')} without a record, when verified"))
    gone = tenant_parts.gone_words(kept)
    return [*found, ("Gone, when verified", gone)] if gone else found


def _source(entry: TenantEntry, *, listed: bool) -> str:
    if not listed:
        return "nobody: only the link names it"
    return "the tenant directory" if entry.first_seen else "a scan of this visit"


def _row(line: TenantLine, state: ListState, *, demo: bool) -> dict[str, str]:
    entry, summary = line.entry, line.summary
    marks = ", ".join(
        word for word, _colour in tenant_parts.mark_words(entry, alike=line.alike, demo=demo and entry.demo)
    )
    if isinstance(summary, InputError):
        standing, verified, size, newest = "Cannot be asked for", "–", "–", "–"
    else:
        standing, verified = tenant_parts.state_words(line.kept, summary)
        size = tenant_parts.length(summary, line.kept)
        newest = "–" if summary.newest is None else moment(summary.newest, minutes=True)
    seen = utc(entry.first_seen, seconds=False).removesuffix(" UTC") if entry.first_seen else "–"
    return {
        "Namespace": visible(entry.namespace),
        "Tenant": visible(entry.tenant),
        # what a narrow screen has no room for; a tenant that is opened says it too
        **({"First seen (UTC)": seen} if state.sort == "seen" else {}),
        "State": standing,
        "Length": size,
        "Last record (UTC)": newest,
        "Verified (UTC)": verified,
        "Marks": marks,
    }


def _searched(entry: TenantEntry) -> str:
    """Return what a search looks into: the name as it is, and as it is shown."""
    return f"{entry.namespace} / {entry.tenant}\n{entry.chain}\n{chain_name(entry.namespace, entry.tenant)}".casefold()


def _keep(key: str, default: str) -> None:
    """Write into the address what was chosen; another search or order starts at its first page."""
    value = st.session_state[key] or ""
    live_search.said(key, value)
    st.query_params.pop("page", None)
    if value == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value


def _turn_page() -> None:
    st.query_params["page"] = str(st.session_state[_PAGE])


def _open_chosen(key: str, names: Sequence[tuple[str, str]]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        namespace, tenant = names[rows[0]]
        st.query_params.update({"namespace": namespace, "tenant": tenant})
        st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
