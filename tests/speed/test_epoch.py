"""Time an epoch of each implementation, and the overhead of the harness."""

import statistics
import time

import pytest

from bench import registry
from bench.config.compose import choices, compose_runs
from bench.data import datasets, splits
from bench.training import sampling
from bench.training.loop import Trainer
from bench.training.timer import Timer


@pytest.mark.parametrize("name", [name for name in choices("implementation") if name != "notebook"])
def test_epoch(benchmark, warm, name):
    model, batches = warm(name)
    benchmark.extra_info["examples"] = batches.size
    benchmark.pedantic(model.train_epoch, args=(batches,), rounds=5, warmup_rounds=1)


def test_overhead_of_the_harness_is_below_one_percent(benchmark, capsys):
    """Train epochs with and without the harness alternately, with the same model.

    The addresses of a model's arrays change its speed by more than the overhead.
    """
    words = ["dataset=synthetic", "dataset.training_size=60000", "threads=1"]  # as in a default run
    (config,) = compose_runs(words, default_name="speed")
    split = splits.split(datasets.load(config.dataset, None), config.validation_fraction)
    model, timer = registry.load(config.implementation.module)(), Timer()
    trainer = Trainer(model, config, split, timer)
    trainer.prepare()
    batches = sampling.batches(0, 1, len(split.train_labels), config.batch_size)
    ratios = []

    def without_harness():
        start = time.perf_counter()
        model.train_epoch(batches)
        return time.perf_counter() - start

    def with_harness():
        start, evaluation_start = time.perf_counter(), timer.seconds["evaluate"]
        trainer.train_epoch(1)
        evaluation_seconds = timer.seconds["evaluate"] - evaluation_start
        return time.perf_counter() - start - evaluation_seconds

    def train_pair():
        if len(ratios) % 2:
            without, with_it = without_harness(), with_harness()
        else:
            with_it, without = with_harness(), without_harness()
        ratios.append(with_it / without)

    benchmark.pedantic(train_pair, rounds=30, warmup_rounds=2)
    ratio = statistics.median(ratios)
    benchmark.extra_info["with_over_without_harness"] = ratio
    with capsys.disabled():
        print(f"\nseconds of an epoch with / without the harness: {ratio:.4f}")
    assert ratio < 1.01
