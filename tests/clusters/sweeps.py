"""A small sweep for clusters, and what it must leave."""

from __future__ import annotations

import subprocess
import time
from collections import defaultdict

import pytest

from bench.results import store
from tests.conftest import SCRIPTS, TINY

# Blocks of two runs. Other tests need not wait for them.
WORDS = (
    "bench", "-m", *TINY, "implementation=numpy,notebook", "dataset.training_size=500",
    "sweep_name=night", "share_machine=true",
)  # fmt: skip
# Two runs of some seconds in a block, so that it does not end before it is disturbed.
SLOW = ("implementation=notebook", "learning_rate=0.01,0.1", "epochs=10", "seed=0,1")


def start_bench(folder, *words, environment=None):
    """Start `bench` in the background; its output is added to a file in the folder."""
    command = [str(SCRIPTS / WORDS[0]), *WORDS[1:], *words]
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


@pytest.fixture
def start(tmp_path):
    """Start `bench` in the background, and end it with the test."""
    started = []

    def start_here(*words, environment=None):
        started.append(start_bench(tmp_path, *words, environment=environment))
        return started[-1]

    yield start_here
    for process in started:
        process.kill()
        process.wait()


def read(tmp_path):
    """Return the sweep in a folder."""
    return store.read_sweep(tmp_path / "results" / "night")


def check_whole_blocks(records, n_blocks):
    """Check that every run is there once, and every block is of one node and one attempt."""
    blocks = defaultdict(list)
    for record in records:
        assert record.status == "done", record.error
        blocks[record.block].append(record)
    assert len(blocks) == n_blocks
    for members in blocks.values():
        assert len({record.run_id for record in members}) == 2
        assert len({(record.node, record.attempt) for record in members}) == 1
        assert sorted(record.position for record in members) == [1, 2]
    return {block: members[0].attempt for block, members in blocks.items()}


def running_block(tmp_path):
    """Wait until a node has finished a run of a block; return the attempt's folder."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for record in (tmp_path / "results" / "night" / "attempts").glob("block-*/*/record.json"):
            if not (record.parents[1] / "outcome.json").exists():
                return record.parents[1]
        time.sleep(0.05)
    pytest.fail("no block was started")
