"""The search as one call."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from haystack import Pipeline

from memory import pipelines, registry
from memory.courtesy import COURTESY
from memory.errors import InvalidInput
from memory.words import WordAnalyser
from search.answer import Answer
from search.components.embed import EmbedQuery
from search.flow import Meaning, Question
from search.highlight import Highlighter, Spans
from search.pipeline import HYBRID, load_pipeline
from search.query import Query
from search.request import SearchRequest

__all__ = ["SearchRequest", "Searcher"]

_MOST_WANTED = 10_000


class Searcher:
    """Searches a memory through a pipeline. Safe for threads.

    :param memory: the memory's name in the registry.
    :param pipeline: takes a ``request`` and gives an ``answer``; the shipped hybrid search unless given.
    :raises MnemeError: where the memory is not open.
    """

    def __init__(self, memory: str = "default", pipeline: Pipeline | None = None) -> None:
        self._memory = memory
        self._pipeline = pipeline or load_pipeline(HYBRID, memory)
        self._takes_request = takers(self._pipeline)
        self._pipeline.warm_up()
        self._lock = threading.Lock()
        self._wanted: dict[str, None] = {}

    def search(self, request: SearchRequest) -> Answer:
        """Answer one search.

        :raises InvalidQuery: where the query cannot be understood.
        """
        began = time.perf_counter()
        with COURTESY.ahead():
            answer = _answer(run(self._pipeline, self._takes_request, request))
        if answer.ready.percent < 100:
            self._want(result.card.document for result in answer.results)
        return replace(answer, took_ms=(time.perf_counter() - began) * 1000)

    def meaning(self, question: Question) -> Meaning:
        """What its pipeline looks for by meaning; nothing where it does not."""
        for _, component in self._pipeline.walk():
            if isinstance(component, EmbedQuery):
                found: Meaning = component.run(question)["meaning"]
                return found
        return Meaning()

    def wanted(self) -> list[str]:
        """Documents shown while some had no vectors yet, since the last call; for `Documents.want`.

        A search only notes them: writing to the catalogue takes longer than the search.
        """
        with self._lock:
            drained, self._wanted = self._wanted, {}
        return list(drained)

    def highlights(
        self, query: str, language: str, passages: Iterable[Mapping[str, Any]]
    ) -> dict[int, Spans]:
        """What a search marks in the passages of a document, by ordinal.

        :param language: the document's.
        :param passages: with ``ordinal`` and ``text``.
        :raises InvalidQuery: where the query cannot be understood.
        """
        asked = Query.parse(query)
        words = registry.need(self._memory, WordAnalyser)
        highlighter = Highlighter(words, asked.text, words.query(asked.text, [language]).terms, asked.phrases)
        return {passage["ordinal"]: highlighter.spans(passage["text"], language) for passage in passages}

    def _want(self, documents: Iterable[str]) -> None:
        with self._lock:
            if len(self._wanted) < _MOST_WANTED:
                self._wanted.update(dict.fromkeys(documents))


def run(pipeline: Pipeline, takes_request: Iterable[str], request: SearchRequest) -> dict[str, Any]:
    """What the last components of a search pipeline give, by their names.

    :param takes_request: see `takers`.
    :raises MnemeError: what a component raised.
    """
    return pipelines.run(pipeline, {name: {"request": request} for name in takes_request})


def takers(pipeline: Pipeline) -> list[str]:
    """The components that take the request.

    :raises InvalidInput: where none does.
    """
    found = [name for name, inputs in pipeline.inputs().items() if "request" in inputs]
    if not found:
        raise InvalidInput("This pipeline takes no request.", hint="It begins with AnalyseQuery.")
    return found


def _answer(outputs: Mapping[str, Any]) -> Answer:
    for given in outputs.values():
        answer = given.get("answer")
        if isinstance(answer, Answer):
            return answer
    raise InvalidInput("This pipeline gives no answer.", hint="It ends with Present.")
