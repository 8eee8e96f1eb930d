"""Somebody who searches all the time while servers beneath the memory come and go, and notes to compare memories by."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any, Self

from fastapi.testclient import TestClient

from api.service import Service
from memory.domain import OWNER

NOTES = 40
WORDS = ("notice period", "supplier invoice", "warranty", "delivery", "board", "clause", "budget")


def write_notes(folder: Path) -> None:
    folder.mkdir()
    for number in range(NOTES):
        said = " ".join(f"{WORDS[(number * place) % 7]} {number * place % 31}" for place in range(1, 150))
        (folder / f"{number:03}.txt").write_text(f"Clause {number}\n\n{said}\n")


def answers(asked: Service) -> list[Any]:
    """What is found for some questions, without ids, which differ from memory to memory."""
    found = [asked.search(query, OWNER, limit=100)["results"] for query in WORDS]
    return [
        sorted(
            (hit["ref"], round(hit["score"], 6), *(each["text"] for each in hit["passages"])) for hit in each
        )
        for each in found
    ]


class Asking:
    """Somebody who searches all the time, and what the answers were."""

    def __init__(self, client: TestClient) -> None:
        self.seen: Counter[str] = Counter()
        self._client, self._done = client, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._done.is_set():
            for path in ("/api/search?q=notice+period", "/?q=warranty", "/api/sources", "/healthz"):
                got = self._client.get(
                    path, headers={"accept": "text/html" if path.startswith("/?") else "*/*"}
                )
                self.seen[
                    f"{path.partition('?')[0]} {got.status_code} {got.headers.get('retry-after', '')}".strip()
                ] += 1
            self._done.wait(0.02)


OFTEN = {
    *(f"{path} {status}" for path in ("/api/search", "/", "/api/sources") for status in ("200", "503 5")),
    "/healthz 200",
}
"""What may be answered meanwhile."""
