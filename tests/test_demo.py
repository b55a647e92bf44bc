"""Demo data: put in once, marked as such, never among other records."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit_core.chain.findings import Verdict
from audit_core.demo import DEMO_CHAINS
from audit_core.errors import WriteRefusedError
from audit_core.fences import bare_fence
from audit_core.settings import AuditSettings
from audit_core.store import AuditStore
from tests import engines, tables
from tests.builders import item, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERDICTS = {
    "notifications#acme": Verdict.INTACT,
    "notifications#globex": Verdict.INTACT_WITH_EXPIRY,
    "notifications#initech": Verdict.UNPROVEN,
    "payments#umbrella": Verdict.BROKEN,
    "payments#hooli": Verdict.BROKEN,
    "infrastructure#vandelay": Verdict.BROKEN,
    "infrastructure#sandbox": Verdict.UNCHAINED,
}


@pytest.fixture(scope="module")
def seeded(engine: engines.Engine) -> Iterator[AuditStore]:
    store = engines.open_store(engine, f"audit_{uuid.uuid4().hex[:12]}", {})
    assert set(store.seed()) == set(VERDICTS)
    yield store
    store.close()


def test_it_is_tenants_that_show_every_verdict(seeded: AuditStore) -> None:
    found = seeded.tenants().entries

    assert {entry.chain: seeded.verify(entry.namespace, entry.tenant).verdict for entry in found} == VERDICTS


def test_every_tenant_is_marked(seeded: AuditStore) -> None:
    assert all(entry.demo for entry in seeded.tenants().entries)


def test_a_second_time_adds_nothing(seeded: AuditStore) -> None:
    before = tables.everything(seeded)

    assert seeded.seed() == ()
    assert tables.everything(seeded) == before


def test_an_append_goes_on_behind_each_kind_of_chain(seeded: AuditStore) -> None:
    chains = {chain.tenant: chain for chain in DEMO_CHAINS if chain.chained and chain.tenant != "vandelay"}

    numbers = {
        tenant: seeded.append(
            record(id=f"next-{tenant}", namespace=chain.namespace, tenant=tenant)
        ).record.sequence_number
        for tenant, chain in chains.items()
    }

    assert numbers == {tenant: chain.records for tenant, chain in chains.items()}


@pytest.mark.parametrize(
    "foreign",
    [
        item(id="mine", namespace="payments", tenant="hooli"),
        item(id="mine", namespace="infrastructure", tenant="sandbox", sequence_number={"N": "4"}),
        bare_fence("notifications", "acme", 0),
        bare_fence("notifications", "acme", 1),
    ],
    ids=["unchained", "chained", "outlived", "starts-at-1"],
)
def test_a_name_that_is_in_use_is_refused_before_anything_is_written(store: AuditStore, foreign: tables.Item) -> None:
    tables.put(store, foreign)

    with pytest.raises(WriteRefusedError, match="no demo data"):
        store.seed()

    assert list(tables.everything(store)) == [foreign["id"]["S"]]


def test_a_tenant_that_an_append_registered_is_refused(store: AuditStore) -> None:
    chain = DEMO_CHAINS[0]
    store.append(
        store.draft(
            namespace=chain.namespace, tenant=chain.tenant, provider="p", action_type="a", verdict="v", outcome="o"
        )
    )

    with pytest.raises(WriteRefusedError, match="no demo data"):
        store.seed()


def test_it_is_never_written_to_aws(open_store: Callable[..., AuditStore]) -> None:
    local = open_store()
    on_aws = replace(local.settings, audit=AuditSettings(url="http://10.0.0.1:8000"))
    requests = tables.asked(local)

    with pytest.raises(WriteRefusedError, match="not written to AWS"):
        AuditStore(on_aws, local.table.client).seed()

    assert not requests
