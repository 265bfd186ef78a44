"""Files for github-action-benchmark and Bencher."""

from __future__ import annotations

import json

from bench.regression.cases import parse_cases
from bench.regression.outcome import Outcome
from bench.regression.output import dashboards
from bench.regression.pair_record import Pair
from tests.regression.conftest import CASE, CASES
from tests.results.test_history import entry as history_entry


def outcome_with(n_pairs, cases=CASES):
    (case,) = parse_cases(cases)
    pairs = [
        Pair(
            cell=CASE, number=n, base_seconds=(1.0,), head_seconds=(1.1 + 0.001 * (n % 2),),
            first_difference=0.0, losses_difference=0.0, last_difference=0.0,
        )
        for n in range(n_pairs)
    ]  # fmt: skip
    return Outcome(case, pairs, answers={"step": "slower"})


def test_the_files_have_the_ratio_and_its_interval(tmp_path):
    outcome = outcome_with(20)
    dashboards.write(tmp_path, [outcome, outcome_with(2)])
    (entry,) = json.loads((tmp_path / "github-action-benchmark.json").read_text())
    name = f"{CASE} ({outcome.case.identity})"
    assert (entry["name"], entry["unit"]) == (f"{name} step", "times BASE")
    assert entry["extra"].startswith("slower, 20 pairs, recipe=relu_softmax_sgd dataset=synthetic ")
    content = json.loads((tmp_path / "bencher.json").read_text())
    values = content[name]["step-ratio"]
    assert values["value"] == entry["value"]
    recorded = outcome_with(20)
    recorded.last_recorded["step"] = history_entry(1)
    (entry,) = dashboards.github_action_benchmark([recorded])
    assert entry["extra"].startswith("slower against 0000000000, 20 pairs, ")
    assert 1.09 < values["lower_value"] < values["value"] < values["upper_value"] < 1.11


def test_other_settings_with_the_same_name_begin_another_series():
    outcomes = [outcome_with(20), outcome_with(20, CASES.replace("0.01", "0.02"))]
    assert len({outcome.case.name for outcome in outcomes}) == 1
    assert len(dashboards.bencher(outcomes)) == 2
    assert len({e["name"] for e in dashboards.github_action_benchmark(outcomes)}) == 2
