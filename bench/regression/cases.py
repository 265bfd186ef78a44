"""The cases to compare: implementation, architecture, batch size and instructions."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.config import overrides as config_overrides
from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.config.identity import HANDLING_KEYS, REPEAT_COMMAND_KEYS, hashed_content
from bench.config.schema import RunConfig
from bench.contract import BACKEND_VARIABLE
from bench.data import datasets, splits
from bench.training import sampling
from bench.training.flops import flops_per_example

N_BATCH_SETS = 4  # the slices of a pair train on these sets in rotation
# A comparison trains slices of random batches in separate processes.
WITHOUT_EFFECT = {*HANDLING_KEYS, "epochs", "shuffle", "evaluate_training_set"}
IN_NAME = {"batch_size", "instructions"}  # of a case


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The settings of a run, without those that have no effect on a comparison.

    Attributes:
        name: implementation, architecture, batch size and instructions; unique in a session.
        config: all settings.
    """

    name: str
    config: RunConfig

    @property
    def identity(self) -> str:
        """Hash of all settings that act on its training; other settings are never compared."""
        content = hashed_content(msgspec.to_builtins(self.config))
        acting = {key: value for key, value in content.items() if key not in WITHOUT_EFFECT}
        acting["threads"] = len(self.config.cores)  # "auto" depends on the machine
        return hashlib.sha256(msgspec.json.encode(acting, order="sorted")).hexdigest()[:12]

    @property
    def settings(self) -> str:
        """The settings that its name does not contain, for readers."""
        config = self.config
        values = {
            "recipe": config.recipe.name,
            "dataset": config.dataset.name,
            **{
                key: getattr(config, key)
                for key in REPEAT_COMMAND_KEYS
                if key not in {*WITHOUT_EFFECT, *IN_NAME}
            },
            "threads": len(config.cores),
        }
        return " ".join(f"{key}={value}" for key, value in values.items())

    @property
    def full_settings(self) -> str:
        """Its settings with the hash of all, to compare and to read."""
        return f"{self.settings} ({self.identity})"

    @property
    def flops_per_step(self) -> float:
        """Arithmetic of one training step."""
        return flops_per_example(self.config.layer_sizes) * self.config.batch_size


def parse_cases(overrides: str, config_folder: str | None = None) -> list[Case]:
    """Return the cases that overrides of `bench` describe.

    Args:
        overrides: separated by spaces, such as "implementation=numpy,torch batch_size=32".
        config_folder: a user's folder with further choices and implementations.

    Raises:
        ConfigError: `bench` would refuse them, a key has no effect, or a case has several
            configurations.
    """
    words = split_overrides(f"--cases={overrides}", overrides)
    several_threads = any(
        value.key_or_group == "threads" and "," in config_overrides.text(value)
        for value in config_overrides.parse(words)
    )
    cases: dict[str, Case] = {}
    for config in compose_runs(
        words, default_name="compare", multirun=True, config_folder=config_folder
    ):
        name = f"{config.implementation.name}-{config.architecture.name}-{config.batch_size}"
        if config.instructions != "auto":
            name += f"-{config.instructions}"
        if several_threads:
            name += f"-threads{len(config.cores)}"
        if cases.setdefault(name, Case(name=name, config=config)).config.hash != config.hash:
            raise ConfigError(
                f"--cases={overrides}: {name} has several configurations; a case is an "
                "implementation, an architecture, a batch size and instructions: give every other "
                "key one value"
            )
    return list(cases.values())


def split_overrides(source: str, text: str) -> list[str]:
    """Split overrides at spaces.

    Args:
        source: where they are from, for messages, such as "--over=batch_size=32".
        text: the overrides.

    Raises:
        ConfigError: a quote is not closed, or a key has no effect on a comparison.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error
    for override in config_overrides.parse(words):
        if override.key_or_group in WITHOUT_EFFECT:
            raise ConfigError(
                f"{source}: {override.key_or_group} has no effect on a comparison; leave it out"
            )
    return words


def write_data(cases: Sequence[Case], folder: Path) -> None:
    """Write what does not depend on the length of a slice: data, problem and initial parameters.

    Args:
        cases: at least one case; all have the same dataset.
        folder: the data and a folder per case are written here.

    Raises:
        DatasetError: the data can't be found.
    """
    config = cases[0].config
    dataset = datasets.load(config.dataset, datasets.locate(config.dataset))
    data = splits.split(dataset, config.validation_fraction)
    np.save(folder / "images.npy", data.train_images)
    np.save(folder / "labels.npy", data.train_labels)
    for case in cases:
        config = case.config
        case_folder = folder / case.name
        case_folder.mkdir(exist_ok=True)
        problem = {
            "module": config.implementation.module,
            "environment": {BACKEND_VARIABLE: config.backend},
            "layer_sizes": config.layer_sizes,
            "recipe": msgspec.to_builtins(config.recipe),
            "learning_rate": config.learning_rate,
            "device": config.device,
            "threads": len(config.cores),
            "options": config.implementation.options,
        }
        (case_folder / "problem.json").write_bytes(msgspec.json.encode(problem))
        initial = sampling.initial_parameters(
            config.seed, config.layer_sizes, config.recipe.initializer
        )
        for number, layer in enumerate(initial):
            np.save(case_folder / f"weights-{number}.npy", layer.weights)
            np.save(case_folder / f"bias-{number}.npy", layer.bias)


def write_batches(case: Case, n_steps: int, folder: Path) -> None:
    """Write the batches of a case; `write_data` has written its data.

    Args:
        case: the case.
        n_steps: number of training steps in a slice.
        folder: contains the data and the folder of the case.
    """
    n_examples = len(np.load(folder / "labels.npy", mmap_mode="r"))
    shape = (N_BATCH_SETS, n_steps, case.config.batch_size)
    rows = np.random.default_rng(case.config.seed).integers(n_examples, size=shape)
    np.save(folder / case.name / "batches.npy", rows)
