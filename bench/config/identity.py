"""Decide which keys of a run's configuration make two runs the same.

Configurations are plain dicts here, as in records. They may come from an older version, with
missing keys, or from an unknown source, with values of any type. Only the standard library and
`bench.nested` are imported, so that reports can import this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from bench.nested import flatten


class Purpose(Enum):
    """What a key is for."""

    SUBJECT = "selects the implementation, the subject of the comparison"
    CONDITION = "runs with different values are never compared with each other"
    REPEAT = "runs that differ only in such keys repeat each other's speed measurement"
    HANDLING = "controls execution only"
    DESCRIPTION = "describes a choice; changes nothing that the run does"


# Every key of RunConfig. Reports name conditions in this order. A key with keys below it, such as
# implementation.claims, represents all of them.
PURPOSES: Final[Mapping[str, Purpose]] = {
    key: purpose
    for purpose, keys in {
        Purpose.SUBJECT: (
            "implementation.name", "implementation.module", "implementation.devices",
            "implementation.options",
        ),
        Purpose.CONDITION: (
            "architecture.name", "architecture.hidden_sizes", "batch_size",
            "recipe.name", "recipe.activation", "recipe.output", "recipe.loss", "recipe.optimizer",
            "recipe.initializer", "recipe.momentum", "recipe.beta_1", "recipe.beta_2",
            "recipe.epsilon", "dataset.name", "dataset.training_size", "dataset.test_size",
            "dataset.seed", "epochs", "validation_fraction", "shuffle", "evaluate_training_set",
            "device", "threads", "instructions",
        ),
        Purpose.REPEAT: ("learning_rate", "seed"),
        Purpose.HANDLING: (
            "timeout_seconds", "memory_limit", "resume", "shuffle_runs", "share_machine",
            "isolation", "results_folder", "sweep_name",
            "launcher.name", "launcher.address", "launcher.partition", "launcher.minutes",
            "launcher.nodes", "launcher.setup", "launcher.attempts", "launcher.allow_mixed",
        ),
        Purpose.DESCRIPTION: (
            "implementation.colour", "implementation.claims", "implementation.fairness",
            "implementation.install", "implementation.libraries", "implementation.requires",
            "implementation.gpu_libraries", "dataset.path",
        ),
    }.items()
    for key in keys
}  # fmt: skip


# Keys that earlier versions did not have, and the value that describes the runs of that time. With
# this value a key does not change a hash.
LATER_KEYS: Final[Mapping[str, Any]] = {"instructions": "auto"}


def _first_parts(purpose: Purpose) -> tuple[str, ...]:
    """Return the part before the dot of every key with this purpose, without repetitions."""
    return tuple(
        dict.fromkeys(key.partition(".")[0] for key in PURPOSES if PURPOSES[key] is purpose)
    )


# Sections of which each run has one choice that reports name; `launcher` is none of them.
GROUPS: Final = tuple(
    dict.fromkeys(
        key.partition(".")[0]
        for key, purpose in PURPOSES.items()
        if "." in key and purpose is not Purpose.HANDLING
    )
)
DESCRIBING_KEYS: Final = {
    group: tuple(
        key.partition(".")[2]
        for key, purpose in PURPOSES.items()
        if key.startswith(f"{group}.") and purpose is Purpose.DESCRIPTION
    )
    for group in GROUPS
}
HANDLING_KEYS: Final = _first_parts(Purpose.HANDLING)
CONDITION_KEYS: Final = _first_parts(Purpose.CONDITION)
REPEAT_KEYS: Final = _first_parts(Purpose.REPEAT)
# A command that repeats a run names these keys and the run's choices.
REPEAT_COMMAND_KEYS: Final = (
    *REPEAT_KEYS,
    *(key for key in CONDITION_KEYS if key not in GROUPS),
)


def group_content(group: str, section: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the content of a section such as `recipe`, without the keys that only describe it.

    Args:
        group: the section's name, one of `GROUPS`.
        section: the section of a configuration.
    """
    return {key: value for key, value in section.items() if key not in DESCRIBING_KEYS[group]}


def hashed_content(config: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the part of a configuration that can change what the run does.

    Keys of other versions, which are not in `PURPOSES`, are kept: they may matter.
    """
    return {
        key: group_content(key, value)
        if isinstance(value, Mapping) and key in DESCRIBING_KEYS
        else value
        for key, value in config.items()
        if key not in HANDLING_KEYS and not (key in LATER_KEYS and value == LATER_KEYS[key])
    }


def paired_content(config: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the settings that are equal in two runs of a pair, which are compared directly."""
    content = hashed_content(config)
    return {key: content.get(key) for key in (*CONDITION_KEYS, *REPEAT_KEYS)}


def block_content(config: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the settings that are equal in all runs of a block: the condition and the seed."""
    content = paired_content(config)
    return {key: content[key] for key in (*CONDITION_KEYS, "seed")}


def varying_keys(configs: Iterable[Mapping[Any, Any]]) -> list[str]:
    """Return the keys in which runs differ, such as `batch_size` or `recipe.momentum`.

    A key of a group is left out if the name of the group's choice determines its value.

    Args:
        configs: the runs' configurations; keys that don't change what a run does are ignored.
    """
    flat = [dict(flatten(hashed_content(config))) for config in configs]

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
