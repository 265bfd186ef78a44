"""`bench launcher=slurm` on a real SLURM of two nodes. Faults: tests/chaos/test_clusters.py."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tests.clusters.processes import pids_with
from tests.clusters.sweeps import SLOW, WORDS, check_whole_blocks, read, running_block
from tests.conftest import SCRIPTS, TINY

OPTIONS = ("launcher=slurm", "launcher.minutes=10")


@pytest.fixture
def bench(slurm, run):
    """Run `bench` where the cluster can be found."""

    def run_bench(*words):
        return run(*WORDS, *OPTIONS, *words, env=slurm.environment)

    return run_bench


def test_blocks_are_executed_whole_on_both_nodes(bench, tmp_path):
    ended = bench("seed=0,1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sweep = read(tmp_path)
    assert set(check_whole_blocks(sweep.records, n_blocks=2).values()) == {1}
    assert len({record.node for record in sweep.records}) == 2
    cores = {tuple(record.environment["cores_of_node"]) for record in sweep.records}
    assert cores == {tuple(sorted(os.sched_getaffinity(0)))}
    assert not sweep.missing
    assert sweep.datasets
    assert sweep.verdicts
    assert not list((sweep.folder / "attempts").glob("block-*"))
    again = bench("seed=0,1")
    assert again.returncode == 0
    assert "2 of 2 blocks finished earlier, kept" in again.stdout
    assert read(tmp_path).records == sweep.records


def test_a_killed_worker_costs_its_block_only(slurm, start, tmp_path):
    process = start(*OPTIONS, *SLOW, environment=slurm.environment)
    folder = running_block(tmp_path)
    for pid in pids_with(f"bench.sweep.cluster.node\0{folder}"):
        os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    attempts = check_whole_blocks(read(tmp_path).records, n_blocks=2)
    assert sorted(attempts.values()) == [1, 2]
    assert attempts[folder.name.rpartition("-")[0]] == 2
    assert folder.exists()  # evidence


def test_an_interrupted_sweep_ends_its_jobs(slurm, start, tmp_path):
    process = start(*OPTIONS, *SLOW, environment=slurm.environment)
    running_block(tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert "To continue: bench -m" in (tmp_path / "output").read_text()
    deadline = time.monotonic() + 60
    while slurm.command("squeue", "--noheader") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not slurm.command("squeue", "--noheader")


def test_the_doctor_examines_each_node(slurm, run, tmp_path):
    words = ("--launcher", "slurm", "implementation=numpy", "dataset=synthetic")
    ended = run("bench-doctor", *words, env=slurm.environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for node in slurm.nodes:
        assert re.search(rf"^ ?{node} +\w+ +same +synthetic +(free|held) ", ended.stdout, re.M)
    assert "Nodes that are fit for these runs: 2 of 2." in ended.stdout
    assert not list(tmp_path.iterdir())


def test_the_doctor_does_not_wait_for_a_busy_node(slurm, run):
    options = (f"--nodelist={slurm.nodes[0]}", "--output=/dev/null", "--wrap=sleep 60")
    slurm.command("sbatch", "--exclusive", *options)
    words = ("--launcher", "slurm", "implementation=numpy", "dataset=synthetic")
    ended = run("bench-doctor", *words, "--time-limit=1", env=slurm.environment)
    slurm.command("scancel", "--user=root")
    assert ended.returncode == 1
    assert f"{slurm.nodes[0]}: no answer in 1 s; is the node busy?" in ended.stdout
    assert not ended.stderr


def test_a_partition_that_does_not_exist_is_named(bench):
    ended = bench("launcher.partition=nowhere")
    assert ended.returncode == 2
    assert "nowhere" in ended.stderr or "partition" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_machine_without_slurm_is_named(run):
    ended = run("bench", *TINY, "launcher=slurm", env={"PATH": str(SCRIPTS), "HOME": "/root"})
    assert ended.returncode == 2
    assert "launcher=slurm: sbatch is not on PATH; start bench on a login node" in ended.stderr
