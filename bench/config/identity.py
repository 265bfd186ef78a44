"""Which keys of a run's configuration make two runs the same: decided here and nowhere else.

Configurations are plain dicts here, as records hold them. They may come from an older version,
with keys missing, or from a stranger, with values of any type. Standard library only, so that
reports can import this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final


class Purpose(Enum):
    """What a key is for."""

    SUBJECT = "what is compared: the implementation"
    CONDITION = "runs that differ in it are never compared with each other"
    REPEAT = "runs that differ in it alone repeat each other, as far as speed goes"
    DESCRIPTION = "says something about a choice; changes nothing that the run does"
    HANDLING = "says where, when and beside what the run takes place"


# Every key of RunConfig, in the order in which reports name conditions. A key that has keys of its
# own, such as implementation.claims, stands for all of them.
PURPOSES: Final[Mapping[str, Purpose]] = {
    "implementation.name": Purpose.SUBJECT,
    "implementation.module": Purpose.SUBJECT,
    "implementation.devices": Purpose.SUBJECT,
    "implementation.options": Purpose.SUBJECT,
    "implementation.colour": Purpose.DESCRIPTION,
    "implementation.claims": Purpose.DESCRIPTION,
    "implementation.fairness": Purpose.DESCRIPTION,
    "implementation.install": Purpose.DESCRIPTION,
    "implementation.libraries": Purpose.DESCRIPTION,
    "implementation.requires": Purpose.DESCRIPTION,
    "implementation.gpu_libraries": Purpose.DESCRIPTION,
    "architecture.name": Purpose.CONDITION,
    "architecture.hidden_sizes": Purpose.CONDITION,
    "batch_size": Purpose.CONDITION,
    "recipe.name": Purpose.CONDITION,
    "recipe.activation": Purpose.CONDITION,
    "recipe.output": Purpose.CONDITION,
    "recipe.loss": Purpose.CONDITION,
    "recipe.optimizer": Purpose.CONDITION,
    "recipe.initializer": Purpose.CONDITION,
    "recipe.momentum": Purpose.CONDITION,
    "recipe.beta_1": Purpose.CONDITION,
    "recipe.beta_2": Purpose.CONDITION,
    "recipe.epsilon": Purpose.CONDITION,
    "dataset.name": Purpose.CONDITION,
    "dataset.path": Purpose.DESCRIPTION,
    "dataset.training_size": Purpose.CONDITION,
    "dataset.test_size": Purpose.CONDITION,
    "dataset.seed": Purpose.CONDITION,
    "epochs": Purpose.CONDITION,
    "validation_fraction": Purpose.CONDITION,
    "shuffle": Purpose.CONDITION,
    "evaluate_training_set": Purpose.CONDITION,
    "device": Purpose.CONDITION,
    "threads": Purpose.CONDITION,
    "learning_rate": Purpose.REPEAT,
    "seed": Purpose.REPEAT,
    "timeout_seconds": Purpose.HANDLING,
    "memory_limit": Purpose.HANDLING,
    "resume": Purpose.HANDLING,
    "shuffle_runs": Purpose.HANDLING,
    "share_machine": Purpose.HANDLING,
    "isolation": Purpose.HANDLING,
    "results_folder": Purpose.HANDLING,
    "sweep_name": Purpose.HANDLING,
}


def _first_parts(purpose: Purpose) -> tuple[str, ...]:
    keys = (key.partition(".")[0] for key, its in PURPOSES.items() if its is purpose)
    return tuple(dict.fromkeys(keys))


def _describing_keys(group: str) -> tuple[str, ...]:
    return tuple(
        key.removeprefix(f"{group}.")
        for key, purpose in PURPOSES.items()
        if key.startswith(f"{group}.") and purpose is Purpose.DESCRIPTION
    )


GROUPS: Final = tuple(dict.fromkeys(key.partition(".")[0] for key in PURPOSES if "." in key))
DESCRIBING_KEYS: Final = {group: _describing_keys(group) for group in GROUPS}
HANDLING_KEYS: Final = _first_parts(Purpose.HANDLING)

# Runs are compared only where all of these are the same.
CONDITION_KEYS: Final = _first_parts(Purpose.CONDITION)
REPEAT_KEYS: Final = _first_parts(Purpose.REPEAT)
# The keys, groups left out, that a command names in order to repeat a run.
REPEAT_COMMAND_KEYS: Final = (
    *REPEAT_KEYS,
    *(key for key in CONDITION_KEYS if key not in GROUPS),
)


def group_content(group: str, section: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what a choice such as `recipe` decides, without the keys that only describe it.

    Args:
        group: one of `GROUPS`.
        section: that part of a configuration.
    """
    return {key: value for key, value in section.items() if key not in DESCRIBING_KEYS[group]}


def hashed_content(config: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return all of a configuration that can change what the run does.

    A key that is not in `PURPOSES`, from another version, is kept: it may matter.
    """
    return {
        key: group_content(key, value)
        if isinstance(value, Mapping) and key in DESCRIBING_KEYS
        else value
        for key, value in config.items()
        if key not in HANDLING_KEYS
    }


def paired_content(config: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what must be the same for two implementations' runs to be compared pair by pair."""
    content = hashed_content(config)
    return {key: content.get(key) for key in (*CONDITION_KEYS, *REPEAT_KEYS)}


def flattened(content: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with keys such as `recipe.momentum`."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def varying_keys(configs: Iterable[Mapping[Any, Any]]) -> list[str]:
    """Return the keys in which runs differ, such as `batch_size` or `recipe.momentum`.

    A key of a group is left out where the name of the group's choice already tells its value.

    Args:
        configs: of the runs; keys that don't change what a run does are ignored.
    """
    flat = [flattened(hashed_content(config)) for config in configs]

    def n_values(*keys: str) -> int:
        return len({repr([config.get(key) for key in keys]) for config in flat})

    return [
        key
        for key in dict.fromkeys(key for config in flat for key in config)
        if n_values(key) > 1
        and (
            "." not in key
            or (name := f"{key.partition('.')[0]}.name") == key
            or n_values(name, key) > n_values(name)
        )
    ]
