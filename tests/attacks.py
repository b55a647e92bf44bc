"""The attacks on whole chains that are tried: in words, where, how far covered up, and what may stay unseen of them.

What each does is in `acts`; what came out is in docs/detection.md. Single attributes altered are in `tampering`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.acts import (
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
    gone,
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
from tests.tampering import DAY
from tests.target import Cover, Target, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tampering import Change

LENGTH = 7
KINDS = {
    "ours": ("written by this package", "ooooooo"),
    "elsewhere": ("written elsewhere", "eeeeeee"),
    "sealed": ("written elsewhere, then sealed", "sssssss"),
    "mixed": ("ours and elsewhere in turn", "oeoeoeo"),
}
"""The chains under attack: name, words, and who wrote each record."""


def places(kind: str) -> dict[str, int]:
    """Where a chain of a kind is attacked."""
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
"""What only a checkpoint kept outside can show (FORMAT 9)."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: its words, the rows of CASES it answers to, and what it does.

    `at` names the places where it makes sense (None: the chain as a whole), `fits` whether it means anything at one of
    them. `clause` says what only a checkpoint could show of it, where it is not found; `bare_clause` the same of a
    position with a bare fence.
    """

    words: str
    cases: str
    act: Callable[[Target, int, Cover], None]
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
    return not target.is_bare(number)


def is_ours(target: Target, number: int) -> bool:
    return "content_hash" in target.record(number)


def last_is_full(target: Target, _number: int) -> bool:
    return is_full(target, target.last)


ALL = (Cover.NOTHING, Cover.OWN, Cover.FENCE, Cover.REST)
NONE, OWN, REST = Cover.NOTHING, Cover.OWN, Cover.REST
ATTACKS = (
    Attack("a hashed field edited (outcome)", "31-33", edit("outcome", "denied"), covers=ALL, clause="rewrite"),
    Attack(
        "a field outside the ten edited (payload)", "31-33", edit("action_payload", "{}"),
        covers=ALL, clause="rewrite", bare_clause="unlinked",
    ),
    Attack("the record deleted", "34, 61", delete(fence=False), bare_clause="unlinked"),
    Attack("record and fence deleted", "34", delete(fence=True), clause="end"),
    Attack("the record deleted, its fence made bare", "62", delete_and_strip, fits=is_full, clause="unlinked"),
    Attack("deleted, everything after it renumbered and recomputed", "33, 34", delete_and_renumber, clause="rewrite"),
    Attack("the two last records deleted", "34, 61", cut(fences=False), at=None),
    Attack("the two last records deleted with their fences", "34", cut(fences=True), at=None, clause="end"),
    Attack("all records deleted", "34", remove_all(fences=False), at=None, clause="unlinked"),
    Attack("all records and fences deleted", "34", remove_all(fences=True), at=None, clause="rewrite"),
    Attack("exchanged with its neighbour", "35", exchange, covers=ALL, clause="rewrite"),
    Attack("its fence exchanged with its neighbour's", "35", exchange_fences, fits=is_full),
    Attack("duplicated under another id", "35", duplicate, covers=(NONE, OWN)),
    Attack(
        "a forgery inserted there, everything after it renumbered and recomputed", "33, 35", insert_and_renumber,
        clause="rewrite",
    ),
    Attack(
        "replaced by a record of another chain", "35", take_from_another_chain, covers=ALL, clause="rewrite",
    ),
    Attack(
        "a forgery appended after the last", "35", append_forgery, at=None, covers=(NONE, OWN, Cover.FENCE),
        clause="end",
    ),
    Attack("its fence deleted", "36", delete(fence=True, record=False)),
    Attack("a bare fence planted after the last", "36", plant_fence(full=False), at=None, clause="end"),
    Attack(
        "a full fence planted after the last that says that its record has expired", "36, 54", plant_fence(full=True),
        at=None, fits=last_is_full, clause="end",
    ),
    Attack("its fence's expiry moved to the past", "54", forge_expiry(rehash=False, remove=False), fits=is_full),
    Attack(
        "its fence's expiry moved to the past, the record deleted", "54", forge_expiry(rehash=False, remove=True),
        fits=is_full,
    ),
    Attack(
        "its fence's expiry moved to the past, `chain_hash` recomputed", "54", forge_expiry(rehash=True, remove=False),
        fits=is_full,
    ),
    Attack(
        "its fence's expiry moved to the past, `chain_hash` recomputed, the record deleted", "54",
        forge_expiry(rehash=True, remove=True), covers=(NONE, REST), fits=is_full, clause="rewrite",
    ),
    Attack("a record slipped in at 2.5", "55", slip_in("2.5"), at=None, covers=(NONE, OWN)),
    Attack("a record slipped in at -1", "55", slip_in("-1"), at=None, covers=(NONE, OWN)),
    Attack("a record slipped in at 10^30", "55", slip_in(str(10**30)), at=None, covers=(NONE, OWN)),
    Attack(
        "a record slipped in at 10^30 with a fence beside it", "55", slip_in(str(10**30), fence=True), at=None,
        covers=(OWN,),
    ),
    Attack("a record without a sequence number slipped in", "56", slip_in_unchained(before=False), at=None),
    Attack(
        "the same, dated before the chain began", "56", slip_in_unchained(before=True), at=None, clause="end",
    ),
    Attack("`_fence` put on the record", "57", hide("_fence")),
    Attack("`ns_tenant` taken from the record", "57", hide("ns_tenant"), bare_clause="unlinked"),
    Attack("`sequence_number` taken from the record", "57", hide("sequence_number"), bare_clause="unlinked"),
    Attack("an item that is no fence put in its fence's place", "57", junk),
    Attack("our hashes stripped from the record", "58", strip(fence=False), fits=is_ours),
    Attack("our hashes stripped from the record, its fence made bare", "58", strip(fence=True), fits=is_full,
           clause="unlinked"),
    Attack(
        "our hashes stripped from it and everything after, fences too", "58", strip(fence=True, rest=True),
        fits=is_full, clause="unlinked",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A chain with a past: `days` ago its first record was dispatched, `lifetimes` as `tampering.written` takes them.

    `past` are lifetimes declared as `past_ttl_seconds`, beside the thirty days of `ttl_seconds`.
    """

    words: str
    cases: str
    days: int
    lifetimes: tuple[int, ...]
    act: Callable[[Target, int, Cover], None]
    past: tuple[int, ...] = ()
    clause: str | None = None


MONTH, YEAR = 30 * DAY, 365 * DAY
AGED = (MONTH, MONTH, MONTH, MONTH, YEAR)
SHORT = (MONTH, MONTH, MONTH, DAY, MONTH)
SCENES = (
    Scene("0 to 3 have expired and are gone", "37, 59", 40, AGED, gone(0, 3)),
    Scene("0 to 3 have expired, 1 and 2 are gone", "37", 40, AGED, gone(1, 2)),
    Scene("all have expired and are gone", "37", 40, (MONTH,), gone(0, 6)),
    Scene("0 to 3 have expired and are gone, their fences were made bare", "62", 40, AGED, gone(0, 3, bare=True)),
    Scene("0 to 3 have expired and are gone, their fences too", "37, 62", 40, AGED, gone(0, 3, fences=True)),
    Scene("5 was deleted, long before its expiry", "61", 40, AGED, gone(5, 5), clause="unlinked"),
    Scene("5 was deleted, the shortest lifetime in sight not having passed", "61", 20, AGED, gone(5, 5)),
    Scene("5 and 6 were deleted, the shortest lifetime not having passed", "61", 20, AGED, gone(5, 6)),
    Scene("3 has expired after a day, a lifetime that nobody declared", "61", 3, SHORT, gone(3, 3)),
    Scene("the same, the lifetime declared", "61", 3, SHORT, gone(3, 3), past=(DAY,)),
)
