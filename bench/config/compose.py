"""Compose the configurations of all runs of a command line, before anything is trained.

Hydra composes one configuration at a time. This module composes all of a sweep at the start, so
that a mistake in the last run is found before the first run starts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from bench import CONF
from bench.config import overrides, user_files
from bench.config.errors import ConfigError, one_line, short_value
from bench.config.user_files import choices as choices

if TYPE_CHECKING:
    from bench.config.schema import RunConfig

# Hydra and OmegaConf raise these for invalid values and files.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError, RecursionError)


def compose_runs(
    words: Sequence[str],
    *,
    default_name: str,
    multirun: bool = False,
    config_folder: str | None = None,
) -> list[RunConfig]:
    """Return the checked configuration of every run of a command line.

    From then on, code of implementations is imported from the project, installed plug-ins and this
    `config_folder`, also in the processes of runs.

    Args:
        words: the overrides, such as ``["learning_rate=0.1"]``.
        default_name: the sweep's name if the configuration has none.
        multirun: whether -m was given; a named sweep needs no -m.
        config_folder: a user's folder that adds choices to those of conf/, and modules.

    Raises:
        ConfigError: with one line that names the key, its value and what is allowed.
    """
    from bench import registry  # imports NumPy, as the schema does; --help does without
    from bench.config.checks import check

    user_folder = user_files.find_user_folder(config_folder)
    registry.use_plugin_folders(user_files.plugin_folders(user_folder))
    configs = []
    for content in _contents(words, user_folder, multirun=multirun):
        if content.get("sweep_name") is None:
            content["sweep_name"] = default_name
        config = check(content)
        user_files.check_options(config.implementation, user_folder)
        configs.append(config)
    return configs


def show(words: Sequence[str], config_folder: str | None) -> str:
    """Return the configuration of the first run of a command line as YAML.

    Args:
        words: the overrides, such as ``["learning_rate=0.1"]``.
        config_folder: see `compose_runs`.

    Raises:
        ConfigError: see `compose_runs`.
    """
    user_folder = user_files.find_user_folder(config_folder)
    return OmegaConf.to_yaml(next(_contents(words, user_folder, multirun=True)))


def _contents(
    words: Sequence[str], user_folder: Path | None, *, multirun: bool
) -> Iterator[dict[Any, Any]]:
    """Yield the composed configuration of every run, with interpolations resolved.

    Hydra needs a tenth of a second for one composition. It composes once for all runs that differ
    only in values of existing keys; these are then set in the composed configuration.
    """
    with _hydra():
        given = overrides.parse(words)
        overrides.check_choices(given, user_folder)
        common = [overrides.text(each) for each in given if overrides.is_choice(each)]
        base = _compose(common, user_folder)
        params = _sweep_params(base)
        from_file = overrides.parse([f"{key}={value}" for key, value in params.items()])
        overrides.check_choices(from_file, user_folder)
        is_sweep = multirun or base.hydra.mode == RunMode.MULTIRUN or bool(params)
        values = overrides.expand([*from_file, *given], user_folder, is_sweep=is_sweep)
        settable = {
            overrides.text(override): override
            for override in overrides.parse(list(itertools.chain(*values)))
            if overrides.is_settable(override)
        }
        composed: dict[tuple[str, ...], DictConfig] = {}
        for run in itertools.product(*values):
            fixed = tuple(word for word in run if word not in settable)
            if fixed not in composed:
                config = base if list(fixed) == common else _compose(fixed, user_folder)
                if _sweep_params(config) != params:
                    raise ConfigError(
                        "an experiment with hydra.sweeper.params defines a sweep; it cannot be "
                        "swept over"
                    )
                composed[fixed] = _without_hydra(config)
            yield _content(composed[fixed], [settable[word] for word in run if word in settable])


def _sweep_params(config: DictConfig) -> dict[str, str | int | float]:
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


@contextmanager
def _hydra() -> Iterator[None]:
    """Initialise Hydra with conf/, and restore its previous state at the end."""
    OmegaConf.register_new_resolver("lookup", _lookup, replace=True)
    with initialize_config_dir(str(CONF), job_name="bench", version_base="1.3"):
        yield


def _lookup(key: object, table: Any, *default: Any) -> Any:
    """Resolve ``${lookup:KEY,{a: 1, b: 2},DEFAULT}``: the entry of the table for a value."""
    for name, value in table.items():
        if str(name) == str(key):
            return value
    if default:
        return default[0]
    raise ValueError(f"lookup: {key} is none of {', '.join(map(str, table))}")


def _compose(words: Sequence[str], user_folder: Path | None) -> DictConfig:
    """Compose a configuration with Hydra's own settings in it."""
    words = [overrides.for_hydra(each) for each in overrides.parse(words)]
    entries = [
        QuotedString(user_files.UserFiles.entry(folder), Quote.single).with_quotes()
        for folder in user_files.plugin_folders(user_folder)
    ]
    if entries:
        words.append(f"hydra.searchpath=[{','.join(entries)}]")
    try:
        return compose(user_files.CONFIG_NAME, overrides=words, return_hydra_config=True)
    except COMPOSITION_ERRORS as error:
        raise ConfigError(one_line(error)) from error


def _without_hydra(config: DictConfig) -> DictConfig:
    with open_dict(config):
        del config["hydra"]
    return config


def _content(config: DictConfig, values: Sequence[Override]) -> dict[Any, Any]:
    """Set the values of one run in `config`, and return its content.

    Args:
        config: is changed. All runs that share it set the same keys.
        values: overrides for which `overrides.is_settable` is true.
    """
    try:
        for override in values:
            # A recipe's file may leave out a key of the schema, such as recipe.momentum.
            OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
        content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except COMPOSITION_ERRORS as error:
        raise ConfigError(one_line(error)) from error
    assert isinstance(content, dict)  # noqa: S101
    return content
