"""What a document means as a whole: the mean of its passages' vectors."""

from collections.abc import Sequence

import numpy as np

from memory.embedding.base import Vectors
from memory.index.base import VectorIndex


def centroid(index: VectorIndex, passages: Sequence[int]) -> Vectors | None:
    """The normalised mean of passages' dense vectors; None where none of them has one."""
    known = index.vectors(passages)
    if not known:
        return None
    mean = np.mean(np.stack(list(known.values())), axis=0)
    length = float(np.linalg.norm(mean))
    found: Vectors = (mean / length if length else mean).astype(np.float32)
    return found
