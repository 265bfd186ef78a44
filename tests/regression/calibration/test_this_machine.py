"""`bench-compare --calibrate`: what a machine finds, and how later reports quote it."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from bench.regression import power
from bench.regression.calibration import resampling, this_machine
from bench.regression.calibration.this_machine import evaluate
from bench.regression.cases import parse_cases
from bench.regression.metrics import METRICS
from bench.regression.pair_record import Pair
from tests.regression.conftest import CASE, CASES


@pytest.fixture
def case():
    return parse_cases(CASES)[0]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(resampling, "N_SESSIONS", 100)


def equal_pairs(spread, n=60, ratio=1.0):
    """Return pairs of equal sides, whose mean ratio is not exactly 1."""
    return [
        Pair(
            cell=CASE, number=number, base_seconds=(1.0,), head_seconds=(ratio * math.exp(value),),
            first_difference=0.0, losses_difference=0.0, last_difference=0.0,
        )
        for number, value in enumerate(np.random.default_rng(1).normal(0, spread, n))
    ]  # fmt: skip


def finds(case, spread, seconds_per_pair):
    return evaluate(case, equal_pairs(spread), seconds_per_pair, "2026-11-26").finds


def test_less_noise_and_more_pairs_find_smaller_slowdowns(case):
    steady = finds(case, 0.02, seconds_per_pair=7.5)
    few_pairs = finds(case, 0.02, seconds_per_pair=20.0)
    noisy = finds(case, 0.06, seconds_per_pair=7.5)
    assert 0.01 < steady < min(few_pairs, noisy)
    # Smaller ones do not matter, so that they may be answered with "not slower".
    assert finds(case, 0.0001, seconds_per_pair=7.5) == METRICS["step"].smallest


def test_no_slowdown_is_quoted_where_five_minutes_are_too_short(case):
    found = evaluate(case, equal_pairs(0.005), 70.0, "2026-11-26")
    assert found.finds_text == "none"
    power.store([found])
    assert power.quote([case]) == []


@pytest.mark.parametrize("spread", [0.02, 0.05])
def test_sessions_drawn_from_the_pairs_find_that_slowdown(case, spread, monkeypatch):
    monkeypatch.setattr(resampling, "LOOKS", {20: 0.0005, 40: 0.0015})  # pairs in 5 minutes
    pairs = equal_pairs(spread, 200)
    found = evaluate(case, pairs, 7.5, "2026-11-26")
    sample = resampling.Sample.of(pairs, ("step",), is_equal=True, n_tests=3)
    assert sample.evaluate(sample.draw(), "step", found.finds).share("slower") >= 0.85


def test_a_ratio_that_differs_from_one_by_chance_does_not_change_the_result(case):
    found = evaluate(case, equal_pairs(0.01), 10.0, "2026-11-26")
    by_chance = evaluate(case, equal_pairs(0.01, ratio=1.05), 10.0, "2026-11-26")
    assert (by_chance.finds, by_chance.false_alarms) == (found.finds, found.false_alarms)
    assert by_chance.ratio == pytest.approx(found.ratio * 1.05)
    assert found.interval[0] < 1 < found.interval[1] < by_chance.interval[0]
    assert by_chance.separate[1] > found.separate[1] == 0


def test_a_later_report_quotes_the_calibration_of_the_same_settings(case):
    assert power.quote([case]) == []
    other, third = parse_cases(f"{CASES} batch_size=64,128")
    stored = [evaluate(one, equal_pairs(0.01), 2.0, "2026-11-26") for one in (case, other)]
    for one in stored:
        power.store([one])
    assert power.quote([case, other, third]) == [
        f"{case.name}, {other.name}: this machine finds a slowdown of {stored[0].finds:.1%} in 5 "
        "minutes per case (calibrated 2026-11-26)"
    ]
    (other_rate,) = parse_cases(CASES.replace("0.01", "0.02"))
    assert other_rate.name == case.name
    assert power.quote([other_rate]) == []
    power.path_here().write_bytes(b"damaged")
    assert power.quote([case]) == []


def test_a_calibration_with_unknown_settings_is_not_quoted(case):
    old = evaluate(case, equal_pairs(0.01), 2.0, "2026-11-26")
    power.store([msgspec.structs.replace(old, identity="")])
    assert power.quote([case]) == []


def test_the_command_calibrates_and_a_comparison_quotes_it(compare, call, tree, monkeypatch):
    from bench import imports
    from bench.regression import command

    monkeypatch.setattr(imports, "PROJECT", tree("project"))
    monkeypatch.setattr(this_machine, "MAX_PAIRS", 12)
    status, out, err = call(command.main, "--calibrate", "--cases", CASES)
    assert status == 0, out + err
    assert "What this machine finds" in out
    assert "Stored: " in out
    status, printed, _ = compare(tree("base"), tree("head"))
    assert f"{CASE}: this machine finds a slowdown of" in printed
    status, _, err = call(command.main, "--calibrate", "HEAD")
    assert status == 2
    assert "BASE: has no effect with --calibrate" in err
