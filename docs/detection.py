"""Write `docs/detection.md`, what is detected and what is not: `python -m docs.detection`.

Every attack of `tests.tampering` and `audit_core.tamper` is done to chains in a table in memory and verified there; the
tests do the same on DynamoDB Local, and fail when what comes out is not what the document says.
"""  # noqa: INP001 - a folder of documents, no package

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audit_core.tamper.attacks import CLAUSES, KINDS
from tests.judging import (
    BLIND,
    FOUND,
    MATRICES,
    MemoryBench,
    judged_attacks,
    judged_matrix,
    judged_scenes,
    merged,
    together,
)
from tests.tampering import COLUMNS, FENCE_ROWS, RECORD_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.judging import Matrix, Outcome, Told

DOCUMENT = Path(__file__).with_name("detection.md")
REWRITE = "write it anew with: python -m docs.detection"


def symbol(outcomes: Mapping[str, Outcome]) -> str:
    """Fold what became of a cell at its places into one symbol."""
    pairs = {where: (outcome.default or "", outcome.thorough) for where, outcome in outcomes.items()}
    lasts = [pair for where, pair in pairs.items() if where == "last"]
    others = {pair for where, pair in pairs.items() if where != "last"}
    if others == {(BLIND, FOUND)} and lasts in ([], [(FOUND, FOUND)]):
        return "T"
    if len(set(pairs.values())) == 1:
        return "/".join(dict.fromkeys(next(iter(pairs.values()))))
    return ", ".join(f"{where} {'/'.join(dict.fromkeys(pair))}" for where, pair in pairs.items())


def matrix_table(judged: Matrix, name: str, part: str) -> str:
    """Return the table of one chain and part: a row an attribute, a column a mutation."""
    lines = [
        "| attribute | " + " | ".join(COLUMNS) + " | reported as |",
        "|---|" + ":-:|" * len(COLUMNS) + "---|",
    ]
    for attribute in RECORD_ROWS if part == "record" else FENCE_ROWS:
        row = {column: judged.get((name, part, attribute, column), {}) for column in COLUMNS}
        if not any(row.values()):
            continue
        kinds = sorted({kind for found in row.values() for outcome in found.values() for kind in outcome.kinds})
        marks = [symbol(found) if found else "" for found in row.values()]
        lines.append(f"| `{attribute}` | " + " | ".join(marks) + f" | {', '.join(kinds)} |")
    return "\n".join(lines)


def attack_table(said: Told) -> str:
    """Return the table of attacks: a row an attack, a column a chain."""
    lines = [
        "| attack | case | " + " | ".join(words for words, _ in KINDS.values()) + " |",
        "|---|---|---|---|---|---|",
    ]
    for (words, cases), by_kind in said.items():
        told_of = [folded(by_kind.get(kind, {})) for kind in KINDS]
        lines.append(f"| {words} | {cases} | " + " | ".join(told_of) + " |")
    return "\n".join(lines)


def folded(places: Mapping[str, str]) -> str:
    """Put what was told of places together where it is the same."""
    if len(set(places.values())) <= 1:
        return next(iter(places.values()), "")
    same: dict[str, list[str]] = {}
    for where, words in places.items():
        same.setdefault(words, []).append(where)
    return "<br>".join(f"{'; '.join(wheres)}: {words}" for words, wheres in same.items())


SECTIONS = {
    "record of ours": ("ours", "record"),
    "fence of ours": ("ours", "fence"),
    "record written elsewhere": ("elsewhere", "record"),
    "fence written elsewhere": ("elsewhere", "fence"),
    "sealed record": ("sealed", "record"),
    "sealed fence": ("sealed", "fence"),
}


TEXT = """\
# What is detected, and what is not

Chains were written, attacked through plain puts and deletes as anybody can do them who may write to the table, and
verified. What came out stands below, the attacks that are not found as plainly as the others. The tests repeat them,
and fail when a result differs from this page in either direction: all of them on a table in memory; on DynamoDB Local
all attacks on whole chains, and each altered attribute at one of three positions in turn (`pytest -m soak`: at all
three). The page is written by `python -m docs.detection`.

Each attack was judged by two modes. **By default** a verification reads every record, and the fences of records that
carry no `content_hash` and of the last one. **Thorough** reads all fences, and looks for records without a sequence
number. A mark without more holds for both. The first, a middle and the last position were attacked; where they differ,
it is said.

Four kinds of chain: written by this package (each record carries `content_hash`, each fence is full); written elsewhere
(`record_hash` over ten fields, bare fences); the same after sealing; ours and elsewhere in turn, beginning with ours.
All records carry every optional attribute, one unknown attribute (`note`), and expire in thirty days.

## Single attributes

One attribute of one item altered, nothing recomputed.

| mark | meaning |
|:-:|---|
| ✓ | found: an alarm at the position that was attacked |
| T | found when thorough; by default at the last position only, since the fences of the others are not read |
| N | an alarm, but not at this position: the record shows at another one |
| ✗ | not found |
| unproven | no alarm: the verdict is *unproven*, since expiry could explain that the record is gone |
| R | the engine refuses it: a key, or an attribute of an index, of another type or empty |
| = | the engine keeps the same value, so nothing was altered |
| (empty) | means nothing for this attribute |

Columns:

{{columns}}

### A record written by this package

{{record of ours}}

`previous_chain_sequence` was altered where it is called for: on the chain of ours and elsewhere in turn.

### Its fence

{{fence of ours}}

### A record written elsewhere

`record_hash` covers ten fields. Of the others only what makes no sense by itself is found: a wrong type, a required
attribute that lacks, a time that cannot be read, a value that disagrees with its source.

{{record written elsewhere}}

### Its bare fence

{{fence written elsewhere}}

### A record written elsewhere, after sealing

{{sealed record}}

### Its sealed fence

{{sealed fence}}

## Attacks on a chain

Seven records, positions 0 to 6. *p* is the position attacked, *p+1* the one after it. Several findings are parted by
semicolons, with the positions that they name. *Inferred* rests on lifetimes alone. † by default fewer of these are
found, but some. Bold is what raises no alarm; the arrow names the clause at the end of this page that it falls under.
An empty cell: the attack means nothing for that chain.

{{attacks}}

## Expiry, and what is passed off as expiry

Chains of seven records, most of them with a lifetime of thirty days, the declared one; without an arrow, what raises no
alarm is what it should be.

{{scenes}}

## What is not detectable

Nothing in the table can show the following, in no mode. Only a checkpoint kept outside the table, with a key that was
never in it, does. An *end* is the last position, or any full one that nothing links back to.

{{clauses}}

What else this page shows:

- A table says nothing of whether records were true when they were written, and sealing says nothing of the time before.
- By default, an altered, exchanged or deleted fence beside a standing record of ours is not found before the last
  position, since it is not read; nor is a record without a sequence number. Thorough finds both.
- Of a chain written elsewhere and never sealed, everything but ten fields can be altered unseen, and its oldest records
  can be deleted, or hidden by taking an index attribute from them, for the price of the verdict *unproven*.
- Our hashes stripped from everything up to an end, fences too, raise no alarm. If something before it keeps its hashes,
  the report says `coverage_lost` and where; if nothing does, the chain looks as if written elsewhere.
- A chain removed as a whole is not even unproven: it is not there. Verifying it by name says *incomplete*.
"""


def document(judged: Matrix, said: Told, scenes: Told) -> str:
    """Return the whole document from what came out."""
    tables = {words: matrix_table(judged, *place) for words, place in SECTIONS.items()}
    parts = {
        "columns": "\n".join(f"- **{name}**: {words}" for name, words in COLUMNS.items()),
        "attacks": attack_table(said),
        "scenes": attack_table(scenes),
        "clauses": "\n".join(f"- **{name}**: {words}" for name, words in CLAUSES.items()),
        **tables,
    }
    text = TEXT
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


def in_memory(bench: MemoryBench) -> str:
    """Return the document as a table in memory gives it."""
    judged = merged(judged_matrix(bench, name, f"acme-{name}") for name in MATRICES)
    said = together(judged_attacks(bench, kind, f"acme-{kind}") for kind in KINDS)
    scenes = together(judged_scenes(bench, kind, f"acme-{kind}") for kind in KINDS)
    return document(judged, said, scenes)


if __name__ == "__main__":
    DOCUMENT.write_text(in_memory(MemoryBench()), encoding="utf-8")
