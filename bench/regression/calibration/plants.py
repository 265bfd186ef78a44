"""Planted slowdowns: copies of the project with slower training."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from bench.regression.sides.repository import NEEDED

# Appended to an implementation: replaces its class, so that a side imports it as before.
WRAPPER = '''

import time as _time

_MLP = MLP


class MLP(_MLP):
    """The implementation above, slowed down by a share of its time."""

    def train_epoch(self, batches):
        start = _time.perf_counter()
        loss = super().train_epoch(batches)
        end = _time.perf_counter()
        until = end + {share} * (end - start)
        while _time.perf_counter() < until:
            pass
        return loss
'''


def plant(tree: Path, planted: Path, share: float, modules: Iterable[str]) -> None:
    """Copy the folders of a side, and slow down implementations of the copy.

    Args:
        tree: folder of a project.
        planted: folder of the slower copy.
        share: additional time, relative to the time of `train_epoch`.
        modules: modules or packages in implementations/ with a class MLP.
    """
    for folder in NEEDED:
        shutil.copytree(tree / folder, planted / folder, dirs_exist_ok=True)
    for module in modules:
        package = planted / "implementations" / module
        path = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        with path.open("a", encoding="utf-8") as out:
            out.write(WRAPPER.format(share=share))
