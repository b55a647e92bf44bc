"""The parts of the Overview: warnings of the table check, figures, verify all, a row for each chain, the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core import Verdict
from audit_core.names import hidden_characters, visible
from audit_ui import elements, links, verification
from audit_ui.faults import one_message
from audit_ui.formats import chain_name, count, moment, position, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core import AuditError, ChainReport
    from audit_core.directory import TenantEntry
    from audit_ui.context import Context
    from audit_ui.summaries import ChainSummary

_BATCH = "verify all"
_PAUSE_SECONDS = 0.2


def table_warnings(context: Context) -> None:
    """Show how the table differs from what it should be, each with its mend."""
    warnings = [difference for difference in context.store.warnings if not difference.information]
    if not warnings:
        return
    with st.container(border=True):
        st.markdown(f":orange[**⚠ The table differs from what it should be in {count(len(warnings), 'point')}**]")
        for difference in warnings:
            st.text(visible(str(difference)))


def figures(context: Context, entries: Sequence[TenantEntry]) -> None:
    """Show how many chains there are, by the verdict of their last verification in this process."""
    known = [report for entry in entries if (report := _last(context, entry)) is not None]
    good = sum(report.verdict in {Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY} for report in known)
    broken = sum(report.verdict is Verdict.BROKEN for report in known)
    others = len(known) - good - broken
    shown = (
        ("Tenants", len(entries)),
        ("✓ Intact", good),
        ("✕ Broken", broken),
        ("? Other", others),
        ("· Not verified", len(entries) - len(known)),
    )
    with st.container(horizontal=True, gap="small"):
        for name, number in shown:
            st.metric(name, f"{number:,}", border=True, width=152)


def verify_all(context: Context, entries: Sequence[TenantEntry]) -> None:
    """Offer to verify every chain on the screen, one after the other; a click stops it."""
    batch: verification.Batch | None = st.session_state.get(_BATCH)
    if batch is not None and batch.running:
        _batch_under_way(batch)
        return
    label = f"Verify {'these' if len(entries) > 1 else 'this'} {count(len(entries), 'tenant')}"
    if st.button(label, type="primary", key="verify_all"):
        requests = [verification.Request(entry.namespace, entry.tenant) for entry in entries]
        st.session_state[_BATCH] = verification.Batch(context, requests)
        st.rerun()
    if batch is not None and batch.stopped:
        st.caption(f"Stopped after {batch.done:,} of {count(batch.total, 'tenant')}.")


@st.fragment(run_every=_PAUSE_SECONDS)
def _batch_under_way(batch: verification.Batch) -> None:
    with one_message():
        batch.advance()
        if not batch.running:
            st.rerun()
        st.progress(min(1.0, batch.fraction), text=f"Verifying {batch.done + 1:,} of {count(batch.total, 'tenant')}")
        if st.button("Stop", key="stop_all"):
            batch.stop()
            st.rerun()


def row(context: Context, entry: TenantEntry, summary: ChainSummary, *, alike: bool) -> None:
    """Show one tenant: name, state, length, last record, and where to go from here."""
    report = _last(context, entry)
    with st.container(border=True):
        name, state, facts, ways = st.columns([3, 3, 4, 2], vertical_alignment="center")
        with name, st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.text(chain_name(entry.namespace, entry.tenant))
            _marks(entry, alike=alike, demo=entry.demo and not context.store.settings.demo)
        with state:
            if report is None:
                st.badge("· Not verified yet", color="gray")
            else:
                elements.verdict_badge(report.verdict)
                word = "looked at" if report.verdict is Verdict.UNCHAINED else "verified"
                st.caption(f"{word} {utc(report.at, seconds=False)}")
        with facts:
            st.text("\n".join(_facts(summary, report)))
        with ways, st.container(horizontal=True, gap="small"):
            elements.way(links.CHAIN, "Chain", links.chain_query(entry.namespace, entry.tenant))
            elements.way(links.RECORDS, "Records", links.records_query(entry.namespace, entry.tenant))


def _marks(entry: TenantEntry, *, alike: bool, demo: bool) -> None:
    hidden = hidden_characters(entry.namespace + entry.tenant)
    if demo:
        st.badge("Demo", color="gray")
    if alike:
        st.badge("Looks like another", color="orange")
    if hidden:
        st.badge("Hidden characters", color="orange")


def _facts(summary: ChainSummary, report: ChainReport | None) -> list[str]:
    if summary.newest is None:
        lines = ["No record stands"]
    elif summary.tip is None:
        lines = ["Not chained", f"Newest {moment(summary.newest, minutes=True)} UTC"]
    else:
        lines = [f"Last position {position(summary.tip)}", f"Newest {moment(summary.newest, minutes=True)} UTC"]
    if report is not None:
        coverage = report.coverage
        counts = ((coverage.expired, "expired"), (coverage.unproven, "gone, unproven"), (coverage.missing, "missing"))
        said = [f"{number:,} {word}" for number, word in counts if number]
        if said:
            lines.append(", ".join(said))
    return lines


def unreadable_row(entry: TenantEntry, error: AuditError) -> None:
    """Show a tenant whose chain cannot be asked for."""
    with st.container(border=True):
        st.text(visible(entry.chain))
        st.text(visible(str(error)))


def offer_scan(context: Context) -> None:
    """Offer the scan that finds tenants which the directory lacks, with what it takes."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        wanted = st.button("Search the whole table", key="scan")
        st.caption(
            "Finds tenants that the directory lacks. It goes through every item and costs accordingly.", width="stretch"
        )
    if not wanted:
        return
    shown = st.empty()

    def tell(items: int) -> None:
        shown.caption(f"{items:,} items gone through")

    found = context.store.scan_tenants(tell)
    context.keep_scan(found)
    st.rerun()


def _last(context: Context, entry: TenantEntry) -> ChainReport | None:
    return verification.reports().last(context.table_key, entry.namespace, entry.tenant)
