"""`bench-parity` as a user runs it; once on all that is installed."""

import re
from pathlib import Path

import pytest

from bench import registry, store
from bench.overrides import choices, compose_runs
from bench.parity import whole_runs
from tests.report.conftest import make_record


def claimed() -> list[tuple[str, str]]:
    """Every installed implementation with every recipe that it claims."""
    pairs = []
    recipes = compose_runs(
        [f"recipe={','.join(choices('recipe'))}"], default_name="test", multirun=True
    )
    for name in choices("implementation"):
        (config,) = compose_runs([f"implementation={name}"], default_name="test")
        implementation = config.implementation
        if not registry.missing(implementation.requires):
            pairs += [
                (name, run.recipe.name)
                for run in recipes
                if not implementation.claims.lack(run.recipe)
            ]
    return pairs


@pytest.fixture(scope="module")
def everything(run_in, tmp_path_factory):
    """The output of judging all that is installed, on all cores."""
    return run_in(tmp_path_factory.mktemp("parity"), "bench-parity")


@pytest.mark.parametrize(("name", "recipe"), claimed())
def test_an_implementation_climbs_the_ladder(everything, name, recipe):
    lines = re.findall(rf"^ {name} +{recipe} .*$", everything.stdout, re.MULTILINE)
    assert len(lines) == 1, everything.stdout + everything.stderr
    assert len(re.findall(r"\de-\d", lines[0])) == 4
    assert "!" not in lines[0]


def test_all_of_them_are_judged_and_pass(everything):
    assert everything.returncode == 0
    assert f"{len(claimed())} of {len(claimed())} passed" in everything.stdout
    assert everything.stderr == ""


def test_what_is_left_out_is_named_with_its_reason(run):
    ended = run("bench-parity", "--implementation", "numpy", "--device", "gpu")
    assert "numpy: skipped, no device=gpu" in ended.stdout
    assert "0 of 0 passed" in ended.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--recipe", "relu_sofmax_sgd"], "did you mean relu_softmax_sgd?"),
        (["--threads", "0"], "threads=0: must be"),
        (["nowhere"], "nowhere: no such folder"),
    ],
)
def test_a_mistake_is_one_line(run, words, reason):
    ended = run("bench-parity", *words)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert reason in ended.stderr


def write(folder: Path, implementation: str, accuracies: list[float]) -> None:
    for seed, accuracy in enumerate(accuracies):
        store.write_record(folder, make_record(implementation, seed=seed, test_accuracy=accuracy))


def test_whole_runs_are_judged_in_pairs_of_the_same_seed(run, tmp_path):
    folder = tmp_path / "results" / "whole"
    write(folder, "one", [0.850, 0.860, 0.870])
    write(folder, "other", [0.852, 0.864, 0.872])
    write(folder, "worse", [0.850, 0.850, 0.869])
    ended = run("bench-parity", str(folder))
    assert re.search(r"other .* 3 +\+0\.27  ", ended.stdout)
    assert re.search(r"worse .* 3 +-0\.37!", ended.stdout)
    assert "1 of 2 passed" in ended.stdout
    assert ended.returncode == 1
    assert run("bench-parity", str(folder), "--baseline", "nobody").returncode == 2


def test_runs_under_other_settings_are_no_pair():
    records = [make_record("one", learning_rate=0.1), make_record("other", learning_rate=0.2)]
    assert list(whole_runs.compare(records, "one")) == []
    records = [make_record("one"), make_record("other", status="diverged")]
    assert list(whole_runs.compare(records, "one")) == []
