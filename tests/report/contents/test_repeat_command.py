"""The command in a report repeats the very run: what it composes has the run's own hash."""

import itertools
import shlex
from dataclasses import replace

import msgspec
import pytest

from bench.config.compose import compose_runs
from bench.report.contents.repeat_command import repeat_command, repeat_commands
from tests.report.conftest import make_record


def record_of(words):
    (config,) = compose_runs(words, default_name="x")
    content = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(config)))
    record = make_record()
    object.__setattr__(record, "config", content)
    return record, config


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["recipe=relu_softmax_momentum", "recipe.momentum=0.5", "recipe.activation=tanh"],
        ["recipe.optimizer=momentum", "recipe.momentum=0.5"],
        ["recipe=relu_softmax_adam", "recipe.epsilon=1e-05", "recipe.initializer=glorot_uniform"],
        ["implementation=torch", "implementation.options.compile=true"],
        ["implementation=keras", "architecture=two_hidden", "architecture.hidden_sizes=[7,8]"],
        ["dataset=synthetic", "dataset.training_size=300", "shuffle=false", "seed=3", "threads=1"],
        ["learning_rate=1e-05", "validation_fraction=0", "evaluate_training_set=true"],
    ],
    ids=" ".join,
)
def test_the_command_composes_the_configuration_of_the_run(words):
    record, config = record_of(words)
    typed = shlex.split(repeat_command(record))
    assert typed[0] == "bench"
    (again,) = compose_runs(typed[1:], default_name="y")
    assert again.hash == config.hash


def test_the_command_leaves_out_keys_that_the_choices_decide():
    record, _ = record_of(["recipe=relu_softmax_adam"])
    words = shlex.split(repeat_command(record))
    assert not [word for word in words if "." in word.partition("=")[0]]


def test_a_changed_key_of_a_choice_is_typed_besides_the_choice():
    records = [record_of(words)[0] for words in ([], ["architecture.hidden_sizes=[5]"])]
    first, second = (repeat_command(record) for record in records)
    assert "architecture=one_hidden " in first
    assert "architecture=one_hidden 'architecture.hidden_sizes=[5]'" in second


@pytest.mark.parametrize("name", ["$(reboot)", "a;b", "../../x", "x\ny", "\x1b[2J", "`id`"])
def test_settings_with_shell_characters_have_no_command(name):
    record = make_record(name)
    object.__setattr__(record, "run_id", "run_\x1b_1")
    assert (
        repeat_command(record)
        == r"(no command: run_\x1b_1 has settings with characters unsafe in a shell)"
    )


def test_a_choice_from_a_users_folder_is_repeated_from_there(tmp_path):
    folder = tmp_path / "my conf"
    (folder / "architecture").mkdir(parents=True)
    (folder / "architecture" / "wide.yaml").write_text("name: wide\nhidden_sizes: [77]\n")
    (config,) = compose_runs(["architecture=wide"], default_name="x", config_folder=str(folder))
    content = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(config)))
    record = replace(make_record(), config=content, config_dir=str(folder))
    typed = shlex.split(repeat_command(record))
    assert typed[:2] == ["bench", f"--config-dir={folder}"]
    (again,) = compose_runs(typed[2:], default_name="y", config_folder=str(folder))
    assert again.hash == config.hash


def test_a_users_folder_of_odd_characters_has_no_command():
    record = replace(make_record(), config_dir="/x\n; reboot")
    assert repeat_command(record).startswith("(no command: ")


def runs_repeated(line):
    """Return the settings of each run of a command, with every value of a sweep."""
    words = shlex.split(line)
    settings = [word.partition("=") for word in words if "=" in word]
    values = [value.split(",") if "-m" in words else [value] for _, _, value in settings]
    return {
        frozenset(zip((key for key, *_ in settings), some, strict=True))
        for some in itertools.product(*values)
    }


def records_at(*settings):
    return [
        replace(make_record(name, learning_rate=rate), run_id=f"{name}-{rate}")
        for name, rate in settings
    ]


def test_one_command_repeats_all_combinations_of_settings():
    names, rates = ("numpy", "keras"), (0.1, 0.01, 1e-05)
    records = records_at(*itertools.product(names, rates))
    (line,) = repeat_commands(records)
    assert line.startswith("bench -m implementation=keras,numpy ")
    assert "learning_rate=1e-05,0.01,0.1 " in line
    one_by_one = [runs_repeated(repeat_command(record)) for record in records]
    assert runs_repeated(line) == set().union(*one_by_one)


def test_no_command_repeats_a_run_that_there_was_not():
    records = records_at(("numpy", 0.1), ("numpy", 0.01), ("keras", 0.1), ("jax", 0.5))
    lines = repeat_commands(records)
    assert len(lines) == 3
    one_by_one = [runs_repeated(repeat_command(record)) for record in records]
    assert set().union(*map(runs_repeated, lines)) == set().union(*one_by_one)


def test_a_run_without_a_command_is_named_after_the_commands():
    records = records_at(("numpy", 0.1), ("a;b", 0.1), ("keras", 0.1))
    line, refused = repeat_commands(records)
    assert "implementation=keras,numpy" in line
    assert refused.startswith("(no command: a;b-0.1 ")


def test_values_with_commas_are_not_swept():
    records = [record_of([f"architecture.hidden_sizes={sizes}"])[0] for sizes in ("[5]", "[7,8]")]
    records = [replace(record, run_id=str(place)) for place, record in enumerate(records)]
    lines = repeat_commands(records)
    assert sorted(lines) == sorted(map(repeat_command, records))
