"""From what came first to what the question means."""

from dataclasses import replace
from typing import Any

import numpy as np
from haystack import component

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Vectors
from memory.errors import InvalidInput
from memory.index.base import LegQuery, Legs, VectorIndex
from search.components.retrieve import parts_of_cards
from search.flow import Found, Meaning, Question
from search.fuse import fuse
from search.group import admit


@component
class Feedback:
    """Looks by meaning once more, with the question drawn towards the passages that came first (Rocchio 1971).

    What comes first is settled by the ranks in both legs. Only where the question shares several words with a passage: such a question is about a subject, and what came first
    is likely about it too. A short question asks for one place, and a question in another language has no words
    to tell; they would be drawn away from what they ask for. Scores by meaning then are those of the drawn question.

    :param memory: the memory's name in the registry.
    :param passages: how many of the first the question is drawn to.
    :param share: how far: their mean vector counts so much beside the question's own.
    :param shared: so many words a passage has to share with the question at least.
    :param limit: passages found by meaning at most.
    :raises InvalidInput: where a number is too small.
    """

    def __init__(
        self,
        memory: str = "default",
        passages: int = 5,
        share: float = 0.5,
        shared: int = 4,
        limit: int = 200,
    ) -> None:
        if passages < 1 or share < 0:
            raise InvalidInput("Feedback needs a passage at least, and a share that is not negative.")
        self.memory = memory
        self.passages = passages
        self.share = share
        self.shared = shared
        self.limit = limit

    def warm_up(self) -> None:
        """Get catalogue and index."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._index = registry.need(self.memory, VectorIndex)  # type: ignore[type-abstract]

    @component.output_types(found=Found)
    def run(self, question: Question, meaning: Meaning, found: Found) -> dict[str, Any]:
        """Search again; what was found by words stays."""
        if found.listed or not found.legs.meaning or max(found.shared) < self.shared:
            return {"found": found}
        vector = meaning.vector()
        first = self._index.vectors(fuse(found.legs, method="rrf").ids[: self.passages])
        if vector is None or not first:
            return {"found": found}
        drawn = self._drawn(vector, np.mean(np.stack(list(first.values())), axis=0))
        asker = question.request.asker
        again = self._index.search(LegQuery(None, drawn, question.filters, meaning_limit=self.limit), asker)
        near, more = admit(again.meaning, self._catalogue.cards, asker)
        return {
            "found": replace(
                found,
                legs=Legs(found.legs.words, near),
                cards=found.cards | more,
                parts={**found.parts, **parts_of_cards(question, more)},
            )
        }

    def _drawn(self, vector: Vectors, towards: Vectors) -> Vectors:
        drawn = vector + self.share * towards
        return np.asarray(drawn / np.linalg.norm(drawn), dtype=np.float32)
