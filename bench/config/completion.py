"""Shell completion: Hydra prints the choices and keys, also those of plug-ins."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from bench import CONF
from bench.config.errors import ConfigError
from bench.config.user_files import CONFIG_NAME, UserFiles, find_user_folder, plugin_folders


def complete(words: Sequence[str], config_folder: str | None) -> None:
    """Print what Hydra's shell completion answers. It reads the line to complete from COMP_LINE.

    Args:
        words: the request, such as ``["query=bash"]``.
        config_folder: the --config-dir of the line to complete, or None. A folder that can't be
            used adds no choices: the user may be typing its name.
    """
    folders: tuple[Path, ...] = ()
    with contextlib.suppress(ConfigError):
        folders = plugin_folders(find_user_folder(config_folder))

    class PluginFolders(SearchPathPlugin):
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for folder in folders:
                search_path.append("bench", UserFiles.entry(folder))

    Plugins.instance().register(PluginFolders)
    sys.argv[1:] = ["-sc", *words]  # Hydra reads them there
    hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)(lambda _: None)()
