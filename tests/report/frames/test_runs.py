import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.report.frames import dataframes
from bench.report.frames.display_names import run_views
from bench.report.frames.runs import curves_frame, epoch_speeds, runs_frame
from tests.report.conftest import ENVIRONMENT, make_record, runs_of

ROOT = Path(__file__).parents[3]


def test_one_row_per_run_with_the_numbers_of_its_record():
    record = make_record(learning_rate=0.03)
    row = runs_of(record).iloc[0]
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
    runs = runs_of(earlier, later, limited)
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


def test_settings_of_the_wrong_type_are_blanks_and_not_errors():
    record = make_record()
    strange = {key: ["a", "list"] for key in record.config}
    object.__setattr__(record, "config", strange)
    row = runs_of(record).iloc[0]
    assert pd.isna(row["learning_rate"])
    assert row["implementation"] == "not recorded"


@pytest.mark.parametrize(
    "environment",
    [
        {"cpu_model": "Another"}, {"platform": "Another"}, {"caches": {"L2": "1K"}}, {"gpu": "One"},
        {"cores": list(range(64))}, {"limits": {"cores": 1.0}},
    ],
)  # fmt: skip
def test_another_machine_is_another_condition(environment):
    runs = runs_of(make_record(), make_record("keras", environment=ENVIRONMENT | environment))
    assert runs.groupby(list(dataframes.CONDITIONS), dropna=False).ngroups == 2


def test_a_run_without_a_recorded_machine_gets_that_of_its_sweep():
    runs = runs_of(make_record(), make_record("keras", status="skipped", environment={}))
    assert runs["machine"].tolist() == ["A processor"] * 2
    assert runs["cores"].tolist() == [2, 2]


def test_a_frame_without_records_has_all_columns():
    assert list(runs_of()) == list(runs_of(make_record()))
    assert dataframes.best_rates(runs_of()).empty


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
