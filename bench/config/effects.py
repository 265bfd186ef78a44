"""A setting acts or is refused: checks of what a composition holds and nothing would read."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config import user_files
from bench.config.errors import ConfigError, shown
from bench.config.suggestions import nearest
from bench.records import flatten

# Hydra's own keys that a file may set, and those that it fills in itself.
HYDRA_SETS = (
    "mode",
    "sweeper.params",
    "runtime",
    "overrides",
    "searchpath",
    "job.override_dirname",
)


def sweep_params(config: DictConfig) -> dict[str, str | int | float]:
    """Return the values of every key that a named sweep's file has under hydra.sweeper.params.

    Raises:
        ConfigError: one of them is no key of bench, or has no such values.
    """
    params = _container(config.hydra.sweeper.params or {})
    for key, value in params.items():
        if not isinstance(value, str | int | float) or str(key).startswith(("hydra", "+", "~")):
            raise ConfigError(
                f"hydra.sweeper.params.{key}={shown(value)}: must be a key of bench and its "
                "values, such as learning_rate: 0.01,0.1"
            )
    return params


def check(
    config: DictConfig, params: Mapping[str, str | int | float], user_folder: Path | None
) -> None:
    """Refuse what a composition holds without any effect.

    Args:
        config: one run's, with Hydra's settings in it.
        params: as `sweep_params` returned them for the command.
        user_folder: the user's folder; files of conf/ need no check.

    Raises:
        ConfigError: naming the key.
    """
    for group in user_files.PRESET_GROUPS:
        for key, value in flatten(_container(config.get(group) or {})):
            raise ConfigError(
                f"{group}.{key}={shown(value)}: nothing reads this key; {group}=NAME selects a "
                "file of keys of bench (values that depend on another key: ${lookup:${KEY},{a: 1}})"
            )
    if sweep_params(config) != params:
        raise ConfigError(
            "an experiment with hydra.sweeper.params is a sweep, and can't be one value of another"
        )
    if user_folder is not None:
        _check_hydra(config)


def _check_hydra(config: DictConfig) -> None:
    """Refuse Hydra's settings in files, but for those of a sweep."""
    usual = _usual_hydra_settings()
    for key, value in flatten(_container(config.hydra)):
        if not f"{key}.".startswith(tuple(f"{known}." for known in HYDRA_SETS)) and (
            usual.get(key) != value
        ):
            raise ConfigError(
                f"hydra.{key}={shown(value)}: can't be set in a file; of Hydra's settings only "
                "hydra.mode and hydra.sweeper.params can"
            )


@functools.cache
def _usual_hydra_settings() -> dict[str, Any]:
    return dict(
        flatten(_container(compose(user_files.CONFIG_NAME, return_hydra_config=True).hydra))
    )


def check_options(content: Mapping[Any, Any], user_folder: Path | None) -> None:
    """Refuse options that the implementation does not have.

    Raises:
        ConfigError: naming the option and those there are.
    """
    section = content.get("implementation")
    options = section.get("options") if isinstance(section, dict) else None
    if not isinstance(section, dict) or not isinstance(options, dict):
        return  # the schema's check says so
    known = user_files.known_options(str(section.get("module")), user_folder)
    for name, value in options.items():
        if known is not None and name not in known:
            raise ConfigError(
                f"implementation.options.{name}={shown(value)}: no such option; "
                f"{section.get('name')} has {', '.join(sorted(known)) or 'none'}"
                f"{nearest(str(name), sorted(known))}"
            )


def _container(config: Any) -> dict[Any, Any]:
    try:
        content = OmegaConf.to_container(config, resolve=False) if config else {}
    except (OmegaConfBaseException, ValueError):  # a bare value in place of a section
        content = config
    return content if isinstance(content, dict) else {"": content}
