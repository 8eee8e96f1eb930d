"""The question as a vector."""

import logging
import threading
from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Embedder, Vectors
from memory.embedding.languages import language_directions
from memory.errors import InvalidInput, ModelUnavailable
from search.flow import Meaning, Question

log = logging.getLogger("mneme")

_HELD = 1000
"""Sets of languages whose directions are kept at hand."""


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
        self._finding = threading.Lock()
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
        """The directions of some languages; None where they cannot be told now.

        The first search that needs them finds them out, those beside it go without: one of them may take as long as
        an embedder's queue is.
        """
        try:
            key = (embedder.identity.digest, tuple(sorted(languages)))
            known = self._directions.get(key)
            if known is not None or not self._finding.acquire(blocking=False):
                return known
            try:
                vectors = registry.need(self.memory, Catalogue).vectors
                if len(self._directions) >= _HELD:
                    self._directions.clear()
                known = self._directions[key] = language_directions(embedder, languages, vectors)
            finally:
                self._finding.release()
        except ModelUnavailable as error:
            log.warning("%s This search favours its own language.", error.message)
        else:
            return known
        return None
