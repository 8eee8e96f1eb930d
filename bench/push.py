"""Documents that programs put here: putting, a first listing, one after one change, memory.

python -m bench.push [DOCUMENTS]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from connectors.base import Change, Checkpoint, SourceConfig
from connectors.push import Push, Pushed, PushStore

PUT = 1_000
"""Documents of which the time is taken; the others are put alike."""


def main() -> None:
    """Fill a store, list it twice, and print the figures."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        store = PushStore(Path(folder))
        store.create()
        began = time.perf_counter()
        for number in range(PUT):
            store.put(pushed(number))
        print(f"put one by one: {PUT / (time.perf_counter() - began):,.0f}/s")
        for number in range(PUT, wanted):
            store.put(pushed(number))
        source = Push(SourceConfig("crm", folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told, took = walk(source, None)
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        print(f"listing: {len(told) - 1:,} in {took:.2f} s, {more:,.0f} MB more")
        store.put(Pushed("7", b"Another text.", {}))
        last = told[-1]
        assert isinstance(last, Checkpoint)
        told, took = walk(source, last.cursor)
        print(f"one changed: {took * 1000:.1f} ms, {len(told) - 1} to fetch")


def pushed(number: int) -> Pushed:
    """A document of a few hundred bytes."""
    return Pushed(
        f"{number}", f"Customer {number} is content.".encode() * 20, {"title": f"Customer {number}"}
    )


def walk(source: Push, since: str | None) -> tuple[list[Change], float]:
    """What is told, and in how many seconds."""
    began = time.perf_counter()
    told = list(source.changes(since))
    return told, time.perf_counter() - began


if __name__ == "__main__":
    main()
