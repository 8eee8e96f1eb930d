"""What `MNEME_SEARCH__AT_ONCE` should be: `python -m bench.overload HOME [clients]`.

So many clients ask without a pause, each over a connection of its own, and come back a second after a 503. For each
bound: searches answered per second, how long those took, and how many were refused.
"""

import argparse
import http.client
import statistics
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.query import percentile, serving

SECONDS = 8


def load(address: str, clients: int, texts: list[str]) -> tuple[list[float], int]:
    """Milliseconds of each answered search, and the number of refusals."""
    taken: list[float] = []
    refused = [0]
    until = time.monotonic() + SECONDS

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        turn = number
        while time.monotonic() < until:
            turn += 1
            began = time.perf_counter()
            connection.request("GET", f"/api/search?q={quote(texts[turn % len(texts)])}")
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                taken.append((time.perf_counter() - began) * 1000)
            else:
                assert response.status == 503, response.status
                refused[0] += 1
                time.sleep(1)

    threads = [threading.Thread(target=ask, args=(number * 7,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, refused[0]


def main() -> None:
    """Measure each bound with a service of its own, and print."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("home", type=Path)
    ask.add_argument("clients", nargs="?", type=int, default=64)
    given = ask.parse_args()
    words = (
        "contract",
        "invoice",
        "Lieferverzug",
        "budget",
        "voyage",
        "delivery",
        "walnut",
        "warranty",
        "lease",
    )
    texts = [f"{one} {other} {number}" for number, one in enumerate(words) for other in words]
    for bound in (4, 8, 16, 32):
        with serving(given.home, {"MNEME_SEARCH__AT_ONCE": str(bound)}) as (address, _):
            load(address, 8, texts)
            taken, refused = load(address, given.clients, texts)
        print(
            f"at once {bound:>3}   {len(taken) / SECONDS:5.1f} answered/s   p50 {statistics.median(taken):6.0f} ms   "
            f"p99 {percentile(taken, 99):6.0f} ms   {refused} refused"
        )


if __name__ == "__main__":
    main()
