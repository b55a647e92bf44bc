"""A store against a plain model in memory: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from audit_core.chain.findings import Verdict
from audit_core.embedded import start_embedded
from audit_core.errors import ConflictError
from audit_core.query import RecordFilter
from tests import engines
from tests.builders import record

if TYPE_CHECKING:
    from audit_core.append import Appended
    from audit_core.query import Order
    from audit_core.records import AuditRecord
    from audit_core.store import AuditStore

TENANTS = ("acme", "acme#1", "globex")
outcomes = st.sampled_from(["executed", "failed"])
tenants = st.sampled_from(TENANTS)


class StoreMachine(RuleBasedStateMachine):
    """Two stores of one table, as two processes would have them, and a list of records for each tenant."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        engine = engines.Engine(engines.EMBEDDED, start_embedded().endpoint_url)
        table = f"audit_{uuid.uuid4().hex[:12]}"
        self.stores = [engines.open_store(engine, table, {}) for _ in range(2)]
        self.model: dict[str, list[AuditRecord]] = {tenant: [] for tenant in TENANTS}
        self.made = 0

    def teardown(self) -> None:
        for store in self.stores:
            store.close()

    def new(self, tenant: str, outcome: str) -> AuditRecord:
        self.made += 1
        return record(id=f"r{self.made}", action_id=f"a{self.made % 3}", tenant=tenant, outcome=outcome)

    def expect(self, entry: Appended, tenant: str, *, duplicate: bool) -> None:
        numbers = {known.id: number for number, known in enumerate(self.model[tenant])}
        assert (entry.record.sequence_number, entry.duplicate) == (numbers[entry.record.id], duplicate)

    @rule(target=known, which=st.integers(0, 1), tenant=tenants, outcome=outcomes)
    def append(self, which: int, tenant: str, outcome: str) -> AuditRecord:
        made = self.new(tenant, outcome)
        entry = self.stores[which].append(made)
        self.model[tenant].append(made)
        self.expect(entry, tenant, duplicate=False)
        return made

    @rule(target=known, which=st.integers(0, 1), tenant=tenants, wanted=st.lists(outcomes, min_size=1, max_size=6))
    def append_many(self, which: int, tenant: str, wanted: list[str]) -> object:
        made = [self.new(tenant, outcome) for outcome in wanted]
        entries = self.stores[which].append_many(made)
        self.model[tenant] += made
        for entry in entries:
            self.expect(entry, tenant, duplicate=False)
        return multiple(*made)

    @rule(which=st.integers(0, 1), old=known)
    def append_again(self, which: int, old: AuditRecord) -> None:
        self.expect(self.stores[which].append(old), old.tenant, duplicate=True)

    @rule(which=st.integers(0, 1), old=known, outcome=outcomes)
    def append_a_conflict_among_others(self, which: int, old: AuditRecord, outcome: str) -> None:
        fresh = [self.new(old.tenant, outcome) for _ in range(2)]
        with pytest.raises(ConflictError) as caught:
            self.stores[which].append_many([fresh[0], replace(old, verdict="forged"), fresh[1]])
        assert caught.value.ids == (old.id,)
        self.model[old.tenant] += fresh
        for entry in caught.value.appended:
            self.expect(entry, old.tenant, duplicate=False)

    @rule(which=st.integers(0, 1), old=known)
    def get(self, which: int, old: AuditRecord) -> None:
        row = self.stores[which].get(old.id)
        assert row is not None
        assert row.stored.text("outcome") == old.outcome

    @rule(
        which=st.integers(0, 1),
        tenant=tenants,
        outcome=st.one_of(st.none(), outcomes),
        order=st.sampled_from(["sequence", "sequence_descending"]),
        limit=st.integers(1, 7),
    )
    def pages(self, which: int, tenant: str, outcome: str | None, order: Order, limit: int) -> None:
        store = self.stores[which]
        wanted = RecordFilter(namespace="notifications", tenant=tenant, outcome=outcome)
        page = store.query(wanted, order=order, limit=limit)
        found = [row.stored.text("id") for row in page.rows]
        while page.next is not None:
            page = store.query(wanted, order=order, limit=limit, cursor=page.next)
            found += [row.stored.text("id") for row in page.rows]
        expected = [known.id for known in self.model[tenant] if outcome in {None, known.outcome}]
        assert found == (expected if order == "sequence" else expected[::-1])

    @rule(number=st.integers(0, 2))
    def action(self, number: int) -> None:
        found = {row.stored.text("id") for row in self.stores[0].action(f"a{number}").rows}
        everything = [known for chain in self.model.values() for known in chain]
        assert found == {known.id for known in everything if known.action_id == f"a{number}"}

    @invariant()
    def tenants_are_listed(self) -> None:
        listed = {entry.tenant for entry in self.stores[0].tenants().entries}
        assert listed == {tenant for tenant, chain in self.model.items() if chain}

    @rule(tenant=tenants)
    def verify(self, tenant: str) -> None:
        report = verified(self.stores[0], tenant)
        assert report == (Verdict.INTACT if self.model[tenant] else Verdict.INCOMPLETE, len(self.model[tenant]))


def verified(store: AuditStore, tenant: str) -> tuple[Verdict, int]:
    report = store.verify("notifications", tenant, thorough=True)
    return report.verdict, report.records_checked


TestStore = StoreMachine.TestCase
TestStore.settings = settings(settings.get_profile("suite"), max_examples=8, stateful_step_count=20)
