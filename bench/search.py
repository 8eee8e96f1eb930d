"""Where the time of a search goes beyond embedding and raw legs: `python -m bench.search [passages]`.

In this process, with the hash model (embedding it costs nothing), owner and a person with 20 tokens; distinct
queries, no cache. `beyond` is the whole search less embedding and legs, each query measured in turn. Then the shipped search
against a plain hybrid (RRF), one after the other for each query; with another `--model`, embedding counts too.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from api.settings import load
from api.wiring import NAME, open_memory
from bench.big_memory import build, home, queries
from memory import registry
from memory.domain import OWNER, Asker
from memory.embedding.base import Embedder
from memory.index.base import LegQuery

_WARMING = 50


def main() -> None:
    """Build the memory where it is missing, measure and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("passages", nargs="?", type=int, default=100_000)
    ask.add_argument("--home", type=Path)
    ask.add_argument("--queries", type=int, default=300)
    ask.add_argument("--profile", action="store_true")
    ask.add_argument("--model", default="hash")
    given = ask.parse_args()
    from search.searcher import Searcher, SearchRequest

    settings = load(
        home=given.home or home(None).with_name("mneme-bench-hash"), embedding={"model": given.model}
    )
    build(settings, given.passages)
    memory = open_memory(settings, "bench")
    try:
        index = memory.index
        memory.wait_for_model()
        memory.catalogue.cards.warm()
        embedder = registry.need(NAME, Embedder)  # type: ignore[type-abstract]
        searcher, languages = Searcher(NAME), memory.catalogue.documents.languages(OWNER)
        person = Asker("p", frozenset({"group:all", *(f"group:{n}" for n in range(20))}))
        for name, asker in (("owner", OWNER), ("20 tokens", person)):
            raw, beyond = [], []
            for number, text in enumerate(queries(given.queries + _WARMING, seed=len(name))):
                began = time.perf_counter()
                index.search(LegQuery(memory.words.query(text, languages), embedder.embed_query(text)), asker)
                between = time.perf_counter()
                answer = searcher.search(SearchRequest(text, asker))
                answer.to_json()
                ended = time.perf_counter()
                if number >= _WARMING:
                    raw.append((between - began) * 1000)
                    beyond.append((ended - between) * 1000 - raw[-1])
            print(
                f"{name:10} embedding + legs p50 {statistics.median(raw):.2f} ms, "
                f"beyond p50 {statistics.median(beyond):.2f} ms, "
                f"p95 {statistics.quantiles(beyond, n=20)[-1]:.2f} ms, documents of the last {answer.total}"
            )
        _against_plain("four words", queries(given.queries + _WARMING, seed=5))
        passages = memory.catalogue.passages.after(0, given.queries + _WARMING)
        told = [" ".join(stored.passage.text.split()[:8]) for stored in passages]
        _against_plain("eight words of one passage, looked for twice", told)
        if given.profile:
            with cProfile.Profile() as profile:
                for text in queries(200, seed=3):
                    searcher.search(SearchRequest(text, OWNER)).to_json()
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    finally:
        memory.close()


def _against_plain(kind: str, asked: Sequence[str]) -> None:
    from search.pipeline import SHIPPED, load_pipeline
    from search.searcher import Searcher, SearchRequest

    taken: dict[str, list[float]] = {"rrf": [], "hybrid": []}
    searchers = {name: Searcher(NAME, load_pipeline(SHIPPED / f"{name}.yaml", NAME)) for name in taken}
    for number, text in enumerate(asked):
        for name, searcher in searchers.items():
            began = time.perf_counter()
            searcher.search(SearchRequest(text, OWNER))
            if number >= _WARMING:
                taken[name].append((time.perf_counter() - began) * 1000)
    plain, shipped = statistics.median(taken["rrf"]), statistics.median(taken["hybrid"])
    print(f"{kind}: plain hybrid p50 {plain:.2f} ms, shipped {shipped:.2f} ms, ratio {shipped / plain:.2f}")


if __name__ == "__main__":
    main()
