"""Damaged files and exports, thousands for each reader of ours: `python -m bench.fuzz [FILES]`.

As `tests/ingest/test_fuzz.py` and `tests/connectors/test_fuzz_exports.py` do with a few; what fails is printed with its seed, by which it can be made again.
"""

import argparse
import random
import time
import traceback
from collections.abc import Callable
from functools import partial

from tests.connectors import test_fuzz_exports as exports
from tests.ingest.test_fuzz import FORMATS, attempt, damaged


def main() -> None:
    """Damage and read, and print how many and how fast."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("files", nargs="?", type=int, default=5_000)
    files = given.parse_args().files
    for name, (_, valid) in FORMATS.items():
        data = valid()
        _tried(name, files, lambda dice, name=name, data=data: attempt(name, damaged(data, dice)))  # type: ignore[misc]
    for kind, made in exports.KINDS.items():
        _tried(kind, files, partial(exports.attempt_damaged, kind, made()))


def _tried(name: str, files: int, read: Callable[[random.Random], object]) -> None:
    failed, longest, began = 0, 0.0, time.perf_counter()
    for seed in range(files):
        started = time.perf_counter()
        try:
            read(random.Random(seed))
        except Exception:  # noqa: BLE001 - whatever it is, it is what this looks for
            failed += 1
            print(f"{name}, seed {seed}: {traceback.format_exc(limit=-2)}", flush=True)
        longest = max(longest, time.perf_counter() - started)
    took = time.perf_counter() - began
    print(
        f"{name}: {files:,} tries, {failed} faults, {files / took:,.0f}/s, longest {longest:.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
