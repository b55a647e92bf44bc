"""The state of the Records page, read from its address: filter, order, cursor.

Pure. The address is the one place where that state is; the form writes it, a link carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from audit_core import RecordFilter
from audit_core.query import Order
from audit_ui.formats import typed_moment
from audit_ui.links import without_blanks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILTERS", "ORDERS", "RANGE", "RecordsState"]

FILTERS: Mapping[str, str] = {
    "provider": "Provider",
    "action_type": "Action type",
    "outcome": "Outcome",
    "verdict": "Verdict",
    "rule": "Rule",
    "caller": "Caller",
    "chain_id": "Chain id",
    "signer": "Signer",
    "kid": "Key id",
}
"""Parameters of the address that filter by an equal value, with their labels."""

RANGE: Mapping[str, str] = {"since": "From (UTC)", "until": "To (UTC)"}

ORDERS: Mapping[Order, str] = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "sequence": "By sequence",
    "sequence_descending": "By sequence, last first",
}


@dataclass(frozen=True, slots=True)
class RecordsState:
    """What the page shows: the tenant, its filters as typed, the order, and the cursor (None: the first page)."""

    namespace: str
    tenant: str
    filters: Mapping[str, str]
    order: Order
    cursor: str | None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> RecordsState:
        """Read the address; an order that is unknown is the newest first."""
        order = parameters.get("order", "newest")
        return cls(
            namespace=parameters.get("namespace", ""),
            tenant=parameters.get("tenant", ""),
            filters={name: value for name in (*FILTERS, *RANGE) if (value := parameters.get(name, "").strip())},
            order=order if order in get_args(Order) else "newest",  # type: ignore[arg-type] # one of the four
            cursor=parameters.get("cursor") or None,
        )

    def record_filter(self) -> RecordFilter:
        """Return the filter to query by. Raises `FilterError` for a time or a range that makes no sense."""
        values = {name: value for name, value in self.filters.items() if name in FILTERS}
        return RecordFilter(
            namespace=self.namespace,
            tenant=self.tenant,
            since=typed_moment(self.filters.get("since", "")),
            until=typed_moment(self.filters.get("until", ""), end=True),
            **values,
        )

    def address(self, cursor: str | None = None, **changes: str) -> dict[str, str]:
        """Return the parameters of this state with another cursor, the first page where None, and what changes."""
        order = "" if self.order == "newest" else self.order
        return without_blanks(
            {
                "namespace": self.namespace,
                "tenant": self.tenant,
                **self.filters,
                "order": order,
                **changes,
                "cursor": cursor,
            }
        )
