"""How long an epoch takes with each implementation, and what the harness adds to it."""

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
def test_an_epoch(benchmark, warm, name):
    model, batches = warm(name)
    benchmark.extra_info["examples"] = batches.size
    benchmark.pedantic(model.train_epoch, args=(batches,), rounds=5, warmup_rounds=1)


def test_what_the_harness_adds_to_an_epoch(benchmark, capsys):
    """Bare epochs and the harness's take turns with one model, whose place in memory matters more
    than what is looked for; what the harness does besides is to be under 1 %."""
    words = ["dataset=synthetic", "dataset.training_size=60000", "threads=1"]  # an ordinary epoch
    (config,) = compose_runs(words, default_name="speed")
    split = splits.split(datasets.load(config.dataset, None), config.validation_fraction)
    model, ledger = registry.load(config.implementation.module)(), Timer()
    trainer = Trainer(model, config, split, ledger)
    trainer.prepare()
    batches = sampling.batches(0, 1, len(split.train_labels), config.batch_size)
    ratios = []

    def bare():
        start = time.perf_counter()
        model.train_epoch(batches)
        return time.perf_counter() - start

    def in_harness():
        start, evaluated = time.perf_counter(), ledger.seconds["evaluate"]
        trainer.train_epoch(1)
        evaluated = ledger.seconds["evaluate"] - evaluated
        return time.perf_counter() - start - evaluated

    def take_turns():
        if len(ratios) % 2:
            alone, harnessed = bare(), in_harness()
        else:
            harnessed, alone = in_harness(), bare()
        ratios.append(harnessed / alone)

    benchmark.pedantic(take_turns, rounds=30, warmup_rounds=2)
    ratio = statistics.median(ratios)
    benchmark.extra_info["harness_over_bare"] = ratio
    with capsys.disabled():
        print(f"\nan epoch in the harness over a bare one: {ratio:.4f}")
    assert ratio < 1.01
