"""The Gaps page as AppTest runs it: from no verification to what the fences of one gap say."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from audit_ui.context import open_context
from audit_ui.verification import Request, Verification
from tests.builders import DISPATCHED
from tests.chains import LIFETIME, NAMES, Chain
from tests.tables import put
from tests.ui.visits import address, finished, go, rendered, table, visit, ways, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore, Settings
    from audit_core.timestamps import Timestamp

HOSTILE = "<script>alert(1)</script> ![x](https://example.com/x.png) **bold** :red[red]"


def gaps(namespace: str, tenant: str, **query: str) -> AppTest:
    return finished(visit("gaps", namespace=namespace, tenant=tenant, verify="1", **query))


def fences(opened: AppTest) -> list[dict[str, Any]]:
    """The rows about fences; before them come the gaps and the time around one."""
    return table(opened, 2)


@pytest.mark.usefixtures("demo")
class TestDemo:
    @pytest.mark.parametrize(
        ("chain", "total"),
        [
            (("notifications", "globex"), "Positions 0 to 249: 125 + 125 + 0 + 0 = 250."),
            (("notifications", "initech"), "Positions 0 to 199: 99 + 0 + 101 + 0 = 200."),
            (("payments", "hooli"), "Positions 0 to 179: 179 + 0 + 0 + 1 = 180. Missing: 1 deleted early."),
            (
                ("infrastructure", "vandelay"),
                "Positions 0 to 149: 146 + 0 + 0 + 4 = 150. Missing: 4 cut off at the end.",
            ),
        ],
    )
    def test_the_numbers_add_up_to_the_positions(self, chain: tuple[str, str], total: str) -> None:
        assert total in words(gaps(*chain))

    def test_a_chain_without_a_gap_says_so_and_what_that_does_not_mean(self) -> None:
        opened = gaps("notifications", "acme")
        assert "No gap" in words(opened)
        assert "only a checkpoint" in words(opened)
        assert not opened.dataframe

    def test_a_tenant_without_a_chain_has_no_gaps(self) -> None:
        assert "No chain, so no gaps" in words(gaps("infrastructure", "sandbox"))

    def test_a_tenant_that_is_nowhere_is_no_error(self) -> None:
        opened = gaps("nobody", "nowhere")
        assert "No position of this chain was judged" in words(opened)
        assert not opened.exception

    @pytest.mark.parametrize("gap", ["7", "-1", "x", "9" * 40])
    def test_a_link_to_a_gap_that_is_none_says_so(self, gap: str) -> None:
        assert "lies in no gap of this verification" in words(gaps("payments", "hooli", gap=gap))

    def test_a_proven_expiry_shows_what_its_fences_say(self) -> None:
        opened = gaps("notifications", "globex", gap="60")
        said = words(opened)
        assert "✓ Expired, proven" in said
        assert "There is none: the chain starts with this gap." in said
        rows = fences(opened)
        assert {(row["Record now"], row["Fence"]) for row in rows} == {("gone", "full")}
        assert all(row["chain_hash"].endswith("…") for row in rows)
        assert all(row["Record may expire"].endswith("UTC") for row in rows)

    def test_an_unproven_one_says_how_sealing_would_have_helped_and_leads_there(self) -> None:
        opened = gaps("notifications", "initech", gap="0")
        said = words(opened)
        assert "Had the chain been **sealed**" in said
        assert {row["Fence"] for row in fences(opened)} == {"bare, says nothing of its record"}
        assert opened.button(key="seal 0").label == "Seal the 99 records that still stand …"
        opened.button(key="seal 0").click().run()
        assert opened.title[0].value == "Chain"
        assert address(opened)["seal"] == "1"

    def test_a_deleted_record_shows_its_neighbours_and_leads_to_its_finding(self) -> None:
        opened = gaps("payments", "hooli", gap="90")
        said = words(opened)
        assert "**Before: position 89**" in said
        assert "**After: position 91**" in said
        assert said.count("✓ Its hashes fit what it holds.") == 2
        assert any("The finding on Chain" in link and "finding=0" in link for link in ways(opened))

    def test_a_long_gap_is_read_a_window_at_a_time(self) -> None:
        opened = gaps("notifications", "globex", gap="0")
        assert "10 positions of 125 shown: 0 to 4 and 120 to 124" in words(opened)
        opened.button(key="gap later").click().run()
        assert address(opened)["fences"] == "5"
        assert [row["Position"] for row in fences(opened)] == [str(number) for number in range(5, 30)]
        opened.button(key="gap earlier").click().run()
        assert fences(opened)[0]["Position"] == "0"
        opened.number_input(key="gap position").set_value(124).run()
        assert "1 position of 125 shown: 124" in words(opened)
        opened.button(key="gap ends").click().run()
        assert "fences" not in address(opened)

    def test_what_is_missing_is_shown_apart_from_what_was_allowed_to_go(self) -> None:
        opened = gaps("notifications", "globex", fate="missing")
        assert "0 gaps of 1 shown" in words(opened)
        opened = gaps("notifications", "globex", fate="expired")
        assert [row["Positions"] for row in table(opened)] == ["0 to 124"]

    def test_beside_a_proven_expiry_stands_what_that_does_not_say(self) -> None:
        said = words(gaps("notifications", "globex", gap="0"))
        assert "What this does not say: that what the record held can still be shown" in said

    def test_the_time_around_an_expiry_is_told_by_its_fences(self) -> None:
        rows = table(gaps("notifications", "globex", gap="0"), 1)
        known = {row["What"].partition(",")[0]: row["Known by"] for row in rows}
        assert known == {
            "The first record was allowed to expire": "10 of 10 fences shown",
            "Position 125": "that record",
            "The last record was allowed to expire": "10 of 10 fences shown",
            "Verified: no record stands at these positions": "the verification",
        }
        assert [row["When (UTC)"] for row in rows] == sorted(row["When (UTC)"] for row in rows)

    def test_a_deletion_has_a_span_to_look_at_in_the_logs(self) -> None:
        opened = gaps("payments", "hooli", gap="90")
        assert "Whoever deleted it did so **between 20" in words(opened)
        assert table(opened, 1)[-1]["What"] == "The record should have stood until here"

    def test_all_that_a_fence_holds_is_shown_by_its_link(self) -> None:
        opened = gaps("payments", "hooli", gap="90", fence="90")
        said = words(opened)
        assert "**The fence of position 90**" in said
        assert "SEQ#payments#hooli#90" in said
        assert any(len(part.value) == 64 for part in opened.text)

    @pytest.mark.parametrize("fence", ["91", "x", "9" * 40, "²"])
    def test_a_fence_that_is_not_of_the_gap_is_not_shown(self, fence: str) -> None:
        opened = gaps("payments", "hooli", gap="90", fence=fence)
        assert "**The fence of" not in words(opened)
        assert not opened.exception

    def test_it_says_what_reading_the_fences_cost(self) -> None:
        assert "read units" in words(gaps("payments", "hooli", gap="90"))

    def test_the_report_of_the_chain_page_is_used(self) -> None:
        opened = finished(visit("chain", namespace="payments", tenant="hooli", verify="1"))
        go(opened, "gaps", namespace="payments", tenant="hooli")
        assert "Positions 0 to 179" in words(opened)


class TestOwnTable:
    def test_gaps_come_from_a_verification_that_one_may_start_here(self, own_table: AuditStore) -> None:
        put(own_table, *Chain(began=fresh(own_table)).ours(4, lifetime=LIFETIME).remove(2).items())
        opened = visit("gaps", namespace=NAMES[0], tenant=NAMES[1], gap="2")
        assert "Not verified yet" in words(opened)
        assert not opened.dataframe
        finished(opened.button(key="verify_gaps").click().run())
        assert address(opened)["gap"] == "2"
        assert "Gap at position 2" in words(opened)

    def test_each_fate_has_its_name_and_a_hole_of_several_is_one(self, own_table: AuditStore) -> None:
        now = own_table.table.clock.now()
        chain = Chain(began=now.plus_seconds(-7200)).ours(3, lifetime=60).ours(3, lifetime=LIFETIME)
        chain.tip = replace(chain.tip, sequence_number=8)
        chain.ours(6, lifetime=LIFETIME).remove(1, 2, 3, 13, 14)
        put(own_table, *chain.items())
        rows = table(gaps(*NAMES))
        assert [(row["Positions"], row["What the evidence says"]) for row in rows] == [
            ("1 to 3", "✓ Expired, proven (2 positions), ✕ Deleted early (1 position)"),
            ("6 to 8", "✕ Never written"),
            ("13 to 14", "✕ End cut off"),
        ]

    def test_a_gap_of_a_million_positions_costs_a_dozen_reads(self, own_table: AuditStore) -> None:
        chain = Chain(began=fresh(own_table)).ours(3)
        chain.tip = replace(chain.tip, sequence_number=1_000_002)
        put(own_table, *chain.ours(2).items())
        opened = gaps(*NAMES)
        go(opened, "gaps", namespace=NAMES[0], tenant=NAMES[1], gap="500000")
        assert "Gap at positions 3 to 1,000,002" in words(opened)
        assert len(fences(opened)) == 10
        assert {row["Fence"] for row in fences(opened)} == {"none"}
        assert re.search(r"1\d items read in 4 requests", words(opened))

    def test_a_record_that_stands_again_is_said_to_stand(self, own_table: AuditStore) -> None:
        chain = Chain(began=fresh(own_table)).ours(5, lifetime=LIFETIME)
        record = chain.record(2)
        put(own_table, *chain.remove(2).items())
        opened = gaps(*NAMES, gap="2")
        assert fences(opened)[0]["Record now"] == "gone"
        put(own_table, record)
        assert fences(opened.button(key="refresh").click().run())[0]["Record now"] == "stands"

    def test_a_stopped_verification_says_that_there_may_be_more(self, own_table: AuditStore) -> None:
        put(own_table, *Chain(began=fresh(own_table)).ours(3).items())
        opened = gaps(*NAMES)
        stopped = Verification(open_context(), Request(*NAMES))
        stopped.stop()
        opened.session_state["verifications"] = (open_context().table_key, OrderedDict({stopped.request: stopped}))
        said = words(opened.run())
        assert "did not come to its end" in said
        assert "it was stopped" in said
        assert [button.label for button in opened.button if button.key == "go_on"]

    def test_an_empty_table_says_what_can_be_done(self, own_table: AuditStore) -> None:
        assert not own_table.tenants().entries
        assert "No chain is listed" in words(visit("gaps"))

    def test_hostile_text_beside_a_gap_is_never_rendered(self, own_table: AuditStore) -> None:
        hostile = dict.fromkeys(("provider", "action_type", "outcome", "caller_id"), HOSTILE)
        chain = Chain(began=fresh(own_table)).ours(4, lifetime=LIFETIME, **hostile).remove(1)
        chain.edit_fence(1, record_id={"S": HOSTILE})
        put(own_table, *chain.items())
        opened = gaps(*NAMES, gap="1")
        assert "script" not in rendered(opened)
        assert HOSTILE in "\n".join(part.value for part in opened.text)
        assert fences(opened)[0]["Record id"] == HOSTILE


def test_an_engine_that_is_away_is_one_message(unreachable: Settings) -> None:
    assert unreachable.is_local
    opened = visit("gaps", namespace="payments", tenant="hooli", verify="1")
    assert "cannot be reached" in words(opened)
    assert not opened.exception


def fresh(store: AuditStore) -> Timestamp:
    """A start that lies an hour back, so that nothing has expired."""
    assert store.table.clock.now() > DISPATCHED
    return store.table.clock.now().plus_seconds(-3600)
