"""How long a page of results takes against the API: `python -m bench.pages HOME`.

Time to the first byte of the page and of `/api/search` for the same queries, in turn, one client, in one run, over a
memory that is there already, such as the demo's.
"""

import argparse
import statistics
import time
from pathlib import Path

import httpx

from api.demo.build import questions
from bench.query import serving

ROUNDS = 10


def first_byte(client: httpx.Client, path: str, query: str) -> float:
    """Milliseconds until the first byte of an answer's body."""
    began = time.perf_counter()
    with client.stream("GET", path, params={"q": query}) as response:
        response.raise_for_status()
        next(response.iter_raw())
        return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("home", type=Path)
    given = ask.parse_args()
    texts = [question.question for question in questions()]
    taken: dict[str, list[float]] = {"/api/search": [], "/": []}
    with (
        serving(given.home) as (address, _),
        httpx.Client(base_url=address, timeout=60, trust_env=False) as client,
    ):
        for path in taken:
            first_byte(client, path, "warm up")
        for number in range(ROUNDS):
            for text in texts:
                for path, times in taken.items():
                    times.append(first_byte(client, path, f"{text} {number}"))
    api, page = (statistics.median(times) for times in taken.values())
    print(f"API {api:.1f} ms, page {page:.1f} ms to the first byte (p50), ratio {page / api:.2f}")


if __name__ == "__main__":
    main()
