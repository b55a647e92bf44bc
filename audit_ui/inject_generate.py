"""The generator of the Inject page: what is asked for becomes a plan, and the plan a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.appendrun import AppendRun
from audit_core.embedded import EMBEDDED_ITEM_LIMIT
from audit_core.errors import RecordError
from audit_core.generator import (
    DEFAULT_MIX,
    LEAST_LIFETIME_SECONDS,
    MAX_COUNT,
    MAX_RATE,
    MAX_TENANTS,
    VERDICT_OF,
    Plan,
    generate,
)
from audit_core.records import new_id
from audit_core.settings import MAX_LIFETIME_SECONDS
from audit_ui import inject_parts, withheld_parts
from audit_ui.inject_parts import ShownRun
from audit_ui.retention_view import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.directory import TenantEntry
    from audit_ui.context import Context

__all__ = ["generator_form"]

_LIVES = {"configured": "As configured", "between": "Between two", "never": "For ever"}


def generator_form(context: Context, entries: Sequence[TenantEntry]) -> ShownRun | None:
    """Ask what to generate; returns the run that a click starts. What makes no sense is told as it is typed."""
    embedded = context.store.engine == "embedded"
    where, tenants = st.columns(2, gap="medium")
    namespace = where.selectbox(
        "Namespace",
        sorted({entry.namespace for entry in entries} | {"generated"}),
        index=None,
        accept_new_options=True,
        placeholder="choose, or type another",
        key="generate namespace",
        persist_state="session",
    )
    chosen = tenants.multiselect(
        "Tenants, which take turns",
        sorted({entry.tenant for entry in entries if entry.namespace == namespace} | {"one", "two", "three"}),
        accept_new_options=True,
        max_selections=MAX_TENANTS,
        placeholder="choose, or type others",
        key="generate tenants",
        persist_state="session",
    )
    most = EMBEDDED_ITEM_LIMIT if embedded else MAX_COUNT
    how_many, rate, seed = (
        _number(cell, name, *bounds)
        for cell, name, bounds in zip(
            st.columns(3, gap="medium"),
            ("Records", "Records a second, at most", "Seed"),
            ((1, most, 100), (1, MAX_RATE, 50), (0, 2**31, 1)),
            strict=True,
        )
    )
    st.caption("The same seed gives the same records, but for their ids and times.")
    mix, two_phase = _mix()
    lifetime = _lifetime(context)
    withheld_parts.rule(context.store.settings)
    if embedded:
        st.caption(f"The engine in this process is made for some {EMBEDDED_ITEM_LIMIT:,} records in all.")
    plan = None
    if not namespace or not chosen:
        st.caption("To be chosen first: a namespace, and a tenant or several.")
    else:
        try:
            plan = Plan(
                namespace=namespace,
                tenants=tuple(chosen),
                count=how_many,
                rate=rate,
                seed=seed,
                mix=mix,
                two_phase=two_phase,
                lifetime=lifetime,
            )
        except RecordError as error:
            inject_parts.problem(str(error))
    clicked = st.button("Generate", type="primary", key="generate", disabled=plan is None)
    if plan is None or not clicked:
        return None
    run = AppendRun(context.store, generate(plan, new_id(), context.store.table.clock), plan.count)
    return ShownRun("generate", run, tuple((plan.namespace, tenant) for tenant in plan.tenants))


def _mix() -> tuple[dict[str, int], int]:
    """Ask how often each outcome comes, and how many records of a hundred belong to an action in two phases."""
    *cells, last = (*st.columns(3, gap="medium"), *st.columns(3, gap="medium"))
    mix = {
        outcome: _number(cell, f"{outcome.capitalize()} ({VERDICT_OF[outcome]})", 0, 1000, weight)
        for cell, (outcome, weight) in zip(cells, DEFAULT_MIX.items(), strict=True)
    }
    two_phase = _number(last, "In two phases, of 100", 0, 100, 0)
    st.caption(
        f"How often each outcome comes, out of {sum(mix.values()):,}. Pending is an intent alone, as after a crash. "
        "An action in two phases is an intent and its outcome: two records."
    )
    return mix, two_phase


def _lifetime(context: Context) -> tuple[int, int] | None:
    configured = context.store.settings.audit.ttl_seconds
    lives, least, most = st.columns(3, gap="medium")
    with lives:
        chosen = st.radio(
            "Lifetime", list(_LIVES), format_func=_LIVES.__getitem__, key="generate lives", persist_state="session"
        )
        if chosen == "configured":
            st.caption(f"{duration(configured).capitalize()}.")
    shut = chosen != "between"
    bounds = (LEAST_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS)
    shortest = _number(least, "Shortest, in seconds", *bounds, 10, disabled=shut)
    longest = _number(most, "Longest, in seconds", *bounds, 60, disabled=shut)
    if chosen == "between":
        return shortest, longest
    return None if chosen == "never" or configured is None else (configured, configured)


def _number(  # noqa: PLR0913 - a field and its bounds
    cell: st.delta_generator.DeltaGenerator, label: str, least: int, most: int, value: int, *, disabled: bool = False
) -> int:
    return int(
        cell.number_input(
            label,
            min_value=least,
            max_value=most,
            value=value,
            step=1,
            disabled=disabled,
            key=f"generate {label}",
            persist_state="session",
        )
    )
