"""A real but small embedder for tests: no model, no download, the same vectors on every machine."""

import hashlib
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache

import numpy as np

from memory.embedding.base import ModelIdentity, Vectors, embedded_at_once

_WORD = re.compile(r"\w+")
_SCHEME = "words and trigrams, crc32, edition 1"


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """A word's hashes with their weights: the word itself and, for kinship, its trigrams."""
    framed = f"<{word}>"
    grams = [framed[at : at + 3] for at in range(len(framed) - 2)]
    found = [(zlib.crc32(f"word {word}".encode()), 1.0)]
    return (*found, *((zlib.crc32(f"part {gram}".encode()), 0.5 / len(grams) ** 0.5) for gram in grams))


class HashEmbedder:
    """Hashes words and their trigrams onto a few dimensions; texts that share words are near.

    Repeated words count by the root of their number. A text without words gets a vector of its own.

    :param size: dimensions of a vector.
    """

    def __init__(self, size: int = 64) -> None:
        digest = hashlib.sha256(f"{_SCHEME}, {size}".encode()).hexdigest()
        self._identity = ModelIdentity(name=f"hash-{size} (for tests)", digest=digest, size=size)

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._identity

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        vectors = np.zeros((len(texts), self._identity.size), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            self._fill(row, text)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        vectors = self.embed_passages([text])
        return vectors.reshape(-1)

    def begin_query(self, text: str) -> "Future[Vectors]":
        """Embed a query: its vector, shape (size,), or what went wrong."""
        return embedded_at_once(self.embed_query, text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        return self.embed_passages(texts)

    def _fill(self, row: Vectors, text: str) -> None:
        words = Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
        for word, times in sorted(words.items()):
            for number, weight in _features(word):
                # The lowest bit is the sign, so that words that collide cancel as often as they add.
                row[(number >> 1) % len(row)] += (1 if number & 1 else -1) * weight * times**0.5
        length = float(np.linalg.norm(row))
        if length < 1e-6:
            row[:] = 0
            row[0] = 1
        else:
            row /= length
