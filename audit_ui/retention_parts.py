"""The parts of the Retention page: what it is about, progress, figures, calendar, a date to look ahead to."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

from audit_core.errors import InputError
from audit_core.names import visible
from audit_core.retention import Expiry
from audit_ui import chooser, elements, links, retention_policy, retention_view, verification
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, utc
from audit_ui.retention_figures import buckets, calendar_figure
from audit_ui.retention_policy import rows_table
from audit_ui.retention_read import RetentionReading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import ChainReport, Timestamp
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = [
    "begun",
    "calendar",
    "chosen_tenants",
    "date_asked",
    "examples",
    "figures",
    "footer",
    "forget",
    "how_much",
    "last_reports",
    "look_ahead",
    "progress",
    "tenant_table",
]

MOST_TENANTS = 50
DAYS_AHEAD = 90
KEPT_SECONDS = 60
_KEPT = "retention read"
_PAUSE_SECONDS = 0.1
_SCOPES = {"one": "One tenant", "all": "All listed tenants"}
_NOT_REMOVED = (Expiry.NOT_REMOVABLE, Expiry.UNREADABLE)


def chosen_tenants(context: Context) -> tuple[TenantEntry, ...]:
    """Let the visitor choose one tenant, or all that are listed, up to a bound; the address keeps it."""
    scope = "all" if st.query_params.get("scope") == "all" else "one"
    st.radio(
        "Show",
        list(_SCOPES),
        format_func=_SCOPES.__getitem__,
        horizontal=True,
        key=elements.shown_as("scope", scope),
        on_change=_choose_scope,
    )
    if scope == "one":
        chosen = chooser.choose_chain(context)
        return () if chosen is None else (chosen,)
    entries, complete = chooser.offered_chains(context)
    shown = entries[:MOST_TENANTS]
    if len(shown) < len(entries) or not complete:
        st.caption(f"{count(len(shown), 'tenant')} shown, there are more. Choose one tenant to see any other.")
    return shown


def _choose_scope() -> None:
    before = st.query_params.get("before", "")
    scope = "all" if st.session_state["scope"] == "all" else ""
    st.query_params.from_dict(links.without_blanks({"scope": scope, "before": before}))


def begun(context: Context, entries: Sequence[TenantEntry]) -> RetentionReading:
    """Return this visit's reading of these tenants: begun now, or kept for a minute, or longer where it was long."""
    key = (context.table_key, tuple(entry.chain for entry in entries))
    kept: tuple[object, RetentionReading | None] = st.session_state.get(_KEPT, (None, None))
    kept_key, reading = kept
    if reading is None or kept_key != key or (reading.unasked and not reading.running and reading.age > KEPT_SECONDS):
        reading = RetentionReading(context.store, entries)
        st.session_state[_KEPT] = (key, reading)
        reading.advance()
    return reading


def forget() -> None:
    """Read anew from now on."""
    st.session_state.pop(_KEPT, None)
    retention_policy.forget()


@st.fragment(run_every=_PAUSE_SECONDS)
def progress(reading: RetentionReading) -> None:
    """Go on reading for a slice of time, and show how far it is; a click stops it."""
    with one_message():
        reading.advance()
        if not reading.running:
            st.rerun()
        known = sum(tenant.complete for tenant in reading.tenants)
        of = f", {known:,} of {count(len(reading.tenants), 'tenant')} done" if len(reading.tenants) > 1 else ""
        st.progress(0.0 if not known else known / len(reading.tenants), text=f"{reading.summary.total:,} read{of}")
        if st.button("Stop", key="stop"):
            reading.stop()
            st.rerun()


def how_much(reading: RetentionReading) -> None:
    """Say how much of what there is was read; a click reads the rest."""
    read = f"{count(reading.summary.total, 'record')} read"
    of = f" of {count(len(reading.tenants), 'tenant')}" if len(reading.tenants) > 1 else ""
    if reading.complete:
        st.caption(f"{read}{of}, which is all that stands.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Read the rest", key="rest", on_click=reading.read_the_rest)
        st.caption(f"{read}{of}, more to come. Every figure below is of what was read.", width="stretch")


def last_reports(context: Context, entries: Sequence[TenantEntry]) -> dict[str, ChainReport]:
    """Return the last verification of each of these chains that is known here, by chain."""
    kept = verification.reports()
    found = ((entry.chain, kept.last(context.table_key, entry.namespace, entry.tenant)) for entry in entries)
    return {chain: report for chain, report in found if report is not None}


def figures(context: Context, reading: RetentionReading, reports: Mapping[str, ChainReport]) -> None:
    """Show how many records stand in which state, and how many are gone, as far as that is known."""
    summary = reading.summary
    proven, unproven, missing = retention_view.removed(list(reports.values()))
    known = f"{proven + unproven:,}" if reports else "?"
    never_removed = summary.count(*_NOT_REMOVED)
    shown = [
        ("Live", f"{summary.count(Expiry.LIVE):,}", "The record stands, and its expiry is still to come."),
        (
            "Overdue",
            f"{summary.count(Expiry.EXPIRED):,}",
            f"Expired, and still present. {context.removal}",
        ),
        ("Removed", known, "Gone, with expiry as the reason, by the last verification of the chain."),
        ("Never expires", f"{summary.count(Expiry.NEVER):,}", "The record stands and has no expiry."),
    ]
    if never_removed:
        shown.append(
            (
                "Never removed",
                f"{never_removed:,}",
                "An expiry that DynamoDB does not act on: over five years past, or not in whole seconds.",
            )
        )
    with st.container(horizontal=True, gap="small"):
        for name, number, meaning in shown:
            st.metric(name, number, help=meaning, border=True, width=152)
    st.caption(f"**Overdue** is expired and still present. {context.removal}")
    _removed_in_words(reading, reports, (proven, unproven, missing))
    if never_removed:
        past, unreadable = summary.count(Expiry.NOT_REMOVABLE), summary.count(Expiry.UNREADABLE)
        st.caption(
            f"Never removed by time to live: {past:,} whose expiry is more than five years past, {unreadable:,} whose "
            "expiry is not a number of seconds. They stay until somebody deletes them, which verification then reports."
        )
    if summary.count(Expiry.NEVER):
        st.caption(
            f"{count(summary.count(Expiry.NEVER), 'record')} without an expiry. A **legal hold** shows as no expiry: "
            "the table does not say which of them are held, and which were written without a lifetime."
        )


def _removed_in_words(
    reading: RetentionReading, reports: Mapping[str, ChainReport], gone: tuple[int, int, int]
) -> None:
    entries = [tenant.entry for tenant in reading.tenants]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if not reports:
            st.caption(
                "How many were removed is **not known until verified**: a record that is gone leaves only its fence.",
                width="content",
            )
        else:
            oldest = min(report.at for report in reports.values())
            of = f" of {len(reports):,} of {count(len(entries), 'tenant')}" if len(entries) > 1 else ""
            proven, unproven, missing = gone
            st.caption(
                f"Removed, by the last verification{of} ({'oldest ' if len(reports) > 1 else ''}{utc(oldest)}): "
                f"{proven:,} proven by fences, {unproven:,} unproven. {missing:,} more are missing, which expiry does "
                "not explain.",
                width="content",
            )
        if len(entries) == 1:
            chain = (entries[0].namespace, entries[0].tenant)
            elements.way(links.CHAIN, "Verify the chain", links.chain_query(*chain, verify=1))
            elements.way(links.GAPS, "Gaps", links.chain_query(*chain))
        else:
            elements.way(links.OVERVIEW, "Verify from the Overview", {})


def calendar(reading: RetentionReading, at: Timestamp, before: str) -> None:
    """Show on which days, months or years how many records expire, as bars and as a table."""
    st.subheader("Expiry calendar", anchor=False)
    summary = reading.summary
    unit, bars = buckets(summary.expiring_by_day, summary.overdue_by_day)
    if not bars:
        st.caption("None of the records read has an expiry that is still to come, or that is due.")
        return
    upcoming, overdue = sum(bar.upcoming for bar in bars), sum(bar.overdue for bar in bars)
    said = f"{count(upcoming, 'record')} to expire and {overdue:,} overdue, from {bars[0].name} to {bars[-1].name}"
    figure = calendar_figure(bars, today=at.normalised[:10], before=before, dark=elements.is_dark())
    st.plotly_chart(figure, theme=None, config={"displayModeBar": False}, alt=f"{said}.", key="calendar")
    st.caption(f"{said}, in UTC. Each bar is one {unit}.")
    with st.expander("The calendar as a table"):
        rows = [
            {unit.capitalize(): bar.name, "Expire": f"{bar.upcoming:,}", "Overdue": f"{bar.overdue:,}"} for bar in bars
        ]
        rows_table(rows, f"Records by the {unit} of their expiry.")


def date_asked(at: Timestamp) -> date:
    """Return the date that the address asks about, or one in 90 days. Raises `InputError` where it is none."""
    asked = st.query_params.get("before", "")
    if not asked:
        return date.fromisoformat(at.plus_seconds(DAYS_AHEAD * 86_400).normalised[:10])
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        message = f"The address asks about {visible(asked[:40])}, which is no date. Give one such as 2026-01-31."
        raise InputError(message) from error


def look_ahead(context: Context, reading: RetentionReading, wanted: date) -> None:
    """Say what expires by the end of a date that one picks, such as an audit's end, if nothing is done."""
    st.subheader("What goes before the audit ends, if nothing is done", anchor=False)
    st.date_input(
        "Until the end of (UTC)",
        min_value=date(1970, 1, 1),
        max_value=date.max,
        format="YYYY-MM-DD",
        key=elements.shown_as("before", wanted),
        on_change=_choose_date,
        width=220,
        help="Such as the end of an audit, until which its records are needed.",
    )
    summary = reading.summary
    expiring, due = summary.expiring_by(wanted.isoformat()), summary.count(Expiry.EXPIRED)
    with st.container(horizontal=True, gap="small"):
        for name, number, meaning in (
            ("Will expire", expiring, "Live now; their expiry comes by the end of that day."),
            ("Due already", due, f"Their expiry has passed. {context.removal}"),
            ("Stay", summary.total - expiring - due, "Their expiry comes later, or never."),
        ):
            st.metric(name, f"{number:,}", help=meaning, border=True, width=152)
    st.caption(f"{expiring:,} + {due:,} + {summary.total - expiring - due:,} = {count(summary.total, 'record')} read.")
    rows_table(
        retention_view.forecast_rows(summary, reading.at),
        "Forecast: how many of the records read will have expired, and how many stand, after some time.",
    )
    if expiring or due:
        st.markdown(
            "What is needed beyond that day has to be **exported before**. An expiry cannot be put off in the table: "
            "that changes the record, and verification calls it altered."
        )


def _choose_date() -> None:
    chosen = st.session_state["before"]
    if chosen is None:
        st.query_params.pop("before", None)
    else:
        st.query_params["before"] = chosen.isoformat()


def examples(reading: RetentionReading) -> None:
    """Show some of the records that never expire, are due, or never go; choosing one opens it."""
    rows = [row for state in reading.examples for row in reading.examples[state]]
    if not rows:
        return
    st.subheader("Records that never expire, are due, or never go", anchor=False)
    there = reading.summary.total - reading.summary.count(Expiry.LIVE)
    key = f"examples {reading.at} {len(rows)}"
    chosen = rows_table(retention_view.example_rows(rows), "Records, one a row. Choosing a row opens the record.", key)
    st.caption(f"{count(len(rows), 'record')} of {there:,} shown, the oldest of each kind. Choose a row to open it.")
    if chosen is not None:
        text = rows[chosen].stored.text
        query = links.records_query(text("namespace"), text("tenant"), record=text("id"))
        st.switch_page(links.RECORDS, query_params=query)


def tenant_table(reading: RetentionReading, reports: Mapping[str, ChainReport], before: str) -> None:
    """Show a row for each tenant."""
    st.subheader("By tenant", anchor=False)
    rows_table(retention_view.tenant_rows(reading.tenants, reports, before), "Tenants, one a row.")


def footer(reading: RetentionReading, at: Timestamp) -> None:
    """Say as of when it is and what it cost; a click reads anew, which shows what has gone meanwhile."""
    if len(reading.tenants) == 1:
        entry = reading.tenants[0].entry
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            st.text(chain_name(entry.namespace, entry.tenant))
            query = links.records_query(entry.namespace, entry.tenant, order="oldest")
            elements.way(links.RECORDS, "Records, oldest first", query)
    elements.read_footer(reading.reading, at, forget)
