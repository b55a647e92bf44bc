"""Where the time goes on DynamoDB Local, of an append and of a verification.

An append: the engine, HTTP, botocore, and what is left to `audit_core`. A verification: the processors' time that the
engine takes and that this process takes, with all that it has under way at once; and the same requests alone.

Run: python -m bench.shares
"""

from __future__ import annotations

import http.client
import os
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session

from bench import filling, floor, measure, subjects
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "bench_shares"
RECORDS = 3000
VERIFIED = 20_000
ROUNDS = 8
"""Verifications of a chain, of which the later half is counted."""

WARMING = 0.5
"""What part goes first and is not counted: the engine's machine compiles its code while it runs."""

LAYERS = {
    "botocore": (BaseClient, "_make_api_call"),
    "HTTP": (URLLib3Session, "send"),
    "waiting for the engine": (http.client.HTTPConnection, "getresponse"),
}
"""From the outside in: each calls the next, so what one takes is its time without that of the next."""


@contextmanager
def timed(layer: str, owner: Any, name: str, spent: dict[str, float]) -> Iterator[None]:
    """Add up what a function takes."""
    original = getattr(owner, name)

    def measured(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return original(*arguments, **named)
        finally:
            spent[layer] += time.perf_counter() - started

    setattr(owner, name, measured)
    yield
    setattr(owner, name, original)


def append(url: str) -> None:
    """Append one at a time, by sixteen and by fifty, and print what each layer took (ms an append)."""
    store, tenant = engines.open_local(url, TABLE), subjects.new_tenant()
    for size in (1, 16, 50):
        batches = [[subjects.record(tenant) for _ in range(size)] for _ in range(RECORDS // size)]
        warming = int(len(batches) * WARMING)
        for batch in batches[:warming]:
            store.append_many(batch)
        spent: dict[str, float] = defaultdict(float)
        with ExitStack() as stack:
            for layer, (owner, name) in LAYERS.items():
                stack.enter_context(timed(layer, owner, name, spent))
            started = time.perf_counter()
            for batch in batches[warming:]:
                store.append_many(batch)
            whole = time.perf_counter() - started
        layers = {"audit_core": whole} | {layer: spent[layer] for layer in LAYERS}
        each = 1000 / (len(batches) - warming)
        parts = (
            f"{layer} {(outer - inner) * each:.1f}"
            for layer, (outer, inner) in zip(layers, pairwise((*layers.values(), 0.0)), strict=True)
        )
        print(f"append of {size}: {whole * each:.1f} ms, of it {', '.join(parts)}")
    store.close()


def verify(url: str, *, elsewhere: bool) -> None:
    """Verify a chain, and send the same requests alone one after another; print what each took (us a record)."""
    store, tenant = engines.open_local(url, TABLE), subjects.new_tenant()
    filling.fill(url, TABLE, {tenant: VERIFIED}, elsewhere=elsewhere)
    recording = floor.Recording(store.table.client)
    store.verify(subjects.NAMESPACE, tenant)
    recording.stop()
    ways = {
        f"verify a record{' written elsewhere' if elsewhere else ''}": lambda: store.verify(subjects.NAMESPACE, tenant),
        "the same requests alone": lambda: floor.replay(url, recording.requests),
    }
    taken = {name: [measure.spent(way) for _ in range(ROUNDS)][ROUNDS // 2 :] for name, way in ways.items()}
    store.close()
    for name, rounds in taken.items():
        elapsed, engine, own = (
            statistics.mean(values) * 1_000_000 / VERIFIED
            for values in zip(*((one.elapsed, one.engine, one.own) for one in rounds), strict=True)
        )
        print(
            f"{name}: {elapsed:.0f} us; processors' time of the engine {engine:.0f}, of this process {own:.0f}, "
            f"idle {max(0.0, elapsed * (os.cpu_count() or 1) - engine - own):.0f}"
        )


def main() -> None:
    with measure.dynamodb_local() as url:
        append(url)
        for elsewhere in (False, True):
            verify(url, elsewhere=elsewhere)


if __name__ == "__main__":
    main()
