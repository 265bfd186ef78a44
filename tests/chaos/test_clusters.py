"""Nodes, workers, jobs and the head of a sweep on a cluster are killed: every run exists once."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from tests.clusters.processes import MAX_WAIT_SECONDS, pids_with
from tests.clusters.ray import RAY_NODES
from tests.clusters.ray import ray as ray
from tests.clusters.slurm import SLURM_NODES
from tests.clusters.slurm import slurm as slurm
from tests.clusters.sweeps import check_whole_blocks, read, start_bench
from tests.processes import wait_for

SEEDS = ("seed=0,1,2", "launcher.attempts=9")
NODE_PROCESS = "bench.sweep.cluster.node"
MAX_DELAY_SECONDS = 4.0


def start(folder, environment, *words):
    return start_bench(folder, *SEEDS, *words, environment=environment)


def kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def check(folder, process, environment, words):
    """Wait for the end of a sweep whose head may have been killed, and check its records."""
    status = process.wait(timeout=300)
    if status == -signal.SIGKILL:
        status = start(folder, environment, *words).wait(timeout=300)
    assert status == 0, (folder / "output").read_text()
    check_whole_blocks(read(folder).records, n_blocks=3)
    wait_for(lambda: not pids_with(NODE_PROCESS), MAX_WAIT_SECONDS)


def test_a_slurm_cluster_with_faults(slurm, tmp_path, randomness, tries):
    words = ("launcher=slurm", "launcher.minutes=10")

    def kill_node(_):
        slurm.kill_node(SLURM_NODES[0])

    def kill_daemon_only(_):
        slurm.kill_daemon(SLURM_NODES[0])

    def kill_steps(_):
        kill(pids_with("slurmstepd:"))

    def kill_workers(_):
        kill(pids_with(NODE_PROCESS))

    def cancel(_):
        slurm.command("scancel", "--user=root", "--state=RUNNING")

    def requeue(_):
        for job in slurm.command("squeue", "-h", "-o", "%A", "--state=RUNNING").split():
            slurm.command("scontrol", "requeue", job)

    def kill_head(process):
        process.kill()

    faults = [kill_node, kill_daemon_only, kill_steps, kill_workers, cancel, requeue, kill_head]
    for number in range(tries("faults on SLURM", 2, 20)):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = start(folder, slurm.environment, *words)
        wait_for(lambda: pids_with(NODE_PROCESS), MAX_WAIT_SECONDS)
        time.sleep(randomness.uniform(0, MAX_DELAY_SECONDS))
        fault = randomness.choice(faults)
        print(f"{number}: {fault.__name__}")
        fault(process)
        check(folder, process, slurm.environment, words)
        slurm.repair()


def test_a_ray_cluster_with_faults(ray, tmp_path, randomness, tries):
    words = ("launcher=ray", f"launcher.address={ray.address}")

    def kill_node(_):
        ray.kill_node(RAY_NODES[0])

    def kill_workers(_):
        kill(pids_with("ray::execute"))

    def kill_node_processes(_):
        kill(pids_with(NODE_PROCESS))

    def kill_head(process):
        process.kill()

    faults = [kill_node, kill_workers, kill_node_processes, kill_head]
    for number in range(tries("faults on Ray", 2, 20)):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = start(folder, None, *words)
        wait_for(lambda: pids_with(NODE_PROCESS), MAX_WAIT_SECONDS)
        time.sleep(randomness.uniform(0, MAX_DELAY_SECONDS))
        fault = randomness.choice(faults)
        print(f"{number}: {fault.__name__}")
        fault(process)
        check(folder, process, None, words)
        ray.repair()


def test_a_head_that_is_killed_again_and_again(slurm, tmp_path, randomness, tries):
    words = ("launcher=slurm", "launcher.minutes=10")
    for _ in range(tries("heads killed", 2, 20)):
        process = start(tmp_path, slurm.environment, *words)
        time.sleep(randomness.uniform(0, MAX_DELAY_SECONDS))
        process.kill()
        process.wait()
    check(tmp_path, start(tmp_path, slurm.environment, *words), slurm.environment, words)
