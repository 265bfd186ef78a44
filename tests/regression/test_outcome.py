"""The outcome of a case, and the exit status."""

from __future__ import annotations

import pytest

from bench.regression.cases import parse_cases
from bench.regression.outcome import Learning, Outcome, bounds_from_drift, exit_status
from bench.regression.pair_record import Pair
from bench.regression.sides.process import CaseError
from tests.regression.conftest import CASES


@pytest.fixture(scope="module")
def case():
    return parse_cases(CASES)[0]


def pair(losses_difference=0.0):
    return Pair(
        cell="", number=0, base_seconds=(1.0,), head_seconds=(1.0,), first_difference=0.0,
        losses_difference=losses_difference, last_difference=0.0,
    )  # fmt: skip


@pytest.fixture
def outcomes(case):
    """Return a function that makes outcomes from words such as "slower" or "head fails"."""

    def make(kind):
        outcome = Outcome(case)
        if kind == "not measured":
            outcome.error = "time was up"
        elif kind.endswith("fails"):
            outcome.pairs += [pair()] * 7
            outcome.fail(CaseError(kind.split()[0], "a reason"))
        else:
            difference = 0.5 if kind == "learns something else" else 0.0
            outcome.pairs += [pair(difference)] * 10
            outcome.answers["step"] = "not slower" if difference else kind
        return outcome

    return lambda *kinds: [make(kind) for kind in kinds]


@pytest.mark.parametrize(
    ("kinds", "status", "with_pass", "with_fail"),
    [
        (["not slower", "not slower"], 0, 0, 0),
        (["not slower", "slower"], 1, 1, 1),
        (["not slower", "learns something else"], 1, 1, 1),
        (["not slower", "head fails"], 1, 1, 1),
        (["not slower", "can't tell"], 3, 0, 1),
        (["not slower", "not measured"], 3, 3, 3),
        (["not slower", "base fails"], 3, 3, 3),
        (["can't tell", "base fails"], 3, 3, 1),
        (["slower", "base fails"], 1, 1, 1),
        (["not measured", "base fails"], 2, 2, 2),
        ([], 2, 2, 2),
    ],
)
def test_only_what_was_measured_can_pass(outcomes, kinds, status, with_pass, with_fail):
    assert exit_status(outcomes(*kinds)) == status
    assert exit_status(outcomes(*kinds), "pass") == with_pass
    assert exit_status(outcomes(*kinds), "fail") == with_fail


def test_an_answer_without_pairs_does_not_pass(case):
    assert exit_status([Outcome(case, answers={"step": "not slower"})]) == 2
    assert exit_status([Outcome(case, answers={"step": "can't tell"})], "pass") == 2


@pytest.mark.parametrize(("drift", "differs"), [(0.0, True), (0.02, False)])
def test_a_difference_that_rounding_explains_is_allowed(drift, differs):
    bounds = bounds_from_drift(pair(losses_difference=drift))
    learning = Learning(pairs=[pair(losses_difference=0.08)] * 5, bounds=bounds)
    assert learning.differs == differs


def test_a_missing_library_comes_with_the_command_that_installs_it(case):
    outcome = Outcome(case)
    outcome.fail(CaseError("head", "ModuleNotFoundError: No module named 'numpy'"))
    assert outcome.error.endswith(f"; {case.config.implementation.install}")
    outcome.fail(CaseError("head", "No module named 'implementations.numpy_mlp'"))
    assert not outcome.error.endswith(case.config.implementation.install)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["not slower", "not slower"], 0),
        (["not slower", "slower"], 1),
        (["not slower", "learns something else"], 1),
        (["slower", "can't tell"], 1),
        (["not slower", "can't tell"], 125),
        (["not slower", "head fails"], 125),
        (["not measured", "head fails"], 125),
        (["not measured", "base fails"], 255),
        (["slower", "base fails"], 1),
    ],
)
def test_git_bisect_tries_another_commit_unless_the_base_fails(outcomes, kinds, status):
    assert exit_status(outcomes(*kinds), "skip") == status
