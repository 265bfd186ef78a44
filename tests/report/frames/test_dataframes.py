from dataclasses import replace

import pytest

from bench.report.frames import dataframes
from tests.report.conftest import make_record, runs_of


def test_the_best_rate_is_chosen_on_validation_and_not_on_the_test_set():
    runs = runs_of(
        make_record(learning_rate=0.1, accuracy=0.80, test_accuracy=0.90),
        make_record(learning_rate=0.2, accuracy=0.85, test_accuracy=0.70),
        make_record(learning_rate=0.3, status="diverged"),
    )
    assert dataframes.best_rates(runs)["learning_rate"].tolist() == [0.2]


@pytest.mark.parametrize("status", ["diverged", "failed", "timeout", "out_of_memory"])
def test_a_rate_that_leaves_seeds_without_a_result_loses_to_one_that_does_not(status):
    runs = runs_of(
        make_record(learning_rate=1.0, seed=0, accuracy=0.90),
        *(make_record(learning_rate=1.0, seed=seed, status=status) for seed in range(1, 5)),
        *(make_record(learning_rate=0.1, seed=seed, accuracy=0.85) for seed in range(5)),
    )
    best = dataframes.best_rates(runs)
    assert best["learning_rate"].tolist() == [0.1] * 5
    alone = dataframes.best_rates(runs[runs["learning_rate"] == 1.0])
    assert alone[["learning_rate", "n_tried"]].to_numpy().tolist() == [[1.0, 5.0]]


def test_a_seed_that_failed_and_was_repeated_has_a_result():
    again = replace(make_record(learning_rate=1.0, accuracy=0.9), run_id="again")
    runs = runs_of(
        make_record(learning_rate=1.0, status="failed"), again, make_record(learning_rate=0.1)
    )
    assert dataframes.best_rates(runs)["run_id"].tolist() == ["again"]


def test_without_validation_the_training_loss_decides_and_without_losses_the_lowest_rate():
    records = [make_record(learning_rate=rate) for rate in (0.1, 0.2)]
    for number, record in enumerate(records):
        epochs = [
            replace(one, validation_accuracy=None, train_loss=one.train_loss - number)
            for one in record.epochs
        ]
        records[number] = replace(record, epochs=tuple(epochs))
    assert dataframes.best_rates(runs_of(*records))["learning_rate"].tolist() == [0.2]
    bare = [replace(record, epochs=()) for record in records]
    assert dataframes.best_rates(runs_of(*bare))["learning_rate"].tolist() == [0.1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("validation_fraction", 0.2), ("shuffle", False), ("threads", 1), ("epochs", 9),
        ("evaluate_training_set", True), ("batch_size", 64),
    ],
)  # fmt: skip
def test_runs_of_other_settings_are_another_condition(key, value):
    runs = runs_of(make_record(), make_record("keras", **{key: value}))
    assert key in dataframes.CONDITIONS
    assert dataframes.varying(runs) == sorted(
        ["architecture", key], key=dataframes.CONDITIONS.index
    )
    assert f"{key.replace('_', ' ')} {dataframes.plain(value)}" in dataframes.condition_label(
        runs.iloc[1], dataframes.varying(runs)
    )
