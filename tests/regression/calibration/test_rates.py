"""The error rates of `bench-compare`, from the pairs that are kept in the repository."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import subprocess
import sys

import pytest

from bench.regression.calibration import __main__ as calibration
from bench.regression.calibration import plants, rates, resampling
from bench.regression.calibration.collect import METRICS_PLANT, STEPS
from bench.regression.calibration.rates import LOADED, QUIET, sample_of
from bench.regression.calibration.resampling import Sessions
from bench.statistics import estimate
from tests.regression.conftest import CASE, CASES, PROJECT, commit, run_git

PAIRS = PROJECT / calibration.PAIRS
METRICS_PAIRS = PAIRS.with_name("pairs-metrics.jsonl")


@pytest.fixture(scope="module")
def samples():
    _, cases = rates.read(PAIRS)
    (lines,) = cases.values()
    assert [*cases] == ["numpy-one_hidden-32"]
    return {kind: sample_of(of_kind) for kind, of_kind in lines.items()}


@pytest.fixture(scope="module")
def values(samples):
    return {kind: sample.values["step"] for kind, sample in samples.items()}


@pytest.fixture(scope="module")
def sessions_of(samples):
    """Return a function that evaluates sessions of a kind of pairs, once."""

    @functools.cache
    def evaluate(kind):
        return samples[kind].evaluate(samples[kind].draw(), "step")

    return evaluate


def test_there_are_enough_pairs_of_each_kind(values):
    assert len(values[QUIET]) >= 200
    assert len(values[LOADED]) >= 200
    assert all(len(values[kind]) >= 80 for kind in STEPS)


@pytest.mark.parametrize("kind", [QUIET, LOADED])
def test_false_alarms_are_rarer_than_one_in_a_hundred(sessions_of, kind):
    assert sessions_of(kind).bound("slower", "upper") <= 0.01


@pytest.mark.parametrize(("kind", "found"), [("planted 5%", 0.95), ("planted 10%", 0.99)])
def test_planted_slowdowns_are_found(sessions_of, kind, found):
    assert sessions_of(kind).bound("slower", "lower") >= found


def test_measured_slowdowns_are_about_as_large_as_planned(values):
    measured = [estimate(values[kind]).ratio - 1 for kind in STEPS]
    assert measured == sorted(measured)
    for share, slowdown in zip((0.01, 0.03, 0.05, 0.10), measured, strict=True):
        assert abs(slowdown - share) < 0.01


def test_equal_pairs_whose_mean_ratio_is_not_1_raise_no_alarm_in_drawn_sessions(samples):
    shifted = {"step": [value + 0.05 for value in samples[QUIET].values["step"]]}
    by_chance = dataclasses.replace(samples[QUIET], values=shifted)
    assert by_chance.evaluate(by_chance.draw(), "step").share("slower") == 0
    assert by_chance.separate("step").share("slower") == 1
    different = dataclasses.replace(by_chance, is_equal=False)
    assert different.evaluate(different.draw(), "step").share("slower") == 1


def test_measured_increases_of_memory_and_warm_up_are_found_without_false_alarms(monkeypatch):
    """Planted are 31 MB, which is 5 %, and a tenth of the time of warm-up."""
    monkeypatch.setattr(resampling, "N_SESSIONS", 200)
    heading, cases = rates.read(METRICS_PAIRS)
    (kinds,) = cases.values()
    equal, increased = (sample_of(kinds[kind], heading["metrics"]) for kind in kinds)
    drawn, drawn_increased = equal.draw(), increased.draw()
    for metric in heading["metrics"]:
        assert equal.evaluate(drawn, metric).share("slower") == 0
    found = {m: increased.evaluate(drawn_increased, m) for m in ("step", "memory", "warm_up")}
    assert found["memory"].share("slower") >= 0.95
    assert found["warm_up"].share("slower") >= 0.95
    assert found["step"].share("slower") == 0


def test_no_twenty_consecutive_equal_pairs_raise_an_alarm(values):
    for kind in (QUIET, LOADED):
        for start in range(len(values[kind]) - 19):
            assert estimate(values[kind][start : start + 20]).p_value > 0.0005


def test_the_tables_in_docs_are_made_from_the_pairs(tmp_path, monkeypatch, capsys):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(PAIRS.read_bytes())
    monkeypatch.setattr(rates, "INCREASES", (0.01,))  # the others take long
    monkeypatch.setattr(sys, "argv", ["calibration", "evaluate", "--pairs", str(path)])
    assert calibration.main() == 0
    kept = PAIRS.with_name("rates.md").read_text().splitlines()
    for line in (tmp_path / "rates.md").read_text().splitlines():
        assert any(known.startswith(line.removesuffix(" |")) for known in kept)
    assert "quiet" in capsys.readouterr().out


def test_a_bound_of_a_share_depends_on_the_number_of_sessions():
    sessions = Sessions(answers=("not slower",) * 3, n_pairs=(10,) * 3)
    assert sessions.share("not slower") == 1
    assert sessions.bound("slower", "upper") == pytest.approx(1 - 0.05 ** (1 / 3))
    assert sessions.bound("not slower", "lower") == pytest.approx(0.05 ** (1 / 3))


@pytest.mark.parametrize("slowdown", [0.0, 0.02, 0.05])
def test_longer_times_are_evaluated_as_if_they_had_been_measured(samples, monkeypatch, slowdown):
    monkeypatch.setattr(resampling, "N_SESSIONS", 50)
    sample = dataclasses.replace(samples[QUIET], is_equal=False)
    longer = {"step": [value + math.log1p(slowdown) for value in sample.values["step"]]}
    measured = dataclasses.replace(sample, values=longer)
    expected = measured.evaluate(measured.draw(), "step")
    assert sample.evaluate(sample.draw(), "step", slowdown) == expected


def test_separate_sessions_share_no_pairs(samples):
    sessions = samples[QUIET].separate("step")
    assert 10 < len(sessions.answers) <= 20
    assert sum(sessions.n_pairs) <= 200
    few = dataclasses.replace(samples[QUIET], values={"step": [0.0] * 9})
    assert few.separate("step") is None


@pytest.fixture
def collect(few_pairs, repository, tmp_path, monkeypatch, capsys):
    """Run the command; return its exit status, what it printed, and the file of pairs."""
    path = tmp_path / "pairs.jsonl"

    def run(*words, cases=CASES):
        options = ["--pairs", str(path), "--cases", cases]
        monkeypatch.setattr(sys, "argv", ["calibration", "collect", *options, *words])
        return calibration.main(), capsys.readouterr().err, path

    return run


def test_collecting_continues_a_file(collect, repository):
    assert collect("--rounds", "1")[0] == 0
    first = run_git(repository, "rev-parse", "HEAD")
    (repository / "later").write_text("does not matter")
    commit(repository, "another")
    status, _, path = collect("--rounds", "2")
    assert status == 0
    heading, cases = rates.read(path)
    assert heading["commit"] == first
    assert {kind: len(of_kind) for kind, of_kind in cases[CASE].items()} == {
        QUIET: 2, LOADED: 2, **dict.fromkeys(STEPS, 1)
    }  # fmt: skip
    status, printed, _ = collect("--budget", "0.1s")
    assert status == 3
    assert "run the command again" in printed
    status, printed, _ = collect(cases=CASES.replace("one_hidden", "two_hidden"))
    assert status == 2
    assert "give another --pairs" in printed
    status, printed, _ = collect(cases=CASES.replace("0.01", "0.02"))
    assert status == 2
    assert "begun with settings=" in printed
    status, printed, _ = collect(cases="epochs=3")
    assert status == 2
    assert "epochs has no effect" in printed


def test_each_round_measures_all_cases_with_their_kinds_of_pairs(collect):
    both = CASES.replace("=numpy", "=numpy,notebook")
    status, printed, path = collect("--rounds", "4", cases=both)
    assert status == 0, printed
    _, cases = rates.read(path)
    assert sorted(cases) == [CASE.replace("numpy", "notebook"), CASE]
    for kinds in cases.values():
        assert {kind: len(of_kind) for kind, of_kind in kinds.items()} == {
            QUIET: 4, "planted 5%": 1
        }  # fmt: skip


def test_other_metrics_are_collected_with_a_separate_plant(collect):
    status, printed, path = collect("--rounds", "1", "--metrics=memory,warm_up")
    assert status == 0, printed
    heading, cases = rates.read(path)
    assert heading["metrics"] == ["step", "memory", "warm_up"]
    (planted,) = cases[CASE][METRICS_PLANT]
    assert len(cases[CASE][QUIET]) == 1
    # A process of 45 MB varies by 1 %.
    assert 0.02 < planted.pair.value_of("memory") < 0.08
    assert planted.pair.readings_of("warm_up").head[0] > 0
    status, printed, _ = collect("--rounds", "2")
    assert status == 2
    assert "begun with metrics=['step', 'memory', 'warm_up'], not ['step']" in printed


SLEEPS = """
import time
from implementations import numpy_mlp

def train_epoch(self, batches):
    time.sleep(0.02)
    return f"loss of {len(batches)} steps"

numpy_mlp._MLP.train_epoch = train_epoch
start = time.perf_counter()
loss = numpy_mlp.MLP().train_epoch([0, 1, 2])
print(loss, time.perf_counter() - start >= 0.03)
"""


@pytest.mark.parametrize("is_package", [False, True])
def test_a_plant_slows_training_and_changes_nothing_else(tree, tmp_path, is_package):
    project = tree("project")
    module = project / "implementations" / "numpy_mlp.py"
    if is_package:
        (project / "implementations" / "numpy_mlp").mkdir()
        module = module.rename(project / "implementations" / "numpy_mlp" / "__init__.py")
    plants.plant(project, tmp_path / "planted", {"step": 0.5}, ["numpy_mlp"])
    copy = tmp_path / "planted" / module.relative_to(project)
    assert copy.read_text().startswith(module.read_text())
    printed = subprocess.run(
        [sys.executable, "-P", "-c", SLEEPS],
        env={"PYTHONPATH": str(tmp_path / "planted")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == "loss of 3 steps True\n"


def test_several_cases_are_evaluated_in_one_table(tmp_path, capsys, monkeypatch):
    heading, *lines = PAIRS.read_bytes().splitlines()
    quiet = [line for line in lines if b'"quiet"' in line][:30]
    path = tmp_path / "pairs-two.jsonl"
    cells = [
        line.replace(b"{", b'{"cell":"%s",' % name, 1) for name in (b"a", b"b") for line in quiet
    ]
    path.write_bytes(b"\n".join([heading, *cells, cells[0].replace(b'"a"', b'"c"')]) + b"\n")
    monkeypatch.setattr(resampling, "N_SESSIONS", 100)
    monkeypatch.setattr(sys, "argv", ["calibration", "evaluate", "--pairs", str(path)])
    assert calibration.main() == 0
    written = (tmp_path / "rates-two.md").read_text()
    assert written in capsys.readouterr().out
    row = r"\| a \| quiet \| step \| 30 \| .* \| 0\.0% \(at most 2\.95%\) \| .* \| 0 of 3 "
    assert re.search(row, written)
    assert re.search(r"\| c \| quiet \| step \| 1 \| .* \| too few pairs", written)
    assert "share no pairs: 0 of 6 (at most 39.30%)." in written


@pytest.mark.parametrize("option", ["--rounds=3", "--budget=1h"])
def test_evaluating_refuses_the_options_of_collecting(monkeypatch, capsys, option):
    monkeypatch.setattr(sys, "argv", ["calibration", "evaluate", option])
    with pytest.raises(SystemExit):
        calibration.main()
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err
