"""The machine a run took place on: what it is, what is installed, and the best it could do."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import host

NOISY_RATIO = 1.10  # two readings of the ceiling further apart than this mark the run noisy
PROBE_SIZE = 1024
PROBE_REPEATS = 4


def describe(libraries: Iterable[str]) -> dict[str, Any]:
    """Return what is worth knowing of this machine, before something is timed on it.

    Args:
        libraries: distributions whose versions matter to the run, besides NumPy.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_model": cpu_model(),
        "cores": list(usable_cores()),
        "libraries": versions(libraries),
        "load_average": list(os.getloadavg()),
        "caches": host.caches(),
        "limits": host.limits(),
    }


def usable_cores() -> tuple[int, ...]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def cache_folder() -> Path:
    """Return where this project keeps what it need not fetch or find out twice.

    Raises:
        RuntimeError: there is no home folder.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not folder.is_absolute():  # as the XDG specification has it
        folder = Path.home() / ".cache"
    return folder / "mlp-bench"


def cpu_model() -> str:
    """Return the processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def matmul_flops_per_second() -> float:
    """Measure float32 matrix multiplication on this process's cores: the ceiling of training.

    The fastest of a few products of two 1024 x 1024 matrices, 2 n^3 operations each.
    """
    generator = np.random.default_rng(0)
    left, right = generator.random((2, PROBE_SIZE, PROBE_SIZE), dtype=np.float32)
    product = np.empty_like(left)
    np.matmul(left, right, out=product)
    shortest_seconds = float("inf")
    for _ in range(PROBE_REPEATS):
        start = time.perf_counter()
        np.matmul(left, right, out=product)
        shortest_seconds = min(shortest_seconds, time.perf_counter() - start)
    return 2 * PROBE_SIZE**3 / shortest_seconds


def is_noisy(before: float, after: float) -> bool:
    """Say whether the ceiling moved so much during a run that its speed is in doubt."""
    return max(before, after) / min(before, after) > NOISY_RATIO


def versions(distributions: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of NumPy and of these distributions; None for one not installed."""
    return {name: _version(name) for name in ("numpy", *distributions)}


def versions_of_modules(modules: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of the distributions that these top-level modules belong to."""
    owners = _owners()
    names = {name for module in modules for name in owners.get(module, ())}
    return {name: _version(name) for name in sorted(names)}


@functools.cache  # all files of all distributions are looked through
def _owners() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
