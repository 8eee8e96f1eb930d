"""Is a difference real: paired randomisation, bootstrap intervals, Holm's correction, effect size.

Differences are paired by query. The randomisation test (Fisher 1935; for retrieval Smucker, Allan and Carterette
2007) flips their signs; up to `EXACT` of them that are not zero it goes through every combination. Intervals are
percentile bootstraps over queries. The same seed gives the same figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SAMPLES = 10_000
"""Random sign flips, and resamples: p-values are good to 0.005 at 0.05."""

EXACT = 13
"""Differences of which every combination of signs is tried: 8,192 are fewer than `SAMPLES`."""

_EQUAL = 1e-9
_CELLS = 4_000_000  # numbers held at once


@dataclass(frozen=True, slots=True)
class Paired:
    """How one system differs from another over the same queries.

    :param difference: mean of the second minus mean of the first.
    :param low, high: bounds of the 95 % interval of the difference.
    :param p: two-sided.
    :param effect: Cohen's d of paired differences: their mean over their standard deviation; 0 where all are equal.
    """

    queries: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    effect: float
    wins: int
    ties: int
    losses: int


def paired(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Paired:
    """Compare two systems by their values for the same queries.

    :param first, second: parallel, at least one value each.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    differences = other - one
    differences[np.abs(differences) < _EQUAL] = 0.0
    low, high = interval(differences, seed)
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = float(differences.mean())
    return Paired(
        queries=len(differences),
        first=float(one.mean()),
        second=float(other.mean()),
        difference=mean,
        low=low,
        high=high,
        p=randomisation(differences, seed),
        effect=mean / spread if spread > _EQUAL else 0.0,
        wins=int((differences > 0).sum()),
        ties=int((differences == 0).sum()),
        losses=int((differences < 0).sum()),
    )


def randomisation(differences: Values, seed: int = 0) -> float:
    """The two-sided p-value of a mean difference: how often random signs give one at least as far from zero."""
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    observed = abs(moved.sum()) - _EQUAL
    if len(moved) <= EXACT:
        flips = np.arange(1 << len(moved))[:, None] >> np.arange(len(moved)) & 1
        return float((np.abs((1 - 2 * flips) @ moved) >= observed).mean())
    random = np.random.default_rng(seed)
    as_far = sum(
        int(
            (
                np.abs((1 - 2 * random.integers(0, 2, (rows, len(moved)), dtype=np.int8)) @ moved) >= observed
            ).sum()
        )
        for rows in _parts(len(moved))
    )
    # The observed signs are one of the combinations, so that p is never 0.
    return (as_far + 1) / (SAMPLES + 1)


def interval(values: Values, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """The percentile bootstrap interval of a mean."""
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [
            values[random.integers(0, len(values), (rows, len(values)))].mean(axis=1)
            for rows in _parts(len(values))
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def least_p(queries: int) -> float:
    """The smallest p-value so many queries can give: below about six none can be significant."""
    return float(max(2.0 ** (1 - queries), 1 / (SAMPLES + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for having been looked at together (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[at]))
        corrected[at] = highest
    return corrected


def _parts(size: int) -> Iterator[int]:
    """Rows of matrices that together have `SAMPLES` rows and each fit into memory."""
    rows = max(1, min(SAMPLES, _CELLS // max(1, size)))
    for first in range(0, SAMPLES, rows):
        yield min(rows, SAMPLES - first)
