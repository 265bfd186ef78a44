"""Only one run is timed on a machine at a time."""

import itertools
import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

import pytest

from bench import machine
from tests.conftest import SCRIPTS, TINY

HOLD = """
import sys, time
from bench import machine
with machine.reserved(lambda: None):
    print("held", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture
def own_lock(monkeypatch, tmp_path):
    """A lock of this test's own, so that it neither waits for others nor holds them up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.fixture
def holder(own_lock):
    """Another process that holds the machine."""
    processes = []

    def hold(seconds):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(seconds=seconds)], stdout=subprocess.PIPE, text=True
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
    with machine.reserved(lambda: waited.append(process.poll())):
        assert process.wait(timeout=10) == 0
    assert waited == [None]


def test_a_killed_holder_holds_nobody_up(holder):
    holder(1000).kill()
    with machine.reserved(lambda: None):
        pass


def test_sharing_waits_for_nobody(holder):
    process = holder(1000)
    with machine.reserved(pytest.fail, shared=True):
        assert process.poll() is None


def test_two_sweeps_in_two_terminals_never_time_at_once(own_lock, tmp_path):
    sweeps = [
        subprocess.Popen(
            [SCRIPTS / "bench", "-m", *TINY, "seed=0,1,2", f"sweep_name={name}"],
            cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        )
        for name in ("one", "other")
    ]  # fmt: skip
    assert [sweep.communicate(timeout=100)[0] != "" for sweep in sweeps] == [True, True]
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/*/*/record.json")]
    assert len(records) == 6
    ends = sorted(
        (datetime.fromisoformat(r["finished_at"]), r["seconds"]["total"]) for r in records
    )
    for (before, _), (after, seconds) in itertools.pairwise(ends):
        assert after - timedelta(seconds=seconds) >= before - timedelta(milliseconds=20)
