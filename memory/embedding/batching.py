"""Queries that arrive together are embedded together."""

import sys
import threading
from collections.abc import Sequence

from memory.embedding.base import Embedder, ModelIdentity, Vectors


class _Waiting:
    """One query and, once it is embedded, its vector or what went wrong."""

    __slots__ = ("error", "text", "vector")

    def __init__(self, text: str) -> None:
        self.text = text
        self.vector: Vectors | None = None
        self.error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.vector is not None or self.error is not None


class QueryBatcher:
    """An embedder for many threads: while one forward pass runs, those who wait are collected.

    The first caller embeds at once, so that a single one waits for nobody. Those who come meanwhile
    are embedded in one pass when it has ended, by one of them; there is no thread of its own.

    :param embedder: the embedder that does the work.
    :param most: how many queries at most go into one pass.
    """

    def __init__(self, embedder: Embedder, most: int = 16) -> None:
        self._embedder = embedder
        self._most = most
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._busy = False

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._embedder.identity

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        return self._embedder.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        return self._embedder.embed_queries(texts)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        mine = _Waiting(text)
        with self._changed:
            self._queue.append(mine)
        while not mine.done:
            with self._changed:
                while self._busy and not mine.done:
                    self._changed.wait()
                if mine.done:
                    break
                self._busy = True
                self._queue.remove(mine)
                others = self._queue[: self._most - 1]
                del self._queue[: self._most - 1]
                batch = [mine, *others]
            self._run(batch)
        if mine.error is not None:
            raise mine.error
        assert mine.vector is not None  # noqa: S101 - for the type checker; `done` says so
        return mine.vector

    def _run(self, batch: list[_Waiting]) -> None:
        try:
            if len(batch) == 1:
                batch[0].vector = self._embedder.embed_query(batch[0].text)
            else:
                vectors = self._embedder.embed_queries([one.text for one in batch])
                for one, vector in zip(batch, vectors, strict=True):
                    one.vector = vector
        finally:
            with self._changed:
                # Whatever went wrong, each who waits must hear of it, and nobody may hang.
                for one in batch:
                    one.error = sys.exception()
                self._busy = False
                self._changed.notify_all()
