"""Between our words and qdrant-edge's: configuration, points, filters, errors."""

from __future__ import annotations  # some of qdrant-edge's types are in its stubs only

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import qdrant_edge as q

from memory.domain import Asker
from memory.errors import DiskFull, IndexUnavailable, MnemeError
from memory.index.base import Entry, Filters, SparseWords
from memory.index.conditions import (
    KEYWORDS,
    MEANING,
    UNKNOWN,
    WORDS,
    AnyOf,
    Condition,
    Phrase,
    conditions,
    payload,
)

_RESERVE = 256 << 20
"""Bytes that stay free: the files are mapped, and writing a mapped page with no space kills the process."""


@contextmanager
def edge_errors(what: str) -> Iterator[None]:
    """Turn what qdrant-edge raises into our errors.

    :param what: what was being done, as the beginning of a sentence.
    """
    try:
        yield
    except (MnemeError, KeyboardInterrupt):
        raise
    except Exception as error:  # qdrant-edge raises plain `Exception` for everything
        if "No space left" in str(error) or "StorageFull" in str(error):
            raise DiskFull(f"{what} needs more space than the disk has.") from error
        raise IndexUnavailable(f"{what} failed: {error}.") from error


def need_space(folder: Path, size: int = 0, what: str = "the index") -> None:
    """Refuse to write when the disk is nearly full.

    :param size: bytes that are about to be written.
    :param what: what is about to be written.
    :raises DiskFull: where fewer than 256 MB would stay free.
    """
    if (free := shutil.disk_usage(folder).free) < size + _RESERVE:
        raise DiskFull(f"The disk of {folder} has only {free >> 20} MB left; {what} needs more.")


def create_shard(folder: Path, size: int) -> q.EdgeShard:
    """A new, empty shard with its payload indexes.

    :param size: dimensions of a dense vector.
    """
    config = q.EdgeConfig(
        vectors={
            MEANING: q.EdgeVectorParams(size=size, distance=q.Distance.Cosine, memory=q.Memory.Cached),
        },
        sparse_vectors={WORDS: q.EdgeSparseVectorParams(modifier=q.Modifier.Idf, memory=q.Memory.Cached)},
        payload_memory=q.Memory.Cold,
        optimizers=q.EdgeOptimizersConfig(default_segment_number=2),
    )
    folder.mkdir(parents=True)
    shard = q.EdgeShard.create(str(folder), config)
    indexes: dict[str, q.PayloadSchemaParams] = {
        field: q.KeywordIndexParams(memory=q.Memory.Cached) for field in KEYWORDS
    }
    indexes["modified"] = q.IntegerIndexParams(lookup=False, range=True, memory=q.Memory.Cached)
    indexes["text"] = q.TextIndexParams(
        tokenizer=q.TokenizerType.Word, lowercase=True, phrase_matching=True, memory=q.Memory.Cold
    )
    for field, index in indexes.items():
        shard.update(q.UpdateOperation.create_field_index(field, index))
    shard.flush()
    return shard


def sparse(words: SparseWords) -> q.SparseVector:
    """A sparse vector as qdrant-edge has it."""
    return q.SparseVector(list(words.terms), list(words.weights))


def point(entry: Entry) -> q.Point:
    """A passage as qdrant-edge stores it; without terms or not embedded it lacks that vector."""
    vectors: dict[str, q.NamedVector] = {}
    if entry.words.terms:
        vectors[WORDS] = sparse(entry.words)
    if entry.vector is not None:
        vectors[MEANING] = entry.vector.tolist()
    return q.Point(entry.id, vectors, payload(entry))


def edge_filter(filters: Filters, asker: Asker) -> q.Filter | None:
    """The filters and the asker's rights as qdrant-edge has them; None lets everything pass."""
    must, must_not = conditions(filters, asker)
    if not must and not must_not:
        return None
    return q.Filter(must=_all(must), must_not=_all(must_not))


def _all(some: Sequence[Condition]) -> list[q.ConditionType]:
    return [_condition(one) for one in some]


def _condition(one: Condition) -> q.ConditionType:
    if isinstance(one, AnyOf):
        return q.FieldCondition(one.field, match=q.MatchAny(list(one.values)))
    if isinstance(one, Phrase):
        return q.FieldCondition("text", match=q.MatchPhrase(one.words))
    first = UNKNOWN + 1 if one.first is None else one.first
    return q.FieldCondition("modified", range=q.RangeFloat(gte=first, lt=one.end))
