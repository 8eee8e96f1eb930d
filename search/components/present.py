"""From ranked documents to an answer."""

from collections.abc import Sequence
from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.domain import Passage
from memory.words import WordAnalyser
from search.active_filters import active_filters
from search.answer import Answer, FoundPassage, Ready, Result
from search.facets import count_facets
from search.flow import Group, Grouped, Question
from search.fuse import explain
from search.highlight import Highlighter


@component
class Present:
    """Reads the texts of one page's passages, marks what matched, and counts facets and total.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    def warm_up(self) -> None:
        """Get catalogue and analyser."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._words = registry.need(self.memory, WordAnalyser)

    @component.output_types(answer=Answer)
    def run(self, question: Question, grouped: Grouped) -> dict[str, Any]:
        """Answer."""
        request, query, found = question.request, question.query, grouped.ranked.found
        facets = count_facets(query, [group.card for group in grouped.groups])
        total = len(grouped.groups)
        answer = Answer(
            query=query,
            total=total,
            total_is_exact=found.complete,
            page=request.offset // request.limit + 1,
            pages=max(1, -(-total // request.limit)),
            ready=Ready(True, question.meaning, question.progress.passages, question.progress.by_meaning),
            results=self._results(question, grouped),
            facets=facets,
            filters=active_filters(query, facets),
            notes=found.notes,
        )
        return {"answer": answer}

    def _results(self, question: Question, grouped: Grouped) -> tuple[Result, ...]:
        request = question.request
        page = grouped.groups[request.offset : request.offset + request.limit]
        texts = self._catalogue.passages.get([passage for group in page for passage, _ in group.passages])
        terms = question.words.terms if question.words else ()
        highlighter = Highlighter(self._words, terms, question.query.phrases)
        told = {}
        if request.explain:
            ranked = grouped.ranked
            told = explain(ranked.found.legs, [group.passages[0][0] for group in page], method=ranked.method)
        results = []
        for group in page:
            # A passage may have left the catalogue since it was found: its document changed this moment.
            if passages := _passages(group, texts, highlighter):
                ranks = tuple(told[group.passages[0][0]]) if request.explain else None
                results.append(Result(group.card, group.score, passages, ranks))
        return tuple(results)


def _passages(group: Group, texts: dict[int, Passage], highlighter: Highlighter) -> tuple[FoundPassage, ...]:
    shown: Sequence[tuple[Passage, float]] = [
        (texts[identity], score) for identity, score in group.passages if identity in texts
    ]
    return tuple(
        FoundPassage(passage, score, highlighter.spans(passage.text, group.card.language))
        for passage, score in shown
    )
