"""Which run is best, and which verdict counts."""

import itertools
from dataclasses import replace

from bench.records import RunError
from bench.scores import best_ranked_runs, best_runs, decisive_verdicts, has_learned, score
from tests.report.conftest import make_record, make_verdict


def without_validation(record, loss):
    epochs = tuple(
        replace(epoch, validation_accuracy=None, train_loss=loss) for epoch in record.epochs
    )
    return replace(record, epochs=epochs)


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
