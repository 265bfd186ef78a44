"""Find the modules of implementations/, their requirements, source files and classes.

The folder `implementations` is next to `bench`. Modules elsewhere are refused, so that a
configuration from a stranger cannot run other code.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from bench import imports
from bench.contract import Implementation

PACKAGE = "implementations"
FOLDER = imports.PROJECT / PACKAGE


@functools.cache
def modules() -> tuple[str, ...]:
    """Return the names of the modules in implementations/, without importing them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)])))


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
    for path in sorted((FOLDER / module).rglob("*")):
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
    folders = list(importlib.import_module(PACKAGE).__path__)
    if not any(Path(folder).resolve() == FOLDER.resolve() for folder in folders):
        raise ImportError(f"{folders[0]} was imported as {PACKAGE}, not {FOLDER}; rename it")
    implementation: type[Implementation] = importlib.import_module(f"{PACKAGE}.{module}").MLP
    return implementation
