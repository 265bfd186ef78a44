"""The allowed values of a configuration, and the messages about other values."""

import copy
import dataclasses
import typing
from pathlib import Path

import msgspec
import pytest

from bench.config import checks
from bench.config.checks import check
from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.config.keys import KEYS
from bench.contract import Recipe
from bench.machine.facts import cpu_model, usable_cores


@pytest.fixture(scope="module")
def default() -> dict:
    """The default configuration as plain values."""
    (config,) = compose_runs([], default_name="unnamed")
    return msgspec.to_builtins(config)


@pytest.fixture
def accepted(default) -> dict:
    return copy.deepcopy(default)


def changed(content: dict, key: str, value: object) -> dict:
    content = copy.deepcopy(content)
    *parents, leaf = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    section[leaf] = value
    return content


def refusal(content: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        check(content)
    message = str(caught.value)
    assert message.isprintable()
    return message


def test_the_default_configuration_is_accepted_unchanged(accepted):
    assert msgspec.to_builtins(check(accepted)) == accepted


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("learning_rate", -1, "learning_rate=-1: must be a finite number above 0"),
        ("learning_rate", float("nan"), "learning_rate=nan: must be a finite number above 0"),
        ("learning_rate", float("inf"), "learning_rate=inf: must be a finite number above 0"),
        ("learning_rate", "fast", "learning_rate=fast: must be a finite number above 0"),
        ("epochs", 0, "epochs=0: must be a whole number, 1 or more"),
        ("epochs", 1.5, "epochs=1.5: must be a whole number, 1 or more"),
        ("epochs", None, "epochs=null: must be a whole number, 1 or more"),
        ("batch_size", 0, "batch_size=0: must be a whole number, 1 or more"),
        ("batch_size", 60000, "batch_size=60000: must be 1 to 54000"),
        ("seed", -1, "seed=-1: must be a whole number from 0"),
        ("threads", 9999, f"threads=9999: must be auto, or 1 to {len(usable_cores())}"),
        ("threads", 0, f"threads=0: must be auto, or 1 to {len(usable_cores())}"),
        ("threads", "some", "threads=some: must be auto, or a number of cores"),
        ("validation_fraction", 1, "validation_fraction=1: must be a number from 0 up to"),
        ("validation_fraction", 0.999999, "must be a share that leaves training data"),
        ("architecture.hidden_sizes", [], "architecture.hidden_sizes=[]: must be a list such as"),
        ("architecture.hidden_sizes", [0], "architecture.hidden_sizes=[0]: must be a list such"),
        ("architecture.hidden_sizes", [128, "6r"], "must be a list such as"),
        ("instructions", "avx512", "instructions=avx512: must be auto or avx2"),
        ("device", "tpu", "device=tpu: must be cpu or gpu"),
        ("timeout_seconds", 0, "must be seconds above 0, up to 100000000, or null"),
        ("timeout_seconds", 1e10, "must be seconds above 0, up to 100000000, or null"),
        ("timeout_seconds", float("nan"), "must be seconds above 0, up to 100000000"),
        ("memory_limit", 2, "must be an amount such as 500MB or 2GB, or null"),
        ("memory_limit", "0GB", "must be an amount such as 500MB or 2GB, or null"),
        ("recipe.loss", "hinge", "recipe.loss=hinge: must be cross_entropy or mean_squared_error"),
        ("recipe.momentum", float("nan"), "recipe.momentum=nan: must be a number from 0 up to"),
        ("recipe.momentum", 1, "recipe.momentum=1.0: must be a number from 0 up to, not includ"),
        ("recipe.beta_1", 1, "recipe.beta_1=1.0: must be a number from 0 up to, not including, 1"),
        ("recipe.beta_2", -0.1, "recipe.beta_2=-0.1: must be a number from 0 up to, not includ"),
        ("recipe.epsilon", -1, "recipe.epsilon=-1.0: must be a number from 1e-30 to 1"),
        ("recipe.epsilon", 0, "recipe.epsilon=0.0: must be a number from 1e-30 to 1"),
        ("recipe.output", "sigmoid", "cross_entropy needs probabilities that sum to one"),
        ("sweep_name", "../elsewhere", "sweep_name=../elsewhere: must be up to 100 letters"),
        ("sweep_name", "a b", "sweep_name=a b: must be up to 100 letters"),
        ("implementation.module", "os", "implementation.module=os: must be one of"),
        ("implementation.requires", ["os.path"], "must be a list of the top-level modules"),
        ("implementation.requires", ["__main__"], "must be a list of the top-level modules"),
        ("recipe.momentum", 0.5, "recipe.momentum=0.5: has no effect with sgd; leave it out"),
        ("recipe.epsilon", 0.5, "recipe.epsilon=0.5: has no effect with sgd; leave it out"),
        ("dataset.seed", 1, "dataset.seed=1: has no effect with fashion_mnist"),
        ("surprise", 1, "surprise=1: no such key"),
        ("architecture.surprise", 1, "architecture.surprise=1: no such key"),
        ("recipe.momentun", 0.5, "recipe.momentun=0.5: no such key; did you mean recipe.momentum"),
        ("dataset.trainig_size", 5, "no such key; did you mean dataset.training_size?"),
        ("dataset.surprise", {}, "dataset.surprise={}: no such key"),
        ("implementation.claims.surprise", 1, "implementation.claims.surprise=1: no such key"),
    ],
)
def test_an_impossible_value_is_refused_in_one_line(accepted, key, value, expected):
    assert expected in refusal(changed(accepted, key, value))


def test_instructions_that_the_processor_lacks_are_refused(accepted, monkeypatch):
    monkeypatch.setattr(checks, "cpu_flags", lambda: frozenset({"avx", "fma"}))
    assert refusal(changed(accepted, "instructions", "avx2")) == (
        f"instructions=avx2: this processor ({cpu_model()}) does not list avx2 among its "
        "instructions; use instructions=auto"
    )


def test_instructions_are_refused_for_a_gpu(accepted, monkeypatch):
    monkeypatch.setattr(checks, "cpu_flags", lambda: frozenset({"avx2"}))
    assert check(changed(accepted, "instructions", "avx2")).instructions == "avx2"
    on_gpu = changed(accepted, "device", "gpu")
    assert check(on_gpu).device == "gpu"
    expected = "instructions=avx2: has no effect with device=gpu; leave it out"
    assert refusal(changed(on_gpu, "instructions", "avx2")) == expected


@pytest.mark.parametrize(
    "key",
    ["sweep_name", "results_folder", "dataset.path", "dataset.name", "recipe.name", "device",
     "implementation.name", "implementation.module"],
)  # fmt: skip
@pytest.mark.parametrize("blank", ["", "  ", "a\0b"])
def test_a_blank_text_is_no_name_and_no_path(accepted, key, blank):
    assert refusal(changed(accepted, key, blank)).startswith(f"{key}=")


def test_keys_that_are_no_text_are_refused(accepted):
    assert "1=2: no such key" in refusal(accepted | {1: 2})


def test_a_missing_key_is_named(accepted):
    del accepted["recipe"]["loss"]
    assert refusal(accepted) == "recipe.loss: must be given"


def test_long_and_unprintable_values_are_shortened(accepted):
    assert len(refusal(changed(accepted, "sweep_name", "a\n" * 5000))) < 300


def test_a_results_folder_may_be_in_the_home_folder(accepted, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert check(accepted | {"results_folder": "~/x"}).results_folder == str(Path("/somewhere/x"))
    assert "results_folder=~nobody-of-this-name/x" in refusal(
        accepted | {"results_folder": "~nobody-of-this-name/x"}
    )


@pytest.mark.parametrize("field", dataclasses.fields(Recipe), ids=lambda field: field.name)
def test_the_help_lists_the_values_of_the_contract(field):
    values = typing.get_args(typing.get_type_hints(Recipe)[field.name])
    assert not values or KEYS[f"recipe.{field.name}"].allowed == " or ".join(values)
