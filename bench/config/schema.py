"""The schema of a run's configuration, and the checks beyond types.

conf/ composes a configuration; nothing is trained before `check` has accepted it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from bench import registry
from bench.config import identity
from bench.config.errors import ConfigError, shown
from bench.config.keys import COUNT, KEYS, SEED, TRUE_OR_FALSE
from bench.contract import Recipe
from bench.data.datasets import DatasetSettings, training_size, validation_size
from bench.machine.facts import default_cores, usable_cores
from bench.records import N_CLASSES, N_PIXELS

# The constants of a recipe that each optimizer reads.
CONSTANTS = {"momentum": ("momentum",), "adam": ("beta_1", "beta_2", "epsilon")}

Name = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z",
        description=KEYS["sweep_name"].allowed,
    ),
]
Identifier = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z][a-z0-9_]{0,39}\Z",
        description="up to 40 small letters, digits and '_', beginning with a letter",
    ),
]
ModuleName = Annotated[str, Meta(pattern=r"\A[A-Za-z][A-Za-z0-9_]*\Z")]
Count = Annotated[int, Meta(ge=1, le=10**9, description=COUNT)]
Seed = Annotated[int, Meta(ge=0, lt=2**32, description=SEED)]
Switch = Annotated[bool, Meta(description=TRUE_OR_FALSE)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration: immutable, and without room for a misspelt key."""


class Claims(Section, frozen=True):
    """The recipes that an implementation can compute: any combination of these."""

    activation: tuple[str, ...]
    output: tuple[str, ...]
    loss: tuple[str, ...]
    optimizer: tuple[str, ...]

    def unsupported(self, recipe: Recipe) -> str:
        """Name the parts of a recipe that are not claimed, such as `output sigmoid`."""
        return ", ".join(
            f"{key} {getattr(recipe, key)}"
            for key in self.__struct_fields__
            if getattr(recipe, key) not in getattr(self, key)
        )


class Fairness(Section, frozen=True):
    """What an implementation declares about the fairness of comparisons with it."""

    precision: Literal["float32", "float64"]
    tf32: str  # whether a GPU may round products to TensorFloat-32
    compilation: str
    data_path: str  # how the examples of a batch come together


class ImplementationConfig(Section, frozen=True):
    """One file of conf/implementation."""

    name: Identifier
    module: Annotated[str, Meta(description="a module of the package implementations")]
    colour: Annotated[
        str, Meta(pattern=r"\A#[0-9A-Fa-f]{6}\Z", description="a colour such as '#0072B2'")
    ]
    requires: Annotated[
        tuple[ModuleName, ...],
        Meta(description="a list of the top-level modules that must be importable"),
    ]
    install: str  # the command that makes it so
    libraries: Annotated[
        tuple[str, ...],
        Meta(description="a list of the distributions whose versions matter, besides NumPy"),
    ]
    devices: tuple[Literal["cpu", "gpu"], ...]
    claims: Claims
    fairness: Fairness
    options: dict[str, bool | int | float | str | None]
    gpu_libraries: Annotated[
        tuple[str, ...],
        Meta(description="a list of the distributions whose versions matter with device=gpu"),
    ] = ()


class ArchitectureConfig(Section, frozen=True):
    """One file of conf/architecture."""

    name: Identifier
    hidden_sizes: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=100_000)], ...],
        Meta(min_length=1, max_length=100, description=KEYS["architecture.hidden_sizes"].allowed),
    ]


class RunConfig(Section, frozen=True):
    """All that decides what one run does."""

    implementation: ImplementationConfig
    architecture: ArchitectureConfig
    recipe: Recipe
    dataset: DatasetSettings
    learning_rate: Annotated[float, Meta(gt=0, le=1e30, description=KEYS["learning_rate"].allowed)]
    batch_size: Count
    epochs: Count
    seed: Seed
    validation_fraction: Annotated[
        float, Meta(ge=0, lt=1, description=KEYS["validation_fraction"].allowed)
    ]
    shuffle: Switch
    evaluate_training_set: Switch
    device: Annotated[Literal["cpu", "gpu"], Meta(description=KEYS["device"].allowed)]
    threads: Annotated[int | Literal["auto"], Meta(description=KEYS["threads"].allowed)]
    timeout_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=10**8)] | None,
        Meta(description=KEYS["timeout_seconds"].allowed),
    ]
    memory_limit: Annotated[
        Annotated[str, Meta(pattern=r"\A[1-9][0-9]{0,8}(MB|GB)\Z")] | None,
        Meta(description=KEYS["memory_limit"].allowed),
    ]
    resume: Switch
    shuffle_runs: Switch
    share_machine: Switch
    isolation: Annotated[Literal["fork", "spawn"], Meta(description=KEYS["isolation"].allowed)]
    results_folder: Annotated[str, Meta(min_length=1, description=KEYS["results_folder"].allowed)]
    sweep_name: Name

    @property
    def preload(self) -> str:
        """The module that is imported before a run's process is forked; "" where none is."""
        return self.implementation.module if self.isolation == "fork" else ""

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of each layer, input and output included."""
        return (N_PIXELS, *self.architecture.hidden_sizes, N_CLASSES)

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores that the run is bound to."""
        return default_cores() if self.threads == "auto" else usable_cores()[: self.threads]

    @property
    def memory_limit_bytes(self) -> int | None:
        """The most memory a run may take up; None where it is not limited."""
        if self.memory_limit is None:
            return None
        return int(self.memory_limit[:-2]) * {"MB": 10**6, "GB": 10**9}[self.memory_limit[-2:]]

    @property
    def hash(self) -> str:
        """SHA-256 of all that can change what the run does: not where it goes or how it looks."""
        content = identity.hashed_content(msgspec.to_builtins(self))
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()

    @property
    def run_id(self) -> str:
        """A readable, safe and unique name for the run's folder."""
        rate = f"{self.learning_rate:g}".replace("+", "")
        return (
            f"{self.implementation.name}-{self.architecture.name}-lr{rate}-seed{self.seed}"
            f"-{self.hash[:8]}"
        )


def check(composed: Mapping[Any, Any]) -> RunConfig:
    """Return a composed configuration as a checked `RunConfig`.

    Args:
        composed: plain values, as Hydra composes them; may be anything that a user wrote.

    Raises:
        ConfigError: naming the key, its value and what is allowed.
    """
    _refuse_odd_texts(composed)
    try:
        config = msgspec.convert(composed, type=RunConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(error, composed)) from error
    problem = _contradiction(config)
    if problem is not None:
        raise ConfigError(problem)
    try:
        folder = Path(config.results_folder).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"results_folder={config.results_folder}: {error}") from error
    return msgspec.structs.replace(config, results_folder=str(folder))


def _refuse_odd_texts(content: Mapping[Any, Any], prefix: str = "") -> None:
    """Refuse keys that are no text, and blank values: none is a name, a path or a number."""
    for key, value in content.items():
        if not isinstance(key, str):
            raise ConfigError(f"{prefix}{key}={shown(value)}: no such key")
        if isinstance(value, Mapping):
            _refuse_odd_texts(value, f"{prefix}{key}.")
        elif isinstance(value, str) and (not value.strip() or "\0" in value):
            raise ConfigError(f"{prefix}{key}={value!r}: must not be blank")


def _contradiction(config: RunConfig) -> str | None:
    """Return what is contradictory in values of the right types and ranges, in one line."""
    implementation = config.implementation
    if implementation.module not in registry.modules():
        allowed = ", ".join(registry.modules())
        return _line("implementation.module", implementation.module, f"one of {allowed}")
    n_cores = len(usable_cores())
    if config.threads != "auto" and not 1 <= config.threads <= n_cores:
        return _line(
            "threads", config.threads, f"auto, or 1 to {n_cores} (the cores this process may use)"
        )
    usual = {field.name: field.default for field in dataclasses.fields(Recipe)}
    for key in ("momentum", "beta_1", "beta_2"):
        value = getattr(config.recipe, key)
        if not 0 <= value < 1:
            return _line(f"recipe.{key}", value, KEYS[f"recipe.{key}"].allowed)
    if not 1e-30 <= config.recipe.epsilon <= 1:  # in float32 it is to stay above 0
        return _line("recipe.epsilon", config.recipe.epsilon, KEYS["recipe.epsilon"].allowed)
    for optimizer, keys in CONSTANTS.items():
        for key in keys if optimizer != config.recipe.optimizer else ():
            value = getattr(config.recipe, key)
            if value != usual[key]:
                return (
                    f"recipe.{key}={shown(value)}: means nothing for {config.recipe.optimizer}; "
                    "leave it out"
                )
    if config.recipe.loss == "cross_entropy" and config.recipe.output != "softmax":
        return (
            f"recipe.output={config.recipe.output}: cross_entropy needs probabilities that sum to "
            "one; use recipe.output=softmax, or another loss"
        )
    return _dataset_contradiction(config)


def _dataset_contradiction(config: RunConfig) -> str | None:
    """Return what is contradictory in the dataset's settings, or between its size and others."""
    settings = config.dataset
    synthetic = settings.name == "synthetic"
    unset = DatasetSettings(name=settings.name)
    for key in ("path",) if synthetic else ("training_size", "test_size", "seed"):
        value = getattr(settings, key)
        if value != getattr(unset, key):
            return f"dataset.{key}={shown(value)}: means nothing for {settings.name}; leave it out"
    n_examples = training_size(settings)
    n_train = n_examples - validation_size(n_examples, config.validation_fraction)
    if n_train < 1:
        return _line(
            "validation_fraction", config.validation_fraction, "a share that leaves training data"
        )
    if config.batch_size > n_train:
        return _line(
            "batch_size", config.batch_size, f"1 to {n_train} (the examples there are to train on)"
        )
    return None


def _explain(error: msgspec.ValidationError, composed: Mapping[Any, Any]) -> str:
    """Return one line about an error of msgspec, with the key and value of the command line."""
    message, _, where = str(error).partition(" - at `$")
    path = [part for part in re.sub(r"\[.*?\]", "", where.rstrip("`")).split(".") if part]
    if "missing required field" in message:
        return f"{'.'.join([*path, message.split('`')[1]])}: must be given"
    if "unknown field" in message:
        path.append(message.split("`")[1])
    key = ".".join(path)
    value: Any = composed
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if "unknown field" in message:
        return f"{key}={shown(value)}: no such key"
    return _line(key, value, _allowed(path) or message[:1].lower() + message[1:])


def _allowed(path: list[str]) -> str | None:
    """Return the schema's description of the values that a key may have."""
    kind: Any = RunConfig
    for part in path:
        hints = typing.get_type_hints(_bare(kind), include_extras=True)
        if part not in hints:
            return None
        kind = hints[part]
    for note in getattr(kind, "__metadata__", ()):
        if isinstance(note, Meta) and note.description:
            return note.description
    if typing.get_origin(kind) is Literal:
        return " or ".join(map(str, typing.get_args(kind)))
    return None


def _bare(kind: Any) -> Any:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def _line(key: str, value: Any, allowed: str) -> str:
    return f"{key}={shown(value)}: must be {allowed}"
