"""`bench-compare --calibrate`: what a machine finds, and how later reports quote it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.regression.calibration import power, resampling
from tests.regression.conftest import CASE, CASES


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(resampling, "N_SESSIONS", 100)


def equal_pairs(spread, n=60):
    return list(np.random.default_rng(1).normal(0, spread, n))


def test_a_steadier_machine_and_more_pairs_find_smaller_slowdowns():
    steady = power.smallest_found(equal_pairs(0.02), 40)
    few_pairs = power.smallest_found(equal_pairs(0.02), 15)
    noisy = power.smallest_found(equal_pairs(0.06), 40)
    assert 0.01 < steady < min(few_pairs, noisy)
    # Smaller ones do not matter, so that they may be answered with "not slower".
    assert power.smallest_found(equal_pairs(0.0001), 40) == resampling.SMALLEST


@pytest.mark.parametrize(("spread", "n_pairs"), [(1.0, 40), (0.005, 4)])
def test_what_is_not_found_is_said(spread, n_pairs):
    assert power.smallest_found(equal_pairs(spread), n_pairs) is None
    found = power.evaluate(CASE, equal_pairs(1.0), 5.0, "2026-11-26")
    assert found.found == "more than 20%"


def test_a_ratio_that_few_equal_pairs_have_by_chance_is_no_power():
    values = equal_pairs(0.01)
    found = power.evaluate(CASE, values, 10.0, "2026-11-26")
    by_chance = power.evaluate(CASE, [value + 0.05 for value in values], 10.0, "2026-11-26")
    assert (by_chance.finds, by_chance.false_alarms) == (found.finds, found.false_alarms)
    assert by_chance.ratio == pytest.approx(found.ratio * math.exp(0.05))
    assert by_chance.separate[1] > found.separate[1] == 0


def test_a_later_report_quotes_the_calibration():
    assert power.quote([CASE]) == []
    found = power.evaluate(CASE, equal_pairs(0.01), 2.0, "2026-11-26")
    other = power.evaluate("other", equal_pairs(0.01), 2.0, "2026-11-26")
    power.store([found])
    power.store([other])
    assert power.quote([CASE, "other", "third"]) == [
        f"{CASE}, other: this machine finds a slowdown of {found.finds:.1%} in 5 minutes per case "
        "(calibrated 2026-11-26)"
    ]
    power.path_here().write_bytes(b"damaged")
    assert power.quote([CASE]) == []


def test_the_command_calibrates_and_a_comparison_quotes_it(compare, call, tree, monkeypatch):
    from bench import imports
    from bench.regression import command
    from bench.regression.calibration import this_machine

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
    assert "base: no effect with --calibrate" in err
