"""Speed over commits: answers against an earlier entry, and the commits that change it."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy import stats

from bench.results import changes
from bench.statistics import MARGIN, estimate
from tests.results.test_history import CASE, entry


def sample(mean, seed=None, n=20, noise=0.01):
    """Return normal values; without a seed, the quantiles, whose mean is exact."""
    if seed is None:
        return stats.norm.ppf((np.arange(n) + 0.5) / n, mean, noise)
    return np.random.default_rng(seed).normal(mean, noise, n)


def recorded(values):
    found = estimate(values)
    return entry(ratio=found.ratio, low=found.low, high=found.high, n_pairs=found.n_pairs)


def test_the_estimate_equals_scipys_for_two_trimmed_samples():
    now, then = sample(0.02, 1), sample(0, 2, n=33)
    found = changes.since(recorded(then), estimate(now))
    expected = stats.ttest_ind(
        now - math.log1p(MARGIN), then, trim=0.2, equal_var=False, alternative="greater"
    )
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = stats.ttest_ind(now, then, trim=0.2, equal_var=False).confidence_interval(0.95)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx(interval, rel=1e-9)
    assert found.low < found.ratio < found.high < found.upper


@pytest.mark.parametrize(
    ("before", "noise", "answer"),
    [(0.0, 0.01, "slower"), (0.06, 0.01, "not slower"), (0.06, 0.1, "can't tell")],
)
def test_the_answer_refers_to_the_earlier_entry(before, noise, answer):
    found = changes.since(recorded(sample(before)), estimate(sample(0.06, noise=noise)))
    assert changes.answers({CASE: found}, {CASE: 0.03}) == {CASE: answer}


def test_equal_times_without_any_spread_are_not_slower():
    then = recorded([0.0] * 20)
    assert changes.answers({CASE: changes.since(then, estimate([0.0] * 20))}, {CASE: 0.03}) == {
        CASE: "not slower"
    }
    assert changes.answers({CASE: changes.since(then, estimate([0.1] * 20))}, {CASE: 0.03}) == {
        CASE: "slower"
    }


@pytest.mark.parametrize("n_before", [1, 2, 8])
def test_a_change_is_marked_with_its_size(n_before):
    noise = np.random.default_rng(n_before).normal(0, 0.002, 12)
    entries = [
        entry(number, math.exp(noise[number]) * (1.0 if number < n_before else 1.07))
        for number in range(12)
    ]
    (change,) = changes.changes(entries)
    assert change.place == n_before
    assert change.ratio == pytest.approx(1.07, abs=0.005)


def test_noise_is_not_reported_as_a_change():
    false_alarms = 0
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(0, 0.002, 30)
        false_alarms += bool(changes.changes([entry(n, math.exp(noise[n])) for n in range(30)]))
    assert false_alarms == 0


def test_a_disturbance_of_whole_sessions_is_not_a_change():
    """On a busy machine, entries differ by more than their intervals say."""
    false_alarms = 0
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(0, 0.03, 30)
        entries = [entry(n, math.exp(noise[n] + 0.4 * (n >= 12))) for n in range(30)]
        places = [change.place for change in changes.changes(entries)]
        assert 12 in places
        false_alarms += places != [12]
    assert false_alarms <= 2


def test_a_single_entry_has_no_change():
    assert changes.changes([entry()]) == []
    assert changes.changes([]) == []


@pytest.mark.parametrize(
    ("ratio", "given", "words"),
    [
        (1.071, {"subject": "Use float64"}, "7.1 % slower from 0000000 (Use float64) on"),
        (0.8, {}, "25.0 % faster from 0000000 on"),
        (1.25, {"metric": "memory"}, "25.0 % more memory from 0000000 on"),
        (0.8, {"metric": "memory"}, "20.0 % less memory from 0000000 on"),
    ],
)
def test_a_change_is_described_with_the_subject_of_its_commit(ratio, given, words):
    assert changes.describe(entry(1, **given), changes.Change(1, ratio)) == words


def test_a_change_below_the_margin_of_the_metric_is_not_named():
    entries = [entry(n, 1.0 if n < 6 else 1.02, width=0.001, margin=0.03) for n in range(12)]
    assert changes.changes(entries) == []
    assert len(changes.changes([msgspec.structs.replace(e, margin=0.01) for e in entries])) == 1
