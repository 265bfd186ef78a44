"""Find installed packages that contain implementations.

Such a package declares an entry point in the group `mlp_bench.implementations`:

    [project.entry-points."mlp_bench.implementations"]
    mine = "mlp_bench_mine"

The value names a package. Its folder has the layout of a folder for --config-dir, so it contains
`implementation/mine.yaml` and `implementations/mine_mlp.py`. Nothing is imported here.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from bench import imports
from bench.config.errors import ConfigError

ENTRY_POINT_GROUP = "mlp_bench.implementations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """An installed package with implementations.

    Attributes:
        distribution: the name with which it was installed.
        version: its version.
        folder: the folder of its YAML files and modules.
    """

    distribution: str
    version: str
    folder: Path


@functools.cache
def installed() -> tuple[Plugin, ...]:
    """Return the installed packages with implementations, sorted by name.

    Raises:
        ConfigError: an entry point names no package with the folder `implementation`.
    """
    found = {_plugin(entry_point) for entry_point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(found, key=lambda plugin: (plugin.distribution, plugin.folder)))


def version_of(module: str) -> dict[str, str]:
    """Return the name and version of the installed package with a module; else nothing."""
    return {
        plugin.distribution: plugin.version
        for plugin in installed()
        if any((plugin.folder / imports.IMPLEMENTATIONS).glob(f"{module}*"))
    }


def _plugin(entry_point: EntryPoint) -> Plugin:
    distribution = entry_point.dist
    name, version = (distribution.name, distribution.version) if distribution else ("unknown", "")
    for folder in _folders_of(entry_point.value):
        if (folder / "implementation").is_dir():
            return Plugin(distribution=name, version=version, folder=folder)
    raise ConfigError(
        f"installed package {name} {version}: its entry point {entry_point.name} = "
        f"{entry_point.value} in {ENTRY_POINT_GROUP} must name a package that contains "
        f"implementation/NAME.yaml and implementations/MODULE.py; correct or uninstall it"
    )


def _folders_of(package: str) -> list[Path]:
    """Return the folders of a package; import only finders of the environment, not the package."""
    top, *inner = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    locations = spec.submodule_search_locations if spec is not None else None
    return [Path(location, *inner).absolute() for location in locations or ()]
