"""The Haystack components of the ingest pipelines: parse, split, write; embed, store vectors.

Their ``__init__`` takes only JSON values, so that a pipeline is data; what they work on they get in
``warm_up`` from the registry, by the memory's name.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np
from haystack import component

from ingest.family import read_family
from ingest.family_writer import FamilyWriter
from ingest.index_writer import IndexWriter, spoken
from ingest.items import Divided, Fetched, Outcome, Read
from ingest.parsers.workers import ParserPool
from ingest.split import asides, scans, split
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.courtesy import COURTESY
from memory.embedding.base import Embedder, Vectors
from memory.index.base import VectorIndex
from memory.words import WordAnalyser


class PassageEmbedder(Embedder, Protocol):
    """The embedder that works for syncs: a process of its own, so that queries beside it stay fast."""


@component
class Parse:
    """Reads files in limited worker processes, as many at a time as there are workers.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    def warm_up(self) -> None:
        """Get the worker processes, and what they recognised before."""
        self._pool = registry.need(self.memory, ParserPool)
        self._scans = registry.need(self.memory, Catalogue).scans

    @component.output_types(read=list[Read], other=list[Outcome])
    def run(self, fetched: list[Fetched]) -> dict[str, Any]:
        """Read each file and what is attached to it.

        What cannot be read becomes a `Broken`, what has no text a `Skipped`.
        """
        with ThreadPoolExecutor(max_workers=self._pool.workers) as threads:
            families = threads.map(partial(read_family, self._pool, known=self._scans.recognised), fetched)
            outcomes = [outcome for family in families for outcome in family]
        return {
            "read": [outcome for outcome in outcomes if isinstance(outcome, Read)],
            "other": [outcome for outcome in outcomes if not isinstance(outcome, Read)],
        }


@component
class Split:
    """Divides documents into passages that do not cross a heading."""

    @component.output_types(divided=list[Divided])
    def run(self, read: list[Read]) -> dict[str, Any]:
        """Divide each document."""
        divided = []
        for item in read:
            COURTESY.give_way()
            text, pieces = split(item.parsed)
            apart = tuple(asides(item.parsed))
            divided.append(Divided(item, text, tuple(pieces), apart, scans(item.parsed)))
        return {"divided": divided}


@component
class Write:
    """Writes documents to the catalogue, then their words to the index.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    def warm_up(self) -> None:
        """Get the catalogue, the word analyser and the index writer."""
        catalogue = registry.need(self.memory, Catalogue)
        self._families = FamilyWriter(catalogue, registry.need(self.memory, WordAnalyser))
        self._writer = registry.need(self.memory, IndexWriter)

    @component.output_types(outcomes=list[Outcome])
    def run(self, divided: list[Divided], other: list[Outcome]) -> dict[str, Any]:
        """Write each document or its failure; a document is findable by its words when this returns."""
        self._families.write([*divided, *other])
        self._writer.write_pending()
        return {"outcomes": [*divided, *other]}


@component
class Embed:
    """Makes the vectors that are missing, each text once.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    def warm_up(self) -> None:
        """Get the catalogue and the embedder that works for the sync."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._embedder = registry.need(self.memory, PassageEmbedder)  # type: ignore[type-abstract]

    @component.output_types(ids=list[int], vectors=list[Vectors])
    def run(self, limit: int) -> dict[str, Any]:
        """Embed the next passages: the most wanted first, then the newest documents."""
        waiting = self._catalogue.passages.unembedded(limit)
        model = self._embedder.identity
        known = self._catalogue.vectors.get(model, [stored.digest for stored in waiting])
        texts = {stored.digest: spoken(stored) for stored in waiting if stored.digest not in known}
        if texts:
            made = self._embedder.embed_passages(list(texts.values()))
            fresh = dict(zip(texts, made, strict=True))
            self._catalogue.vectors.put(model, fresh)
            known |= fresh
        return {
            "ids": [stored.passage.id for stored in waiting],
            "vectors": [known[stored.digest] for stored in waiting],
        }


@component
class StoreVectors:
    """Gives the index its dense vectors.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory

    def warm_up(self) -> None:
        """Get the catalogue and the index."""
        self._catalogue = registry.need(self.memory, Catalogue)
        self._index = registry.need(self.memory, VectorIndex)  # type: ignore[type-abstract]

    @component.output_types(stored=int)
    def run(self, ids: list[int], vectors: list[Vectors]) -> dict[str, Any]:
        """Store the vectors; the passages are findable by meaning when this returns."""
        if ids:
            self._index.set_vectors(ids, np.stack(vectors))
            self._catalogue.passages.embedded(ids)
        return {"stored": len(ids)}
