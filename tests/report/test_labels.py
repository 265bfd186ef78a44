"""One name, several contents: told apart, so that they are not taken for seeds of the same run."""

import json

from bench.report import comparing, distinct, frames
from tests.report.conftest import ENVIRONMENT, make_record, verdicts_for


def names(records, group):
    return [record.config[group]["name"] for record in distinct.told_apart(records)]


def test_hidden_sizes_of_the_same_name_are_told_apart():
    records = [make_record(seed=number) for number in range(2)]
    records[1].config["architecture"]["hidden_sizes"] = [64, 10]
    assert names(records, "architecture") == [
        "one_hidden (hidden_sizes [128])", "one_hidden (hidden_sizes [64, 10])",
    ]  # fmt: skip


def test_constants_of_a_recipe_are_told_apart_by_those_that_differ():
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


def test_options_make_two_of_an_implementation_and_colours_do_not():
    records = [make_record(colour=colour) for colour in ("#000000", "#111111", "#000000")]
    records[2].config["implementation"]["options"] = {"compile": True}
    assert names(records[:2], "implementation") == ["numpy", "numpy"]
    assert names(records, "implementation") == [
        "numpy (options.compile not recorded)",
        "numpy (options.compile not recorded)",
        "numpy (options.compile True)",
    ]  # fmt: skip


def test_they_are_compared_and_not_pooled():
    records = [make_record(seed=seed, test_accuracy=0.8) for seed in (0, 1)]
    records[1].config["recipe"]["momentum"] = 0.5
    told = distinct.told_apart(records)
    compared = comparing.comparison(frames.runs_frame(told, verdicts_for(told)))
    assert compared["n_seeds"].tolist() == [1, 1]
    assert compared["recipe"].nunique() == 2


def test_what_differs_only_beyond_what_is_shown_is_numbered():
    long = "x" * 100
    labels = distinct.labels(["a", "a", "a"], [{"k": long + "1"}, {"k": long + "2"}, {"k": "y"}])
    assert len(set(labels)) == 3
    assert all(len(label) < 60 for label in labels)


def test_configurations_of_another_shape_are_left_alone():
    record = make_record()
    object.__setattr__(record, "config", {"implementation": "x", "recipe": {"name": ["y"]}})
    assert distinct.told_apart([record]) == (record,)


def test_machines_are_told_apart_by_what_differs():
    records = [
        make_record(environment=ENVIRONMENT | added)
        for added in ({"platform": "A"}, {"platform": "B"}, {"cpu_model": "Other"})
    ] + [make_record(environment={})]  # fmt: skip
    assert distinct.machines(records) == [
        "A processor (system A)", "A processor (system B)", "Other", None,
    ]  # fmt: skip
    assert json.dumps(distinct.machines(records))
