"""Values derived from records: settings of any shape, and which run is best."""

import itertools
from dataclasses import fields, replace

import pytest

from bench.records import (
    N_CLASSES,
    N_PIXELS,
    SECONDS_PARTS,
    RunError,
    Rung,
    Seconds,
    best_ranked_runs,
    best_runs,
    decisive_verdicts,
    has_learned,
    score,
    setting,
)
from bench.terminal import describe_verdict
from tests.report.conftest import make_record, make_verdict


def without_validation(record, loss):
    epochs = tuple(
        replace(epoch, validation_accuracy=None, train_loss=loss) for epoch in record.epochs
    )
    return replace(record, epochs=epochs)


def test_the_parts_of_the_seconds_are_all_of_them_but_their_total():
    assert {*SECONDS_PARTS, "total"} == {field.name for field in fields(Seconds)}
    assert (N_PIXELS, N_CLASSES) == (784, 10)


@pytest.mark.parametrize("config", [{}, {"a": None}, {"a": [1]}, {"a": {"b": {}}}, {"a": 3}])
def test_a_setting_that_is_not_a_plain_value_is_none(config):
    assert setting(replace(make_record(), config=config), "a", "b") is None


def test_the_best_run_has_the_highest_validation_accuracy_and_ties_share_it():
    runs = [
        make_record(seed=seed, accuracy=accuracy) for seed, accuracy in enumerate((0.7, 0.8, 0.8))
    ]
    failed = make_record(status="failed", accuracy=0.9)
    assert best_runs([failed, *runs]) == runs[1:]
    assert best_runs([failed]) == []


def test_without_a_validation_set_the_lowest_training_loss_is_best():
    low, high, lost = (
        without_validation(make_record(seed=n), loss) for n, loss in enumerate((0.1, 0.2, None))
    )
    assert best_runs([high, low, lost]) == [low]
    assert score(lost) is None
    validated = make_record(accuracy=0.2)
    assert best_runs([low, validated]) == [validated]


def test_the_accuracy_of_guessing_is_not_learned():
    assert not has_learned([0.1, 0.1003, None])
    assert has_learned([0.1, 0.3])


def test_a_failed_verdict_wins_over_others_with_its_key_in_any_order():
    passed = make_verdict("numpy")
    failed = replace(make_verdict("numpy", "failed"), key=passed.key)
    error = replace(passed, error=RunError(type="OSError", message=""))
    record = make_record()
    for verdicts in itertools.permutations([passed, failed, error]):
        assert decisive_verdicts(verdicts) == (failed,)
        assert best_ranked_runs([record], verdicts) == set()
    assert decisive_verdicts([passed, error]) == decisive_verdicts([error, passed]) == (passed,)


def verdict_with(*rungs):
    rungs = tuple(Rung(number=n, distance=distance, bound=bound) for n, distance, bound in rungs)
    return replace(make_verdict("numpy"), rungs=rungs)


PASSED = (1, 1e-7, 1e-5), (2, 1e-7, 1e-5), (3, 1e-6, 3e-6)


@pytest.mark.parametrize(
    ("rungs", "passed", "description"),
    [
        (PASSED, True, "computes what the recipe says"),
        (PASSED[:1], False, "was not checked completely: rung 2, 3 is missing"),
        (PASSED[1:], False, "was not checked completely: rung 1 is missing"),
        ((), False, "was not checked completely: rung 1, 2, 3 is missing"),
        ((*PASSED, (3, 1.0, 3e-6)), False, "fails rung 3 (1.0e+00)"),
        (((1, 1.0, 1e300), *PASSED[1:]), False, "fails rung 1 (1.0e+00)"),
        ((*PASSED[:2], (3, 1.0, 1e300)), False, "fails rung 3 (1.0e+00)"),
        ((*PASSED[:2], (3, -1.0, 3e-6)), False, "fails rung 3 (-1.0e+00)"),
        ((*PASSED, (4, 0.0, 1.0)), False, "fails rung 4 (0.0e+00)"),
    ],
)
def test_a_verdict_passes_with_all_rungs_and_bounds_of_the_ladder(rungs, passed, description):
    verdict = verdict_with(*rungs)
    assert verdict.passed is passed
    assert describe_verdict(verdict).endswith(description)
    assert not replace(verdict, error=RunError(type="Error", message="no memory")).passed
