"""Where the time of an append goes on DynamoDB Local: the engine, HTTP, botocore, and what is left to `audit_core`.

Run: python -m bench.shares
"""

from __future__ import annotations

import http.client
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session

from bench import measure, subjects
from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = 3000
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


def main() -> None:
    """Append one at a time, by sixteen and by fifty, and print what each layer took (ms an append)."""
    with measure.dynamodb_local() as url:
        store, tenant = engines.open_local(url, "bench_shares"), subjects.new_tenant()
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


if __name__ == "__main__":
    main()
