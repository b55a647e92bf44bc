"""Links between the pages: where each page is, and the query parameters that stand for a state of it.

A link is worth sending to a colleague, so every state that matters is in the address and nothing else is needed to
open it again. Parameters that are empty are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHAIN",
    "GAPS",
    "INJECT",
    "LAB",
    "OVERVIEW",
    "RACE",
    "RECORDS",
    "RETENTION",
    "TENANTS",
    "around_query",
    "chain_query",
    "records_query",
    "without_blanks",
]

OVERVIEW = "pages/audit/overview.py"
TENANTS = "pages/audit/tenants.py"
RECORDS = "pages/audit/records.py"
CHAIN = "pages/audit/chain.py"
GAPS = "pages/audit/gaps.py"
RETENTION = "pages/audit/retention.py"
INJECT = "pages/audit/inject.py"
LAB = "pages/audit/lab.py"
RACE = "pages/audit/race.py"

_AROUND = 5


def without_blanks(values: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters that say something, as text."""
    return {name: str(value) for name, value in values.items() if value not in (None, "") and value is not False}


def records_query(namespace: str, tenant: str, **state: object) -> dict[str, str]:
    """Return the parameters of the Records page for a tenant; `state` are its other parameters."""
    return without_blanks({"namespace": namespace, "tenant": tenant, **state})


def chain_query(namespace: str, tenant: str, **state: object) -> dict[str, str]:
    """Return the parameters of a page about one chain: Chain, Gaps, Retention; `state` are its other parameters."""
    return without_blanks({"namespace": namespace, "tenant": tenant, **state})


def around_query(namespace: str, tenant: str, first: int, last: int) -> dict[str, str]:
    """Return the parameters of the Chain page that verify positions with some on both sides of them."""
    return chain_query(namespace, tenant, first=max(0, first - _AROUND), last=last + _AROUND, verify=1)
