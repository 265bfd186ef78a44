"""Planted slowdowns: copies of the project whose NumPy step does a little more arithmetic."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

STEP = """
    calls += loss.find_delta()
"""
EXTRA = """

EXTRA_LEFT = np.ones(({rows}, 64), np.float32)
EXTRA_RIGHT = np.ones((64, 64), np.float32)
EXTRA_OUT = np.empty(({rows}, 64), np.float32)


def extra_arithmetic() -> None:
    np.matmul(EXTRA_LEFT, EXTRA_RIGHT, out=EXTRA_OUT)
"""
N_TRIALS = 200


def plant(tree: Path, planted: Path, rows: int) -> None:
    """Copy what a side needs to `planted`, with a product of (rows, 64) and (64, 64) a step.

    Raises:
        ValueError: the step of `numpy_mlp.py` is not where this looks for it.
    """
    for needed in ("implementations", "bench"):
        shutil.copytree(tree / needed, planted / needed, dirs_exist_ok=True)
    module = planted / "implementations" / "numpy_mlp.py"
    code = module.read_text(encoding="utf-8")
    if code.count(STEP) != 1:
        raise ValueError(f"{module}: the step is not where it was; nothing planted")
    code = code.replace(STEP, f"{STEP}    calls.append(extra_arithmetic)\n")
    module.write_text(code + EXTRA.format(rows=rows), encoding="utf-8")


def rows_that_take(seconds: float) -> int:
    """Return how many rows the planted product needs to take this long on one core."""
    few, many = 16, 512
    taken_by_few, taken_by_many = _seconds(few), _seconds(many)
    a_row = (taken_by_many - taken_by_few) / (many - few)
    return max(1, round(few + (seconds - taken_by_few) / a_row))


def _seconds(rows: int) -> float:
    left, right = np.ones((rows, 64), np.float32), np.ones((64, 64), np.float32)
    out = np.empty((rows, 64), np.float32)
    taken = []
    with threadpool_limits(1):
        for _ in range(N_TRIALS):
            start = time.perf_counter()
            for _ in range(20):
                np.matmul(left, right, out=out)
            taken.append((time.perf_counter() - start) / 20)
    return float(np.median(taken))
