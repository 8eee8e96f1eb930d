"""The question as a vector."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from haystack import component

from memory import registry
from memory.embedding.base import Embedder, Vectors
from memory.errors import ModelUnavailable
from search.flow import Meaning, Question

log = logging.getLogger("mneme")

_AT_ONCE = 64
"""Searches that may wait for their vectors at once; each costs a thread, and only when it is needed."""

_waiting = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="embed")


@component
class EmbedQuery:
    """Begins to embed words and phrases, without filters; who needs the vector waits for it.

    The model takes seconds to load and is looked for at every search: until it is there, words alone
    must do.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    @component.output_types(meaning=Meaning)
    def run(self, question: Question) -> dict[str, Any]:
        """Begin to embed the question; what has no letter or digit has no meaning to look for."""
        embedder = registry.find(self.memory, Embedder)  # type: ignore[type-abstract]
        text = question.query.text
        if embedder is None or not any(char.isalnum() for char in text):
            return {"meaning": Meaning()}
        return {"meaning": Meaning(_waiting.submit(_embed, embedder, text))}


def _embed(embedder: Embedder, text: str) -> Vectors | None:
    try:
        return embedder.embed_query(text)
    except ModelUnavailable as error:
        # Its process died; the next search starts a new one, and this one need not fail with it.
        log.warning("%s This search went by words alone.", error.message)
        return None
