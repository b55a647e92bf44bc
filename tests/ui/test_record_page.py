"""The page of one record as AppTest runs it: its story, both neighbours, its links, and what of it is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from audit_ui.context import open_context
from audit_ui.exhibit_view import marked
from tests import builders
from tests.chains import LIFETIME, Chain
from tests.tables import put
from tests.ui.visits import HOSTILE, address, rendered, visit, ways, words

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from audit_core import AuditStore


def record_at(number: int, chain: tuple[str, str] = ("payments", "umbrella")) -> str:
    return open_context().store.positions(*chain, number, number).rows[0].stored.text("id")


def opened(record_id: str) -> AppTest:
    shown = visit("records", record=record_id)
    assert not shown.exception
    return shown


@pytest.mark.usefixtures("demo")
class TestDemo:
    def test_says_in_words_what_happened(self) -> None:
        said = words(opened(record_at(145)))
        assert "asked for capture_charge by stripe on 20" in said
        assert "The verdict was allow." in said
        assert "It ended after" in said
        assert "It never expires" in said

    def test_says_that_it_is_as_it_was_written_and_what_that_does_not_mean(self) -> None:
        said = words(opened(record_at(145)))
        assert ":blue[✓ Its hashes fit what it holds]" in said
        assert "What this does not mean: that nobody changed record and hashes together" in said

    def test_an_edited_one_shows_the_stored_hash_beside_the_recomputed_one(self) -> None:
        shown = opened(record_at(146))
        said = words(shown)
        assert "It is not as it was written" in said
        assert "**record_hash** :blue[✓ fits the content]" in said
        assert "**content_hash** :red[**✕ does not fit the content**]" in said
        stored, recomputed = [part.value for part in shown.code if len(part.value) == 64][2:4]
        assert stored != recomputed

    def test_both_neighbours_stand_beside_it_and_both_links_hold(self) -> None:
        said = words(opened(record_at(100)))
        assert "**Before: position 99**" in said
        assert "**After: position 101**" in said
        assert "✓ This record's link back holds" in said
        assert "✓ The next record's link back holds" in said

    def test_next_and_previous_lead_through_the_chain(self) -> None:
        shown = opened(record_at(100))
        shown.button(key="next record").click().run()
        assert address(shown)["record"] == record_at(101)
        shown.button(key="previous record").click().run()
        assert address(shown)["record"] == record_at(100)

    def test_the_ends_of_a_chain_lead_no_further(self) -> None:
        first, last = opened(record_at(0)), opened(record_at(219))
        assert first.button(key="previous record").disabled
        assert "There is none: the chain starts here." in words(first)
        assert last.button(key="next record").disabled
        assert "There is none: the chain ends here, so far." in words(last)

    def test_what_is_gone_is_passed_over(self) -> None:
        hooli = ("payments", "hooli")
        shown = opened(record_at(89, hooli))
        assert "No record stands here." in words(shown)
        shown.button(key="next record").click().run()
        assert address(shown)["record"] == record_at(91, hooli)

    def test_leads_to_the_records_that_share_a_value(self) -> None:
        shown = opened(record_at(100))
        shown.button(key="same action_type").click().run()
        assert address(shown).keys() == {"namespace", "tenant", "action_type"}

    def test_all_that_was_read_is_counted(self) -> None:
        assert "items read in 5 requests" in words(opened(record_at(100)))

    def test_one_that_is_not_there_says_so(self) -> None:
        shown = opened("nobody")
        assert "There is no such record" in words(shown)
        assert ":green[Find its chain →] " in ways(shown)

    def test_its_link_names_the_chain_to_look_in_once_it_is_gone(self) -> None:
        record_id = record_at(145)
        (link,) = [one.value for one in opened(record_id).code if "records?" in one.value]
        assert link.endswith(f"?namespace=payments&tenant=umbrella&record={record_id}")


class TestOwnTable:
    def test_says_how_long_it_has_to_live(self, own_table: AuditStore) -> None:
        now = own_table.table.clock.now()
        for name, seconds in (("later", 3 * 86_400 + 60), ("due", -7200)):
            put(own_table, builders.item(id=name, action_id=name, expires_at=now.plus_seconds(seconds)))
        assert "It expires in 3 days" in words(opened("later"))
        assert "It expired 2 hours" in words(opened("due"))

    def test_an_intent_without_an_outcome_is_pointed_out_until_it_has_one(self, own_table: AuditStore) -> None:
        put(own_table, builders.item(id="begun", outcome="pending"))
        assert "This is an intent without an outcome" in words(opened("begun"))
        put(own_table, builders.item(id="ended", outcome="executed"))
        assert "its outcome is recorded below" in words(opened("begun"))
        shown = opened("ended")
        assert "This is the outcome of an action whose intent was recorded" in words(shown)
        assert address(shown.button(key="open begun").click().run())["record"] == "begun"

    def test_a_link_that_does_not_hold_is_shown_with_both_values(self, own_table: AuditStore) -> None:
        chain = Chain().ours(4).edit(1, outcome={"S": "x"}).rehash(1)
        put(own_table, *chain.items())
        said = words(opened(chain.record(2)["id"]["S"]))
        assert "✕ This record's link back does not hold" in said
        assert "✓ The next record's link back holds" in said
        stored, linked = chain.record(1)["record_hash"]["S"], chain.record(2)["previous_hash"]["S"]
        assert marked(linked, stored) in said
        assert marked(stored, linked) in said

    def test_a_fence_that_says_another_expiry_is_shown_beside_it(self, own_table: AuditStore) -> None:
        chain = Chain(began=own_table.table.clock.now()).ours(3, lifetime=LIFETIME)
        put(own_table, *chain.edit_fence(1, record_expires_at={"N": "1"}).rehash_fence(1).items())
        assert "✕ expiry in epoch seconds differs" in words(opened(chain.record(1)["id"]["S"]))

    def test_two_that_claim_one_position_are_said_to_do_so(self, own_table: AuditStore) -> None:
        chain = Chain().ours(3)
        put(own_table, *chain.items(), {**chain.record(1), "id": {"S": "twin"}, "previous_hash": {"S": "0" * 64}})
        said = words(opened("twin"))
        assert "2 records claim this position" in said
        assert "This record's link back does not hold" in said
        assert "This record's link back holds" in words(opened(chain.record(1)["id"]["S"]))

    def test_hidden_characters_are_named_and_escaped_wherever_they_are(self, own_table: AuditStore) -> None:
        item = builders.item(caller_id={"S": "a\u200bb\u200b"}, action_payload={"S": '{"to":"x\u202ey"}'})
        put(own_table, item)
        shown = opened(item["id"]["S"])
        said = words(shown)
        assert "It holds characters that cannot be seen" in said
        assert "U+200B ZERO WIDTH SPACE (2 times)" in said
        assert "U+202E RIGHT-TO-LEFT OVERRIDE" in said
        assert '"to": "x\\u{202E}y"' in said
        assert not {"\u200b", "\u202e"} & set(said)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"sequence_number": {"N": "499.5"}}, "is no position of a chain"),
            ({"sequence_number": {"N": "-1"}}, "is no position of a chain"),
            ({"sequence_number": {"N": "1E+30"}}, "is no position of a chain"),
            ({}, "it is in no chain, and no neighbour vouches for it"),
            ({"namespace": {"S": "a#b"}}, "no names of a chain"),
            ({"namespace": {"N": "5"}, "tenant": None}, "no names of a chain"),
            ({"action_id": None}, "It names no action"),
        ],
    )
    def test_one_that_is_at_no_place_is_shown_all_the_same(
        self, own_table: AuditStore, change: dict[str, object], said: str
    ) -> None:
        put(own_table, builders.item(id="odd", **change))
        assert said in words(opened("odd"))

    def test_text_of_a_record_is_never_rendered(self, own_table: AuditStore) -> None:
        texts = (
            "provider",
            "action_type",
            "outcome",
            "verdict",
            "caller_id",
            "auth_method",
            "matched_rule",
            "action_id",
        )
        chain = Chain().ours(3, **dict.fromkeys(texts, HOSTILE))
        chain.edit(1, metadata={"S": HOSTILE}, **{HOSTILE: {"S": HOSTILE}, "![x](//example.com/x.png)": {"S": "x"}})
        put(own_table, *chain.items())
        shown = opened(chain.record(1)["id"]["S"])
        assert "script" not in rendered(shown)
        assert "![x]" not in rendered(shown)
        assert "![x](//example.com/x.png)" in [part.value for part in shown.text]
