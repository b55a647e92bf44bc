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

    from audit_core import ChainReport, Row, Settings
    from audit_core.retention import RetentionSummary
    from audit_ui.retention_read import TenantReading

__all__ = [
    "against_rows",
    "duration",
    "example_rows",
    "lifetime_rows",
    "period_rows",
    "policy_fields",
    "removed",
    "tenant_rows",
]

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
