"""What a campaign's numbers amount to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import mstats

from bench.statistics import (
    FIRST_LOOK,
    LOOKS,
    MARGIN,
    Estimate,
    decide,
    degrees_of_freedom,
    estimate,
    half_width,
    significant,
    standard_error_from_interval,
    standard_error_of_accuracy,
)

VALUES = st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=80)


def drawn(n, mean=0.0, spread=0.01, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, n).tolist()


def made(ratio=1.0, upper=1.02, p_value=0.5, n_pairs=20):
    return Estimate(
        n_pairs=n_pairs, ratio=ratio, low=ratio, high=ratio, upper=upper, spread=0.01,
        p_value=p_value,
    )  # fmt: skip


@pytest.mark.parametrize("n", [5, 7, 20, 33, 80])
@pytest.mark.parametrize("mean", [0.0, 0.02])
def test_the_p_value_is_that_of_scipys_trimmed_t_test(n, mean):
    values = drawn(n, mean, seed=n)
    beyond = np.array(values) - math.log1p(MARGIN)
    # Compared with zeros, which have no spread, the test of two samples is that of one.
    expected = stats.ttest_ind(
        beyond, np.zeros(n), trim=0.2, equal_var=False, alternative="greater"
    )
    assert estimate(values).p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_mean_and_a_known_sample_agree_with_scipy():
    # The sample of SciPy's documentation of trimmed t-tests.
    values = [56, 128.6, 12, 123.8, 64.34, 78, 763.3]
    found = estimate([value / 1000 for value in values])
    assert math.log(found.ratio) == pytest.approx(mstats.trimmed_mean(values, (0.2, 0.2)) / 1000)
    assert degrees_of_freedom(len(values)) == 4


def test_the_interval_holds_the_ratio_as_often_as_it_says():
    hits = [
        found.low < 1 < found.high
        for seed in range(500)
        for found in [estimate(drawn(20, seed=seed))]
    ]
    assert 0.92 < np.mean(hits) < 0.98


@given(VALUES)
def test_swapping_the_sides_inverts_the_ratio(values):
    there, back = estimate(values), estimate([-value for value in values])
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)


@given(VALUES)
def test_the_standard_error_is_found_again_in_the_interval(values):
    found = estimate(values)
    assert found.low <= found.ratio * (1 + 1e-12)
    error = standard_error_from_interval(found.low, found.high, len(values))
    t = stats.t.ppf(0.99, degrees_of_freedom(len(values)))
    assert found.upper == pytest.approx(found.ratio * math.exp(t * error))


@given(st.integers(0, 1000), st.floats(1, 100))
def test_a_wild_pair_among_twenty_changes_little(seed, wild):
    values = drawn(20, seed=seed)
    changed = estimate([*values[1:], wild])
    assert abs(math.log(changed.ratio)) < 0.02


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match="4 pairs: at least 5"):
        estimate([0.0] * 4)


def test_pairs_without_any_spread_are_judged():
    assert estimate([0.0] * 5).p_value == 1
    assert estimate([0.1] * 5).p_value == 0


def test_holm_stops_at_the_first_that_does_not_pass():
    # 0.005 < 0.05 / 4 and 0.01 < 0.05 / 3, but 0.03 >= 0.05 / 2; 0.04 would pass alone.
    p_values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert significant(p_values, dict.fromkeys(p_values, 0.05)) == ["d", "a"]


def test_a_cell_that_is_not_looked_at_holds_up_no_other():
    p_values = {"frozen": 1e-6, "slow": 1e-5}
    assert significant(p_values, {"frozen": 0.0, "slow": 0.0005}) == ["slow"]
    assert significant({**p_values, "slow": 0.0003}, {"frozen": 0.0, "slow": 0.0005}) == []
    frozen = made(1.02, 1.025, p_value=1e-6, n_pairs=FIRST_LOOK)
    found = decide({"frozen": frozen, "slow": made(1.1, 1.12, p_value=1e-5)}, 0.03)
    assert found == {"frozen": "not slower", "slow": "slower"}


def test_slower_is_said_at_looks_only():
    slow = made(1.05, 1.06, p_value=1e-6, n_pairs=20)
    assert decide({"cell": slow}, 0.03) == {"cell": "slower"}
    between = made(1.05, 1.06, p_value=1e-6, n_pairs=19)
    assert decide({"cell": between}, 0.03) == {"cell": None}
    assert decide({"cell": between}, 0.03, last=True) == {"cell": "slower"}


@pytest.mark.parametrize(("n_pairs", "p_value"), [(20, 0.0006), (40, 0.0016), (80, 0.0031)])
def test_each_look_takes_its_share_of_false_alarms(n_pairs, p_value):
    found = decide({"cell": made(1.05, 1.09, p_value=p_value, n_pairs=n_pairs)}, 0.03)
    assert found["cell"] == ("can't tell" if n_pairs == 80 else None)
    assert sum(LOOKS.values()) <= 0.005


def test_not_slower_is_said_early():
    quick = made(1.0, 1.01, n_pairs=FIRST_LOOK)
    assert decide({"cell": quick}, 0.03) == {"cell": "not slower"}
    assert decide({"cell": quick}, 0.005) == {"cell": None}


def test_several_cells_share_one_error_rate():
    p_value = 0.0003  # passes alone, and not as one of two
    slow = made(1.05, 1.09, p_value=p_value)
    assert decide({"a": slow}, 0.03)["a"] == "slower"
    assert decide({"a": slow, "b": made()}, 0.03)["a"] is None


def test_the_last_look_always_answers():
    found = decide({"cell": made(1.02, 1.04, p_value=0.1, n_pairs=6)}, 0.03, last=True)
    assert found == {"cell": "can't tell"}


def test_half_width_is_that_of_scipys_t_interval():
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
