"""Where one document stands in a search: in each leg, in the whole, and which filter keeps it out."""

from dataclasses import dataclass, replace
from typing import Any

from memory import registry
from memory.domain import Asker
from memory.index.base import Filters, LegQuery, Scored, VectorIndex
from search.components.analyse import AnalyseQuery
from search.flow import Question
from search.request import MOST, SearchRequest
from search.searcher import Searcher

DEEP = 10_000
"""Passages of a leg that are looked through: what stands further down is said to be beyond."""

LAST = 1000
"""The last result that is looked through in the whole list: the pages offer no more."""


@dataclass(frozen=True, slots=True)
class LegTrace:
    """A document's best passage in one leg.

    :param rank: among passages, from 1; None where it is not among the first `DEEP`.
    :param score: None where the leg does not find it at all.
    :param used: whether the leg took part: the query has words, or can be embedded.
    """

    leg: str
    rank: int | None
    score: float | None
    used: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"leg": self.leg, "rank": self.rank, "score": self.score, "used": self.used}


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a document stands in a search.

    :param filters: the filters of the query that keep it out, as they are written.
    :param legs: words, then meaning; this by the question itself, before `Feedback` draws it anywhere.
    :param position: in the list of results, from 1; None where it is not among the first `LAST`.
    """

    filters: tuple[str, ...]
    legs: tuple[LegTrace, ...]
    position: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        legs = [leg.to_json() for leg in self.legs]
        return {"filters": list(self.filters), "legs": legs, "position": self.position}


class Tracer:
    """Traces documents through searches. Safe for threads.

    :param memory: the memory's name in the registry.
    :param searcher: what answers the memory's searches.
    :raises MnemeError: where the memory is not open.
    """

    def __init__(self, memory: str, searcher: Searcher) -> None:
        self._memory = memory
        self._searcher = searcher
        self._analyse = AnalyseQuery(memory)
        self._analyse.warm_up()

    def trace(self, document: str, query: str, asker: Asker) -> Trace:
        """Where a document stands; only rank among what the asker may see is told.

        :raises InvalidQuery: where the query cannot be understood.
        """
        question: Question = self._analyse.run(SearchRequest(query, asker))["question"]
        index = registry.need(self._memory, VectorIndex)  # type: ignore[type-abstract]
        filters = self._kept_out_by(index, document, question, asker)
        asked = LegQuery(
            words=question.words,
            vector=self._searcher.meaning(question).vector(),
            filters=question.filters,
            words_limit=DEEP,
            meaning_limit=DEEP,
        )
        if filters:
            unused = (LegTrace("words", None, None, False), LegTrace("meaning", None, None, False))
            return Trace(filters, unused, None)
        whole = index.search(asked, asker)
        own = index.search(replace(asked, filters=_of(question.filters, document)), asker)
        legs = (
            _leg("words", whole.words, own.words, asked.words is not None),
            _leg("meaning", whole.meaning, own.meaning, asked.vector is not None),
        )
        return Trace(filters, legs, self._position(document, query, asker))

    def _kept_out_by(
        self, index: VectorIndex, document: str, question: Question, asker: Asker
    ) -> tuple[str, ...]:
        """Each filter of the query that alone leaves nothing of the document."""
        found = []
        for name, shown in _FILTERS.items():
            value = getattr(question.filters, name)
            if value in ((), None):
                continue
            if not index.count(Filters(documents=(document,), **{name: value}), asker):
                found.append(shown)
        return tuple(found)

    def _position(self, document: str, query: str, asker: Asker) -> int | None:
        for offset in range(0, LAST, MOST):
            answer = self._searcher.search(SearchRequest(query, asker, limit=MOST, offset=offset))
            for place, result in enumerate(answer.results, start=offset + 1):
                if result.card.document == document:
                    return place
            if len(answer.results) < MOST:
                return None
        return None


_FILTERS = {
    "sources": "source:",
    "types": "type:",
    "languages": "lang:",
    "people": "author:",
    "after": "after:",
    "before": "before:",
    "phrases": '"..."',
    "without": "-",
}


def _of(filters: Filters, document: str) -> Filters:
    return replace(filters, documents=(document,))


def _leg(name: str, whole: tuple[Scored, ...], own: tuple[Scored, ...], used: bool) -> LegTrace:
    if not used or not own:
        return LegTrace(name, None, None, used)
    best = own[0]
    rank = next((place for place, one in enumerate(whole, start=1) if one.id == best.id), None)
    return LegTrace(name, rank, round(best.score, 6), used)
