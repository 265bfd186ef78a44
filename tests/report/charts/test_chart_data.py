"""The rows of the charts, and the charts that are made of them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bench.colours import assign_colours
from bench.records import Seconds
from bench.report.charts.chart_data import MAX_CURVES, MAX_DRAWN, chart_data, drawn_of
from bench.report.charts.charts import charts
from bench.report.contents.comparison_table import slower_in_words
from bench.report.frames.analysis import analyse
from tests.report.conftest import make_record, sweep_of
from tests.results.test_history import entry


def data_of(records, history=()):
    return chart_data(analyse(sweep_of(*records)), history)


def charts_of(data):
    names = data.tables["runs"]["implementation"]
    return {
        chart.name: chart for chart in charts(data, assign_colours((name, "") for name in names))
    }


def without_validation(record):
    epochs = [
        dataclasses.replace(epoch, validation_loss=None, validation_accuracy=None)
        for epoch in record.epochs
    ]
    return dataclasses.replace(record, epochs=tuple(epochs))


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
    assert sorted(names) == ["keras"] * 4 + ["numpy"] * 4
    assert data["curves"]["epoch"] == [0, 1, 2, 3] * 2


def test_a_rate_has_the_mean_over_seeds_or_how_its_runs_ended():
    records = [make_record(seed=seed, accuracy=0.8 + seed / 10) for seed in (0, 1)]
    records += [make_record(learning_rate=3.0, seed=seed, status="diverged") for seed in (0, 1)]
    rates = data_of(records).tables["rates"].set_index("learning_rate")
    assert rates.loc[0.1, "accuracy"] == pytest.approx(0.85)
    assert rates["ended"].to_dict() == {0.1: "done", 3.0: "diverged"}
    assert rates["runs"].tolist() == [2, 2]


def test_what_was_never_measured_has_no_chart():
    records = [
        dataclasses.replace(without_validation(make_record(name)), test_accuracy=None)
        for name in ("numpy", "keras")
    ]
    assert set(charts_of(data_of(records))) == {
        "speed_ratios", "training_speed", "training_loss_by_epochs", "time_by_part", "peak_memory",
    }  # fmt: skip


def test_without_a_validation_set_accuracy_by_rate_is_that_of_the_test_set():
    records = [
        without_validation(make_record(learning_rate=rate, test_accuracy=rate))
        for rate in (0.25, 0.5)
    ]
    data = data_of(records)
    chart = charts_of(data)["accuracy_by_learning_rate"]
    rows = chart.rows(data)
    assert dict(zip(rows["learning_rate"], rows["accuracy"], strict=True)) == {0.25: 0.25, 0.5: 0.5}
    assert chart.caption.startswith("Test accuracy")
    assert "'bar'" in str(chart.specification)  # of a single implementation


def test_only_failures_have_no_charts_of_finished_runs():
    found = charts_of(data_of([make_record(status="failed")]))
    assert {chart.section for chart in found.values()} <= {"curves"}


def test_the_pareto_front_is_marked():
    runs = [("a", 1.0, 0.90), ("b", 5.0, 0.90), ("c", 9.0, 0.95), ("d", 9.0, 0.93)]
    records = [
        make_record(name, test_accuracy=accuracy, examples_per_second=1000 / seconds)
        for name, seconds, accuracy in runs
    ]
    compared = data_of(records).tables["compared"].set_index("implementation")
    assert compared["pareto"].to_dict() == {"a": True, "b": False, "c": True, "d": False}


def test_a_front_is_named_only_where_it_is_drawn():
    def caption(slower_accuracy):
        records = [make_record("numpy", test_accuracy=0.8, examples_per_second=2000.0),
                   make_record("keras", test_accuracy=slower_accuracy)]  # fmt: skip
        return charts_of(data_of(records))["accuracy_against_speed"].caption

    assert "Pareto" in caption(0.9)
    assert "Pareto" not in caption(0.7)


def test_a_chart_has_a_legend_of_what_its_axes_do_not_name():
    records = [make_record(name, learning_rate=rate)
               for name in ("numpy", "keras") for rate in (0.01, 0.1)]  # fmt: skip
    found = charts_of(data_of(records))
    assert set(found["accuracy_by_seconds"].legend) == {"numpy", "keras"}
    assert list(found["accuracy_by_epochs"].legend) == ["0.01", "0.1"]
    assert "evaluation" in found["time_by_part"].legend
    assert not found["peak_memory"].legend
    assert all('"legend": {' not in json.dumps(one.specification) for one in found.values())


def test_differences_are_of_runs_with_the_same_rate_and_seed():
    records = [
        make_record(name, learning_rate=rate, seed=seed, accuracy=0.5 + rate + extra * seed,
                    examples_per_second=speed)
        for name, extra, speed in (("numpy", 0.01, 900.0), ("keras", 0.03, 300.0))
        for rate in (0.1, 0.2) for seed in (0, 1)
    ]  # fmt: skip
    data = data_of(records)
    last = data.tables["differences"].query("epoch == 3")
    assert data.reference == "numpy"
    assert set(last["implementation"]) == {"keras"}
    assert last["difference"].tolist() == pytest.approx([1.0, 1.0])  # seeds 0 and 1: 0 and 2
    assert last["lowest"].tolist() == pytest.approx([0.0, 0.0])
    assert last["highest"].tolist() == pytest.approx([2.0, 2.0])
    assert last["pairs"].tolist() == [2, 2]


def test_a_setting_that_varies_has_charts_of_speed_and_accuracy_over_it():
    records = [
        make_record(name, architecture, batch_size=size)
        for name in ("numpy", "keras")
        for architecture in ("one_hidden", "two_hidden")
        for size in (2048, 32, 512)
    ]
    data = data_of(records)
    found = charts_of(data)
    assert {"examples_per_second_over_batch_size", "accuracy_over_batch_size"} <= set(found)
    chart = found["examples_per_second_over_batch_size"]
    assert [panel.label for panel in chart.panels] == ["one_hidden", "two_hidden"]
    rows = chart.rows(data)
    assert rows.loc[rows["condition"] == chart.panels[0].number, "value"].tolist() == [
        32,
        32,
        512,
        512,
        2048,
        2048,
    ]
    assert data.swept == {"batch_size": True}  # a logarithmic axis


def test_cores_that_the_threads_decide_have_no_charts_of_their_own():
    records = [
        make_record(name, threads=threads, environment={"cores": list(range(threads))})
        for name in ("numpy", "keras")
        for threads in (1, 2)
    ]
    assert list(data_of(records).swept) == ["threads"]


def test_the_history_has_a_panel_for_each_case_and_reference():
    entries = [
        entry(number, ratio, reference=reference * 40)
        for reference, ratio in (("a", 1.0), ("b", 2.0))
        for number in range(4)
    ]
    chart = charts_of(data_of([make_record()], entries))["speed_over_commits"]
    assert len(chart.panels) == 2
    assert "over bbbbbbb" in chart.panels[1].label
    assert "2 to 2" in chart.panels[1].description
    assert "No change was detected." in chart.caption


def test_the_history_of_other_settings_has_another_panel():
    entries = [
        entry(number, identity=seed * 12, settings=f"seed={seed}")
        for seed in "12"
        for number in range(2)
    ]
    chart = charts_of(data_of([make_record()], entries))["speed_over_commits"]
    assert [panel.label.split(", ")[1] for panel in chart.panels] == [
        "seed=1 (111111111111)", "seed=2 (222222222222)",
    ]  # fmt: skip


def test_conditions_that_are_not_drawn_are_counted():
    assert drawn_of(14, 6) == "Drawn for the first 6 of 14 conditions; the tables contain all."
    assert drawn_of(6, 6) == ""


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.0, "fastest"), (11.31, "11.3x\u00a0slower"), (1.5, "1.50x\u00a0slower"),
        (0.5, "2.00x\u00a0faster"), (1234.5, "1,234x\u00a0slower"), (float("nan"), "-"),
    ],
)  # fmt: skip
def test_a_ratio_is_said_in_words(ratio, words):
    assert slower_in_words(ratio, 1.0) == words


def test_the_highest_speed_is_not_called_the_fastest_if_others_may_be_as_fast():
    assert slower_in_words(1.0, 2.0) == "highest\u00a0speed"


def test_a_chart_is_described_by_the_range_of_each_implementation():
    records = [make_record("numpy", learning_rate=rate, accuracy=rate) for rate in (0.5, 0.75)]
    records.append(make_record("keras", status="diverged"))
    (panel,) = charts_of(data_of(records))["accuracy_by_learning_rate"].panels
    assert panel.description == "Accuracy: numpy 0.5 to 0.75."


def test_epochs_have_ticks_at_whole_numbers_only():
    data = data_of([make_record(n_epochs=2), make_record("keras", n_epochs=2)])
    specification = charts_of(data)["loss_by_epochs"].specification
    axis = specification["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"] == [0, 1, 2]


def test_an_accuracy_of_one_seed_has_an_interval_from_the_size_of_the_test_set():
    (row,) = data_of([make_record(test_accuracy=0.79)]).tables["compared"].to_dict("records")
    error = (0.79 * 0.21 / 10_000) ** 0.5
    assert row["accuracy_high"] - row["accuracy"] == pytest.approx(1.96 * error)


def test_time_by_part_is_a_mean_over_runs():
    records = [
        dataclasses.replace(make_record(seed=seed), seconds=Seconds(train=float(seed), total=9))
        for seed in (1, 2)
    ]
    table = data_of(records).tables["time_by_part"].set_index("part")
    assert table.loc["training", "seconds"] == 1.5


def test_panels_of_a_chart_share_their_axes():
    records = [
        make_record(name, architecture, accuracy=accuracy, test_accuracy=accuracy)
        for architecture, accuracies in (("one_hidden", (0.7, 0.8)), ("two_hidden", (0.75, 0.9)))
        for name, accuracy in zip(("numpy", "keras"), accuracies, strict=True)
    ]
    chart = charts_of(data_of(records))["accuracy_by_seconds"]
    shown = chart.rows(data_of(records))["validation_accuracy"]
    axis = chart.specification["encoding"]["y"]
    assert axis["scale"]["domain"] == [shown.min(), shown.max()]
    far = [make_record(name, "three", accuracy=0.1 + 0.01 * place)
           for place, name in enumerate(("numpy", "keras"))]  # fmt: skip
    chart = charts_of(data_of([*records, *far]))["accuracy_by_seconds"]
    assert "domain" not in chart.specification["encoding"]["y"]["scale"]  # one would be a line
    (alone,) = [one for one in records if one.run_id.startswith("numpy-one")]
    chart = charts_of(data_of([alone]))["accuracy_by_seconds"]
    assert "domain" not in chart.specification["encoding"]["y"]["scale"]


def test_a_point_has_the_speeds_of_its_slowest_and_fastest_run():
    records = [
        make_record(name, seed=seed, examples_per_second=speed)
        for name, speeds in (("numpy", (1000.0, 900.0, 1100.0)), ("keras", (100.0, 110.0, 90.0)))
        for seed, speed in enumerate(speeds)
    ]
    rows = data_of(records).tables["compared"][["speed_low", "speed_high"]]
    assert rows.to_numpy().tolist() == [[450.0, 550.0], [45.0, 55.0]]
