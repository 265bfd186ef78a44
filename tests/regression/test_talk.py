"""A side's process, and those that it starts."""

import os
import random
import sys
import time

import pytest

from bench.regression import talk
from bench.regression.sides import SideOfPair

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
    monkeypatch.setattr(talk, "PROGRAM", program)
    side = SideOfPair(label="", tree=tmp_path, python=sys.executable, commit=None)
    until = time.monotonic() + 60
    randomness = random.Random(0)  # noqa: S311
    conditions = talk.Conditions(folder=tmp_path, randomness=randomness, until=until)
    cores = sorted(os.sched_getaffinity(0))
    asked = talk.Talk("head", side, cores, conditions)
    try:
        helper = asked.answer()["helper"]
        for place in (cores[:1], cores[1:2], cores):
            asked.move(place)
            assert os.sched_getaffinity(asked.process.pid) == {*place}
            assert os.sched_getaffinity(helper) == {*place}
    finally:
        asked.close()
