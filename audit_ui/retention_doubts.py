"""The part of the Retention page about expiries that are not what was written: changed, removed, or said otherwise.

What speaks against an expiry is in `audit_core.expirychecks`. A record whose fence was changed along with it looks
sound here; only a verification of the chain can tell, and its findings about expiries are counted here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core import FindingKind
from audit_core.fences import FenceState
from audit_core.names import visible
from audit_ui import links
from audit_ui.exhibit_view import expiry_words
from audit_ui.formats import chain_name, count, moment, position
from audit_ui.retention_policy import rows_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audit_core import ChainReport
    from audit_core.expirychecks import ExpiryDoubt
    from audit_ui.retention_read import Doubtful, RetentionReading

__all__ = ["doubt_rows", "doubts", "expiry_findings"]

_ABOUT_EXPIRY = frozenset((FindingKind.FIELD_MISMATCH, FindingKind.FENCE_MISMATCH))


def doubts(reading: RetentionReading, reports: Mapping[str, ChainReport]) -> None:
    """Show the records whose expiry is in doubt; choosing one opens it."""
    st.subheader(
        "Changed or removed expiries",
        anchor=False,
        help="A record's expiry is fixed when it is written: its content hash covers it, and its fence keeps a copy. "
        "To move it, or to take it away, is to alter the record.",
    )
    number = sum(reading.doubtful.values())
    if number:
        st.markdown(f":red[**✕ {count(number, 'record')} with an expiry that is not what was written**]")
        for doubt, many in reading.doubtful.items():
            st.caption(f"{many:,}: {doubt.value}.")
        shown = [(doubt, one) for doubt, found in reading.doubts.items() for one in found]
        key = f"doubts {reading.at} {len(shown)}"
        chosen = rows_table(doubt_rows(shown), "Records, one a row. Choosing a row opens the record.", key)
        st.caption(f"{len(shown):,} of {count(number, 'record')} shown. Choose a row to open it.")
        if chosen is not None:
            text = shown[chosen][1].row.stored.text
            query = links.records_query(text("namespace"), text("tenant"), record=text("id"))
            st.switch_page(links.RECORDS, query_params=query)
    else:
        st.markdown(":blue[✓ None] among the records read, by what each says of itself.")
    found = expiry_findings(reports.values())
    verified = f"{count(found, 'finding')} of the last verification {'is' if found == 1 else 'are'} about an expiry. "
    st.caption(
        (verified if found else "")
        + "What this does not mean: that nobody rewrote a record and its fence together, or that a record without a "
        "content hash is as it was. A verification of the chain looks at the links behind them."
    )


def expiry_findings(reports: Iterable[ChainReport]) -> int:
    """Return how many findings of verifications say that an expiry disagrees."""
    return sum(
        finding.kind in _ABOUT_EXPIRY and "expires" in f"{finding.expected or ''} {finding.found or ''}"
        for report in reports
        for finding in report.findings
    )


def doubt_rows(found: Sequence[tuple[ExpiryDoubt, Doubtful]]) -> list[dict[str, str]]:
    """Return what a table shows of doubtful expiries, all of it text: what the record says, and its fence."""
    rows = []
    for doubt, one in found:
        text, fence = one.row.stored.text, one.fence
        full = fence is not None and fence.state is FenceState.FULL and fence.holds
        rows.append(
            {
                "Why": doubt.value,
                "Tenant": chain_name(text("namespace"), text("tenant")),
                "Sequence": position(text("sequence_number")) if text("sequence_number") else "–",
                "Expiry (UTC)": moment(text("expires_at")) if text("expires_at") else "none",
                "By TTL": visible(text("expires_at_ttl")) if text("expires_at_ttl") else "none",
                "By its fence": expiry_words(fence) if full and fence is not None else "not told",
                "Id": visible(text("id")),
            }
        )
    return rows
