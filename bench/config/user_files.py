"""The files that configurations are composed from: the project's conf/, and those of plug-ins.

A plug-in is an installed package (see `bench.config.plugins`) or a user's folder, given with
--config-dir. Both have the same layout: `recipe/mine.yaml` adds a choice to the group `recipe` of
conf/, and `implementations/mine_mlp.py` a module for `implementation/mine.yaml`. Files are checked
before Hydra reads them.
"""

from __future__ import annotations

import functools
import io
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench import CONF, imports
from bench.config import plugins
from bench.config.errors import ConfigError, one_line, short_value
from bench.config.suggestions import nearest
from bench.nested import flatten

if TYPE_CHECKING:
    from bench.config.schema import ImplementationConfig

CONFIG_NAME = "config"
EXTENSION = ".yaml"
# Choices of these groups set keys of the whole configuration, not of a section with their name.
PRESET_GROUPS = ("experiment", "sweep")
SWEEP_SETTINGS = ("hydra.mode.", "hydra.sweeper.params.")
MAX_FILE_BYTES = 100_000


@functools.cache
def groups() -> tuple[str, ...]:
    """Return the names of the groups of conf/."""
    return tuple(sorted({path.parent.name for path in CONF.glob(f"*/*{EXTENSION}")}))


def choices(group: str, user_folder: Path | None = None) -> list[str]:
    """Return the names that a group offers, such as the names of all recipes.

    Args:
        group: a group of conf/; other names have no choices.
        user_folder: a folder whose files count as well.
    """
    if group not in groups():
        return []
    found = [
        path.stem
        for folder in (CONF, *plugin_folders(user_folder))
        for path in (folder / group).glob(f"*{EXTENSION}")
    ]
    return sorted(set(found))


def plugin_folders(user_folder: Path | None) -> tuple[Path, ...]:
    """Return the folders of installed plug-ins, and the user's folder if there is one.

    Raises:
        ConfigError: an installed plug-in is damaged, or two files have the same name.
    """
    return _installed_folders() + (() if user_folder is None else (user_folder,))


@functools.cache
def _installed_folders() -> tuple[Path, ...]:
    folders = tuple(plugin.folder for plugin in plugins.installed())
    for folder in folders:
        _refuse_names_of_the_project(folder)
    _refuse_equal_names(folders)
    return folders


def _refuse_names_of_the_project(folder: Path) -> None:
    for path in (*CONF.rglob(f"*{EXTENSION}"), CONF / "hydra"):
        own = folder / path.relative_to(CONF)
        if own.exists():
            raise ConfigError(f"{own}: mlp-bench has a file or settings of this name; rename yours")


def _refuse_equal_names(folders: Sequence[Path]) -> None:
    """Refuse YAML files of the same group and name, and modules of the same name."""
    first: dict[str, Path] = {}
    for folder in (imports.PROJECT, *folders):
        modules = folder / imports.IMPLEMENTATIONS
        names = [f"{modules.name}/{each.name}" for each in pkgutil.iter_modules([str(modules)])]
        for group in groups() if folder != imports.PROJECT else ():
            names += [f"{group}/{path.name}" for path in (folder / group).glob(f"*{EXTENSION}")]
        for name in names:
            if name in first:
                raise ConfigError(f"{folder / name}: {first[name]} has the same name; rename one")
            first[name] = folder / name


def find_user_folder(config_dir: str | None) -> Path | None:
    """Return the folder of a --config-dir, checked; None if there is none.

    Raises:
        ConfigError: there is no such folder, or something in it would have no effect.
    """
    if config_dir is None:
        return None
    try:
        folder = Path(config_dir).expanduser().absolute()
        exists = bool(config_dir) and folder.is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, no such user, a null character
        exists = False
    if not exists:
        raise ConfigError(f"--config-dir={short_value(config_dir)}: no such folder")
    _refuse_names_of_the_project(folder)
    _refuse_equal_names(plugin_folders(folder))
    return folder


def load(path: Path) -> DictConfig:
    """Load a YAML file.

    Raises:
        ConfigError: it can't be read or is not a mapping; the message names the file and the line.
    """
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: must be a file of at most {MAX_FILE_BYTES} bytes")
        text = path.read_bytes().decode()
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):  # a few lines of them can expand to gigabytes
                line = event.start_mark.line + 1
                raise ConfigError(f"{path}:{line}: aliases (*{event.anchor}) are not allowed")
        config = OmegaConf.load(io.StringIO(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line_number = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line_number}: {error.problem or error.context}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: too many levels of nesting") from error
    except (OSError, yaml.YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"{path}: {one_line(error)}") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path}: must consist of lines such as 'key: value'")
    return config


@functools.cache
def known_options(module: str, user_folder: Path | None) -> frozenset[str]:
    """Return the names of options in the YAML files of an implementation's module.

    Args:
        module: the name of a module.
        user_folder: a user's folder. Files of plug-ins are used only if no file of conf/ belongs to
            this module.
    """
    for folder in (CONF, *plugin_folders(user_folder)):
        files = folder.glob(f"implementation/*{EXTENSION}")
        contents: list[Any] = [OmegaConf.to_container(load(path)) for path in files]
        options = [each.get("options") for each in contents if each.get("module") == module]
        if options:
            return frozenset(
                str(name) for each in options if isinstance(each, dict) for name in each
            )
    return frozenset()


def check_options(implementation: ImplementationConfig, user_folder: Path | None) -> None:
    """Refuse options that the implementation does not have.

    Raises:
        ConfigError: naming the option and the existing options.
    """
    known = sorted(known_options(implementation.module, user_folder))
    for name, value in implementation.options.items():
        if name not in known:
            raise ConfigError(
                f"implementation.options.{name}={short_value(value)}: no such option; "
                f"{implementation.name} has {', '.join(known) or 'none'}{nearest(name, known)}"
            )


def _refuse_hydra_settings(path: Path, config: DictConfig) -> None:
    """Refuse settings of Hydra in a user's file, except those that define a sweep."""
    selected = re.search(r"(override /?|@|@package |_global_\.)hydra\b.*", path.read_text("utf-8"))
    settings = [selected.group()] if selected else []
    content: Any = OmegaConf.to_container(config)
    for key, value in flatten({"hydra": content.get("hydra", {})}):
        if not f"{key}.".startswith(SWEEP_SETTINGS):
            settings.append(f"{key}={short_value(value)}")
    if settings:
        raise ConfigError(
            f"{path}: {settings[0]}: not allowed in a file; of Hydra's settings only hydra.mode "
            "and hydra.sweeper.params are"
        )


class UserFiles(FileConfigSource):
    """Hydra's access to a plug-in's folder. Presets in it need no `# @package _global_` line."""

    @staticmethod
    def scheme() -> str:
        """Return the prefix of search path entries that this class serves."""
        return "bench-files"

    @classmethod
    def entry(cls, folder: Path) -> str:
        """Return the entry of Hydra's search path for a folder."""
        Plugins.instance().register(cls)
        return f"{cls.scheme()}://{folder}"

    def load_config(self, config_path: str) -> ConfigResult:
        """Check and load one file, named relative to the folder."""
        path = Path(self.path) / self._normalize_file_name(config_path)
        _refuse_hydra_settings(path, load(path))
        result = super().load_config(config_path)
        if config_path.partition("/")[0] in PRESET_GROUPS and result.header.get("package") is None:
            result.header["package"] = "_global_"
        return result
