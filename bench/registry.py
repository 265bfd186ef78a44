"""Implementations by name: which modules there are, what they need, and their classes.

A module is looked up among those shipped in `implementations`; no other module can be named, so a
configuration from someone else runs no code of its own choice.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from pathlib import Path

import implementations
from bench.contract import Implementation


@functools.cache
def modules() -> tuple[str, ...]:
    """Return the names of the modules in implementations/, without importing them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(implementations.__path__)))


def missing(requires: Iterable[str]) -> tuple[str, ...]:
    """Return those top-level modules that are not installed, without importing any."""
    return tuple(name for name in requires if importlib.util.find_spec(name) is None)


def source(module: str) -> Path:
    """Return the file of an implementation's module."""
    return Path(implementations.__file__).parent / f"{module}.py"


def load(module: str) -> type[Implementation]:
    """Import an implementation's module, and with it its framework, and return its class.

    Raises:
        KeyError: there is no such module.
    """
    if module not in modules():
        raise KeyError(module)
    kind: type[Implementation] = importlib.import_module(f"implementations.{module}").MLP
    return kind
