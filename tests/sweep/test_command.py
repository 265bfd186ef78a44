"""The command as its users type it; in a new process where that makes a difference."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess

import pytest

from bench.machine import lock
from bench.sweep.exit_status import ExitStatus
from tests.conftest import SCRIPTS, TINY
from tests.processes import LONG


def records(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/record.json"))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, run_in):
    """A finished sweep of two runs, made by the installed command, and what that printed."""
    folder = tmp_path_factory.mktemp("finished")
    completed = run_in(folder, "bench", *TINY, "-m", "learning_rate=0.05,1e6", "sweep_name=night")
    return folder / "results" / "night", completed


@pytest.fixture
def night(finished, tmp_path):
    """A copy of the finished sweep."""
    return shutil.copytree(finished[0], tmp_path / "results" / "night")


def test_a_sweep_leaves_a_record_per_run_and_prints_where(finished):
    folder, completed = finished
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    found = {record["config"]["learning_rate"]: record for record in records(folder)}
    assert {rate: record["status"] for rate, record in found.items()} == {
        0.05: "done",
        1e6: "diverged",
    }
    assert [epoch["epoch"] for epoch in found[0.05]["epochs"]] == [0, 1, 2]
    assert "[1/2] numpy one_hidden learning rate 0.05, seed 0\n" in completed.stdout
    assert "[2/2] numpy one_hidden learning rate 1e+06, seed 0  (about " in completed.stdout
    assert completed.stdout.count("    epoch ") >= 3
    assert found[0.05]["test_accuracy"] > 0.9  # synthetic data can be learnt
    assert "diverged" in completed.stdout
    assert "bench-report results/night" in completed.stdout


def test_synthetic_data_is_named_in_the_record_and_summarised_once(finished):
    folder, completed = finished
    assert {record["config"]["dataset"]["name"] for record in records(folder)} == {"synthetic"}
    assert len(list(folder.glob("dataset-synthetic-*.json"))) == 1
    assert "Runs (synthetic data)" in completed.stdout


def test_the_environment_in_the_record_names_all_that_was_imported(finished):
    record = records(finished[0])[0]
    environment = record["environment"]
    assert len(environment["load_average"]) == 3
    assert environment["cores"]
    assert set(environment["imported"]) >= {"numpy", "msgspec"}
    assert environment["linear_algebra"][0]["num_threads"] >= 1
    assert record["flops_utilisation"] > 0


def test_finished_runs_are_kept_and_resume_false_refuses_them(main, night):
    before = [path.read_bytes() for path in sorted(night.glob("*/record.json"))]
    words = (*TINY, "-m", "learning_rate=0.05,1e6", "sweep_name=night")
    status, out, _ = main(*words)
    assert status == 0
    assert out.count("finished earlier, kept") == 2
    assert [path.read_bytes() for path in sorted(night.glob("*/record.json"))] == before
    status, _, err = main(*words, "resume=false")
    assert status == 2
    assert "sweep_name=night" in err


def test_the_same_seed_gives_numpy_the_same_curves_to_the_last_bit(main, finished, tmp_path):
    """The curves are the same in another sweep, with other runs, measurements and flags."""
    words = ("-m", *TINY, "learning_rate=0.05", "evaluate_training_set=false,true")
    assert main(*words, "sweep_name=again")[0] == 0
    first = next(r for r in records(finished[0]) if r["config"]["learning_rate"] == 0.05)
    again = {r["config"]["evaluate_training_set"]: r for r in records(tmp_path / "results/again")}
    for second in again.values():
        for key in ("test_loss", "test_accuracy", "confusion_matrix", "test_mistakes"):
            assert first[key] == second[key]
        for key in ("train_loss", "validation_loss", "validation_accuracy"):
            assert [e[key] for e in first["epochs"]] == [e[key] for e in second["epochs"]]
    assert [epoch["training_set_loss"] for epoch in again[False]["epochs"]] == [None] * 3
    assert again[True]["epochs"][0]["training_set_loss"] is None  # it is the train_loss
    for epoch in again[True]["epochs"][1:]:
        assert 0 < epoch["training_set_loss"] < epoch["train_loss"]


def test_a_sweep_continues_after_a_failure_and_exits_with_1(main, tmp_path):
    status, _, err = main(
        "-m", *TINY, "epochs=100000", "timeout_seconds=2", "seed=0,1", "sweep_name=slow"
    )
    assert status == ExitStatus.RUN_FAILED, err
    assert [record["status"] for record in records(tmp_path / "results/slow")] == ["timeout"] * 2


def test_a_sweep_of_skipped_runs_exits_with_3(main, tmp_path):
    status, out, _ = main(*TINY, "implementation.requires=[no_such_framework]", "sweep_name=a")
    assert status == ExitStatus.NOTHING_TRAINED
    assert "Nothing was trained: every run was skipped" in out
    (record,) = records(tmp_path / "results" / "a")
    assert record["status"] == "skipped"


def test_a_sweep_without_a_validation_set_succeeds(main, tmp_path):
    status, _, err = main(*TINY, "validation_fraction=0", "sweep_name=all")
    assert status == 0, err
    (record,) = records(tmp_path / "results" / "all")
    assert record["status"] == "done"
    assert {epoch["validation_loss"] for epoch in record["epochs"]} == {None}


def test_a_mistake_is_found_before_anything_is_written(main, tmp_path):
    assert main("-m", *TINY, "learning_rate=0.1,-1") == (
        2,
        "",
        "bench: learning_rate=-1: must be a finite number above 0\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flag",
    ["--experimental-rerun=x", "--config-path=/", "--config-name=x", "--info", "--cfg=hydra"],
)
def test_flags_of_hydra_that_read_other_files_or_have_no_effect_are_refused(main, flag):
    status, _, err = main(flag)
    assert status == 2
    assert flag.partition("=")[0] in err


def test_a_second_folder_of_choices_is_refused(main, tmp_path):
    status, _, err = main("--config-dir", str(tmp_path), "--config-dir", str(tmp_path))
    assert status == 2
    assert "--config-dir: given more than once" in err


def test_a_results_folder_that_is_a_file_is_named(main, tmp_path):
    (tmp_path / "results").write_text("")
    for words in ((), ("sweep_name=x",)):
        status, _, err = main(*TINY, *words)
        assert status == 2
        assert "results" in err
        assert err.count("\n") == 1


def test_a_lock_of_the_machine_that_is_a_link_is_named(main, tmp_path, monkeypatch):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "lock")
    status, _, err = main(*TINY, "sweep_name=x")
    assert status == 2
    assert str(tmp_path / "lock") in err
    assert err.count("\n") == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_sweep_continues_after_its_folder_is_deleted(main, tmp_path, monkeypatch):
    from bench.sweep import progress

    def delete(job, remark, print_heading=progress.print_heading):
        print_heading(job, remark)
        if job.number == 1:
            shutil.rmtree(job.sweep_folder)

    monkeypatch.setattr(progress, "print_heading", delete)
    status, _, err = main("-m", *TINY, "seed=0,1", "sweep_name=night")
    assert err == ""
    assert status == ExitStatus.RUN_FAILED
    found = {record["config"]["seed"]: record for record in records(tmp_path / "results/night")}
    assert {seed: record["status"] for seed, record in found.items()} == {0: "failed", 1: "done"}


def interrupted(words, folder, at):
    """What a command prints that gets SIGINT at the first line that begins with `at`."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, SIGINT is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stdout:
        if line.startswith(at):
            break
    process.send_signal(signal.SIGINT)
    printed = process.communicate()
    assert process.returncode == ExitStatus.INTERRUPTED
    return printed


def test_an_interrupted_sweep_prints_what_is_finished_and_can_be_resumed(main, tmp_path):
    words = ["-m", *TINY, "dataset.training_size=5000", "epochs=3,100000", "sweep_name=night"]
    out, err = interrupted([SCRIPTS / "bench", *words], tmp_path, at="[2/2]")
    assert "Results: results/night" in out
    assert out.endswith(f"To continue: {shlex.join(['bench', *words])}\n")
    assert err == ""
    assert len(records(tmp_path / "results" / "night")) == 1
    words[words.index("epochs=3,100000")] = "epochs=3,4"
    status, out, _ = main(*words)
    assert status == 0
    assert out.count("finished earlier, kept") == 1
    assert len(records(tmp_path / "results" / "night")) == 2


def test_an_interrupted_sweep_without_a_name_prints_its_name(tmp_path):
    out, _ = interrupted([SCRIPTS / "bench", *LONG], tmp_path, at="    epoch 1")
    (folder,) = (tmp_path / "results").iterdir()
    command = shlex.join(["bench", *LONG, f"sweep_name={folder.name}"])
    assert out.endswith(f"To continue: {command}\n")


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["-sc", "install=bash"]])
def test_help_and_other_queries_write_nothing(run, tmp_path, words):
    completed = run("bench", *words)
    assert completed.returncode == 0
    assert completed.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["", "--config-dir my ", "--config-dir m "])
def test_completion_offers_choices_also_those_of_a_folder(run, tmp_path, folder):
    (tmp_path / "my" / "recipe").mkdir(parents=True)
    (tmp_path / "my" / "recipe" / "mine.yaml").write_text("name: mine\n")
    environment = {"PATH": "/usr/bin:/bin", "COMP_LINE": f"bench {folder}recipe="}
    completed = run("bench", "-sc", "query=bash", env=environment)
    offered = completed.stdout.split()
    assert "recipe=relu_softmax_sgd" in offered
    assert ("recipe=mine" in offered) == ("my" in folder)
    assert completed.stderr == ""


@pytest.mark.parametrize("words", [("-m", *TINY), (*TINY, "-m"), (*TINY[:1], "-m", *TINY[1:])])
def test_flags_may_stand_anywhere(main, executed, words):
    status, out, _ = main(*words, "seed=0,1")
    assert status == 0
    assert "[2/2]" in out


def test_a_mistake_in_a_question_is_explained_in_one_line_too(main):
    status, _, err = main("--cfg", "job", "learing_rate=3")
    assert status == 2
    assert err.count("\n") == 1
    assert "did you mean learning_rate?" in err


def test_the_exit_statuses_are_in_the_help(run):
    text = " ".join(run("bench", "--help").stdout.split())
    for status in ExitStatus:
        assert f" {status:d}: " in text
