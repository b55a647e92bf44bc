"""The parts of the Overview: figures, a row for each chain, records a day, the table and its mode.

Verifying all of them is `overview_batch`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core import InputError, Verdict
from audit_core.names import visible
from audit_ui import activity, elements, figures, finding_view, links, summaries, tenant_parts, verification
from audit_ui.formats import chain_name, count, utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlit.delta_generator import DeltaGenerator

    from audit_core.directory import TenantEntry
    from audit_core.kept import KeptVerification, KeptVerifications
    from audit_ui.activity import Activity, ChainActivity
    from audit_ui.context import Context
    from audit_ui.tenant_parts import TenantLine

_MORE = "As many as were read or verified so far; the directory has more."
_NOT_MEANT = (
    "No finding in what was checked. It does not mean that nobody cut records off at the very end together with their "
    "fences, or rewrote the whole table: only a checkpoint kept outside shows that."
)
_MODES = {
    "none": "none",
    "soc2": "SOC 2",
    "hipaa": "HIPAA",
}
_FLAGS = (
    (
        "sync_audit_writes",
        "Confirmed writes",
        "an append returns when its record is committed",
        "an append may return before its record is committed",
    ),
    (
        "immutable_audit",
        "Immutable records",
        "the store refuses to change or delete a record",
        "the mode does not ask for it; even so only records of demo chains are altered or deleted here, in the lab",
    ),
    (
        "hash_chain",
        "Chained records",
        "new records are hashed and linked to the one before",
        "new records stand alone, and nothing shows when one is altered or missing",
    ),
)


def state_folder(verifications: KeptVerifications) -> None:
    """Say where the last verifications could not be kept, or were not believed."""
    if verifications.problem is not None:
        with st.container(border=True, key="state_folder"):
            st.markdown(":orange[**⚠ Verifications are not kept beyond this process**]")
            st.text(visible(verifications.problem))
    elif verifications.ignored:
        files = count(verifications.ignored, "kept verification")
        st.caption(
            f"{files} in state_dir could not be used (damaged, of another version, or of another chain) and "
            f"{'was' if verifications.ignored == 1 else 'were'} left out. Verifying anew replaces it."
        )


def totals(entries: Sequence[TenantEntry], kept: Mapping[tuple[str, str], KeptVerification], *, complete: bool) -> None:
    """Show how many chains there are, by the verdict of their last verification."""
    known = [kept[name].verdict for entry in entries if (name := (entry.namespace, entry.tenant)) in kept]
    good = sum(verdict in {Verdict.INTACT, Verdict.INTACT_WITH_EXPIRY} for verdict in known)
    broken = known.count(Verdict.BROKEN)
    more = "" if complete else "+"
    shown = (
        ("Tenants", f"{len(entries):,}{more}", _MORE if more else None),
        ("✕ Broken", f"{broken:,}", "Something was altered or is missing. Open the chain to see where."),
        ("? Other", f"{len(known) - good - broken:,}", "Unproven, incomplete, or no chain: neither good nor broken."),
        ("· Not verified", f"{len(entries) - len(known):,}{more}", "Nothing is known about these."),
        ("✓ Intact", f"{good:,}", _NOT_MEANT),
    )
    with st.container(horizontal=True, gap="small"):
        for label, number, meaning in shown:
            st.metric(label, number, help=meaning, border=True, width=152)
    st.caption("By the last verification of each chain. It says nothing of what was written since then.")


def since_verified(lines: Sequence[TenantLine]) -> None:
    """Say what changed since the last verification of the chains on the screen, as their newest records show it."""
    told = [
        (line, summaries.since_verified(line.kept, line.summary))
        for line in lines
        if line.kept is not None and not isinstance(line.summary, InputError)
    ]
    if not told:
        return
    longer = [since.positions for _line, since in told if since.positions]
    other = sum(since.another for _line, since in told)
    same = len(told) - len(longer) - other
    parts = []
    if longer:
        parts.append(
            f"{count(len(longer), 'tenant')} went on, by {count(sum(longer), 'position')} that nobody verified"
        )
    if other:
        parts.append(f"of {count(other, 'tenant')} the newest record is another one now")
    if same:
        parts.append(f"{count(same, 'tenant')} {'has' if same == 1 else 'have'} the same newest record")
    st.markdown(
        f"**Since their last verification:** {'; '.join(parts)}.",
        help="Told by the newest record of each tenant on the screen. What was altered further back shows only in a "
        "verification.",
    )


def row(context: Context, line: TenantLine) -> DeltaGenerator:
    """Show one tenant: name, state, length, last record, and where to go from here; return the place for its expiry."""
    entry, summary = line.entry, line.summary
    with st.container(border=True):
        if isinstance(summary, InputError):
            st.text(visible(entry.chain))
            st.text(visible(str(summary)))
            return st.empty()
        name, state, facts, ways = st.columns([3, 3, 4, 2], vertical_alignment="center")
        with name, st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.text(chain_name(entry.namespace, entry.tenant))
            tenant_parts.marks(entry, alike=line.alike, demo=entry.demo and not context.store.settings.demo)
        with state:
            tenant_parts.state(line.kept, summary)
        with facts:
            st.text("\n".join(tenant_parts.facts(summary, line.kept)))
            place = st.empty()
        with ways, st.container(horizontal=True, gap="small"):
            query = links.chain_query(entry.namespace, entry.tenant)
            if line.kept is not None and line.kept.verdict is Verdict.BROKEN:
                elements.way(links.CHAIN, "Findings", {**query, **_first_break(context, entry)})
            elements.way(links.CHAIN, "Chain", query)
            elements.way(links.RECORDS, "Records", links.records_query(entry.namespace, entry.tenant))
            if line.kept is not None and (line.kept.coverage.missing or line.kept.coverage.unproven):
                elements.way(links.GAPS, "Gaps", query)
    return place


def _first_break(context: Context, entry: TenantEntry) -> dict[str, str]:
    """Return what leads to a chain's first break, where its findings are not kept by a verification that finds it."""
    report = verification.reports().last(context.table_key, entry.namespace, entry.tenant)
    if report is None:
        return {"finding": "0", "verify": "1"}
    return {"finding": str(finding_view.gravest(report.findings) or 0)}


def expiring_of(place: DeltaGenerator, done: ChainActivity | None) -> None:
    """Say in a tenant's row how many of its records expire soon, once that is known."""
    for said in _expiring(done):
        place.text(said)


def _expiring(done: ChainActivity | None) -> list[str]:
    if done is None or not done.expiring:
        return []
    more = "+" if done.expiring_more else ""
    return [f"{done.expiring:,}{more} expire{'' if done.expiring > 1 or more else 's'} within 7 days"]


def records_a_day(shown: Activity) -> None:
    """Show the records a day of the chains on the screen, and say what was counted."""
    st.subheader("Records a day", anchor=False)
    figure = figures.days_figure(shown.days, dark=elements.is_dark())
    numbers = ", ".join(f"{day.date}: {'' if day.whole else 'at least '}{day.number:,}" for day in shown.days)
    alt = f"Records a day by dispatch, UTC. {numbers}."
    st.plotly_chart(figure, theme=None, config={"displayModeBar": False}, alt=alt, key="days")
    rest = (
        f" of {count(shown.cut, 'chain')} there is more to read, so hatched days have at least the number shown."
        if shown.cut
        else " which is all there is."
    )
    later = (
        f" {count(shown.dated_later, 'record')} dated after today {'is' if shown.dated_later == 1 else 'are'} left out."
        if shown.dated_later
        else ""
    )
    st.caption(
        f"By dispatch, in days of UTC: {count(shown.read, 'record')} of the last {activity.DAYS} days read from the "
        f"{count(shown.chains, 'tenant')} on the screen, at most {shown.most} of each,{rest} Records that "
        f"expired or were deleted are not counted, and the last day is today so far.{later}"
    )


def expiring(context: Context, shown: Activity) -> None:
    """Show what expires within a week, how that was found out, and what it leaves out."""
    st.subheader(f"Expires within {activity.EXPIRY_DAYS} days", anchor=False)
    more = "+" if shown.expiring_more else ""
    now = context.store.table.clock.now()
    windows = activity.expiry_windows(context.store.lifetimes, now)
    last_day = activity.expiry_horizon(now).plus_seconds(-1).normalised[:10]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.metric("Records", f"{shown.expiring:,}{more}", border=True, width=152)
        if windows:
            spans = ", and ".join(
                f"from {utc(first, seconds=False)} to {utc(last, seconds=False)}" for first, last in windows
            )
            how = (
                f"Found among records of the {count(shown.chains, 'tenant')} on the screen that were dispatched "
                f"{spans}: under the lifetimes in the settings, those expire by the end of {last_day} (UTC). Each "
                f"one's own expiry was looked at; at most {shown.most} were read of each tenant and time"
                f"{', and there are more' if shown.expiring_more else ''}. "
            )
        else:
            how = "The settings declare no lifetime, so only the records of the days above were looked at. "
        st.caption(
            how + "Records with another lifetime of their own are not found this way; Retention reads a chain whole.",
            width="stretch",
        )


def table_and_mode(context: Context) -> None:
    """Show the compliance mode with its flags in words, and what the table check said."""
    settings = context.store.settings
    compliance = settings.compliance
    mode, check = st.columns(2, gap="large")
    with mode:
        st.subheader(f"Compliance mode: {_MODES[compliance.mode]}", anchor=False)
        for name, title, when_on, when_off in _FLAGS:
            on = getattr(compliance, name)
            word = "yes" if on else "no"
            st.markdown(f"{'✓' if on else '–'} **{title}: {word}** ({name}): {when_on if on else when_off}.")
        st.caption("As the settings of this program say; another writer of the table may have others.")
    with check:
        st.subheader("Table check", anchor=False)
        _table_check(context)


def _table_check(context: Context) -> None:
    wrong = sum(not difference.information for difference in context.store.warnings)
    if wrong:
        st.markdown(
            f":orange[**⚠ Differs in {count(wrong, 'point')}**]: at the top of this page, with the mend of each."
        )
    else:
        st.markdown("✓ **As it should be**: its key, its three indexes, and its time to live for expired records.")
        st.caption(context.removal)
    for difference in context.store.warnings:
        if difference.information:
            st.caption("No alarm on this engine:")
            st.text(visible(str(difference)))
    st.caption("Checked when this program opened the table; `python -m audit_core check-table` checks anew.")


def at_a_glance(context: Context) -> None:
    """Say in one line which mode is in force and what the table check said; both have parts of their own below."""
    wrong = sum(not difference.information for difference in context.store.warnings)
    table = f"⚠ The table differs in {count(wrong, 'point')}" if wrong else "✓ The table is as it should be"
    st.caption(f"Compliance mode **{_MODES[context.store.settings.compliance.mode]}**. {table}. More on both below.")


def table_warning(context: Context) -> None:
    """Show above everything else how the table differs from what it should be, each with its mend."""
    wrong = [difference for difference in context.store.warnings if not difference.information]
    if not wrong:
        return
    with st.container(border=True, key="table_warning"):
        st.markdown(f":orange[**⚠ The table differs from what it should be in {count(len(wrong), 'point')}**]")
        for difference in wrong:
            st.text(visible(str(difference)))
