"""The machine of a run: processor, usable cores, installed libraries."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.machine.cgroups import limits, read_text

CPU_FOLDER = Path("/sys/devices/system/cpu")
CPUINFO = Path("/proc/cpuinfo")
MACHINE_ID = Path("/etc/machine-id")


def describe(libraries: Iterable[str]) -> dict[str, Any]:
    """Return the facts for a record's `environment` that are available before the run.

    Args:
        libraries: names of distributions, in addition to NumPy.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_model": cpu_model(),
        "cores": list(usable_cores()),
        "cores_of_node": list(usable_cores()),  # a run may be bound to fewer, which are its "cores"
        "libraries": versions(libraries),
        "load_average": list(os.getloadavg()),
        "caches": caches(),
        "limits": limits(),
    }


def node_id(name: str = "") -> str:
    """Return an id of this machine, such as `node-5d1c09e2`; it does not contain the host's name.

    Machines made from one image may share /etc/machine-id, so that the name of the host is hashed
    with it.

    Args:
        name: of this node in its cluster, instead of the host's.
    """
    identity = f"{read_text(MACHINE_ID) or ''} {name or platform.node()}"
    return f"node-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def usable_cores() -> tuple[int, ...]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def default_cores() -> tuple[int, ...]:
    """Return the cores of a run with `threads=auto`.

    These are the usable cores, but no more than a container's CPU quota allows (rounded down, at
    least one): the kernel would stop the threads of a run that uses more.

    Busy cores are included. All runs of a sweep must have the same number of cores, even if it is
    resumed tomorrow, so the number must not depend on the current load. A run on busy cores is
    marked as noisy instead (`bench.machine.noise`), and `bench-doctor` warns of the load.
    """
    cores = usable_cores()
    return cores[: max(1, int(limits().get("cores", len(cores))))]


def cpu_model() -> str:
    """Return the processor's name."""
    lines = (read_text(CPUINFO) or "").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cpu_flags() -> frozenset[str]:
    """Return the names of the processor's instruction sets, such as "avx2", where Linux lists them.

    Empty elsewhere, and on processors that are not x86.
    """
    lines = (read_text(CPUINFO) or "").splitlines()
    flags = [line.partition(":")[2].split() for line in lines if line.startswith("flags")]
    return frozenset(flags[0] if flags else ())


def caches() -> dict[str, str]:
    """Return the sizes of a core's data and unified caches, such as ``{"L2": "1024K"}``."""
    sizes = {}
    for folder in sorted(CPU_FOLDER.glob("cpu0/cache/index*")):
        kind, level, size = (read_text(folder / name) for name in ("type", "level", "size"))
        if kind != "Instruction" and level and size:
            sizes[f"L{level}"] = size
    return sizes


def governors() -> set[str]:
    """Return the frequency governors of the cores, such as ``{"powersave"}``."""
    paths = CPU_FOLDER.glob("cpu*/cpufreq/scaling_governor")
    return {governor for path in paths if (governor := read_text(path))}


def linear_algebra() -> list[dict[str, Any]]:
    """Return the BLAS libraries that are loaded, with version, kernel and number of threads."""
    from threadpoolctl import threadpool_info

    names = ("internal_api", "version", "num_threads", "architecture")
    return [
        {name: library.get(name) for name in names}
        for library in threadpool_info()
        if library.get("user_api") == "blas"
    ]


def versions(distributions: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of NumPy and of these distributions; None for one not installed."""
    return {name: _version(name) for name in ("numpy", *distributions)}


def versions_of_modules(modules: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of the distributions that these top-level modules belong to."""
    distributions = _distributions_by_module()
    names = {name for module in modules for name in distributions.get(module, ())}
    return {name: _version(name) for name in sorted(names)}


@functools.cache  # reads the file lists of all distributions
def _distributions_by_module() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
