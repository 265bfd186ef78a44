"""The decisions of a bisection, simulated with recorded pairs: histories with known slowdowns."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from bench.regression.bisection import plan
from bench.regression.bisection.decisions import Compare, Conclusion, Measured
from bench.regression.bisection.plan import Plan
from bench.regression.calibration import rates
from bench.regression.calibration.rates import LOADED, QUIET
from tests.regression.calibration.test_rates import PAIRS

SMALLEST = 0.03
N_HISTORIES = 20


@pytest.fixture(scope="module")
def noise():
    """Return the values of pairs of equal revisions, in the order in which they were measured."""
    _, cases = rates.read(PAIRS)
    lines = cases["numpy-one_hidden-32"]
    return {kind: [line.pair.value for line in lines[kind]] for kind in (QUIET, LOADED)}


def search(speeds, noise, seed, failing=(), measured=()):
    """Bisect a history; return the conclusion, and the number of pairs.

    `measured` has values that were measured before, by the numbers of both commits. `speeds` has
    log(time of the commit / time of GOOD) of every commit, GOOD first.
    """
    randomness = np.random.default_rng(seed)
    commits = [str(number) for number in range(len(speeds))]
    comparisons = {key: Measured(values=tuple(values)) for key, values in dict(measured).items()}
    while isinstance(step := Plan(commits, comparisons, SMALLEST).next_step(), Compare):
        key = step.base, step.head
        if int(step.head) in failing:
            comparisons[key] = Measured(error="does not build")
            continue
        values = comparisons.get(key, Measured()).values
        n_more = step.n_pairs - len(values)
        assert n_more > 0
        start = int(randomness.integers(len(noise)))  # consecutive pairs, so that drift is kept
        drawn = itertools.islice(itertools.cycle(noise), start, start + n_more)
        change = speeds[int(step.head)] - speeds[int(step.base)]
        comparisons[key] = Measured(values=(*values, *(change + value for value in drawn)))
    return step, sum(len(measured.values) for measured in comparisons.values())


def history(seed, share):
    """Return the speeds of 16 to 64 commits, the number of the slow commit, and broken commits.

    Harmless commits change the speed by up to 0.3 %, as memory layout does.
    """
    randomness = np.random.default_rng([seed, round(100 * share)])
    n_commits = int(randomness.integers(16, 65))
    culprit = int(randomness.integers(1, n_commits + 1))
    failing = {
        number
        for number in range(1, n_commits)
        if randomness.random() < 0.05 and number not in (culprit - 1, culprit)
    }
    speeds = [
        randomness.uniform(-0.003, 0.003) + math.log1p(share) * (number >= culprit)
        for number in range(n_commits + 1)
    ]
    return speeds, str(culprit), failing


def search_histories(noise, share):
    results = []
    for seed in range(N_HISTORIES):
        speeds, culprit, failing = history(seed, share)
        conclusion, n_pairs = search(speeds, noise, seed, failing)
        results.append((conclusion, culprit, n_pairs))
    return results


@pytest.mark.parametrize("kind", [QUIET, LOADED])
@pytest.mark.parametrize(("share", "found"), [(0.03, 0.5), (0.05, 0.95), (0.10, 0.95)])
def test_the_planted_commit_is_found_and_no_other_is_named(noise, kind, share, found):
    results = search_histories(noise[kind], share)
    named = [(conclusion.commit, culprit) for conclusion, culprit, _ in results]
    assert all(commit in (None, culprit) for commit, culprit in named)
    assert sum(commit == culprit for commit, culprit in named) >= found * N_HISTORIES
    for conclusion, culprit, _ in results:
        assert conclusion.answer != "slower" or culprit in conclusion.suspects


@pytest.mark.parametrize("kind", [QUIET, LOADED])
def test_no_commit_is_suspected_in_histories_without_a_slowdown(noise, kind):
    for conclusion, _, _ in search_histories(noise[kind], 0.0):
        assert conclusion.answer == "not slower"
        assert conclusion.suspects == ()


def test_a_wrong_decision_on_the_way_names_no_commit(noise, monkeypatch):
    """Every commit but the ends looks slow or fast at random."""
    randomness = np.random.default_rng(0)
    monkeypatch.setattr(plan, "classify", lambda *_: randomness.choice(["slow", "fast"]))
    for seed in range(N_HISTORIES):
        speeds, culprit, _ = history(seed, 0.05)
        conclusion, _ = search(speeds, noise[QUIET], seed)
        assert conclusion.commit in (None, culprit)


@pytest.mark.parametrize(
    ("disturbed", "log_ratio", "n_pairs"),
    [
        (("0", "30"), 0.13, 20),  # GOOD and BAD: a slow commit seems to have less than half
        (("0", "15"), 0.06, 6),  # a fast commit
        (("0", "22"), -0.01, 6),  # a slow commit
    ],
)
def test_a_disturbed_comparison_is_corrected(noise, disturbed, log_ratio, n_pairs):
    speeds = [0.0] * 20 + [math.log1p(0.05)] * 11
    measured = {disturbed: [log_ratio + value for value in noise[QUIET][:n_pairs]]}
    for seed in range(5):
        conclusion, _ = search(speeds, noise[QUIET], seed, measured=measured)
        assert conclusion.commit == "20"


def test_good_and_bad_get_more_pairs_if_their_half_is_less_certain_than_the_commit(noise):
    quiet = noise[QUIET][:20]
    ends = Measured(values=tuple(0.2 + 10 * value for value in quiet))
    comparisons = {("0", "2"): ends, ("0", "1"): Measured(values=tuple(0.102 + v for v in quiet))}
    step = Plan("012", comparisons, SMALLEST).next_step()
    assert (step.purpose, step.head, step.n_pairs) == ("ends", "2", 40)
    quieter = Measured(values=tuple(0.2 + value for value in quiet))
    step = Plan("012", comparisons | {("0", "2"): quieter}, SMALLEST).next_step()
    assert (step.purpose, step.head) == ("commit", "1")


def test_two_equal_slowdowns_are_never_reported_as_one(noise):
    for seed in range(10):
        speeds = [0.0] * 10 + [math.log1p(0.05)] * 20 + [math.log1p(0.10)] * 10
        conclusion, _ = search(speeds, noise[QUIET], seed)
        assert conclusion.suspects
        assert conclusion.commit in (None, "10", "30")
        if conclusion.commit is None:
            assert conclusion.n_undecided > 0
        else:
            assert conclusion.change.high < conclusion.total.low


def test_a_gradual_slowdown_names_no_commit(noise):
    for seed in range(4):
        speeds = [0.005 * number for number in range(17)]
        conclusion, _ = search(speeds, noise[QUIET], seed)
        assert conclusion.answer == "slower"
        assert conclusion.commit is None


def test_commits_that_fail_stay_suspects_if_no_measurement_excludes_them(noise):
    speeds = [0.0] * 20 + [math.log1p(0.10)] * 20
    conclusion, _ = search(speeds, noise[QUIET], 0, failing=range(18, 23))
    assert conclusion.suspects == tuple(map(str, range(18, 24)))
    assert (conclusion.base, conclusion.commit) == ("17", None)
    assert conclusion.change_answer == "slower"


def test_a_commit_that_fails_does_not_end_the_search(noise):
    speeds = [0.0] * 20 + [math.log1p(0.10)] * 20
    conclusion, _ = search(speeds, noise[QUIET], 0, failing=(5, *range(9, 15), 21, 25, 30))
    assert conclusion.commit == "20"


def test_a_parent_that_fails_leaves_two_suspects(noise):
    conclusion, _ = search([0.0, 0.0, 0.0, 0.1, 0.1], noise[QUIET], 0, failing=[2])
    assert conclusion.suspects == ("2", "3")


def test_a_failing_bad_commit_has_no_answer():
    conclusion = Plan("ab", {("a", "b"): Measured(error="does not build")}, SMALLEST).next_step()
    assert conclusion == Conclusion(answer="can't tell", total=None)


def test_a_search_of_200_commits_takes_eight_decisions(noise):
    speeds = [0.0] * 130 + [math.log1p(0.10)] * 71
    conclusion, n_pairs = search(speeds, noise[QUIET], 0)
    assert conclusion.commit == "130"
    assert n_pairs < 20 + 8 * 20 + 20


def test_pairs_beyond_a_look_change_no_earlier_decision(noise):
    """A log that was interrupted between two looks leads to the same steps."""
    values = tuple(0.05 + value for value in noise[QUIET][:33])
    assert plan.compare(Measured(values=values), SMALLEST) == plan.compare(
        Measured(values=values[:20]), SMALLEST
    )


@pytest.mark.parametrize(
    ("low", "high", "passed", "index"),
    [
        (0, 1, set(), None),
        (0, 2, set(), 1),
        (0, 16, set(), 8),
        (0, 16, {8}, 4),
        (0, 16, {7, 8, 9}, 3),
        (0, 16, {4, 8, 12}, 6),
        (3, 5, {4}, None),
        (4, 16, {2, 8}, 12),
    ],
)
def test_the_middle_of_the_longest_untested_run_is_next(low, high, passed, index):
    assert plan.next_index(low, high, passed) == index
