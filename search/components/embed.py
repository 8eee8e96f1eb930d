"""The question as a vector."""

import threading
from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Embedder, Vectors
from memory.embedding.languages import language_directions
from memory.errors import InvalidInput, ModelUnavailable
from search.flow import Meaning, Question


@component
class EmbedQuery:
    """Begins to embed words and phrases, without filters; who needs the vector waits for it.

    The model takes seconds to load and is looked for at every search: until it is there, words alone
    must do.

    :param memory: the memory's name in the registry.
    :param neutral: how much of what a vector says about the language of the question is taken out, 0 to 1, where
        the asker may see texts in several: see `memory.embedding.languages`.
    :raises InvalidInput: where that is no share.
    """

    def __init__(self, memory: str = "default", neutral: float = 0.0) -> None:
        if not 0 <= neutral <= 1:
            raise InvalidInput(f"A share is between 0 and 1, not {neutral}.")
        self.memory = memory
        self.neutral = neutral
        self._lock = threading.Lock()
        self._directions: dict[tuple[str, tuple[str, ...]], Vectors] = {}

    @component.output_types(meaning=Meaning)
    def run(self, question: Question) -> dict[str, Any]:
        """Begin to embed the question; what has no letter or digit has no meaning to look for."""
        embedder = registry.find(self.memory, Embedder)  # type: ignore[type-abstract]
        text = question.query.text
        if embedder is None or not any(char.isalnum() for char in text):
            return {"meaning": Meaning()}
        # Sent from here, not from a thread of its own: that would have to wait for this one to give way.
        pending = embedder.begin_query(text)
        if not self.neutral or len(question.languages) < 2:
            return {"meaning": Meaning(pending)}
        return {"meaning": Meaning(pending, self._of(embedder, question.languages), self.neutral)}

    def _of(self, embedder: Embedder, languages: tuple[str, ...]) -> Vectors | None:
        """The directions of some languages; None where they cannot be told now."""
        key = (embedder.identity.digest, tuple(sorted(languages)))
        with self._lock:
            if key not in self._directions:
                vectors = registry.need(self.memory, Catalogue).vectors
                try:
                    self._directions[key] = language_directions(embedder, languages, vectors)
                except ModelUnavailable:
                    return None
            return self._directions[key]
