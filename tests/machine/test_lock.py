"""Only one run is timed on a machine at a time."""

import os
import subprocess
import sys

import pytest

from bench.machine import lock
from tests.conftest import SCRIPTS, TINY
from tests.processes import never_at_once, times_of_runs

HOLD = """
import sys, time
from pathlib import Path
from bench.machine import lock
lock.LOCK_PATH = Path(sys.argv[1])
with lock.reserved(lambda: None):
    print("held", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture
def own_lock(monkeypatch, tmp_path):
    """A lock of this test's own, so that it neither waits for others nor holds them up."""
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "lock")
    return str(tmp_path / "lock")


@pytest.fixture
def holder(own_lock):
    """Another process that holds the machine."""
    processes = []

    def hold(seconds):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(seconds=seconds), own_lock],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


def test_a_run_waits_for_another_processs_run_and_says_so(holder, tmp_path):
    waited = []
    process = holder(1.5)
    with lock.reserved(lambda: waited.append(process.poll())):
        assert process.wait(timeout=10) == 0
    assert waited == [None]


def test_a_killed_holder_holds_nobody_up(holder):
    holder(1000).kill()
    with lock.reserved(lambda: None):
        pass


def test_sharing_waits_for_nobody(holder):
    process = holder(1000)
    with lock.reserved(pytest.fail, shared=True):
        assert process.poll() is None


def test_two_sweeps_in_two_terminals_never_time_at_once(tmp_path):
    sweeps = [
        subprocess.Popen(
            [SCRIPTS / "bench", "-m", *TINY, "seed=0,1,2", f"sweep_name={name}"],
            cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(tmp_path / name)},
        )
        for name in ("one", "other")
        if not (tmp_path / name).mkdir()
    ]  # fmt: skip
    assert [sweep.communicate(timeout=100)[0] != "" for sweep in sweeps] == [True, True]
    assert len(times_of_runs(tmp_path)) == 6
    never_at_once(times_of_runs(tmp_path))
