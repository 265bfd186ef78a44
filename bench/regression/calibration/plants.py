"""Planted slowdowns: copies of the project with slower NumPy training."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.regression.repository import NEEDED

MODULE = "numpy_mlp"
ORIGINAL = "original_numpy_mlp"
# Replaces the original, so that a side imports it under the same name.
WRAPPER = '''
"""The original implementation, slowed down by a share of its time."""

import time

from implementations.{original} import MLP as OriginalMLP


class MLP(OriginalMLP):
    def train_epoch(self, batches):
        start = time.perf_counter()
        loss = super().train_epoch(batches)
        end = time.perf_counter()
        until = end + {share} * (end - start)
        while time.perf_counter() < until:
            pass
        return loss
'''


def plant(tree: Path, planted: Path, share: float) -> None:
    """Copy the folders of a side, and slow down the NumPy implementation of the copy.

    Args:
        tree: folder of a project.
        planted: folder of the slower copy.
        share: additional time, relative to the time of `train_epoch`.
    """
    for folder in NEEDED:
        shutil.copytree(tree / folder, planted / folder, dirs_exist_ok=True)
    implementations = planted / "implementations"
    module = implementations / f"{MODULE}.py"
    module.rename(implementations / f"{ORIGINAL}.py")
    module.write_text(WRAPPER.lstrip().format(original=ORIGINAL, share=share), encoding="utf-8")
