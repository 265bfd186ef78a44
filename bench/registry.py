"""Find the modules of implementations/, their requirements, source files and classes.

The folder `implementations` is next to `bench`. Plug-ins add modules from folders that the user has
installed, or named on the command line: see `use_plugin_folders`. Modules elsewhere are refused, so
that a configuration from a stranger cannot run other code.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import imports
from bench.contract import Implementation

PACKAGE = imports.IMPLEMENTATIONS


def use_plugin_folders(folders: Sequence[Path]) -> None:
    """From now on, find also the modules of these plug-ins, in this process and in those of runs.

    Args:
        folders: see `bench.imports.use_plugin_folders`.
    """
    imports.use_plugin_folders(folders)
    _modules.cache_clear()  # a folder may have new modules


def modules() -> tuple[str, ...]:
    """Return the names of the modules of the project and of plug-ins, without importing them."""
    return _modules(imports.implementation_folders())


@functools.lru_cache(maxsize=1)  # the configuration of every run asks
def _modules(folders: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(map(str, folders))))


def missing(requires: Iterable[str]) -> tuple[str, ...]:
    """Return the top-level modules in `requires` that are not installed; import none."""
    return tuple(name for name in requires if importlib.util.find_spec(name) is None)


def sources(module: str) -> dict[Path, bytes]:
    """Return an implementation's source files: its files and the files it imports, without bench/.

    Args:
        module: a name from `modules`. If it is a package, all files in its folder are returned.

    Returns:
        Contents by path.
    """
    harness = imports.PROJECT / "bench"
    contents = {
        path: source
        for path, source in imports.sources(f"{PACKAGE}.{module}").items()
        if not path.is_relative_to(harness)
    }
    for folder in imports.implementation_folders():
        for path in sorted((folder / module).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                contents.setdefault(path, path.read_bytes())
    return contents


def imported_modules(module: str) -> set[str]:
    """Return the top-level modules outside the project that an implementation imports."""
    names = (name for source in sources(module).values() for name in imports.imported_names(source))
    return {name.partition(".")[0] for name in names} - set(imports.PACKAGES)


def load(module: str) -> type[Implementation]:
    """Import an implementation's module, including its framework, and return its class.

    Raises:
        KeyError: `modules` does not contain this name.
        ImportError: this process has already imported another package called `implementations`.
    """
    if module not in modules():
        raise KeyError(module)
    imports.load_from_project()
    package = importlib.import_module(PACKAGE)
    own, *others = imports.implementation_folders()
    if not any(Path(folder).resolve() == own.resolve() for folder in package.__path__):
        other = next(iter(package.__path__))
        raise ImportError(f"{other} was imported as {PACKAGE}, not {own}; rename it")
    package.__path__ = [str(folder) for folder in (own, *others)]
    implementation: type[Implementation] = importlib.import_module(f"{PACKAGE}.{module}").MLP
    return implementation
