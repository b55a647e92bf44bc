"""How long `import audit_core` takes over `import boto3` alone, each in fresh processes, interleaved.

Run: python bench/import_time.py [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    """Start a fresh interpreter that imports one module, and return how long it took."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for module in ("boto3", "audit_core"):
        seconds(module)  # the first import writes byte code
    pairs = [(seconds("boto3"), seconds("audit_core")) for _ in range(rounds)]
    alone, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    over = statistics.median(pair[1] - pair[0] for pair in pairs)
    print(f"import boto3       {alone * 1000:6.0f} ms")
    print(f"import audit_core  {ours * 1000:6.0f} ms")
    print(f"over boto3 alone   {over * 1000:6.0f} ms, median of {rounds} interleaved rounds; asked: under 300 ms")


if __name__ == "__main__":
    main()
