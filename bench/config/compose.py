"""From the words of a command line to the runs they ask for, before anything is trained.

Hydra composes the configurations; this module composes all of a sweep's once, up front, so that a
mistake in the last run is found before the first one starts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config import hydra_settings
from bench.config.schema import ConfigError, RunConfig, check

CONFIG_PATH = "pkg://conf"
CONFIG_NAME = "config"


def compose_runs(
    words: Sequence[str],
    *,
    default_name: str,
    multirun: bool = False,
    config_folder: str | None = None,
) -> list[RunConfig]:
    """Return the configuration of every run that a command line asks for, each checked.

    Args:
        words: the overrides, such as ``["learning_rate=0.1"]``.
        default_name: of the sweep, where the configuration gives none.
        multirun: whether -m was given; a named sweep needs no -m.
        config_folder: a folder of the user's own, searched besides the project's conf/.

    Raises:
        ConfigError: with one line that names the key, its value and what is allowed.
    """
    with set_up(config_folder) as loader:
        base, jobs = _split(words, loader, multirun=multirun)
        return [_to_run_config(_compose_or_explain(job, base), default_name) for job in jobs]


def launcher_of(words: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return the launcher that a command line asks for, and its numbers.

    Raises:
        ConfigError: as `compose_runs`.
    """
    return hydra_settings.launcher_of(_parse(words, None))


def _split(
    words: Sequence[str], loader: ConfigLoader, *, multirun: bool
) -> tuple[DictConfig, list[list[str]]]:
    """Return what all runs have in common, and each one's words; Hydra's settings are left out."""
    overrides = _parse(words, loader)
    hydra_settings.launcher_of(overrides)  # refuses all but a launcher
    overrides = [override for override in overrides if not hydra_settings.is_hydras(override)]
    _check_choices(overrides, loader)
    base = compose_all([_text(override) for override in overrides if _is_choice(override, loader)])
    if not (base.hydra.mode == RunMode.MULTIRUN or multirun):
        _refuse_lists_of_values(overrides)
        return base, [[_text(override) for override in overrides]]
    params = [f"{key}={value}" for key, value in (base.hydra.sweeper.params or {}).items()]
    of_sweep = _parse(params, loader)
    for override in of_sweep:
        if hydra_settings.is_hydras(override):
            raise ConfigError(f"{_text(override)}: not offered in a sweep's file")
    overrides = [*of_sweep, *overrides]
    _check_choices(overrides, loader)
    jobs = BasicSweeper.split_arguments(overrides, max_batch_size=None)[0]
    return base, [list(job) for job in jobs]


def compose_all(words: Sequence[str]) -> DictConfig:
    """Compose a configuration with Hydra's own settings in it, within `set_up`.

    Raises:
        ConfigError: as `compose_runs`.
    """
    try:
        return compose(CONFIG_NAME, overrides=list(words), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split())) from error


def choices(group: str) -> list[str]:
    """Return the names that a group of conf/ offers, such as those of all recipes."""
    with set_up(None) as loader:
        return _choices(group, loader)


def _to_run_config(composed: DictConfig, default_name: str) -> RunConfig:
    """Check one configuration that Hydra composed.

    Raises:
        ConfigError: as `bench.config.schema.check`.
    """
    try:
        content = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(" ".join(str(error).split())) from error
    assert isinstance(content, dict)  # noqa: S101
    for group in ("hydra", "sweep", "experiment"):
        content.pop(group, None)
    if content.get("sweep_name") is None:
        content["sweep_name"] = default_name
    return check(content)


@contextmanager
def set_up(config_folder: str | None) -> Iterator[ConfigLoader]:
    """Set Hydra up as `hydra.main` does, and put everything back."""
    search_path = create_config_search_path(CONFIG_PATH)
    if config_folder is not None:
        folder = Path(config_folder).absolute()
        if not folder.is_dir():
            raise ConfigError(f"--config-dir={config_folder}: no such folder")
        for name in (f"{CONFIG_NAME}.yaml", "hydra"):
            if (folder / name).exists():
                raise ConfigError(
                    f"--config-dir={config_folder}: {name} in it would be Hydra's own settings, "
                    "which are not offered; files in folders such as architecture/ are"
                )
        anchor = SearchPathQuery(provider="schema")
        search_path.prepend(provider="command-line", path=f"file://{folder}", anchor=anchor)
    hydra = Hydra.create_main_hydra2(task_name="bench", config_search_path=search_path)
    try:
        yield hydra.config_loader
    finally:
        GlobalHydra.instance().clear()


def _parse(words: Sequence[str], loader: ConfigLoader | None) -> list[Override]:
    parser = OverridesParser.create(config_loader=loader)
    parsed = []
    for word in words:
        try:
            parsed += parser.parse_overrides([word])
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"{word!r}: not an override; write key=value, and quote values with special "
                f"characters: key='\"value\"' ({reason})"
            ) from error
    return parsed


def _choices(key: str, loader: ConfigLoader) -> list[str]:
    """Return the names that a group offers; none where `key` is not a group."""
    return sorted(loader.get_group_options(key, results_filter=ObjectType.CONFIG)) if key else []


def _is_choice(override: Override, loader: ConfigLoader) -> bool:
    return not override.is_sweep_override() and bool(_choices(override.key_or_group, loader))


def _check_choices(overrides: Sequence[Override], loader: ConfigLoader) -> None:
    """Refuse names that a group does not offer, also those in the middle of a sweep."""
    for override in overrides:
        key = override.key_or_group
        allowed = _choices(key, loader)
        if not allowed or override.is_delete():
            continue
        if override.is_sweep_override():
            values = list(override.sweep_string_iterator())
        else:
            values = [override.get_value_element_as_str()]
        for value in values:
            if value not in allowed:
                raise ConfigError(
                    f"{key}={value}: must be one of {', '.join(allowed)}{_nearest(value, allowed)}"
                )


def _refuse_lists_of_values(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            raise ConfigError(f"{_text(override)}: several values make a sweep; add -m")


def _text(override: Override) -> str:
    return override.input_line or ""


def _compose_or_explain(words: Sequence[str], base: DictConfig) -> DictConfig:
    try:
        return compose(CONFIG_NAME, overrides=list(words))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(words, base, error)) from error


def _explain(words: Sequence[str], base: DictConfig, error: Exception) -> str:
    """Find the override that Hydra stumbled over."""
    content = OmegaConf.to_container(base, resolve=False)
    known = [key for key in _keys(content) if not key.startswith("hydra")]
    for word in words:
        key, _, value = word.partition("=")
        if not key:
            return f"{word!r}: not an override; write key=value"
        if key.startswith(("+", "~")):
            continue
        if key not in known:
            return f"{key}={value}: no such key{_nearest(key, known)}; 'bench --help' lists them"
    return " ".join(str(error).split())


def _keys(content: object, prefix: str = "") -> list[str]:
    """Return every key of a configuration, nested ones with dots."""
    if not isinstance(content, dict):
        return []
    keys = []
    for name, value in content.items():
        keys += [f"{prefix}{name}", *_keys(value, f"{prefix}{name}.")]
    return keys


def _nearest(name: str, candidates: Sequence[str]) -> str:
    """Suggest what may have been meant."""
    by_leaf = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    close = difflib.get_close_matches(name, [*candidates, *by_leaf], n=1, cutoff=0.5)
    if not close:
        return ""
    return f"; did you mean {by_leaf.get(close[0], close[0])}?"
