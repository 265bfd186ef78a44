"""From the words of a command line to the runs they ask for, before anything is trained.

Hydra composes the configurations; this module composes all of a sweep's once, up front, so that a
mistake in the last run is found before the first one starts.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from bench import CONF
from bench.config import effects, hydra_settings, overrides, user_files
from bench.config.errors import ConfigError
from bench.config.identity import PURPOSES
from bench.config.suggestions import nearest
from bench.config.user_files import choices as choices

if TYPE_CHECKING:
    from bench.config.schema import RunConfig

# What Hydra and OmegaConf raise for values and files that make no sense.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError, RecursionError)


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
        default_name: the sweep's name, where the configuration gives none.
        multirun: whether -m was given; a named sweep needs no -m.
        config_folder: a user's folder that adds choices to those of conf/.

    Raises:
        ConfigError: with one line that names the key, its value and what is allowed.
    """
    from bench.config.schema import check  # imports NumPy; --help and --cfg do without

    configs = []
    for content in _contents(words, multirun=multirun, config_folder=config_folder):
        if content.get("sweep_name") is None:
            content["sweep_name"] = default_name
        configs.append(check(content))
    return configs


def show(
    words: Sequence[str],
    *,
    part: str,
    package: str | None,
    resolve: bool,
    config_folder: str | None,
) -> str:
    """Return a composed configuration as YAML; of a sweep, that of the first values given.

    Args:
        words: the overrides, such as ``["learning_rate=0.1"]``.
        part: ``job`` for a run's configuration, ``hydra`` for Hydra's settings, ``all`` for both.
        package: a section to show alone, such as ``recipe``.
        resolve: whether to replace interpolations by their values.
        config_folder: as for `compose_runs`.

    Raises:
        ConfigError: as `compose_runs`.
    """
    user_folder = user_files.find_user_folder(config_folder)
    with set_up():
        given = overrides.parse(words)
        given = [override for override in given if not hydra_settings.is_hydras(override)]
        values = overrides.expand(given, user_folder, is_sweep=True)
        config = compose_all([words_of_key[0] for words_of_key in values], user_folder)
        if part == "job":
            config = _without_hydra(config)
        path = ".".join(filter(None, ["hydra" if part == "hydra" else None, package]))
        try:
            section = OmegaConf.select(config, path) if path else config
            if not OmegaConf.is_config(section):
                raise ConfigError(f"--package={package}: no such section")
            return OmegaConf.to_yaml(section, resolve=resolve)
        except COMPOSITION_ERRORS as error:
            raise ConfigError(" ".join(str(error).split())) from error


def launcher_of(words: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Return the launcher that a command line asks for, and its numbers.

    Raises:
        ConfigError: as `compose_runs`.
    """
    return hydra_settings.launcher_of(overrides.parse(words))


@contextmanager
def set_up() -> Iterator[ConfigLoader]:
    """Initialise Hydra with conf/, and restore its previous state at the end."""
    OmegaConf.register_new_resolver("lookup", _lookup, replace=True)
    with initialize_config_dir(str(CONF), job_name="bench", version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


def compose_all(words: Sequence[str], user_folder: Path | None = None) -> DictConfig:
    """Compose a configuration with Hydra's own settings in it, within `set_up`.

    Raises:
        ConfigError: as `compose_runs`.
    """
    try:
        return _compose(words, user_folder)
    except COMPOSITION_ERRORS as error:
        raise ConfigError(_explain(words, user_folder, error)) from error


def _compose(words: Sequence[str], user_folder: Path | None) -> DictConfig:
    added = []
    if user_folder is not None:
        entry = QuotedString(user_files.UserFiles.entry(user_folder), Quote.single)
        added = [f"hydra.searchpath=[{entry.with_quotes()}]"]
    return compose(user_files.CONFIG_NAME, overrides=[*words, *added], return_hydra_config=True)


def _contents(
    words: Sequence[str], *, multirun: bool, config_folder: str | None
) -> Iterator[dict[Any, Any]]:
    """Yield what Hydra composes for every run, with interpolations resolved.

    Hydra takes a tenth of a second for one composition: it is done once for all runs that differ
    only in values of existing keys, which are then set in copies.
    """
    user_folder = user_files.find_user_folder(config_folder)
    with set_up():
        given = overrides.parse(words)
        hydra_settings.launcher_of(given)  # refuses everything else of Hydra's
        given = [override for override in given if not hydra_settings.is_hydras(override)]
        overrides.check_choices(given, user_folder)
        common = [overrides.text(each) for each in given if overrides.is_choice(each)]
        base = compose_all(common, user_folder)
        params = effects.sweep_params(base)
        of_sweep = overrides.parse([f"{key}={value}" for key, value in params.items()])
        is_sweep = multirun or base.hydra.mode == RunMode.MULTIRUN or bool(of_sweep)
        given = [*of_sweep, *given]
        overrides.check_choices(given, user_folder)
        values = overrides.expand(given, user_folder, is_sweep=is_sweep)
        settable = _settable(values)
        composed: dict[tuple[str, ...], DictConfig] = {}
        for job in itertools.product(*values):
            fixed = tuple(word for word in job if word not in settable)
            if fixed not in composed:
                config = base if list(fixed) == common else compose_all(fixed, user_folder)
                effects.check(config, params, user_folder)
                composed[fixed] = _without_hydra(config)
            values_of_run = [settable[word] for word in job if word in settable]
            run = _set(composed[fixed], values_of_run)
            content = _resolve(run or _without_hydra(compose_all(job, user_folder)))
            effects.check_options(content, user_folder)
            yield content


def _settable(values: Sequence[Sequence[str]]) -> dict[str, Override]:
    """Return the words that can be applied to a composed configuration, in any order."""
    parsed = [overrides.parse(words) for words in values]
    keys = [each[0].key_or_group for each in parsed if not overrides.is_choice(each[0])]
    return {
        overrides.text(override): override
        for each in parsed
        for override in each
        if overrides.is_plain(override) and not _overlaps(override, keys)
    }


def _overlaps(override: Override, keys: Sequence[str]) -> bool:
    """Say whether the order matters: another key is part of this one, or this one of another."""
    own = override.key_or_group
    return any(
        key != own and (key.startswith(f"{own}.") or own.startswith(f"{key}.")) for key in keys
    )


def _set(composed: DictConfig, given: Sequence[Override]) -> DictConfig | None:
    """Give `composed` the values of a run, the same keys for every run.

    Returns:
        `composed`, or a copy where a later run would inherit parts of a mapping; None if Hydra
        would refuse a value.
    """
    values = {override.key_or_group: override.value() for override in given}
    if any(isinstance(value, dict) for value in values.values()):
        composed = copy.deepcopy(composed)
    try:
        for key, value in values.items():
            # The file of a choice may leave out a key of the schema, such as recipe.momentum.
            OmegaConf.update(composed, key, value, merge=True, force_add=key in PURPOSES)
    except OmegaConfBaseException:
        return None
    return composed


def _without_hydra(config: DictConfig) -> DictConfig:
    with open_dict(config):
        del config["hydra"]
    return config


def _resolve(config: DictConfig) -> dict[Any, Any]:
    try:
        content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except COMPOSITION_ERRORS as error:
        raise ConfigError(" ".join(str(error).split())) from error
    assert isinstance(content, dict)  # noqa: S101
    return content


def _lookup(key: object, table: Any, *default: Any) -> Any:
    """Resolve ``${lookup:KEY,{a: 1, b: 2},DEFAULT}``: the entry of the table for a value."""
    for name, value in table.items():
        if str(name) == str(key):
            return value
    if default:
        return default[0]
    raise ValueError(f"lookup: {key} is none of {', '.join(map(str, table))}")


def _explain(words: Sequence[str], user_folder: Path | None, error: Exception) -> str:
    """Return one line about the override that Hydra stumbled over."""
    reason = " ".join(str(error).split())
    selected = [
        overrides.text(each) for each in overrides.parse(words) if overrides.is_choice(each)
    ]
    if selected == list(words):
        return reason
    try:
        base = _without_hydra(_compose(selected, user_folder))
    except COMPOSITION_ERRORS:
        return reason
    known = [*_keys(OmegaConf.to_container(base, resolve=False)), *user_files.PRESET_GROUPS]
    for word in words:
        key, _, value = word.partition("=")
        if not key:
            return f"{word!r}: not an override; write key=value"
        if key.startswith(("+", "~")):
            continue
        if key not in known:
            hint = nearest(key, [each for each in known if _is_set_by_users(each)])
            return f"{key}={value}: no such key{hint}; 'bench --help' lists them"
    return reason


def _keys(content: object, prefix: str = "") -> list[str]:
    """Return every key of a configuration, nested ones with dots."""
    if not isinstance(content, dict):
        return []
    keys = []
    for name, value in content.items():
        keys += [f"{prefix}{name}", *_keys(value, f"{prefix}{name}.")]
    return keys


def _is_set_by_users(key: str) -> bool:
    if key.startswith("implementation."):
        return key.startswith("implementation.options.")
    return not key.endswith(".name")
