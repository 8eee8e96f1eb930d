"""Asking a search pipeline every query of a collection: what it finds, to any depth, and how long it takes."""

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from haystack import Pipeline

from eval.collections.model import Query
from eval.corpus_documents import collection_id
from eval.persons import addressed, rank_persons
from eval.pipelines import Fusion
from eval.remembering import RememberingEmbedder
from eval.runs import Ranked, Run
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.domain import OWNER, Asker
from memory.embedding.base import Embedder
from memory.errors import InvalidQuery, NotFound
from search.components.embed import EmbedQuery
from search.components.fuse import parts_of
from search.flow import Grouped
from search.fuse import fuse
from search.group import group
from search.pipeline import load_pipeline
from search.query import Query as Parsed
from search.request import SearchRequest
from search.searcher import Searcher, run, takers
from search.whole import grouped_of, unpresented

TIMED = 100
"""Queries that are timed at most: enough for a 95th percentile, few enough to cost seconds."""

_PAGE = 10
_WARMING = 5
_SYNTAX = re.compile(r'["“”„‟«»]|(?<!\S)-(?=[^\s-])')
_FIELD = re.compile(r"(?<=\w):(?=\S)")


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a search took from query to presented page, in milliseconds."""

    p50: float
    p95: float
    timed: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pipeline made of a collection's queries.

    :param refused: queries it could not answer at all, and why; they count as empty.
    """

    run: Run
    latency: Latency | None
    refused: dict[str, str] = field(default_factory=dict)


class System:
    """A search pipeline over a memory, to be asked in bulk.

    :param memory: the memory's name in the registry.
    :param pipeline: a YAML file, or the YAML text itself.
    :param name: what to call its runs.
    :param rank: whether a list holds documents, or the people behind them (expert finding).
    :raises InvalidInput: where it is no search pipeline.
    """

    def __init__(
        self,
        memory: str,
        pipeline: Path | str,
        name: str,
        *,
        rank: Literal["documents", "persons"] = "documents",
    ) -> None:
        self._memory = memory
        self._persons = rank == "persons"
        self._name = name
        self._searcher = Searcher(memory, load_pipeline(pipeline, memory))
        self._ranking = unpresented(load_pipeline(pipeline, memory))
        self._takers = takers(self._ranking)
        self._ranking.warm_up()

    def ask(
        self,
        queries: Sequence[Query],
        depth: int,
        *,
        time_it: bool = True,
        report: Callable[[int], None] = lambda _done: None,
    ) -> Asked:
        """Ask every query.

        :param depth: documents of a query's list at most.
        :param time_it: whether to measure latency, which embeds up to `TIMED` queries anew.
        :param report: told how many queries are done.
        """
        self._embed(queries)
        lists: dict[str, tuple[Ranked, ...]] = {}
        refused: dict[str, str] = {}
        for done, query in enumerate(queries, 1):
            try:
                lists[query.id] = self._rank(query, depth)
            except (InvalidQuery, NotFound) as error:
                lists[query.id], refused[query.id] = (), str(error)
            if not done % 50 or done == len(queries):
                report(done)
        # Last: what a memory embeds once, the languages' sentences, is there by now and from the cache.
        latency = self._latency(queries) if time_it and queries else None
        return Asked(Run(self._name, lists), latency, refused)

    def vary(self, queries: Sequence[Query], fusions: Sequence[Fusion], depth: int) -> list[Run]:
        """Ask every query once, and fuse what the legs found in several ways; a run for each of these.

        :param depth: documents of a query's list at most.
        """
        self._embed(queries)
        varied: list[dict[str, tuple[Ranked, ...]]] = [{} for _ in fusions]
        for query in queries:
            try:
                found = self._grouped(query).ranked.found
            except (InvalidQuery, NotFound):
                continue
            for fusion, lists in zip(fusions, varied, strict=True):
                parts = parts_of(found, fusion.method, fusion.weight, fusion.half)
                ranking = fuse(found.legs, method=fusion.method, weight=parts)
                shown = group(ranking, found.cards, 1)[:depth]
                lists[query.id] = tuple(
                    Ranked(collection_id(found.cards[best].ref), float(score)) for ((best, score),) in shown
                )
        return [Run(str(fusion), lists) for fusion, lists in zip(fusions, varied, strict=True)]

    def _rank(self, query: Query, depth: int) -> tuple[Ranked, ...]:
        return self._ranked(self._grouped(query), depth)

    def _grouped(self, query: Query) -> Grouped:
        request = SearchRequest(typed(query), self._asker(query))
        return grouped_of(run(self._ranking, self._takers, request))

    def _ranked(self, grouped: Grouped, depth: int) -> tuple[Ranked, ...]:
        cards = grouped.cards()[:depth]
        if self._persons:
            people = registry.need(self._memory, Catalogue).people
            return tuple(Ranked(*vote) for vote in addressed(rank_persons(cards), people.get)[:depth])
        scores = [float(passages[0][1]) for passages in grouped.documents[:depth]]
        return tuple(
            Ranked(collection_id(card.ref), score) for card, score in zip(cards, scores, strict=True)
        )

    def _asker(self, query: Query) -> Asker:
        person = query.metadata.get("as")
        return registry.need(self._memory, Catalogue).people.asker(person) if person else OWNER

    def _latency(self, queries: Sequence[Query]) -> Latency | None:
        """The time of whole searches, one after the other, with the model that embeds each query anew."""
        sample = random.Random(len(queries)).sample(list(queries), min(TIMED, len(queries)))  # noqa: S311 - no secret
        held = registry.find(self._memory, Embedder)  # type: ignore[type-abstract]
        if isinstance(held, RememberingEmbedder):
            registry.provide(self._memory, Embedder, held.embedder)  # type: ignore[type-abstract]
        try:
            for query in sample[:_WARMING]:
                self._time(query)
            taken = [one for query in sample if (one := self._time(query)) is not None]
        finally:
            if held is not None:
                registry.provide(self._memory, Embedder, held)  # type: ignore[type-abstract]
        if not taken:
            return None
        p50, p95 = np.percentile(taken, [50, 95])
        return Latency(round(float(p50), 2), round(float(p95), 2), len(taken))

    def _time(self, query: Query) -> float | None:
        """Milliseconds of one search; None where it is refused, which its list will tell."""
        try:
            request = SearchRequest(typed(query), self._asker(query), limit=_PAGE)
            began = time.perf_counter()
            self._searcher.search(request)
        except (InvalidQuery, NotFound):
            return None
        return (time.perf_counter() - began) * 1000

    def _embed(self, queries: Sequence[Query]) -> None:
        """Embed the queries together, which takes a fraction of the time of one after the other."""
        embedder = registry.find(self._memory, Embedder)  # type: ignore[type-abstract]
        if not isinstance(embedder, RememberingEmbedder) or not _embeds(self._ranking):
            return
        texts = []
        for query in queries:
            try:
                texts.append(Parsed.parse(typed(query)).text)
            except InvalidQuery:
                continue
        embedder.embed_queries(sorted(set(texts)))


def typed(query: Query) -> str:
    """A query as somebody would type it: what is syntax in Mneme's query language stays text.

    Quotation marks turn into blanks, a minus before a word too, and ``re:budget`` into ``re: budget``; unless the
    query says that it is in the query language (``syntax: typed``).
    """
    if query.metadata.get("syntax") == "typed":
        return query.text
    return " ".join(_FIELD.sub(": ", _SYNTAX.sub(" ", query.text)).split())


def _embeds(pipeline: Pipeline) -> bool:
    return any(isinstance(component, EmbedQuery) for _, component in pipeline.walk())
