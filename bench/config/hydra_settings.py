"""Refuse Hydra's own settings, except a launcher's name and numbers for it.

Other settings name functions to call, shell commands, modules to import and files to write. A
command line or a file from a stranger must not run code.
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
    """Say whether an override sets one of Hydra's settings, by its key or its package."""
    keys = (override.key_or_group, override.package or "")
    return any(key.replace("/", ".").split(".")[0] in ("hydra", "_global_") for key in keys)


def launcher_of(overrides: Iterable[Override]) -> tuple[str, dict[str, int]]:
    """Return the launcher that the overrides select, and its numbers.

    Raises:
        ConfigError: an override sets something else of Hydra, or a value that is not allowed.
    """
    name, numbers = "basic", dict[str, int]()
    for override in overrides:
        if not is_hydras(override):
            continue
        key, text = override.key_or_group, override.input_line or ""
        is_plain = override.package is None and not override.is_delete()
        value = override.value() if is_plain and not override.is_sweep_override() else None
        prefix, _, number = key.rpartition(".")
        if key == LAUNCHER:
            if not isinstance(value, str) or value not in NUMBERS:
                raise ConfigError(f"{text}: must be one of {', '.join(NUMBERS)}")
            name = value
        elif prefix == "hydra.launcher" and type(value) is int:
            numbers[number] = value
        else:
            raise ConfigError(
                f"{text}: not offered; of Hydra's settings only {LAUNCHER} and "
                "whole numbers for it are"
            )
    for number in numbers:
        if number not in NUMBERS[name]:
            allowed = f"only {', '.join(NUMBERS[name])}" if NUMBERS[name] else "no numbers"
            raise ConfigError(f"hydra.launcher.{number}: {name} accepts {allowed}")
    return name, numbers
