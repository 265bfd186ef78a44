"""How long an epoch takes with each implementation, and what the harness adds to it."""

import statistics
import time

import pytest

from bench import registry
from bench.ledger import Ledger
from bench.overrides import choices
from bench.training import Trainer


@pytest.mark.parametrize("name", [name for name in choices("implementation") if name != "notebook"])
def test_an_epoch(benchmark, warm, name):
    model, batches = warm(name)
    benchmark.extra_info["examples"] = batches.size
    benchmark.pedantic(model.train_epoch, args=(batches,), rounds=5, warmup_rounds=1)


def test_what_the_harness_adds_to_an_epoch(benchmark, configured, warm, capsys):
    """Bare epochs and the harness's take turns; what it does besides is to be under 1 %."""
    bare, batches = warm("numpy")
    config, split, _ = configured("numpy")
    ledger = Ledger()
    trainer = Trainer(registry.load(config.implementation.module)(), config, split, ledger)
    trainer.prepare()
    ratios = []

    def take_turns():
        start = time.perf_counter()
        bare.train_epoch(batches)
        middle = time.perf_counter()
        evaluated = ledger.seconds["evaluate"]
        trainer.train_epoch(1)
        added = ledger.seconds["evaluate"] - evaluated
        end = time.perf_counter()
        ratios.append((end - middle - added) / (middle - start))

    benchmark.pedantic(take_turns, rounds=30, warmup_rounds=2)
    benchmark.extra_info["harness_over_bare"] = statistics.median(ratios)
    with capsys.disabled():
        print(f"\nan epoch in the harness over a bare one: {statistics.median(ratios):.4f}")
    assert statistics.median(ratios) < 1.01
