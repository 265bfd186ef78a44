"""Decisions about several cases: which are slower, at which number of pairs."""

from __future__ import annotations

import pytest

from bench.decisions import FIRST_LOOK, LOOKS, decide, significant
from bench.statistics import Estimate


def estimated(ratio=1.0, upper=1.02, p_value=0.5, n_pairs=20):
    return Estimate(
        n_pairs=n_pairs, ratio=ratio, low=ratio, high=ratio, upper=upper, spread=0.01,
        p_value=p_value,
    )  # fmt: skip


def test_holm_stops_at_the_first_that_does_not_pass():
    # 0.005 < 0.05 / 4 and 0.01 < 0.05 / 3, but 0.03 >= 0.05 / 2; 0.04 would pass alone.
    p_values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert significant(p_values, dict.fromkeys(p_values, 0.05)) == ["d", "a"]


def test_a_case_that_is_not_tested_now_does_not_stop_the_others():
    p_values = {"frozen": 1e-6, "slow": 1e-5}
    assert significant(p_values, {"frozen": 0.0, "slow": 0.0005}) == ["slow"]
    assert significant({**p_values, "slow": 0.0003}, {"frozen": 0.0, "slow": 0.0005}) == []
    frozen = estimated(1.02, 1.025, p_value=1e-6, n_pairs=FIRST_LOOK)
    result = decide({"frozen": frozen, "slow": estimated(1.1, 1.12, p_value=1e-5)}, 0.03)
    assert result == {"frozen": "not slower", "slow": "slower"}


def test_slower_is_possible_at_looks_only():
    slow = estimated(1.05, 1.06, p_value=1e-6, n_pairs=20)
    assert decide({"case": slow}, 0.03) == {"case": "slower"}
    between = estimated(1.05, 1.06, p_value=1e-6, n_pairs=19)
    assert decide({"case": between}, 0.03) == {"case": None}
    assert decide({"case": between}, 0.03, last=True) == {"case": "slower"}


@pytest.mark.parametrize(("n_pairs", "p_value"), [(20, 0.0006), (40, 0.0016), (80, 0.0031)])
def test_each_look_uses_its_share_of_false_alarms(n_pairs, p_value):
    result = decide({"case": estimated(1.05, 1.09, p_value=p_value, n_pairs=n_pairs)}, 0.03)
    assert result["case"] == ("can't tell" if n_pairs == 80 else None)
    assert sum(LOOKS.values()) <= 0.005


def test_not_slower_is_possible_at_the_first_look():
    quick = estimated(1.0, 1.01, n_pairs=FIRST_LOOK)
    assert decide({"case": quick}, 0.03) == {"case": "not slower"}
    assert decide({"case": quick}, 0.005) == {"case": None}


def test_several_cases_share_one_error_rate():
    p_value = 0.0003  # passes alone, and not as one of two
    slow = estimated(1.05, 1.09, p_value=p_value)
    assert decide({"a": slow}, 0.03)["a"] == "slower"
    assert decide({"a": slow, "b": estimated()}, 0.03)["a"] is None


def test_the_last_look_always_answers():
    result = decide({"case": estimated(1.02, 1.04, p_value=0.1, n_pairs=6)}, 0.03, last=True)
    assert result == {"case": "can't tell"}
