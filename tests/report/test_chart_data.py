"""The rows of the charts."""

from __future__ import annotations

import dataclasses

import pytest

from bench import plotting
from bench.records import Seconds
from bench.report import charts
from bench.report.analysis import analyse
from bench.report.chart_data import MAX_CURVES, MAX_DRAWN, chart_data, drawn_of
from tests.report.conftest import make_record, sweep_of


def data_of(records):
    return chart_data(analyse(sweep_of(*records)))


def without_validation(record):
    epochs = [
        dataclasses.replace(epoch, validation_loss=None, validation_accuracy=None)
        for epoch in record.epochs
    ]
    object.__setattr__(record, "epochs", tuple(epochs))
    return record


def test_of_many_runs_each_implementation_and_condition_has_as_many_curves():
    records = [
        make_record(name, architecture, seed=seed)
        for name in ("numpy", "keras", "torch", "jax")
        for architecture in ("one_hidden", "two_hidden")
        for seed in range(60)
    ]
    data = data_of(records)
    shown = data.tables["curves"].drop_duplicates("run_id")
    counts = shown.groupby(["condition", "implementation"]).size()
    assert len(counts) == 8
    assert counts.max() - counts.min() <= 1
    assert counts.sum() == MAX_CURVES
    (notice,) = data.notices
    assert f"Curves are drawn for {MAX_CURVES} of 480 runs" in notice


def test_complete_data_has_no_notice():
    data = data_of([make_record("numpy"), make_record("keras")])
    assert data.notices == []
    assert set(data.tables["curves"]["run_id"]) == set(data.tables["runs"]["run_id"])


def test_conditions_beyond_those_drawn_are_named_and_stay_in_the_tables():
    records = [make_record("numpy", f"{number:02}_hidden") for number in range(15)]
    data = data_of(records)
    assert len(data.conditions) == MAX_DRAWN == 12
    assert "first 12 of 15 conditions" in data.notices[0]
    assert len(data.packed()["runs"]["run_id"]) == 15
    assert data.tables["curves"]["condition"].max() == 11


def test_a_curve_names_its_run_by_its_place():
    data = data_of([make_record("numpy"), make_record("keras", "two_hidden")]).packed()
    names = [data["runs"]["implementation"][place] for place in data["curves"]["run"]]
    assert names == ["keras"] * 4 + ["numpy"] * 4  # the last, and thinnest, lies on top
    assert data["curves"]["epoch"] == [0, 1, 2, 3] * 2


def test_a_rate_has_the_mean_over_seeds_or_how_its_runs_ended():
    records = [make_record(seed=seed, accuracy=0.8 + seed / 10) for seed in (0, 1)]
    records += [make_record(learning_rate=3.0, seed=seed, status="diverged") for seed in (0, 1)]
    rates = data_of(records).tables["rates"].set_index("learning_rate")
    assert rates.loc[0.1, "validation_accuracy"] == pytest.approx(0.85)
    assert rates["ended"].to_dict() == {0.1: "done", 3.0: "diverged"}
    assert rates["runs"].tolist() == [2, 2]


def test_what_was_never_measured_has_no_chart():
    records = [without_validation(make_record(name)) for name in ("numpy", "keras")]
    data = data_of(records)
    drawn = {
        chart.name
        for chart in charts.charts(
            plotting.colours((name, "") for name in ("numpy", "keras")), [0.1]
        )
        if not chart.rows_drawn(data.tables[chart.table]).empty
    }
    assert drawn == {"speed", "training_loss", "time_by_part"}


def test_only_failures_have_no_chart_but_that_of_nothing():
    data = data_of([make_record(status="failed")])
    assert data.tables["done"].empty
    assert data.tables["time_by_part"].empty


def test_the_pareto_front_is_marked():
    runs = [(1.0, 0.90), (5.0, 0.90), (9.0, 0.95), (9.0, 0.93)]
    records = [
        dataclasses.replace(
            make_record(seed=seed, accuracy=accuracy), seconds=Seconds(train=seconds)
        )
        for seed, (seconds, accuracy) in enumerate(runs)
    ]
    done = data_of(records).tables["done"]
    assert done["pareto"].tolist() == [True, False, True, False]


def test_each_condition_has_its_own_pareto_front():
    records = [
        make_record(architecture=name, examples_per_second=speed, status=status)
        for name, speed, status in (
            ("a", 100.0, "done"),
            ("b", 900.0, "done"),
            ("c", 1.0, "failed"),
        )
    ]
    assert data_of(records).tables["runs"]["pareto"].tolist() == [True, True, False]


def test_conditions_that_are_not_drawn_are_counted():
    assert drawn_of(14, 6) == "Drawn for the first 6 of 14 conditions; the tables contain all."
    assert drawn_of(6, 6) == ""


def test_later_lines_are_thinner():
    looks = charts._Specifications(dict.fromkeys("abcd", "#000000"), [0.1])
    widths = looks.width["scale"]["range"]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] >= 1


def test_a_chart_is_described_by_the_range_of_each_implementation():
    records = [make_record("numpy", learning_rate=rate, accuracy=rate) for rate in (0.5, 0.75)]
    records.append(make_record("keras", status="diverged"))
    data = data_of(records)
    by_name = {chart.name: chart for chart in charts.charts({"numpy": ""}, data.rates)}
    assert by_name["rates"].describe(data.tables["rates"]) == (
        "Validation accuracy: numpy 0.5 to 0.75."
    )
