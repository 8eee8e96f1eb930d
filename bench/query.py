"""How fast a search is through HTTP: `python -m bench.query [passages]`.

The shipped route with facets, people and highlights on, distinct queries, no cache, against the sum of its
unavoidable parts: embedding the query and the raw legs of the index. Then eight clients at once, against
embedding alone with eight threads. Then the memory of the service.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil

from api.settings import load
from api.wiring import NAME, open_memory
from bench.big_memory import build, home, queries
from memory import registry
from memory.domain import OWNER
from memory.embedding.base import Embedder
from memory.index.base import LegQuery


def timed(call: Callable[[str], object], texts: list[str]) -> list[float]:
    """Milliseconds of each call."""
    taken = []
    for text in texts:
        began = time.perf_counter()
        call(text)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def at_once(call: Callable[[str], object], texts: list[str], clients: int) -> tuple[list[float], float]:
    """Milliseconds of each call with so many clients at once, and calls per second."""
    taken: list[float] = []
    lock = threading.Lock()

    def one(text: str) -> None:
        began = time.perf_counter()
        call(text)
        with lock:
            taken.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(one, texts))
    return taken, len(texts) / (time.perf_counter() - began)


class Client:
    """Searches over one lasting connection per thread; the client shares the processors, so it is a thin one."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc
        self._local = threading.local()

    def __call__(self, text: str) -> bytes:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._host)
        self._local.connection.request("GET", f"/api/search?q={quote(text)}")
        response = self._local.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"status {response.status}: {body[:200]!r}")
        return body


def percentile(taken: list[float], share: int) -> float:
    """The time below which this share (in percent) of the calls stayed."""
    return statistics.quantiles(taken, n=100)[share - 1]


def main() -> None:
    """Build the memory where it is missing, measure and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("passages", nargs="?", type=int, default=100_000)
    ask.add_argument("--home", type=Path)
    ask.add_argument("--queries", type=int, default=300)
    given = ask.parse_args()
    settings = load(home=home(given.home))
    build(settings, given.passages)
    texts = queries(given.queries * 3)
    parts, alone = raw(settings, texts[: given.queries])
    with serving(settings.home) as (address, process):
        search = Client(address)
        timed(search, queries(50, seed=99))
        whole = timed(search, texts[given.queries : 2 * given.queries])
        many, rate = at_once(search, texts[2 * given.queries :], 8)
        size = sum(p.memory_full_info().pss for p in (process, *process.children(recursive=True)))
    p50 = statistics.median(whole)
    print(f"embedding + raw legs      p50 {parts:6.1f} ms")
    print(f"through HTTP, 1 client    p50 {p50:6.1f} ms   ratio {p50 / parts:.2f}")
    print(
        f"through HTTP, 8 clients   p50 {statistics.median(many):6.1f} ms   p99 {percentile(many, 99):6.1f} ms   "
        f"p99/p50 {percentile(many, 99) / statistics.median(many):.2f}   {rate:.0f}/s, "
        f"{rate / alone:.2f} of embedding alone ({alone:.0f}/s)"
    )
    print(f"service memory (PSS)      {size / 1e6:.0f} MB")


def raw(settings, texts: list[str]) -> tuple[float, float]:
    """The p50 of embedding a query plus the legs, and queries embedded per second by eight threads."""
    memory = open_memory(settings, "bench")
    try:
        index = memory.index
        memory.wait_for_model()
        embedder = registry.need(NAME, Embedder)
        languages = memory.catalogue.documents.languages(OWNER)

        def legs(text: str) -> object:
            words = memory.words.query(text, languages)
            return index.search(LegQuery(words, embedder.embed_query(text)), OWNER)

        timed(legs, queries(50, seed=98))
        p50 = statistics.median(timed(legs, texts))
        _, rate = at_once(embedder.embed_query, texts, 8)
        return p50, rate
    finally:
        memory.close()


class serving:  # noqa: N801 - reads as a word in `with serving(...)`
    """A real service over the home folder, ready by meaning.

    :param settings: further environment variables of it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._settings = settings or {}

    def __enter__(self) -> tuple[str, psutil.Process]:
        code = "from api.cli import main; main()"
        command = [sys.executable, "-c", code, "serve", "--port", "0", "--json"]
        import os

        environment = {**os.environ, "MNEME_HOME": str(self._folder), **self._settings}  # noqa: TID251
        began = time.perf_counter()
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        address = json.loads(self._process.stdout.readline())["address"]  # type: ignore[union-attr]
        words = time.perf_counter() - began
        while not httpx.get(f"{address}/healthz", timeout=60, trust_env=False).json()["meaning"]:
            time.sleep(0.1)
        print(f"ready by words after {words:.1f} s, by meaning after {time.perf_counter() - began:.1f} s")
        return address, psutil.Process(self._process.pid)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


if __name__ == "__main__":
    main()
