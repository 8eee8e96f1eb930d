"""From two lists, found by words and by meaning, to one.

*Convex*: ``weight x meaning + (1 - weight) x words``, each leg's scores brought to 0..1 by the highest and the
lowest among its best 200 (``(score - low) / (high - low)``, 1 where all are the same, 0 below and where a leg
has not found it). A leg that found nothing leaves the other its whole weight. *RRF*: the sum over the legs of
``1 / (60 + rank)``.

*Weighed* is convex with a weight for each question, see `weigh`, and for each language the passages are in: a question
shares many words with those in its own language and a name or none with the others, whose words then say nothing
about them. Within a language the best found by words counts 1.

Passages that come out equal are ordered by their score in the words leg, which orders those far down, and then
by passage id. The order in which a leg's passages are given makes no difference.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memory.index.base import Legs, Scored
from search.request import Value

Method = Literal["weighed", "convex", "rrf"]

_Numbers = NDArray[np.float64]

TOP = 200
"""How many of a leg's best give the bounds of its scores."""

RRF_K = 60
"""How little the first ranks are preferred to those after them."""

_STEEPNESS = 3
"""How sharply `weigh` turns from meaning to words: one shared word says little, four say enough."""

_OF_ALL = 0.4
"""How much it counts for `weigh` which part of the question's words is shared."""

_FIRST = 10
"""How many of each leg's first are compared."""

_AGREED = 2
"""How much less words say, for `weigh`, where both legs found the same: by this power of e."""


@dataclass(frozen=True, slots=True)
class Ranking(Value):
    """Passages best first: parallel ids and fused scores."""

    ids: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts(Value):
    """The weights of meaning against words in one search, 0 to 1: one for each part of the passages.

    :param of: which part a passage is in, by its id; the first unless named.
    :param shared, agreed: what each weight was given for, see `weigh`; `shared` is empty where they were given to all searches.
    """

    weights: tuple[float, ...]
    of: Mapping[int, int] = field(default_factory=dict)
    shared: tuple[int, ...] = ()
    agreed: float = 0.0


@dataclass(frozen=True, slots=True)
class LegRank(Value):
    """Where one leg ranked a passage; rank and score are None where it did not find it.

    :param rank: from 1.
    :param normalised: what it counted before the leg's weight.
    :param weight: the leg's weight in this search.
    :param shared, agreed: see `Parts`; None where the weight was given to all searches.
    """

    leg: str
    rank: int | None
    score: float | None
    normalised: float
    weight: float
    shared: int | None = None
    agreed: float | None = None


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg's passages, best first: ids, scores, and what these count."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    counts: NDArray[np.float64]


def agreement(legs: Legs, of: Mapping[int, int], parts: int = 1) -> float:
    """How far both legs find the same first, beyond chance, 0 to 1: the mean over the parts.

    With ``o`` the share of the first ten that are among the other leg's first ten, and ``e = 10 / found`` what chance would
    give, it is ``(o - e) / (1 - e)`` (as Cohen 1960), 0 where no more than ten were found.

    :param of: which part a passage is in, by its id; the first unless named.
    """
    words, meaning = (_leg(leg, "rrf").ids for leg in (legs.words, legs.meaning))
    places = Parts((), of)
    of_words, of_meaning = _parts(places, words), _parts(places, meaning)
    total = 0.0
    for part in range(parts):
        by_words, by_meaning = words[of_words == part], meaning[of_meaning == part]
        found = len(np.union1d(by_words, by_meaning))
        if found > _FIRST:
            same = len(np.intersect1d(by_words[:_FIRST], by_meaning[:_FIRST])) / _FIRST
            chance = _FIRST / found
            total += max(0.0, (same - chance) / (1 - chance))
    return total / parts


def weigh(shared: int, asked: int, agreed: float = 0.0, *, least: float, half: float) -> float:
    """The weight of meaning for one question, by what its words have found.

    Words are trusted as far as some passage has several of the question's words together: then they
    stand for what it is about, and few of many passages have them. A question in another language than
    the texts shares none or one with them, a name perhaps, and is left to meaning; three of twenty say less than three
    of five. Where meaning found the same first, words have nothing to add to it; where it did not, they know something that it missed.
    The curve is ``least + (1 - least) / (1 + (x / half)^3)`` with ``x = shared x (shared / asked)^0.4 x e^(-2 agreed)``:
    1 where nothing is shared, halfway down at `half`.

    :param shared: how many of the question's distinct terms the best found by words has.
    :param asked: how many it has itself, not fewer.
    :param agreed: see `agreement`.
    :param least: the weight where many are shared, 0 to 1.
    :param half: where words have half the weight they can get, above 0.
    """
    if not shared:
        return 1.0
    telling: float = shared * (shared / asked) ** _OF_ALL * math.exp(-_AGREED * agreed)
    return least + (1 - least) / (1 + float(telling / half) ** _STEEPNESS)


def fuse(legs: Legs, *, method: Method = "convex", weight: float | Parts = 0.8) -> Ranking:
    """One list from both legs.

    :param weight: of meaning against words in this search, 0 to 1, or one for each part of the passages; RRF has none.
    """
    parts = weight if isinstance(weight, Parts) else Parts((weight,))
    words, meaning = _leg(legs.words, method, parts), _leg(legs.meaning, method)
    at, found = _find(words.ids, meaning.ids)
    alone = np.ones(len(meaning.ids), dtype=bool)
    alone[at[found]] = False
    ids = np.concatenate((words.ids, meaning.ids[alone]))
    by_words = np.concatenate((words.counts, np.zeros(len(ids) - len(words.ids))))
    by_meaning = np.concatenate((np.zeros(len(words.ids)), meaning.counts[alone]))
    by_meaning[: len(words.ids)][found] = meaning.counts[at[found]]
    of_words, of_meaning = _weights(words, meaning, method, parts)
    where = _parts(parts, ids)
    fused = of_words[where] * by_words + of_meaning[where] * by_meaning
    scores = np.concatenate((words.scores, np.full(len(ids) - len(words.ids), -np.inf)))
    order = np.lexsort((ids, -scores, -fused))
    return Ranking(tuple(ids[order].tolist()), tuple(fused[order].tolist()))


def explain(
    legs: Legs, passages: Sequence[int], *, method: Method = "convex", weight: float | Parts = 0.8
) -> dict[int, list[LegRank]]:
    """Where each leg ranked each of these passages, and what it counts.

    :param weight: as given to `fuse`.
    """
    parts = weight if isinstance(weight, Parts) else Parts((weight,))
    told: dict[int, list[LegRank]] = {passage: [] for passage in passages}
    both = _leg(legs.words, method, parts), _leg(legs.meaning, method)
    for name, leg, weights in zip(("words", "meaning"), both, _weights(*both, method, parts), strict=True):
        place = {identity: at for at, identity in enumerate(leg.ids.tolist())}
        for passage, ranks in told.items():
            part = parts.of.get(passage, 0)
            weighs = float(weights[part])
            given = (parts.shared[part], parts.agreed) if parts.shared else (None, None)
            at = place.get(passage)
            if at is None:
                ranks.append(LegRank(name, None, None, 0.0, weighs, *given))
            else:
                score, count = float(leg.scores[at]), float(leg.counts[at])
                ranks.append(LegRank(name, at + 1, score, count, weighs, *given))
    return told


def _leg(scored: Sequence[Scored], method: Method, parts: Parts | None = None) -> _Leg:
    ids = np.array([one.id for one in scored], dtype=np.int64)
    scores = np.array([one.score for one in scored], dtype=np.float64)
    order = np.lexsort((ids, -scores))
    ids, scores = ids[order], scores[order]
    if method == "rrf":
        return _Leg(ids, scores, 1 / (RRF_K + 1 + np.arange(len(scores))))
    counts = _normalised(scores)
    if parts is not None and parts.of:
        where = _parts(parts, ids)
        for part in np.unique(where):
            best = counts[where == part].max()
            counts[where == part] /= best if best > 0 else 1.0
    return _Leg(ids, scores, counts)


def _parts(parts: Parts, ids: NDArray[np.int64]) -> NDArray[np.intp]:
    """Which part each passage is in."""
    if not parts.of:
        return np.zeros(len(ids), dtype=np.intp)
    return np.fromiter((parts.of.get(one, 0) for one in ids.tolist()), dtype=np.intp, count=len(ids))


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


def _weights(words: _Leg, meaning: _Leg, method: Method, parts: Parts) -> tuple[_Numbers, _Numbers]:
    """Of words and of meaning, in each part."""
    of_meaning = np.asarray(parts.weights, dtype=np.float64)
    if method == "rrf":
        return np.ones_like(of_meaning), np.ones_like(of_meaning)
    if not len(meaning.ids):
        of_meaning = np.zeros_like(of_meaning)
    elif not len(words.ids):
        of_meaning = np.ones_like(of_meaning)
    return 1 - of_meaning, of_meaning
