"""From a question to what each leg finds."""

from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.index.base import Filters, LegQuery, Legs, VectorIndex
from memory.words import WordAnalyser
from search.flow import Found, Meaning, Question
from search.group import admit

_NO_MEANING = Meaning()
"""For a pipeline that searches by words alone and embeds nothing."""

_BEST = 3
"""Passages, the best by words, whose terms are compared with the question's: the first may be a short one."""

_TOO_COMMON = "Every word of this search is too common to be looked for: add one that says more."


@component
class Retrieve:
    """Asks the index for both legs at once, and the catalogue whether the asker still may see what it found.

    :param memory: the memory's name in the registry.
    :param words_limit: passages found by words at most; below it, total and facets are exact.
    :param meaning_limit: passages found by meaning at most.
    """

    def __init__(self, memory: str = "default", words_limit: int = 1000, meaning_limit: int = 200) -> None:
        self.memory = memory
        self.words_limit = words_limit
        self.meaning_limit = meaning_limit

    def warm_up(self) -> None:
        """Get catalogue, index and analyser."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._words = registry.need(self.memory, WordAnalyser)
        self._index = registry.need(self.memory, VectorIndex)  # type: ignore[type-abstract]

    @component.output_types(found=Found)
    def run(self, question: Question, meaning: Meaning = _NO_MEANING) -> dict[str, Any]:
        """Search; a search made of filters only lists the newest."""
        asked = LegQuery(
            words=question.words,
            vector=meaning.vector,
            filters=question.filters,
            words_limit=self.words_limit,
            meaning_limit=self.meaning_limit,
        )
        raw = self._index.search(asked, question.request.asker)
        legs, cards = admit(raw, self._catalogue.cards, question.request.asker)
        found = Found(
            legs=legs,
            cards=cards,
            complete=len(raw.words) < self.words_limit and (bool(raw.words) or not _full(raw, asked)),
            shared=self._shared(question, legs),
            listed=question.words is None and meaning.vector is None,
            notes=(*question.notes, *self._notes(question, meaning, legs)),
        )
        return {"found": found}

    def _shared(self, question: Question, legs: Legs) -> int:
        """How many of the question's terms the best found by words has, of what the asker may see."""
        if question.words is None or not legs.words or not legs.meaning:
            return 0
        asked = frozenset(question.words.terms)
        best = self._index.words([one.id for one in legs.words[:_BEST]])
        return max((len(asked.intersection(held.terms)) for held in best.values()), default=0)

    def _notes(self, question: Question, meaning: Meaning, legs: Legs) -> list[str]:
        notes = []
        if not (legs.words or legs.meaning) and meaning.vector is None and self._too_common(question):
            notes.append(_TOO_COMMON)
        if len(question.authors) > 1 or not (legs.words or legs.meaning):
            notes += [
                f"Nobody known as {value} has written anything you may see."
                for value, persons in question.authors
                if not self._have_written(persons, question)
            ]
        return notes

    def _too_common(self, question: Question) -> bool:
        """Whether some language of the memory sees only stop words in the search.

        Another may take them for words all the same (``the`` is none of German's), and find nothing by them.
        """
        if question.words is None:
            return False
        text = question.query.text
        languages = self._catalogue.documents.languages()
        return any(not self._words.query(text, [language]).terms for language in languages)

    def _have_written(self, persons: tuple[str, ...], question: Question) -> bool:
        """Whether the asker may see anything by one of these.

        Nobody of that name and somebody who wrote only what the asker may not see must look the same.
        """
        asker = question.request.asker
        newest = self._index.search(LegQuery(filters=Filters(people=persons), words_limit=20), asker)
        return bool(admit(newest, self._catalogue.cards, asker)[1])


def _full(legs: Legs, asked: LegQuery) -> bool:
    return len(legs.meaning) >= asked.meaning_limit
