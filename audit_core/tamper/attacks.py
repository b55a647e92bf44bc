"""The attacks on whole chains: by name and in words, where, how far covered up, and what may stay unseen of them.

What each does is in `acts`; what came out is in docs/detection.md, which the tests do again. Chains with a past are in
`scenes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.tamper.acts import (
    append_forgery,
    cut,
    delete,
    delete_and_renumber,
    delete_and_strip,
    duplicate,
    edit,
    exchange,
    exchange_fences,
    forge_expiry,
    hide,
    insert_and_renumber,
    junk,
    plant_fence,
    remove_all,
    slip_in,
    slip_in_unchained,
    strip,
    take_from_another_chain,
)
from audit_core.tamper.target import Cover, Target, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_core.tamper.acts import Act
    from audit_core.tamper.target import Change

__all__ = ["ATTACKS", "CLAUSES", "COVERS", "KINDS", "LENGTH", "Attack", "attack_named", "places"]

LENGTH = 7
KINDS = {
    "ours": ("written by this package", "ooooooo"),
    "elsewhere": ("written elsewhere", "eeeeeee"),
    "sealed": ("written elsewhere, then sealed", "sssssss"),
    "mixed": ("ours and elsewhere in turn", "oeoeoeo"),
}
"""The chains under attack: name, words, and who wrote each record: o we, e others, s others, and it was sealed."""


def places(kind: str) -> dict[str, int]:
    """Return where a chain of a kind is attacked: positions by words."""
    own = {"middle, ours": 2} if kind == "mixed" else {}
    middle = "middle, elsewhere" if kind == "mixed" else "middle"
    return {"first": 0, **own, middle: LENGTH // 2, "last": LENGTH - 1}


COVERS = {
    Cover.NOTHING: "",
    Cover.OWN: "own hashes recomputed",
    Cover.FENCE: "own hashes recomputed and its fence forged",
    Cover.REST: "everything from there on recomputed, fences too",
}
CLAUSES = {
    "end": (
        "Records cut off together with their fences at the last position; a forged last fence; an appended forgery; a "
        "record without a sequence number that is dated before the chain began."
    ),
    "unlinked": (
        "An edit outside the ten fields under `record_hash`, or a deletion passed off as expiry, where no later link "
        "names the position: what was never sealed, or a run whose hashes were stripped up to an end."
    ),
    "rewrite": "A rewrite of everything up to an end, hashes included; a chain removed as a whole.",
}
"""What only a checkpoint kept outside can show (FORMAT 9), by a word for each."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: its name, for links and commands, its words, the rows of CASES it answers to, and what it does.

    `at` names the places where it makes sense (None: the chain as a whole), `fits` whether it means anything at one of
    them. `clause` says what only a checkpoint could show of it, where it is not found; `bare_clause` the same of a
    position with a bare fence.
    """

    name: str
    words: str
    cases: str
    act: Act
    at: tuple[str, ...] | None = ("first", "middle", "last")
    covers: tuple[Cover, ...] = (Cover.NOTHING,)
    clause: str | None = None
    bare_clause: str | None = None
    fits: Callable[[Target, int], bool] = lambda _target, _number: True

    def words_of(self, cover: Cover) -> str:
        """Say what is done, and how it is covered up."""
        return ", ".join(filter(None, (self.words, COVERS[cover])))

    def change(self, target: Target, number: int, cover: Cover) -> Change:
        """What the attack changes in the table."""
        return changed(target, lambda attacked: self.act(attacked, number, cover))

    def says_undetected(self, target: Target, number: int) -> str | None:
        """Which clause it falls under where it is not found."""
        return self.bare_clause if self.bare_clause and target.is_bare(number) else self.clause


def is_full(target: Target, number: int) -> bool:
    """Whether the fence at a position is full."""
    return not target.is_bare(number)


def is_ours(target: Target, number: int) -> bool:
    """Whether the record at a position carries a `content_hash`."""
    return "content_hash" in target.record(number)


def last_is_full(target: Target, _number: int) -> bool:
    """Whether the fence of the last position is full."""
    return is_full(target, target.last)


ALL = (Cover.NOTHING, Cover.OWN, Cover.FENCE, Cover.REST)
NONE, OWN, REST = Cover.NOTHING, Cover.OWN, Cover.REST
ATTACKS = (
    Attack(
        "edit-outcome",
        "a hashed field edited (outcome)",
        "31-33",
        edit("outcome", "denied"),
        covers=ALL,
        clause="rewrite",
    ),
    Attack(
        "edit-payload",
        "a field outside the ten edited (payload)",
        "31-33",
        edit("action_payload", "{}"),
        covers=ALL,
        clause="rewrite",
        bare_clause="unlinked",
    ),
    Attack("delete", "the record deleted", "34, 61", delete(fence=False), bare_clause="unlinked"),
    Attack("delete-with-fence", "record and fence deleted", "34", delete(fence=True), clause="end"),
    Attack(
        "delete-and-strip",
        "the record deleted, its fence made bare",
        "62",
        delete_and_strip,
        fits=is_full,
        clause="unlinked",
    ),
    Attack(
        "delete-and-renumber",
        "deleted, everything after it renumbered and recomputed",
        "33, 34",
        delete_and_renumber,
        clause="rewrite",
    ),
    Attack("cut-tail", "the two last records deleted", "34, 61", cut(fences=False), at=None),
    Attack(
        "cut-tail-with-fences",
        "the two last records deleted with their fences",
        "34",
        cut(fences=True),
        at=None,
        clause="end",
    ),
    Attack("delete-all", "all records deleted", "34", remove_all(fences=False), at=None, clause="unlinked"),
    Attack(
        "delete-all-with-fences",
        "all records and fences deleted",
        "34",
        remove_all(fences=True),
        at=None,
        clause="rewrite",
    ),
    Attack("exchange", "exchanged with its neighbour", "35", exchange, covers=ALL, clause="rewrite"),
    Attack("exchange-fences", "its fence exchanged with its neighbour's", "35", exchange_fences, fits=is_full),
    Attack("duplicate", "duplicated under another id", "35", duplicate, covers=(NONE, OWN)),
    Attack(
        "insert-and-renumber",
        "a forgery inserted there, everything after it renumbered and recomputed",
        "33, 35",
        insert_and_renumber,
        clause="rewrite",
    ),
    Attack(
        "replace-from-another-chain",
        "replaced by a record of another chain",
        "35",
        take_from_another_chain,
        covers=ALL,
        clause="rewrite",
    ),
    Attack(
        "append-forgery",
        "a forgery appended after the last",
        "35",
        append_forgery,
        at=None,
        covers=(NONE, OWN, Cover.FENCE),
        clause="end",
    ),
    Attack("delete-fence", "its fence deleted", "36", delete(fence=True, record=False)),
    Attack(
        "plant-bare-fence", "a bare fence planted after the last", "36", plant_fence(full=False), at=None, clause="end"
    ),
    Attack(
        "plant-full-fence",
        "a full fence planted after the last that says that its record has expired",
        "36, 54",
        plant_fence(full=True),
        at=None,
        fits=last_is_full,
        clause="end",
    ),
    Attack(
        "forge-expiry",
        "its fence's expiry moved to the past",
        "54",
        forge_expiry(rehash=False, remove=False),
        fits=is_full,
    ),
    Attack(
        "forge-expiry-and-delete",
        "its fence's expiry moved to the past, the record deleted",
        "54",
        forge_expiry(rehash=False, remove=True),
        fits=is_full,
    ),
    Attack(
        "forge-expiry-rehashed",
        "its fence's expiry moved to the past, `chain_hash` recomputed",
        "54",
        forge_expiry(rehash=True, remove=False),
        fits=is_full,
    ),
    Attack(
        "forge-expiry-rehashed-and-delete",
        "its fence's expiry moved to the past, `chain_hash` recomputed, the record deleted",
        "54",
        forge_expiry(rehash=True, remove=True),
        covers=(NONE, REST),
        fits=is_full,
        clause="rewrite",
    ),
    Attack("slip-in-between", "a record slipped in at 2.5", "55", slip_in("2.5"), at=None, covers=(NONE, OWN)),
    Attack("slip-in-below", "a record slipped in at -1", "55", slip_in("-1"), at=None, covers=(NONE, OWN)),
    Attack("slip-in-far", "a record slipped in at 10^30", "55", slip_in(str(10**30)), at=None, covers=(NONE, OWN)),
    Attack(
        "slip-in-far-with-fence",
        "a record slipped in at 10^30 with a fence beside it",
        "55",
        slip_in(str(10**30), fence=True),
        at=None,
        covers=(OWN,),
    ),
    Attack(
        "slip-in-unchained",
        "a record without a sequence number slipped in",
        "56",
        slip_in_unchained(before=False),
        at=None,
    ),
    Attack(
        "slip-in-unchained-before",
        "the same, dated before the chain began",
        "56",
        slip_in_unchained(before=True),
        at=None,
        clause="end",
    ),
    Attack("hide-by-mark", "`_fence` put on the record", "57", hide("_fence")),
    Attack("hide-from-tenant", "`ns_tenant` taken from the record", "57", hide("ns_tenant"), bare_clause="unlinked"),
    Attack(
        "hide-from-sequence",
        "`sequence_number` taken from the record",
        "57",
        hide("sequence_number"),
        bare_clause="unlinked",
    ),
    Attack("junk-fence", "an item that is no fence put in its fence's place", "57", junk),
    Attack("strip-record", "our hashes stripped from the record", "58", strip(fence=False), fits=is_ours),
    Attack(
        "strip-record-and-fence",
        "our hashes stripped from the record, its fence made bare",
        "58",
        strip(fence=True),
        fits=is_full,
        clause="unlinked",
    ),
    Attack(
        "strip-rest",
        "our hashes stripped from it and everything after, fences too",
        "58",
        strip(fence=True, rest=True),
        fits=is_full,
        clause="unlinked",
    ),
)


def attack_named(name: str) -> Attack | None:
    """Return the attack of a name; None where there is none."""
    return next((attack for attack in ATTACKS if attack.name == name), None)
