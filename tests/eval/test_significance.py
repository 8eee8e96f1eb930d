"""The statistics, against scipy and against counting every case."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eval.significance import EXACT, SAMPLES, holm, interval, least_p, paired, randomisation
from tests.eval.test_collections import FEW

DIFFERENCES = st.lists(st.sampled_from([-0.5, -0.25, -0.1, 0.0, 0.1, 0.2, 0.5]), min_size=1, max_size=9)


@FEW
@given(DIFFERENCES)
def test_few_differences_are_tested_exactly(values: list[float]) -> None:
    differences = np.array(values)
    observed = abs(differences.sum()) - 1e-9
    signs = list(product((-1, 1), repeat=len(values)))
    counted = sum(abs(np.dot(flips, differences)) >= observed for flips in signs) / len(signs)
    assert randomisation(differences) == pytest.approx(counted)


def test_a_small_case_agrees_with_scipy() -> None:
    first, second = np.array([0.1, 0.5, 0.3, 0.9, 0.2, 0.4]), np.array([0.2, 0.7, 0.3, 0.8, 0.6, 0.9])
    theirs = stats.permutation_test(
        (second - first,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert paired(list(first), list(second)).p == pytest.approx(theirs.pvalue)


def test_many_differences_agree_with_scipy() -> None:
    differences = np.random.default_rng(3).normal(0.03, 0.2, 150)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=SAMPLES, rng=1
    )
    assert randomisation(differences) == pytest.approx(theirs.pvalue, abs=0.015)
    low, high = interval(differences)
    assert (low, high) == pytest.approx(
        tuple(
            stats.bootstrap(
                (differences,), np.mean, method="percentile", n_resamples=SAMPLES, rng=1
            ).confidence_interval
        ),
        abs=0.002,
    )
    zero = np.zeros(EXACT + 5)
    assert (randomisation(zero), interval(zero)) == (1.0, (0.0, 0.0))


def test_the_same_seed_gives_the_same_figures() -> None:
    random = np.random.default_rng(4)
    first, second = list(random.random(60)), list(random.random(60))
    assert paired(first, second, 7) == paired(first, second, 7)
    assert paired(first, second, 7).p != paired(first, second, 8).p


def test_what_a_comparison_says() -> None:
    told = paired([0.2, 0.4, 0.6, 0.8], [0.4, 0.4, 0.5, 1.0])
    assert (told.wins, told.ties, told.losses, told.queries) == (2, 1, 1, 4)
    assert told.difference == pytest.approx(0.075)
    assert told.effect == pytest.approx(0.075 / np.std([0.2, 0.0, -0.1, 0.2], ddof=1))
    assert told.low <= told.difference <= told.high
    same = paired([0.5, 0.7], [0.5, 0.7])
    assert (same.p, same.effect, same.low, same.high) == (1.0, 0.0, 0.0, 0.0)


def test_more_queries_than_fit_at_once() -> None:
    values = np.random.default_rng(5).normal(0, 1, 2_000)
    assert randomisation(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_procedure_rejects(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for level in (0.01, 0.05, 0.2):
        # Step down from the smallest, each against level / hypotheses left; stop at the first that stands.
        rejected = set()
        for left, at in zip(
            range(len(p_values), 0, -1), sorted(range(len(p_values)), key=p_values.__getitem__), strict=True
        ):
            if p_values[at] * left > level:
                break
            rejected.add(at)
        assert {at for at, p in enumerate(corrected) if p <= level} == rejected


def test_the_least_p_is_reached() -> None:
    for queries in (1, 4, 6):
        assert randomisation(np.full(queries, 0.3)) == least_p(queries)
