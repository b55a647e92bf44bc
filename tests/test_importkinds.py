"""Files of every kind, read as one stream: told by content, in order, with every problem by file and line."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from audit_core.cli.plainitems import plain_item
from audit_core.exchange import MAX_LINE_BYTES, ExportHeader
from audit_core.fences import parse_fence_id
from audit_core.importers import MAX_PROBLEMS, ImportOptions, read_files
from audit_core.linking import unlinked
from audit_core.records import AuditRecord
from tests.builders import DISPATCHED, event, item, record, records
from tests.chains import NAMES, Chain

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core.importers import FilesRead


def plain_line(made: AuditRecord, **changes: object) -> str:
    return json.dumps({**plain_item(made.to_item()), **changes})


def write(path: Path, *lines: str | bytes, packed: bool = False) -> Path:
    content = b"".join((one.encode() if isinstance(one, str) else one) + b"\n" for one in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def export_lines(
    chain: Chain, *further: dict[str, Any], first: int = 0, anchors: int = 0, **header: Any
) -> list[bytes]:
    """The lines of an export: fence and record of each position from the anchor on."""
    held = [
        one
        for number, (stored, fence) in chain.positions.items()
        if number >= first - bool(anchors)
        for one in (fence, stored)
        if one is not None
    ]
    fences = sum(parse_fence_id(one["id"]["S"]) is not None for one in (*held, *further))
    values: dict[str, Any] = {
        "table": "t",
        "namespace": NAMES[0],
        "tenant": NAMES[1],
        "first": first,
        "last": None,
        "upper_bound": 9,
        "exported_at": DISPATCHED,
        "anchors": anchors,
        "horizon": 0,
        "records": len(held) + len(further) - fences,
        "fences": fences,
    }
    return [
        ExportHeader(**{**values, **header}).line(),
        *(orjson.dumps(one, default=as_base64) for one in (*held, *further)),
    ]


def as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def read(*paths: Path, **options: Any) -> FilesRead:
    return read_files(paths, ImportOptions(**options))


def sound(*paths: Path, **options: Any) -> FilesRead:
    done = read(*paths, **options)
    done.check_sound()
    return done


def told(*paths: Path, **options: Any) -> list[tuple[int | None, str]]:
    return [(problem.line, problem.message) for problem in read(*paths, **options).problems]


# -- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_kinds_are_told_by_content_and_mix_in_one_folder(tmp_path: Path, packed: bool) -> None:
    chain = Chain(label="x").ours(3)
    write(tmp_path / "a.json", json.dumps({"Records": [event()]}), packed=packed)
    write(tmp_path / "b.jsonl", *export_lines(chain), packed=packed)
    write(tmp_path / "c.ndjson", *(plain_line(one) for one in records(2, tenant="globex")), packed=packed)
    write(tmp_path / "d.jsonl.gz", plain_line(record(tenant="initech", id="d")), packed=packed)
    (tmp_path / "e.csv").write_text("no kind of ours")
    done = sound(tmp_path)
    assert dict(done.kinds) == {"cloudtrail": 1, "export": 1, "records": 2}
    assert (done.files, done.entries, len(done.records)) == (4, 7, 7)


def test_a_document_over_several_lines_is_one(tmp_path: Path) -> None:
    trail = write(tmp_path / "trail.json", json.dumps({"Records": [event()]}, indent=2))
    late = write(tmp_path / "late.json", json.dumps({"version": 1, "Records": [event()]}, indent=2))
    answer = {"records": [json.loads(plain_line(record()))], "expired": [], "problems": {}, "complete": True}
    pretty = write(tmp_path / "answer.json", json.dumps(answer, indent=2))
    assert dict(sound(trail, late, pretty).kinds) == {"cloudtrail": 2, "records": 1}


def test_an_answer_of_query_or_get_stands_for_its_records(tmp_path: Path) -> None:
    answers = [
        json.dumps({"records": [json.loads(plain_line(one)) for one in page], "expired": [], "problems": {}})
        for page in (records(2), records(2, start=2))
    ]
    done = sound(write(tmp_path / "pages.json", *answers))
    assert done.records == records(4)
    bad = json.dumps({"records": [json.loads(plain_line(record())), {"id": "x"}], "expired": [], "problems": {}})
    ((number, message),) = told(write(tmp_path / "bad.json", answers[0], bad))
    assert number == 2
    assert "bad.json: line 2, record 2 cannot be taken in. It has no action_id" in message


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", b"[]", b"7", b'"x"', b"{}", b'{"records":[]}', b'{"a":1}\n{"b":2}', "{}".encode("utf-16"), b"\0\1"],
    ids=repr,
)
def test_a_file_of_no_kind_is_named_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(content)
    ((number, message),) = told(path)
    assert number is None
    assert "odd.jsonl: it " in message


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    lines = [plain_line(one) for one in records(2)]
    path = write(tmp_path / "a.jsonl", "\ufeff" + lines[0] + "\r", "", "  ", lines[1])
    assert sound(path).records == records(2)


# -- problems ---------------------------------------------------------------------------------------------------------

BAD_LINES = {
    "no JSON": (b'{"id": "x",}', "It is no JSON (Expecting property name"),
    "a cut line": (b'{"id": "x"', "It is no JSON"),
    "two objects": (b'{"id": "x"} {"id": "y"}', "It is no JSON (Extra data"),
    "a key twice": (b'{"id": "x", "id": "y"}', "the key 'id' stands twice"),
    "NaN": (b'{"id": "x", "metadata": NaN}', "NaN has no place in JSON"),
    "an overflow": (b'{"id": "x", "duration_ms": 1e400}', "1e400 has no place in JSON"),
    "nesting": (b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nests deeper"),
    "unclosed nesting": (b'{"id": ' + b'{"a":' * 100_000, "cannot be taken in"),
    "no object": (b'["x"]', "It is no JSON object"),
    "no UTF-8": (b'{"id": "\xff"}', "not UTF-8"),
    "too long": (b'{"id": "' + b"x" * MAX_LINE_BYTES + b'"}', "longer than 2,097,152 bytes"),
    "too large": (plain_line(record(), metadata=["z" * 400 * 1024]).encode(), "larger than the 400 KB"),
    "a typo": (plain_line(record(), tennant="x").encode(), "Did you mean tenant?"),
    "hidden": (plain_line(record(), caller_id="a\u202eb").encode(), "cannot be seen"),
    "a surrogate": (plain_line(record(), outcome="\ud800").encode(), "lone surrogate"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_with_its_file(tmp_path: Path, name: str) -> None:
    bad, said = BAD_LINES[name]
    path = write(tmp_path / "bad.jsonl", plain_line(record()), "", bad, plain_line(record(id="last")))
    ((number, message),) = told(path)
    assert number == 3
    assert message.startswith(f"{path}: line 3 cannot be taken in. ")
    assert said in message
    with pytest.raises(ValueError, match="Nothing was written"):
        read(path).check_sound()


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_first_line_is_told_too(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "bad.jsonl", BAD_LINES[name][0], plain_line(record()))
    ((number, _message),) = told(path)
    assert number == (None if name == "no object" else 1)


def test_all_bad_lines_of_all_files_are_told_up_to_a_limit(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", plain_line(record()), "?", plain_line(record(), outcome=5))
    other = write(tmp_path / "b.jsonl", plain_line(record(id="b")), *["?"] * MAX_PROBLEMS)
    done = read(one, tmp_path / "nowhere.jsonl", other)
    assert done.problem_count == MAX_PROBLEMS + 3
    assert [(problem.path.name, problem.line) for problem in done.problems[:4]] == [
        ("a.jsonl", 2),
        ("a.jsonl", 3),
        ("nowhere.jsonl", None),
        ("b.jsonl", 2),
    ]
    assert len(done.problems) == MAX_PROBLEMS
    with pytest.raises(ValueError, match=f"There are {MAX_PROBLEMS + 2:,} more problems"):
        done.check_sound()


def test_events_that_cannot_be_taken_in_are_told_with_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"Records": [event(eventID=None), event(), event(eventTime="x")]}))
    assert [message.split(" cannot")[0] for _line, message in told(path)] == [f"{path}: event 1", f"{path}: event 3"]


# -- duplicates, conflicts, order -------------------------------------------------------------------------------------


def test_one_record_in_files_of_two_kinds_is_one(tmp_path: Path) -> None:
    chain = Chain().ours(2)
    exported = write(tmp_path / "a.jsonl", *export_lines(chain))
    stored = AuditRecord.from_item(chain.record(0))
    plain = write(tmp_path / "b.jsonl", plain_line(stored), plain_line(unlinked(stored)))
    done = sound(exported, plain)
    assert (len(done.records), done.duplicates, done.conflicts) == (2, 2, ())


def test_an_expiry_is_no_other_content(tmp_path: Path) -> None:
    lasting = record(expires_at=DISPATCHED.plus_seconds(9))
    assert sound(write(tmp_path / "a.jsonl", plain_line(record()), plain_line(lasting))).duplicates == 1


def test_one_id_with_two_contents_is_a_conflict_and_the_first_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", plain_line(record()))
    second = write(tmp_path / "b.jsonl", plain_line(record(metadata="1.0")), plain_line(record(metadata="1")))
    done = sound(first, second)
    assert done.records == (record(),)
    assert [(one.kept, one.refused) for one in done.conflicts] == [(first, second)] * 2


def test_sequence_numbers_order_records_and_times_the_others(tmp_path: Path) -> None:
    backlog = Chain().ours(2, dispatched_at=DISPATCHED.plus_seconds(500)).ours(2)
    exported = write(tmp_path / "a.jsonl", *reversed_records(backlog))
    loose = write(tmp_path / "b.jsonl", *(plain_line(one) for one in reversed(records(2, start=10))))
    assert [made.action_id for made in sound(loose, exported).records] == [
        "act-0",
        "act-1",
        "act-2",
        "act-3",
        "act-10",
        "act-11",
    ]


def reversed_records(chain: Chain) -> list[str]:
    """A chain as `query` shows it, newest first."""
    return [plain_line(AuditRecord.from_item(chain.record(number))) for number in reversed(chain.positions)]


# -- exports ----------------------------------------------------------------------------------------------------------


def test_an_export_gives_its_records_without_their_place(tmp_path: Path) -> None:
    extra = {"note": {"B": b"\x00\xff"}, "tags": {"SS": ["a", "b"]}}
    chain = Chain().elsewhere(2).ours(2, extra=extra).seal(0, 1)
    directory = {"id": {"S": "acteon_TENANT#n#t"}, "_fence": {"BOOL": True}, "action_id": {"S": "acteon_TENANTS"}}
    done = sound(write(tmp_path / "a.jsonl", *export_lines(chain, directory)))
    assert done.records == tuple(unlinked(AuditRecord.from_item(chain.record(number))) for number in range(4))
    assert done.records[3].extra == extra
    assert (done.placed, done.altered) == (4, 0)
    assert dict(done.left_out) == {"bookkeeping": 5, "context": 0, "gone": 0}


def test_what_an_export_holds_around_its_range_is_left_out(tmp_path: Path) -> None:
    chain = Chain().ours(6).edit(3, sequence_number=None)
    done = sound(write(tmp_path / "a.jsonl", *export_lines(chain, first=2, last=4, anchors=2)))
    assert {made.action_id for made in done.records} == {"act-2", "act-3", "act-4"}
    assert dict(done.left_out) == {"bookkeeping": 5, "context": 2, "gone": 0}


def test_a_record_past_the_range_that_lost_its_number_is_left_out_with_its_fence(tmp_path: Path) -> None:
    chain = Chain().ours(6).edit(5, sequence_number=None)
    done = sound(write(tmp_path / "a.jsonl", *export_lines(chain, last=4)))
    assert {made.action_id for made in done.records} == {f"act-{number}" for number in range(5)}


def test_positions_without_a_record_are_counted(tmp_path: Path) -> None:
    chain = Chain().ours(9).remove(0, 1, 4, 8)
    done = sound(write(tmp_path / "a.jsonl", *export_lines(chain)))
    assert (len(done.records), done.left_out["gone"]) == (5, 4)
    part = sound(write(tmp_path / "b.jsonl", *export_lines(chain, first=2, anchors=1, last=6)))
    assert (len(part.records), part.left_out["gone"]) == (4, 1)


def test_altered_records_of_an_export_are_counted(tmp_path: Path) -> None:
    chain = (
        Chain().ours(4).edit(1, outcome={"S": "denied"}).edit(2, caller_id={"S": "x"}).edit(3, ns_tenant={"S": "y#z"})
    )
    done = sound(write(tmp_path / "a.jsonl", *export_lines(chain)))
    assert (done.altered, done.placed, len(done.records)) == (3, 4, 4)


@pytest.mark.parametrize("damage", ["last line", "a middle line", "a line twice"])
def test_an_export_that_was_cut_is_refused(tmp_path: Path, damage: str) -> None:
    lines = export_lines(Chain().ours(4))
    cut = {"last line": lines[:-1], "a middle line": lines[:4] + lines[5:], "a line twice": [*lines, lines[-1]]}[damage]
    ((number, message),) = told(write(tmp_path / "a.jsonl", *cut))
    assert number is None
    assert "cut or changed" in message


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"{", "It is no JSON"),
        (b'{"id":{"S":"a"},"id":{"S":"b"}}', "twice"),
        (b'{"id":"a"}', "no typed value"),
        (b'{"id":{"S":"a","N":"1"}}', "no typed value"),
        (b"[]", "no typed item"),
        (b'{"id":{"S":"a"}}', "action_id is missing"),
        (orjson.dumps(item(x={"B": "?"})), "base64"),
        (orjson.dumps(item(x={"N": "1.0"})), "write it as 1"),
        (orjson.dumps(item(_fence={"BOOL": True})), "_fence"),
        (orjson.dumps(item(metadata='{"a": 1}')), "white space"),
        (orjson.dumps(item(id={"S": "SEQ#a#b#" + "9" * 5000})), "id must be"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_line_of_an_export_is_named(tmp_path: Path, bad: bytes, said: str) -> None:
    ((number, message),) = told(write(tmp_path / "a.jsonl", *export_lines(Chain().ours(1)), bad, packed=True))[:1]
    assert number == 4
    assert said in message


@pytest.mark.parametrize("first", [b'{"audit_export":2}', b'{"audit_export":1,"table":"t"}', b'{"audit_export":'])
def test_a_first_line_that_is_damaged_is_told(tmp_path: Path, first: bytes) -> None:
    ((number, message),) = told(write(tmp_path / "a.jsonl", first))
    assert number is None
    assert "xport the chain anew" in message


# -- options ----------------------------------------------------------------------------------------------------------


def test_a_lifetime_goes_to_records_that_have_none(tmp_path: Path) -> None:
    own = DISPATCHED.plus_seconds(7)
    path = write(tmp_path / "a.jsonl", plain_line(record()), plain_line(record(id="own", expires_at=own)))
    by_id = {made.id: made.expires_at for made in sound(path, ttl_seconds=60).records}
    assert by_id == {record().id: DISPATCHED.plus_seconds(60), "own": own}


def test_further_fields_are_kept_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", plain_line(record(), team="red"))
    assert dict(sound(path, extra=("team",)).records[0].extra) == {"team": {"S": "red"}}


def test_the_number_of_records_and_the_size_are_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *(plain_line(one) for one in records(4)), packed=True)
    assert len(sound(path, max_records=4).records) == 4
    with pytest.raises(ValueError, match=r"a\.jsonl: with it come more than 3 records"):
        read(path, max_records=3)
    ((_line, message),) = told(path, max_file_bytes=100)
    assert "more than 100 bytes unpacked" in message
