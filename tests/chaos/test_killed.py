"""A sweep whose processes are killed loses no finished run and makes none twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from tests.chaos.conftest import MAX_DELAY_SECONDS, N_RUNS, begin, finish, learnt, stored
from tests.processes import runs


def test_a_killed_sweep_continues_where_it_was(tmp_path, randomness, tries, undisturbed):
    kept = {}
    left = tries("sweeps killed", 2, 100)
    number = 0
    while left:
        folder = tmp_path / str(number)
        folder.mkdir(exist_ok=True)
        process = begin(folder)
        time.sleep(randomness.uniform(0, MAX_DELAY_SECONDS))
        process.kill()
        ended_by_itself = process.wait() == 0
        process.stderr.close()
        found = stored(folder)
        assert kept.items() <= found.items()
        kept = found
        if ended_by_itself:
            assert learnt(folder) == undisturbed
            number, kept = number + 1, {}  # too late; take another sweep
        else:
            left -= 1
    status, errors = finish(folder)
    assert status == 0, errors
    assert kept.items() <= stored(folder).items()
    assert learnt(folder) == undisturbed
    assert not list(folder.rglob("earlier-*"))
    assert not list(folder.rglob(".record*"))


def test_a_killed_run_costs_that_run_alone(tmp_path, randomness, tries, undisturbed):
    left = tries("runs killed", 2, 100)
    number = 0
    while left > 0:
        folder = tmp_path / str(number)
        folder.mkdir()
        process = begin(folder)
        while process.poll() is None:
            time.sleep(randomness.uniform(0, 1.5))
            for child in runs(process.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(child, signal.SIGKILL)
                    left -= 1
        assert "Traceback" not in process.communicate()[1]
        assert len(stored(folder)) == N_RUNS  # however a run ends, it has a record
        assert process.returncode in (0, 1)
        status, errors = finish(folder)
        assert status == 0, errors
        assert learnt(folder) == undisturbed
        number += 1
