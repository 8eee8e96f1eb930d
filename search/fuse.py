"""From two lists, found by words and by meaning, to one.

*Convex*: ``weight x meaning + (1 - weight) x words``, each leg's scores brought to 0..1 by the highest and the
lowest among its best 200 (``(score - low) / (high - low)``, 1 where all are the same, 0 below and where a leg
has not found it). A leg that found nothing leaves the other its whole weight. *RRF*: the sum over the legs of
``1 / (60 + rank)``.

*Weighed* is convex with a weight for each question, see `weigh`.

Passages that come out equal are ordered by their score in the words leg, which orders those far down, and then
by passage id. The order in which a leg's passages are given makes no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memory.index.base import Legs, Scored
from search.request import Value

Method = Literal["weighed", "convex", "rrf"]

TOP = 200
"""How many of a leg's best give the bounds of its scores."""

RRF_K = 60
"""How little the first ranks are preferred to those after them."""

_STEEPNESS = 4
"""How sharply `weigh` turns from meaning to words: one shared word says little, four say enough."""


@dataclass(frozen=True, slots=True)
class Ranking(Value):
    """Passages best first: parallel ids and fused scores."""

    ids: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class LegRank(Value):
    """Where one leg ranked a passage; rank and score are None where it did not find it.

    :param rank: from 1.
    :param normalised: what it counted before the leg's weight.
    :param weight: the leg's weight in this search.
    :param shared: what this weight was given for, see `weigh`; None where it was given to all searches.
    """

    leg: str
    rank: int | None
    score: float | None
    normalised: float
    weight: float
    shared: int | None = None


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg's passages, best first: ids, scores, and what these count."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    counts: NDArray[np.float64]


def weigh(shared: int, *, least: float, half: float) -> float:
    """The weight of meaning for one question, by what its words have found.

    Words are trusted as far as some passage has several of the question's words together: then they
    stand for what it is about, and few of many passages have them. A question in another language than
    the texts shares none or one with them, a name perhaps, and is left to meaning. The curve is
    ``least + (1 - least) / (1 + (shared / half)^4)``: 1 where nothing is shared, halfway down at `half`.

    :param shared: how many of the question's distinct terms the best found by words has.
    :param least: the weight where many are shared, 0 to 1.
    :param half: where words have half the weight they can get, above 0.
    """
    return least + (1 - least) / (1 + (shared / half) ** _STEEPNESS)


def fuse(legs: Legs, *, method: Method = "convex", weight: float = 0.8) -> Ranking:
    """One list from both legs.

    :param weight: of meaning against words in this search, 0 to 1; RRF has none.
    """
    words, meaning = _leg(legs.words, method), _leg(legs.meaning, method)
    of_words, of_meaning = _weights(words, meaning, method, weight)
    at, found = _find(words.ids, meaning.ids)
    fused = of_words * words.counts
    fused[found] += of_meaning * meaning.counts[at[found]]
    alone = np.ones(len(meaning.ids), dtype=bool)
    alone[at[found]] = False
    ids = np.concatenate((words.ids, meaning.ids[alone]))
    fused = np.concatenate((fused, of_meaning * meaning.counts[alone]))
    by_words = np.concatenate((words.scores, np.full(len(ids) - len(words.ids), -np.inf)))
    order = np.lexsort((ids, -by_words, -fused))
    return Ranking(tuple(ids[order].tolist()), tuple(fused[order].tolist()))


def explain(
    legs: Legs,
    passages: Sequence[int],
    *,
    method: Method = "convex",
    weight: float = 0.8,
    shared: int | None = None,
) -> dict[int, list[LegRank]]:
    """Where each leg ranked each of these passages, and what it counts.

    :param weight: of meaning against words in this search, as given to `fuse`.
    :param shared: what `weigh` gave this weight for.
    """
    told: dict[int, list[LegRank]] = {passage: [] for passage in passages}
    both = _leg(legs.words, method), _leg(legs.meaning, method)
    for name, leg, counts in zip(("words", "meaning"), both, _weights(*both, method, weight), strict=True):
        place = {identity: at for at, identity in enumerate(leg.ids.tolist())}
        for passage, ranks in told.items():
            at = place.get(passage)
            if at is None:
                ranks.append(LegRank(name, None, None, 0.0, counts, shared))
            else:
                score, count = float(leg.scores[at]), float(leg.counts[at])
                ranks.append(LegRank(name, at + 1, score, count, counts, shared))
    return told


def _leg(scored: Sequence[Scored], method: Method) -> _Leg:
    ids = np.array([one.id for one in scored], dtype=np.int64)
    scores = np.array([one.score for one in scored], dtype=np.float64)
    order = np.lexsort((ids, -scores))
    ids, scores = ids[order], scores[order]
    counts = 1 / (RRF_K + 1 + np.arange(len(scores))) if method == "rrf" else _normalised(scores)
    return _Leg(ids, scores, counts)


def _find(wanted: NDArray[np.int64], among: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted id stands among the others, and which of them do."""
    if not len(among):
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=bool)
    by_id = np.argsort(among)
    place = np.minimum(np.searchsorted(among, wanted, sorter=by_id), len(among) - 1)
    at = by_id[place]
    return at, among[at] == wanted


def _normalised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores, best first, as 0..1 by the bounds of the best `TOP`."""
    if not len(scores):
        return scores
    high, low = scores[0], scores[min(TOP, len(scores)) - 1]
    if high == low:
        return np.asarray(scores == high, dtype=np.float64)
    return np.asarray(np.clip((scores - low) / (high - low), 0.0, 1.0))


def _weights(words: _Leg, meaning: _Leg, method: Method, weight: float) -> tuple[float, float]:
    if method == "rrf":
        return 1.0, 1.0
    if not len(meaning.ids):
        return 1.0, 0.0
    return (0.0, 1.0) if not len(words.ids) else (1 - weight, weight)
