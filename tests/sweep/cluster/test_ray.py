"""`bench launcher=ray` on a real Ray cluster of two nodes, on this machine."""

from __future__ import annotations

import subprocess

import pytest

from tests.clusters import (
    RAY_ATTEMPT,
    SLOW,
    check_whole_blocks,
    free_ports,
    pids_with,
    read,
)
from tests.conftest import SCRIPTS, TINY


@pytest.fixture
def start(ray, tmp_path):
    """Start `bench` in the background."""
    started = []

    def start_bench(*words):
        command = [
            str(SCRIPTS / "bench"), "-m", *TINY, "launcher=ray", f"launcher.address={ray.address}",
            "implementation=numpy,notebook",
            "dataset.training_size=500", "sweep_name=night", "share_machine=true", *words,
        ]  # fmt: skip
        with (tmp_path / "output").open("ab") as output:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
        started.append(process)
        return process

    yield start_bench
    for process in started:
        process.kill()
        process.wait()


def test_blocks_are_executed_whole_on_both_nodes(start, tmp_path):
    process = start("seed=0,1")
    assert process.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    sweep = read(tmp_path)
    assert set(check_whole_blocks(sweep.records, n_blocks=2).values()) == {1}
    assert len({record.node for record in sweep.records}) == 2
    assert not list((sweep.folder / "attempts").glob("block-*"))


def test_a_killed_node_costs_its_block_only(ray, start, tmp_path):
    process = start(*SLOW)
    ray.kill_node(ray.busy_node())
    assert process.wait(timeout=240) == 0, (tmp_path / "output").read_text()
    attempts = check_whole_blocks(read(tmp_path).records, n_blocks=2)
    # Ray counts a dead node among the living for some seconds, so that it may get the block again.
    assert max(attempts.values()) > 1
    assert not pids_with(RAY_ATTEMPT)


def test_an_address_without_a_cluster_is_named(run):
    pytest.importorskip("ray")
    (port,) = free_ports(1)
    ended = run("bench", *TINY, "launcher=ray", f"launcher.address=127.0.0.2:{port}")
    assert ended.returncode == 2
    assert f"launcher.address=127.0.0.2:{port}: " in ended.stderr
    assert "Traceback" not in ended.stderr
