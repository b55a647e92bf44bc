from __future__ import annotations

import base64
import io
import json
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from audit_core.cli.hashes import MAX_LINE_BYTES, hash_items
from audit_core.fences import full_fence
from audit_core.hashing import content_hash
from tests.builders import item
from tests.cli.commands import printed, run, told

VECTORS = Path(__file__).parents[1] / "vectors"


def hashed(*lines: str | bytes) -> tuple[int, list[dict[str, Any]]]:
    given_lines = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    result = run("hash", given=given_lines)
    assert result.stderr == ""
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def vectors(name: str) -> list[dict[str, Any]]:
    with (VECTORS / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_hash_agrees_with_the_other_implementation_on_whole_items() -> None:
    cases = vectors("chain_hash.jsonl")
    status, answers = hashed(*(json.dumps(case["item"]) for case in cases))
    assert status == 0
    assert len(answers) == len(cases) > 20
    for case, answer in zip(cases, answers, strict=True):
        covered = "content_hash" in case["item"]
        assert answer == {
            "id": case["item"]["id"]["S"],
            "record_hash": case["item"]["record_hash"]["S"],
            "content_hash": case["content_hash"],
            "chain_hash": case["chain_hash"] if covered else None,
        }
    assert any(answer["chain_hash"] is None for answer in answers)


def test_hash_agrees_with_the_other_implementation_on_the_ten_attributes_alone() -> None:
    cases = vectors("record_hash.jsonl")
    items = [{name: {"S": text} for name, text in case["record"].items() if text is not None} for case in cases]
    status, answers = hashed(*map(json.dumps, items))
    assert status == 1  # two of the times must be refused
    for case, answer in zip(cases, answers, strict=True):
        assert answer["id"] == case["record"]["id"]
        if "error" in case:
            assert answer.keys() == {"id", "error"}
        else:
            assert answer.keys() == {"id", "record_hash", "content_hash", "chain_hash"}
            assert answer["record_hash"] == case["record_hash"]
            assert answer["chain_hash"] is None


@pytest.mark.parametrize(
    ("line", "record_id", "words"),
    [
        ("", None, "JSON"),
        ("no json", None, "JSON"),
        ("[]", None, "no JSON object"),
        (b"\xff\xfe", None, "UTF-8"),
        ('{"id":{"S":"a"},"id":{"S":"b"}}', None, "twice"),
        ('{"id":{"S":"a"}}', "a", "no action_id"),
        ('{"id":{"S":"a"},"n":{"N":1}}', "a", "n holds no typed value"),
        ('{"id":"a"}', None, "id holds no typed value"),
        ('{"id":{"S":"a"},"b":{"B":"!"}}', "a", "base64"),
        ('{"id":{"S":"a"},"x":{"M":{"y":null}}}', "a", "x holds no typed value"),
        ('{"id":{"S":"\\ud800"}}', "\ud800", "no action_id"),
    ],
)
def test_hash_tells_what_is_wrong_with_a_line_and_goes_on(line: str | bytes, record_id: str | None, words: str) -> None:
    status, (wrong, right) = hashed(line, json.dumps(item()))
    assert status == 1
    assert wrong.keys() == {"id", "error"}
    assert wrong["id"] == record_id
    assert words in wrong["error"]
    assert "error" not in right


@pytest.mark.parametrize("missing", ["sequence_number", "record_hash"])
def test_hash_rebuilds_no_fence_that_would_be_none(missing: str) -> None:
    case = next(case for case in vectors("chain_hash.jsonl") if case["name"] == "plain-1")
    del case["item"][missing]
    status, (answer,) = hashed(json.dumps(case["item"]))
    assert status == 1
    assert missing in answer["error"]


def test_hash_takes_binary_as_base64_wherever_it_stands() -> None:
    raw = {"B": b"\x00\xff"}
    whole = item(extra={"blob": raw, "list": {"L": [raw]}, "set": {"BS": [b"b", b"a"]}})
    text = json.loads(json.dumps(whole, default=lambda held: base64.b64encode(held).decode()))
    _, (answer,) = hashed(json.dumps(text))
    assert answer["content_hash"] == content_hash(whole)


def test_hash_reads_a_file_and_needs_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT__NONSENSE", "1")
    source = tmp_path / "items.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps(item()).encode() + b"\r\n")
    result = run("hash", str(source), "--json")
    assert result.exit_code == 0
    assert printed(result)["id"] == item()["id"]["S"]


def test_hash_of_a_file_that_is_not_there_could_not_run(tmp_path: Path) -> None:
    assert "cannot be read (No such file or directory)" in told(run("hash", str(tmp_path / "nothing")))


class _Lines(io.RawIOBase):
    """A source of lines that exist only while they are read."""

    def __init__(self, line: bytes, count: int) -> None:
        self.line, self.left, self.rest = line, count, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.rest and self.left:
            self.rest, self.left = self.line, self.left - 1
        taken = self.rest[: len(buffer)]
        self.rest = self.rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def test_hash_holds_one_line_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps(item(action_payload=json.dumps("x" * 100_000))).encode() + b"\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(_Lines(line, 200))))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        tracemalloc.start()
        try:
            hash_items()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20 * len(line)


def test_hash_skips_a_line_that_no_item_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_core.cli.hashes.MAX_LINE_BYTES", 2000)
    status, (wrong, right) = hashed("x" * 10_000, json.dumps(item()))
    assert (status, wrong["id"], right["id"]) == (1, None, item()["id"]["S"])
    assert f"{MAX_LINE_BYTES:,}" in wrong["error"]


def test_a_fence_of_a_vector_is_what_is_rebuilt() -> None:
    """The vectors' fences are unsealed where their record carries a content_hash, so that they can be rebuilt."""
    for case in vectors("chain_hash.jsonl"):
        if "content_hash" in case["item"]:
            number = int(case["item"]["sequence_number"]["N"])
            built = full_fence(case["item"], case["item"]["namespace"]["S"], case["item"]["tenant"]["S"], number)
            assert built == case["fence"]
