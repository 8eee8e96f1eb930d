"""How fast an unchanged folder is listed: `python bench/folder.py [files] [runs]`, files/s of a full walk.

With and without rules take turns over the same files: on shared cores two runs of one and the same walk
differ by half, so figures from separate processes cannot be compared.
"""

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

from connectors.base import SourceConfig, Upserted
from connectors.folder import Folder
from memory.domain import Access


def main() -> None:
    """Create the files, list them in turns and print the median and the range of each configuration."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("files", nargs="?", type=int, default=50_000)
    ask.add_argument("runs", nargs="?", type=int, default=7)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as place:
        create(Path(place), given.files)
        rules = tuple((f"team{n}/**/*.txt", Access(frozenset({f"group:{n}"}))) for n in range(10))
        configs = {
            "plain": SourceConfig("bench", place),
            "10 rules, include, exclude": SourceConfig(
                "bench", place, rules=rules, include=("*.txt",), exclude=("drafts/",)
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in configs}
        for _ in range(given.runs):
            for name, config in configs.items():
                seconds[name].append(walk(config, given.files))
    for name, taken in seconds.items():
        rates = [given.files / each for each in taken]
        print(
            f"{name}: median {statistics.median(rates):,.0f} files/s ({min(rates):,.0f} to {max(rates):,.0f})"
        )
    plain, ruled = (statistics.median(taken) for taken in seconds.values())
    print(
        f"time with rules / plain: {ruled / plain:.2f}; {given.files:,} files, {given.runs} runs each, warm cache"
    )
    print(f"largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def walk(config: SourceConfig, files: int) -> float:
    """Seconds of one full walk, which must list every file."""
    start = time.perf_counter()
    listed = sum(isinstance(change, Upserted) for change in Folder(config).changes(None))
    taken = time.perf_counter() - start
    assert listed == files
    return taken


def create(root: Path, files: int) -> None:
    """Small files, a hundred to a folder, ten folders to a team."""
    for first in range(0, files, 100):
        folder = root / f"team{first // 1000}" / f"Verträge {first // 100}"
        folder.mkdir(parents=True)
        for number in range(first, min(first + 100, files)):
            (folder / f"document {number}.txt").write_bytes(b"x")


if __name__ == "__main__":
    main()
