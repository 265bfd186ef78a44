"""The schema of a run's configuration: types and ranges of all keys."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bench.config import identity
from bench.contract import Recipe
from bench.data.datasets import DatasetSettings
from bench.machine.facts import default_cores, usable_cores
from bench.records import N_CLASSES, N_PIXELS

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Identifier = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,39}\Z")]
ModuleName = Annotated[str, Meta(pattern=r"\A[A-Za-z][A-Za-z0-9_]*\Z")]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Instructions = Literal["auto", "avx2"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the configuration. It is immutable and has no keys other than its fields."""


class Claims(Section, frozen=True):
    """The recipes that an implementation can compute: all combinations of these values."""

    activation: tuple[str, ...]
    output: tuple[str, ...]
    loss: tuple[str, ...]
    optimizer: tuple[str, ...]

    def unsupported(self, recipe: Recipe) -> str:
        """Return the parts of a recipe that are not claimed, such as `output sigmoid`; or ""."""
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


class ImplementationConfig(Section, frozen=True, kw_only=True):
    """One file of conf/implementation."""

    name: Identifier
    module: str
    colour: Annotated[str, Meta(pattern=r"\A#[0-9A-Fa-f]{6}\Z")] | None = None  # None: a free one
    requires: tuple[ModuleName, ...] = ()
    install: str = "install them into this environment"  # the command that installs these modules
    libraries: tuple[str, ...] = ()
    devices: tuple[Literal["cpu", "gpu"], ...] = ("cpu",)
    claims: Claims
    fairness: Fairness
    options: dict[str, bool | int | float | str | None] = {}
    gpu_libraries: tuple[str, ...] = ()


class ArchitectureConfig(Section, frozen=True):
    """One file of conf/architecture."""

    name: Identifier
    hidden_sizes: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=100_000)], ...], Meta(min_length=1, max_length=100)
    ]


class LauncherConfig(Section, frozen=True):
    """One file of conf/launcher.

    Attributes:
        name: the engine that executes the blocks of a sweep; `local` for none.
        address: of Ray's head; None to start Ray on this machine.
        partition: of SLURM; None for its default.
        minutes: time limit of a block.
        nodes: blocks that are executed at a time; None for no limit.
        setup: shell commands before a block.
        attempts: tries for a block whose node fails.
        allow_mixed: accept nodes with other versions than the head's.
    """

    name: Literal["local", "slurm", "ray"] = "local"
    address: Annotated[str, Meta(pattern=r"\A[^:/]+:[0-9]{1,5}\Z")] | None = None
    partition: Name | None = None
    minutes: Count = 120
    nodes: Count | None = None
    setup: tuple[str, ...] = ()
    attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    allow_mixed: bool = False


class RunConfig(Section, frozen=True):
    """The configuration of one run."""

    implementation: ImplementationConfig
    architecture: ArchitectureConfig
    recipe: Recipe
    dataset: DatasetSettings
    learning_rate: Annotated[float, Meta(gt=0, le=1e30)]
    batch_size: Count
    epochs: Count
    seed: Annotated[int, Meta(ge=0, lt=2**32)]
    validation_fraction: Annotated[float, Meta(ge=0, lt=1)]
    shuffle: bool
    evaluate_training_set: bool
    device: Literal["cpu", "gpu"]
    threads: int | Literal["auto"]
    timeout_seconds: Annotated[float, Meta(gt=0, le=10**8)] | None
    memory_limit: Annotated[str, Meta(pattern=r"\A[1-9][0-9]{0,8}(MB|GB)\Z")] | None
    resume: bool
    shuffle_runs: bool
    share_machine: bool
    isolation: Literal["fork", "spawn"]
    results_folder: Annotated[str, Meta(min_length=1)]
    sweep_name: Name
    instructions: Instructions = "auto"  # records of earlier versions lack it
    launcher: LauncherConfig = LauncherConfig()

    @property
    def preload(self) -> str:
        """The module that is imported before a run's process is forked; "" for none."""
        return self.implementation.module if self.isolation == "fork" else ""

    @property
    def backend(self) -> str:
        """The option `backend`, which is known to the module before it is imported; "" if none."""
        return str(self.implementation.options.get("backend", ""))

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
        """The limit of the run's memory; None for no limit."""
        if self.memory_limit is None:
            return None
        return int(self.memory_limit[:-2]) * {"MB": 10**6, "GB": 10**9}[self.memory_limit[-2:]]

    @property
    def hash(self) -> str:
        """SHA-256 of all settings that can change what the run does."""
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
