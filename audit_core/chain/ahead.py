"""Takes the steps of a verification ahead: ranges of sequence numbers, a few requests in flight, taken in order.

Following `LastEvaluatedKey` makes every page wait for the one before, but a chain's pages can be predicted: positions
are consecutive. Where much of it is gone they cannot, and it is read page after page. At most `AHEAD` answers wait at
any time, each of 1 MB at most, so memory is bounded.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import BrokenExecutor, wait
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from audit_core.chain.fetch import Question, position_of
from audit_core.errors import EngineError
from audit_core.items import MAX_NUMBER_DIGITS
from audit_core.table import MAX_PAGE
from audit_core.tip import sequence_range

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

    from audit_core.chain.fetch import IndexPage, Source
    from audit_core.items import Item
    from audit_core.table import KeyRange

__all__ = ["AHEAD", "PAGE", "in_order", "index_pages"]

AHEAD = 8
"""Steps that are under way, or done and not taken yet: more than are under way at once (`table.AT_ONCE`).

Answers do not come in the order of the questions, and one that is late should not leave the engine idle.
"""

PAGE = 500
"""Records that one request of a verification reads."""

PATIENCE_SECONDS = 0.05
"""How long an answer is waited for in one go; whoever looks on is not answered before that."""

_DENSE = Decimal("0.5")
"""The share of a range's positions that have to stand for the next ranges to be predicted."""

Made = TypeVar("Made")
Wanted = TypeVar("Wanted")


def in_order(
    submit: Callable[[Wanted], Future[Made]], wanted: Iterable[Wanted], most: int = AHEAD, *, at_once: int = 1
) -> Iterator[tuple[Wanted, Made] | None]:
    """Have each of what is `wanted` made by `submit`, and yield it with what came of it, in order; None while it waits.

    `at_once` are made at first, and one more with each that was taken, up to `most`: who needs little reads no more
    than that. Who takes no more leaves the rest undone. Raises what making raises, and `EngineError` where a
    process that makes ended.
    """
    pending: deque[tuple[Wanted, Future[Made]]] = deque()
    try:
        for one in wanted:
            pending.append((one, submit(one)))
            if len(pending) >= at_once:
                at_once = min(at_once + 1, most)
                yield from _first(pending)
        while pending:
            yield from _first(pending)
    except BrokenExecutor as error:
        message = "A process that reads for the verification has ended; verify again, with fewer processes."
        raise EngineError(message) from error
    finally:
        for _one, future in pending:
            future.cancel()


def _first(pending: deque[tuple[Wanted, Future[Made]]]) -> Iterator[tuple[Wanted, Made] | None]:
    one, future = pending[0]
    made = yield from _answer(future)
    pending.popleft()
    yield one, made


def _answer(future: Future[Made]) -> Generator[None, None, Made]:
    """Wait for an answer; yields meanwhile, so that whoever waits for a slow engine can do something else, or stop."""
    while not wait((future,), PATIENCE_SECONDS).done:
        yield
    return future.result()


def index_pages(
    source: Source, first: int, upper: int | None, last: int | None, *, judged: bool = False
) -> Iterator[tuple[IndexPage, bool] | None]:
    """Read a chain's index from `first` on (0: from below it), in order; each page with whether it was the last.

    None comes while one is waited for.

    `upper` is the chain's last position and `last` that of the range asked for, both inclusive, None where there is no
    such bound: up to there pages are predicted, and below the chain's last position `judged`. Raises `EngineError`.
    """
    keys, start, low = sequence_range(source.chain, first or None, None), None, first
    bounds = [bound for bound in (upper, last) if bound is not None]
    end = min(bounds) + 1 if bounds else 0
    # the chain's last position needs its fence, and what lies past the range is context alone
    below = min(upper, end) if judged and upper is not None else None
    while True:
        # of a short range no more than it and what follows it
        limit = PAGE if last is None or low > last else min(PAGE, last - low + 2)
        page = yield from _answer(source.table.submit(source.page, Question(keys, start, limit, below)))
        yield page, page.last_key is None
        if page.last_key is None:
            return
        start = page.last_key
        position = position_of(page.last_key)[0]
        reached = int(position)
        # a start key has to lie in the range that is asked for
        dense = position >= low and page.found >= _DENSE * (reached - low + 1)
        low = max(low, reached)
        if dense and end - low > PAGE:
            low = yield from _predicted(source, low, end, start, below)
            keys, start = sequence_range(source.chain, low, None), None


def _predicted(
    source: Source, low: int, end: int, start: Item | None, below: int | None
) -> Generator[tuple[IndexPage, bool] | None, None, int]:
    """Read positions from `low` to before `end` by ranges, as long as they are dense; returns where it ended.

    `start` is the key of what was read last.
    """
    span, dense = PAGE, True
    reached = low

    def ranges() -> Iterator[Question]:
        nonlocal reached
        key = start
        while dense and reached < end:
            first, reached = reached, min(reached + span, end)
            yield Question(_up_to(sequence_range(source.chain, first, None), reached), key, MAX_PAGE, below)
            key = None

    most = AHEAD if source.pool is None else AHEAD + source.pool.at_once
    for read in in_order(source.submit, ranges(), most, at_once=most):
        if read is None:
            yield None
            continue
        question, page = read
        found = page.found
        yield page, False
        while page.last_key is not None:
            span = max(1, min(span, page.found))  # an answer ends at 1 MB
            page = yield from _answer(source.table.submit(source.page, question._replace(start=page.last_key)))
            found += page.found
            yield page, False
        first, last = (Decimal(bound or 0) for bound in (question.keys.first, question.keys.last))
        dense = dense and found >= _DENSE * (last - first)
    return reached


def _up_to(keys: KeyRange, end: int) -> KeyRange:
    """Return the part of a range below `end`: up to the last number of 38 digits before it, so that no crack is left.

    `499.5` is a valid number, and an intruder's; DynamoDB's key conditions know no exclusive bound on both sides.
    """
    whole = str(end - 1)
    fraction = "9" * (MAX_NUMBER_DIGITS - (len(whole) if end > 1 else 0))
    return replace(keys, last=f"{whole}.{fraction}" if fraction else whole)
