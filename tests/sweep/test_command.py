"""The command as its users type it, in processes of its own."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess

import pytest

from tests.conftest import SCRIPTS, TINY
from tests.processes import LONG

NIGHT = ("bench", *TINY, "sweep_name=night")


def records(folder) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/record.json"))]


@pytest.fixture(scope="module")
def night_before(tmp_path_factory, run_in):
    folder = tmp_path_factory.mktemp("night")
    ended = run_in(folder, *NIGHT)
    assert ended.returncode == 0, ended.stderr
    return folder / "results" / "night"


@pytest.fixture
def night(night_before, tmp_path):
    """A finished sweep of one run, and a copy of it for every test."""
    return shutil.copytree(night_before, tmp_path / "results" / "night")


def test_one_run_leaves_one_record_and_says_where(run, tmp_path):
    ended = run("bench", *TINY, "learning_rate=0.05", "sweep_name=one")
    assert ended.returncode == 0, ended.stderr
    (record,) = records(tmp_path / "results" / "one")
    assert record["status"] == "done"
    assert record["config"]["learning_rate"] == 0.05
    assert [epoch["epoch"] for epoch in record["epochs"]] == [0, 1, 2]
    assert "bench-report results/one" in ended.stdout
    assert "[1/1] numpy one_hidden learning rate 0.05" in ended.stdout
    assert ended.stdout.count("    epoch ") == 3
    assert ended.stderr == ""


def test_a_sweep_goes_on_past_divergence(run, tmp_path):
    ended = run("bench", "-m", *TINY, "learning_rate=1e6,0.1", "sweep_name=wild")
    assert ended.returncode == 0, ended.stderr
    assert {
        record["config"]["learning_rate"]: record["status"]
        for record in records(tmp_path / "results/wild")
    } == {
        1e6: "diverged",
        0.1: "done",
    }
    assert "[2/2]" in ended.stdout
    assert "diverged" in ended.stdout


def test_a_sweep_goes_on_past_a_failure_and_exits_with_1(run, tmp_path):
    ended = run(
        "bench",
        "-m",
        *TINY,
        "implementation=notebook,numpy",
        "dataset.training_size=50000",
        "epochs=10",
        "timeout_seconds=5",
        "sweep_name=slow",
    )
    made = {
        record["config"]["implementation"]["name"]: record
        for record in records(tmp_path / "results/slow")
    }
    assert made["notebook"]["status"] == "timeout"
    assert made["numpy"]["status"] == "done"
    assert ended.returncode == 1


def test_what_is_not_installed_or_not_there_is_skipped_with_the_remedy(run, tmp_path):
    ended = run("bench", *TINY, "implementation.requires=[no_such_framework]", "sweep_name=a")
    assert ended.returncode == 0
    (record,) = records(tmp_path / "results" / "a")
    assert record["status"] == "skipped"
    assert "no_such_framework not installed; make setup" in record["error"]["message"]
    ended = run("bench", *TINY, "implementation=notebook", "device=gpu", "sweep_name=b")
    assert ended.returncode == 0
    (record,) = records(tmp_path / "results" / "b")
    assert record["status"] == "skipped"
    assert "notebook has no device=gpu" in record["error"]["message"]


def test_a_mistake_ends_before_anything_is_made(run, tmp_path):
    ended = run("bench", "-m", *TINY, "learning_rate=0.1,-1")
    assert ended.returncode == 2
    assert ended.stderr == "bench: learning_rate=-1: must be a finite number above 0\n"
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flag", ["--experimental-rerun=x.pickle", "--config-path=/", "--config-name=x"]
)
def test_ways_around_the_projects_configuration_are_refused(run, tmp_path, flag):
    ended = run("bench", flag)
    assert ended.returncode == 2
    assert "not offered" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_is_finished_is_kept_and_not_run_again(run, night):
    before = records(night)
    ended = run(*NIGHT)
    assert "finished earlier, kept" in ended.stdout
    assert records(night) == before
    refused = run(*NIGHT, "resume=false")
    assert refused.returncode == 2
    assert "sweep_name=night" in refused.stderr


def test_a_damaged_record_is_set_aside_and_the_run_made_again(run, night):
    (path,) = night.glob("*/record.json")
    path.write_text("{")
    ended = run(*NIGHT)
    assert "set aside" in ended.stdout
    assert json.loads(path.read_text())["status"] == "done"
    assert [entry.read_text() for entry in path.parent.glob("earlier-*.json")] == ["{"]


def test_an_unnamed_sweep_is_one_folder(run, tmp_path):
    run("bench", "-m", *TINY, "seed=0,1,2")
    (folder,) = (tmp_path / "results").iterdir()
    assert len(records(folder)) == 3


def test_the_same_seed_gives_numpy_the_same_curves_to_the_last_bit(run, night, tmp_path):
    run("bench", *TINY, "sweep_name=again")
    first, second = (records(folder)[0] for folder in (night, tmp_path / "results" / "again"))
    for key in ("test_loss", "test_accuracy", "confusion_matrix", "sample_predictions"):
        assert first[key] == second[key]
    for key in ("train_loss", "validation_loss", "validation_accuracy"):
        assert [epoch[key] for epoch in first["epochs"]] == [
            epoch[key] for epoch in second["epochs"]
        ]


def test_no_validation_set_is_no_trouble(run, tmp_path):
    ended = run("bench", *TINY, "validation_fraction=0", "sweep_name=all")
    assert ended.returncode == 0, ended.stderr
    (record,) = records(tmp_path / "results" / "all")
    assert record["status"] == "done"
    assert {epoch["validation_loss"] for epoch in record["epochs"]} == {None}


def test_the_loss_of_the_training_set_after_each_epoch_is_recorded_where_asked_for(
    run, night, tmp_path
):
    run("bench", *TINY, "sweep_name=with", "evaluate_training_set=true")
    (with_it,) = records(tmp_path / "results/with")
    (without,) = records(night)
    assert [epoch["training_set_loss"] for epoch in without["epochs"]] == [None] * 3
    assert with_it["epochs"][0]["training_set_loss"] is None  # there it is the train_loss itself
    for epoch in with_it["epochs"][1:]:
        assert 0 < epoch["training_set_loss"] < epoch["train_loss"]
    assert with_it["test_loss"] == without["test_loss"]


def test_synthetic_data_says_so_in_the_record(night):
    assert records(night)[0]["config"]["dataset"]["name"] == "synthetic"
    assert len(list(night.glob("dataset-synthetic-*.json"))) == 1


def interrupted(words, folder, at):
    """What a command prints that is sent SIGINT at a line which begins so."""
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
    assert process.returncode == 130
    return printed


def test_an_interrupted_sweep_prints_what_is_finished_and_can_be_resumed(tmp_path):
    words = [
        SCRIPTS / "bench",
        "-m",
        "dataset=synthetic",
        "seed=0,1",
        "dataset.training_size=20000",
        "epochs=5",
        "sweep_name=night",
    ]
    out, err = interrupted(words, tmp_path, at="[2/2]")
    assert "Results: results/night" in out
    assert out.endswith(f"To go on from here: {' '.join(['bench', *words[1:]])}\n")
    assert "Traceback" not in err
    assert len(records(tmp_path / "results" / "night")) == 1
    resumed = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert resumed.stdout.count("finished earlier, kept") == 1
    assert len(records(tmp_path / "results" / "night")) == 2


def test_an_interrupted_sweep_without_a_name_says_what_it_is_called(tmp_path):
    out, _ = interrupted([SCRIPTS / "bench", *LONG], tmp_path, at="    epoch 1")
    (folder,) = (tmp_path / "results").iterdir()
    command = shlex.join(["bench", *LONG, f"sweep_name={folder.name}"])
    assert out.endswith(f"To go on from here: {command}\n")


def test_a_skipped_run_is_looked_at_again_and_leaves_one_earlier_record(run, tmp_path):
    words = ("bench", *TINY, "implementation.requires=[no_such_framework]", "sweep_name=night")
    for _ in range(3):
        assert run(*words).returncode == 0
    (folder,) = (path.parent for path in tmp_path.glob("results/night/*/record.json"))
    assert len(list(folder.glob("earlier-*"))) == 1


def test_a_record_of_a_later_version_is_left_alone_and_named(run, night, tmp_path):
    (path,) = night.glob("*/record.json")
    path.write_text('{"schema_version": 99, "status": "splendid"}')
    ended = run(*NIGHT)
    assert ended.returncode == 0, ended.stderr
    assert "left as it is" in ended.stdout
    assert f"{path.relative_to(tmp_path)}: schema_version 99" in ended.stdout
    assert path.read_text() == '{"schema_version": 99, "status": "splendid"}'
    assert not list(path.parent.glob("earlier-*"))


def test_a_damaged_plan_is_set_aside_and_made_again(run, night):
    path = night / "sweep.json"
    path.write_text('{"run_ids"')
    ended = run(*NIGHT)
    assert ended.returncode == 0, ended.stderr
    assert "sweep.json: damaged" in ended.stdout
    assert "finished earlier, kept" in ended.stdout
    assert len(json.loads(path.read_text())["run_ids"]) == 1
    assert [one.read_text() for one in path.parent.glob("earlier-sweep-*.json")] == ['{"run_ids"']


def test_the_environment_is_that_of_before_the_run_and_names_all_that_was_imported(run, tmp_path):
    run("bench", *TINY, "sweep_name=told", "threads=1")
    (record,) = records(tmp_path / "results" / "told")
    told = record["environment"]
    assert len(told["load_average"]) == 3
    assert len(told["cores"]) == 1
    assert set(told["imported"]) >= {"numpy", "msgspec"}
    assert told["linear_algebra"][0]["num_threads"] >= 1
    assert record["flops_utilisation"] > 0


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["-sc", "install=bash"]])
def test_questions_are_answered_without_making_anything(run, tmp_path, words):
    ended = run("bench", *words)
    assert ended.returncode == 0
    assert ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_completion_offers_choices_and_keys(run):
    environment = {"PATH": "/usr/bin:/bin", "COMP_LINE": "bench implementation=k"}
    ended = run("bench", "-sc", "query=bash", env=environment)
    assert "implementation=keras" in ended.stdout


def test_a_results_folder_that_is_a_file_is_named(run, tmp_path):
    (tmp_path / "results").write_text("")
    ended = run("bench", *TINY, "sweep_name=x")
    assert ended.returncode == 2
    assert "results" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", [("-m", *TINY), (*TINY, "-m"), (*TINY[:1], "-m", *TINY[1:])])
def test_flags_may_stand_anywhere(run, words):
    ended = run("bench", *words, "seed=0,1")
    assert ended.returncode == 0, ended.stderr
    assert "[2/2]" in ended.stdout


@pytest.mark.parametrize("flags", [["--help"], ["--cfg", "job"]])
def test_a_mistake_in_a_question_is_explained_in_one_line_too(run, flags):
    ended = run("bench", *flags, "learing_rate=3")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "did you mean learning_rate?" in ended.stderr
