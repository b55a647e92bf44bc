"""What a record costs where a million of them are, against ten thousand, and the memory that verifying them takes.

Run: python -m bench.large [--records N] [--rounds N] [--json FILE]
It takes a quarter of an hour, and some 8 GB of memory for DynamoDB Local.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import filling, measure, subjects
from bench.measure import Figure
from bench.reading import seconds
from bench.writing import SINGLE, rate
from tests import engines

if TYPE_CHECKING:
    from audit_core.store import AuditStore

TABLE = "bench_large"
SHORT = 10_000
MOST_MEGABYTES = 300


def verifying(store: AuditStore, tenant: str, records: int) -> float:
    """Seconds that verifying takes for each record."""

    def verify() -> None:
        report = store.verify(subjects.NAMESPACE, tenant)
        assert report.verdict.value == "intact", report

    return seconds(verify) / records


def appending(store: AuditStore, tenant: str) -> float:
    """Seconds that an append takes."""
    return 1 / rate(lambda one: store.append(subjects.record(one)), [tenant] * SINGLE)


def memory_of_the_command(url: str, tenant: str) -> float:
    """Megabytes that the command takes at most while it verifies a chain, in a process of its own."""
    command = [sys.executable, "-m", "audit_core", "verify", "--namespace", subjects.NAMESPACE, "--tenant", tenant]
    environ = {**os.environ, "AUDIT__URL": url, "AUDIT__TABLE_NAME": TABLE}
    process = subprocess.Popen([*command, "--json"], env=environ, stdout=subprocess.PIPE)
    assert process.stdout is not None
    verdict = json.loads(process.stdout.read())["verdict"]
    _pid, _status, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    assert verdict == "intact"
    return usage.ru_maxrss / 1024


def measured(url: str, records: int, rounds: int) -> list[Figure]:
    """Fill the table, then take both chains in turns."""
    store = engines.open_local(url, TABLE)
    started = time.perf_counter()
    filling.fill(url, TABLE, {"long": records, "short": SHORT})
    print(f"{records + SHORT:,} records went in within {time.perf_counter() - started:.0f} s")
    gc.freeze()
    verify, append = ([], []), ([], [])
    for tenant in ("long", "short"):
        appending(store, tenant)  # finds the tip
    verifying(store, "short", SHORT)
    for _ in range(rounds):
        for place, (tenant, count) in enumerate((("long", records), ("short", SHORT))):
            verify[place].append(verifying(store, tenant, count) * 1e6)
            append[place].append(appending(store, tenant) * 1e3)
    store.close()
    memory = [memory_of_the_command(url, "long")]
    return [
        Figure(f"verify a record of {records:,} against {SHORT:,}", "us", *verify, 1.1, at_most=True),
        Figure(f"append behind {records:,} against {SHORT:,}", "ms", *append, 1.1, at_most=True),
        Figure(f"memory while verifying {records:,}", "MB", memory, None, MOST_MEGABYTES, at_most=True),
    ]


def main() -> None:
    """Measure, and show the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with measure.dynamodb_local("-Xmx14g") as url:
        figures = measured(url, options.records, options.rounds)
    measure.show(figures, options.json)


if __name__ == "__main__":
    main()
