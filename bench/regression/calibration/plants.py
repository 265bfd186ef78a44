"""Planted slowdowns: copies of the project whose NumPy training does a little more arithmetic."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench.regression.git import NEEDED

MODULE = "numpy_mlp"
ORIGINAL = "original_numpy_mlp"
# Takes the place of the original, so that a side imports it under the same name.
WRAPPER = '''
"""The original implementation with a matrix product more for every training step."""

import numpy as np

from implementations.{original} import MLP as OriginalMLP

LEFT = np.ones(({rows}, 64), np.float32)
RIGHT = np.ones((64, 64), np.float32)
OUT = np.empty(({rows}, 64), np.float32)


class MLP(OriginalMLP):
    def train_epoch(self, batches):
        loss = super().train_epoch(batches)
        for _ in batches:
            np.matmul(LEFT, RIGHT, out=OUT)
        return loss
'''
N_TRIALS = 200
N_PRODUCTS = 20  # in a trial


def plant(tree: Path, planted: Path, rows: int) -> None:
    """Copy what a side needs of `tree` to `planted`, and slow NumPy's implementation down there.

    Args:
        tree: a project.
        planted: folder of the slower copy.
        rows: size of the extra product of (rows, 64) and (64, 64) for every step.
    """
    for folder in NEEDED:
        shutil.copytree(tree / folder, planted / folder, dirs_exist_ok=True)
    implementations = planted / "implementations"
    module = implementations / f"{MODULE}.py"
    module.rename(implementations / f"{ORIGINAL}.py")
    module.write_text(WRAPPER.lstrip().format(original=ORIGINAL, rows=rows), encoding="utf-8")


def rows_that_take(seconds: float) -> int:
    """Return how many rows the extra product needs to take this long on one core."""
    few, many = 16, 512
    few_seconds, many_seconds = product_seconds(few), product_seconds(many)
    seconds_per_row = (many_seconds - few_seconds) / (many - few)
    return max(1, round(few + (seconds - few_seconds) / seconds_per_row))


def product_seconds(rows: int) -> float:
    """Return the median seconds of a product of (rows, 64) and (64, 64) on one core."""
    left, right = np.ones((rows, 64), np.float32), np.ones((64, 64), np.float32)
    out = np.empty((rows, 64), np.float32)
    trials = []
    with threadpool_limits(1):
        for _ in range(N_TRIALS):
            start = time.perf_counter()
            for _ in range(N_PRODUCTS):
                np.matmul(left, right, out=out)
            trials.append((time.perf_counter() - start) / N_PRODUCTS)
    return float(np.median(trials))
