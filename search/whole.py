"""The whole list of what a search finds, not only what the pages show: for exports and exact counts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from haystack import Pipeline

from memory import registry
from memory.catalogue.cards import Card
from memory.catalogue.catalogue import Catalogue
from memory.domain import OWNER, Asker, Passage
from memory.errors import InvalidInput
from memory.index.base import Filters, VectorIndex
from search.components.present import Present
from search.components.retrieve import Retrieve
from search.flow import Grouped
from search.pipeline import HYBRID, load_pipeline
from search.request import SearchRequest
from search.searcher import run, takers

_TOGETHER = 200
"""Documents whose texts are read at once."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One document of the whole list.

    :param position: in the list, from 1.
    :param passage: its best passage; None where it left the memory while the list was read.
    """

    position: int
    card: Card
    score: float
    passage: Passage | None


class WholeList:
    """Lists everything a search finds, in the order of the search. Safe for threads.

    It is a search pipeline without its last step, and without its bound on passages found by words.

    :param memory: the memory's name in the registry.
    :param pipeline: a YAML file, or the YAML text itself.
    :raises MnemeError: where the memory is not open.
    """

    def __init__(self, memory: str = "default", pipeline: Path | str = HYBRID) -> None:
        self._memory = memory
        self._pipeline = unpresented(load_pipeline(pipeline, memory))
        self._pipeline.warm_up()

    def count(self, query: str, asker: Asker) -> int:
        """Exactly how many documents a search finds that the asker may see.

        :raises InvalidQuery: where the query cannot be understood.
        """
        return len(self._found(query, asker).documents)

    def documents(self, query: str, asker: Asker) -> list[str]:
        """The ids of every document a search finds that the asker may see, best first.

        :raises InvalidQuery: where the query cannot be understood.
        """
        return [card.document for card in self._found(query, asker).cards()]

    def rows(self, query: str, asker: Asker) -> Iterator[Listed]:
        """Every document a search finds, best first; equal ones in the order of their passages' ids.

        The search is done before the first row is taken, so that what is wrong with it is said at once.

        :raises InvalidQuery: where the query cannot be understood.
        """
        return self._read(self._found(query, asker))

    def _found(self, query: str, asker: Asker) -> Grouped:
        index = registry.need(self._memory, VectorIndex)  # type: ignore[type-abstract]
        for _, part in self._pipeline.walk():
            if isinstance(part, Retrieve):
                part.words_limit = max(1, index.count(Filters(), OWNER))
        return grouped_of(run(self._pipeline, takers(self._pipeline), SearchRequest(query, asker)))

    def _read(self, grouped: Grouped) -> Iterator[Listed]:
        catalogue = registry.need(self._memory, Catalogue)
        cards, documents = grouped.ranked.found.cards, iter(enumerate(grouped.documents, start=1))
        while part := list(islice(documents, _TOGETHER)):
            texts = catalogue.passages.get([shown[0][0] for _, shown in part])
            for position, shown in part:
                best, score = shown[0]
                yield Listed(position, cards[best], score, texts.get(best))


def unpresented(pipeline: Pipeline) -> Pipeline:
    """The pipeline without its last step, which makes a page of the list."""
    for name, component in list(pipeline.walk()):
        if isinstance(component, Present):
            pipeline.remove_component(name)
    return pipeline


def grouped_of(outputs: Mapping[str, Any]) -> Grouped:
    """The list among what such a pipeline gave.

    :raises InvalidInput: where there is none.
    """
    for given in outputs.values():
        if isinstance(grouped := given.get("grouped"), Grouped):
            return grouped
    raise InvalidInput("This pipeline gives no documents.", hint="Before Present stands Group.")
