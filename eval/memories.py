"""A memory made from a collection, by the same steps as any other: divided, written, embedded.

Kept under the data folder by what it was made of: the documents, the model, and the code that made it. It is built
in a folder of its own and takes its place when it is complete, so that a killed build leaves nothing half done; the
vectors it had made are kept (`eval.remembering`), so that the next build is quick.
"""

import hashlib
import inspect
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from eval.collections.model import Corpus, CorpusDocument
from eval.corpus_documents import SOURCE, read_document, source_name
from eval.remembering import RememberingEmbedder
from ingest.components import PassageEmbedder
from ingest.index_writer import IndexWriter
from ingest.pipelines import load
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.sources import Source
from memory.embedding.base import Embedder
from memory.errors import InvalidInput
from memory.index.base import VectorIndex
from memory.index.edge import EdgeIndex
from memory.pipelines import run
from memory.words import WordAnalyser

TOGETHER = 128
"""Documents in one run of the pipeline."""

EMBEDDED_TOGETHER = 1024
"""Passages in one run of the pipeline: the more there are to sort by length, the less is padded."""

_UNOPTIMISED = 20_000  # passages that may be searched exactly, as in a memory of one's own
_ABOUT = "about.json"

Report = Callable[[str, int, int | None], None]
"""Told what is being done, how much is done, and how much there is to do where that is known."""


@dataclass(frozen=True, slots=True)
class Built:
    """A memory that can be searched.

    :param name: in the registry.
    :param about: what it cost: ``documents``, ``empty``, ``passages``, ``build_s``, ``index_bytes``.
    """

    name: str
    embedder: RememberingEmbedder
    about: dict[str, Any]


@contextmanager
def open_memory_of(
    corpus: Corpus, embedder: RememberingEmbedder, data: Path, report: Report
) -> Iterator[Built]:
    """The memory of a collection, built where it is not there yet; closed afterwards.

    :param data: the folder that built memories are kept in.
    :raises InvalidInput: where the collection has no document, or a line of it cannot be understood.
    :raises MemoryInUse: where another process searches the same memory.
    """
    key = hashlib.sha256(f"{corpus.checksum} {embedder.identity.digest} {edition()}".encode()).hexdigest()[
        :24
    ]
    folder = data / key
    if not (folder / _ABOUT).exists():
        data.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=data))
        try:
            _build(building, key, corpus, embedder, report)
            if not folder.exists():  # else another process was faster
                building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    with _opened(folder, key, embedder):
        yield Built(key, embedder, about)


def edition() -> str:
    """A hash of the code that makes a memory of documents: when it changes, memories are made anew."""
    digest = hashlib.sha256()
    ingesting, remembering = (Path(inspect.getfile(one)).parent for one in (IndexWriter, WordAnalyser))
    made_by = [
        *ingesting.glob("*.py"),
        *ingesting.glob("pipelines/*.yaml"),
        remembering / "words.py",
        *remembering.glob("index/*.py"),
        *remembering.glob("catalogue/migrations/versions/*.py"),
        Path(inspect.getfile(read_document)),
    ]
    for path in sorted(made_by):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _opened(folder: Path, name: str, embedder: RememberingEmbedder) -> Iterator[Catalogue]:
    """The parts of the memory in a folder, known to the pipelines while this lasts."""
    catalogue = Catalogue(f"sqlite:///{folder / 'catalogue.db'}", keep_events=None)
    try:
        index = EdgeIndex(folder / "index", embedder.identity)
    except BaseException:
        catalogue.close()
        raise
    words = WordAnalyser()
    registry.provide(name, Catalogue, catalogue)
    registry.provide(name, WordAnalyser, words)
    registry.provide(name, VectorIndex, index)  # type: ignore[type-abstract]
    registry.provide(name, Embedder, embedder)  # type: ignore[type-abstract]
    registry.provide(name, PassageEmbedder, embedder)  # type: ignore[type-abstract]
    registry.provide(name, IndexWriter, IndexWriter(catalogue, index, words, embedder.identity))
    try:
        yield catalogue
    finally:
        registry.forget(name)
        index.close()
        catalogue.close()


def _build(folder: Path, key: str, corpus: Corpus, embedder: RememberingEmbedder, report: Report) -> None:
    name, began = f"{key}.building", time.perf_counter()
    with _opened(folder, name, embedder) as catalogue:
        written, empty = _write(name, catalogue, corpus, report)
        if not written:
            raise InvalidInput("The collection has no document with any text.")
        registry.need(name, IndexWriter).weigh_words()
        _embed(name, catalogue, report)
        index = registry.need(name, VectorIndex)  # type: ignore[type-abstract]
        if isinstance(index, EdgeIndex) and index.unoptimised() > _UNOPTIMISED:
            index.optimise()
        index.flush()
        passages = catalogue.passages.progress().passages
    # What it takes on the disk: the index's files are sparse.
    size = sum(path.stat().st_blocks * 512 for path in (folder / "index").rglob("*") if path.is_file())
    about = {
        "documents": written,
        "empty": empty,
        "passages": passages,
        "build_s": round(time.perf_counter() - began, 1),
        "index_bytes": size,
    }
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _write(name: str, catalogue: Catalogue, corpus: Corpus, report: Report) -> tuple[int, int]:
    """Write every document that has text; says how many have and how many have not."""
    pipeline = load("passages", name)
    sources: set[str] = set()
    written = empty = 0
    stream = iter(corpus)
    while part := list(islice(stream, TOGETHER)):
        for source in {source_name(document) for document in part} - sources:
            catalogue.sources.add(Source(source, SOURCE, "", {}))
            sources.add(source)
        read = [read_document(document) for document in part if _has_text(document)]
        if read:
            run(pipeline, {"split": {"read": read}, "write": {"other": []}})
        written, empty = written + len(read), empty + len(part) - len(read)
        report("Reading the documents", written + empty, None)
    return written, empty


def _has_text(document: CorpusDocument) -> bool:
    return bool(document.text.strip() or document.title.strip())


def _embed(name: str, catalogue: Catalogue, report: Report) -> None:
    pipeline = load("vectors", name)
    total, done = catalogue.passages.progress().passages, 0
    while stored := run(pipeline, {"embed": {"limit": EMBEDDED_TOGETHER}})["store"]["stored"]:
        done += stored
        report("Embedding the passages", done, total)
