"""Several sweeps, or several processes of one, at the same time in one folder."""

from __future__ import annotations

import json

from tests.chaos.conftest import N_RUNS, WORDS, begin, learnt, stored


def end_all(processes):
    for process in processes:
        said = process.communicate(timeout=300)[1]
        assert process.returncode == 0, said
        assert "Traceback" not in said


def test_processes_share_one_sweep(tmp_path, tries, undisturbed):
    n = tries("processes on one sweep", 3, 4)
    end_all([begin(tmp_path) for _ in range(n)])
    assert learnt(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("earlier-*"))
    planned = json.loads((tmp_path / "results" / "night" / "sweep.json").read_text())["run_ids"]
    assert sorted(planned) == sorted(stored(tmp_path))


def test_a_run_that_fails_fails_once_however_many_are_at_it(tmp_path, plant, tries):
    n = tries("processes on one failing sweep", 3, 4)
    # Slow to fail, so that all have begun before the first one has.
    plant("import time\ntime.sleep(2)\nraise RuntimeError('planted')")
    words = ("implementation=sklearn", "dataset=synthetic", "seed=0,1", "sweep_name=night")
    processes = [begin(tmp_path, words=("-m", *words)) for _ in range(n)]
    for process in processes:
        assert "Traceback" not in process.communicate(timeout=300)[1]
        assert process.returncode == 1
    assert len(stored(tmp_path)) == 2
    assert not list(tmp_path.rglob("earlier-*"))


def test_sweeps_share_one_folder(tmp_path, tries):
    n = tries("sweeps at once", 3, 8)
    words = [word for word in WORDS if not word.startswith(("sweep_name", "seed"))]
    end_all([begin(tmp_path, f"sweep_name=night{one}", words=words) for one in range(n)])
    for one in range(n):
        found = list(tmp_path.glob(f"results/night{one}/*/record.json"))
        assert len(found) == N_RUNS // 2


def test_processes_that_share_the_machine_make_each_run_once(tmp_path, tries, undisturbed):
    n = tries("processes at the same time", 2, 4)
    end_all([begin(tmp_path, "share_machine=true") for _ in range(n)])
    assert learnt(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("earlier-*"))
