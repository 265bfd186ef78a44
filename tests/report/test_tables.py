import math

import pandas as pd
import pytest
from scipy import stats

from bench.report import tables
from tests.report.conftest import make_record, verdicts_for


def table(*records):
    return tables.runs_table(records, verdicts_for(records))


def test_a_row_a_run_with_the_numbers_of_its_record():
    record = make_record(learning_rate=0.03)
    row = table(record).iloc[0]
    assert row["run_id"] == record.run_id
    assert row["learning_rate"] == 0.03
    assert row["validation_accuracy"] == record.epochs[-1].validation_accuracy
    assert row["train_seconds"] == record.seconds.train
    assert row["test_size"] == 10_000
    assert row["cores"] == 2


def test_a_row_an_epoch_with_the_seconds_so_far():
    curve = tables.curves_table([make_record(examples_per_second=1000.0)])
    assert curve["epoch"].tolist() == [0, 1, 2, 3]
    assert curve["train_seconds_so_far"].tolist() == [0.0, 1.0, 3.0, 6.0]


def test_speed_of_each_epoch():
    assert tables.epoch_speeds(make_record(examples_per_second=600.0)) == pytest.approx(
        [600.0, 300.0, 200.0]
    )
    assert tables.epoch_speeds(make_record(status="failed")) == []


def test_the_best_rate_is_chosen_on_validation_and_not_on_the_test_set():
    runs = table(
        make_record(learning_rate=0.1, accuracy=0.80, test_accuracy=0.90),
        make_record(learning_rate=0.2, accuracy=0.85, test_accuracy=0.70),
        make_record(learning_rate=0.3, status="diverged"),
    )
    assert tables.comparison(runs)["learning_rate"].tolist() == [0.2]


def test_the_best_rate_is_that_of_the_mean_over_seeds():
    runs = table(
        make_record(learning_rate=0.1, seed=0, accuracy=0.90),
        make_record(learning_rate=0.1, seed=1, accuracy=0.60),
        make_record(learning_rate=0.2, seed=0, accuracy=0.80),
        make_record(learning_rate=0.2, seed=1, accuracy=0.80),
    )
    row = tables.comparison(runs).iloc[0]
    assert row["learning_rate"] == 0.2
    assert row["n_seeds"] == 2


def test_the_ratio_is_to_the_fastest_of_the_same_condition():
    runs = table(
        make_record("numpy", "one_hidden", examples_per_second=1000),
        make_record("keras", "one_hidden", examples_per_second=250),
        make_record("keras", "two_hidden", examples_per_second=100),
    )
    ratios = tables.comparison(runs).set_index(["architecture", "implementation"])["ratio"]
    assert ratios.to_dict() == {
        ("one_hidden", "numpy"): 1.0,
        ("one_hidden", "keras"): 0.25,
        ("two_hidden", "keras"): 1.0,
    }


@pytest.mark.parametrize("parity", ["failed", "judged"])
def test_without_a_proof_a_row_keeps_its_numbers_and_has_no_rank(parity):
    runs = table(
        make_record("numpy", examples_per_second=1000),
        make_record("keras", examples_per_second=500),
        make_record("wrong", examples_per_second=4000, parity=parity),
    )
    rows = tables.comparison(runs).set_index("implementation")
    assert rows["rank"].to_dict() == pytest.approx(
        {"numpy": 1, "keras": 2, "wrong": math.nan}, nan_ok=True
    )
    assert rows["ratio"].to_dict() == {"numpy": 1.0, "keras": 0.5, "wrong": 4.0}
    assert rows.index[-1] == "wrong"
    assert rows.loc["wrong", "parity"] == ("failed" if parity == "failed" else "not judged")


def test_one_run_without_a_proof_among_its_seeds_costs_the_rank():
    runs = table(make_record(seed=0), make_record(seed=1, parity="failed"))
    assert pd.isna(tables.comparison(runs)["rank"].iloc[0])


@pytest.mark.parametrize("status", ["failed", "timeout", "skipped", "diverged", "out_of_memory"])
def test_a_run_without_a_result_is_compared_with_nothing(status):
    assert tables.comparison(table(make_record(status=status))).empty


def test_runs_of_different_data_are_not_mixed():
    runs = table(make_record(dataset="fashion_mnist"), make_record(dataset="synthetic"))
    comparison = tables.comparison(runs)
    assert len(comparison) == 2
    assert tables.varying(comparison) == ["architecture", "dataset"]


def test_the_interval_is_students():
    values = [0.81, 0.83, 0.86, 0.80]
    low, high = stats.t.interval(0.95, 3, loc=0, scale=stats.sem(values))
    assert tables.half_width(values) == pytest.approx(high)
    assert tables.half_width(values) == pytest.approx(-low)
    assert tables.half_width([0.8]) is None


def test_the_standard_error_of_one_test_set():
    assert tables.standard_error(0.89, 10_000) == pytest.approx(0.0031, abs=5e-5)
    assert tables.standard_error(0.5, 100) == math.sqrt(0.25 / 100)


def test_settings_of_the_wrong_type_are_blanks_and_not_errors():
    record = make_record()
    strange = {key: ["a", "list"] for key in record.config}
    object.__setattr__(record, "config", strange)
    row = table(record).iloc[0]
    assert pd.isna(row["learning_rate"])
    assert row["implementation"] is None
