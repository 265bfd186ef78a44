"""The process of a side, its environment, and the processes that it starts."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest

from bench.machine import usage
from bench.regression.sides import process as side_process
from bench.regression.sides.checkout import Side
from bench.regression.sides.process import CaseError, OutOfTimeError
from tests.processes import is_running, wait_for

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that starts a program in place of a side's."""
    processes = []

    def start_program(text, seconds=60, instructions="auto"):
        program = tmp_path / "program.py"
        program.write_text(text)
        monkeypatch.setattr(side_process, "PROGRAM", program)
        side = Side(label="", tree=tmp_path, python=sys.executable, commit=None)
        shared = side_process.Conditions(
            folder=tmp_path,
            randomness=random.Random(0),  # noqa: S311
            until=time.monotonic() + seconds,
        )
        processes.append(side_process.SideProcess("head", side, CORES, shared, instructions))
        return processes[-1]

    yield start_program
    for process in processes:
        process.close()


STARTS_ANOTHER = """
import json, os, time
child = os.fork()
if child > 0:
    print(json.dumps({"child": child, "own": os.getpid()}), flush=True)
time.sleep(1000)
"""


def test_a_side_moves_and_ends_together_with_its_descendants(start):
    process = start(STARTS_ANOTHER)
    numbers = process.receive().values()
    for cores in (CORES[:1], CORES[-1:], CORES):
        process.move(cores)
        for number in numbers:
            assert os.sched_getaffinity(number) == {*cores}
    process.close()
    wait_for(lambda: not any(map(is_running, numbers)))


def test_what_a_side_printed_before_it_ended_is_shown(start):
    process = start("import sys\nprint('first', file=sys.stderr)\nsys.exit('no NumPy here')")
    with pytest.raises(CaseError, match=r"HEAD: .* exit status 1: first \| no NumPy here"):
        process.request(open="case")


def test_a_signal_that_killed_a_side_is_named(start):
    process = start("import os\nos.kill(os.getpid(), 9)")
    with pytest.raises(CaseError, match="was killed by signal 9: it printed nothing"):
        process.receive()


def test_waiting_for_an_answer_has_a_time_limit(start, monkeypatch):
    hangs = "import time\ntime.sleep(1000)"
    with pytest.raises(OutOfTimeError):
        start(hangs, seconds=0.1).receive()
    monkeypatch.setattr(side_process, "MAX_ANSWER_SECONDS", 0.1)
    with pytest.raises(CaseError, match=r"no answer within 0\.1 s"):
        start(hangs).receive()


PRINTS_ENVIRONMENT = """
import json, os
print(json.dumps({"variables": dict(os.environ), "folder": os.getcwd()}), flush=True)
"""


def test_a_side_has_the_environment_of_a_run(start, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    answer = start(PRINTS_ENVIRONMENT).receive()
    variables = answer["variables"]
    assert "KERAS_BACKEND" not in variables
    assert "XLA_FLAGS" not in variables
    assert variables["OMP_NUM_THREADS"] == str(len(CORES))
    limited = start(PRINTS_ENVIRONMENT, instructions="avx2").receive()["variables"]
    assert limited["OPENBLAS_CORETYPE"] == "Haswell"
    assert variables["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path)
    assert answer["folder"] == "/"


HANGS = """
import os, pathlib, time
if os.fork() > 0:
    pathlib.Path(__file__).with_name("hangs").touch()
time.sleep(1000)
"""
STARTS_A_SIDE = """
import sys, time
from pathlib import Path
from bench.regression.sides.process import Conditions, SideProcess
from bench.regression.sides.checkout import Side
tree, core = Path(sys.argv[1]), int(sys.argv[2])
side = Side(label="", tree=tree, python=sys.executable, commit=None)
until = time.monotonic() + 1000
conditions = Conditions(folder=tree, until=until)
SideProcess("head", side, [core], conditions).receive()
"""


def test_a_hanging_side_and_its_descendants_end_when_the_parent_is_killed(tmp_path):
    (tmp_path / "numpy.py").write_text(HANGS)  # the first library that a side imports
    with subprocess.Popen([sys.executable, "-c", STARTS_A_SIDE, tmp_path, str(CORES[0])]) as parent:
        wait_for((tmp_path / "hangs").exists)
        below = list(usage.descendants(parent.pid))
        parent.kill()
    assert len(below) >= 2  # itself and its child
    wait_for(lambda: not any(map(is_running, below)))
