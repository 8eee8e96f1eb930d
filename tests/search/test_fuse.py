import math
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.index.base import Legs, Scored
from search.fuse import TOP, Parts, agreement, explain, fuse, weigh

_scores = st.floats(-100, 100, allow_nan=False).map(lambda score: round(score, 3))
_leg = st.dictionaries(st.integers(1, 60), _scores, max_size=40).map(
    lambda found: tuple(Scored(identity, score) for identity, score in found.items())
)
_method = st.sampled_from(["convex", "rrf"])


def leg(**found: float) -> tuple[Scored, ...]:
    return tuple(Scored(int(name[1:]), score) for name, score in found.items())


def test_convex_by_hand():
    legs = Legs(words=leg(p1=10, p2=5, p3=0), meaning=leg(p2=0.9, p4=0.8, p1=0.7))
    ranking = fuse(legs, weight=0.8)
    assert ranking.ids == (2, 4, 1, 3)
    assert ranking.scores == pytest.approx((0.8 + 0.1, 0.4, 0.2, 0))


def test_rrf_by_hand():
    ranking = fuse(Legs(words=leg(p1=10, p2=5), meaning=leg(p2=0.9, p3=0.8)), method="rrf")
    assert ranking.ids == (2, 1, 3)
    assert ranking.scores == pytest.approx((1 / 62 + 1 / 61, 1 / 61, 1 / 62))


@given(_leg, _method, st.floats(0, 1))
def test_an_empty_leg_leaves_the_other_its_order(found, method, weight):
    expected = tuple(one.id for one in sorted(found, key=lambda one: (-one.score, one.id)))
    by_words = fuse(Legs(words=found), method=method, weight=weight)
    assert by_words.ids == expected
    assert sorted(fuse(Legs(meaning=found), method=method, weight=weight).ids) == sorted(expected)
    if method == "convex" and found:
        assert by_words.scores[0] == 1


def test_nothing_found_is_nothing_ranked():
    assert fuse(Legs()).ids == ()


@given(_leg, _leg, _method, st.floats(0, 1), st.randoms())
def test_the_order_given_makes_no_difference(words, meaning, method, weight, dice):
    shuffled = Legs(tuple(dice.sample(words, len(words))), tuple(dice.sample(meaning, len(meaning))))
    assert fuse(Legs(words, meaning), method=method, weight=weight) == fuse(
        shuffled, method=method, weight=weight
    )


@given(_leg, _leg, _method, st.floats(0, 1))
def test_everything_found_is_ranked_once_and_scores_fall(words, meaning, method, weight):
    ranking = fuse(Legs(words, meaning), method=method, weight=weight)
    assert sorted(ranking.ids) == sorted({one.id for one in (*words, *meaning)})
    assert list(ranking.scores) == sorted(ranking.scores, reverse=True)


@given(_leg.filter(bool), _leg, _method, st.floats(0, 1), st.data())
def test_a_better_score_never_means_a_worse_place(words, meaning, method, weight, data):
    raised = data.draw(st.integers(0, len(words) - 1))
    more = words[raised].score + data.draw(st.floats(0, 50))
    better = tuple(Scored(one.id, more) if at == raised else one for at, one in enumerate(words))
    before = fuse(Legs(words, meaning), method=method, weight=weight).ids.index(words[raised].id)
    after = fuse(Legs(better, meaning), method=method, weight=weight).ids.index(words[raised].id)
    assert after <= before


@given(st.sets(st.integers(1, 500), min_size=1), _method)
def test_ties_are_broken_by_passage_id(ids, method):
    found = tuple(Scored(identity, 1.0) for identity in ids)
    ranking = fuse(Legs(words=found, meaning=found), method=method)
    assert ranking.ids == tuple(sorted(ids))


def test_below_the_bounds_words_keep_their_order():
    words = tuple(Scored(1000 - rank, 500.0 - rank) for rank in range(TOP + 50))
    ranking = fuse(Legs(words=words, meaning=leg(p1=0.9, p2=0.1)), weight=0.8)
    tail = [one.id for one in words[TOP:]]
    assert [identity for identity in ranking.ids if identity in tail] == tail


@given(st.integers(0, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 10))
def test_meaning_never_gains_by_more_shared_words(shared, more_asked, agreed, least, half):
    asked = shared + more_asked
    weights = [weigh(more, asked, agreed, least=least, half=half) for more in (0, shared, shared + 1)]
    assert weights[0] == 1
    assert weights == sorted(weights, reverse=True)
    assert all(least <= weight <= 1 for weight in weights)
    assert weigh(shared, asked + 1, agreed, least=least, half=half) >= weights[1]
    assert weigh(shared, asked, least=least, half=half) <= weights[1]


def ten(*first: int) -> tuple[Scored, ...]:
    """A leg of twenty passages, the given ones first."""
    others = [one for one in range(101, 121) if one not in first][: 20 - len(first)]
    return tuple(Scored(one, 100.0 - rank) for rank, one in enumerate((*first, *others)))


def test_agreement_by_hand():
    same, other = ten(*range(1, 11)), ten(*range(6, 16))
    assert agreement(Legs(same, same), {}) == 1
    found = len({one.id for one in (*same, *other)})
    assert agreement(Legs(same, other), {}) == pytest.approx((0.5 - 10 / found) / (1 - 10 / found))
    assert agreement(Legs(same[:10], ten(*range(31, 41))), {}) == 0
    assert agreement(Legs(same[:10], same[:10]), {}) == 0  # ten of ten say nothing
    assert agreement(Legs(same, ()), {}) == 0
    second = dict.fromkeys(range(1, 11), 1)
    assert agreement(Legs(same, same), second, 2) == 0  # neither part has more than ten


@given(_leg, _leg)
def test_agreement_is_a_share_and_the_same_from_both_sides(words, meaning):
    told = agreement(Legs(words, meaning), {})
    assert 0 <= told <= 1
    assert told == agreement(Legs(meaning, words), {}) == agreement(Legs(words[::-1], meaning[::-1]), {})


def test_weigh_by_hand():
    assert weigh(2, 2, 0.5, least=0.3, half=2 / math.e) == pytest.approx(0.65)
    assert weigh(2, 2, least=0.3, half=2) == pytest.approx(0.65)
    assert weigh(8, 256, least=0.3, half=2) == pytest.approx(0.65)  # a quarter of what eight of eight say


@given(_leg, _leg, st.floats(0, 1))
def test_weighed_is_convex_with_a_weight_of_its_own(words, meaning, weight):
    legs = Legs(words, meaning)
    assert fuse(legs, method="weighed", weight=weight) == fuse(legs, method="convex", weight=weight)


def test_explain_says_rank_score_and_what_it_counted():
    legs = Legs(words=leg(p1=10, p2=5, p3=0), meaning=leg(p2=0.9, p4=0.8))
    words, meaning = explain(legs, [2], weight=Parts((0.75,), shared=(2,)))[2]
    assert (words.leg, words.rank, words.score, words.normalised) == ("words", 2, 5, 0.5)
    assert (meaning.leg, meaning.rank, meaning.score, meaning.normalised) == ("meaning", 1, 0.9, 1)
    assert (words.weight, words.shared, meaning.weight, meaning.shared) == (0.25, 2, 0.75, 2)
    missed = explain(legs, [3])[3][1]
    assert (missed.rank, missed.score, missed.normalised) == (None, None, 0)


def test_each_language_has_its_weight_and_its_best_by_words():
    """Passage 3 is in another language and has one word of the question, 4 has none: neither stands back for that."""
    legs = Legs(words=leg(p1=10, p2=6, p3=3, p5=2), meaning=leg(p3=0.9, p4=0.85, p1=0.8, p2=0.7))
    parts = Parts((0.5, 0.9), {3: 1, 4: 1}, shared=(4, 1))
    ranking = dict(zip(*astuple(fuse(legs, method="weighed", weight=parts)), strict=True))
    assert ranking == pytest.approx({1: 0.5 + 0.25, 2: 0.25, 3: 1.0, 4: 0.9 * 0.75, 5: 0.0})
    words, meaning = explain(legs, [3], method="weighed", weight=parts)[3]
    assert (words.shared, words.normalised, words.weight, meaning.weight) == (1, 1.0, pytest.approx(0.1), 0.9)


@given(_leg, _leg, st.floats(0, 1), st.sets(st.integers(1, 60)))
def test_one_language_is_what_it_was(words, meaning, weight, other):
    legs = Legs(words, meaning)
    assert fuse(legs, weight=Parts((weight, 0.3))) == fuse(legs, weight=weight)
    apart = fuse(legs, weight=Parts((weight, weight), dict.fromkeys(other, 1)))
    assert sorted(apart.ids) == sorted(fuse(legs, weight=weight).ids)
