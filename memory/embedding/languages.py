"""What a vector says about the language of its text, and how to take that out of a query.

Vectors of a multilingual model lie near each other when they mean the same, and a little nearer when they are in one
language, too: of the ten passages nearest to a question most are in its own language, where those in others answer it as well.
The mean vectors of texts that say the same in several languages differ only by that; the directions in which they do are
taken out of the query, which then prefers no language, whatever index holds the passages (after Yang et al. 2021, "A Simple and
Effective Method To Eliminate the Self Language Bias in Multilingual Representations", who take them out of both sides).

The texts are ten sentences of ours in each language that `ingest` tells apart, and no text of the memory: what its documents in one
language are about would count as that language, and be taken out with it.
"""

import json
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from memory.catalogue.vectors import VectorCache, text_digest
from memory.embedding.base import Embedder, Vectors
from memory.errors import MnemeError

log = logging.getLogger("mneme")

_SENTENCES = Path(__file__).with_name("parallel.json")

_ALIKE = 1e-4
"""Of the largest difference: what differs less is rounding."""


def language_directions(embedder: Embedder, languages: Sequence[str], cache: VectorCache) -> Vectors:
    """Orthonormal directions in which a model's vectors differ by language alone.

    :param languages: ISO 639-1 codes; those that are not known are left out.
    :param cache: keeps the sentences' vectors where it can be written, so that a model embeds them once.
    :return: shape (directions, size): one fewer than languages, none for a single one.
    :raises ModelUnavailable: where the sentences cannot be embedded now.
    """
    told = _sentences()
    known = [language for language in sorted(set(languages)) if language in told]
    size = embedder.identity.size
    if len(known) < 2:
        return np.empty((0, size), dtype=np.float32)
    # One language after the other: queries that come meanwhile are embedded between them.
    means = np.stack([_embedded(embedder, told[language], cache).mean(axis=0) for language in known])
    _, lengths, directions = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    found: Vectors = directions[lengths > _ALIKE * lengths[0]].astype(np.float32)
    return found


def without(vector: Vectors, directions: Vectors, share: float) -> Vectors:
    """A vector with a share of what lies in some directions taken out, of length 1 again.

    :param vector: shape (size,).
    :param directions: orthonormal, shape (directions, size).
    :param share: 0 leaves it as it is, 1 takes all out.
    """
    less = vector - share * (directions.T @ (directions @ vector))
    length = float(np.linalg.norm(less))
    changed: Vectors = (less / length if length else vector).astype(np.float32)
    return changed


def _embedded(embedder: Embedder, texts: Sequence[str], cache: VectorCache) -> Vectors:
    digests = [text_digest(text) for text in texts]
    held = cache.get(embedder.identity, digests)
    missing = [(digest, text) for digest, text in zip(digests, texts, strict=True) if digest not in held]
    if missing:
        made = embedder.embed_passages([text for _, text in missing])
        fresh = {digest: vector for (digest, _), vector in zip(missing, made, strict=True)}
        try:
            cache.put(embedder.identity, fresh)
        except MnemeError as error:
            # It is a search that asks for them: that needs no room on the disk.
            log.warning("%s What tells languages apart is embedded anew another time.", error.message)
        held |= fresh
    return np.stack([held[digest] for digest in digests])


@cache
def _sentences() -> dict[str, list[str]]:
    sentences: dict[str, list[str]] = json.loads(_SENTENCES.read_text(encoding="utf-8"))
    return sentences
