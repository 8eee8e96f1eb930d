"""The Haystack components of the ingest pipelines: parse, split, write; embed, store vectors.

Their ``__init__`` takes only JSON values, so that a pipeline is data; what they work on they get in
``warm_up`` from the registry, by the memory's name.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from haystack import component

from ingest.assemble import assemble
from ingest.index_writer import IndexWriter, spoken
from ingest.items import Broken, Divided, Fetched, Outcome, Read, Skipped
from ingest.parsers.workers import ParserPool
from ingest.split import embedding_text, split
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import NewPassage
from memory.catalogue.vectors import text_digest
from memory.domain import Failed, Stage
from memory.embedding.base import Embedder, Vectors
from memory.errors import ParseError
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
        """Get the worker processes."""
        self._pool = registry.need(self.memory, ParserPool)

    @component.output_types(read=list[Read], other=list[Outcome])
    def run(self, fetched: list[Fetched]) -> dict[str, Any]:
        """Read each file; one that cannot be read becomes a `Broken`, one without text a `Skipped`."""
        with ThreadPoolExecutor(max_workers=self._pool.workers) as threads:
            outcomes = list(threads.map(self._read, fetched))
        return {
            "read": [outcome for outcome in outcomes if isinstance(outcome, Read)],
            "other": [outcome for outcome in outcomes if not isinstance(outcome, Read)],
        }

    def _read(self, fetched: Fetched) -> Read | Skipped | Broken:
        content = fetched.content
        try:
            parsed = self._pool.parse(content.body, name=content.name, media_type=content.media_type)
        except ParseError as error:
            return Broken(fetched, Failed(content.ref, Stage.PARSED, error.message))
        except OSError as error:
            # Gone or locked since it was listed: the next sync looks again.
            return Broken(
                fetched, Failed(content.ref, Stage.FETCHED, error.strerror or str(error), retryable=True)
            )
        if not parsed.elements:
            return Skipped(fetched, parsed.empty_reason or "no text")
        return Read(fetched, parsed)


@component
class Split:
    """Divides documents into passages that do not cross a heading."""

    @component.output_types(divided=list[Divided])
    def run(self, read: list[Read]) -> dict[str, Any]:
        """Divide each document."""
        divided = []
        for item in read:
            text, pieces = split(item.parsed)
            divided.append(Divided(item, text, tuple(pieces)))
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
        self._catalogue = registry.need(self.memory, Catalogue)
        self._words = registry.need(self.memory, WordAnalyser)
        self._writer = registry.need(self.memory, IndexWriter)

    @component.output_types(outcomes=list[Outcome])
    def run(self, divided: list[Divided], other: list[Outcome]) -> dict[str, Any]:
        """Write each document or its failure; a document is findable by its words when this returns."""
        for item in divided:
            self._write(item)
        for outcome in other:
            self._note(outcome)
        self._writer.write_pending()
        return {"outcomes": [*divided, *other]}

    def _write(self, item: Divided) -> None:
        document = assemble(item)
        found = []
        for piece in item.pieces:
            text = embedding_text(document.title, piece.location.heading, piece.text)
            length = self._words.length(text, document.language)
            found.append(NewPassage(piece.text, piece.location, length, text_digest(text)))
        with self._catalogue.transaction() as connection:
            self._catalogue.documents.replace(connection, document, item.text, found)
            self._catalogue.ledger.write(
                connection, document.ref, Stage.PARSED, retryable=False, **_known(item.read.fetched)
            )

    def _note(self, outcome: Outcome) -> None:
        if isinstance(outcome, Skipped):
            fetched, stage, reason, retryable = outcome.fetched, Stage.SKIPPED, outcome.reason, False
        elif isinstance(outcome, Broken):
            fetched, stage = outcome.fetched, Stage.FAILED
            reason, retryable = outcome.failure.reason, outcome.failure.retryable
        else:
            return
        known = _known(fetched)
        with self._catalogue.transaction() as connection:
            if stage is Stage.SKIPPED:
                # It had text once and has none now: what was found of it is no longer true.
                self._catalogue.documents.remove(connection, fetched.document)
                known["document"] = None
            self._catalogue.ledger.write(
                connection, fetched.content.ref, stage, reason=reason, retryable=retryable, **known
            )


def _known(fetched: Fetched) -> dict[str, Any]:
    return {
        "document": fetched.document,
        "version": fetched.version,
        "fingerprint": fetched.fingerprint,
        "content": fetched.digest,
    }


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
