"""The index on a Qdrant server or cluster, by qdrant-client."""

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from memory.domain import OWNER, Asker
from memory.embedding.base import ModelIdentity, Vectors
from memory.errors import DiskFull, IndexAway, IndexUnavailable, ModelMismatch
from memory.index.base import Entry, Facts, Filters, LegQuery, Legs, Scored, SparseWords
from memory.index.conditions import (
    FACTS,
    KEYWORDS,
    MEANING,
    UNKNOWN,
    WORDS,
    AnyOf,
    Condition,
    Phrase,
    conditions,
    facts_payload,
    payload,
    read_facts,
)

log = logging.getLogger("mneme")

_PAGE = 10_000  # ids read at once
_AT_ONCE = 500  # passages in one request: some megabytes
_AWAY = (502, 503, 504)
_HINT = "Check that the Qdrant server runs and can be reached, and what its log says."


class ServerIndex:
    """Passages in a collection of a Qdrant server; implements `VectorIndex`. Safe for threads.

    :param client: a client of the server; ``QdrantClient(":memory:")`` serves small tests.
    :param collection: the collection's name; it is made where it does not exist.
    :param model: the model whose vectors it holds.
    :param own_statistics: see `VectorIndex`, rule 5.
    :raises ModelMismatch: where another model made it.
    :raises IndexAway: where the server cannot be reached; every method raises it, and what it did may then have been done or not.
    :raises IndexUnavailable: where the collection is not one of ours.
    """

    def __init__(
        self,
        client: QdrantClient,
        collection: str,
        model: ModelIdentity,
        *,
        own_statistics: bool = False,
    ) -> None:
        self._own_statistics = own_statistics
        self._client = client
        self._name = collection
        self._model = model
        with _server_errors(f"Opening the collection {collection}"):
            if not client.collection_exists(collection):
                self._create()
            known = client.get_collection(collection).config.metadata or {}
        made_by = known.get("model")
        if not isinstance(made_by, dict):
            raise IndexUnavailable(
                f"The collection {collection} was not made by Mneme.", hint="Choose another name for ours."
            )
        if (made_by.get("digest"), made_by.get("size")) != (model.digest, model.size):
            raise ModelMismatch(
                f"The collection was made by the model {made_by.get('name')}, not by {model.name}.",
                hint="Set embedding.model back, or run `mneme doctor --repair` to embed everything anew.",
            )

    @property
    def model(self) -> ModelIdentity:
        """The model whose vectors it holds."""
        return self._model

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write passages, replacing those with the same ids."""
        for first in range(0, len(entries), _AT_ONCE):
            points = [_point(entry) for entry in entries[first : first + _AT_ONCE]]
            with _server_errors("Writing passages"):
                self._client.upsert(self._name, points, wait=True)

    def set_vectors(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Give passages that are already there their dense vectors, shape (len(ids), size)."""
        rows = vectors.tolist()
        self._set([(one, {MEANING: row}) for one, row in zip(ids, rows, strict=True)])

    def set_words(self, ids: Sequence[int], words: Sequence[SparseWords]) -> None:
        """Give passages that are already there new sparse vectors."""
        self._set([(one, {WORDS: _sparse(some)}) for one, some in zip(ids, words, strict=True)])

    def set_facts(self, facts: Facts) -> None:
        """Change what is filtered by on every passage of a document, without touching its vectors."""
        known = facts_payload(facts)
        where = _filter(Filters(documents=(facts.document,)), OWNER)
        with _server_errors("Changing passages"):
            self._client.set_payload(self._name, known, points=where or models.Filter(), wait=True)

    def delete(self, ids: Sequence[int]) -> None:
        """Remove passages; unknown ids are ignored."""
        with _server_errors("Removing passages"):
            for first in range(0, len(ids), _PAGE):
                chosen = models.PointIdsList(points=[*ids[first : first + _PAGE]])
                self._client.delete(self._name, chosen, wait=True)

    def search(self, query: LegQuery, asker: Asker) -> Legs:
        """Each leg's scored list, best first."""
        where = _filter(query.filters, asker)
        legs: dict[str, models.QueryRequest] = {}
        newest = query.words is None and query.vector is None
        if newest and query.words_limit:
            order = models.OrderBy(key="modified", direction=models.Direction.DESC)
            by_time = models.OrderByQuery(order_by=order)
            legs["words"] = models.QueryRequest(query=by_time, limit=query.words_limit, filter=where)
        if query.words is not None and query.words.terms and query.words_limit:
            legs["words"] = models.QueryRequest(
                query=_sparse(query.words),
                using=WORDS,
                limit=query.words_limit,
                filter=where,
                params=self._counted(asker),
            )
        if query.vector is not None and query.meaning_limit:
            legs["meaning"] = models.QueryRequest(
                query=query.vector.tolist(),
                using=MEANING,
                limit=query.meaning_limit,
                filter=where,
                # As in `EdgeIndex.search`.
                params=models.SearchParams(exact=True) if self._own_statistics else None,
            )
        if not legs:
            return Legs()
        with _server_errors("Searching the index"):
            answers = self._client.query_batch_points(self._name, [*legs.values()])
        rank = _by_time if newest else _ranked
        return Legs(**{leg: rank(answer.points) for leg, answer in zip(legs, answers, strict=True)})

    def count(self, filters: Filters, asker: Asker) -> int:
        """Exactly how many passages satisfy the filters and may be seen."""
        with _server_errors("Counting in the index"):
            return self._client.count(self._name, _filter(filters, asker), exact=True).count

    def ids(self) -> Iterable[int]:
        """Every passage id held, ascending; to compare with the catalogue."""
        offset: Any = None
        while True:
            with _server_errors("Listing the index"):
                points, offset = self._client.scroll(
                    self._name, limit=_PAGE, offset=offset, with_payload=False, with_vectors=False
                )
            yield from (int(one.id) for one in points)
            if offset is None:
                return

    def words(self, ids: Sequence[int]) -> dict[int, SparseWords]:
        """Sparse vectors of those passages that have terms."""
        with _server_errors("Reading the index"):
            points = self._client.retrieve(self._name, [*ids], with_payload=False, with_vectors=[WORDS])
        return {
            int(one.id): SparseWords(tuple(held.indices), tuple(held.values))
            for one in points
            if isinstance(one.vector, dict) and isinstance(held := one.vector.get(WORDS), models.SparseVector)
        }

    def facts(self, ids: Sequence[int]) -> dict[int, Facts]:
        """What these passages are filtered by; unknown ids are missing."""
        with _server_errors("Reading the index"):
            points = self._client.retrieve(self._name, [*ids], with_payload=list(FACTS), with_vectors=False)
        return {int(one.id): read_facts(one.payload or {}) for one in points}

    def vectors(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Dense vectors of those passages that have one."""
        with _server_errors("Reading the index"):
            points = self._client.retrieve(self._name, [*ids], with_payload=False, with_vectors=[MEANING])
        return {
            int(one.id): np.asarray(one.vector[MEANING], dtype=np.float32)
            for one in points
            if isinstance(one.vector, dict) and MEANING in one.vector
        }

    def flush(self) -> None:
        """Every write has waited for the server already."""

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _counted(self, asker: Asker) -> models.SearchParams | None:
        """Over which passages it is counted how rare a word is; None for all there are."""
        if not self._own_statistics or (seen := _filter(Filters(), asker)) is None:
            return None
        return models.SearchParams(idf=models.IdfCorpusParams(corpus=seen))

    def _set(self, changes: Sequence[tuple[int, dict[str, Any]]]) -> None:
        for first in range(0, len(changes), _AT_ONCE):
            some = changes[first : first + _AT_ONCE]
            with _server_errors("Writing vectors"):
                known = self._client.retrieve(self._name, [one for one, _ in some], with_payload=False)
                held = {int(record.id) for record in known}
                points = [models.PointVectors(id=one, vector=vector) for one, vector in some if one in held]
                if points:
                    self._client.update_vectors(self._name, points, wait=True)

    def _create(self) -> None:
        size, cosine = self._model.size, models.Distance.COSINE
        self._client.create_collection(
            self._name,
            vectors_config={MEANING: models.VectorParams(size=size, distance=cosine, on_disk=True)},
            sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            on_disk_payload=True,
            metadata={"model": asdict(self._model)},
        )
        indexes: dict[str, Any] = dict.fromkeys(KEYWORDS, models.PayloadSchemaType.KEYWORD)
        indexes["modified"] = models.PayloadSchemaType.INTEGER
        indexes["text"] = models.TextIndexParams(
            type=models.TextIndexType.TEXT,
            tokenizer=models.TokenizerType.WORD,
            lowercase=True,
            phrase_matching=True,
            on_disk=True,
        )
        with warnings.catch_warnings():
            # The client's own local mode needs no payload indexes and says so each time.
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            for field, index in indexes.items():
                self._client.create_payload_index(self._name, field, index, wait=True)


@contextmanager
def _server_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (ApiException, QdrantException, ValueError, KeyError, OSError) as error:
        if _is_away(error):
            log.warning("The index's server is away: %s", _why(error))
            raise IndexAway(f"{what} failed: the server of the index cannot be reached.") from error
        if "No space left" in str(error):
            raise DiskFull(f"{what} needs more space than the server's disk has.") from error
        raise IndexUnavailable(f"{what} failed: {error}", hint=_HINT) from error


def _is_away(error: Exception) -> bool:
    """Whether nobody answers, or somebody in front of the server says that it does not."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code in _AWAY
    # The client wraps whatever goes wrong on the way so, and answers that it cannot read (a ValueError) as well.
    return isinstance(error, ResponseHandlingException) and not isinstance(error.source, ValueError)


def _why(error: BaseException) -> str:
    """Why a server is away, in a word: whole errors may name it, and the pages of a gateway whatever they like."""
    if isinstance(error, UnexpectedResponse):
        return f"status {error.status_code}"
    below = error.source if isinstance(error, ResponseHandlingException) else error.__cause__
    return _why(below) if below is not None else type(error).__name__


def _sparse(words: SparseWords) -> models.SparseVector:
    return models.SparseVector(indices=list(words.terms), values=list(words.weights))


def _point(entry: Entry) -> models.PointStruct:
    vectors: dict[str, Any] = {}
    if entry.words.terms:
        vectors[WORDS] = _sparse(entry.words)
    if entry.vector is not None:
        vectors[MEANING] = entry.vector.tolist()
    return models.PointStruct(id=entry.id, vector=vectors, payload=payload(entry))


def _filter(filters: Filters, asker: Asker) -> models.Filter | None:
    must, must_not = conditions(filters, asker)
    if not must and not must_not:
        return None
    return models.Filter(
        must=[_condition(one) for one in must], must_not=[_condition(one) for one in must_not]
    )


def _condition(one: Condition) -> models.FieldCondition:
    if isinstance(one, AnyOf):
        return models.FieldCondition(key=one.field, match=models.MatchAny(any=list(one.values)))
    if isinstance(one, Phrase):
        return models.FieldCondition(key="text", match=models.MatchPhrase(phrase=one.words))
    first = UNKNOWN + 1 if one.first is None else one.first
    return models.FieldCondition(key="modified", range=models.Range(gte=first, lt=one.end))


def _ranked(points: Iterable[models.ScoredPoint]) -> tuple[Scored, ...]:
    found = [Scored(int(one.id), one.score) for one in points]
    found.sort(key=lambda one: (-one.score, one.id))
    return tuple(found)


def _by_time(points: Iterable[models.ScoredPoint]) -> tuple[Scored, ...]:
    newest = sorted(points, key=lambda one: (-float(one.order_value or 0), int(one.id)))
    return tuple(Scored(int(one.id), 0.0) for one in newest)
