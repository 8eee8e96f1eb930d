"""The question as a vector."""

from typing import Any

from haystack import component

from memory import registry
from memory.embedding.base import Embedder
from search.flow import Meaning, Question


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
        # Sent from here, not from a thread of its own: that would have to wait for this one to give way.
        return {"meaning": Meaning(embedder.begin_query(text))}
