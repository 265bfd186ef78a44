"""The settings in which runs differ."""

from __future__ import annotations

from bench.config.identity import varying_keys


def config(**changes):
    content = {
        "implementation": {"name": "numpy", "colour": "#000000", "options": {"dtype": "float32"}},
        "architecture": {"name": "one_hidden", "hidden_sizes": [128]},
        "batch_size": 32,
        "seed": 0,
        "sweep_name": "night",
    }
    return content | changes


def test_the_same_runs_have_no_varying_keys():
    assert varying_keys([]) == varying_keys([config()]) == varying_keys([config(), config()]) == []


def test_keys_of_any_kind_vary():
    assert varying_keys([config(), config(batch_size=64), config(seed=1)]) == ["batch_size", "seed"]
    assert varying_keys([config(), config(new_key=1)]) == ["new_key"]
    options = {"name": "numpy", "options": {"dtype": "float64"}}
    assert varying_keys([config(), config(implementation=options)]) == [
        "implementation.options.dtype"
    ]


def test_what_changes_nothing_about_a_run_does_not_count():
    implementation = config()["implementation"] | {"colour": "#FFFFFF"}
    assert varying_keys([config(), config(sweep_name="b", implementation=implementation)]) == []


def test_a_key_that_the_name_of_its_choice_determines_is_left_out():
    two = {"name": "two_hidden", "hidden_sizes": [128, 64]}
    assert varying_keys([config(), config(architecture=two)]) == ["architecture.name"]
    wide = {"name": "one_hidden", "hidden_sizes": [512]}
    assert varying_keys([config(), config(architecture=wide)]) == ["architecture.hidden_sizes"]
    assert varying_keys(
        [
            config(architecture=one)
            for one in (two, wide, {"name": "one_hidden", "hidden_sizes": [4]})
        ]
    ) == [
        "architecture.name",
        "architecture.hidden_sizes",
    ]
