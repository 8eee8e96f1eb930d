"""The vector cache: no text is embedded twice by the same model."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Engine, func, select

from memory.catalogue.engine import transaction
from memory.catalogue.ledger import BATCH
from memory.catalogue.schema import vectors
from memory.catalogue.upsert import insert_missing
from memory.embedding.base import ModelIdentity, Vectors


def text_digest(text: str) -> str:
    """Name of a text in the cache: 128 bits of BLAKE2b in hex."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class VectorCache:
    """Dense vectors by model and text digest, as little-endian float32."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, model: ModelIdentity, digests: Sequence[str]) -> dict[str, Vectors]:
        """The vectors that are known among these."""
        found: dict[str, Vectors] = {}
        with transaction(self._engine) as connection:
            for start in range(0, len(digests), BATCH):
                query = select(vectors.c.digest, vectors.c.vector).where(
                    vectors.c.model == model.digest, vectors.c.digest.in_(digests[start : start + BATCH])
                )
                for digest, blob in connection.execute(query):
                    found[digest] = np.frombuffer(blob, dtype="<f4")
        return found

    def put(self, model: ModelIdentity, known: Mapping[str, Vectors]) -> None:
        """Keep vectors under their texts' digests."""
        rows = [
            {"model": model.digest, "digest": digest, "vector": np.asarray(vector, dtype="<f4").tobytes()}
            for digest, vector in known.items()
        ]
        with transaction(self._engine) as connection:
            insert_missing(connection, vectors, rows)

    def count(self) -> int:
        """How many vectors are kept."""
        with transaction(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(vectors)).scalar_one()
