"""The settings of Hydra that a command line may give: a launcher, by name, and numbers for it.

Others name functions to call, shell commands, modules to import and files to write. A command line
or a file from a stranger must not run code, so all others are refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from hydra.core.override_parser.types import Override

from bench.config.errors import ConfigError

LAUNCHER = "hydra/launcher"
NUMBERS: dict[str, tuple[str, ...]] = {
    "basic": (),  # Hydra's name for no launcher
    "joblib": ("n_jobs",),
    "submitit_local": ("gpus_per_node", "timeout_min"),
}


def is_hydras(override: Override) -> bool:
    """Say whether an override sets one of Hydra's settings, also by its package."""
    places = (override.key_or_group, override.package or "")
    return any(place.replace("/", ".").split(".")[0] in ("hydra", "_global_") for place in places)


def launcher_of(overrides: Iterable[Override]) -> tuple[str, dict[str, int]]:
    """Return the launcher that the overrides select, and its numbers.

    Raises:
        ConfigError: another of Hydra's settings is among the overrides, or another value.
    """
    name, numbers = "basic", dict[str, int]()
    for override in overrides:
        if not is_hydras(override):
            continue
        key, shown = override.key_or_group, override.input_line or ""
        plain = override.package is None and not override.is_delete()
        value = override.value() if plain and not override.is_sweep_override() else None
        prefix, _, number = key.rpartition(".")
        if key == LAUNCHER:
            if not isinstance(value, str) or value not in NUMBERS:
                raise ConfigError(f"{shown}: must be one of {', '.join(NUMBERS)}")
            name = value
        elif prefix == "hydra.launcher" and type(value) is int:
            numbers[number] = value
        else:
            raise ConfigError(
                f"{shown}: not offered; of Hydra's settings only {LAUNCHER} can be given, and "
                "whole numbers for it"
            )
    for number in numbers:
        if number not in NUMBERS[name]:
            allowed = ", ".join(NUMBERS[name]) or "nothing"
            raise ConfigError(f"hydra.launcher.{number}: {name} can be given {allowed}")
    return name, numbers
