"""An embedder that never embeds a text twice, whichever collection it stands in."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from memory.catalogue.vectors import VectorCache, text_digest
from memory.embedding.base import Embedder, ModelIdentity, Vectors, embedded_at_once

_AT_ONCE = 512
"""Texts that are embedded before they are kept: sorted by length they make even batches; a kill loses this much."""


class RememberingEmbedder:
    """Embeds what is not in the cache; implements `Embedder`.

    :param embedder: makes the vectors.
    :param cache: keeps them.
    :param made: told how many texts have been embedded, after each part.
    """

    def __init__(
        self, embedder: Embedder, cache: VectorCache, made: Callable[[int], None] = lambda _texts: None
    ) -> None:
        self._embedder = embedder
        self._cache = cache
        self._made = made
        self._known: dict[str, Vectors] = {}

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._embedder.identity

    @property
    def embedder(self) -> Embedder:
        """The embedder behind the cache, to measure how long it takes."""
        return self._embedder

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        return self._get(texts, [text_digest(text) for text in texts], self._embedder.embed_passages)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        known = self._known.get(text)
        return self.embed_queries([text]).reshape(-1) if known is None else known

    def begin_query(self, text: str) -> "Future[Vectors]":
        """Embed a query: its vector, shape (size,), or what went wrong."""
        return embedded_at_once(self.embed_query, text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        digests = [text_digest(f"\0query\0{text}") for text in texts]  # no passage reads like that
        vectors = self._get(texts, digests, self._embedder.embed_queries)
        self._known.update(zip(texts, vectors, strict=True))
        return vectors

    def _get(
        self, texts: Sequence[str], digests: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
    ) -> Vectors:
        known = self._cache.get(self.identity, digests)
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        order = sorted(missing, key=lambda digest: len(missing[digest]))
        for first in range(0, len(order), _AT_ONCE):
            part = order[first : first + _AT_ONCE]
            fresh = dict(zip(part, embed([missing[digest] for digest in part]), strict=True))
            self._cache.put(self.identity, fresh)
            known |= fresh
            self._made(len(part))
        if not texts:
            return np.empty((0, self.identity.size), dtype=np.float32)
        return np.stack([known[digest] for digest in digests])
