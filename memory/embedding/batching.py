"""Queries that wait together are embedded together."""

import queue
from typing import Any

Request = dict[str, Any]
"""What a process that embeds is asked: ``id``, ``task`` (``embed_passages`` or ``embed_queries``), ``texts``, ``threads``."""

QUERIES = "embed_queries"


class Batches:
    """Requests in the order they came, where queries that wait already make one forward pass.

    :param requests: where they arrive.
    :param most: how many queries at most go into one pass.
    """

    def __init__(self, requests: "queue.SimpleQueue[Request]", most: int = 16) -> None:
        self._requests = requests
        self._most = most
        self._held: Request | None = None

    def get(self) -> list[Request]:
        """The next requests to be answered together, at least one; waits for it."""
        first = self._held or self._requests.get()
        self._held = None
        batch, texts = [first], len(first["texts"])
        while first["task"] == QUERIES:
            try:
                more = self._requests.get_nowait()
            except queue.Empty:
                break
            texts += len(more["texts"])
            if more["task"] != QUERIES or texts > self._most:
                self._held = more
                break
            batch.append(more)
        return batch
