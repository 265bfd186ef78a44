"""`bench-parity` as a user runs it; on all that is installed, too."""

import queue
import re
import sys
from dataclasses import replace
from pathlib import Path

import filelock
import pytest
from msgspec import structs

from bench import registry
from bench.config.compose import choices, compose_runs
from bench.machine import lock
from bench.parity import command, schedule
from bench.results import checksummed, store
from bench.results.plan import add_to_plan
from tests.report.conftest import make_record


def claimed() -> list[tuple[str, str]]:
    """Return every installed implementation with every recipe that it claims."""
    recipes = compose_runs(
        [f"recipe={','.join(choices('recipe'))}"], default_name="test", multirun=True
    )
    pairs = []
    for name in choices("implementation"):
        (config,) = compose_runs([f"implementation={name}"], default_name="test")
        implementation = config.implementation
        if not registry.missing(implementation.requires):
            pairs += [
                (name, run.recipe.name)
                for run in recipes
                if not implementation.claims.unsupported(run.recipe)
            ]
    return pairs


def test_every_installed_implementation_passes_with_every_recipe_that_it_claims(run):
    completed = run("bench-parity")
    pairs = claimed()
    for name, recipe in pairs:
        lines = re.findall(rf"^ {name} +{recipe} .*$", completed.stdout, re.MULTILINE)
        assert len(lines) == 1, completed.stdout + completed.stderr
        assert len(re.findall(r"\de-\d", lines[0])) == 4
        assert "!" not in lines[0]
    assert f"{len(pairs)} of {len(pairs)} passed" in completed.stdout
    assert (completed.returncode, completed.stderr) == (0, "")


def test_an_empty_check_does_not_pass(call):
    status, out, err = call(command.main, "--implementation", "notebook", "--device", "gpu")
    assert "notebook: skipped, no device=gpu" in out
    assert "passed" not in out
    assert "not checked: everything" in err
    assert status == 2


def test_a_missing_gpu_is_reported_once_for_each_implementation(run):
    completed = run("bench-parity", "--implementation", "numpy,notebook", "--device", "gpu")
    n_passed = 0
    for name in ("numpy", "notebook"):
        lines = [line for line in completed.stdout.splitlines() if line.startswith(f"{name}: ")]
        assert len(lines) == 1
        assert "skipped, " in lines[0] or "recipes passed" in lines[0]
        n_passed += "recipes passed" in lines[0]
    assert completed.returncode == (0 if n_passed == 2 else 2)


def arguments(*words):
    return command._parser().parse_args(words)


@pytest.mark.parametrize(
    "words",
    [
        ["--recipe", "relu_softmax_sgd,relu_softmax_sgd", "--implementation", "numpy"],
        ["--recipe", "relu_softmax_sgd", "--implementation", "numpy,numpy, numpy"],
    ],
)
def test_a_repeated_name_counts_once(words):
    (config,) = command._configs(arguments(*words))
    assert (config.implementation.name, config.recipe.name) == ("numpy", "relu_softmax_sgd")


CHECKED = {("numpy", "relu_softmax_sgd"): None}


@pytest.mark.parametrize(
    ("words", "checked", "unchecked"),
    [
        ([], {}, "everything"),
        ([], CHECKED, ""),
        (["--implementation", "numpy,torch"], CHECKED, "torch"),
        (["--recipe", "relu_softmax_sgd,tanh_softmax_sgd"], CHECKED, "tanh_softmax_sgd"),
    ],
)
def test_what_was_named_and_not_checked_is_reported(words, checked, unchecked):
    assert command._unchecked(arguments(*words), checked) == unchecked


def test_two_recipes_with_the_same_equations_have_a_verdict_each(monkeypatch):
    def run_checks(configs, pending, on_verdict, *_):
        for verdict in pending:
            on_verdict(verdict)

    monkeypatch.setattr(schedule.verdicts, "run_checks", run_checks)
    (config,) = compose_runs(["threads=1"], default_name="test")
    twin = structs.replace(config, recipe=replace(config.recipe, name="twin"))
    slots = queue.SimpleQueue()
    slots.put((0,))
    _, found = schedule._check([config, twin], slots)
    assert set(found) == {"relu_softmax_sgd", "twin"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--recipe", "relu_sofmax_sgd"], "did you mean relu_softmax_sgd?"),
        (["--threads", "0"], "threads=0: must be"),
        (["nowhere"], "nowhere: no such folder"),
        ([""], "folder='': must not be empty"),
        (["--recipe", ""], "recipe='': must not be empty"),
        (["--implementation", "numpy,,torch"], "must be names with commas between"),
        (["--threads", "1,2"], "--threads=1,2: must be auto or a number of cores"),
        (["--baseline", "numpy"], "--baseline=numpy: needs the folder of a sweep"),
        (["results", "--recipe", "relu_softmax_sgd"], "has no effect on the runs of a sweep"),
        (["results", "--config-dir", "my"], "--config-dir=my: has no effect on the runs"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
    ],
)
def test_a_mistake_is_one_line(words, reason, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench-parity", *words])
    assert command.main() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert reason in error


def test_a_timed_run_is_waited_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lock, "LOCK_PATH", tmp_path / "lock")
    timed_run = filelock.FileLock(tmp_path / "lock", thread_local=False)
    timed_run.acquire()

    def print_and_release(text):
        print(text)
        timed_run.release()

    monkeypatch.setattr(lock, "print", print_and_release, raising=False)
    (config,) = compose_runs(["threads=1"], default_name="test")
    ((name, found),) = schedule.run_jobs({"numpy": [config]})
    assert name == "numpy"
    assert lock.WAITING in capsys.readouterr().out
    assert found["relu_softmax_sgd"].passed


def test_cores_are_released_after_an_error(monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(schedule.verdicts, "run_checks", fail)
    slots = queue.SimpleQueue()
    slots.put((0,))
    (config,) = compose_runs(["threads=1"], default_name="test")
    with pytest.raises(OSError, match="no space left"):
        schedule._check([config], slots)
    assert slots.get_nowait() == (0,)


def write(folder: Path, implementation: str, accuracies: list[float | None]) -> None:
    """Write a record per seed, with these test accuracies; None is a diverged run."""
    for seed, accuracy in enumerate(accuracies):
        status = "done" if accuracy else "diverged"
        record = make_record(implementation, seed=seed, test_accuracy=accuracy, status=status)
        store.write_record(folder, record)


@pytest.fixture
def whole(tmp_path):
    """A sweep of five runs of `one`, and of others with close and with different accuracies."""
    folder = tmp_path / "results" / "whole"
    write(folder, "one", [0.850, 0.860, 0.870, 0.860, 0.860])
    write(folder, "other", [0.852, 0.864, 0.872, 0.862, 0.862])
    write(folder, "worse", [0.846, 0.850, 0.869, 0.856, 0.860])
    return folder


def test_whole_runs_are_compared_in_pairs_of_the_same_seed(call, whole):
    status, out, _ = call(command.main, whole)
    assert re.search(r"other .* 5 +0 +\+0\.24  ", out)
    assert re.search(r"worse .* 5 +0 +-0\.38!", out)
    assert "1 of 2 passed" in out
    assert status == 1
    assert call(command.main, whole, "--baseline", "nobody")[0] == 2


def test_an_implementation_with_lost_runs_fails_in_the_table(call, whole):
    write(whole, "lost", [None] * 5)
    write(whole, "torn", [0.850, 0.860, 0.870, 0.860, None, 0.860])
    status, out, _ = call(command.main, whole, "--baseline", "one")
    assert re.search(r"lost .* 0! +5! +-!", out)
    assert re.search(r"torn .* 4! +2! +\+0\.00 ", out)
    assert "1 of 4 passed" in out
    assert status == 1


def test_a_record_that_is_left_out_is_named(whole, capsys):
    record = store.read_sweep(whole).records[0]
    (whole / "other-folder").mkdir()
    changed = replace(record, status="failed")
    (whole / "other-folder" / store.RECORD_NAME).write_bytes(checksummed.encode(changed))
    command._compare_whole_runs(whole, "one")
    assert f"another record with the run_id {record.run_id}" in capsys.readouterr().out


def test_a_planned_run_without_a_record_does_not_pass(call, whole):
    (whole / "worse-one_hidden-lr0.1-seed0-fashion_" / "record.json").unlink()
    records = [record.run_id for record in store.read_sweep(whole).records]
    add_to_plan(whole, [*records, "third-one_hidden-lr0.1-seed0-fashion_"])
    status, out, _ = call(command.main, whole, "--baseline", "other")
    assert "1 planned runs have no record that can be read" in out
    assert status == 1
