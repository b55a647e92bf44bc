"""Turns between the processes of one machine: who waits, for how long, and that nothing depends on it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from audit_core import turns
from audit_core.timestamps import Clock
from audit_core.turns import PATIENCE_SECONDS, Turns, meeting_place
from tests.builders import record
from tests.engines import Feature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from audit_core.store import AuditStore

TABLE, CHAIN = "a table", "ns#tenant"
SOON = 0.5


class Waited(Clock):
    """Notes how long was slept."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        super().sleep(seconds)


def hold(place: Path, chain: str, pipe: Connection) -> None:
    """Hold a chain's turn in a process of its own until told to let go."""
    held = Turns(Clock(), place)
    with held.held(chain, Clock().monotonic() + 60):
        held.came_to(chain, 41)
        pipe.send("held")
        pipe.recv()
    pipe.send("let go")
    pipe.recv()


@contextmanager
def another(place: Path, chain: str = CHAIN) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=hold, args=(place, chain, there), daemon=True)
    process.start()
    there.close()
    assert here.recv() == "held"
    try:
        yield here
    finally:
        process.kill()
        process.join()


@pytest.fixture
def clock() -> Waited:
    return Waited()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.fixture
def mine(clock: Waited, place: Path) -> Iterator[Turns]:
    made = Turns(clock, place)
    yield made
    made.close()


def test_a_turn_comes_when_the_other_process_lets_go(mine: Turns, clock: Waited, place: Path) -> None:
    with another(place) as pipe:
        threading.Timer(0.2, pipe.send, ["go"]).start()
        with mine.held(CHAIN, clock.monotonic() + 60):
            assert pipe.poll(PATIENCE_SECONDS * 10)
            assert pipe.recv() == "let go"
    assert clock.slept > 0


def test_a_turn_that_is_kept_for_too_long_is_waited_for_once(mine: Turns, clock: Waited, place: Path) -> None:
    with another(place) as pipe:
        began = clock.monotonic()
        with mine.held(CHAIN, began + 60):
            assert not pipe.poll()
        assert clock.monotonic() - began >= PATIENCE_SECONDS
        waited = clock.slept
        for _ in range(2):
            with mine.held(CHAIN, clock.monotonic() + 60):
                assert not pipe.poll()
        assert clock.slept - waited < SOON
        pipe.send("go")
        assert pipe.recv() == "let go"
        with mine.held(CHAIN, clock.monotonic() + 60):
            pass
    with another(place):
        before = clock.slept
        with mine.held(CHAIN, clock.monotonic() + SOON):
            pass
        assert clock.slept > before


def test_nobody_waits_past_the_deadline(mine: Turns, clock: Waited, place: Path) -> None:
    with another(place):
        give_up = clock.monotonic() + SOON
        with mine.held(CHAIN, give_up):
            assert give_up <= clock.monotonic()
    assert clock.slept <= SOON


def test_another_chain_is_written_at_once(mine: Turns, clock: Waited, place: Path) -> None:
    with another(place, "ns#another"), mine.held(CHAIN, clock.monotonic() + 60):
        assert not clock.slept


def test_a_process_that_is_killed_keeps_no_turn(mine: Turns, clock: Waited, place: Path) -> None:
    with another(place):
        pass
    with mine.held(CHAIN, clock.monotonic() + 60):
        assert not clock.slept


def test_a_turn_within_a_turn_ends_with_the_outer_one(place: Path) -> None:
    outer = Turns(Clock(), place)
    with outer.held(CHAIN, Clock().monotonic() + 60):
        with outer.held(CHAIN, Clock().monotonic() + 60):
            pass
        assert not _free(place)
    assert _free(place)


def _try(place: Path, pipe: Connection) -> None:
    clock = Waited()
    with Turns(clock, place).held(CHAIN, clock.monotonic() + 0.01):
        pipe.send(not clock.slept)


def _free(place: Path) -> bool:
    """Whether another process would get the turn at once."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_try, args=(place, there))
    process.start()
    there.close()
    answer: bool = here.recv()
    process.join()
    return answer


def test_how_far_a_chain_came_is_told(mine: Turns, place: Path) -> None:
    assert mine.last(CHAIN) == -1
    with another(place):
        assert mine.last(CHAIN) == 41
    assert mine.last("ns#another") == -1


def test_without_a_folder_every_turn_is_there(clock: Waited) -> None:
    alone = Turns(clock, None)
    alone.came_to(CHAIN, 7)
    with alone.held(CHAIN, 0.0):
        assert alone.last(CHAIN) == -1
    alone.close()
    assert not clock.slept


def test_the_folder_is_this_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns.tempfile, "tempdir", str(tmp_path))
    file = meeting_place(TABLE)
    folder = tmp_path / f"audit-core-{os.getuid()}"
    assert file is not None
    assert (file.parent, meeting_place(TABLE)) == (folder, file)
    assert meeting_place("another table") != file
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    assert meeting_place(TABLE) is None
    folder.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)
    assert meeting_place(TABLE) is None
    folder.unlink()
    folder.write_text("")
    assert meeting_place(TABLE) is None


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, place: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"x")
    place.symlink_to(victim)
    Turns(Clock(), place).came_to(CHAIN, 7)
    assert victim.read_bytes() == b"x"


@pytest.mark.needs(Feature.CONCURRENT_WRITERS)
@pytest.mark.parametrize("hint", [-1, 0, 1, 5, 10**6, 2**62])
def test_what_the_file_says_is_checked_against_a_fence(
    hint: int, open_store: Callable[[], AuditStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it says, and however far the chain has come: each record goes behind the last one."""
    first, second = open_store(), open_store()
    for number in range(3):
        first.append(record(id=f"a-{number}"))
    second.append(record(id="b-0"))
    for number in range(3, 5):
        first.append(record(id=f"a-{number}"))
    monkeypatch.setattr(Turns, "last", lambda _self, _chain: hint)
    appended = [second.append(record(id="b-1")), first.append(record(id="a-5"))]
    assert [one.record.sequence_number for one in appended] == [6, 7]


@pytest.mark.needs(Feature.CONCURRENT_WRITERS)
def test_who_knows_how_far_the_others_came_loses_no_race(open_store: Callable[[], AuditStore]) -> None:
    first, second = open_store(), open_store()
    refused: list[int] = []

    def count(response_dict: dict[str, Any], **_rest: object) -> None:
        if response_dict["status_code"] != HTTPStatus.OK:
            refused.append(response_dict["status_code"])

    for store in (first, second):
        store.append(record(id=f"begins-{store is first}"))
        store.table.client.meta.events.register("before-parse.dynamodb.TransactWriteItems", count)
    for number in range(6):
        (first, second)[number % 2].append(record(id=f"turn-{number}"))
    assert not refused
