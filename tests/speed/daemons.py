"""Measure what the idle daemons of SLURM and of Ray cost a training on the same machine.

    python -m tests.speed.daemons [--engines slurm,ray] [--pairs 14]

A training repeats its epochs on all cores; periods with and without the daemons alternate, so that
drift favours neither. SLURM: munged, slurmctld, two slurmd. Ray: a head and a node. Takes about
eight minutes on a quiet machine; on a busy one, the interval is wide.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench import registry
from bench.config.compose import compose_runs
from bench.contract import Problem
from bench.data import datasets
from bench.statistics import interval_half_width
from bench.training import sampling
from tests.clusters.ray import RayCluster
from tests.clusters.slurm import SlurmCluster

WORDS = ("dataset=synthetic", "dataset.training_size=20000", "batch_size=32")
PERIOD_SECONDS = 6.0
SETTLE_SECONDS = 4.0  # daemons are busy just after their start


class Training:
    """A model that trains the same epoch again and again."""

    def __init__(self):
        (config,) = compose_runs(list(WORDS), default_name="daemons")
        split = datasets.split(datasets.load(config.dataset, None), config.validation_fraction)
        problem = Problem(
            train_images=split.train_images,
            train_labels=split.train_labels,
            layer_sizes=config.layer_sizes,
            recipe=config.recipe,
            learning_rate=config.learning_rate,
            device="cpu",
            threads=os.cpu_count(),
            options=config.implementation.options,
        )
        initializer = config.recipe.initializer
        self._model = registry.load(config.implementation.module)()
        self._model.setup(problem, sampling.initial_parameters(0, config.layer_sizes, initializer))
        self._batches = sampling.batches(0, 1, len(split.train_labels), config.batch_size)
        self._model.warm_up(self._batches)

    def epochs_per_second(self):
        """Train for a period, and return the speed."""
        start, n_epochs = time.perf_counter(), 0
        while time.perf_counter() - start < PERIOD_SECONDS:
            self._model.train_epoch(self._batches)
            n_epochs += 1
        return n_epochs / (time.perf_counter() - start)


def start(engine, parent):
    """Start the daemons of an engine, and return their cluster."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    cluster = {"slurm": SlurmCluster, "ray": RayCluster}[engine](folder)
    if engine == "ray":
        cluster.nodes = cluster.nodes[:1]
    cluster.start()
    time.sleep(SETTLE_SECONDS)
    return cluster


def cpu_seconds():
    """Return the CPU time of all processes that this one has started."""
    times = []
    for process in psutil.Process().children(recursive=True):
        try:
            times.append(process.cpu_times())
        except psutil.NoSuchProcess:
            continue
    return sum(each.user + each.system for each in times)


def measure(engine, training, n_pairs, parent):
    """Return the log ratios of speed with daemons over speed without, and the cores they use."""
    ratios, cores = [], []
    cluster = None
    try:
        for pair in range(n_pairs):
            speeds = {}
            for with_daemons in (pair % 2 == 1, pair % 2 == 0):
                if with_daemons and cluster is None:
                    cluster = start(engine, parent)
                elif not with_daemons and cluster is not None:
                    cluster.stop()
                    cluster = None
                before, began = cpu_seconds(), time.perf_counter()
                speeds[with_daemons] = training.epochs_per_second()
                if with_daemons:
                    cores.append((cpu_seconds() - before) / (time.perf_counter() - began))
            ratios.append(math.log(speeds[True] / speeds[False]))
            print(f"{engine}, pair {pair + 1}: {math.exp(ratios[-1]):.4f}", flush=True)
    finally:
        if cluster is not None:
            cluster.stop()
    return ratios, cores


def main():
    """Print the ratio for each engine, with its 95 % interval over the pairs."""
    parser = argparse.ArgumentParser(description="What do idle daemons cost a training?")
    parser.add_argument("--engines", default="slurm,ray")
    parser.add_argument("--pairs", type=int, default=14, help="at least 2")
    arguments = parser.parse_args()
    training = Training()
    training.epochs_per_second()
    for engine in arguments.engines.split(","):
        with tempfile.TemporaryDirectory(prefix="daemons-") as parent:
            ratios, cores = measure(engine, training, arguments.pairs, parent)
        mean = statistics.fmean(ratios)
        error = statistics.stdev(ratios) / math.sqrt(len(ratios))
        half = interval_half_width(error, len(ratios) - 1)
        print(
            f"{engine}: speed with daemons / without = {math.exp(mean):.4f} "
            f"({math.exp(mean - half):.4f} to {math.exp(mean + half):.4f}, {len(ratios)} pairs); "
            f"the daemons use {statistics.fmean(cores):.2%} of a core"
        )


if __name__ == "__main__":
    main()
