"""How fast and how big the embedded index is: `python bench/index.py [passages] [--keep FOLDER]`.

Synthetic passages of about 170 tokens with a Zipf vocabulary, random vectors, 200 access tokens.
Prints the upsert rate, the memory, the disk and the time of a hybrid search with an access filter,
before and after `optimise`.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from memory.domain import Access, Asker
from memory.embedding.base import ModelIdentity
from memory.index.base import Entry, Facts, Filters, LegQuery
from memory.index.edge import EdgeIndex
from memory.words import WordAnalyser

SIZE = 384
MODEL = ModelIdentity("random vectors", "0" * 64, SIZE)
WORDS = 130  # a passage of about 170 tokens
TOKENS = [f"group:g{number}" for number in range(200)]


def vocabulary(size: int = 60_000) -> list[str]:
    letters = random.Random(1)
    syllables = ["ka", "ri", "to", "men", "sol", "ver", "trag", "lu", "pe", "ni", "dor", "ha", "bil", "ost"]
    return ["".join(letters.choices(syllables, k=letters.randint(1, 5))) for _ in range(size)]


def passages(count: int, seed: int = 3) -> Iterator[list[Entry]]:
    dice = np.random.default_rng(seed)
    known, analyser = vocabulary(), WordAnalyser()
    centres = dice.normal(size=(500, SIZE)).astype(np.float32)
    for first in range(0, count, 500):
        entries = []
        drawn = np.minimum(dice.zipf(1.15, (500, WORDS)) - 1, len(known) - 1)
        for row, choice in enumerate(drawn[: count - first]):
            number = first + row + 1
            text = " ".join(known[word] for word in choice)
            vector = centres[number % 500] + dice.normal(size=SIZE).astype(np.float32)
            entries.append(
                Entry(
                    id=number,
                    text=text,
                    words=analyser.document(text, "en", 110),
                    facts=Facts(
                        document=f"d{number // 12}",
                        access=Access(frozenset({TOKENS[number // 12 % 200], TOKENS[number // 7 % 200]})),
                        source=f"s{number % 9}",
                        type="page",
                        language="en",
                        people=(f"p{number // 12 % 3000}",),
                        modified=number * 1000,
                    ),
                    vector=vector / np.linalg.norm(vector),
                )
            )
        yield entries


def queries(count: int, tokens: int) -> Iterator[tuple[LegQuery, Asker]]:
    dice, known, analyser = np.random.default_rng(11), vocabulary(), WordAnalyser()
    choose = random.Random(5)
    for _ in range(count):
        text = " ".join(known[word] for word in dice.integers(5, 3000, 4))
        vector = dice.normal(size=SIZE).astype(np.float32)
        asker = Asker(tokens=frozenset(choose.sample(TOKENS, tokens)))
        yield LegQuery(analyser.query(text, ["en"]), vector / np.linalg.norm(vector), Filters()), asker


def measure(index: EdgeIndex, title: str) -> None:
    for tokens in (1, 50):
        times, hits = [], 0
        for query, asker in queries(200, tokens):
            began = time.perf_counter()
            legs = index.search(query, asker)
            times.append((time.perf_counter() - began) * 1000)
            hits += len(legs.words) + len(legs.meaning)
        times.sort()
        print(
            f"{title}, {tokens} tokens: p50 {statistics.median(times):.1f} ms, "
            f"p99 {times[-2]:.1f} ms, {hits / 200:.0f} hits"
        )
    phrase = LegQuery(filters=Filters(phrases=("kari to",)))
    began = time.perf_counter()
    found = len(index.search(phrase, Asker(owner=True)).words)
    print(f"{title}, a phrase: {(time.perf_counter() - began) * 1000:.1f} ms, {found} hits")


def memory() -> str:
    known = psutil.Process().memory_full_info()
    return f"RSS {known.rss >> 20} MB, of it private {known.uss >> 20} MB"


def disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) >> 20


def optimise(index: EdgeIndex) -> None:
    times: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            for query, asker in queries(20, 50):
                began = time.perf_counter()
                index.search(query, asker)
                times.append((time.perf_counter() - began) * 1000)
                time.sleep(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    began = time.perf_counter()
    index.optimise()
    took = time.perf_counter() - began
    done.set()
    thread.join()
    times.sort()
    print(
        f"optimise: {took:.1f} s; {len(times)} queries meanwhile, "
        f"p50 {statistics.median(times):.1f} ms, slowest {times[-1]:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("passages", type=int, nargs="?", default=100_000)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="mneme-bench-"))
    index = EdgeIndex(folder, MODEL)
    print(f"empty: {memory()}")
    took = 0.0
    for entries in passages(options.passages):
        began = time.perf_counter()
        index.upsert(entries)
        took += time.perf_counter() - began
    print(f"upsert: {options.passages / took:.0f} passages/s; {memory()}; disk {disk(folder)} MB")
    measure(index, "as written")
    optimise(index)
    print(f"after it: {memory()}; disk {disk(folder)} MB")
    measure(index, "optimised")
    index.close()
    began = time.perf_counter()
    index = EdgeIndex(folder, MODEL)
    print(f"opened again in {time.perf_counter() - began:.1f} s; {memory()}")
    measure(index, "opened again")
    print(memory())
    index.close()
    if not options.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
