import math
from dataclasses import replace

import pandas as pd
import pytest

from bench.report.frames import comparison, dataframes
from bench.report.frames.comparison import add_time_to_accuracy
from bench.report.frames.display_names import run_views
from bench.report.frames.runs import runs_frame
from bench.report.frames.speed_pairs import SpeedPairs
from bench.statistics import half_width
from tests.report.conftest import ENVIRONMENT, make_record, make_verdict, runs_of


def compare(runs):
    return comparison.compare(runs, SpeedPairs(runs))


def test_the_best_rate_is_that_of_the_mean_over_seeds():
    runs = runs_of(
        make_record(learning_rate=0.1, seed=0, accuracy=0.90),
        make_record(learning_rate=0.1, seed=1, accuracy=0.60),
        make_record(learning_rate=0.2, seed=0, accuracy=0.80),
        make_record(learning_rate=0.2, seed=1, accuracy=0.80),
    )
    row = compare(runs).iloc[0]
    assert row["learning_rate"] == 0.2
    assert row["n_seeds"] == 2


def test_the_ratio_is_to_the_fastest_of_the_same_condition():
    runs = runs_of(
        make_record("numpy", "one_hidden", examples_per_second=1000),
        make_record("keras", "one_hidden", examples_per_second=250),
        make_record("keras", "two_hidden", examples_per_second=100),
    )
    ratios = compare(runs).set_index(["architecture", "implementation"])["times_slower"]
    assert ratios.to_dict() == pytest.approx(
        {
            ("one_hidden", "numpy"): 1.0,
            ("one_hidden", "keras"): 4.0,
            ("two_hidden", "keras"): 1.0,
        }
    )


def test_runs_on_different_data_are_not_compared():
    keras = replace(make_record("keras", examples_per_second=250), dataset_fingerprint="fedcba98")
    failed = make_record("torch", status="failed")
    runs = runs_of(make_record("numpy"), keras)
    assert compare(runs)["times_slower"].tolist() == [1.0, 1.0]
    assert "dataset_fingerprint" in dataframes.varying(compare(runs))
    same = compare(runs_of(make_record("numpy"), failed))  # it ended before it had read the data
    assert "dataset_fingerprint" not in dataframes.varying(same)


@pytest.mark.parametrize("parity", ["failed", "judged"])
def test_a_row_without_proven_parity_keeps_its_numbers_and_has_no_rank(parity):
    runs = runs_of(
        make_record("numpy", examples_per_second=1000),
        make_record("keras", examples_per_second=500),  # one pair: can't be told apart
        make_record("wrong", examples_per_second=4000, parity=parity),
    )
    rows = compare(runs).set_index("implementation")
    assert rows["rank"].to_dict() == pytest.approx(
        {"numpy": 1, "keras": 1, "wrong": math.nan}, nan_ok=True
    )
    slower = {"numpy": 1.0, "keras": 2.0, "wrong": 0.25}
    assert rows["times_slower"].to_dict() == pytest.approx(slower)
    assert rows.index[-1] == "wrong"
    assert rows.loc["wrong", "parity"] == ("failed" if parity == "failed" else "not checked")


def test_one_run_without_proven_parity_costs_its_row_the_rank():
    runs = runs_of(make_record(seed=0), make_record(seed=1, parity="failed"))
    assert pd.isna(compare(runs)["rank"].iloc[0])


@pytest.mark.parametrize("status", ["failed", "timeout", "skipped", "diverged", "out_of_memory"])
def test_a_run_without_a_result_is_compared_with_nothing(status):
    assert compare(runs_of(make_record(status=status))).empty


def test_runs_of_different_data_are_not_mixed():
    runs = runs_of(make_record(dataset="fashion_mnist"), make_record(dataset="synthetic"))
    compared = compare(runs)
    assert len(compared) == 2
    assert dataframes.varying(compared) == ["architecture", "dataset"]


def test_the_same_run_twice_is_one_seed():
    first, again = make_record(seed=0), make_record(seed=0, examples_per_second=4000.0)
    object.__setattr__(again, "run_id", "again")
    row = compare(runs_of(first, again)).iloc[0]
    assert row["n_seeds"] == 1
    assert pd.isna(row["test_accuracy_half_width"])
    assert row["examples_per_second"] == pytest.approx(500 * 2)  # of 500 and 2,000
    other = make_record(seed=1, test_accuracy=0.81, examples_per_second=1000.0)
    row = compare(runs_of(first, again, other)).iloc[0]
    assert row["n_seeds"] == 2
    assert row["test_accuracy_half_width"] == half_width([0.79, 0.81])


def test_a_seed_without_a_score_is_not_counted_in_the_interval():
    records = [make_record(seed=seed, test_accuracy=0.8 + seed / 100) for seed in range(3)]
    object.__setattr__(records[2], "test_accuracy", None)
    row = compare(runs_of(*records)).iloc[0]
    assert (row["n_seeds"], row["n_tested"]) == (3, 2)
    assert row["test_accuracy_half_width"] == half_width([0.8, 0.81])


def test_the_machine_was_as_quiet_as_in_its_worst_run():
    runs = runs_of(*(
        make_record(seed=seed, environment=ENVIRONMENT | {"noisy": noisy})
        for seed, noisy in enumerate((False, True, None))
    ))  # fmt: skip
    assert compare(runs)["quiet"].tolist() == ["noisy"]
    assert compare(runs[runs["seed"] != 1])["quiet"].tolist() == ["not known"]
    assert compare(runs[runs["seed"] == 0])["quiet"].tolist() == ["quiet"]


@pytest.mark.parametrize("accuracy", [0.29, 0.57, 0.58, 0.8, 0.81])
def test_the_target_is_the_hundredth_that_was_reached(accuracy):
    record = make_record(accuracy=accuracy - 0.05)
    object.__setattr__(record.epochs[-1], "validation_accuracy", accuracy)
    row = add_time_to_accuracy(compare(runs_of(record)), [record]).iloc[0]
    assert row["target"] == accuracy
    assert row["seconds_to_target"] == 6.0


def test_the_default_target_is_an_accuracy_that_every_implementation_reached():
    records = [make_record("numpy", accuracy=0.9), make_record("keras", accuracy=0.8)]
    verdicts = [make_verdict("numpy"), make_verdict("keras")]
    runs = runs_frame(run_views(records), verdicts)
    table = add_time_to_accuracy(compare(runs), records)
    assert table["target"].tolist() == [0.8, 0.8]
    assert table["n_reached"].tolist() == [1, 1]
