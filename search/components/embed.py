"""The question as a vector."""

import logging
from typing import Any

from haystack import component

from memory import registry
from memory.embedding.base import Embedder
from memory.errors import ModelUnavailable
from search.flow import Meaning, Question

log = logging.getLogger("mneme")


@component
class EmbedQuery:
    """Embeds words and phrases, without filters.

    The model takes seconds to load and is looked for at every search: until it is there, words alone
    must do.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    @component.output_types(meaning=Meaning)
    def run(self, question: Question) -> dict[str, Any]:
        """Embed the question; what has no letter or digit has no meaning to look for."""
        embedder = registry.find(self.memory, Embedder)  # type: ignore[type-abstract]
        text = question.query.text
        if embedder is None or not any(char.isalnum() for char in text):
            return {"meaning": Meaning()}
        try:
            return {"meaning": Meaning(embedder.embed_query(text))}
        except ModelUnavailable as error:
            # Its process died; the next search starts a new one, and this one need not fail with it.
            log.warning("%s This search went by words alone.", error.message)
            return {"meaning": Meaning()}
