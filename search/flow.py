"""What flows between the components of a search."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from memory.catalogue.cards import Card
from memory.catalogue.passages import Progress
from memory.embedding.base import Vectors
from memory.embedding.languages import without
from memory.errors import ModelUnavailable
from memory.index.base import Filters, Legs, SparseWords
from search.fuse import Method, Parts, Ranking
from search.query import Query
from search.request import SearchRequest, Value

log = logging.getLogger("mneme")


@dataclass(frozen=True, slots=True)
class Question(Value):
    """A search that has been understood.

    :param words: the terms of words and phrases; None for a search made of filters only.
    :param authors: what each ``author:`` was taken to mean: ids of persons, perhaps none.
    :param progress: how much of the memory can be searched, and how.
    :param meaning: whether queries can be embedded.
    :param notes: what the reader of the answer should know.
    :param languages: in which a good part of what the asker may see is, most documents first; a text in another one or
        in none that is known is taken for the first. Empty where a filter names the language.
    """

    request: SearchRequest
    query: Query
    words: SparseWords | None
    filters: Filters
    authors: tuple[tuple[str, tuple[str, ...]], ...]
    progress: Progress
    meaning: bool
    notes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning(Value):
    """The question as a vector, which is embedded by another process while the search goes on by words.

    :param pending: what will be the vector; None where there is nothing to embed, or nothing to embed it with yet.
    :param directions: in which vectors differ by language alone, see `memory.embedding.languages`.
    :param share: of these that is taken out.
    """

    pending: Future[Vectors] | None = None
    directions: Vectors | None = None
    share: float = 0.0

    def vector(self) -> Vectors | None:
        """The vector, as soon as it is there; None where there is none."""
        if self.pending is None:
            return None
        try:
            vector = self.pending.result()
        except ModelUnavailable as error:
            # Its process died; the next search starts a new one, and this one need not fail with it.
            log.warning("%s This search went by words alone.", error.message)
            return None
        return vector if self.directions is None else without(vector, self.directions, self.share)


@dataclass(frozen=True, slots=True)
class Found(Value):
    """What the legs found and the asker may see.

    :param cards: of each passage's document, by passage id.
    :param complete: whether these are all that match by words.
    :param parts: which of `Question.languages` each passage is in, by passage id; empty where all are in one.
    :param shared: how many of the question's distinct terms the best found by words has, in each of these languages.
    :param asked: how many it has itself.
    :param listed: whether nothing was searched for: the newest, in order, are in `Legs.words`.
    """

    legs: Legs
    cards: dict[int, Card]
    complete: bool = True
    parts: Mapping[int, int] = field(default_factory=dict)
    shared: tuple[int, ...] = (0,)
    asked: int = 0
    listed: bool = False
    notes: tuple[str, ...] = ()


_BY_WORDS = Parts((0.0,))


@dataclass(frozen=True, slots=True)
class Ranked(Value):
    """One list from both legs, and by which method and weights of meaning it came about."""

    found: Found
    ranking: Ranking
    method: Method = "convex"
    parts: Parts = _BY_WORDS


Shown = list[tuple[int, float]]
"""A document's best passages as id and score, best first; never empty."""


@dataclass(frozen=True, slots=True)
class Grouped(Value):
    """Documents, best first, each as its best passages."""

    documents: list[Shown]
    ranked: Ranked

    def cards(self) -> list[Card]:
        """The documents' cards, in their order."""
        cards = self.ranked.found.cards
        return [cards[shown[0][0]] for shown in self.documents]
