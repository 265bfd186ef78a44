"""Checks of a run's configuration: of each value, and of values that depend on each other.

No run starts before `check` has accepted its configuration.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench import registry
from bench.config.errors import ConfigError, short_value
from bench.config.keys import ALLOWED, check_key
from bench.config.schema import LauncherConfig, RunConfig
from bench.contract import Recipe
from bench.data.datasets import (
    FASHION_MNIST,
    IDX,
    SYNTHETIC,
    DatasetSettings,
    training_size,
    with_contents,
)
from bench.data.errors import DatasetError
from bench.data.splits import validation_size
from bench.machine.facts import cpu_flags, cpu_model, usable_cores
from bench.nested import lookup

DATASETS = (FASHION_MNIST, IDX, SYNTHETIC)
# The keys that each launcher reads.
LAUNCHER_KEYS = {
    "local": (),
    "slurm": ("partition", "minutes", "nodes", "setup", "attempts", "allow_mixed"),
    "ray": ("address", "nodes", "attempts", "allow_mixed"),
}
# The constants of a recipe that each optimizer reads.
CONSTANTS = {"sgd": (), "momentum": ("momentum",), "adam": ("beta_1", "beta_2", "epsilon")}


def check(composed: Mapping[Any, Any]) -> RunConfig:
    """Return a composed configuration as a checked `RunConfig`.

    With a launcher, cores and instructions are checked by `check_on_node` instead.

    Args:
        composed: plain values of any type, as Hydra composes them.

    Raises:
        ConfigError: naming the key, its value and what is allowed.
    """
    _check_keys_and_texts(composed)
    try:
        config = msgspec.convert(composed, type=RunConfig)
    except msgspec.ValidationError as error:
        raise _explain(error, composed) from error
    config = _with_dataset(config)
    _check_together(config)
    if config.launcher.name == "local":
        _check_machine(config)
    try:
        folder = Path(config.results_folder).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"results_folder={config.results_folder}: {error}") from error
    return msgspec.structs.replace(config, results_folder=str(folder))


def check_on_node(config: RunConfig) -> None:
    """Check that this machine has what a configuration needs that another machine has checked.

    Raises:
        ConfigError: the implementation, cores or instructions are missing here.
    """
    _check_module(config)
    _check_machine(config)


def _with_dataset(config: RunConfig) -> RunConfig:
    """Check the name of the dataset; name a set of IDX files by what is in them."""
    if config.dataset.name not in DATASETS:
        raise _error("dataset.name", config.dataset.name, f"one of {', '.join(DATASETS)}")
    try:
        dataset = with_contents(config.dataset)
    except DatasetError as error:
        raise ConfigError(f"dataset.path={short_value(config.dataset.path)}: {error}") from error
    return msgspec.structs.replace(config, dataset=dataset)


def _check_keys_and_texts(content: Mapping[Any, Any], prefix: str = "") -> None:
    """Refuse unknown keys, and texts that are blank or contain a null character."""
    for name, value in content.items():
        key = f"{prefix}{name}"
        check_key(key, value)  # msgspec ignores unknown keys of dataclasses, such as Recipe
        if isinstance(value, Mapping):
            _check_keys_and_texts(value, f"{key}.")
        elif isinstance(value, str) and (not value.strip() or "\0" in value):
            raise ConfigError(f"{key}={value!r}: must not be blank")


def _check_together(config: RunConfig) -> None:
    """Refuse values that are valid alone, but not with the other values."""
    recipe, dataset = config.recipe, config.dataset
    _check_module(config)
    for key in ("momentum", "beta_1", "beta_2", "epsilon"):
        value = getattr(recipe, key)
        # 1e-30 is above 0 in float32, too.
        if not (1e-30 <= value <= 1 if key == "epsilon" else 0 <= value < 1):
            raise _error(f"recipe.{key}", value, ALLOWED[f"recipe.{key}"])
        if key not in CONSTANTS[recipe.optimizer]:
            _refuse_without_effect("recipe", recipe, key, recipe.optimizer)
    if recipe.loss == "cross_entropy" and recipe.output != "softmax":
        raise ConfigError(
            f"recipe.output={recipe.output}: cross_entropy needs probabilities that sum to one; "
            "use recipe.output=softmax, or another loss"
        )
    launcher = config.launcher
    for key in LauncherConfig.__struct_fields__:
        if key not in ("name", *LAUNCHER_KEYS[launcher.name]):
            _refuse_without_effect("launcher", launcher, key, launcher.name)
    for key in ("path",) if dataset.name == SYNTHETIC else ("training_size", "test_size", "seed"):
        _refuse_without_effect("dataset", dataset, key, dataset.name)
    n_examples = training_size(dataset)
    n_train = n_examples - validation_size(n_examples, config.validation_fraction)
    if n_train < 1:
        allowed = "a share that leaves training data"
        raise _error("validation_fraction", config.validation_fraction, allowed)
    if config.batch_size > n_train:
        allowed = f"1 to {n_train} (the number of training examples)"
        raise _error("batch_size", config.batch_size, allowed)


def _check_module(config: RunConfig) -> None:
    if config.implementation.module not in registry.modules():
        modules = ", ".join(registry.modules())
        raise _error("implementation.module", config.implementation.module, f"one of {modules}")


def _check_machine(config: RunConfig) -> None:
    """Refuse cores and instructions that this machine lacks."""
    n_cores = len(usable_cores())
    if config.threads != "auto" and not 1 <= config.threads <= n_cores:
        allowed = f"auto, or 1 to {n_cores} (the cores this process may use)"
        raise _error("threads", config.threads, allowed)
    if config.instructions != "auto":
        _check_instructions(config)


def _check_instructions(config: RunConfig) -> None:
    """Refuse a limit on instructions that the processor lacks or that has nothing to act on."""
    setting = f"instructions={config.instructions}"
    if config.instructions not in cpu_flags():
        raise ConfigError(
            f"{setting}: this processor ({cpu_model()}) does not list "
            f"{config.instructions} among its instructions; use instructions=auto"
        )
    if config.device == "gpu":
        raise ConfigError(f"{setting}: has no effect with device=gpu; leave it out")


def _refuse_without_effect(
    group: str, section: Recipe | DatasetSettings | LauncherConfig, key: str, choice: str
) -> None:
    """Refuse a value that is not the default of a key that `choice` does not read."""
    value = getattr(section, key)
    if value != _default(section, key):
        raise ConfigError(
            f"{group}.{key}={short_value(value)}: has no effect with {choice}; leave it out"
        )


def _default(section: Recipe | DatasetSettings | LauncherConfig, key: str) -> object:
    if isinstance(section, LauncherConfig):
        return getattr(LauncherConfig(), key)
    return {field.name: field.default for field in dataclasses.fields(section)}[key]


def _explain(error: msgspec.ValidationError, composed: Mapping[Any, Any]) -> ConfigError:
    """Return an error of msgspec with the key and value of the command line."""
    message, _, where = str(error).partition(" - at `$")
    path = [part for part in re.sub(r"\[.*?\]", "", where.rstrip("`")).split(".") if part]
    if "field `" in message:  # a missing or an unknown field
        path.append(message.split("`")[1])
    key = ".".join(path)
    if "missing required field" in message:
        return ConfigError(f"{key}: must be given")
    value = lookup(composed, *path)
    if "unknown field" in message:
        return ConfigError(f"{key}={short_value(value)}: no such key")
    if key in ALLOWED:
        return _error(key, value, ALLOWED[key])
    return ConfigError(f"{key}={short_value(value)}: {message}")


def _error(key: str, value: object, allowed: str) -> ConfigError:
    return ConfigError(f"{key}={short_value(value)}: must be {allowed}")
