"""Outlook's archives: the first listing, the memory of either process, an unchanged one, one changed, and fetching.

    python -m bench.pst ARCHIVE [COPIES]

ARCHIVE is a PST or OST file; copies of it are the archives of the source. A copy's messages are read like any, and
found to be known.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.pst.connector import Pst
from connectors.pst.reader import Reader


def main() -> None:
    """Copy the archive, list it three times, and print the figures."""
    archive, copies = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    reader = Reader(archive)
    each = sum(1 for _ in reader.messages())
    reader.close()
    with tempfile.TemporaryDirectory() as folder:
        archives = Path(folder, "archives")
        archives.mkdir()
        for number in range(copies):
            shutil.copy(archive, archives / f"{number}.pst")
        size = copies * archive.stat().st_size / 1e6
        print(f"{copies} archives of {each:,} messages, {size:,.0f} MB")
        config = SourceConfig("old", str(archives), state=Path(folder, "state"))
        found, took = _listed(config)
        print(f"first listing: {took:.2f} s, {copies * each / took:,.0f} messages/s, {size / took:,.0f} MB/s")
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak RSS {own:,.0f} MB here, {worker:,.0f} MB in the worker")
        print(f"nothing changed: {_listed(config)[1]:.3f} s")
        os.utime(archives / "0.pst")
        print(f"one archive touched: {_listed(config)[1]:.2f} s")
        source = Pst(config)
        list(source.changes(None))
        began = time.perf_counter()
        for change in found:
            source.fetch(change.ref)
        took = time.perf_counter() - began
        source.close()
        print(f"fetching {len(found):,}: {len(found) / took:,.0f}/s")


def _listed(config: SourceConfig) -> tuple[list[Upserted], float]:
    began = time.perf_counter()
    found = [change for change in Pst(config).changes(None) if isinstance(change, Upserted)]
    return found, time.perf_counter() - began


if __name__ == "__main__":
    main()
