"""The embedded index: qdrant-edge in this process, one folder, no server."""

from __future__ import annotations  # some of qdrant-edge's types are in its stubs only

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import qdrant_edge as q

from memory.courtesy import COURTESY
from memory.domain import OWNER, Asker
from memory.embedding.base import ModelIdentity, Vectors
from memory.errors import IndexUnavailable
from memory.index.base import Entry, Facts, Filters, LegQuery, Legs, Scored, SparseWords
from memory.index.conditions import MEANING, WORDS, facts_payload, read_facts
from memory.index.edge_shard import create_shard, edge_errors, edge_filter, need_space, point, sparse
from memory.index.generations import Generations
from memory.index.optimise import copy_generation, optimise_copy

_T = TypeVar("_T")
_PAGE = 10_000  # ids read at once
_NOTED = 1_000  # passages written before their number is noted on the disk
_AT_ONCE = 32
"""Passages in one write. qdrant-edge holds Python's global lock while it writes, so all of the service waits for one such."""


class EdgeIndex:
    """Passages in qdrant-edge; implements `VectorIndex`. Safe for threads.

    One process owns it. Writes are made one after the other; queries never wait for `optimise`.

    :param directory: where it lies; made where it does not exist.
    :param model: the model whose vectors it holds.
    :param own_statistics: see `VectorIndex`, rule 5.
    :raises MemoryInUse: where another process has it open.
    :raises ModelMismatch: where another model made it.
    :raises IndexUnavailable: where it is damaged.
    """

    def __init__(self, directory: Path, model: ModelIdentity, *, own_statistics: bool = False) -> None:
        self._model = model
        self._own_statistics = own_statistics
        self._writing = threading.RLock()
        self._optimising = threading.Lock()
        self._journal: list[q.UpdateOperation] | None = None
        self._journalled = 0
        self._generations = Generations(directory)
        self._shard: q.EdgeShard | None = None
        try:
            with edge_errors(f"Opening the index in {directory}"):
                self._folder = self._generations.open(model, self._create)
                self._shard = q.EdgeShard.load(str(self._folder))
                known = self._generations.written(self._folder)
                self._written = self._shard.info().points_count if known is None else known
        except BaseException:
            self._generations.close()
            raise

    @property
    def model(self) -> ModelIdentity:
        """The model whose vectors it holds."""
        return self._model

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write passages, replacing those with the same ids."""
        for first in range(0, len(entries), _AT_ONCE):
            COURTESY.give_way()
            points = [point(entry) for entry in entries[first : first + _AT_ONCE]]
            with self._write("Writing passages"):
                self._update(q.UpdateOperation.upsert_points(points), len(points))

    def set_vectors(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Give passages that are already there their dense vectors, shape (len(ids), size)."""
        rows = vectors.tolist()
        self._set([(one, {MEANING: row}) for one, row in zip(ids, rows, strict=True)])

    def set_words(self, ids: Sequence[int], words: Sequence[SparseWords]) -> None:
        """Give passages that are already there new sparse vectors."""
        self._set([(one, {WORDS: sparse(some)}) for one, some in zip(ids, words, strict=True)])

    def set_facts(self, facts: Facts) -> None:
        """Change what is filtered by on every passage of a document, without touching its vectors."""
        known = facts_payload(facts)
        where = edge_filter(Filters(documents=(facts.document,)), OWNER)
        if where is None:  # cannot be: it filters by the document
            return
        with self._write("Changing passages"):
            touched = self._open().count(q.CountRequest(exact=True, filter=where))
            self._update(q.UpdateOperation.set_payload_by_filter(where, known), touched)

    def delete(self, ids: Sequence[int]) -> None:
        """Remove passages; unknown ids are ignored."""
        with self._write("Removing passages"):
            for first in range(0, len(ids), _AT_ONCE):
                self._update(q.UpdateOperation.delete_points([*ids[first : first + _AT_ONCE]]), 0)

    def search(self, query: LegQuery, asker: Asker) -> Legs:
        """Each leg's scored list, best first."""
        where = edge_filter(query.filters, asker)
        if query.words is None and query.vector is None:
            return Legs(words=self._newest(query.words_limit, where))
        legs: dict[str, q.QueryRequest] = {}
        if query.words is not None and query.words.terms and query.words_limit:
            near = q.Query.Nearest(sparse(query.words), using=WORDS)
            counted = self._counted(asker)
            legs["words"] = q.QueryRequest(limit=query.words_limit, query=near, filter=where, params=counted)
        if query.vector is not None and query.meaning_limit:
            near = q.Query.Nearest(query.vector.tolist(), using=MEANING)
            # The graph that is searched else is made of what others have, too: it settles which near ones are met.
            exact = q.SearchParams(exact=True) if self._own_statistics else None
            legs["meaning"] = q.QueryRequest(
                limit=query.meaning_limit, query=near, filter=where, params=exact
            )
        if not legs:
            return Legs()
        with edge_errors("Searching the index"):
            answers = self._open().query_batch(q.QueryBatchRequest(list(legs.values())))
        return Legs(**{leg: _ranked(points) for leg, points in zip(legs, answers, strict=True)})

    def count(self, filters: Filters, asker: Asker) -> int:
        """Exactly how many passages satisfy the filters and may be seen."""
        with edge_errors("Counting in the index"):
            return self._open().count(q.CountRequest(exact=True, filter=edge_filter(filters, asker)))

    def ids(self) -> Iterable[int]:
        """Every passage id held, ascending; to compare with the catalogue."""
        offset: q.PointId | None = None
        while True:
            with edge_errors("Listing the index"):
                request = q.ScrollRequest(limit=_PAGE, offset=offset, with_payload=False)
                points, offset = self._open().scroll(request)
            yield from (_number(one.id) for one in points)
            if offset is None:
                return

    def words(self, ids: Sequence[int]) -> dict[int, SparseWords]:
        """Sparse vectors of those passages that have terms."""
        with edge_errors("Reading the index"):
            records = self._open().retrieve([*ids], False, [WORDS])
        return {
            _number(one.id): SparseWords(tuple(sparse.indices), tuple(sparse.values))
            for one in records
            if isinstance(one.vector, dict) and isinstance(sparse := one.vector.get(WORDS), q.SparseVector)
        }

    def facts(self, ids: Sequence[int]) -> dict[int, Facts]:
        """What these passages are filtered by; unknown ids are missing."""
        with edge_errors("Reading the index"):
            records = self._open().retrieve([*ids], True, False)
        return {_number(one.id): read_facts(one.payload or {}) for one in records}

    def vectors(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Dense vectors of those passages that have one."""
        found: dict[int, Vectors] = {}
        with edge_errors("Reading the index"):
            for one in self._open().retrieve([*ids], False, [MEANING]):
                if isinstance(one.vector, dict) and MEANING in one.vector:
                    found[_number(one.id)] = np.asarray(one.vector[MEANING], dtype=np.float32)
        return found

    def unoptimised(self) -> int:
        """How many passages were written since it was optimised; some thousands are worth an `optimise`.

        Whatever is written, vector or not, leaves the optimised part for one that is searched passage by passage, and what it
        replaces lies there, in memory too, until then: a few passages that are often written add up as many do.
        (qdrant-edge's own ``indexed_vectors_count`` counts all vectors, optimised or not.)
        """
        return self._written

    def optimise(self) -> None:
        """Rebuild the index for fast search and drop what was deleted, while it is used.

        A copy is optimised by another process; what is written meanwhile is repeated on it before it
        takes the place of the old one. A crash at any moment leaves one whole generation.

        :raises DiskFull: where the copy does not fit; the index works as before.
        """
        with self._optimising:
            target = Generations.after(self._folder)
            made = Generations.next_to(target)
            shutil.rmtree(made, ignore_errors=True)
            try:
                with edge_errors("Optimising the index"):
                    with self._writing:
                        self._open().flush()
                        copy_generation(self._folder, made)
                        self._journal, self._journalled = [], 0
                    optimise_copy(made)
                    self._take_place(made, target)
            finally:
                with self._writing:
                    self._journal = None
                shutil.rmtree(made, ignore_errors=True)

    def copy(self, target: Path, begin: Callable[[], _T]) -> _T:
        """Copy it to a folder that does not exist yet, to be opened there as an index of its own.

        Writes wait until that is done, searches do not.

        :param begin: called once nothing is written any more, so that what it looks at is not ahead of the copy; what it gives is
            given back.
        :raises DiskFull: where the copy does not fit.
        """
        with self._writing, edge_errors("Copying the index"):
            self._open().flush()
            self._generations.note_written(self._folder, self._written)
            begun = begin()
            self._generations.copy(self._folder, target)
        return begun

    def flush(self) -> None:
        """Write everything to disk."""
        with self._write("Writing the index to disk"):
            self._open().flush()

    def close(self) -> None:
        """Flush and let go of the files, so that another process may open them."""
        with self._optimising, self._writing:
            shard, self._shard = self._shard, None
            if shard is None:
                return
            try:
                with edge_errors("Closing the index"):
                    shard.flush()
                    shard.close()
                    self._generations.note_written(self._folder, self._written)
            finally:
                self._generations.close()

    def _take_place(self, made: Path, target: Path) -> None:
        shard = q.EdgeShard.load(str(made))
        done = 0
        # Most of what was written meanwhile is repeated while writes go on; only the rest must wait.
        while self._journal is not None and len(self._journal) - done > 10:
            done = self._repeat(shard, done)
        with self._writing:
            self._open()
            self._repeat(shard, done)
            shard.flush()
            shard.close()  # it is loaded again under its name: its paths are fixed when it is loaded
            self._generations.switch(made, target, self._model)
            # A query that runs on the old one keeps it until it has its answer.
            self._shard, old = q.EdgeShard.load(str(target)), self._folder
            self._folder, self._written = target, self._journalled
            self._generations.note_written(target, self._written)
        shutil.rmtree(old)

    def _repeat(self, shard: q.EdgeShard, done: int) -> int:
        waiting = (self._journal or [])[done:]
        for operation in waiting:
            shard.update(operation)
        return done + len(waiting)

    def _set(self, changes: Sequence[tuple[int, dict[str, q.NamedVector]]]) -> None:
        for first in range(0, len(changes), _AT_ONCE):
            COURTESY.give_way()
            some = changes[first : first + _AT_ONCE]
            with self._write("Writing vectors"):
                known = self._open().retrieve([one for one, _ in some], False, False)
                held = {_number(record.id) for record in known}
                points = [q.PointVectors(one, dict(vector)) for one, vector in some if one in held]
                if points:
                    self._update(q.UpdateOperation.update_vectors(points), len(points))

    def _counted(self, asker: Asker) -> q.SearchParams | None:
        """Over which passages it is counted how rare a word is; None for all there are."""
        if not self._own_statistics or (seen := edge_filter(Filters(), asker)) is None:
            return None
        return q.SearchParams(idf=q.IdfParams(corpus=seen))

    def _newest(self, limit: int, where: q.Filter | None) -> tuple[Scored, ...]:
        if not limit:
            return ()
        newest = q.OrderBy("modified", q.Direction.Desc)
        with edge_errors("Searching the index"):
            points = self._open().query(q.QueryRequest(limit=limit, query=newest, filter=where))
        points.sort(key=lambda one: (-float(one.order_value or 0), one.id))
        return tuple(Scored(_number(one.id), 0.0) for one in points)

    @contextmanager
    def _write(self, what: str) -> Iterator[None]:
        with self._writing, edge_errors(what):
            need_space(self._generations.directory)
            yield

    def _update(self, operation: q.UpdateOperation, points: int) -> None:
        self._open().update(operation)
        if self._journal is not None:
            self._journal.append(operation)
            self._journalled += points
        before, self._written = self._written, self._written + points
        if before // _NOTED != self._written // _NOTED:
            self._generations.note_written(self._folder, self._written)

    def _open(self) -> q.EdgeShard:
        if (shard := self._shard) is None:
            raise IndexUnavailable("The index is closed.", hint="Open the memory again.")
        return shard

    def _create(self, folder: Path) -> None:
        create_shard(folder, self._model.size).close()


def _ranked(points: Sequence[q.ScoredPoint]) -> tuple[Scored, ...]:
    ids = np.array([one.id for one in points], dtype=np.int64)
    scores = np.array([one.score for one in points], dtype=np.float64)
    order = np.lexsort((ids, -scores))
    return tuple(map(Scored._make, zip(ids[order].tolist(), scores[order].tolist(), strict=True)))


def _number(identity: q.PointId) -> int:
    return int(identity)
