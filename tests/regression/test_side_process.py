"""A side's process, and those that it starts."""

import os
import random
import subprocess
import sys
import time

import pytest

from bench.machine import usage
from bench.regression import side_process
from bench.regression.sides import SideOfPair
from tests.processes import is_running, wait_for

STARTS_ANOTHER = """
import json, os, time
helper = os.fork()
if helper > 0:
    print(json.dumps({"helper": helper}), flush=True)
time.sleep(1000)
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is but one core")
def test_a_side_moves_with_all_that_it_has_started(tmp_path, monkeypatch):
    program = tmp_path / "side.py"
    program.write_text(STARTS_ANOTHER)
    monkeypatch.setattr(side_process, "PROGRAM", program)
    side = SideOfPair(label="", tree=tmp_path, python=sys.executable, commit=None)
    until = time.monotonic() + 60
    randomness = random.Random(0)  # noqa: S311
    conditions = side_process.Conditions(folder=tmp_path, randomness=randomness, until=until)
    cores = sorted(os.sched_getaffinity(0))
    asked = side_process.SideProcess("head", side, cores, conditions)
    try:
        helper = asked.answer()["helper"]
        for place in (cores[:1], cores[1:2], cores):
            asked.move(place)
            assert os.sched_getaffinity(asked.process.pid) == {*place}
            assert os.sched_getaffinity(helper) == {*place}
    finally:
        asked.close()


HANGS = """
import os, pathlib, time
if os.fork() > 0:
    pathlib.Path(__file__).with_name("hangs").touch()
time.sleep(1000)
"""
ASKS = """
import random, sys, time
from pathlib import Path
from bench.regression.sides import SideOfPair
from bench.regression.talk import Conditions, SideProcess
tree, cores = Path(sys.argv[1]), [int(sys.argv[2])]
side = SideOfPair(label="", tree=tree, python=sys.executable, commit=None)
until = time.monotonic() + 1000
conditions = Conditions(folder=tree, randomness=random.Random(0), until=until)
SideProcess("head", side, cores, conditions).answer()
"""


def test_a_side_that_hangs_ends_with_all_that_it_has_started_when_who_asks_is_killed(tmp_path):
    (tmp_path / "numpy.py").write_text(HANGS)  # the first thing that a side imports
    core = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", ASKS, tmp_path, str(core)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        wait_for((tmp_path / "hangs").exists)
        below = list(usage.descendants(process.pid))
        process.kill()
    assert len(below) >= 2  # itself and its helper
    wait_for(lambda: not any(map(is_running, below)))
