"""A session announces how many pairs its budget gives; short budgets answer some cases."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bench.decisions import LOOKS, decide, smallest_found
from bench.regression import budget, power
from bench.regression.cases import parse_cases
from bench.regression.outcome import Outcome
from bench.regression.pair_record import Pair
from bench.statistics import estimate
from tests.regression.conftest import CASES


@pytest.fixture
def outcomes(monkeypatch):
    monkeypatch.setattr(power, "read", dict)  # not calibrated
    return [Outcome(case) for case in parse_cases(f"{CASES} batch_size=16,32,64,128")]


@pytest.fixture
def pair_of():
    """Return a function that makes a pair with this ratio of times."""
    return lambda ratio: Pair(
        cell="", number=0, base_seconds=(1.0,), head_seconds=(ratio,), first_difference=0.0,
        losses_difference=0.0, last_difference=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("n_pairs", sorted(LOOKS))
def test_the_announced_slowdown_is_found(n_pairs):
    spread, randomness = 0.02, np.random.default_rng(0)
    slowdown = smallest_found(n_pairs, spread)
    found = 0
    for _ in range(400):
        values = np.log1p(slowdown) + randomness.normal(0, spread, n_pairs)
        found += decide({"": estimate(values)}, 0.0)[""] == "slower"
    assert 0.9 <= found / 400 <= 0.99


def test_more_pairs_find_less_and_more_tests_need_more():
    assert smallest_found(4, 0.01) is None
    assert smallest_found(20, 0.01) > smallest_found(40, 0.01) > 0.01
    assert smallest_found(20, 0.01, n_tests=12) > smallest_found(20, 0.01)


def test_a_budget_for_all_cases_is_announced(outcomes, capsys):
    assert not budget.announce_pairs(outcomes, round_seconds=8, remaining_seconds=500)
    assert capsys.readouterr().out == (
        "Budget: about 62 pairs of each of 4 cases. They find a slowdown of 3.0% or more, with the "
        "usual spread of 1.1%.\n"
    )


def test_a_short_budget_answers_one_case_after_the_other(outcomes, capsys):
    assert budget.announce_pairs(outcomes, round_seconds=8, remaining_seconds=100)
    printed = capsys.readouterr().out
    assert "about 12 pairs of each of 4 cases, fewer than the 20 for an answer" in printed
    assert "one after the other: about 2 of them" in printed
    assert budget.next_case(outcomes) is outcomes[0]
    outcomes[0].answers["step"] = "not slower"
    assert budget.next_case(outcomes) is outcomes[1]
    outcomes[1].pairs += [None] * 20  # undecided: the others come first
    assert budget.next_case(outcomes) is outcomes[2]
    for outcome in outcomes[2:]:
        outcome.pairs += [None] * 25
    assert budget.next_case(outcomes) is outcomes[1]


def test_a_budget_that_is_too_short_for_one_case_is_named(outcomes, capsys):
    assert not budget.announce_pairs(outcomes[:1], round_seconds=8, remaining_seconds=30)
    assert capsys.readouterr().out == (
        "Budget: about 3 pairs. An answer needs 5: increase --budget.\n"
    )


def test_without_the_time_of_a_step_no_slowdown_is_named(outcomes, capsys):
    outcomes[0].smallest = {"memory": 0.05}
    assert not budget.announce_pairs(outcomes[:1], round_seconds=8, remaining_seconds=300)
    assert capsys.readouterr().out == "Budget: about 37 pairs. An answer needs up to 20.\n"


def test_an_undecided_case_is_explained(outcomes, pair_of):
    outcome = outcomes[0]
    assert budget.explain(outcome, 3) is None
    outcome.pairs += [pair_of(0.9 if n % 2 else 1.1) for n in range(20)]
    outcome.answers["step"] = "can't tell"
    explanation = budget.explain(outcome, 3)
    assert re.match(
        r"20 pairs with a spread of 1[0-9.]+% are enough to find a slowdown of", explanation
    )
    outcome.answers["step"] = "not slower"
    assert budget.explain(outcome, 3) is None


def test_the_missing_seconds_of_a_budget_for_rounds_are_named(capsys):
    assert not budget.announce_rounds(1, round_seconds=10, remaining_seconds=25)
    assert capsys.readouterr().out == (
        "Budget: about 3 rounds. An interval needs 5: increase --budget by about 20 s.\n"
    )


def test_rounds_of_configurations_are_announced(capsys):
    assert not budget.announce_rounds(2, round_seconds=10, remaining_seconds=95)
    assert "about 10 rounds of each of 2 conditions" in capsys.readouterr().out
    assert budget.announce_rounds(2, round_seconds=30, remaining_seconds=95)
    assert "measured one after the other" in capsys.readouterr().out
