"""A working day in small: fifty people search, read and think while a sync runs, for half an hour.

    python -m bench.load [MINUTES] [--users 50] [--think 10] [--passages 100000] [--home FOLDER]

A real service over a memory of 100,000 passages. First one client alone, for the quiet p50. Then each user waits (exponentially distributed, ten
seconds in the mean) and asks: eight of ten times a search, else a page of results, or a document that the last search found. Meanwhile a folder is synced whose
files keep changing, so that parsing, embedding and writing never pause. Memory is that of the service with all its processes (PSS), every 15 seconds:
what they hold (anonymous), and what of files is mapped, which the system takes back when it needs room.
"""

import argparse
import http.client
import json
import random
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import psutil

from api.settings import load
from bench.big_memory import build, home, queries, texts
from bench.query import Client, percentile, serving, timed

FILES = 2_000
PARAGRAPHS = 3
PARAGRAPHS_KNOWN = 3_000
EVERY_S = 15
QUIET = 300


@dataclass
class Seen:
    """What the users saw: milliseconds of each answer by what was asked, and everything that was none."""

    took: dict[str, list[float]] = field(default_factory=lambda: {"search": [], "page": [], "document": []})
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


def user(number: int, address: str, think_s: float, until: float, seen: Seen) -> None:
    """One person until the end."""
    dice, words = random.Random(number), queries(200, seed=1_000 + number)
    document = ""
    while (wait := dice.expovariate(1 / think_s)) + time.monotonic() < until:
        time.sleep(wait)
        what = dice.choices(("search", "page", "document"), (8, 1, 1))[0]
        if what == "document" and not document:
            what = "search"
        about = quote(dice.choice(words))
        path = {
            "search": f"/api/search?q={about}",
            "page": f"/?q={about}",
            "document": f"/api/documents/{document}",
        }[what]
        # Whoever has thought for seconds comes back over a new connection: the service has closed the old one.
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        began = time.perf_counter()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            status = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            status, body = type(error).__name__, b""
        connection.close()
        with seen.lock:
            if status == "200":
                seen.took[what].append((time.perf_counter() - began) * 1000)
            else:
                seen.errors[f"{what} {status}"] += 1
        if status == "200" and what == "search" and (found := json.loads(body)["results"]):
            document = found[0]["document"]


def syncing(address: str, folder: Path, known: list[str], until: float, done: list[dict[str, int]]) -> None:
    """Sync the folder again and again; a quarter of its files are others each time."""
    with httpx.Client(base_url=address, timeout=300, trust_env=False) as client:
        client.delete("/api/sources/feed")
        new = {"kind": "folder", "location": str(folder), "name": "feed", "grant": ["public"]}
        client.post("/api/sources", json=new).raise_for_status()
        for turn in count():
            client.post("/api/sync", json={"sources": ["feed"]}).raise_for_status()
            while (job := client.get("/api/sync").json())["state"] == "running" and time.monotonic() < until:
                time.sleep(1)
            if time.monotonic() >= until:
                client.delete("/api/sync")
                return
            done.append({name: job["summaries"][0].get(name, 0) for name in ("indexed", "failed")})
            write(folder, range(turn % 4, FILES, 4), known, turn + 1)


def write(folder: Path, numbers: range, known: list[str], turn: int) -> None:
    """Each paragraph is new by its number. Their words are made up beforehand: that would take time from those who are measured."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(turn)
    for number in numbers:
        some = (f"{turn}{number}{place} {dice.choice(known)}" for place in range(PARAGRAPHS))
        (folder / f"{number}.txt").write_text("\n\n".join(some))


@dataclass(frozen=True)
class Size:
    """The memory of all processes in MB, at a minute."""

    minute: float
    held: float
    mapped: float
    by_process: dict[int, float]
    """What each holds."""


def watch(process: psutil.Process, until: float, sizes: list[Size]) -> None:
    began = time.monotonic()
    while time.monotonic() < until:
        held, mapped = dict[int, float](), 0.0
        for each in (process, *process.children(recursive=True)):
            try:
                shares = proportional(each.pid)
            except OSError:
                continue  # it has just ended
            held[each.pid] = shares["Pss_Anon"] + shares["Pss_Shmem"]
            mapped += shares["Pss_File"]
        sizes.append(Size((time.monotonic() - began) / 60, sum(held.values()), mapped, held))
        time.sleep(EVERY_S)


def proportional(pid: int) -> dict[str, float]:
    """Its shares of memory in MB, as Linux tells them (``/proc/PID/smaps_rollup``; what several map is divided among them).

    :raises OSError: where it has ended.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {
        name: int(rest.split()[0]) * 1024 / 1e6 for name, _, rest in (line.partition(":") for line in lines)
    }


def main() -> None:
    """Build the memory where it is missing, let them in, and print the figures."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("minutes", nargs="?", type=float, default=30)
    ask.add_argument("--users", type=int, default=50)
    ask.add_argument("--think", type=float, default=10)
    ask.add_argument("--passages", type=int, default=100_000)
    ask.add_argument("--home", type=Path)
    given = ask.parse_args()
    settings = load(home=home(given.home))
    build(settings, given.passages)
    seen, done, sizes = Seen(), list[dict[str, int]](), list[Size]()
    known, feed = list(islice(texts(17, 130), PARAGRAPHS_KNOWN)), settings.home / "feed"
    write(feed, range(FILES), known, 0)
    with serving(settings.home) as (address, process):
        search = Client(address)
        timed(search, queries(50, seed=99))
        quiet = statistics.median(timed(search, queries(QUIET, seed=98)))
        until = time.monotonic() + given.minutes * 60
        doing = [
            threading.Thread(target=user, args=(n, address, given.think, until, seen))
            for n in range(given.users)
        ]
        doing.append(threading.Thread(target=syncing, args=(address, feed, known, until, done)))
        doing.append(threading.Thread(target=watch, args=(process, until, sizes)))
        for each in doing:
            each.start()
        for each in doing:
            each.join()
    report(quiet, given.minutes, seen, done, sizes)


def report(quiet: float, minutes: float, seen: Seen, done: list[dict[str, int]], sizes: list[Size]) -> None:
    print(f"alone and quiet           p50 {quiet:6.1f} ms")
    for what, took in seen.took.items():
        if len(took) > 1:
            p99 = percentile(took, 99)
            print(
                f"{what:<12} {len(took):>6} answered   p50 {statistics.median(took):6.1f} ms   p99 {p99:7.1f} ms"
                f"   ({p99 / quiet:.1f} times the quiet p50)   longest {max(took):.0f} ms"
            )
    print(f"not answered              {dict(seen.errors) or 'none'}")
    indexed = sum(each["indexed"] for each in done)
    print(
        f"syncs ended meanwhile     {len(done)}, {indexed:,} documents indexed, {sum(each['failed'] for each in done)} failed"
    )
    for what, series in (
        ("held", [(each.minute, each.held) for each in sizes]),
        ("mapped files", [(each.minute, each.mapped) for each in sizes]),
    ):
        parts = ", ".join(f"{size:.0f}" for size in by_part(series, 6))
        print(f"memory, {what:<18}{parts} MB by sixths of {minutes:g} minutes{slope(series, minutes / 3)}")
    for pid in sorted({pid for each in sizes for pid in each.by_process}):
        own = [(each.minute, each.by_process[pid]) for each in sizes if pid in each.by_process]
        print(
            f"  process {pid}: {own[0][1]:.0f} MB at minute {own[0][0]:.0f}, {own[-1][1]:.0f} MB at minute {own[-1][0]:.0f}{slope(own, minutes / 3)}"
        )


def slope(series: list[tuple[float, float]], since: float) -> str:
    """How it grows after a minute, by least squares."""
    late = [each for each in series if each[0] > since]
    if len(late) <= 2:
        return ""
    grows = float(np.polyfit([at for at, _ in late], [size for _, size in late], 1)[0])
    return f"; {grows:+.2f} MB a minute over the last two thirds"


def by_part(sizes: list[tuple[float, float]], parts: int) -> list[float]:
    end = max(at for at, _ in sizes) + 1e-9
    found = [[size for at, size in sizes if int(at / end * parts) == part] for part in range(parts)]
    return [statistics.mean(each) for each in found if each]


if __name__ == "__main__":
    main()
