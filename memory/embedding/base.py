"""The contract of an embedding model: text in, normalised vectors out, and a name that never lies."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from memory.errors import MnemeError

Vectors = NDArray[np.float32]
"""Shape (texts, size), each row of length 1."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made a vector: vectors of different identities must never meet.

    :param name: what a person calls it, for instance ``multilingual-e5-small (built in)``.
    :param digest: hash of the weights and of the prompts.
    :param size: dimensions of a vector.
    """

    name: str
    digest: str
    size: int


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their likeness in meaning.

    Rules, each a test in `memory.testing`: rows have length 1; the same text gives the same vector
    within 1e-5, alone or in any batch; queries and passages get the model's own prompts; an empty
    list gives shape (0, size); `identity` changes with weights and prompts.
    """

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        ...

    def begin_query(self, text: str) -> "Future[Vectors]":
        """Begin to embed a query: what will be its vector, shape (size,), or what went wrong."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        ...


def embedded_at_once(embed_query: Callable[[str], Vectors], text: str) -> "Future[Vectors]":
    """`Embedder.begin_query` of an embedder that works in this process, and so is ready when it has begun."""
    future: Future[Vectors] = Future()
    try:
        future.set_result(embed_query(text))
    except MnemeError as error:
        future.set_exception(error)
    return future


@runtime_checkable
class Threaded(Protocol):
    """An embedder whose forward passes can be given fewer threads while others need the processor."""

    def set_threads(self, threads: int | None) -> None:
        """From the next call on use so many threads; None takes as many as the model took at first."""
        ...
