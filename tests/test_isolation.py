"""A run has a process of its own, and every way in which that can end is a result."""

import math
import os
import signal
import subprocess
import threading
import time

import pytest

from bench.environment import usable_cores
from bench.isolation import run_isolated
from bench.messages import Request
from bench.overrides import compose_runs

LONG = ("dataset=synthetic", "dataset.training_size=50000", "epochs=100000")
PARTS = ("start_up", "data", "setup", "warm_up", "train", "evaluate", "ceiling", "other")


def request(tmp_path, *words) -> Request:
    (config,) = compose_runs(["dataset=synthetic", *words], default_name="test")
    return Request(config=config, dataset_folder=None, sweep_folder=str(tmp_path))


def children() -> list[int]:
    """The processes that this one has started and that still run."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, command in lines if "bench.worker" in command]


def run_and_interfere(tmp_path, interfere):
    """Run something long, and once its first epoch has ended do something to its process."""
    heard = []

    def on_epoch(ended):
        heard.append(ended)
        if len(heard) == 2:
            (process,) = children()
            interfere(process)

    outcome = run_isolated(request(tmp_path, *LONG), tmp_path / "run.log", on_epoch)
    assert children() == []
    return outcome, heard


def test_a_run_reports_every_epoch_and_its_result(tmp_path):
    heard = []
    outcome = run_isolated(request(tmp_path, "epochs=3"), tmp_path / "run.log", heard.append)
    assert outcome.result.status == "done"
    assert [ended.epoch.epoch for ended in heard] == [0, 1, 2, 3]
    assert tuple(ended.epoch for ended in heard) == outcome.result.epochs


def test_the_parts_of_the_ledger_sum_to_the_total_seen_from_outside(tmp_path):
    start = time.perf_counter()
    outcome = run_isolated(request(tmp_path, "epochs=3"), tmp_path / "run.log", lambda _: None)
    seen = time.perf_counter() - start
    seconds = outcome.seconds
    assert math.fsum(getattr(seconds, part) for part in PARTS) == pytest.approx(seconds.total)
    assert all(getattr(seconds, part) >= 0 for part in PARTS)
    assert seconds.start_up > 0
    assert seconds.train > 0
    assert 0 <= seen - seconds.total < 0.5


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_killed_run_is_a_failed_one_that_keeps_its_epochs(name, tmp_path):
    outcome, heard = run_and_interfere(
        tmp_path, lambda process: os.kill(process, signal.Signals[name])
    )
    assert outcome.result.status == "failed"
    assert name in outcome.result.error.message
    assert outcome.result.epochs[:2] == tuple(ended.epoch for ended in heard[:2])


def test_a_run_over_its_time_limit_is_ended(tmp_path):
    outcome = run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=3"), tmp_path / "run.log", lambda _: None
    )
    assert outcome.result.status == "timeout"
    assert "3 s" in outcome.result.error.message
    assert children() == []


def test_a_stopped_process_is_ended_by_the_time_limit_as_well(tmp_path):
    def on_epoch(_):
        for process in children():
            os.kill(process, signal.SIGSTOP)

    outcome = run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=4"), tmp_path / "run.log", on_epoch
    )
    assert outcome.result.status == "timeout"
    assert children() == []


def test_an_interrupted_parent_leaves_no_process_behind(tmp_path):
    def on_epoch(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_isolated(request(tmp_path, *LONG), tmp_path / "run.log", on_epoch)
    assert children() == []


def test_a_framework_that_raises_is_a_failure_with_its_traceback(tmp_path):
    broken = request(
        tmp_path, "implementation=keras", "implementation.options.steps_per_execution=many"
    )
    outcome = run_isolated(broken, tmp_path / "run.log", lambda _: None)
    assert outcome.result.status == "failed"
    assert "Traceback" in outcome.result.error.traceback
    assert outcome.result.error.type in outcome.result.error.traceback
    assert "Traceback" in (tmp_path / "run.log").read_text()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_a_run_keeps_to_its_cores(tmp_path):
    seen = []

    def on_epoch(_):
        (process,) = children()
        seen.append(os.sched_getaffinity(process))

    run_isolated(request(tmp_path, "threads=1"), tmp_path / "run.log", on_epoch)
    assert seen[0] == {usable_cores()[0]}


def test_the_waiting_parent_sleeps(tmp_path):
    n_threads = threading.active_count()  # other tests' frameworks have some
    before = time.process_time()
    start = time.perf_counter()
    run_isolated(
        request(tmp_path, *LONG, "timeout_seconds=4"), tmp_path / "run.log", lambda _: None
    )
    assert (time.process_time() - before) / (time.perf_counter() - start) < 0.25
    assert threading.active_count() == n_threads
