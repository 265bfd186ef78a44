"""Planted slowdowns: copies of the project whose training needs more time or memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.regression.sides.repository import NEEDED

# Appended to an implementation: replaces its class, so that a side imports it as before.
WRAPPER = '''

import time as _time

import numpy as _np

_MLP = MLP


def _slowly(share, action, batches):
    """Do something, and wait for a share of its time."""
    start = _time.perf_counter()
    result = action(batches)
    end = _time.perf_counter()
    while _time.perf_counter() < end + share * (end - start):
        pass
    return result


def _peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _grow(share):
    """Return blocks of 1 MB that raise the peak memory of the process by a share."""
    blocks = []
    end = (1 + share) * _peak() if share else 0
    while share and _peak() < end:
        blocks.append(_np.ones(125_000))
    return blocks


class MLP(_MLP):
    """The implementation above, which needs more by a share."""

    def warm_up(self, batches):
        _slowly({warm_up}, super().warm_up, batches)
        self._ballast = _grow({memory})

    def train_epoch(self, batches):
        return _slowly({step}, super().train_epoch, batches)
'''


def wrapper(shares: Mapping[str, float]) -> str:
    """Return code that makes an implementation need more: relative increase, by metric."""
    return WRAPPER.format_map({"step": 0, "memory": 0, "warm_up": 0, **shares})


def plant(tree: Path, planted: Path, shares: Mapping[str, float], modules: Iterable[str]) -> None:
    """Copy the folders of a side, and make implementations of the copy need more.

    Args:
        tree: folder of a project.
        planted: folder of the copy.
        shares: relative increases of step, memory and warm_up.
        modules: modules or packages in implementations/ with a class MLP.
    """
    for folder in NEEDED:
        shutil.copytree(tree / folder, planted / folder, dirs_exist_ok=True)
    for module in modules:
        package = planted / "implementations" / module
        path = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        with path.open("a", encoding="utf-8") as out:
            out.write(wrapper(shares))
