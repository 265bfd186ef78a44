"""Refuse settings that nothing reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from bench.config import user_files
from bench.config.errors import ConfigError, short_value
from bench.config.suggestions import nearest

if TYPE_CHECKING:
    from bench.config.schema import ImplementationConfig


def sweep_params(config: DictConfig) -> dict[str, str | int | float]:
    """Return the values of every key that a named sweep's file has under hydra.sweeper.params.

    Raises:
        ConfigError: a key is not a key of bench, or its values are not text or a number.
    """
    sweeper: Any = OmegaConf.to_container(config.hydra.sweeper)
    params: dict[str, Any] = sweeper["params"] or {}
    for key, value in params.items():
        if not isinstance(value, str | int | float) or str(key).startswith(("hydra", "+", "~")):
            raise ConfigError(
                f"hydra.sweeper.params.{key}={short_value(value)}: must be a key of bench and its "
                "values, such as learning_rate: 0.01,0.1"
            )
    return params


def check_options(implementation: ImplementationConfig, user_folder: Path | None) -> None:
    """Refuse options that the implementation does not have.

    Raises:
        ConfigError: naming the option and the existing options.
    """
    known = sorted(user_files.known_options(implementation.module, user_folder))
    for name, value in implementation.options.items():
        if name not in known:
            raise ConfigError(
                f"implementation.options.{name}={short_value(value)}: no such option; "
                f"{implementation.name} has {', '.join(known) or 'none'}{nearest(name, known)}"
            )
