"""Estimates from pairs of times, and errors of means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import mstats

from bench.statistics import (
    MARGIN,
    degrees_of_freedom,
    estimate,
    half_width,
    standard_error_from_interval,
    standard_error_of_accuracy,
)

VALUES = st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=80)


def sample(n, mean=0.0, spread=0.01, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, n).tolist()


@pytest.mark.parametrize("n", [5, 7, 20, 33, 80])
@pytest.mark.parametrize("mean", [0.0, 0.02])
def test_the_p_value_equals_that_of_scipys_trimmed_t_test(n, mean):
    values = sample(n, mean, seed=n)
    beyond = np.array(values) - math.log1p(MARGIN)
    # Compared with zeros, which have no spread, the test of two samples is that of one.
    expected = stats.ttest_ind(
        beyond, np.zeros(n), trim=0.2, equal_var=False, alternative="greater"
    )
    assert estimate(values).p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_mean_and_a_known_sample_agree_with_scipy():
    # The sample of SciPy's documentation of trimmed t-tests.
    values = [56, 128.6, 12, 123.8, 64.34, 78, 763.3]
    result = estimate([value / 1000 for value in values])
    assert math.log(result.ratio) == pytest.approx(mstats.trimmed_mean(values, (0.2, 0.2)) / 1000)
    assert degrees_of_freedom(len(values)) == 4


def test_the_interval_holds_the_ratio_as_often_as_it_says():
    hits = [
        result.low < 1 < result.high
        for seed in range(500)
        for result in [estimate(sample(20, seed=seed))]
    ]
    assert 0.92 < np.mean(hits) < 0.98


@given(VALUES)
def test_swapping_the_sides_inverts_the_ratio(values):
    there, back = estimate(values), estimate([-value for value in values])
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)


@given(VALUES)
def test_the_standard_error_follows_from_the_interval(values):
    result = estimate(values)
    assert result.low <= result.ratio * (1 + 1e-12)
    error = standard_error_from_interval(result.low, result.high, len(values))
    t = stats.t.ppf(0.99, degrees_of_freedom(len(values)))
    assert result.upper == pytest.approx(result.ratio * math.exp(t * error))


@given(st.integers(0, 1000), st.floats(1, 100))
def test_a_wild_pair_among_twenty_changes_little(seed, wild):
    values = sample(20, seed=seed)
    changed = estimate([*values[1:], wild])
    assert abs(math.log(changed.ratio)) < 0.02


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match="4 pairs: at least 5"):
        estimate([0.0] * 4)


def test_pairs_without_any_spread_have_an_estimate():
    assert estimate([0.0] * 5).p_value == 1
    assert estimate([0.1] * 5).p_value == 0


def test_half_width_equals_that_of_scipys_t_interval():
    values = [0.81, 0.79, 0.83, 0.80]
    low, high = stats.t.interval(0.95, 3, loc=0, scale=stats.sem(values))
    assert half_width(values) == pytest.approx(high)
    assert half_width(values) == pytest.approx(-low)
    assert half_width([0.8]) is None


def test_standard_error_of_an_accuracy():
    assert standard_error_of_accuracy(0.89, 10_000) == pytest.approx(0.0031, abs=5e-5)
    assert standard_error_of_accuracy(0.5, 100) == math.sqrt(0.25 / 100)


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_a_test_set_without_mistakes_still_leaves_an_error(accuracy):
    assert 0.00005 < standard_error_of_accuracy(accuracy, 10_000) < 0.0002
