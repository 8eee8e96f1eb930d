"""Whether anything is shown that may not be: `python -m bench.worlds [WORLDS] [--first SEED] [--own-statistics]`.

Random worlds, each asked over every route and compared with the oracle of `tests/worlds`; every other by words alone. Then
one document gets another access or, in every other two worlds, is taken away: what those are told who never saw it is
compared byte by byte. Whatever differs is printed with the seed of its world, and `python -m bench.worlds 1 --first SEED`
looks at that one again. With `--own-statistics`, as `MNEME_SEARCH__OWN_STATISTICS` has it.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.worlds.opened import Client, empty_home, opened
from tests.worlds.probes import ask_all
from tests.worlds.unmoved import Moved, access_changed, taken_away
from tests.worlds.world import random_world

CHANGES = (access_changed, taken_away)


def look_at(seed: int, home: Path, template: Path, client: Client, **settings: Any) -> Counter[str]:
    """One world; says how much was compared, and prints what differs."""
    world, dice = random_world(seed), random.Random(seed)
    told: Counter[str] = Counter(worlds=1, documents=len(world.papers))
    with opened(world, home, template, client, by_words=bool(seed % 2), **settings) as there:
        try:
            ask_all(there, world.people, dice, refusals=not seed % 50)
            change = CHANGES[seed // 2 % 2]
            moved, compared = change(there, dice)
            told[f"answers compared, {change.__name__}"] += compared
            told[f"answers moved, {change.__name__}"] += len(moved)
            _say(seed, change.__name__, moved)
        except AssertionError as error:
            told["worlds with a difference"] += 1
            print(f"seed {seed}: {str(error)[:2000]}", flush=True)
        told["requests"] += there.requests
    return told


def _say(seed: int, change: str, moved: list[Moved]) -> None:
    for one in moved[:2]:
        pairs = enumerate(zip(one.before, one.after, strict=False))
        at = next((at for at, (before, after) in pairs if before != after), 0)
        print(f"seed {seed}: {change} moved {one.asked.path} {one.asked.about}")
        for said in (one.before, one.after):
            print(f"  {said[max(0, at - 100) : at + 60]!r}", flush=True)


def main() -> None:
    """Look at so many worlds, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("worlds", nargs="?", type=int, default=2000)
    ask.add_argument("--first", type=int, default=0)
    ask.add_argument("--own-statistics", action="store_true")
    given = ask.parse_args()
    began, told = time.monotonic(), Counter[str]()
    client = Client()
    search = {"own_statistics": given.own_statistics}
    shared = Path("/dev/shm")  # noqa: S108  a world is gone in seconds, and each has a home folder of its own
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        template = empty_home(Path(folder) / "empty")
        for seed in range(given.first, given.first + given.worlds):
            told += look_at(seed, Path(folder) / "home", template, client, search=search)
            if told["worlds"] % 100 == 0:
                print(f"{time.monotonic() - began:.0f} s: {dict(told)}", flush=True)
    client.close()
    for name, number in told.items():
        print(f"{number:9,} {name}")
    print(f"{time.monotonic() - began:9.0f} seconds")


if __name__ == "__main__":
    main()
