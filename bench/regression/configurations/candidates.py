"""Configurations that are compared with each other: implementations, options, cores, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.config import overrides as config_overrides
from bench.config.compose import compose_runs
from bench.config.errors import ConfigError
from bench.config.schema import RunConfig
from bench.regression.cases import Case, split_overrides

MIN_CANDIDATES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Candidates that are compared with each other under one condition.

    Attributes:
        name: the condition, such as "one_hidden, batch_size=32".
        cases: the case of each candidate, by its label; the first one is the reference.
    """

    name: str
    cases: dict[str, Case]

    @property
    def same_problem(self) -> bool:
        """Whether all candidates solve the same problem, so that they must learn the same."""
        problems = {
            (
                case.config.layer_sizes, case.config.recipe, case.config.learning_rate,
                case.config.batch_size, case.config.seed,
            )
            for case in self.cases.values()
        }  # fmt: skip
        return len(problems) == 1


def parse_groups(
    candidates: Sequence[str], over: str, config_folder: str | None = None
) -> list[Group]:
    """Return the groups to compare.

    Args:
        candidates: overrides of `bench` for each candidate, such as "implementation=numba".
        over: overrides that all candidates share; the commas in them make several groups.
        config_folder: a user's folder with further choices and implementations.

    Raises:
        ConfigError: `bench` would refuse them, or they do not make one run for each candidate.
    """
    if len(candidates) < MIN_CANDIDATES:
        raise ConfigError(f"{candidates[0]}: give at least two configurations to compare")
    if len(set(candidates)) < len(candidates):
        raise ConfigError(f"{' '.join(candidates)}: a configuration is given twice")
    shared = split_overrides(f"--over={over}", over)
    conditions = [config_overrides.text(value) for value in config_overrides.parse(shared)]
    varying = [word.partition("=")[0] for word in conditions if "," in word]
    composed = {
        label: compose_runs(
            [*shared, *split_overrides(label, label)],
            default_name="compare",
            multirun=True,
            config_folder=config_folder,
        )
        for label in candidates
    }
    n_groups = len(composed[candidates[0]])
    if any(len(configs) != n_groups for configs in composed.values()):
        raise ConfigError(
            f"{' '.join(candidates)}: each configuration must be one run; give several values "
            "with --over"
        )
    first = composed[candidates[0]][0]
    for label, configs in composed.items():
        if any(
            (config.dataset, config.validation_fraction)
            != (first.dataset, first.validation_fraction)
            for config in configs
        ):
            raise ConfigError(f"{label}: all configurations must have the same dataset")
    return [
        _group(number, {label: configs[number] for label, configs in composed.items()}, varying)
        for number in range(n_groups)
    ]


def _group(number: int, configs: dict[str, RunConfig], varying: Sequence[str]) -> Group:
    """Name the group by the keys that have several values."""
    config = next(iter(configs.values()))
    values = [f"{key}={_value(config, key)}" for key in varying]
    return Group(
        name=" ".join(values) or "all",
        cases={
            label: Case(name=f"{number}-{place}", config=candidate)
            for place, (label, candidate) in enumerate(configs.items())
        },
    )


def _value(config: RunConfig, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return getattr(value, "name", value)
