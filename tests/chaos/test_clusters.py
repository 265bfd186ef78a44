"""Nodes, workers, jobs and the head of a sweep on a cluster are killed: every run exists once."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from bench.results.store import RECORD_NAME, VERDICT_FILES
from bench.sweep.cluster.messages import OUTCOME_NAME, REQUEST_NAME, STARTED_NAME
from tests.chaos.conftest import FULL
from tests.clusters.faults import FAULTS, busy_nodes, freeze_node
from tests.clusters.processes import MAX_WAIT_SECONDS
from tests.clusters.ray import ray as ray
from tests.clusters.slurm import slurm as slurm
from tests.clusters.sweeps import (
    check_whole_blocks,
    read,
    start_bench,
)
from tests.processes import wait_for

# Two blocks, of two runs each that take some seconds together, most of them to start a process.
SWEEP = ("implementation=numpy", "learning_rate=0.1,0.2", "seed=0,1", "launcher.attempts=9")
SWEEP_FOLDER = Path("results/night")
MAX_DELAY_SECONDS = 2.0  # from the start of the processes for runs to the fault
QUICK = ("jobs cancelled", "jobs requeued", "nodes killed", "workers killed")
# Files by which a sweep shows its progress; records appear twice, in an attempt and in the sweep.
STEPS = {REQUEST_NAME, STARTED_NAME, RECORD_NAME, OUTCOME_NAME}
N_STEPS = 2 + 2 + 4 + 2 + 4
MAX_STEP_SECONDS = 1.0


@pytest.fixture(params=["slurm", "ray"])
def cluster(request):
    """Return a cluster of either engine."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def begin(cluster, tmp_path):
    """Start the sweep in a folder; parity is known since the first sweep of a test."""

    def begin_here(folder):
        if not folder.exists():
            known = list(tmp_path.glob(f"*/{SWEEP_FOLDER}/{VERDICT_FILES}"))
            (folder / SWEEP_FOLDER).mkdir(parents=True)
            for verdict in known[:1]:
                shutil.copy(verdict, folder / SWEEP_FOLDER)
        return start_bench(folder, *SWEEP, *cluster.words, environment=cluster.environment)

    return begin_here


def check(cluster, folder, process):
    """Wait for the end of a sweep; check its records, and that no process is left."""
    assert process.wait(timeout=600) == 0, (folder / "output").read_text()
    sweep = read(folder)
    check_whole_blocks(sweep.records, n_blocks=2)
    assert len(sweep.records) == 4
    assert not list(sweep.folder.glob("*/earlier-*"))  # no run was made and committed twice
    for node in cluster.nodes:
        wait_for(lambda node=node: not cluster.workers_on(node), MAX_WAIT_SECONDS)


def drawn(randomness, faults, n):
    """Return the names of n faults in random order, each equally often or once more."""
    names = sorted(faults)
    randomness.shuffle(names)
    if not FULL:  # the others take longer: engines notice them late
        names = [name for name in names if name in QUICK]
    return [names[number % len(names)] for number in range(n)]


def test_every_run_exists_once_after_a_fault(cluster, begin, request, tmp_path, randomness, tries):
    engine = request.node.callspec.params["cluster"]
    n = tries(f"faults on {engine}", 2, 20)
    for number, name in enumerate(drawn(randomness, FAULTS[engine], n)):
        start = time.monotonic()
        folder = tmp_path / str(number)
        attempts = folder / SWEEP_FOLDER / "attempts"
        process = begin(folder)
        wait_for(lambda: busy_nodes(cluster), MAX_WAIT_SECONDS)
        time.sleep(randomness.uniform(0, MAX_DELAY_SECONDS))
        node = randomness.choice(busy_nodes(cluster) or cluster.nodes)
        fault = FAULTS[engine][name]
        if fault is freeze_node:

            def is_over(attempts=attempts, process=process):
                return any(attempts.glob("block-*-[2-9]")) or process.poll() is not None

            fault(cluster, node, is_over)
        else:
            fault(cluster, node)
        check(cluster, folder, process)
        lost = list(attempts.glob("block-*"))
        seconds = time.monotonic() - start
        print(f"{engine} {number}, {name}: {len(lost)} attempts lost, {seconds:.0f} s", flush=True)
        cluster.repair()


def kill_head(process, folder, n_steps, delay_seconds):
    """Kill a sweep a moment after its folder shows a number of steps; say whether it was alive."""
    seen = set()
    while process.poll() is None and len(seen) < n_steps:
        for path, _, names in os.walk(folder / SWEEP_FOLDER):
            if not Path(path).name.startswith("."):  # a run that is being copied
                seen |= {f"{path}/{name}" for name in STEPS.intersection(names)}
        time.sleep(0.02)
    time.sleep(delay_seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL


def test_a_killed_head_is_continued_by_the_same_command(
    cluster, begin, request, tmp_path, randomness, tries
):
    engine = request.node.callspec.params["cluster"]
    n = tries(f"heads on {engine} killed", 1, 20)
    for number in range(n):
        start = time.monotonic()
        n_steps = int((number + randomness.random()) / n * N_STEPS)
        delay_seconds = randomness.uniform(0, MAX_STEP_SECONDS)
        folder = tmp_path / str(number)
        while not kill_head(begin(folder), folder, n_steps, delay_seconds):
            shutil.rmtree(folder)  # the sweep has ended before: once more, with less delay
            delay_seconds /= 2
        committed = {
            path: path.read_bytes() for path in folder.glob(f"{SWEEP_FOLDER}/*/record.json")
        }
        check(cluster, folder, begin(folder))
        assert all(path.read_bytes() == content for path, content in committed.items())
        print(
            f"{engine} {number}: the head was killed {delay_seconds:.2f} s after step {n_steps} of "
            f"{N_STEPS}, {len(committed)} records then; {time.monotonic() - start:.0f} s",
            flush=True,
        )
