from __future__ import annotations

import gzip
import io
import json
import tempfile
import tracemalloc
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.append import Appended
from audit_core.embedded import EMBEDDED_ITEM_LIMIT
from audit_core.errors import ConflictError, ImportFileError, InputError, RecordError, WriteRefusedError
from audit_core.importers import ImportOptions, import_records, read_files, split_expired
from audit_core.timestamps import Clock, Timestamp
from tests.builders import event, record, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit_core.importers import FilesRead
    from audit_core.records import AuditRecord

REAL_FILES = Path(__file__).parents[2] / "shared" / "data" / "cloudtrail"


def read_sound(paths: Sequence[Path], **options: Any) -> FilesRead:
    read = read_files(paths, ImportOptions(**options))
    read.check_sound()
    return read


def events(count: int, **overrides: object) -> list[dict[str, Any]]:
    return [event(eventID=f"event-{number:06d}", **overrides) for number in range(count)]


def write(path: Path, *held: object, packed: bool = False) -> Path:
    content = json.dumps({"Records": held}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@dataclass
class FixedClock(Clock):
    moment: str = "2026-01-15T10:00:00Z"

    def now(self) -> Timestamp:
        return Timestamp.parse(self.moment)


@dataclass
class MemoryStore:
    """Keeps what is appended; an id that it holds is a duplicate, or a conflict where the payload differs."""

    engine: str = "dynamodb"
    held: dict[str, AuditRecord] = field(default_factory=dict)
    batches: list[tuple[AuditRecord, ...]] = field(default_factory=list)

    def append_many(self, batch: Sequence[AuditRecord]) -> tuple[Appended, ...]:
        self.batches.append(tuple(batch))
        appended, refused = [], []
        for one in batch:
            standing = self.held.setdefault(one.id, one)
            if standing == one:
                appended.append(Appended(one, duplicate=standing is not one))
            else:
                refused.append(one.id)
        if refused:
            error = ConflictError("taken", tuple(refused))
            error.appended = tuple(appended)
            raise error
        return tuple(appended)


def test_all_files_are_one_stream_in_order_of_time_and_id(tmp_path: Path) -> None:
    late = write(tmp_path / "a.json", event(eventID="b"), event(eventID="c", eventTime="2023-07-10T11:42:17Z"))
    early = write(tmp_path / "b.json.gz", event(eventID="a"), packed=True)
    read = read_sound([late, early])
    assert [made.id for made in read.records] == ["c", "a", "b"]
    assert (read.files, read.entries, read.duplicates, read.conflicts) == (2, 3, 0, ())


@settings(max_examples=25)
@given(st.permutations(range(6)))
def test_the_order_of_delivery_does_not_matter(order: list[int]) -> None:
    held = [event(eventID=f"e{n}", eventTime=f"2023-07-10T11:42:1{n // 2}Z") for n in order]
    with tempfile.TemporaryDirectory() as folder:
        paths = [write(Path(folder, f"{number}.json"), *held[number : number + 2]) for number in (0, 2, 4)]
        read = read_sound(paths)
    assert [made.id for made in read.records] == [f"e{n}" for n in range(6)]


def test_a_directory_is_walked_in_the_order_of_its_paths(tmp_path: Path) -> None:
    write(tmp_path / "2023" / "b.json", event(eventID="1", eventName="First"))
    write(tmp_path / "2023" / "a" / "c.json.gz", event(eventID="2"), packed=True)
    write(tmp_path / "d.gz", event(eventID="1", eventName="Second"), packed=True)
    (tmp_path / "LICENSE").write_text("not an event")
    read = read_sound([tmp_path])
    assert read.files == 3
    assert [made.action_type for made in read.records if made.id == "1"] == ["First"]


def test_gzip_is_told_by_its_first_bytes_and_not_by_the_name(tmp_path: Path) -> None:
    write(tmp_path / "packed.json", event(eventID="1"), packed=True)
    write(tmp_path / "plain.json.gz", event(eventID="2"))
    assert [made.id for made in read_sound([tmp_path]).records] == ["1", "2"]


def test_digest_files_are_passed_by_in_a_walk_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "1_CloudTrail_eu_a.json", event())
    digest = tmp_path / "CloudTrail-Digest" / "1_CloudTrail-Digest_eu_trail.json.gz"
    digest.parent.mkdir()
    digest.write_bytes(gzip.compress(mtime=0, data=b'{"digestS3Bucket":"x"}'))
    read = read_sound([tmp_path])
    assert (read.files, read.entries, read.skipped) == (1, 1, (digest,))
    with pytest.raises(ImportFileError, match="no Records array"):
        read_sound([digest])


def test_symbolic_links_are_not_followed_out_of_a_directory(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "secret.json", event(eventID="outside"))
    inside = write(tmp_path / "given" / "a.json", event(eventID="inside"))
    link, folder = tmp_path / "given" / "link.json", tmp_path / "given" / "more"
    link.symlink_to(outside)
    folder.symlink_to(outside.parent, target_is_directory=True)
    read = read_sound([inside.parent])
    assert [made.id for made in read.records] == ["inside"]
    assert set(read.skipped) == {link, folder}


def test_a_link_that_is_given_itself_is_read(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(write(tmp_path / "real" / "a.json", event()))
    assert read_sound([link]).entries == 1


def test_an_event_delivered_twice_counts_once(tmp_path: Path) -> None:
    again = dict(reversed(event().items()))
    write(tmp_path / "a.json", event(), event())
    write(tmp_path / "b.json", again)
    read = read_sound([tmp_path])
    assert (len(read.records), read.duplicates, read.conflicts) == (1, 2, ())


@pytest.mark.parametrize("change", [{"eventName": "Other"}, {"readOnly": False}, {"apiVersion": "1"}, {"x": 1}])
def test_one_id_with_two_contents_is_a_conflict_and_the_first_counts(tmp_path: Path, change: dict[str, Any]) -> None:
    first = write(tmp_path / "a.json", event())
    second = write(tmp_path / "b.json", event(**change))
    read = read_sound([first, second])
    assert read.records == read_sound([first]).records
    (conflict,) = read.conflicts
    assert (conflict.id, conflict.kept, conflict.refused) == (event()["eventID"], first, second)
    assert (read.entries, read.duplicates) == (2, 0)


def test_a_number_written_otherwise_is_other_content(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.json", event(x=1)), write(tmp_path / "b.json", event(x=1.0))
    assert len(read_sound([first, second]).conflicts) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b'{"Records":[',
        b'{"Records":{}}',
        b'{"records":[]}',
        b"[]",
        b"7",
        b'{"Records":[{"a":1,"a":1}]}',
        b'{"Records":[],"Records":[]}',
        b'{"Records":[{"x":NaN}]}',
        b'{"Records":[{"x":1e400}]}',
        b'{"Records":' + b"[" * 100_000,
        b'{"Records":[' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
        b'{"Records":["\xff"]}',
        "{}".encode("utf-16"),
        b"\x1f\x8bnot gzip",
        gzip.compress(mtime=0, data=b'{"Records":[]}')[:-9],
        gzip.compress(mtime=0, data=b'{"Records":[]}') + b"garbage",
    ],
    ids=lambda content: repr(content[:28]),
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ImportFileError, match=r"bad\.json: "):
        read_sound([write(tmp_path / "a.json", event()), path])


@pytest.mark.parametrize(
    "change",
    [
        {"eventID": None},
        {"eventID": ""},
        {"eventID": 7},
        {"eventTime": None},
        {"eventTime": "2023-07-10T11:42:18"},
        {"eventTime": 1688989338},
        {"eventSource": None},
        {"eventName": None},
        {"eventName": "Get\u202eObject"},
        {"eventName": "\ud800"},
        {"errorCode": 5},
        {"recipientAccountId": "acme\u200b"},
        {"recipientAccountId": "t" * 1900},
        {"recipientAccountId": ["a"]},
        {"eventID": "SEQ#aws#1#0"},
        {"userAgent": "\udfff"},
        {"x": "y" * 400 * 1024},
    ],
    ids=lambda change: ascii(change)[:40],
)
def test_an_event_that_cannot_be_stored_is_named_with_its_file(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write(tmp_path / "bad.json", event(), event(**{"eventID": "2", **change}))
    with pytest.raises(ImportFileError, match=r"bad\.json: event 2 cannot be taken in\. "):
        read_sound([path])


def test_what_is_no_object_is_no_event(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match=r"event 1 .* no JSON object"):
        read_sound([write(tmp_path / "bad.json", "text")])


def test_a_hidden_character_in_a_files_name_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a\u202e\x1b[2J.json"
    path.write_text("[]")
    with pytest.raises(ImportFileError) as refused:
        read_sound([path])
    assert r"a\u{202E}\u{001B}[2J.json" in str(refused.value)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_may_not_hold_more_than_the_limit(tmp_path: Path, packed: bool) -> None:
    path = write(tmp_path / "a.json", *events(100), packed=packed)
    size = len(json.dumps({"Records": events(100)}))
    assert read_sound([path], max_file_bytes=size).entries == 100
    with pytest.raises(ImportFileError, match=r"more than .* bytes unpacked"):
        read_sound([path], max_file_bytes=size - 1)


def test_an_archive_bomb_is_never_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.json.gz"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as stream:
        for _ in range(64):
            stream.write(bytes(1024 * 1024))
    bomb.write_bytes(packed.getvalue())
    tracemalloc.start()
    try:
        with pytest.raises(ImportFileError, match="unpacked"):
            read_sound([bomb], max_file_bytes=4 * 1024 * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * 1024 * 1024


def test_the_number_of_events_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", *events(4))
    assert read_sound([path], max_records=4).entries == 4
    with pytest.raises(ImportFileError, match=r"more than 3 records"):
        read_sound([path], max_records=3)


def test_a_path_that_is_not_there_and_an_empty_directory_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(ImportFileError, match=path.name):
            read_sound([path])


@pytest.mark.parametrize("ttl", [0, -1, True])
def test_a_lifetime_that_is_none_is_refused(tmp_path: Path, ttl: int) -> None:
    with pytest.raises(InputError, match="lifetime"):
        read_sound([write(tmp_path / "a.json", event())], ttl_seconds=ttl)


@pytest.mark.parametrize("tenant_field", ["", ".", "a..b", "a."])
def test_a_tenant_field_that_is_none_is_refused(tmp_path: Path, tenant_field: str) -> None:
    with pytest.raises(InputError, match="no field"):
        read_sound([write(tmp_path / "a.json", event())], tenant_field=tenant_field)


def test_a_lifetime_counts_from_the_time_of_the_event(tmp_path: Path) -> None:
    (made,) = read_sound([write(tmp_path / "a.json", event())], ttl_seconds=86_400).records
    assert made.expires_at == Timestamp.parse("2023-07-11T11:42:18Z")


def test_a_lifetime_past_the_year_9999_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="event 1 "):
        read_sound([write(tmp_path / "a.json", event())], ttl_seconds=10**12)


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the CloudTrail sample is not beside the project")
def test_the_real_sample_is_read_whole() -> None:
    read = read_sound([REAL_FILES])
    assert (read.files, read.entries, len(read.records)) == (37, 2122, 2122)
    assert (read.duplicates, read.conflicts, read.skipped) == (0, (), ())
    assert sum(made.outcome == "failed" for made in read.records) == 218
    assert sum(made.verdict == "deny" for made in read.records) == 41
    assert {made.chain for made in read.records} == {"aws#123837392027"}
    in_order = [(made.dispatched_at, made.id) for made in read.records]
    assert in_order == sorted(in_order)
    originals = {
        held["eventID"]: held
        for path in REAL_FILES.glob("*.json")
        for held in json.loads(path.read_text(encoding="utf-8"), parse_int=str, parse_float=str)["Records"]
    }
    for made in read.records:
        original = originals.pop(made.id)
        assert (
            json.loads(made.action_payload or "null", parse_int=str, parse_float=str) == original["requestParameters"]
        )
        assert json.loads(made.metadata)["userIdentity"] == original["userIdentity"]
    assert originals == {}


def test_each_chain_is_appended_in_order_by_batches_of_50() -> None:
    store = MemoryStore()
    mixed = [one for pair in zip(records(120), records(120, start=200, tenant="globex"), strict=True) for one in pair]
    outcome = import_records(store, mixed)
    assert (outcome.added, outcome.present, outcome.conflicts) == (240, 0, ())
    assert [len(batch) for batch in store.batches] == [50, 50, 20, 50, 50, 20]
    assert all(len({one.chain for one in batch}) == 1 for batch in store.batches)
    assert [one for batch in store.batches for one in batch] == [
        *records(120),
        *records(120, start=200, tenant="globex"),
    ]


def test_a_second_run_adds_nothing() -> None:
    store = MemoryStore()
    import_records(store, records(60))
    outcome = import_records(store, records(61))
    assert (outcome.added, outcome.present) == (1, 60)


def test_an_id_with_other_content_is_listed_and_the_others_go_in() -> None:
    store = MemoryStore()
    import_records(store, records(1, start=7, action_payload='"original"'))
    outcome = import_records(store, records(60))
    assert (outcome.added, outcome.present, outcome.conflicts) == (59, 0, (records(1, start=7)[0].id,))
    assert store.held[outcome.conflicts[0]].action_payload == '"original"'


def test_progress_is_told_after_each_batch() -> None:
    told: list[tuple[int, int]] = []
    import_records(MemoryStore(), records(120), progress=lambda done, whole: told.append((done, whole)))
    assert told == [(50, 120), (100, 120), (120, 120)]


def test_nothing_to_import_is_no_work() -> None:
    store = MemoryStore()
    outcome = import_records(store, [])
    assert (outcome.added, outcome.present, outcome.conflicts, store.batches) == (0, 0, (), [])


@pytest.mark.parametrize(
    ("expiry", "late"),
    [
        ("2026-01-15T09:59:59Z", True),
        ("2026-01-15T10:00:01.999999999Z", True),
        ("2026-01-15T10:00:02Z", False),
        (None, False),
    ],
)
def test_an_expiry_is_past_up_to_two_seconds_ahead(expiry: str | None, late: bool) -> None:
    expiring = record(expires_at=None if expiry is None else Timestamp.parse(expiry))
    assert split_expired([expiring], FixedClock().now()) == (((), (expiring,)) if late else ((expiring,), ()))


def test_where_an_expiry_is_past_nothing_is_written_and_the_count_said() -> None:
    store = MemoryStore()
    expired = [replace(one, expires_at=Timestamp.parse("2026-01-15T10:00:01Z")) for one in records(3)]
    with pytest.raises(RecordError, match=r"3 of 63 records .* nothing was written"):
        import_records(store, [*records(60, start=3), *expired], clock=FixedClock())
    assert store.batches == []


def test_the_embedded_engine_takes_a_few_thousand_records_and_points_to_dynamodb_local() -> None:
    store = MemoryStore(engine="embedded")
    assert import_records(store, records(10)).added == 10
    too_many = records(1) * (EMBEDDED_ITEM_LIMIT + 1)
    with pytest.raises(WriteRefusedError, match="DynamoDB Local"):
        import_records(store, too_many)
    assert len(store.batches) == 1
