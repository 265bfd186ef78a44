"""95 % intervals contain the true value in 93 to 97 % of simulated sweeps."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from bench.report.frames.accuracy_pairs import over_images
from bench.report.frames.pairs import Paired
from bench.report.frames.speed_pairs import SpeedPairs
from bench.statistics import pooled_means

N_SWEEPS = 4000


def logs_of_speeds(circumstance, n_implementations, n_conditions, n_pairs, generator):
    """Simulate the noise of log(examples/s): (sweeps, implementations, conditions, pairs)."""
    spread = np.full((n_implementations, n_conditions, 1), 0.03)
    shape = (N_SWEEPS, n_implementations, n_conditions, n_pairs)
    if circumstance == "one implementation is noisier":
        spread[1] *= 4
    if circumstance == "the fastest is noisier":
        spread[0] *= 4
    if circumstance == "one condition ran on a noisy machine":
        spread[:, 0] *= 5
    noise = spread * generator.standard_normal(shape)
    if circumstance == "runs are outliers":
        noise -= (generator.random(shape) < 0.05) * generator.uniform(0.1, 0.5, shape)
    if circumstance == "heavy tails":
        noise = spread * generator.standard_t(3, shape)
    return noise


@pytest.mark.parametrize(
    "circumstance",
    [
        "all are alike", "one implementation is noisier", "the fastest is noisier",
        "one condition ran on a noisy machine", "runs are outliers", "heavy tails",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("n_implementations", "n_conditions", "n_pairs"), [(6, 4, 3), (2, 2, 3)])
def test_the_intervals_of_ratios_of_speed(circumstance, n_implementations, n_conditions, n_pairs):
    generator = np.random.default_rng(len(circumstance))
    logs = logs_of_speeds(circumstance, n_implementations, n_conditions, n_pairs, generator)
    # The record of a run says whether the machine was noisy; such conditions are not pooled.
    groups = np.zeros(n_conditions, int)
    groups[0] = circumstance == "one condition ran on a noisy machine"
    pooled = pooled_means(logs[:, 1:] - logs[:, :1], groups)
    half_width = special.stdtrit(pooled.freedom, 0.975) * pooled.standard_error
    contains = np.abs(pooled.mean) <= half_width
    assert 0.93 < contains.mean() < 0.97
    assert contains.mean(axis=(0, 1)).min() > 0.93  # in each condition
    assert contains.mean(axis=(0, 2)).min() > 0.93  # of each implementation


def test_pooling_makes_the_intervals_of_three_pairs_narrower():
    logs = logs_of_speeds("all are alike", 6, 4, 3, np.random.default_rng(0))
    differences = logs[:, 1:] - logs[:, :1]
    widths = []
    for groups in (np.zeros(4, int), np.arange(4)):
        pooled = pooled_means(differences, groups)
        widths.append(np.median(special.stdtrit(pooled.freedom, 0.975) * pooled.standard_error))
    assert widths[0] < 0.7 * widths[1]


@pytest.mark.parametrize("n_nodes", [2, 4, 8])
def test_the_intervals_of_ratios_over_nodes(n_nodes):
    """Each implementation suits each node more or less; some nodes have more blocks."""
    generator = np.random.default_rng(n_nodes)
    blocks = [(node, seed) for node in range(n_nodes) for seed in range(2 + 3 * (node % 2))]
    runs = pd.DataFrame(
        [
            {"condition": 0, "node": f"n{node}", "seed": seed, "implementation": name}
            for node, seed in blocks
            for name in ("fast", "slow")
        ]
    ).assign(
        status="done", learning_rate=0.1, quiet="yes", machine="m", epochs=3, epoch_spread=0.01
    )
    node_of = runs["node"].str[1:].astype(int).to_numpy()
    column = (runs["implementation"] == "slow").to_numpy().astype(int)
    n_sweeps, sweeps = 1000, []
    for number in range(n_sweeps):
        suits = generator.normal(0, 0.03, (n_nodes, 2))[node_of, column]
        node = generator.normal(0, 0.3, n_nodes)[node_of]
        noise = generator.normal(0, 0.03, len(runs))
        speed = np.exp(8 + node + suits + noise)
        sweeps.append(runs.assign(condition=number, examples_per_second=speed))
    speeds = SpeedPairs(pd.concat(sweeps, ignore_index=True))
    means, inside = speeds.means().unstack(), []
    for number in range(n_sweeps):
        paired = speeds.compare(number, "fast", "slow")
        assert (paired.n_nodes, paired.n_pairs, paired.method) == (n_nodes, len(blocks), "nodes")
        assert paired.mean == pytest.approx(means.loc[number, "fast"] - means.loc[number, "slow"])
        inside.append(paired.low <= 0 <= paired.high)
    assert 0.93 <= np.mean(inside) <= 0.97


def test_runs_on_different_nodes_are_never_paired():
    runs = pd.DataFrame(
        {
            "condition": 0, "node": ["n1", "n2"], "seed": 0, "implementation": ["fast", "slow"],
            "status": "done", "learning_rate": 0.1, "quiet": "yes", "machine": "m", "epochs": 3,
            "epoch_spread": 0.01, "examples_per_second": [2.0, 1.0],
        }
    )  # fmt: skip
    assert SpeedPairs(runs).compare(0, "fast", "slow") is None
    assert SpeedPairs(runs.assign(node="n1")).compare(0, "fast", "slow").n_pairs == 1


@pytest.mark.parametrize("n_seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("taste", [0.0, 0.4])  # how far images favour one implementation
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.03])  # how far seeds do
def test_the_intervals_of_differences_in_accuracy(n_seeds, taste, shift):
    """Images and seeds favour one implementation or the other, at random."""
    if n_seeds == 1 and shift:
        pytest.skip("one seed says nothing about others")
    generator = np.random.default_rng(n_seeds)
    n_images, n_sweeps = 250, 2000
    images = generator.choice([-taste, taste], (n_sweeps, 1, n_images))
    seeds = shift * generator.standard_normal((n_sweeps, n_seeds, 1))
    only_one = generator.random((n_sweeps, n_seeds, n_images)) < 0.2  # of the two is right
    is_first = generator.random((n_sweeps, n_seeds, n_images)) < 0.5 + images + 2.5 * seeds
    gains = only_one * np.where(is_first, 1.0, -1.0)
    inside = []
    for gain in gains:
        by_seed = 100 * gain.mean(axis=1)
        error = by_seed.std(ddof=1) / np.sqrt(n_seeds) if n_seeds > 1 else np.nan
        found = over_images(Paired(by_seed.mean(), error, n_seeds - 1, n_seeds, "pairs"), gain)
        inside.append(found.low <= 0 <= found.high)
    assert 0.93 < np.mean(inside) < 0.97


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 29])
def test_the_intervals_of_a_mean_with_a_known_and_an_estimated_variance(freedom):
    """For every ratio of the two variances; computed, not simulated."""
    probabilities = (np.arange(500) + 0.5) / 500
    estimates = stats.chi2.ppf(probabilities, freedom) / freedom
    for ratio in np.logspace(-3, 4, 15):
        half_widths = [
            Paired(0, math.sqrt(ratio * estimate), freedom, 2, "pairs", known_error=1).half_width
            for estimate in estimates
        ]
        inside = 1 - 2 * stats.norm.sf(np.array(half_widths) / math.sqrt(1 + ratio))
        assert 0.93 < inside.mean() < 0.97
