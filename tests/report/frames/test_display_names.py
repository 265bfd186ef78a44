"""One name with several contents: labels differ, so that they do not count as the same run."""

import json

from bench.report.frames import display_names
from bench.report.frames.comparison import compare
from bench.report.frames.runs import runs_frame
from bench.report.frames.speed_pairs import SpeedPairs
from tests.report.conftest import ENVIRONMENT, make_record, verdicts_for


def names(records, group):
    return [getattr(view, group) for view in display_names.run_views(records)]


def test_a_label_names_hidden_sizes_that_are_not_the_usual_ones():
    record = make_record()
    assert names([record], "architecture") == ["one_hidden"]
    record.config["architecture"]["hidden_sizes"] = [32, 16]
    assert names([record], "architecture") == ["one_hidden (hidden_sizes [32, 16])"]
    record.config["architecture"]["name"] = "mine"
    assert names([record], "architecture") == ["mine"]


def test_hidden_sizes_of_the_same_name_get_different_labels():
    records = [make_record(seed=number) for number in range(2)]
    records[1].config["architecture"]["hidden_sizes"] = [64, 10]
    assert names(records, "architecture") == [
        "one_hidden (hidden_sizes [128])", "one_hidden (hidden_sizes [64, 10])",
    ]  # fmt: skip


def test_constants_of_a_recipe_are_in_the_label_if_they_differ():
    recipe = {"name": "momentum", "momentum": 0.9, "activation": "relu"}
    records = [
        make_record(recipe=recipe),
        make_record(recipe=recipe | {"momentum": 0.5}),
        make_record(recipe={"name": "momentum", "activation": "relu"}),
        make_record(recipe=recipe | {"name": "other"}),
    ]
    assert names(records, "recipe") == [
        "momentum (momentum 0.9)", "momentum (momentum 0.5)", "momentum (momentum not recorded)",
        "other",
    ]  # fmt: skip


def test_options_make_different_labels_and_colours_do_not():
    records = [make_record(colour=colour) for colour in ("#000000", "#111111", "#000000")]
    records[2].config["implementation"]["options"] = {"compile": True}
    assert names(records[:2], "implementation") == ["numpy", "numpy"]
    assert names(records, "implementation") == [
        "numpy (options.compile not recorded)",
        "numpy (options.compile not recorded)",
        "numpy (options.compile True)",
    ]  # fmt: skip


def test_different_labels_are_compared_and_not_pooled():
    records = [make_record(seed=seed, test_accuracy=0.8) for seed in (0, 1)]
    records[1].config["recipe"]["momentum"] = 0.5
    views = display_names.run_views(records)
    runs = runs_frame(views, verdicts_for(records))
    compared = compare(runs, SpeedPairs(runs))
    assert compared["n_seeds"].tolist() == [1, 1]
    assert compared["recipe"].nunique() == 2


def test_labels_that_differ_only_beyond_what_is_shown_are_numbered():
    long = "x" * 100
    found = display_names.labels(
        ["a", "a", "a"], [{"k": long + "1"}, {"k": long + "2"}, {"k": "y"}]
    )
    assert len(set(found)) == 3
    assert all(len(label) < 60 for label in found)


def test_a_choice_without_a_name_is_labelled_as_not_recorded_and_no_record_is_changed():
    record = make_record()
    object.__setattr__(record, "config", {"implementation": "x", "recipe": {"name": ["y"]}})
    (view,) = display_names.run_views([record])
    assert view.record is record
    assert record.config == {"implementation": "x", "recipe": {"name": ["y"]}}
    assert (view.implementation, view.architecture, view.recipe) == ("not recorded",) * 3


def test_machines_are_labelled_by_what_differs():
    records = [
        make_record(environment=ENVIRONMENT | added)
        for added in ({"platform": "A"}, {"platform": "B"}, {"cpu_model": "Other"})
    ] + [make_record(environment={})]  # fmt: skip
    assert display_names.machines(records) == [
        "A processor (system A)", "A processor (system B)", "Other", None,
    ]  # fmt: skip
    assert json.dumps(display_names.machines(records))
