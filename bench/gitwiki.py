"""A large repository: listing, memory, and a second sync after one document changed.

    python -m bench.gitwiki [FILES] [COMMITS]

The repository is made by `git fast-import`: FILES Markdown files, COMMITS commits by 50 people that each change some of them, and move a few.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from connectors.base import Checkpoint, SourceConfig, Upserted
from connectors.gitwiki.connector import GitWiki
from memory.domain import SourceRef

_WORDS = [
    "budget",
    "contract",
    "supplier",
    "invoice",
    "delivery",
    "warranty",
    "notice",
    "clause",
    "board",
    "meeting",
]


def main() -> None:
    """Make the repository and print the figures, each step in a process of its own so that its memory is its own."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("files", nargs="?", type=int, default=50_000)
    ask.add_argument("commits", nargs="?", type=int, default=20_000)
    ask.add_argument("--step", default="", help=argparse.SUPPRESS)
    ask.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.step:
        step(given.step, given.place)
        return
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        make(Path(place), given.files, given.commits)
        print(
            f"{given.files:,} files, {given.commits:,} commits, made in {time.perf_counter() - began:.0f} s"
        )
        for name in (
            "first walk",
            "again",
            "nothing new",
            "one changed",
            "one folder moved",
            "CODEOWNERS",
            "one original",
        ):
            sys.stdout.flush()
            words = [sys.executable, "-m", "bench.gitwiki", "--step", name, "--place", place]
            subprocess.run(words, check=True)


def step(name: str, place: Path) -> None:
    """One walk, and what it took."""
    repository, cursor = place / "wiki.git", place / "cursor"
    since = None if name in ("first walk", "again") else cursor.read_text()
    if name == "one changed":
        append(repository, "M 100644 inline team1/topic1/page101.md\n", "changed")
    if name == "one folder moved":
        append(repository, "R team2 moved\n")
    if name == "CODEOWNERS":
        rules = "\n".join(f"/team{n}/ @owner{n} lead{n}@x.example" for n in range(50))
        append(repository, "M 100644 inline CODEOWNERS\n", "* @everybody\n" + rules)
    connector = GitWiki(SourceConfig("wiki", str(repository), state=place / "state"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    if name == "one original":
        body = connector.fetch(SourceRef("gitwiki", "wiki", "team1/topic1/page101.md")).read()
        print(f"{name}, without a walk: {time.perf_counter() - began:.2f} s")
        assert body == b"changed"
        connector.close()
        return
    count, last = 0, None
    listed: list[SourceRef] = []
    for last in connector.changes(since):
        count += not isinstance(last, Checkpoint)
        if isinstance(last, Upserted) and len(listed) < 5000:
            listed.append(last.ref)
    took = time.perf_counter() - began
    assert isinstance(last, Checkpoint)
    cursor.write_text(last.cursor)
    most = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    git = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{name}: {count:,} changes, {took:.2f} s, {count / took:,.0f}/s; {most:,.0f} MB more at most, git {git:,.0f} MB"
    )
    if name == "first walk":
        began = time.perf_counter()
        for ref in listed[:5000]:
            connector.fetch(ref)
        print(f"  {len(listed[:5000]) / (time.perf_counter() - began):,.0f} documents fetched a second")
    connector.close()


def make(place: Path, files: int, commits: int) -> None:
    """Files in 50 teams of topics of a hundred; every commit changes five, every hundredth moves one."""
    choose = random.Random(1)
    names = [f"team{n % 50}/topic{n // 100}/page{n}.md" for n in range(files)]
    fresh = list(range(files))
    per_commit = max(1, files // commits + 1)

    def stream() -> Iterator[str]:
        for number in range(commits):
            yield header(number, f"person{number % 50}")
            for _ in range(per_commit):
                if fresh:
                    yield put(names[fresh.pop()], choose)
            for _ in range(3):
                yield put(names[choose.randrange(len(fresh), files)], choose) if len(fresh) < files else ""
            if number % 100 == 99:
                at = choose.randrange(len(fresh), files)
                moved = names[at].replace("page", "moved-page")
                yield f"R {names[at]} {moved}\n"
                names[at] = moved
            yield "\n"

    imported(place / "wiki.git", stream(), new=True)


def put(name: str, choose: random.Random) -> str:
    text = f"# {name}\n\n" + "\n".join(" ".join(choose.choices(_WORDS, k=12)) for _ in range(20))
    return f"M 100644 inline {name}\ndata {len(text)}\n{text}\n"


def header(number: int, who: str) -> str:
    return (
        f"commit refs/heads/main\ncommitter {who} <{who}@x.example> {1_600_000_000 + number * 3600} +0000\n"
        f"data 7\nchange\n\n"
    )


def append(repository: Path, change: str, text: str = "") -> None:
    data = f"data {len(text)}\n{text}\n" if text else ""
    said = header(30_000, "late")
    imported(repository, iter([said, "from refs/heads/main^0\n", change + data, "\n"]), new=False)


def imported(repository: Path, stream: Iterator[str], *, new: bool) -> None:
    environment = {"PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
    if new:
        subprocess.run(
            ["git", "init", "-q", "--bare", "-b", "main", str(repository)], env=environment, check=True
        )
    words = ["git", "-C", str(repository), "fast-import", "--quiet", "--force"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)
    assert process.stdin
    for text in stream:
        process.stdin.write(text.encode())
    process.stdin.close()
    assert process.wait() == 0


if __name__ == "__main__":
    main()
