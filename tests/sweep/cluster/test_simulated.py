"""The head with its files, on simulated nodes that fail: discrete events instead of waiting.

`SIMULATED_BLOCKS=1000 pytest -s` simulates 50 nodes, and prints the time that the head needs.
"""

from __future__ import annotations

import heapq
import os
import random
import time
from collections import Counter

import msgspec
import pytest

from bench.files import write_atomically
from bench.results import store
from bench.sweep.cluster.attempts import Attempts
from bench.sweep.cluster.head import GRACE_POLLS, Head
from bench.sweep.cluster.launcher import Node, Placement
from bench.sweep.cluster.messages import OUTCOME_NAME, Outcome
from tests.sweep.conftest import record_of


class SimulatedEngine:
    """Nodes whose attempts end after random durations; `step` goes on to the next event.

    Attributes:
        incompatible: nodes with other versions.
        failure_rates: by node.
        finished: how often each block was completed by a node.
    """

    def __init__(self, jobs, randomness, n_nodes):
        self._jobs, self._randomness = jobs, randomness
        names = [f"n{number}" for number in range(n_nodes)]
        n_bad = n_nodes // 10
        self.incompatible = names[n_bad : 2 * n_bad]
        self.failure_rates = dict.fromkeys(names, 0.01) | dict.fromkeys(names[:n_bad], 0.9)
        self._clock = 0.0
        self._events, self._tasks = [], {}
        self.finished = Counter()

    def nodes(self):
        return dict.fromkeys(self.failure_rates, Node("idle", usable=True))

    def _free(self, excluded):
        busy = {node for node, _ in self._tasks.values()}
        return [name for name in self.failure_rates if name not in busy | excluded]

    def n_free(self, excluded):
        return len(self._free(excluded))

    def start(self, folders, excluded):
        started = {}
        for (attempt, folder), node in zip(folders.items(), self._free(excluded), strict=False):
            self._tasks[attempt] = node, folder
            end = self._clock + self._randomness.expovariate(1 / 300)
            heapq.heappush(self._events, (end, attempt))
            started[attempt] = node
        return started

    def resume(self, attempt, engine_id):
        raise AssertionError("nothing was started before")

    def active(self):
        return {
            attempt: Placement(running=True, node=node)
            for attempt, (node, _) in self._tasks.items()
        }

    def cancel(self, attempts):
        for attempt in attempts:
            self._tasks.pop(attempt)

    def close(self):
        pass

    def step(self):
        """Let the next attempt end; a failing one leaves the first of its records at most."""
        self._clock, attempt = heapq.heappop(self._events)
        node, folder = self._tasks.pop(attempt)
        if node in self.incompatible:
            self._write(folder, Outcome(status="refused", reason="numpy was 2.0 and is 2.1"))
            return
        fails = self._randomness.random() < self.failure_rates[node]
        for job in self._jobs[attempt.block][: 1 if fails else None]:
            record = record_of(job, node=node, block=job.block, attempt=attempt.number)
            store.write_record(folder, record)
        if not fails:
            self._write(folder, Outcome(status="complete"))
            self.finished[attempt.block] += 1

    def _write(self, folder, outcome):
        write_atomically(folder / OUTCOME_NAME, msgspec.json.encode(outcome))


@pytest.fixture
def simulate(plan, composed):
    """Execute a sweep of blocks of two runs; return engine, sweep, dispatcher and seconds."""

    def execute(n_blocks, n_nodes, seed):
        launcher = msgspec.structs.replace(composed.launcher, name="slurm", attempts=9)
        jobs = {}
        for rate in (0.1, 0.2):
            for job in plan(*range(n_blocks), learning_rate=rate, launcher=launcher):
                jobs.setdefault(job.block, []).append(job)
        planned = [job for members in jobs.values() for job in members]
        engine = SimulatedEngine(jobs, random.Random(seed), n_nodes)  # noqa: S311
        folder = planned[0].sweep_folder
        head = Head(planned, engine, Attempts(folder), folder)
        dispatcher, seconds = head._dispatcher, Seconds()
        while not dispatcher.finished:
            with seconds:
                for _ in range(GRACE_POLLS + 1):
                    head.poll()
                head._progress.show()
            # Work conserving: a node that may be used is idle only if no block is waiting.
            assert not dispatcher.n_waiting or not engine.n_free(dispatcher.excluded_nodes)
            if not dispatcher.finished:
                engine.step()
        return engine, store.read_sweep(folder), dispatcher, seconds

    return execute


class Seconds:
    """Time that the head needs, without that of the simulation."""

    def __init__(self):
        self.wall = self.cpu = 0.0

    def __enter__(self):
        self.wall -= time.perf_counter()
        self.cpu -= time.process_time()

    def __exit__(self, *_):
        self.wall += time.perf_counter()
        self.cpu += time.process_time()


def test_every_block_is_committed_once_from_one_node(simulate):
    n_blocks = int(os.environ.get("SIMULATED_BLOCKS", "40"))
    engine, sweep, dispatcher, seconds = simulate(n_blocks, max(10, n_blocks // 20), seed=1)
    print(
        f"head: {1000 * seconds.cpu / n_blocks:.1f} ms of processor time per block, "
        f"{1000 * seconds.wall / n_blocks:.1f} ms in all"
    )
    assert not dispatcher.given_up
    assert set(engine.incompatible) <= dispatcher.excluded_nodes
    assert set(engine.finished.values()) == {1}
    assert len(engine.finished) == n_blocks
    assert len(sweep.records) == 2 * n_blocks
    assert not sweep.missing
    members = {}
    for record in sweep.records:
        members.setdefault(record.block, set()).add((record.node, record.attempt))
    assert [len(each) for each in members.values()] == [1] * n_blocks
    evidence = [path.name for path in (sweep.folder / "attempts").glob("block-*")]
    assert evidence  # of attempts that failed
    committed = {f"{block}-{each.pop()[1]}" for block, each in members.items()}
    assert not committed & set(evidence)
