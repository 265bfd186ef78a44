"""`bench-compare` with configurations: real processes of this project, on synthetic data."""

from __future__ import annotations

import json
import math

import pytest

from bench.config.errors import ConfigError
from bench.regression import command, pairs, turns
from bench.regression.configurations import rounds
from bench.regression.configurations.candidates import Group, parse_groups
from bench.regression.configurations.results import Results

OVER = "architecture=one_hidden batch_size=32 learning_rate=0.01 threads=1 dataset=synthetic"
NUMPY, NOTEBOOK = "implementation=numpy", "implementation=notebook"


@pytest.fixture
def compare(monkeypatch, capsys):
    """Return a function that runs the command with short slices; it returns status and output."""
    monkeypatch.setattr(pairs, "SLICE_SECONDS", 0.001)
    monkeypatch.setattr(turns, "N_TURNS", 2)

    def run(*words):
        monkeypatch.setattr("sys.argv", ["bench-compare", *words])
        try:
            status = command.main()
        except SystemExit as error:
            status = error.code
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def results(ratios, others=None, **errors):
    """Return results of two candidates whose times have these ratios, one per round."""
    configs = parse_groups([NUMPY, NOTEBOOK], OVER)[0].cases
    found = Results(Group(name="all", cases=configs), errors=errors)
    found.seconds = [{NUMPY: [1.0] * 3, NOTEBOOK: [ratio] * 3} for ratio in ratios]
    found.differences = [{NUMPY: 0.0, NOTEBOOK: other} for other in others or []]
    return found


def test_values_with_commas_make_groups():
    groups = parse_groups([NUMPY, NOTEBOOK], f"{OVER} seed=1,2")
    assert [group.name for group in groups] == ["seed=1", "seed=2"]
    assert all(list(group.cases) == [NUMPY, NOTEBOOK] for group in groups)
    assert [case.config.seed for group in groups for case in group.cases.values()] == [1, 1, 2, 2]
    assert len({case.name for group in groups for case in group.cases.values()}) == 4


def test_candidates_may_differ_in_any_key():
    (group,) = parse_groups(
        [f"{NUMPY} batch_size=16", f"{NUMPY} batch_size=64"], OVER.replace("batch_size=32 ", "")
    )
    assert [case.config.batch_size for case in group.cases.values()] == [16, 64]
    assert not group.same_problem
    assert parse_groups([NUMPY, NOTEBOOK], OVER)[0].same_problem


@pytest.mark.parametrize(
    ("candidates", "over", "reason"),
    [
        ([NUMPY], OVER, "at least two"),
        ([NUMPY, NUMPY], OVER, "given twice"),
        (["implementation=numpy,notebook", NUMPY], OVER, "must be one run"),
        ([NUMPY, f"{NUMPY} epochs=3"], OVER, "epochs has no effect"),
        ([NUMPY, NOTEBOOK], "epochs=3", "epochs has no effect"),
        (
            [f"{NUMPY} dataset=synthetic", f"{NUMPY} dataset=fashion_mnist"],
            OVER.replace(" dataset=synthetic", ""),
            "same dataset",
        ),
        ([NUMPY, NOTEBOOK + " validation_fraction=0.5"], OVER, "same dataset"),
        ([NUMPY, "implementation=nunpy"], OVER, "nunpy"),
    ],
)
def test_what_can_not_be_compared_is_refused(candidates, over, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_groups(candidates, over)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (results([1.1, 1.1, 1.11, 1.12, 1.1]), "slower"),
        (results([0.9, 0.9, 0.91, 0.92, 0.9]), "faster"),
        (results([1.0, 0.999, 1.001, 1.0, 1.002]), "equal"),
        (results([0.8, 1.2, 0.9, 1.3, 0.7]), "can't tell"),
        (results([1.1] * 4), "can't tell"),
        (results([1.0] * 5, others=[0.1] * 5), "learns something else"),
        (results([1.0] * 5, others=[0.0, 0.1, 0.0, 0.0, 0.1]), "equal"),
        (results([1.0] * 5, **{NOTEBOOK: "exited"}), "fails"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_answer_follows_from_the_interval(found, expected):
    assert found.answer(NUMPY) == "reference"
    assert found.answer(NOTEBOOK) == expected


def test_rounds_are_measured_until_the_interval_is_narrow():
    assert results([1.1] * 4).needs_rounds
    assert results([0.8, 1.2, 0.9, 1.3, 0.7]).needs_rounds
    assert not results([1.1, 1.1, 1.11, 1.12, 1.1]).needs_rounds
    assert not results([], **{NOTEBOOK: "exited"}).needs_rounds
    assert not results([], **{NUMPY: "exited"}).needs_rounds


def test_the_faster_configuration_is_found_and_written(compare, tmp_path):
    status, output = compare(
        NUMPY, NOTEBOOK, "--over", OVER, "--precision", "100%", "--output", str(tmp_path)
    )
    assert "numpy is the fastest" in output, output
    assert status == 0
    (group,) = json.loads((tmp_path / "rounds.json").read_text())["groups"]
    assert group["answers"] == {NUMPY: "reference", NOTEBOOK: "slower"}
    assert group["estimates"][NOTEBOOK]["ratio"] > 1.5
    assert all(
        math.isfinite(value) for times in group["seconds_per_example"] for value in times[NUMPY]
    )
    assert max(found[NOTEBOOK] for found in group["first_differences"]) < 1e-3
    assert "| batch_size" not in (tmp_path / "report.md").read_text()
    assert (tmp_path / "ratios.png").stat().st_size > 0


def test_a_candidate_that_fails_does_not_stop_the_others(compare):
    diverging = f"{NUMPY} learning_rate=1e30"
    over = OVER.replace("learning_rate=0.01 ", "")
    status, output = compare(
        f"{NUMPY} learning_rate=0.01", diverging, f"{NOTEBOOK} learning_rate=0.01",
        "--over", over, "--precision", "100%",
    )  # fmt: skip
    assert status == 1
    assert "diverges; choose a lower learning rate" in output
    assert "slower" in output


def test_without_time_nothing_is_measured(compare, tmp_path):
    words = ("--over", OVER, "--budget", "0.1s", "--output", str(tmp_path))
    status, output = compare(NUMPY, NOTEBOOK, *words)
    assert status == 2, output
    assert "can't tell" in output
    assert "all: 0 rounds; an interval needs 5: use a longer --budget" in output
    assert f"Written: {tmp_path} (no ratios.png: no round was finished)" in output
    assert not (tmp_path / "ratios.png").exists()


def test_few_rounds_are_drawn_without_an_interval(monkeypatch, compare, tmp_path):
    monkeypatch.setattr(rounds, "measure", lambda *_: [results([1.1, 1.2])])
    status, output = compare(NUMPY, NOTEBOOK, "--over", OVER, "--output", str(tmp_path))
    assert status == 3, output
    assert "all: 2 rounds; an interval needs 5: use a longer --budget" in output
    assert (tmp_path / "ratios.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((NUMPY, "HEAD"), "HEAD: not a configuration"),
        (
            (NUMPY, NOTEBOOK, "--cases", "batch_size=3"),
            "--cases: has no effect in a comparison of conf",
        ),
        ((NUMPY, NOTEBOOK, "--record"), "--record: has no effect in a comparison of conf"),
        (("HEAD", "HEAD", "--over", "seed=1"), "--over: has no effect in a comparison of revis"),
        (("HEAD", "HEAD", "HEAD~1"), "HEAD~1: a third revision"),
        ((NUMPY, NOTEBOOK, "--precision", "0%"), "'0%': must be more than 0.1%"),
        ((NUMPY,), "at least two"),
    ],
)
def test_options_that_do_not_fit_are_refused(compare, words, reason):
    status, output = compare(*words)
    assert status == 2
    assert reason in output
    assert "Traceback" not in output


def test_a_mistake_ends_git_bisect(compare):
    for words in (("HEAD", "--cases", "batch_size=x"), ("HEAD", "--budget", "x"), (NUMPY, "HEAD")):
        assert compare(*words)[0] == 2
        assert compare(*words, "--cant-tell", "skip")[0] == 255
