"""The YAML files that configurations are composed from: the project's conf/ and a user's folder.

A user's folder, given with
--config-dir, adds choices to the groups of conf/. Its files are checked before they are used.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import yaml
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench import CONF
from bench.config.errors import ConfigError, shown

CONFIG_NAME = "config"
EXTENSION = ".yaml"
# Choices of these groups set keys of the whole configuration, not of a section with their name.
PRESET_GROUPS = ("experiment", "sweep")

MAX_FILE_BYTES = 100_000
MAX_ALIASES = 10  # each may repeat all that stands before it: more could expand to gigabytes
MAX_NESTING = 30


@functools.cache
def groups() -> tuple[str, ...]:
    """Return the names of the groups of conf/."""
    return tuple(sorted(path.parent.name for path in CONF.glob(f"*/*{EXTENSION}")))


def choices(group: str, user_folder: Path | None = None) -> list[str]:
    """Return the names that a group offers, such as those of all recipes.

    Args:
        group: a group of conf/; other names have no choices.
        user_folder: a folder whose files count as well.
    """
    if group not in groups():
        return []
    folders = [CONF] if user_folder is None else [CONF, user_folder]
    return sorted(
        {path.stem for folder in folders for path in (folder / group).glob(f"*{EXTENSION}")}
    )


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
        raise ConfigError(f"--config-dir={shown(config_dir)}: no such folder")
    for name in (f"{CONFIG_NAME}{EXTENSION}", "hydra"):
        if (folder / name).exists():
            raise ConfigError(
                f"--config-dir={config_dir}: {name} in it would be Hydra's own settings, which "
                "can't be given; files in folders such as architecture/ can"
            )
    for group in groups():
        for name in choices(group):
            if (folder / group / f"{name}{EXTENSION}").exists():
                raise ConfigError(
                    f"{folder / group / name}{EXTENSION}: conf/ has {group}={name} already; "
                    "rename the file"
                )
    return folder


def load(path: Path) -> DictConfig:
    """Load a user's YAML file.

    Raises:
        ConfigError: it can't be read or is not a mapping; the message names the file and the line.
    """
    try:
        text = _read(path)
        _check_size_of_content(path, text)
        config = OmegaConf.load(io.StringIO(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: {error.problem or error.context}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: an alias (*name) stands within what it repeats") from error
    except (OSError, yaml.YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path}: must consist of lines such as 'key: value'")
    return config


def _read(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: must be a file of at most {MAX_FILE_BYTES} bytes")
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: must be UTF-8 text") from error


def _check_size_of_content(path: Path, text: str) -> None:
    """Refuse nesting and aliases that would take much more memory and time than their text."""
    n_aliases = depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        n_aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if n_aliases > MAX_ALIASES or depth > MAX_NESTING:
            raise ConfigError(
                f"{path}:{event.start_mark.line + 1}: at most {MAX_ALIASES} aliases (*name) and "
                f"{MAX_NESTING} levels of nesting are allowed"
            )


@functools.cache
def known_options(module: str, user_folder: Path | None) -> frozenset[str] | None:
    """Return the options that the YAML files of an implementation's module name.

    None if no file is about this module.

    Args:
        module: a module of implementations/, or one of the user's own.
        user_folder: consulted where no file of conf/ is about this module.
    """
    for folder in [CONF] if user_folder is None else [CONF, user_folder]:
        options: set[str] = set()
        contents: list[Any] = [
            OmegaConf.to_container(load(path))
            for path in (folder / "implementation").glob(f"*{EXTENSION}")
        ]
        same = [content for content in contents if content.get("module") == module]
        for content in same:
            options.update(content.get("options") or ())
        if same:
            return frozenset(options)
    return None


class UserFiles(ConfigSource):
    """Hydra's view of a user's folder. Presets need no `# @package _global_` line in it."""

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
        """Load one file, named relative to the folder, without its extension."""
        path = self._file(config_path)
        config = load(path)
        header = self._get_header_dict(path.read_text(encoding="utf-8")[:512])
        if config_path.partition("/")[0] in PRESET_GROUPS and header.get("package") is None:
            header["package"] = "_global_"
        return ConfigResult(
            provider=self.provider, path=self.full_path(), config=config, header=header
        )

    def available(self) -> bool:
        """Say whether the folder exists."""
        return self.is_group("")

    def is_group(self, config_path: str) -> bool:
        """Say whether there is a folder of this name."""
        return (Path(self.path) / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Say whether there is a file of this name."""
        return self._file(config_path).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the names of groups and files in a folder."""
        names: list[str] = []
        for path in sorted((Path(self.path) / config_path).iterdir()):
            if path.is_dir() and results_filter is not ObjectType.CONFIG:
                names.append(path.name)
            if path.suffix == EXTENSION and results_filter is not ObjectType.GROUP:
                names.append(path.stem)
        return names

    def _file(self, config_path: str) -> Path:
        return Path(self.path) / f"{config_path.removesuffix(EXTENSION)}{EXTENSION}"
