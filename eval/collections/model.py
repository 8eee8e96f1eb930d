"""What a test collection is made of: documents, queries, and judgements of which document answers which query."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Qrels = dict[str, dict[str, int]]
"""Judgements: query id to document id to grade. 0 and below is not relevant; without a grade nobody has judged."""


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a collection.

    :param id: its lasting name in the collection.
    :param metadata: ``language`` (ISO 639-1) and ``source`` are used where they are there.
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a collection (TREC: topic).

    :param metadata: ``language``, ``source``, ``type``, ``department`` and ``band`` put it into slices. ``as``
        names the person who asks; ``syntax: typed`` says that the text is in Mneme's query language.
    """

    id: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Corpus(Protocol):
    """The documents of a collection, read one after the other as often as it is walked through."""

    @property
    def checksum(self) -> str:
        """SHA-256 over its files, in hex."""
        ...

    def __iter__(self) -> Iterator[CorpusDocument]:
        """Every document in the order of the file."""
        ...


@dataclass(frozen=True, slots=True)
class Collection:
    """A test collection.

    :param version: what people call this state of it.
    :param checksum: SHA-256 over all its files, in hex: results of different checksums are not comparable.
    :param corpus: its documents; None where it is asked of a memory that exists already, and judgements name
        that memory's documents by their refs.
    :param marked: the slices that a change may not make worse, see `eval.gate`.
    """

    name: str
    queries: tuple[Query, ...]
    qrels: Qrels
    checksum: str
    corpus: Corpus | None = None
    version: str = ""
    marked: tuple[str, ...] = ()

    def answerable(self) -> tuple[Query, ...]:
        """The queries that have a relevant document: nothing can be measured on others."""
        return tuple(query for query in self.queries if self.relevant(query.id))

    def relevant(self, query: str) -> frozenset[str]:
        """Documents of a grade above 0."""
        return frozenset(document for document, grade in self.qrels.get(query, {}).items() if grade > 0)
