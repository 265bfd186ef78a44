import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.report.frames import dataframes
from bench.report.frames.display_names import run_views
from bench.report.frames.runs import curves_frame, epoch_speeds, runs_frame
from tests.report.conftest import ENVIRONMENT, make_record, verdicts_for

ROOT = Path(__file__).parents[3]


def table(*records):
    return runs_frame(run_views(records), verdicts_for(records))


def test_one_row_per_run_with_the_numbers_of_its_record():
    record = make_record(learning_rate=0.03)
    row = table(record).iloc[0]
    assert row["run_id"] == record.run_id
    assert row["learning_rate"] == 0.03
    assert row["validation_accuracy"] == record.epochs[-1].validation_accuracy
    assert row["train_seconds"] == record.seconds.train
    assert row["test_size"] == 10_000
    assert row["cores"] == 2


def test_a_record_from_before_a_key_is_in_one_condition_with_records_that_have_its_default():
    later = make_record(learning_rate=0.03)
    later = replace(later, config={**later.config, "instructions": "auto"})
    limited = replace(later, config={**later.config, "instructions": "avx2"})
    earlier = make_record(learning_rate=0.1)
    assert "instructions" not in earlier.config
    runs = table(earlier, later, limited)
    assert runs["instructions"].tolist() == ["auto", "auto", "avx2"]
    labels = [(label, len(group)) for label, group in dataframes.conditions(runs)]
    assert labels == [("one_hidden, instructions auto", 2), ("one_hidden, instructions avx2", 1)]


def test_one_row_per_epoch_with_the_seconds_so_far():
    curve = curves_frame(run_views([make_record(examples_per_second=1000.0)]))
    assert curve["epoch"].tolist() == [0, 1, 2, 3]
    assert curve["train_seconds_so_far"].tolist() == [0.0, 1.0, 3.0, 6.0]


def test_speed_of_each_epoch():
    assert epoch_speeds(make_record(examples_per_second=600.0)) == pytest.approx(
        [600.0, 300.0, 200.0]
    )
    assert epoch_speeds(make_record(status="failed")) == []


def test_the_best_rate_is_chosen_on_validation_and_not_on_the_test_set():
    runs = table(
        make_record(learning_rate=0.1, accuracy=0.80, test_accuracy=0.90),
        make_record(learning_rate=0.2, accuracy=0.85, test_accuracy=0.70),
        make_record(learning_rate=0.3, status="diverged"),
    )
    assert dataframes.best_rates(runs)["learning_rate"].tolist() == [0.2]


def test_settings_of_the_wrong_type_are_blanks_and_not_errors():
    record = make_record()
    strange = {key: ["a", "list"] for key in record.config}
    object.__setattr__(record, "config", strange)
    row = table(record).iloc[0]
    assert pd.isna(row["learning_rate"])
    assert row["implementation"] == "not recorded"


@pytest.mark.parametrize("status", ["diverged", "failed", "timeout", "out_of_memory"])
def test_a_rate_that_leaves_seeds_without_a_result_loses_to_one_that_does_not(status):
    runs = table(
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
    runs = table(
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
    assert dataframes.best_rates(table(*records))["learning_rate"].tolist() == [0.2]
    bare = [replace(record, epochs=()) for record in records]
    assert dataframes.best_rates(table(*bare))["learning_rate"].tolist() == [0.1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("validation_fraction", 0.2), ("shuffle", False), ("threads", 1), ("epochs", 9),
        ("evaluate_training_set", True), ("batch_size", 64),
    ],
)  # fmt: skip
def test_runs_of_other_settings_are_another_condition(key, value):
    runs = table(make_record(), make_record("keras", **{key: value}))
    assert key in dataframes.CONDITIONS
    assert dataframes.varying(runs) == sorted(
        ["architecture", key], key=dataframes.CONDITIONS.index
    )
    assert f"{key.replace('_', ' ')} {dataframes.plain(value)}" in dataframes.condition_label(
        runs.iloc[1], dataframes.varying(runs)
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"cpu_model": "Another"}, {"platform": "Another"}, {"caches": {"L2": "1K"}}, {"gpu": "One"},
        {"cores": list(range(64))}, {"limits": {"cores": 1.0}},
    ],
)  # fmt: skip
def test_another_machine_is_another_condition(environment):
    runs = table(make_record(), make_record("keras", environment=ENVIRONMENT | environment))
    assert runs.groupby(list(dataframes.CONDITIONS), dropna=False).ngroups == 2


def test_a_run_without_a_recorded_machine_gets_that_of_its_sweep():
    runs = table(make_record(), make_record("keras", status="skipped", environment={}))
    assert runs["machine"].tolist() == ["A processor"] * 2
    assert runs["cores"].tolist() == [2, 2]


def test_a_frame_without_records_has_all_columns():
    assert list(table()) == list(table(make_record()))
    assert dataframes.best_rates(table()).empty


@pytest.mark.parametrize(
    ("heading", "make"),
    [("runs.csv", runs_frame), ("curves.csv", curves_frame)],
)
def test_the_columns_are_explained(heading, make):
    page = (ROOT / "docs" / "csv_columns.md").read_text(encoding="utf-8")
    section = page.partition(f"## {heading}")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \| ", section, re.MULTILINE) == list(
        make(run_views([make_record()]))
    )
