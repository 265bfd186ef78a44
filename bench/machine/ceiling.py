"""The ceiling: the fastest float32 matrix product on a process's cores, now and so far."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.files import FileError, cache_folder, write_atomically
from bench.machine import facts

# Rows, inner dimension and columns of a product, and how many times it is measured. One product is
# square, where BLAS libraries are at their best. The others are those of the first layer for 512
# images: X W, and the gradient X^T d. In all, about 9 x 10^9 operations.
SHAPES = {(1024, 1024, 1024): 2, (512, 784, 128): 10, (784, 512, 128): 10}


def measure() -> dict[str, float]:
    """Measure float32 matrix multiplication on this process's cores.

    Returns:
        Operations per second of the fastest product of each shape, such as
        `{"512 x 784 x 128": 9e10}` for (512, 784) x (784, 128). The highest is the ceiling.
    """
    return {
        " x ".join(map(str, shape)): _flops_per_second(*shape, n_repeats)
        for shape, n_repeats in SHAPES.items()
    }


def _flops_per_second(n_rows: int, n_inner: int, n_columns: int, n_repeats: int) -> float:
    """Return 2 n_rows n_inner n_columns over the seconds of the fastest of a few products."""
    generator = np.random.default_rng(0)
    left = generator.random((n_inner, n_rows), dtype=np.float32).T  # as X^T in a gradient
    if n_rows < n_inner:
        left = np.ascontiguousarray(left)  # as X in a forward pass
    right = generator.random((n_inner, n_columns), dtype=np.float32)
    product = left @ right
    shortest_seconds = float("inf")
    for _ in range(n_repeats):
        start = time.perf_counter()
        np.matmul(left, right, out=product)
        shortest_seconds = min(shortest_seconds, time.perf_counter() - start)
    return 2 * n_rows * n_inner * n_columns / shortest_seconds


def best(reading: float, libraries: Sequence[Mapping[str, Any]]) -> float:
    """Return the highest measured ceiling of this processor, number of cores and BLAS kernel.

    It is kept in a file of the cache folder. Without a cache folder, this is the reading itself.

    Args:
        reading: operations per second, measured now; kept if it is the highest.
        libraries: the loaded BLAS libraries, from `facts.linear_algebra`.
    """
    machine = {
        "cpu_model": facts.cpu_model(),
        "n_cores": len(facts.usable_cores()),
        "numpy": np.__version__,
        "shapes": list(SHAPES),
        # The kernels that NumPy may use; a framework may load others.
        "kernels": sorted(
            {str(library["architecture"]) for library in libraries if library.get("architecture")}
        ),
    }
    key = hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:16]
    highest = reading
    # Nothing is kept if there is no home folder or it is read-only.
    with contextlib.suppress(OSError, RuntimeError, FileError):
        path = cache_folder() / "ceilings" / f"{key}.json"
        highest = max(reading, _kept(path))
        if highest == reading:
            content = machine | {"flops_per_second": reading}
            write_atomically(path, json.dumps(content).encode())
    return highest


def _kept(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["flops_per_second"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return 0.0  # no file yet, or a damaged one, which is replaced
