"""Measure by how much the idle daemons of SLURM and of Ray slow down training on their node.

    taskset -c 0 python -m tests.speed.daemons [--engines slurm,ray] [--pairs 400]

One core trains and runs the daemons. Epochs are
trained in pairs of periods. In one period of a pair the node's daemons run; in the other they are
stopped with SIGSTOP. The order within a pair is random, so that drift favours neither. 400 pairs
take eight minutes.
"""

from __future__ import annotations

import argparse
import math
import random
import signal
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench.statistics import estimate
from tests.clusters.processes import send
from tests.clusters.ray import RayCluster
from tests.clusters.slurm import SlurmCluster
from tests.speed.models import configure, warm_model

PERIOD_SECONDS = 0.5
SETTLE_SECONDS = 20.0  # daemons are busy just after their start
CLUSTERS = {"slurm": SlurmCluster, "ray": RayCluster}


def epochs_per_second(model, batches):
    """Train for a period, and return its speed in epochs per second."""
    start, n_epochs = time.perf_counter(), 0
    while time.perf_counter() - start < PERIOD_SECONDS:
        model.train_epoch(batches)
        n_epochs += 1
    return n_epochs / (time.perf_counter() - start)


def cpu_seconds(pids):
    """Return the CPU seconds that processes have used."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


def measure(daemons, model, batches, n_pairs):
    """Return log(seconds with daemons / seconds without) of each pair, and the cores they use."""
    ratios, cores = [], []
    order = random.Random(0)  # noqa: S311
    for _ in range(n_pairs):
        speeds = {}
        for is_running in order.sample((True, False), 2):
            send(signal.SIGCONT if is_running else signal.SIGSTOP, daemons)
            before, start = cpu_seconds(daemons), time.perf_counter()
            speeds[is_running] = epochs_per_second(model, batches)
            if is_running:
                cores.append((cpu_seconds(daemons) - before) / (time.perf_counter() - start))
        ratios.append(math.log(speeds[False] / speeds[True]))
    return ratios, cores


def measure_engine(engine, model, batches, n_pairs):
    """Start the daemons of an engine, measure, and end them."""
    with tempfile.TemporaryDirectory(prefix="daemons-") as folder:
        cluster = CLUSTERS[engine](Path(folder))
        try:
            cluster.start()
            time.sleep(SETTLE_SECONDS)
            daemons = cluster.daemons_on(cluster.nodes[0])
            try:
                return measure(daemons, model, batches, n_pairs)
            finally:
                send(signal.SIGCONT, daemons)
        finally:
            cluster.stop()


def main():
    """Print the ratio for each engine, with its 95 % interval over the pairs."""
    parser = argparse.ArgumentParser(
        description="Measure by how much the idle daemons of a node slow down training."
    )
    parser.add_argument("--engines", default="slurm,ray")
    parser.add_argument("--pairs", type=int, default=400, help="at least 5")
    arguments = parser.parse_args()
    model, batches = warm_model(configure("numpy", "threads=1"))
    for engine in arguments.engines.split(","):
        ratios, cores = measure_engine(engine, model, batches, arguments.pairs)
        interval = estimate(ratios)
        print(
            f"{engine}: seconds of an epoch with daemons / without = {interval.ratio:.4f} "
            f"({interval.low:.4f} to {interval.high:.4f}, {interval.n_pairs} pairs); "
            f"the daemons use {statistics.fmean(cores):.2%} of a core",
            flush=True,
        )


if __name__ == "__main__":
    main()
