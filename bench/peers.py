"""Other searches over the same passages: bm25s, txtai's hybrid and LanceDB's, to compare with.

Each takes the texts that Mneme analyses and embeds (title and headings in front), the hybrids the same vectors too: what
differs is how they rank. A document stands where its best passage does. As shipped, no setting tuned: txtai joins its BM25 with
the vectors by equal weights, LanceDB by reciprocal ranks. Nothing of this is installed with Mneme; see `bench/README.md`.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.asking import typed
from eval.collections.model import Query
from eval.corpus_documents import collection_id
from eval.runs import Ranked, Run
from ingest.split import embedding_text
from memory import registry
from memory.catalogue.catalogue import Catalogue
from memory.embedding.base import Embedder, Vectors
from memory.index.base import VectorIndex

DEPTH = 300
"""Passages of each list that are asked for: enough for a hundred documents."""

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Passages:
    """What the peers are given, row by row: texts, vectors of shape (rows, size), and the document each is of."""

    texts: tuple[str, ...]
    vectors: Vectors
    documents: tuple[str, ...]


def passages_of(memory: str) -> Passages:
    """All passages of a memory that is known to the registry."""
    catalogue = registry.need(memory, Catalogue)
    index = registry.need(memory, VectorIndex)  # type: ignore[type-abstract]
    texts: list[str] = []
    vectors: list[Vectors] = []
    documents: list[str] = []
    last = -1
    while part := catalogue.passages.after(last, _BATCH):
        ids = [stored.passage.id for stored in part]
        held = index.vectors(ids)
        cards = catalogue.cards.of_passages(ids)
        for stored, card in zip(part, cards, strict=True):
            if card is None:
                continue
            passage = stored.passage
            texts.append(embedding_text(stored.title, passage.location.heading, passage.text))
            vectors.append(held[passage.id])
            documents.append(collection_id(card.ref))
        last = ids[-1]
    return Passages(tuple(texts), np.stack(vectors), tuple(documents))


def runs(memory: str, queries: Sequence[Query]) -> dict[str, Run]:
    """What each peer that is installed finds for the queries, by the peer's name.

    :param memory: the name in the registry.
    """
    installed = {name: ask for name, (module, ask) in _PEERS.items() if find_spec(module)}
    if not installed:
        return {}
    passages = passages_of(memory)
    texts = {query.id: typed(query) for query in queries}
    embedder = registry.need(memory, Embedder)  # type: ignore[type-abstract]
    asked = {query: (text, embedder.embed_query(text)) for query, text in texts.items()}
    return {name: Run(name, ask(passages, asked)) for name, ask in installed.items()}


Asked = Mapping[str, tuple[str, Vectors]]
Lists = dict[str, tuple[Ranked, ...]]


def _bm25s(passages: Passages, asked: Asked) -> Lists:
    """In its Lucene variant with k1 1.2, b 0.75, English stop words and stems."""
    import bm25s  # type: ignore[import-not-found, unused-ignore]
    import Stemmer  # type: ignore[import-not-found, unused-ignore]

    def tokens(texts: Sequence[str]) -> list[list[str]]:
        made: list[list[str]] = bm25s.tokenize(
            list(texts),
            stopwords="en",
            stemmer=Stemmer.Stemmer("english"),
            return_ids=False,
            show_progress=False,
        )
        return made

    index = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    index.index(tokens(passages.texts), show_progress=False)
    lists: Lists = {}
    for (query, _), terms in zip(asked.items(), tokens([text for text, _ in asked.values()]), strict=True):
        scores: NDArray[np.float64] = index.get_scores(terms) if terms else np.zeros(len(passages.texts))
        best = [at for at in np.argsort(-scores, kind="stable")[:DEPTH].tolist() if scores[at] > 0]
        lists[query] = _documents(passages, ((at, float(scores[at])) for at in best))
    return lists


def _txtai(passages: Passages, asked: Asked) -> Lists:
    """`Embeddings` with ``hybrid``; its vectors by exact search."""
    from txtai import Embeddings  # type: ignore[import-not-found, unused-ignore]

    known: dict[str, Vectors] = dict(zip(passages.texts, passages.vectors, strict=True))

    def embed(texts: Iterable[str]) -> Vectors:
        return np.stack([known[text] for text in texts]).astype(np.float32)

    embeddings: Any = Embeddings(method="external", transform=embed, hybrid=True, backend="numpy")
    embeddings.index(enumerate(passages.texts))
    lists: Lists = {}
    for query, (text, vector) in asked.items():
        known[text] = vector
        lists[query] = _documents(passages, embeddings.search(text, DEPTH) if text else [])
    return lists


def _lancedb(passages: Passages, asked: Asked) -> Lists:
    """``query_type="hybrid"`` with its own reranker and its own index of words."""
    import lancedb  # type: ignore[import-not-found, unused-ignore]

    with tempfile.TemporaryDirectory() as folder:
        rows = zip(range(len(passages.texts)), passages.texts, passages.vectors.tolist(), strict=True)
        table: Any = lancedb.connect(folder).create_table(
            "passages", [{"row": row, "text": text, "vector": vector} for row, text, vector in rows]
        )
        table.create_fts_index("text")
        lists: Lists = {}
        for query, (text, vector) in asked.items():
            search = table.search(query_type="hybrid", vector_column_name="vector", fts_columns="text")
            found = search.vector(vector.tolist()).text(text).limit(DEPTH).to_list()
            lists[query] = _documents(passages, ((one["row"], one["_relevance_score"]) for one in found))
    return lists


def _documents(passages: Passages, found: Iterable[tuple[int, float]]) -> tuple[Ranked, ...]:
    """Documents in the order of their best passage."""
    best: dict[str, float] = {}
    for row, score in found:
        best.setdefault(passages.documents[row], float(score))
    return tuple(Ranked(document, score) for document, score in best.items())


_PEERS: dict[str, tuple[str, Callable[[Passages, Asked], Lists]]] = {
    "bm25s": ("bm25s", _bm25s),
    "txtai": ("txtai", _txtai),
    "LanceDB": ("lancedb", _lancedb),
}

NAMES = tuple(_PEERS)
"""The peers, installed or not."""
