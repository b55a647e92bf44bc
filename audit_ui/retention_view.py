"""Retention in words and rows: lifetimes, how they compare with named periods, what is gone by the last verification.

Pure functions without Streamlit, over summaries, settings and reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_core.names import visible
from audit_core.retention import LIFETIME_STEPS, PERIODS, Against, Expiry
from audit_ui.formats import chain_name, count, moment, position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from audit_core import ChainReport, Row, Settings, Timestamp
    from audit_core.retention import RetentionSummary
    from audit_ui.retention_read import TenantReading

__all__ = [
    "against_rows",
    "duration",
    "example_rows",
    "forecast_rows",
    "lifetime_rows",
    "period_rows",
    "policy_fields",
    "policy_words",
    "removed",
    "tenant_rows",
]

_DAY = 86_400
_STEPS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"), (2192, "six years"))
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: int | None) -> str:
    """Return a lifetime in words, exactly: "30 days", "1 hour 30 minutes"; "never expires" for None."""
    if seconds is None:
        return "never expires"
    parts = []
    for size, name in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(count(number, name))
    return " ".join(parts) or "0 seconds"


def policy_fields(settings: Settings, table_ttl: str) -> list[tuple[str, str]]:
    """Return what the configuration and the table say of lifetimes."""
    current, past = settings.audit.ttl_seconds, settings.dashboard.past_ttl_seconds
    configured = duration(current) if current is None else f"{duration(current)} ({current:,} seconds)"
    declared = ", ".join(f"{duration(one)} ({one:,} seconds)" for one in past) or "none declared"
    return [
        ("New records", f"{configured}; ttl_seconds in [audit]"),
        ("Once in use", f"{declared}; past_ttl_seconds in [dashboard]"),
        ("The table itself", f"time to live is {table_ttl}"),
    ]


def period_rows(settings: Settings, summary: RetentionSummary) -> list[dict[str, str]]:
    """Return the named retention periods, each with how the configuration and the records that were read meet it."""
    current = settings.audit.ttl_seconds
    return [
        {
            "Period": name,
            "Length": duration(seconds),
            "New records": "kept that long"
            if current is None or current >= seconds
            else f"kept {duration(seconds - current)} less",
            "Records given at least that": f"{summary.living_at_least(seconds):,} of {summary.total:,}",
        }
        for name, seconds in PERIODS.items()
    ]


def against_rows(summary: RetentionSummary) -> list[dict[str, str]]:
    """Return how many records have which lifetime against the configured ones; adds up to all that were read."""
    return [
        {"Lifetime": meaning.value.capitalize(), "Records": f"{summary.against.get(meaning, 0):,}"}
        for meaning in Against
    ]


def lifetime_rows(summary: RetentionSummary) -> list[dict[str, str]]:
    """Return how many records live how long; adds up to all that were read."""
    steps = (0, *LIFETIME_STEPS)
    rows = []
    for step, following in zip(steps, (*LIFETIME_STEPS, None), strict=True):
        if following is None:
            name = f"{duration(step)} or more"
        elif step == 0:
            name = f"Less than {duration(following)}"
        else:
            name = f"{duration(step)} to less than {duration(following)}"
        rows.append({"Given": name, "Records": f"{summary.lifetimes.get(step, 0):,}"})
    never = summary.count(Expiry.NEVER)
    unknown = summary.total - never - sum(summary.lifetimes.values())
    return [
        *rows,
        {"Given": "No expiry", "Records": f"{never:,}"},
        {"Given": "Not readable", "Records": f"{unknown:,}"},
    ]


def removed(reports: Sequence[ChainReport]) -> tuple[int, int, int]:
    """Return how many records are gone by last verifications: expired and proven, unproven, missing."""
    covers = [report.coverage for report in reports]
    return (
        sum(cover.expired for cover in covers),
        sum(cover.unproven for cover in covers),
        sum(cover.missing for cover in covers),
    )


def forecast_rows(summary: RetentionSummary, at: Timestamp | None) -> list[dict[str, str]]:
    """Return how many of the records read will have expired, and how many stand, after some steps of time from `at`."""
    due = summary.count(Expiry.EXPIRED)
    rows: list[dict[str, str]] = []
    if at is None:
        return rows
    for days, name in _STEPS:
        day = at.plus_seconds(days * _DAY).normalised[:10]
        gone = summary.expiring_by(day) + due
        rows.append(
            {
                "In": name,
                "By the end of (UTC)": day,
                "Will have expired": f"{gone:,}",
                "Stand": f"{summary.total - gone:,}",
            }
        )
    return rows


def policy_words(summary: RetentionSummary) -> tuple[str, bool]:
    """Say how the records read compare with the lifetimes that are configured or declared; True: all agree."""
    as_declared = summary.against.get(Against.CURRENT, 0) + summary.against.get(Against.PAST, 0)
    others = summary.total - as_declared
    if not summary.total:
        return "No record was read, so there is nothing to compare.", True
    if not others:
        return f"All {count(summary.total, 'record')} read live as long as the configuration declares.", True
    shorter = summary.against.get(Against.SHORTER, 0)
    said = f"{others:,} of {count(summary.total, 'record')} read live otherwise than the configuration declares"
    return f"{said}; {shorter:,} of them shorter.", False


def tenant_rows(
    tenants: Sequence[TenantReading], reports: Mapping[str, ChainReport], before: str
) -> list[dict[str, str]]:
    """Return a row for each tenant; `reports` are last verifications by chain, `before` an ISO date."""
    rows = []
    for tenant in tenants:
        entry, summary = tenant.entry, tenant.summary
        report = reports.get(entry.chain)
        gone = None if report is None else removed([report])
        rows.append(
            {
                "Tenant": chain_name(entry.namespace, entry.tenant),
                "Read": f"{summary.total:,}" + ("" if tenant.complete else ", more to come"),
                "Live": f"{summary.count(Expiry.LIVE):,}",
                "Overdue": f"{summary.count(Expiry.EXPIRED):,}",
                "Removed": "not known" if gone is None else f"{gone[0] + gone[1]:,}",
                "Never expires": f"{summary.count(Expiry.NEVER):,}",
                f"Expire by {before}": f"{summary.expiring_by(before):,}",
            }
            | ({"Problem": visible(tenant.problem)} if any(one.problem for one in tenants) else {})
        )
    return rows


def example_rows(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return what a table shows of records whose expiry is out of the ordinary, all of it text."""
    return [
        {
            "Expiry": row.expiry.value,
            "Tenant": chain_name(row.stored.text("namespace"), row.stored.text("tenant")),
            "Sequence": position(row.stored.text("sequence_number")) if row.stored.text("sequence_number") else "–",
            "Dispatched (UTC)": moment(row.stored.text("dispatched_at")),
            "Expires (UTC)": moment(row.stored.text("expires_at")) if row.stored.text("expires_at") else "never",
            "Id": visible(row.stored.text("id")),
        }
        for row in rows
    ]
