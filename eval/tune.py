"""Tuning how the legs are fused, on judged queries, with cross-validation.

Every fold of the queries is measured with what was best on the other folds: the figure it ends with was not tuned on
(Stone 1974). Several collections count alike, whatever their size. What is found is a proposal: only the gate lets it in.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.collections.model import Collection
from eval.gate import LEVEL
from eval.measures import measure_run, parse_measures
from eval.pipelines import Fusion
from eval.runs import Run
from eval.significance import Paired, paired
from memory.errors import InvalidInput

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
HALVES = (0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 2.0)

_EQUAL = 1e-9
_FEWEST = 10

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning found.

    :param best: on all queries.
    :param folds: what was best without each fold.
    :param held_out: what was in use against what was tuned, on queries it was not tuned on.
    :param values: the mean over the collections, for each way to fuse, on all queries.
    """

    measure: str
    current: Fusion
    best: Fusion
    folds: tuple[Fusion, ...]
    held_out: Paired
    values: tuple[tuple[Fusion, float], ...]

    @property
    def better(self) -> bool:
        """Whether it is better beyond noise on queries it was not tuned on: else nothing speaks for the change."""
        return self.best != self.current and self.held_out.difference > 0 and self.held_out.p <= LEVEL

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "measure": self.measure,
            "better": self.better,
            "current": asdict(self.current),
            "best": asdict(self.best),
            "folds": [asdict(one) for one in self.folds],
            "held_out": {name: round(value, 6) for name, value in asdict(self.held_out).items()},
            "values": [{**asdict(one), "value": round(value, 6)} for one, value in self.values],
        }


def grid(current: Fusion) -> tuple[Fusion, ...]:
    """The ways to fuse that are tried, what is in use first.

    :raises InvalidInput: where the method has nothing to tune.
    """
    if current.method == "rrf":
        raise InvalidInput(
            "RRF has no weights to tune.", hint="Tune a pipeline whose method is weighed or convex."
        )
    halves = HALVES if current.method == "weighed" else (current.half,)
    tried = [Fusion(current.method, weight, half) for weight, half in product(WEIGHTS, halves)]
    return tuple(dict.fromkeys((current, *tried)))


def tune(
    collections: Sequence[Collection],
    runs: Sequence[Sequence[Run]],
    fusions: Sequence[Fusion],
    measure: str = "nDCG@10",
    *,
    folds: int = 5,
    seed: int = 0,
) -> Tuned:
    """Choose among ways to fuse.

    :param runs: of each collection, one for each way to fuse.
    :param fusions: what is in use first; see `grid`.
    :param folds: so many parts that each collection's queries are divided into.
    :raises InvalidInput: where there are too few judged queries to tune on.
    """
    (wanted,) = parse_measures([measure])
    values = [_values(collection, made, wanted) for collection, made in zip(collections, runs, strict=True)]
    if sum(one.shape[1] for one in values) < _FEWEST:
        raise InvalidInput(
            "There are too few judged queries to tune on.",
            hint=f"Judge {_FEWEST} at least; some fifty say something.",
        )
    dice = random.Random(seed)  # noqa: S311 - no secret
    parts = [_parts(one.shape[1], folds, dice) for one in values]
    chosen, before, after = [], [], []
    for fold in range(folds):
        best = _best([one[:, part != fold] for one, part in zip(values, parts, strict=True)])
        chosen.append(fusions[best])
        for one, part in zip(values, parts, strict=True):
            before += one[0, part == fold].tolist()
            after += one[best, part == fold].tolist()
    means = _means(values)
    return Tuned(
        str(wanted),
        fusions[0],
        fusions[_best(values)],
        tuple(chosen),
        paired(before, after, seed),
        tuple(zip(fusions, means.tolist(), strict=True)),
    )


def _values(collection: Collection, runs: Sequence[Run], measure: Any) -> Matrix:
    """Each way to fuse by each query that can be answered."""
    asked = [query.id for query in collection.answerable()]
    qrels = {query: collection.qrels[query] for query in asked}
    rows = [measure_run([measure], qrels, run)[str(measure)] for run in runs]
    return np.array([[row[query] for query in asked] for row in rows], dtype=np.float64)


def _parts(queries: int, folds: int, dice: random.Random) -> NDArray[np.int64]:
    """Each query's fold."""
    order = [at % folds for at in range(queries)]
    dice.shuffle(order)
    return np.array(order, dtype=np.int64)


def _means(values: Sequence[Matrix]) -> Matrix:
    means: Matrix = np.mean([one.mean(axis=1) for one in values if one.shape[1]], axis=0)
    return means


def _best(values: Sequence[Matrix]) -> int:
    """Which is best; what is in use stays where nothing is better."""
    means = _means(values)
    best = int(np.argmax(means))
    return best if means[best] > means[0] + _EQUAL else 0
