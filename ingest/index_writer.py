"""Bringing the index to what the catalogue says: the only place that writes to it.

Every step can be repeated: what a crash interrupts still stands as pending in the catalogue.
"""

from collections.abc import Callable, Mapping, Sequence

from ingest.facts import facts_of
from ingest.split import embedding_text
from memory.catalogue.catalogue import MAIN_LANGUAGE, NO_MAIN_LANGUAGE, Catalogue
from memory.catalogue.passages import StoredPassage
from memory.courtesy import COURTESY
from memory.domain import OWNER
from memory.embedding.base import ModelIdentity
from memory.index.base import Entry, SparseWords, VectorIndex
from memory.words import WordAnalyser

FIRST_AVERAGE = 120.0
"""Words in a passage, taken for BM25 until the memory knows its own average."""

DRIFT = 0.2
"""How far the average may move before all words are weighed anew: below it no rank changes noticeably."""

_AT_ONCE = 100
"""Documents whose facts are written under one hold of the lock: a decision by hand waits for them."""

_AVERAGE, _NEXT_AVERAGE = "average_length", "next_average_length"


def spoken(stored: StoredPassage) -> str:
    """What is analysed and embedded of a passage: title and headings in front of the text."""
    return embedding_text(stored.title, stored.passage.location.heading, stored.passage.text)


class IndexWriter:
    """Writes to the index what is pending in the catalogue.

    :param own_statistics: weigh no text by what the others in the memory are like: neither by their average length nor
        by the language that most of them are in.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        index: VectorIndex,
        words: WordAnalyser,
        model: ModelIdentity,
        *,
        own_statistics: bool = False,
    ) -> None:
        self._own_statistics = own_statistics
        self._catalogue = catalogue
        self._index = index
        self._words = words
        self._model = model

    def write_pending(self) -> None:
        """Write new passages, changed facts and removals, in the order that leaves nothing unfindable.

        Who is who is settled first, so that the index learns persons rather than names.
        """
        self._catalogue.who_is_who.settle()
        while waiting := self._catalogue.passages.unindexed():
            self._write(waiting)
        self.write_facts()
        while stale := self._catalogue.passages.stale():
            self._index.delete(stale)
            self._catalogue.passages.drop(stale)
        for document in self._catalogue.documents.removed():
            self._catalogue.documents.forget(document)
        self._catalogue.sources.forget_removed()

    def write_facts(self) -> None:
        """Tell the index of changed access, places and people; safe beside a running sync."""
        pending = list(self._catalogue.documents.facts_pending().items())
        for start in range(0, len(pending), _AT_ONCE):
            self._write_facts(dict(pending[start : start + _AT_ONCE]))

    def weigh_words(self, progress: Callable[[int], None] = lambda _done: None) -> bool:
        """Weigh all words anew where the passages' average length or the memory's main language has drifted.

        :return: whether it had to.
        """
        catalogue = self._catalogue
        now, main = self._next_average(), self._next_main_language()
        planned = catalogue.get_meta(_NEXT_AVERAGE)
        drift = 0.0 if self._own_statistics else DRIFT
        settled = abs(now / self.average() - 1) <= drift and main == self._catalogue.main_language()
        if planned is None and (not now or settled):
            return False
        average = planned or now
        catalogue.set_meta(_NEXT_AVERAGE, average)
        catalogue.set_meta(MAIN_LANGUAGE, main)
        last, done = 0, 0
        while part := catalogue.passages.after(last):
            weighed = [self._weigh(stored, main, average) for stored in part]
            self._index.set_words([stored.passage.id for stored in part], weighed)
            last, done = part[-1].passage.id, done + len(part)
            progress(done)
        catalogue.set_meta(_AVERAGE, average)
        catalogue.set_meta(_NEXT_AVERAGE, None)
        return True

    def average(self) -> float:
        """The average length that BM25 reckons with."""
        return float(self._catalogue.get_meta(_AVERAGE) or FIRST_AVERAGE)

    def _next_average(self) -> float:
        return FIRST_AVERAGE if self._own_statistics else self._catalogue.passages.average_length()

    def _next_main_language(self) -> str:
        """Another main language only where it is clearly ahead: a memory half in each must not swing."""
        if self._own_statistics:
            return NO_MAIN_LANGUAGE
        many, held = self._catalogue.documents.languages(OWNER), self._catalogue.main_language()
        first = next((code for code in many if code), "")
        ahead = many.get(first, 0) > (1 + DRIFT) * (many.get(held, 0) if held else 0)
        return first if ahead else held

    def _write(self, waiting: Sequence[StoredPassage]) -> None:
        average, main = self.average(), self._catalogue.main_language()
        known = self._catalogue.vectors.get(self._model, [stored.digest for stored in waiting])
        texts = [spoken(stored) for stored in waiting]
        words = [self._weigh(stored, main, average) for stored in waiting]
        with self._catalogue.facts_lock:
            cards = self._catalogue.cards.fresh({stored.passage.document for stored in waiting})
            self._index.upsert(
                [
                    Entry(
                        stored.passage.id,
                        text,
                        terms,
                        facts_of(cards[stored.passage.document]),
                        known.get(stored.digest),
                    )
                    for stored, text, terms in zip(waiting, texts, words, strict=True)
                ]
            )
        embedded = [stored.passage.id for stored in waiting if stored.digest in known]
        self._catalogue.passages.indexed([stored.passage.id for stored in waiting], embedded)

    def _weigh(self, stored: StoredPassage, main: str, average: float) -> SparseWords:
        COURTESY.give_way()
        return self._words.document(spoken(stored), stored.language or main, average)

    def _write_facts(self, marks: Mapping[str, int]) -> None:
        with self._catalogue.facts_lock:
            for card in self._catalogue.cards.fresh(marks).values():
                self._index.set_facts(facts_of(card))
        for document, mark in marks.items():
            self._catalogue.documents.facts_written(document, mark)
