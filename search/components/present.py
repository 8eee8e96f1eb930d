"""From ranked documents to an answer."""

from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.cards import Card
from memory.catalogue.catalogue import Catalogue
from memory.domain import Passage
from memory.words import WordAnalyser
from search.active_filters import active_filters
from search.answer import Answer, FoundPassage, Ready, Result
from search.facets import FacetCounter
from search.flow import Grouped, Question, Shown
from search.fuse import LegRank, explain
from search.highlight import Highlighter


@component
class Present:
    """Reads the texts of one page's passages, marks what matched, and counts facets and total.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory
        self._facets = FacetCounter()

    def warm_up(self) -> None:
        """Get catalogue and analyser."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._words = registry.need(self.memory, WordAnalyser)

    @component.output_types(answer=Answer)
    def run(self, question: Question, grouped: Grouped) -> dict[str, Any]:
        """Answer."""
        request, query, found = question.request, question.query, grouped.ranked.found
        facets = self._facets.count(query, grouped.cards())
        total = len(grouped.documents)
        answer = Answer(
            query=query,
            total=total,
            total_is_exact=found.complete,
            page=request.offset // request.limit + 1,
            pages=max(1, -(-total // request.limit)),
            ready=Ready.told(request.asker, question.progress, meaning=question.meaning),
            results=self._results(question, grouped),
            facets=facets,
            filters=active_filters(query, facets),
            notes=found.notes,
        )
        return {"answer": answer}

    def _results(self, question: Question, grouped: Grouped) -> tuple[Result, ...]:
        request, ranked = question.request, grouped.ranked
        page = grouped.documents[request.offset : request.offset + request.limit]
        texts = self._catalogue.passages.get([passage for shown in page for passage, _ in shown])
        terms = question.words.terms if question.words else ()
        highlighter = Highlighter(self._words, question.query.text, terms, question.query.phrases)
        told: dict[int, list[LegRank]] = {}
        if request.explain:
            told = explain(
                ranked.found.legs,
                [shown[0][0] for shown in page],
                method=ranked.method,
                weight=ranked.parts,
            )
        results = []
        for shown in page:
            best, score = shown[0]
            card = ranked.found.cards[best]
            # A passage may have left the catalogue since it was found: its document changed this moment.
            if passages := _passages(shown, texts, highlighter, card):
                ranks = tuple(told[best]) if request.explain else None
                results.append(Result(card, score, passages, ranks))
        return tuple(results)


def _passages(
    shown: Shown, texts: dict[int, Passage], highlighter: Highlighter, card: Card
) -> tuple[FoundPassage, ...]:
    here = [(texts[identity], score) for identity, score in shown if identity in texts]
    return tuple(
        FoundPassage(
            passage,
            score,
            highlighter.spans(passage.text, card.language),
            card.writers.get(passage.location.message or "", ()),
        )
        for passage, score in here
    )
