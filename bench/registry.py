"""Implementations by module name: which there are, what they need, their sources and their classes.

A module is looked up in the folder `implementations` beside `bench`. No other module can be named,
so a configuration from someone else runs no code of its own choice.
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
    """Return those top-level modules that are not installed, without importing any."""
    return tuple(name for name in requires if importlib.util.find_spec(name) is None)


def sources(module: str) -> dict[Path, bytes]:
    """Return an implementation's source files: its own, and those it imports beside the harness.

    Args:
        module: a name from `modules`. Of a package, every file counts.

    Returns:
        Contents by path.
    """
    found = imports.sources(f"{PACKAGE}.{module}")
    harness = imports.PROJECT / "bench"
    own = {path: source for path, source in found.items() if not path.is_relative_to(harness)}
    for path in sorted((FOLDER / module).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            own.setdefault(path, path.read_bytes())
    return own


def load(module: str) -> type[Implementation]:
    """Import an implementation's module, and with it its framework, and return its class.

    Raises:
        KeyError: there is no such module.
        ImportError: this process has already imported another package called `implementations`.
    """
    if module not in modules():
        raise KeyError(module)
    imports.load_from_project()
    places = list(importlib.import_module(PACKAGE).__path__)
    if not any(Path(place).resolve() == FOLDER.resolve() for place in places):
        raise ImportError(f"{places[0]} was imported as {PACKAGE}, in place of {FOLDER}; rename it")
    implementation: type[Implementation] = importlib.import_module(f"{PACKAGE}.{module}").MLP
    return implementation
