"""Several sweeps, or several processes of one, at the same time in one folder."""

from __future__ import annotations

import json

from tests.chaos.conftest import N_RUNS, WORDS, begin, learnt, stored


def wait_for_success(processes):
    for process in processes:
        errors = process.communicate(timeout=300)[1]
        assert process.returncode == 0, errors
        assert "Traceback" not in errors


def test_processes_share_one_sweep(tmp_path, tries, undisturbed):
    n = tries("processes on one sweep", 2, 4)
    wait_for_success([begin(tmp_path) for _ in range(n)])
    assert learnt(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("earlier-*"))
    planned = json.loads((tmp_path / "results" / "night" / "sweep.json").read_text())["run_ids"]
    assert sorted(planned) == sorted(stored(tmp_path))


def test_a_failing_run_fails_once_however_many_processes_would_make_it(tmp_path, plant, tries):
    n = tries("processes on one failing sweep", 2, 4)
    # All processes have started before the first run has failed.
    plant("import time\ntime.sleep(2)\nraise RuntimeError('planted')")
    words = ("implementation=sklearn", "dataset=synthetic", "seed=0,1", "sweep_name=night")
    processes = [begin(tmp_path, words=("-m", *words)) for _ in range(n)]
    for process in processes:
        assert "Traceback" not in process.communicate(timeout=300)[1]
        assert process.returncode == 1
    assert len(stored(tmp_path)) == 2
    assert not list(tmp_path.rglob("earlier-*"))


def test_sweeps_share_one_folder(tmp_path, tries):
    n = tries("sweeps at once", 2, 8)
    words = [word for word in WORDS if not word.startswith(("sweep_name", "seed"))]
    wait_for_success(
        [begin(tmp_path, f"sweep_name=night{number}", words=words) for number in range(n)]
    )
    for number in range(n):
        found = list(tmp_path.glob(f"results/night{number}/*/record.json"))
        assert len(found) == N_RUNS // 2


def test_processes_that_share_the_machine_make_each_run_once(tmp_path, tries, undisturbed):
    n = tries("processes at the same time", 2, 4)
    wait_for_success([begin(tmp_path, "share_machine=true") for _ in range(n)])
    assert learnt(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("earlier-*"))
