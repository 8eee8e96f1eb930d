"""From a question to what each leg finds."""

from collections.abc import Mapping
from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.cards import Card
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Vectors
from memory.index.base import Filters, Leg, LegQuery, Legs, VectorIndex
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
    """Asks the index for each leg, and the catalogue whether the asker still may see what it found.

    What is found by words is read while the question is still being embedded.

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
        asker = question.request.asker
        by_words = self._by_words(question)
        words, cards = admit(by_words, self._catalogue.cards, asker)
        parts = parts_of_cards(question, cards)
        shared = self._shared(question, words, parts)
        vector = meaning.vector()
        listed = question.words is None and vector is None
        if listed:
            by_words = self._index.search(
                LegQuery(None, None, question.filters, self.words_limit), asker
            ).words
            words, cards = admit(by_words, self._catalogue.cards, asker)
        by_meaning = self._by_meaning(question, vector)
        near, more = admit(by_meaning, self._catalogue.cards, asker)
        enough = len(by_words) < self.words_limit
        found = Found(
            legs=Legs(words, near),
            cards=cards | more,
            complete=enough and (bool(by_words) or not by_meaning or len(by_meaning) < self.meaning_limit),
            parts=parts | parts_of_cards(question, more),
            shared=shared if near else (0,) * len(shared),
            asked=len(question.words.terms) if question.words else 0,
            listed=listed,
            notes=(*question.notes, *self._notes(question, words or near, by_words_alone=vector is None)),
        )
        return {"found": found}

    def _by_words(self, question: Question) -> Leg:
        if question.words is None:
            return ()
        asked = LegQuery(question.words, None, question.filters, words_limit=self.words_limit)
        return self._index.search(asked, question.request.asker).words

    def _by_meaning(self, question: Question, vector: Vectors | None) -> Leg:
        if vector is None:
            return ()
        asked = LegQuery(None, vector, question.filters, meaning_limit=self.meaning_limit)
        return self._index.search(asked, question.request.asker).meaning

    def _shared(self, question: Question, words: Leg, parts: Mapping[int, int]) -> tuple[int, ...]:
        """How many of the question's terms the best found by words has in each language, of what the asker may see."""
        best: list[list[int]] = [[] for _ in question.languages or ("",)]
        for one in words:
            of_part = best[parts.get(one.id, 0)]
            if len(of_part) < _BEST:
                of_part.append(one.id)
        if question.words is None:
            return (0,) * len(best)
        asked = frozenset(question.words.terms)
        held = self._index.words([passage for of_part in best for passage in of_part])
        counts = {passage: len(asked.intersection(words.terms)) for passage, words in held.items()}
        return tuple(max((counts.get(passage, 0) for passage in of_part), default=0) for of_part in best)

    def _notes(self, question: Question, found: Leg, *, by_words_alone: bool) -> list[str]:
        notes = []
        if not found and by_words_alone and self._too_common(question):
            notes.append(_TOO_COMMON)
        if len(question.authors) > 1 or not found:
            notes += [
                f"Nobody known as {value} has written anything you may see."
                for value, persons in question.authors
                if not self._have_written(persons, question)
            ]
        return notes

    def _too_common(self, question: Question) -> bool:
        """Whether some language the asker may read sees only stop words in the search.

        Another may take them for words all the same (``the`` is none of German's), and find nothing by them.
        """
        if question.words is None:
            return False
        text = question.query.text
        languages = self._catalogue.documents.languages(question.request.asker)
        return any(not self._words.query(text, [language]).terms for language in languages)

    def _have_written(self, persons: tuple[str, ...], question: Question) -> bool:
        """Whether the asker may see anything by one of these.

        Nobody of that name and somebody who wrote only what the asker may not see must look the same.
        """
        asker = question.request.asker
        newest = self._index.search(LegQuery(filters=Filters(people=persons), words_limit=20), asker)
        return bool(admit(newest.words, self._catalogue.cards, asker)[0])


def parts_of_cards(question: Question, cards: Mapping[int, Card]) -> dict[int, int]:
    """Which of the question's languages each passage is in, but for those in the first."""
    at = {language: place for place, language in enumerate(question.languages) if place}
    if not at:
        return {}
    return {passage: at[card.language] for passage, card in cards.items() if card.language in at}
