"""A real small memory for tests of the search: catalogue on SQLite, embedded index, hash model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.index_writer import IndexWriter, spoken
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import NewPassage, new_document_id
from memory.catalogue.sources import Source
from memory.catalogue.vectors import text_digest
from memory.domain import (
    OWNER,
    PUBLIC,
    Access,
    Asker,
    Contribution,
    Document,
    Identity,
    Location,
    Role,
    SourceRef,
)
from memory.embedding.base import Embedder
from memory.embedding.hashing import HashEmbedder
from memory.index.base import VectorIndex
from memory.index.edge import EdgeIndex
from memory.words import WordAnalyser
from search.answer import Answer
from search.searcher import Searcher, SearchRequest

EVERYBODY = Access(frozenset({PUBLIC}))


@dataclass
class SmallMemory:
    """A memory with what writes to it and what searches it."""

    name: str
    catalogue: Catalogue
    index: EdgeIndex
    words: WordAnalyser
    embedder: HashEmbedder

    def __post_init__(self) -> None:
        self.writer = IndexWriter(self.catalogue, self.index, self.words, self.embedder.identity)
        self._searcher: Searcher | None = None

    def add(
        self,
        title: str,
        *texts: str,
        access: Access = EVERYBODY,
        source: str = "wiki",
        authors: Sequence[str] = (),
        others: Sequence[Contribution] = (),
        language: str = "en",
        media_type: str = "text/plain",
        year: int = 2024,
        write: bool = True,
    ) -> str:
        """Add a document with these passages; gives its id."""
        if source not in {known.name for known in self.catalogue.sources.all()}:
            self.catalogue.sources.add(Source(source, "folder", f"/{source}", {}))
        document = Document(
            new_document_id(),
            SourceRef("folder", source, f"{new_document_id()}.txt"),
            title,
            media_type,
            language,
            modified=datetime(year, 3, 5, tzinfo=UTC),
            access=access,
            contributions=(*(Contribution(Identity(name=name), Role.AUTHOR) for name in authors), *others),
        )
        found, start = [], 0
        for text in texts:
            found.append(
                NewPassage(
                    text, Location(start, start + len(text), page=len(found) + 1), 10, text_digest(text)
                )
            )
            start += len(text) + 2
        with self.catalogue.transaction() as connection:
            self.catalogue.documents.replace(connection, document, "\n\n".join(texts), found)
        if write:
            self.writer.write_pending()
        return document.id

    def embed(self) -> None:
        """Give every passage its vector."""
        while waiting := self.catalogue.passages.unembedded():
            ids = [stored.passage.id for stored in waiting]
            self.index.set_vectors(ids, self.embedder.embed_passages([spoken(stored) for stored in waiting]))
            self.catalogue.passages.embedded(ids)

    @property
    def searcher(self) -> Searcher:
        """The shipped search."""
        if self._searcher is None:
            self._searcher = Searcher(self.name)
        return self._searcher

    def model_is_ready(self) -> None:
        """Make the embedder known to the search."""
        registry.provide(self.name, Embedder, self.embedder)

    def search(self, query: str, asker: Asker = OWNER, **more: int) -> Answer:
        """One search."""
        return self.searcher.search(SearchRequest(query, asker, **more))

    def titles(self, query: str, asker: Asker = OWNER, **more: int) -> list[str]:
        """The titles one search finds, best first."""
        return [result.card.title for result in self.search(query, asker, **more).results]


@contextmanager
def small_memory(folder: Path, name: str = "tests") -> Iterator[SmallMemory]:
    """An empty memory in a folder, closed and forgotten afterwards; its model is not ready yet."""
    folder.mkdir(parents=True, exist_ok=True)
    embedder = HashEmbedder()
    catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.db'}")
    index = EdgeIndex(folder / "index", embedder.identity)
    memory = SmallMemory(name, catalogue, index, WordAnalyser(), embedder)
    registry.provide(name, Catalogue, catalogue)
    registry.provide(name, WordAnalyser, memory.words)
    registry.provide(name, VectorIndex, index)
    try:
        yield memory
    finally:
        registry.forget(name)
        index.close()
        catalogue.close()
